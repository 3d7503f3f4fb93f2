// Morph: styles as keys on a timeline, over a photo or a clip.

import {address, save, thumbnail} from "./api.js";
import {button, div, h, icon} from "./dom.js";
import {CLIPS, PICTURES, chooser, droppable, pasteable, send} from "./files.js";
import {Live} from "./live.js";
import {film} from "./morph-film.js";
import {keyframes, round} from "./morph-keys.js";
import {complain, notice, trying} from "./notices.js";
import {hold, is_clip, recall, remember, remembered, shared, when} from "./shared.js";
import {stage} from "./stage.js";
import {work} from "./tray.js";
import {number, t} from "./words.js";

/** Of the pictures shown: while something moves, and when it rests. */
const FAST = 320,
  FINE = 768;
const BEGIN = [
  {styles: {}, at: 0},
  {styles: {"great-wave": 1}, at: 2},
  {styles: {"stained-glass": 1}, at: 4},
];
const BLANK = {keys: BEGIN, seconds: 4, fps: 25, easing: "smooth", loop: false, format: "mp4"};

const state = {...structuredClone(BLANK), ...remembered("morph")};
let playing = false,
  started = false;

// ---- the picture ----

const picture = stage({compares: false});
const live = new Live("preview/morph", "morph", shown_blob, error => {
  picture.busy(false);
  stop();
  complain(error);
});

/** What has not been measured yet is sketched first, and what rests is shown finely in the end. */
function shown_blob(blob, body) {
  picture.painted(blob, t("morph.frame", {at: number(body.at, 1)}));
  if (playing) return next_frame();
  const is_last = body.side === FINE || !body.rests;
  if (body.rests && !is_last && !live.waiting) live.ask(wish(true, FINE));
  else picture.busy(false);
}

const ordered = () => ({
  image: shared.photo.id,
  keys: state.keys.map(({styles, at, until}) => ({styles, at: round(at), until: until > at ? round(until) : null})),
  seconds: state.seconds,
  loop: state.loop,
  easing: state.easing,
});
const wish = (rests, side) => ({
  ...ordered(),
  at: round(Math.min(keys.line.at(), state.seconds)),
  side,
  sketch: side === FAST && !playing,
  rests,
});

function ask(settled = true) {
  remember("morph", state);
  picture.busy(!playing);
  live.ask(wish(settled && !playing, FAST), {now: settled && !playing});
}

function show_photo() {
  const {id, width, height, seconds} = shared.photo;
  picture.size(width || 3, height || 2);
  picture.painted(is_clip() ? thumbnail(id, 512) : address(id), t("morph.photo"));
  settings.fit(is_clip() ? seconds : null);
}

const changed = settled => {
  if (settled !== "quiet") ask(settled);
  else remember("morph", state);
};
const keys = keyframes(state, {
  changed,
  scrubbed(settled) {
    if (playing) stop();
    ask(settled);
  },
});
const settings = film(state, {
  changed() {
    keys.put();
    ask();
  },
  kept: () => remember("morph", state),
});

// ---- playing ----

let since = 0,
  from = 0;
const play = button("play", "morph.play", () => (playing ? stop() : start_playing()));
const put_play = () =>
  play.replaceChildren(icon(playing ? "pause" : "play"), h("span", {t: playing ? "morph.pause" : "morph.play"}));

function start_playing() {
  playing = true;
  from = keys.line.at() >= state.seconds - 0.05 ? 0 : keys.line.at();
  since = performance.now();
  put_play();
  next_frame();
}

function stop() {
  if (!playing) return;
  playing = false;
  put_play();
  ask();
}

function next_frame() {
  let at = from + (performance.now() - since) / 1000;
  if (at > state.seconds) {
    if (!state.loop) {
      keys.line.playhead(state.seconds);
      return stop();
    }
    at %= state.seconds;
  }
  keys.line.playhead(at);
  ask(false);
}

// ---- the film ----

const result = h("div", {class: "result", hidden: true});
const jobs = work(["morph"], job => {
  const [id] = job.results,
    is_picture = ["webp", "gif"].includes(job.settings.format);
  result.hidden = false;
  result.replaceChildren(
    h("h2", {t: "morph.result"}),
    is_picture
      ? h("img", {src: address(id), "t:alt": "morph.result"})
      : h("video", {src: address(id), controls: true, loop: state.loop, "t:aria-label": "morph.result"}),
    button("download", "action.download", () => save(address(id, true)), {class: "primary"}),
  );
  notice(t("morph.done"), {tone: "good"});
  result.scrollIntoView({block: "nearest"});
});

async function render() {
  stop();
  renderer.disabled = true;
  try {
    await jobs.run("morph", {...ordered(), fps: state.fps, format: state.format});
  } finally {
    renderer.disabled = false;
  }
}
const renderer = button("morph", "morph.render", render, {class: "primary"});

const took = trying(async files => {
  const [file] = await send(files.slice(0, 1));
  if (!file) return;
  if (!["image", "video"].includes(file.kind)) return complain({code: "not-a-picture", values: {name: file.name}});
  hold(file);
});

// ---- the page ----

export const node = h(
  "section",
  {},
  h("h1", {class: "unseen", t: "page.morph"}),
  div(
    "hero",
    picture,
    keys.line,
    div("under", div("row", play, keys.add), div("row", chooser("morph.open", `${PICTURES},${CLIPS}`, took), renderer)),
    jobs,
    result,
  ),
  h("aside", {class: "panel", "t:aria-label": "morph.settings"}, ...keys.panel, ...settings.panel),
);
droppable(node, took);
pasteable(node, took);

function put_all() {
  if (!started) return;
  keys.put();
  ask();
}
when("photo", () => {
  if (started) show_photo();
  put_all();
});
when("styles", put_all);
document.addEventListener("language", () => started && keys.put());

export async function shown() {
  if (started) return;
  started = true;
  show_photo();
  keys.put();
  await recall(state.keys.flatMap(key => Object.keys(key.styles)));
  if (shared.styles.length) put_all();
}

export const hidden = stop;

export function restore(given) {
  Object.assign(state, structuredClone(BLANK), given, {loop: Boolean(given.loop)});
  started = true;
  settings.put();
  show_photo();
  put_all();
}
