// Many pictures at once: seeds one after the other, or variations of one.

import {preview} from "./api.js";
import {draw_own, turned} from "./create-models.js";
import {div, h} from "./dom.js";
import {view} from "./jobs.js";
import {complain} from "./notices.js";
import {label} from "./words.js";

const CELLS = 16,
  AT_ONCE = 2,
  FAR = 3,
  SCATTER = 0.7;

/**
 * A grid of pictures to choose from.
 *
 * `start(first, model)` fills it with seeds, `near(state, model)` with pictures like one, `fill(cells, model)` with what it
 * had; `mark(state)` shows which of them is in hand.
 * @param {{how: Function, take: Function, keep: Function}} page how it draws, and what it does with a cell and with all
 */
export function many({how, take, keep}) {
  const node = h("div", {class: "gallery four"});
  let turn = 0;

  function cell_of(cell, i) {
    const input = h("input", {type: "radio", name: "cell", value: i, on: {change: () => take(cell)}}),
      canvas = h("canvas", {width: 128, height: 128, "aria-hidden": "true"}),
      words = h("span", {class: "words"});
    label(words, cell.sliders ? "create.variation" : "create.seed", {n: i + 1, seed: () => String(cell.seed)});
    const told = {seed: cell.seed, sliders: JSON.stringify(turned(cell.sliders ?? {}))};
    return h("label", {class: "thumb", data: told}, input, canvas, words);
  }

  async function fill(cells, model) {
    const mine = ++turn,
      options = how(),
      todo = [...cells.entries()];
    keep(cells);
    node.replaceChildren(...cells.map(cell_of));
    const draw = async (i, {seed, sliders = {}}) => {
      const body = {view: `cell-${i}-${view}`, sequence: mine, background: true, ...options, seed, sliders: turned(sliders)};
      const bitmap = await createImageBitmap(await preview("preview/latent", body));
      if (mine === turn) draw_own(node.children[i].querySelector("canvas"), bitmap, model);
    };
    const draw_some = async () => {
      while (todo.length && mine === turn) await draw(...todo.shift());
    };
    try {
      await Promise.all(Array.from({length: AT_ONCE}, draw_some));
    } catch (error) {
      if (mine === turn) complain(error);
    }
  }

  const start = (first, model) => fill(Array.from({length: CELLS}, (_, i) => ({seed: first + i})), model); // prettier-ignore

  /** Pictures near the one in hand: its sliders turned a little, each in its own way; the first is itself. */
  function near({seed, sliders}, model) {
    const some = name => Math.max(-FAR, Math.min(FAR, (sliders[name] ?? 0) + SCATTER * normal()));
    const names = model.sliders.slice(0, 32);
    const other = () => Object.fromEntries(names.map(name => [name, some(name)]));
    return fill(Array.from({length: CELLS}, (_, i) => ({seed, sliders: i ? other() : {...sliders}})), model); // prettier-ignore
  }

  function mark({seed, sliders}) {
    const told = JSON.stringify(turned(sliders));
    for (const {firstChild, dataset} of node.children)
      firstChild.checked = Number(dataset.seed) === seed && dataset.sliders === told;
  }
  return Object.assign(node, {fill, start, near, mark});
}

const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
