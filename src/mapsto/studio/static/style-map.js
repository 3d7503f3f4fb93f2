// Which style: a point on the map of styles, or one of the gallery below it; both show the same.

import {apart, neighbours} from "./blend.js";
import {send} from "./files.js";
import {gallery, thumbnails} from "./gallery.js";
import {announce, complain} from "./notices.js";
import {plane} from "./plane.js";
import {is_picture, shared, style_of, style_title, teach} from "./shared.js";

const GAP = 0.096;

/**
 * The map of styles, and with it the `gallery`.
 *
 * `fill()` shows all styles there are, and tells whether the state had to change; `show(state)` brings the point where its
 * weights are.
 * @param {{styles: object, point: number[]}} state of the page; it is changed
 * @param {(settled: boolean) => void} changed
 */
export function choosing(state, changed) {
  const node = plane({
    key: "style.map",
    hint: "style.map.hint",
    weigh: neighbours,
    moved(weights, settled) {
      state.styles = weights;
      state.point = node.at();
      all.mark(weights);
      changed(settled);
    },
  });
  const take = name => {
    state.styles = {[name]: 1};
    state.point = null;
    changed();
    announce("style.chosen", {style: style_title(name)});
  };
  const all = gallery(take);
  const draw = node.show;
  let spots = [];

  function place() {
    const known = spots.filter(({name}) => name in state.styles);
    all.mark(state.styles);
    if (!known.length) return;
    if (!state.point) {
      const sum = known.reduce((whole, spot) => whole + state.styles[spot.name], 0) || 1;
      const mean = axis => known.reduce((whole, spot) => whole + spot[axis] * state.styles[spot.name], 0);
      state.point = [mean("x") / sum, mean("y") / sum];
    }
    node.move(...state.point, state.styles);
  }

  function fill() {
    if (!shared.styles.length) return false;
    const known = Object.fromEntries(Object.entries(state.styles).filter(([name]) => style_of(name) || is_picture(name)));
    if (!Object.keys(known).length) known[shared.styles[0].name] = 1;
    const is_new = Object.keys(known).join() !== Object.keys(state.styles).join();
    if (is_new) state.point = null;
    state.styles = known;
    const middle = shared.styles.map(({name, x, y}) => ({name, x: 0.05 + 0.9 * x, y: 0.05 + 0.9 * y}));
    spots = apart(middle, GAP);
    draw(spots.map(({name, x, y}) => ({name, x, y, title: () => style_title(name), picture: thumbnails.canvas(name)})));
    place();
    return is_new;
  }

  async function taught(files) {
    const [file] = await send(files.slice(0, 1));
    if (!file) return;
    if (file.kind !== "image") return complain({code: "not-a-painting", values: {name: file.name}});
    await teach(file);
    take(file.id);
  }
  return Object.assign(node, {gallery: all, fill, show: place, taught});
}
