// From the settings inside a file back to the page that can make it again.

import {get} from "./api.js";
import {notice, trying} from "./notices.js";
import {hold, style_of, teach} from "./shared.js";
import {t} from "./words.js";

const PAGES = {
  style: "style",
  morph: "morph",
  generate: "create",
  edit: "create",
  mix: "create",
  walk: "create",
  paint: "create",
  compose: "music",
};

/** Whether a page can make a file again. */
export const can_restore = settings => Boolean(settings && PAGES[settings.command]);

/** Ask whether to use the settings of a file that came in, where it has some. */
export function offer(file) {
  if (can_restore(file.settings))
    notice(t("style.made-here"), {
      actions: [["style.restore", trying(() => restore(file.settings, file.source_id))]],
      lasts: 30000,
    });
}

/**
 * Open the page that a file was made on, with its settings, its photo, own styles and mask, where they are still there; what is
 * gone is told.
 */
export async function restore(settings, source_id) {
  const source = await source_of(settings, source_id),
    {styles, gone} = await styles_of(settings);
  if (source) hold(source);
  else if (settings.source) notice(t("restore.no-source", {name: settings.source.name ?? ""}));
  if (gone.length) notice(t("restore.gone", {names: gone.join(t("list.comma"))}));
  const told = states[settings.command]?.(settings, styles) ?? drawn(settings);
  const said = JSON.parse(JSON.stringify(told)); // what is not told is left out
  document.dispatchEvent(new CustomEvent("restore", {detail: {page: PAGES[settings.command], settings: said}}));
}

/** The photo a file was painted from: by its id, or by its digest where only the file tells. */
async function source_of({source}, id) {
  const file = id ? await get(`files/${id}/about`).catch(() => null) : null;
  return file && !file.trashed ? file : by_digest(source?.sha256);
}

/** The newest file of the library of a content. */
const by_digest = async digest => (digest ? (await get(`library?query=${digest}`)).items[0] : null) ?? null;

/** What the parts of a mixture are called here, one by one, null where it is gone; and the names of what is gone. */
async function styles_of({style}) {
  const gone = [];
  const found = (Array.isArray(style) ? style : []).map(async part => {
    if (style_of(part.name)) return part.name;
    const file = await by_digest(part.sha256);
    if (file?.kind !== "image") gone.push(part.name ?? part.path?.split("/").at(-1) ?? "?");
    else if (!style_of(file.id)) await teach(file);
    return file?.id ?? null;
  });
  return {styles: await Promise.all(found), gone};
}

/** Weights by style: the parts of a mixture, under the names they have here. */
function mixture(parts, names) {
  const mixed = {};
  (parts ?? []).forEach(({weight = 1}, i) => names[i] && (mixed[names[i]] = (mixed[names[i]] ?? 0) + weight));
  return mixed;
}

const drawn = told => ({
  model: told.model,
  truncation: told.truncation,
  label: told.label,
  seed: told.seed ?? told.seeds?.[0] ?? told.first,
  sliders: told.sliders ?? {},
  mix: told.command === "mix" ? {seed: told.seeds?.[1] ?? 0, layers: told.layers} : null,
});

const states = {
  style: (told, names) => ({
    styles: mixture(told.style, names),
    strength: told.strength ?? 1,
    keep_colours: told.keep_colors ?? false,
    seed: told.seed ?? 0,
    size: told.size,
    mask: told.mask,
  }),

  morph(told, names) {
    let next = 0;
    const keys = (told.path ?? []).map(([count, at, until]) => {
      const styles = mixture(told.style.slice(next, next + count), names.slice(next, next + count));
      next += count;
      return {styles, at, until};
    });
    const timed = keys.map((key, i) => ({...key, at: key.at ?? (i * (told.seconds ?? 4)) / Math.max(1, keys.length - 1)}));
    return {keys: timed, seconds: told.seconds ?? timed.at(-1)?.at, fps: told.fps, easing: told.easing, loop: told.loop};
  },

  compose: told => ({
    bars: told.bars,
    seed: told.seed,
    key: told.key,
    meter: told.meter,
    tempo_bpm: told.tempo_bpm,
    form: told.form,
    ...(told.way === "path"
      ? {
          path: told.styles
            .split(",")
            .map(part => part.trim().split("@"))
            .map(([style, bar], i) => ({style, bar: Number(bar ?? 1 + i)})),
        }
      : {
          styles: Object.fromEntries(
            String(told.styles ?? "")
              .split(",")
              .filter(Boolean)
              .map(part => part.split(":"))
              .map(([name, weight]) => [name.trim(), Number(weight ?? 1)]),
          ),
        }),
  }),
};
