// Between three styles of music: a triangle with a point in it.

import {in_triangle, normal} from "./blend.js";
import {as_is, choice, div, field, fill, h} from "./dom.js";
import {plane} from "./plane.js";
import {called} from "./shared.js";

const CORNERS = [
  {x: 0.5, y: 0.1},
  {x: 0.06, y: 0.88},
  {x: 0.94, y: 0.88},
];

/** What a style of music is called in the person's language. */
export const music_name = name => called("music", name) ?? name;
/** The styles that the composer knows; empty until it was asked. */
export const style_names = [];
export const style_options = () => as_is(style_names.map(name => [name, music_name(name)]));

/** The mean of the corners with these weights, which sum to 1. */
const middle = weights => ["x", "y"].map(axis => weights.reduce((all, weight, i) => all + weight * CORNERS[i][axis], 0));

/**
 * A triangle of styles: `weights` are those of the point, `put()` shows the state, `take(styles)` goes to a mixture.
 * @param {{corners: string[], at: number[]}} state of the page; it is changed
 * @param {() => void} changed
 */
export function blending(state, changed) {
  const weigh = (_, x, y) => {
    const parts = {};
    in_triangle(CORNERS, x, y).forEach((weight, i) => (parts[state.corners[i]] = (parts[state.corners[i]] ?? 0) + weight));
    return normal(Object.entries(parts));
  };
  const triangle = plane({
    key: "music.triangle",
    hint: "music.triangle.hint",
    shape: "triangle named",
    weigh,
    within: (x, y) => middle(in_triangle(CORNERS, x, y)),
    moved(_, settled) {
      state.at = triangle.at();
      if (settled) changed();
    },
  });
  const corners = CORNERS.map((_, i) =>
    choice([], "", name => {
      state.corners[i] = name;
      put();
      changed();
    }),
  );

  function put() {
    corners.forEach((corner, i) => fill(corner, style_options(), state.corners[i]));
    triangle.show(CORNERS.map((corner, i) => ({name: state.corners[i], ...corner, title: () => music_name(state.corners[i])})));
    triangle.move(...state.at);
  }

  function take(styles) {
    const found = Object.entries(styles).slice(0, CORNERS.length);
    if (!found.length) return;
    const sum = found.reduce((all, [, weight]) => all + weight, 0) || 1;
    state.corners = CORNERS.map((_, i) => found[i]?.[0] ?? state.corners[i]);
    state.at = middle(found.map(([, weight]) => weight / sum));
  }
  const fields = corners.map((corner, i) => field(`music.corner.${i + 1}`, corner));
  const node = h("div", {class: "tools"}, triangle, div("pair three", ...fields));
  return {
    node,
    put,
    take,
    get weights() {
      return triangle.weights;
    },
  };
}
