// The keys of a morph: on a timeline, and as a list of fields that says the same.

import {address, thumbnail} from "./api.js";
import {as_is, button, choice, div, figure, h, sign} from "./dom.js";
import {thumbnails} from "./gallery.js";
import {announce, notice} from "./notices.js";
import {is_picture, remembered, SAMPLE, shared, style_of, style_title} from "./shared.js";
import {timeline} from "./timeline.js";
import {label, percent, t} from "./words.js";

export const round = value => Math.round(value * 1000) / 1000;

/**
 * The keys of a state: `line` is the timeline, `panel` the list with its heads, `add` the button for one more; `put()` shows
 * all of it anew.
 * @param {{keys: object[], seconds: number, loop: boolean}} state of the page; it is changed
 * @param {{changed: Function, scrubbed: Function}} told whether it has settled
 */
export function keyframes(state, {changed, scrubbed}) {
  let pick = 0;
  const list = h("ol", {class: "keys"});

  function put() {
    known(state.keys);
    state.keys.sort((a, b) => a.at - b.at);
    pick = Math.min(pick, state.keys.length - 1);
    const shown = state.keys.map(key => ({at: key.at, until: key.until, face: face(key), title: title(key)}));
    line.show(shown, state.seconds, pick);
    list.replaceChildren(...state.keys.map(row));
    changed("quiet");
  }

  /** After a change of a key: it is picked, and what follows from it is shown. */
  function settle(key, jump = false) {
    make_way_back(state);
    put();
    pick = state.keys.indexOf(key);
    if (jump) line.playhead(key.at);
    put();
    changed(true);
  }

  function remove(i) {
    if (state.keys.length <= 2) return notice(t("morph.two"));
    state.keys.splice(i, 1);
    announce("morph.removed");
    put();
    changed(true);
  }

  const line = timeline({
    moved(i, at, settled) {
      const key = state.keys[i],
        length = key.until > key.at ? key.until - key.at : 0;
      key.at = Math.round(at * 20) / 20;
      if (length) key.until = Math.min(state.seconds, key.at + length);
      if (settled) settle(key);
      else changed(false);
    },
    picked(i) {
      pick = i;
      line.playhead(state.keys[i].at);
      put();
      changed(true);
    },
    removed: remove,
    scrubbed: (_, settled) => scrubbed(settled),
  });

  function row(key, i) {
    const at = figure({max: 3600, step: 0.1, value: round(key.at)}, value => {
      key.at = Math.min(state.seconds, value);
      settle(key);
    });
    const held = figure({max: 3600, step: 0.1, value: round(Math.max(0, (key.until ?? key.at) - key.at))}, length => {
      key.until = length ? Math.min(state.seconds, key.at + length) : null;
      settle(key);
    });
    const style = style_choice(key, () => settle(key, true)),
      names = ["morph.key.style", "morph.key.time", "morph.key.hold"];
    [style, at, held].forEach((control, part) => label(control, names[part], {n: i + 1}, "aria-label"));
    const gone = sign("trash", "morph.remove", () => remove(i), {disabled: state.keys.length <= 2});
    return h("li", {class: i === pick ? "picked" : ""}, style, at, held, gone);
  }

  const add = button("add", "morph.add", () => {
    const at = Math.round(line.at() * 20) / 20,
      before = state.keys.filter(key => key.at <= at).at(-1) ?? state.keys[0],
      unused = shared.styles.find(({name}) => !state.keys.some(key => name in key.styles));
    const key = {styles: unused ? {[unused.name]: 1} : {...before.styles}, at};
    state.keys.push(key);
    settle(key);
  });
  const heads = ["style", "at", "hold"].map(name => h("span", {t: `morph.head.${name}`}));
  const head = h("div", {class: "keys-head", "aria-hidden": "true"}, ...heads);
  return {line, put, add, panel: [h("h2", {t: "morph.keys"}), head, list, h("p", {class: "hint", t: "morph.hint"})]};
}

/** Which style a key has: the photo, one of all, or the blend of the Style page. */
function style_choice(key, changed) {
  const names = Object.keys(key.styles),
    is_blend = names.length > 1;
  const options = [
    ["", "morph.photo"],
    ...(is_blend ? as_is([["*", title(key)()]]) : []),
    ["+", "morph.current"],
    ...as_is(shared.styles.map(({name}) => [name, style_title(name)])),
  ];
  return choice(options, is_blend ? "*" : (names[0] ?? ""), value => {
    if (value === "*") return;
    key.styles = value === "+" ? {...(remembered("style").styles ?? {"stained-glass": 1})} : value ? {[value]: 1} : {};
    changed();
  });
}

const heaviest = styles => Object.entries(styles).sort((a, b) => b[1] - a[1]);

/** What a key looks like: the photo in hand in its strongest style. */
function face({styles}) {
  const [name] = heaviest(styles)[0] ?? [],
    {id} = shared.photo;
  return name ? thumbnails.canvas(name) : h("img", {src: id === SAMPLE.id ? address(id) : thumbnail(id, 128), alt: ""});
}

const title =
  ({styles}) =>
  () =>
    heaviest(styles)
      .map(([name, weight], _, all) => (all.length > 1 ? `${style_title(name)} ${percent(weight)}` : style_title(name)))
      .join(" + ") || t("morph.photo");

/** Keep only styles that there are. */
function known(keys) {
  if (!shared.styles.length) return;
  for (const key of keys)
    for (const name of Object.keys(key.styles)) {
      if (style_of(name) || is_picture(name)) continue;
      delete key.styles[name];
      if (!Object.keys(key.styles).length) key.styles[shared.styles.at(-1).name] = 1;
    }
}

/** A loop needs time after its last key, for the way back to the first. */
export function make_way_back({keys, seconds, loop}) {
  const last = Math.max(...keys.map(key => key.until ?? key.at)),
    most = (keys.length - 1) / keys.length;
  if (loop && last >= seconds * 0.95) stretch(keys, (most * seconds) / last);
}

/** All times of keys, longer or shorter. */
export function stretch(keys, by) {
  for (const key of keys) {
    key.at *= by;
    if (key.until) key.until *= by;
  }
}
