// A piano roll on a canvas, and the same notes as a table for those who do not see it.

import {div, h} from "./dom.js";
import {called} from "./shared.js";
import {label, number} from "./words.js";

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const BLACK = [1, 3, 6, 8, 10];
const TABLE_MOST = 400;
/** Of voices, in light and dark; told apart by lightness too. */
const COLOURS = {
  light: ["#a8401f", "#2f6b8f", "#3d7a4a", "#7a4b8f", "#8a6a14"],
  dark: ["#f2936f", "#7fc1e3", "#8fd39b", "#cfa3e3", "#e3c46a"],
};

/** Colours that stand beside each other, for the theme. */
export const colours = () => COLOURS[document.documentElement.dataset.theme] ?? COLOURS.light;

const pitch_name = pitch => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
const voice_name = name => called("voice", name) ?? name;

/** Quarter notes of a bar. */
const quarters_of = meter => {
  const [over, under] = String(meter ?? "4/4")
    .split("/")
    .map(Number);
  return (over * 4) / under;
};

/**
 * A piano roll.
 *
 * `show(score)` draws the notes; `at(quarters)` moves the line of what is heard, null takes it away.
 * @param {(quarters: number) => void} sought a place that was clicked
 */
export function roll(sought) {
  const canvas = h("canvas", {class: "notes", role: "img", "t:aria-label": "roll.none"}),
    line = h("div", {class: "playhead", hidden: true, "aria-hidden": "true"}),
    legend = h("ul", {class: "legend"}),
    table = notes_table();
  const node = div("roll", div("sheet", canvas, line), legend, table);
  let score = null;

  function draw() {
    if (!score || !canvas.getBoundingClientRect().width) return;
    paint(canvas, score);
    legend.replaceChildren(...score.tracks.map(key_of));
  }

  function tell() {
    if (!score) return;
    const {bars, key, meter, tracks} = score,
      notes = tracks.reduce((all, track) => all + track.notes.length, 0);
    label(canvas, "roll.alt", {bars, notes, key: key ?? "", meter: meter ?? ""}, "aria-label");
    table.show(score);
  }

  canvas.addEventListener("click", event => {
    const box = canvas.getBoundingClientRect();
    if (score) sought(((event.clientX - box.left) / box.width) * length_of(score));
  });
  new ResizeObserver(draw).observe(canvas);
  document.addEventListener("theme", draw);
  document.addEventListener("language", () => {
    draw();
    tell();
  });
  return Object.assign(node, {
    show(given) {
      score = given;
      draw();
      tell();
    },
    at(quarters) {
      line.hidden = quarters === null || !score;
      if (!line.hidden) line.style.left = `${Math.min(1, quarters / length_of(score)) * 100}%`;
    },
  });
}

/** Quarter notes of a whole score. */
const length_of = score => score.bars * quarters_of(score.meter);

/** Which colour is which voice. */
function key_of(track, i) {
  const key = h("i"),
    paint = colours();
  key.style.background = paint[i % paint.length];
  const player = called("instrument", track.instrument) ?? track.instrument ?? "";
  return h("li", {}, key, `${voice_name(track.name)} · ${player}`);
}

/** Draw the notes over stripes of black keys and lines of bars. */
function paint(canvas, score) {
  const {width, height} = canvas.getBoundingClientRect(),
    scale = devicePixelRatio || 1,
    style = getComputedStyle(canvas),
    context = canvas.getContext("2d");
  Object.assign(canvas, {width: width * scale, height: height * scale});
  context.scale(scale, scale);
  const pitches = score.tracks.flatMap(track => (track.drums ? [] : track.notes.map(note => note.pitch)));
  const low = Math.min(48, ...pitches) - 2,
    high = Math.max(72, ...pitches) + 2;
  const place = {
    x: quarters => (quarters / length_of(score)) * width,
    y: pitch => ((high - pitch) / (high - low)) * height,
    tall: Math.max(2, height / (high - low)),
  };
  context.fillStyle = style.getPropertyValue("--stripe");
  for (let pitch = low; pitch <= high; pitch++)
    if (BLACK.includes(pitch % 12)) context.fillRect(0, place.y(pitch) - place.tall / 2, width, place.tall);
  context.font = "10px system-ui";
  const every = [1, 2, 4, 8, 16, 32].find(each => (width / score.bars) * each > 26);
  for (let bar = 0; bar < score.bars; bar++) {
    const at = place.x(bar * quarters_of(score.meter));
    context.fillStyle = style.getPropertyValue("--line");
    context.fillRect(at, 0, 1, height);
    context.fillStyle = style.getPropertyValue("--soft");
    if (bar % every === 0) context.fillText(String(bar + 1), at + 3, 11);
  }
  const colour = colours();
  score.tracks.forEach((track, i) => {
    context.fillStyle = colour[i % colour.length];
    if (!track.drums) for (const note of track.notes) paint_note(context, note, place);
  });
}

function paint_note(context, {start, length, pitch, velocity = 0.7}, {x, y, tall}) {
  context.globalAlpha = 0.55 + 0.45 * (velocity > 1 ? velocity / 127 : velocity);
  context.beginPath();
  const box = [x(start) + 0.5, y(pitch) - tall / 2 + 0.5, Math.max(2, x(length) - 1), Math.max(2, tall - 1)];
  context.roundRect(...box, Math.min(3, tall / 3));
  context.fill();
  context.globalAlpha = 1;
}

/** The notes as a table: `show(score)` fills it. */
function notes_table() {
  const body = h("tbody"),
    caption = h("caption", {class: "soft"}),
    heads = ["bar", "beat", "voice", "note", "length"].map(key => h("th", {scope: "col", t: `roll.${key}`})),
    whole = h("table", {}, caption, h("thead", {}, h("tr", {}, ...heads)), body),
    region = h("div", {class: "scroll", tabIndex: 0, role: "region", "t:aria-label": "roll.table"}, whole);
  const row = ({start, length, pitch, voice, drums}, bar) => {
    const told = [
      Math.floor(start / bar + 1e-6) + 1,
      number((start % bar) + 1, 2),
      voice_name(voice),
      drums ? "—" : pitch_name(pitch),
      number(length, 2),
    ];
    return h("tr", {}, ...told.map(text => h("td", {textContent: String(text)})));
  };
  return Object.assign(h("details", {}, h("summary", {t: "roll.table"}), region), {
    show({tracks, meter}) {
      const notes = tracks.flatMap(track => track.notes.map(note => ({...note, voice: track.name, drums: track.drums})));
      notes.sort((a, b) => a.start - b.start || b.pitch - a.pitch);
      const shown = notes.slice(0, TABLE_MOST);
      label(caption, notes.length > TABLE_MOST ? "roll.first" : "roll.all", {n: shown.length, all: notes.length});
      body.replaceChildren(...shown.map(note => row(note, quarters_of(meter))));
    },
  });
}
