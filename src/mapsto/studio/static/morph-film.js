// How long a morph is, how it goes, and as what film it is saved.

import {as_is, choice, div, field, figure, fill, tick} from "./dom.js";
import {make_way_back, stretch} from "./morph-keys.js";

const EASINGS = ["linear", "smooth", "ease-in", "ease-out", "ease-in-out"],
  RATES = [12, 25, 30, 60];

/**
 * The settings of a film: `panel` are its fields, `put()` shows the state anew, `fit(seconds)` takes the length of a clip.
 * @param {object} state of the page; it is changed
 * @param {{changed: Function, kept: Function}} told of what is seen, and of what is not
 */
export function film(state, {changed, kept}) {
  const seconds = figure({min: 0.5, max: 600, step: 0.5, value: state.seconds}, value => {
    stretch(state.keys, value / state.seconds);
    state.seconds = value;
    changed();
  });
  const easing = choice(
    EASINGS.map(each => [each, `morph.easing.${each}`]),
    state.easing,
    value => {
      state.easing = value;
      changed();
    },
  );
  const fps = choice([], "", value => {
    state.fps = Number(value);
    kept();
  });
  const formats = as_is([["mp4", "MP4"], ["webm", "WebM"], ["webp", "WebP"], ["gif", "GIF"]]); // prettier-ignore
  const format = choice(formats, state.format, value => {
    state.format = value;
    kept();
  });
  const loop = tick("morph.loop", state.loop, on => {
    state.loop = on;
    make_way_back(state);
    changed();
  });

  function put() {
    const rates = [...new Set([...RATES, state.fps])].map(String);
    fill(fps, as_is(rates), String(state.fps));
    [seconds.value, easing.value, format.value, loop.box.checked] = [state.seconds, state.easing, state.format, state.loop];
  }
  put();
  const fields = [
    field("morph.seconds", seconds),
    field("morph.easing", easing),
    field("morph.fps", fps),
    field("morph.format", format),
  ];
  return {
    panel: [div("pair", ...fields), loop],
    put,
    fit(length) {
      if (length) {
        seconds.value = Math.max(0.5, Math.round(length * 10) / 10);
        seconds.dispatchEvent(new Event("change"));
      }
      seconds.disabled = fps.disabled = length !== null;
    },
  };
}
