// A plane with a point that is dragged, or moved by arrow keys; between named places.

import {h, svg} from "./dom.js";
import {announce} from "./notices.js";
import {percent, t} from "./words.js";

const STEP = 0.02,
  LEAP = 0.1;
/** Where arrow keys go. */
export const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

/**
 * A plane of places.
 *
 * Its `show(places)` sets the places ({name, x, y, title, picture?: canvas}), `move(x, y)` puts the point somewhere without
 * telling; `weights` holds how much each place counts.
 * @param {object} options
 * @param {string} options.key of its name
 * @param {(places: object[], x: number, y: number) => Record<string, number>} options.weigh
 * @param {(weights: object, settled: boolean) => void} options.moved told while it is dragged, and where it is left
 * @param {(x: number, y: number) => [number, number]} options.within brings a point back where it may be
 * @param {(weights: object) => string} options.spell says where the point is, where it is not the weights of the places
 */
export function plane({key, hint, weigh, moved, within = (x, y) => [x, y], spell = null, shape = ""}) {
  const lines = svg("svg", {class: "lines", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true"});
  const dots = h("div", {class: "dots", "aria-hidden": "true"});
  const point = h("div", {
    class: "point",
    role: "slider",
    tabIndex: 0,
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "aria-valuenow": 50,
    "t:aria-label": key,
  });
  const field = h("div", {class: `plane ${shape}`}, lines, dots, point);
  const told = h("p", {class: "told"});
  const node = h("div", {class: "planar"}, h("p", {class: "hint", t: hint}), field, told);
  let places = [],
    spots = new Map(),
    x = 0.5,
    y = 0.5;

  const title = name => spots.get(name)?.place.title() ?? name;
  const spoken = () =>
    spell
      ? spell(node.weights)
      : Object.entries(node.weights)
          .sort((a, b) => b[1] - a[1])
          .map(([name, weight]) => `${title(name)} ${percent(weight)}`)
          .join(t("list.comma"));

  function draw() {
    point.style.left = `${x * 100}%`;
    point.style.top = `${y * 100}%`;
    lines.replaceChildren(
      ...Object.entries(node.weights).map(([name, weight]) => {
        const place = spots.get(name)?.place;
        return place ? svg("line", {x1: x, y1: y, x2: place.x, y2: place.y, "stroke-opacity": 0.25 + 0.75 * weight}) : "";
      }),
    );
    for (const [name, {dot}] of spots) {
      const weight = node.weights[name] ?? 0;
      dot.classList.toggle("near", weight > 0);
      dot.style.setProperty("--weight", weight);
    }
    const words = spoken();
    told.textContent = words;
    point.setAttribute("aria-valuenow", Math.round(x * 100));
    point.setAttribute("aria-valuetext", words);
  }

  function go(to_x, to_y, settled) {
    [x, y] = within(Math.min(1, Math.max(0, to_x)), Math.min(1, Math.max(0, to_y)));
    node.weights = weigh(places, x, y);
    draw();
    moved(node.weights, settled);
  }

  node.weights = {};
  node.at = () => [x, y];
  node.move = (to_x, to_y, weights) => {
    [x, y] = within(to_x, to_y);
    node.weights = weights ?? weigh(places, x, y);
    draw();
  };
  node.show = given => {
    places = given;
    spots = new Map(
      places.map(place => {
        const name = h("span", {textContent: place.title()});
        const dot = h("div", {class: "dot"}, ...(place.picture ? [place.picture] : [h("i")]), name);
        dot.style.left = `${place.x * 100}%`;
        dot.style.top = `${place.y * 100}%`;
        dot.classList.toggle("low", place.y < 0.12);
        dot.classList.toggle("deep", place.y > 0.9);
        dot.classList.toggle("left", place.x > 0.8);
        dot.classList.toggle("right", place.x < 0.2);
        return [place.name, {place, dot, name}];
      }),
    );
    dots.replaceChildren(...[...spots.values()].map(({dot}) => dot));
    draw();
  };
  document.addEventListener("language", () => {
    for (const {place, name} of spots.values()) name.textContent = place.title();
    draw();
  });

  const hands = {
    go,
    stay: settled => go(x, y, settled),
    step: (dx, dy) => go(x + dx, y + dy, false),
    nearest: (to_x, to_y, reach) => places.find(place => Math.hypot(place.x - to_x, place.y - to_y) < reach),
    told: () => announce("plane.at", {what: spoken()}),
  };
  by_hand(field, point, hands);
  by_keys(point, hands);
  return node;
}

/** Drag the point; a click on a place means the place itself. */
function by_hand(field, point, {go, stay, nearest}) {
  const at = event => {
    const box = field.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  let down = null;
  field.addEventListener("pointerdown", event => {
    if (event.button) return;
    event.preventDefault();
    field.setPointerCapture(event.pointerId);
    down = [event.clientX, event.clientY];
    point.focus({preventScroll: true});
    field.classList.add("held");
    if (event.target !== point) go(...at(event), false);
  });
  field.addEventListener("pointermove", event => down && go(...at(event), false));
  const leave = event => {
    if (!down) return;
    const is_click = Math.hypot(event.clientX - down[0], event.clientY - down[1]) < 4,
      spot = is_click && nearest(...at(event), 20 / field.getBoundingClientRect().width);
    down = null;
    field.classList.remove("held");
    if (spot) go(spot.x, spot.y, true);
    else stay(true);
  };
  field.addEventListener("pointerup", leave);
  field.addEventListener("pointercancel", leave);
}

/** Arrow keys move the point, with Shift farther; Home brings it to the middle. */
function by_keys(point, {go, stay, step, told}) {
  let quiet = 0;
  point.addEventListener("keydown", event => {
    const way = WAYS[event.key];
    if (!way && event.key !== "Home") return;
    event.preventDefault();
    const far = event.shiftKey ? LEAP : STEP;
    if (way) step(way[0] * far, way[1] * far);
    else go(0.5, 0.5, false);
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      stay(true);
      told();
    }, 250);
  });
}
