// Music: a triangle of styles, a way along the bars, a piano roll, and timbres to play it with.

import {address, get, preview, save} from "./api.js";
import {button, choice, div, field, h, icon} from "./dom.js";
import {droppable} from "./files.js";
import {view} from "./jobs.js";
import {form, key_name} from "./music-form.js";
import {given} from "./music-given.js";
import {blending, style_names} from "./music-styles.js";
import {timbres} from "./music-timbre.js";
import {way_along} from "./music-way.js";
import {announce, trying} from "./notices.js";
import {remember, remembered} from "./shared.js";
import {work} from "./tray.js";
import {roll} from "./roll.js";
import {label} from "./words.js";

const BLANK = {bars: 16, seed: 0, key: "", meter: "", tempo: "", form: "aaba", way: [], along: false};
const state = {
  corners: ["ragtime", "lied", "polish-dance"],
  at: [0.5, 0.42],
  ...BLANK,
  timbre: {},
  cast: {},
  voice: "melody",
  given: null,
  given_as: "variation",
  amount: 0.3,
  ...remembered("music"),
};
const SHOWN_BARS = 64,
  CALM_MS = 120;

let score = null,
  files = null,
  turn = 0,
  asked = null,
  started = null;

// ---- composing ----

const ordered = () => ({
  ...(state.along ? {path: state.way} : {styles: triangle.weights}),
  bars: state.bars,
  seed: state.seed,
  form: state.form,
  ...(state.key ? {key: state.key} : {}),
  ...(state.meter ? {meter: state.meter} : {}),
  ...(state.tempo ? {tempo_bpm: Number(state.tempo)} : {}),
});

function changed() {
  remember("music", state);
  files = null;
  play.disabled = false;
  clearTimeout(asked);
  asked = setTimeout(sketch, CALM_MS);
}

/** New notes for what is asked, to be seen; they are heard when they are played. */
const sketch = trying(async () => {
  if (state.given) return;
  sheet.classList.add("working");
  try {
    const body = {view: `score-${view}`, sequence: ++turn, ...ordered(), bars: Math.min(SHOWN_BARS, state.bars)};
    show(JSON.parse(await (await preview("preview/score", body)).text()));
  } finally {
    sheet.classList.remove("working");
  }
});

function show(told) {
  score = told;
  sheet.show(score);
  label(line, "music.told", {
    bars: score.bars,
    key: key_name(score.key),
    meter: score.meter ?? "",
    tempo: Math.round(score.tempo_bpm),
    notes: score.tracks.reduce((all, track) => all + track.notes.length, 0),
  });
}

/** The piece as files: its notes, and its sound with the instruments chosen. */
async function write() {
  const {path, key, meter, tempo_bpm, ...plain} = ordered(),
    wav = !Object.keys(voices.cast()).length;
  if (!state.given) return jobs.run("compose", {...ordered(), wav});
  const bars = state.given_as === "continued" ? plain.bars : (score?.bars ?? plain.bars);
  return jobs.run("compose", {...plain, [state.given_as]: state.given, amount: state.amount, bars, wav});
}

/** What was composed: it is shown, played by the instruments chosen where it was not, and ready to be heard. */
const jobs = work(["compose"], async ({results: [midi, wav]}) => {
  show(await get(`files/${midi}/notes`));
  const sound = wav ?? (await played(midi));
  if (!sound) return;
  files = {midi, wav: sound};
  audio.src = address(sound);
  announce("music.ready");
});
const playing = work([], () => {});
const played = async midi => (await playing.run("play", {score: midi, instruments: voices.cast()}))?.results[0];

/** The files of the piece, written first where they are not there yet. */
async function ready() {
  play.disabled = true;
  try {
    if (!files) await write();
  } finally {
    play.disabled = false;
  }
  return files;
}

// ---- hearing ----

const sheet = roll(quarters => {
  if (!audio.src) return;
  audio.currentTime = (quarters * 60) / score.tempo_bpm;
  if (audio.paused) audio.play();
});
const line = h("p", {class: "soft"});
const audio = h("audio", {preload: "auto"});
const hear = async () => (await ready()) && audio.play();
const play = button("play", "music.play", () => (audio.paused ? hear() : audio.pause()), {class: "primary"});

function put_play() {
  play.replaceChildren(icon(audio.paused ? "play" : "pause"), h("span", {t: audio.paused ? "music.play" : "music.pause"}));
  if (!audio.paused) requestAnimationFrame(step);
}

function step() {
  sheet.at((audio.currentTime * score.tempo_bpm) / 60);
  if (!audio.paused) requestAnimationFrame(step);
}
for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, put_play);
audio.addEventListener("ended", () => sheet.at(null));

const fetch_file = kind => async () => (await ready()) && save(address(files[kind], true));
const midi_button = button("download", "music.midi", fetch_file("midi")),
  wav_button = button("download", "music.wav", fetch_file("wav"));

// ---- the page ----

const triangle = blending(state, changed),
  way = way_along(state, changed),
  fields = form(state, () => {
    way.put();
    changed();
  });
const piece = given(state, {
  changed,
  async taken(file) {
    show(await get(`files/${file.id}/notes`));
    files = null;
  },
});
const voices = timbres(state, () => {
  files = null;
  audio.pause();
  audio.removeAttribute("src");
  remember("music", state);
});
const MODES = [
  ["", "music.one-blend"],
  ["along", "music.along"],
];
const mode = choice(MODES, state.along ? "along" : "", value => {
  state.along = value === "along";
  if (state.along && state.way.length < 2)
    state.way = state.corners.slice(0, 2).map((style, i) => ({style, bar: i ? state.bars : 1}));
  put_styles();
  changed();
});

function put_styles() {
  triangle.node.hidden = state.along;
  triangle.put();
  way.put();
}

export const node = h(
  "section",
  {},
  h("h1", {class: "unseen", t: "page.music"}),
  div("hero", sheet, div("under", line, div("row", play, midi_button, wav_button)), jobs, playing, audio, voices.node),
  h(
    "aside",
    {class: "panel", "t:aria-label": "music.settings"},
    h("h2", {t: "music.styles"}),
    field("music.course", mode),
    triangle.node,
    way.node,
    ...fields.panel,
    h("h2", {t: "music.own"}),
    ...piece.panel,
  ),
);
droppable(node, piece.took);
document.addEventListener("language", () => started && put_styles());

async function begin_page() {
  const [composers, instruments] = await Promise.all([get("composers"), get("instruments")]);
  style_names.push(...(composers[0]?.styles.map(style => style.name) ?? state.corners));
  state.corners = state.corners.map((name, i) => (style_names.includes(name) ? name : style_names[i % style_names.length]));
  put_styles();
  voices.show(instruments);
  sketch();
}

export function shown() {
  trying(() => (started ??= begin_page()))();
}

export const hidden = () => audio.pause();

export async function restore({styles = {}, path = [], tempo_bpm = "", ...told}) {
  await (started ??= begin_page());
  Object.assign(state, BLANK, told, {tempo: tempo_bpm, along: Boolean(path.length), way: path});
  piece.leave();
  triangle.take(styles);
  mode.value = state.along ? "along" : "";
  fields.put();
  put_styles();
  changed();
}
