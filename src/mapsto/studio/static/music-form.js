// How long a piece is, in which key and meter, how fast, and how it is built.

import {as_is, choice, div, field, figure, h, sign, slider} from "./dom.js";

const KEYS = ["C", "G", "D", "A", "E", "F", "Bb", "Eb", "Ab", "Am", "Em", "Bm", "F#m", "Dm", "Gm", "Cm", "Fm"];
const METERS = ["4/4", "3/4", "6/8"];
const FORMS = ["aaba", "abab", "pairs", "free"];

/** A key as it is printed: Bb → B♭. */
export const key_name = key => (key ?? "").replace("b", "♭").replace("#", "♯");

/**
 * The fields of a piece: `panel` holds them, `put()` shows the state anew.
 * @param {object} state of the page; it is changed
 * @param {() => void} changed
 */
export function form(state, changed) {
  const set = name => value => {
    state[name] = value;
    changed();
  };
  const bars = slider("music.bars", {
    min: 4,
    max: 64,
    step: 4,
    value: state.bars,
    input: value => (state.bars = value),
    change: changed,
  });
  const any = [["", "music.any"]];
  const controls = {
    seed: figure({value: state.seed}, set("seed")),
    key: choice([...any, ...as_is(KEYS.map(each => [each, key_name(each)]))], state.key, set("key")),
    meter: choice([...any, ...as_is(METERS)], state.meter, set("meter")),
    tempo: figure({min: 10, max: 400, value: state.tempo, "t:placeholder": "music.any"}, set("tempo")),
    form: choice(
      FORMS.map(each => [each, `music.form.${each}`]),
      state.form,
      set("form"),
    ),
  };
  const anew = sign("dice", "music.anew", () => {
    controls.seed.value = Math.floor(Math.random() * 1e6);
    set("seed")(Number(controls.seed.value));
  });
  const fields = Object.entries({...controls, seed: h("span", {class: "with"}, controls.seed, anew)});
  return {
    panel: [bars, div("pair", ...fields.map(([name, control]) => field(`music.${name}`, control)))],
    put() {
      bars.set(state.bars);
      for (const [name, control] of Object.entries(controls)) control.value = state[name];
    },
  };
}
