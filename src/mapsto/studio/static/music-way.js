// From style to style along the bars: stops in a list, and the shares between them as bands.

import {button, choice, div, figure, h, sign} from "./dom.js";
import {music_name, style_options} from "./music-styles.js";
import {colours} from "./roll.js";
import {label, t} from "./words.js";

/**
 * A way along the bars: `put()` shows the state, hidden where it is not along.
 * @param {{way: {style: string, bar: number}[], along: boolean, bars: number, corners: string[]}} state of the page; it is changed
 * @param {() => void} changed
 */
export function way_along(state, changed) {
  const curve = h("canvas", {class: "curve", width: 600, height: 120, role: "img"}),
    stops = h("ol", {class: "keys stops"});
  const add = button("add", "music.add-stop", () => {
    const last = state.way.at(-1)?.bar ?? -3;
    state.way.push({style: state.corners[state.way.length % 3], bar: Math.min(state.bars, last + 4)});
    told();
  });
  const node = h("div", {class: "along", hidden: true}, curve, stops, add);

  function told() {
    put();
    changed();
  }

  function row(stop, i) {
    const style = choice(style_options(), stop.style, value => {
      stop.style = value;
      told();
    });
    const bar = figure({min: 1, max: state.bars, value: stop.bar}, value => {
      stop.bar = value;
      told();
    });
    bar.setAttribute("aria-invalid", String(i > 0 && stop.bar <= state.way[i - 1].bar));
    label(style, "music.stop.style", {n: i + 1}, "aria-label");
    label(bar, "music.stop.bar", {n: i + 1}, "aria-label");
    const drop = () => {
      state.way.splice(i, 1);
      told();
    };
    return h("li", {}, style, bar, sign("trash", "music.remove-stop", drop, {disabled: state.way.length <= 2}));
  }

  function put() {
    node.hidden = !state.along;
    if (!state.along) return;
    for (const stop of state.way) stop.bar = Math.min(stop.bar ?? 1, state.bars);
    state.way.sort((a, b) => a.bar - b.bar);
    stops.replaceChildren(...state.way.map(row));
    draw();
  }

  function draw() {
    if (!state.along) return;
    const paint = colours(),
      context = curve.getContext("2d"),
      {width, height} = curve,
      used = [...new Set(state.way.map(stop => stop.style))];
    context.clearRect(0, 0, width, height);
    for (let x = 0; x < width; x += 2) {
      const shares = shares_at(state.way, 1 + (x / width) * (state.bars - 1));
      let y = 0;
      used.forEach((name, i) => {
        context.fillStyle = paint[i % paint.length];
        context.fillRect(x, y, 2, (shares[name] ?? 0) * height);
        y += (shares[name] ?? 0) * height;
      });
    }
    const spelled = () => state.way.map(stop => `${music_name(stop.style)} ${stop.bar}`).join(t("list.comma"));
    label(curve, "music.curve.alt", {way: spelled}, "aria-label");
  }
  document.addEventListener("theme", draw);
  return {node, put};
}

/** How much of every style there is at a bar: straight from each stop to the next. */
function shares_at(way, bar) {
  const after = way.find(stop => stop.bar >= bar) ?? way.at(-1),
    before = way.findLast(stop => stop.bar <= bar) ?? way[0];
  const part = after.bar === before.bar ? 0 : (bar - before.bar) / (after.bar - before.bar),
    found = {[before.style]: 1 - part};
  found[after.style] = (found[after.style] ?? 0) + part;
  return found;
}
