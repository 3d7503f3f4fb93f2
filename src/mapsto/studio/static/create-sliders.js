// What can be turned of a drawn picture: named sliders, and two of them at once on a pad.

import {slider_name} from "./create-models.js";
import {as_is, choice, div, field, fill, h, slider} from "./dom.js";
import {plane} from "./plane.js";
import {label, number, t} from "./words.js";

const FAR = 3,
  PAD = 2.5,
  SHOWN = 8,
  MOST = 32;

/**
 * The sliders of a model: `make(model)` makes them anew, `show()` brings them where the state is; `fields` and `pad` are shown.
 * @param {{sliders: Record<string, number>}} state of the page; it is changed
 * @param {() => void} changed
 */
export function turning(state, changed) {
  const first = div("sliders"),
    rest = div("sliders"),
    more = h("details", {}, h("summary", {t: "create.more"}), rest);
  let knobs = new Map();

  function knob_of(name) {
    const knob = slider("create.axis", {
      min: -FAR,
      max: FAR,
      step: 0.05,
      value: state.sliders[name] ?? 0,
      told: value => (value > 0 ? "+" : "") + number(value, 1),
      input(value) {
        state.sliders[name] = value;
        put_pad();
        changed();
      },
    });
    label(knob.firstChild, "create.slider", {name: () => slider_name(name)});
    return knob;
  }

  const pad = plane({
    key: "create.pad",
    hint: "create.pad.hint",
    shape: "cross",
    weigh: () => ({}),
    spell: () =>
      [across, up].map(({value}) => `${slider_name(value)} ${number(state.sliders[value] ?? 0, 1)}`).join(t("list.comma")),
    moved() {
      const [x, y] = pad.at();
      state.sliders[across.value] = (x * 2 - 1) * PAD;
      state.sliders[up.value] = (1 - y * 2) * PAD;
      for (const {value} of [across, up]) knobs.get(value)?.set(state.sliders[value]);
      changed();
    },
  });
  const across = choice([], "", put_pad),
    up = choice([], "", put_pad),
    axes = div("pair", field("create.across", across), field("create.up", up)),
    box = div("planar", h("h2", {t: "create.pad"}), pad, axes);

  function put_pad() {
    const part = ({value}) => Math.min(1, Math.max(-1, (state.sliders[value] ?? 0) / PAD));
    pad.move((part(across) + 1) / 2, (1 - part(up)) / 2);
  }

  function make(model) {
    const names = model.sliders.slice(0, MOST);
    const in_turn = [...names].sort((a, b) => /^\d+$/.test(a) - /^\d+$/.test(b));
    knobs = new Map(in_turn.map(name => [name, knob_of(name)]));
    first.replaceChildren(...[...knobs.values()].slice(0, SHOWN));
    rest.replaceChildren(...[...knobs.values()].slice(SHOWN));
    more.hidden = knobs.size <= SHOWN;
    const options = as_is(names.map(name => [name, slider_name(name)]));
    [across, up].forEach((axis, i) => fill(axis, options, names.includes(axis.value) ? axis.value : names[i]));
    box.hidden = names.length < 2;
    put_pad();
  }

  function show() {
    for (const [name, knob] of knobs) knob.set(state.sliders[name] ?? 0);
    put_pad();
  }
  return {fields: [first, more], pad: box, make, show};
}
