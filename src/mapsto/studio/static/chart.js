// Curves of a training, drawn small; each with its last value in words.

import {h, svg} from "./dom.js";
import {label, number} from "./words.js";

const WIDTH = 340,
  HEIGHT = 130,
  LEFT = 44,
  RIGHT = 8,
  TOP = 8,
  BOTTOM = 18;

const shown = value =>
  value === 0
    ? "0"
    : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3
      ? value.toExponential(1)
      : number(Number(value.toPrecision(3)), 6);

/** A line of points [[step, value], …] under its name. */
export function chart(name, points) {
  const values = points.map(point => point[1]).sort((a, b) => a - b);
  let low = values[Math.floor(values.length * 0.01)],
    high = values[Math.ceil(values.length * 0.99) - 1]; // one wild value does not flatten the rest
  if (low === high) {
    low -= Math.abs(low) * 0.1 || 0.1;
    high += Math.abs(high) * 0.1 || 0.1;
  }
  const first = points[0][0],
    last = Math.max(points.at(-1)[0], first + 1);
  const x = step => LEFT + ((step - first) / (last - first)) * (WIDTH - LEFT - RIGHT);
  const y = value => TOP + (1 - (Math.min(high, Math.max(low, value)) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const picture = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "chart"});
  for (const value of [low, (low + high) / 2, high]) {
    const text = svg("text", {x: LEFT - 5, y: y(value) + 3, "text-anchor": "end"});
    text.textContent = shown(value);
    picture.append(svg("line", {x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value)}), text);
  }
  for (const [step, anchor] of [
    [first, "start"],
    [last, "end"],
  ]) {
    const text = svg("text", {x: x(step), y: HEIGHT - 4, "text-anchor": anchor});
    text.textContent = number(step);
    picture.append(text);
  }
  picture.append(
    points.length > 1
      ? svg("path", {
          d: points.map(([step, value], i) => `${i ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join(""),
        })
      : svg("circle", {cx: x(points[0][0]), cy: y(points[0][1]), r: 2.5}),
  );
  label(picture, "chart.alt", {name, value: () => shown(points.at(-1)[1]), step: () => number(points.at(-1)[0])}, "aria-label");
  return h(
    "figure",
    {class: "card"},
    h(
      "figcaption",
      {class: "row ends"},
      h("strong", {textContent: name}),
      h("span", {class: "soft", textContent: shown(points.at(-1)[1])}),
    ),
    picture,
  );
}
