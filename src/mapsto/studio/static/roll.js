// A piano roll on a canvas, and the same notes as a table for those who do not see it.

import {h} from "./dom.js";
import {called} from "./shared.js";
import {label, number, t} from "./words.js";

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const TABLE_MOST = 400;
/** Of voices, in light and dark; told apart by lightness too. */
const COLOURS = {
  light: ["#a8401f", "#2f6b8f", "#3d7a4a", "#7a4b8f", "#8a6a14"],
  dark: ["#f2936f", "#7fc1e3", "#8fd39b", "#cfa3e3", "#e3c46a"],
};

export const pitch_name = pitch => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
const voice_name = name => called("voice", name) ?? name;

/** Quarter notes of a bar. */
export const quarters_of = meter => {
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
  const canvas = h("canvas", {class: "notes", role: "img", "t:aria-label": "roll.none"});
  const line = h("div", {class: "playhead", hidden: true, "aria-hidden": "true"});
  const legend = h("ul", {class: "legend"});
  const body = h("tbody"),
    caption = h("caption", {class: "soft"});
  const table = h(
    "details",
    {},
    h("summary", {t: "roll.table"}),
    h(
      "div",
      {class: "scroll", tabIndex: 0, role: "region", "t:aria-label": "roll.table"},
      h(
        "table",
        {},
        caption,
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ...["roll.bar", "roll.beat", "roll.voice", "roll.note", "roll.length"].map(key => h("th", {scope: "col", t: key})),
          ),
        ),
        body,
      ),
    ),
  );
  const node = h("div", {class: "roll"}, h("div", {class: "sheet"}, canvas, line), legend, table);
  let score = null;

  const total = () => score.bars * quarters_of(score.meter);

  function draw() {
    const box = canvas.getBoundingClientRect();
    if (!score || !box.width) return;
    const scale = devicePixelRatio || 1,
      width = box.width,
      height = box.height,
      style = getComputedStyle(canvas);
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d"),
      all = score.tracks.flatMap(track => (track.drums ? [] : track.notes));
    context.scale(scale, scale);
    context.clearRect(0, 0, width, height);
    const low = Math.min(48, ...all.map(note => note.pitch)) - 2,
      high = Math.max(72, ...all.map(note => note.pitch)) + 2;
    const x = quarters => (quarters / total()) * width,
      y = pitch => ((high - pitch) / (high - low)) * height,
      tall = Math.max(2, height / (high - low));
    const ink = style.getPropertyValue("--line"),
      soft = style.getPropertyValue("--soft");
    for (let pitch = low; pitch <= high; pitch++) {
      if (![1, 3, 6, 8, 10].includes(pitch % 12)) continue;
      context.fillStyle = style.getPropertyValue("--stripe");
      context.fillRect(0, y(pitch) - tall / 2, width, tall);
    }
    context.font = "10px system-ui";
    const every = [1, 2, 4, 8, 16, 32].find(each => (width / score.bars) * each > 26);
    for (let bar = 0; bar < score.bars; bar++) {
      const at = x(bar * quarters_of(score.meter));
      context.fillStyle = ink;
      context.fillRect(at, 0, 1, height);
      context.fillStyle = soft;
      if (bar % every === 0) context.fillText(String(bar + 1), at + 3, 11);
    }
    const colours = COLOURS[document.documentElement.dataset.theme] ?? COLOURS.light;
    score.tracks.forEach((track, i) => {
      context.fillStyle = colours[i % colours.length];
      for (const note of track.drums ? [] : track.notes) {
        context.globalAlpha = 0.55 + 0.45 * (note.velocity > 1 ? note.velocity / 127 : (note.velocity ?? 0.7));
        context.beginPath();
        context.roundRect(
          x(note.start) + 0.5,
          y(note.pitch) - tall / 2 + 0.5,
          Math.max(2, x(note.length) - 1),
          Math.max(2, tall - 1),
          Math.min(3, tall / 3),
        );
        context.fill();
      }
      context.globalAlpha = 1;
    });
    legend.replaceChildren(
      ...score.tracks.map((track, i) => {
        const key = h("i");
        key.style.background = colours[i % colours.length];
        return h(
          "li",
          {},
          key,
          `${voice_name(track.name)} · ${called("instrument", track.instrument) ?? track.instrument ?? ""}`,
        );
      }),
    );
  }

  function tell() {
    if (!score) return;
    const bar = quarters_of(score.meter);
    const notes = score.tracks
      .flatMap(track => track.notes.map(note => ({...note, voice: track.name, drums: track.drums})))
      .sort((a, b) => a.start - b.start || b.pitch - a.pitch);
    label(
      canvas,
      "roll.alt",
      {bars: score.bars, notes: notes.length, key: score.key ?? "", meter: score.meter ?? ""},
      "aria-label",
    );
    label(caption, notes.length > TABLE_MOST ? "roll.first" : "roll.all", {
      n: Math.min(TABLE_MOST, notes.length),
      all: notes.length,
    });
    body.replaceChildren(
      ...notes
        .slice(0, TABLE_MOST)
        .map(note =>
          h(
            "tr",
            {},
            ...[
              Math.floor(note.start / bar + 1e-6) + 1,
              number((note.start % bar) + 1, 2),
              voice_name(note.voice),
              note.drums ? "—" : pitch_name(note.pitch),
              number(note.length, 2),
            ].map(text => h("td", {textContent: String(text)})),
          ),
        ),
    );
  }

  canvas.addEventListener("click", event => {
    if (!score) return;
    const box = canvas.getBoundingClientRect();
    sought(((event.clientX - box.left) / box.width) * total());
  });
  new ResizeObserver(draw).observe(canvas);
  document.addEventListener("theme", draw);
  document.addEventListener("language", () => {
    draw();
    tell();
  });

  node.show = given => {
    score = given;
    draw();
    tell();
  };
  node.at = quarters => {
    line.hidden = quarters === null || !score;
    if (!line.hidden) line.style.left = `${Math.min(1, quarters / total()) * 100}%`;
  };
  return node;
}
