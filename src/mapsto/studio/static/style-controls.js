// How strong a style is, when in a clip, and as what the picture is saved.

import {as_is, choice, div, field, figure, h, slider, tick} from "./dom.js";
import {number, percent} from "./words.js";

/**
 * The controls beside the map; `more` are those that are seldom wanted.
 *
 * `put()` shows the state anew, `moment(seconds)` lets a moment of a clip be chosen, null takes that away.
 * @param {object} state of the page; it is changed
 * @param {{changed: Function, kept: Function, moved: Function}} told of what is seen at once, what is not, and of the moment
 */
export function controls(state, {changed, kept, moved}) {
  const set = (name, tell) => value => {
    state[name] = value;
    tell();
  };
  const strength = slider("style.strength", {
    value: state.strength,
    told: percent,
    input: set("strength", () => changed(false)),
    change: () => changed(),
  });
  const keep = tick("style.keep", state.keep_colours, set("keep_colours", changed));
  const moment = slider("style.moment", {
    max: 10,
    step: 0.04,
    value: state.at,
    told: value => `${number(value, 1)} s`,
    input: set("at", () => moved(false)),
    change: () => moved(true),
  });
  const seed = figure({max: 2 ** 31, value: state.seed}, set("seed", changed));
  const size = choice([["", "style.size.own"], ...as_is(["1024", "2048", "4096"])], state.size, set("size", kept));
  const formats = as_is([["png", "PNG"], ["jpg", "JPEG"], ["webp", "WebP"]]); // prettier-ignore
  const format = choice(formats, state.format, set("format", kept));
  const more = h(
    "details",
    {},
    h("summary", {t: "style.more"}),
    div("pair", field("style.size", size), field("style.format", format)),
    field("style.seed", seed, "style.seed.hint"),
  );
  return Object.assign(div("controls", strength, keep, moment), {
    more,
    put() {
      strength.set(state.strength);
      keep.box.checked = state.keep_colours;
      seed.value = state.seed;
      size.value = state.size;
      format.value = state.format;
    },
    moment(seconds) {
      moment.hidden = seconds === null;
      moment.range.max = seconds ?? 10;
      moment.set(state.at);
    },
  });
}
