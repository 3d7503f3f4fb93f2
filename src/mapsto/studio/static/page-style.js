// Style: a photo, a map of styles, and the picture that follows the point on it.

import {address, bytes, save, thumbnail} from "./api.js";
import {div, h, button} from "./dom.js";
import {CLIPS, PICTURES, chooser, droppable, pasteable} from "./files.js";
import {Live, into} from "./live.js";
import {mask} from "./mask.js";
import {complain, notice, trying} from "./notices.js";
import {is_clip, recall, remember, remembered, SAMPLE, shared, style_title, when} from "./shared.js";
import {stage} from "./stage.js";
import {controls} from "./style-controls.js";
import {choosing} from "./style-map.js";
import {photos} from "./style-photos.js";
import {work} from "./tray.js";
import {label, percent, t} from "./words.js";

const FAST = 256,
  FINE = 768,
  FIRST = "stained-glass",
  BLANK = {styles: {[FIRST]: 1}, strength: 1, keep_colours: false, seed: 0, size: "", format: "png", at: 0, point: null};

const kept = remembered("style");
const state = {...BLANK, ...kept};
let busy = false,
  started = false;

// ---- the picture ----

const picture = stage({cut: 0.3});
const failed = error => {
  picture.busy(false);
  complain(error);
};
const live = new Live("preview", "style", shown_blob, failed);
const before = new Live("preview", "style-before", into(picture.before), failed);
const brush = mask(picture, settled => ask(settled));

const painting = () => ({styles: state.styles, strength: state.strength, keep_colours: state.keep_colours, seed: state.seed});
const masked = () => (is_clip() ? null : brush.png());

function ask(settled = true) {
  remember("style", state);
  map.show(state);
  picture.busy(true);
  busy = true;
  const at = is_clip() ? {at: state.at} : {};
  live.ask({...painting(), image: shared.photo.id, mask: masked(), side: settled ? FINE : FAST, ...at}, {now: settled});
}

function shown_blob(blob, body) {
  picture.painted(blob, t("style.painted", {style: named(body.styles)}));
  if (body.side === FINE) {
    busy = false;
    picture.busy(false);
  }
}

const named = styles =>
  Object.entries(styles)
    .sort((a, b) => b[1] - a[1])
    .map(([name, weight]) => (weight < 0.995 ? `${style_title(name)} ${percent(weight)}` : style_title(name)))
    .join(t("list.comma"));

/** Of a clip, its own frame at the moment that is shown. */
function show_frame(settled) {
  if (!is_clip()) return;
  const body = {image: shared.photo.id, styles: {[shared.styles[0]?.name ?? FIRST]: 1}, strength: 0, at: state.at};
  before.ask({...body, side: settled ? FINE : FAST}, {now: settled});
}

function show_photo() {
  const {id, width, height, seconds} = shared.photo;
  picture.size(width || 3, height || 2);
  picture.original(is_clip() ? thumbnail(id, 512) : address(id));
  brush.reset(width || 3, height || 2);
  brush.hidden = is_clip();
  panel.moment(is_clip() ? (seconds ?? 10) : null);
  label(caption, id === SAMPLE.id ? "style.sample" : "style.own", {name: shared.photo.name ?? ""});
}

const caption = h("p", {class: "caption"});
const files = photos(batch => {
  all.hidden = batch.length < 2;
  label(all.lastChild, "style.all", {n: batch.length});
});
const map = choosing(state, ask);
const panel = controls(state, {
  changed: ask,
  kept: () => remember("style", state),
  moved(settled) {
    show_frame(settled);
    ask(settled);
  },
});

// ---- jobs ----

const jobs = work(["style", "clip", "batch"], async job => {
  if (job.results.length === 1) save(address(job.results[0], true));
  else {
    const zip = URL.createObjectURL(await bytes("export", {ids: job.results}));
    save(zip, "mapsto.zip");
    setTimeout(() => URL.revokeObjectURL(zip), 60000);
  }
  notice(t("style.saved", {n: job.results.length}), {tone: "good"});
});

const as_file = () => ({size: state.size ? Number(state.size) : null, format: state.format});
const paint = () =>
  is_clip()
    ? jobs.run("clip", {...painting(), video: shared.photo.id, stability: 0.8, format: "mp4"})
    : jobs.run("style", {...painting(), image: shared.photo.id, mask: masked(), ...as_file()});
const paint_all = () => {
  const images = files.batch().filter(file => file.kind === "image");
  return jobs.run("batch", {...painting(), images: images.map(file => file.id), ...as_file()});
};
const all = button("download", "style.all", paint_all, {hidden: true});

// ---- the page ----

const choosers = div(
  "row",
  chooser("style.open", `${PICTURES},${CLIPS}`, files.took, {multiple: true}),
  button("download", "style.download", paint, {class: "primary"}),
  all,
);
export const node = h(
  "section",
  {class: "style"},
  h("h1", {class: "unseen", t: "page.style"}),
  div("hero", picture, files, div("under", caption, files.sending, choosers), jobs),
  div("wide", map.gallery, chooser("style.own-style", PICTURES, map.taught, {picture: "add"})),
  h("aside", {class: "panel", "t:aria-label": "style.controls"}, h("h2", {t: "style.map"}), map, panel, brush, panel.more),
);
droppable(node, files.took);
pasteable(node, files.took);
when("photo", () => {
  state.at = 0;
  show_photo();
  if (started) ask();
});
when("styles", () => map.fill() && started && ask());
document.addEventListener("language", () => {
  if (started && !busy) picture.after.alt = t("style.painted", {style: named(state.styles)});
});

/** What was painted at first comes with the page, so that nobody waits. */
function start() {
  started = true;
  show_photo();
  map.fill();
  const is_first = shared.photo.id === SAMPLE.id && !Object.keys(kept).length;
  if (is_first) {
    picture.painted("sample-painted.avif", t("style.painted", {style: style_title(FIRST)}));
    when("ready", () => live.sequence || ask());
    if (shared.ready) ask();
  } else if (shared.styles.length) trying(back)();
  else when("styles", () => live.sequence || back());
}

/** Own pictures that were styles before a reload are so again. */
async function back() {
  for (const gone of await recall(Object.keys(state.styles))) delete state.styles[gone];
  map.fill();
  ask();
}

export function shown() {
  if (!started) start();
}

export function hidden() {
  brush.use(false);
}

export async function restore({mask: painted, ...given}) {
  if (!started) start();
  const styles = Object.keys(given.styles ?? {}).length ? given.styles : state.styles;
  Object.assign(state, BLANK, given, {styles, size: given.size ? String(given.size) : "", point: null});
  panel.put();
  await brush.take(painted);
  ask();
  notice(t("style.restored", {style: named(state.styles)}), {tone: "good"});
}
