// From the settings inside a file back to the page that can make it again.

import {get} from "./api.js";
import {notice, trying} from "./notices.js";
import {hold} from "./shared.js";
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

/** Open the page that a file was made on, with its settings and its photo, where that is still there. */
export async function restore(settings, source_id) {
  const source = await source_of(settings, source_id);
  if (source) hold(source);
  else if (settings.source) notice(t("restore.no-source", {name: settings.source.name ?? ""}));
  document.dispatchEvent(
    new CustomEvent("restore", {
      detail: {page: PAGES[settings.command], settings: states[settings.command]?.(settings) ?? drawn(settings)},
    }),
  );
}

/** The photo a file was painted from: by its id, or by its digest where only the file tells. */
async function source_of({source}, id) {
  if (id) return get(`files/${id}/about`).catch(() => null);
  if (!source?.sha256) return null;
  const {items} = await get(`library?query=${encodeURIComponent(source.name ?? "")}`);
  return items.find(item => item.sha256 === source.sha256) ?? null;
}

const mixture = parts => Object.fromEntries((parts ?? []).filter(part => part.name).map(part => [part.name, part.weight ?? 1]));

const drawn = told => ({
  model: told.model,
  truncation: told.truncation,
  label: told.label,
  seed: told.seed ?? told.seeds?.[0] ?? told.first,
  sliders: told.sliders ?? {},
  mix: told.command === "mix" ? {seed: told.seeds?.[1] ?? 0, layers: told.layers} : null,
});

const states = {
  style: told => ({
    styles: mixture(told.style),
    strength: told.strength,
    keep_colours: told.keep_colors,
    seed: told.seed,
    size: told.size,
  }),

  morph(told) {
    let next = 0;
    const keys = (told.path ?? []).map(([count, at, until]) => ({
      styles: mixture(told.style.slice(next, (next += count))),
      at,
      until,
    }));
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
