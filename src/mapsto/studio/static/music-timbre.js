// The timbre pad: between instruments lie sounds of their own, which can be given to voices.

import {preview} from "./api.js";
import {neighbours} from "./blend.js";
import {button, choice, div, field, h, sign} from "./dom.js";
import {view} from "./jobs.js";
import {trying} from "./notices.js";
import {plane} from "./plane.js";
import {called, remember} from "./shared.js";
import {percent, t} from "./words.js";

const PITCH = 67,
  FIRST = "flute",
  VOICES = ["melody", "alto", "tenor", "bass"];

const instrument_name = name => called("instrument", name) ?? name;
const spelled = ([name, weight]) => (weight < 0.995 ? `${instrument_name(name)} ${percent(weight)}` : instrument_name(name));

/**
 * A pad of timbres: `show(instruments)` fills it, `cast()` is which voice has which sound.
 * @param {{timbre: object, cast: object, voice: string}} state of the page; it is changed
 * @param {() => void} changed the cast
 */
export function timbres(state, changed) {
  const note = h("audio", {preload: "auto"}),
    cast = h("ul", {class: "cast"});
  let notes = 0,
    sound = "";
  const pad = plane({
    key: "music.timbre",
    hint: "music.timbre.hint",
    shape: "named",
    weigh: (places, x, y) => neighbours(places, x, y, 3),
    moved(weights, settled) {
      state.timbre = weights;
      if (settled) hear();
    },
  });
  const hear = trying(async () => {
    remember("music", state);
    const wish = {view: `sound-${view}`, sequence: ++notes, timbre: pad.weights, pitch: PITCH, seconds: 1, velocity: 0.7};
    const blob = await preview("preview/sound", wish);
    URL.revokeObjectURL(sound);
    note.src = sound = URL.createObjectURL(blob);
    await note.play();
  });
  const voice = choice(
    VOICES.map(name => [name, `name.voice.${name}`]),
    state.voice,
    value => (state.voice = value),
  );
  const give = button("music", "music.give", () => {
    state.cast[state.voice] = {...pad.weights};
    put();
    changed();
  });

  const row = ([name, weights]) => {
    const words = Object.entries(weights).map(spelled).join(t("list.comma"));
    const take_back = () => {
      delete state.cast[name];
      put();
      changed();
    };
    const text = t("music.cast", {voice: called("voice", name) ?? name, sound: words});
    return h("li", {}, h("span", {textContent: text}), sign("close", "music.take-back", take_back));
  };
  const put = () => cast.replaceChildren(...Object.entries(state.cast).map(row));
  document.addEventListener("language", put);

  const hint = h("p", {class: "hint", t: "music.cast.hint"}),
    acts = div("row", button("play", "music.hear", hear), give);
  const tools = div("tools", hint, field("music.voice", voice), acts, cast);
  return {
    node: div("card timbre", h("h2", {t: "music.timbre"}), div("beside", pad, tools), note),
    cast: () => state.cast,
    show(instruments) {
      pad.show(instruments.map(({name, x, y}) => ({name, x, y, title: () => instrument_name(name)})));
      const first = instruments.find(({name}) => name === FIRST) ?? instruments[0];
      if (first) pad.move(first.x, first.y);
      put();
    },
  };
}
