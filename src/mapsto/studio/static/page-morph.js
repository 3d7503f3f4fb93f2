// Morph: styles as keys on a timeline, over a photo or a clip.

import {address, save, thumbnail} from "./api.js";
import {button, choice, field, fill, h, icon, sign, tick} from "./dom.js";
import {CLIPS, PICTURES, chooser, droppable, pasteable, send} from "./files.js";
import {thumbnails} from "./gallery.js";
import {begin, ended, every, mine} from "./jobs.js";
import {Live} from "./live.js";
import {announce, complain, notice, trying} from "./notices.js";
import {hold, is_picture, remember, remembered, shared, style_of, style_title, when} from "./shared.js";
import {stage} from "./stage.js";
import {timeline} from "./timeline.js";
import {follower} from "./tray.js";
import {label, number, percent, t} from "./words.js";

/** Of the pictures shown: every new way is measured once at this size, and then each picture takes as long as one painting. */
const SIDE = 320;
const EASINGS = ["linear", "smooth", "ease-in", "ease-out", "ease-in-out"];
const BEGIN = [
  {styles: {}, at: 0},
  {styles: {"great-wave": 1}, at: 2},
  {styles: {"stained-glass": 1}, at: 4},
];

export function make() {
  const state = {
    keys: BEGIN.map(key => ({...key})),
    seconds: 4,
    fps: 25,
    easing: "smooth",
    loop: false,
    format: "mp4",
    ...remembered("morph"),
  };
  let pick = 0,
    playing = null;

  const picture = stage({compares: false});
  const live = new Live(
    "preview/morph",
    "morph",
    (blob, body) => {
      picture.painted(blob, t("morph.frame", {at: number(body.at, 1)}));
      picture.busy(false);
      if (playing) next_frame();
    },
    error => {
      picture.busy(false);
      stop();
      complain(error);
    },
  );

  const is_clip = () => shared.photo.kind === "video";
  const ordered = () => ({
    image: shared.photo.id,
    keys: state.keys.map(({styles, at, until}) => ({styles, at: round(at), until: until > at ? round(until) : null})),
    seconds: state.seconds,
    loop: state.loop,
    easing: state.easing,
  });
  const round = value => Math.round(value * 1000) / 1000;

  function ask(settled = true) {
    remember("morph", state);
    picture.busy(!playing);
    live.ask({...ordered(), at: round(Math.min(line.at(), state.seconds)), side: SIDE}, {now: settled && !playing});
  }

  // ---- keys ----

  const face = key => {
    const [name] = Object.entries(key.styles).sort((a, b) => b[1] - a[1])[0] ?? [];
    if (name) return thumbnails.canvas(name);
    return h("img", {src: shared.photo.id === "sample" ? address("sample") : thumbnail(shared.photo.id, 128), alt: ""});
  };
  const title = key => () => {
    const parts = Object.entries(key.styles).sort((a, b) => b[1] - a[1]);
    if (!parts.length) return t("morph.photo");
    return parts
      .map(([name, weight]) => (parts.length > 1 ? `${style_title(name)} ${percent(weight)}` : style_title(name)))
      .join(" + ");
  };

  /** Keep only styles that there are. */
  function known() {
    if (!shared.styles.length) return;
    for (const key of state.keys)
      for (const name of Object.keys(key.styles)) {
        if (style_of(name) || is_picture(name)) continue;
        delete key.styles[name];
        if (!Object.keys(key.styles).length) key.styles[shared.styles.at(-1).name] = 1;
      }
  }

  function put() {
    state.keys.sort((a, b) => a.at - b.at);
    pick = Math.min(pick, state.keys.length - 1);
    line.show(
      state.keys.map(key =>
        Object.assign(Object.create(key), {at: key.at, until: key.until, face: face(key), title: title(key)}),
      ),
      state.seconds,
      pick,
    );
    list.replaceChildren(...state.keys.map(row));
    remember("morph", state);
  }

  const line = timeline({
    moved(i, at, settled) {
      const key = state.keys[i],
        length = key.until > key.at ? key.until - key.at : 0;
      key.at = Math.round(at * 20) / 20;
      if (length) key.until = Math.min(state.seconds, key.at + length);
      if (settled) {
        make_way_back();
        pick = [...state.keys].sort((a, b) => a.at - b.at).indexOf(key);
        put();
      }
      ask(settled);
    },
    picked(i) {
      pick = i;
      line.playhead(state.keys[i].at);
      put();
      ask();
    },
    removed: i => remove(i),
    scrubbed(at, settled) {
      if (playing) stop();
      ask(settled);
    },
  });

  function remove(i) {
    if (state.keys.length <= 2) return notice(t("morph.two"));
    state.keys.splice(i, 1);
    announce("morph.removed");
    put();
    ask();
  }

  /** A key as a row of fields: all that the timeline shows, in another way. */
  function row(key, i) {
    const names = Object.keys(key.styles),
      own = names.length > 1;
    const options = [
      ["", "morph.photo"],
      ...(own ? [["*", title(key)(), true]] : []),
      ["+", "morph.current"],
      ...shared.styles.map(({name}) => [name, style_title(name), true]),
    ];
    const select = choice(options, own ? "*" : (names[0] ?? ""), value => {
      if (value === "*") return;
      key.styles = value === "+" ? {...(remembered("style").styles ?? {"stained-glass": 1})} : value ? {[value]: 1} : {};
      pick = i;
      line.playhead(key.at);
      put();
      ask();
    });
    const at = h("input", {
      type: "number",
      min: 0,
      max: 3600,
      step: 0.1,
      value: round(key.at),
      on: {
        change: () => {
          key.at = Math.min(state.seconds, Math.max(0, Number(at.value) || 0));
          make_way_back();
          put();
          ask();
        },
      },
    });
    const held = h("input", {
      type: "number",
      min: 0,
      max: 3600,
      step: 0.1,
      value: round(Math.max(0, (key.until ?? key.at) - key.at)),
      on: {
        change: () => {
          const length = Math.max(0, Number(held.value) || 0);
          key.until = length ? Math.min(state.seconds, key.at + length) : null;
          make_way_back();
          put();
          ask();
        },
      },
    });
    for (const [control, name] of [
      [select, "morph.key.style"],
      [at, "morph.key.time"],
      [held, "morph.key.hold"],
    ])
      label(control, name, {n: i + 1}, "aria-label");
    return h(
      "li",
      {class: i === pick ? "picked" : ""},
      select,
      at,
      held,
      sign("trash", "morph.remove", () => remove(i), {disabled: state.keys.length <= 2}),
    );
  }

  const list = h("ol", {class: "keys"});
  const add = button("add", "morph.add", () => {
    const at = Math.round(line.at() * 20) / 20;
    const before = state.keys.filter(key => key.at <= at).at(-1) ?? state.keys[0];
    const unused = shared.styles.find(({name}) => !state.keys.some(key => name in key.styles));
    const key = {styles: unused ? {[unused.name]: 1} : {...before.styles}, at};
    state.keys.push(key);
    make_way_back();
    put();
    pick = state.keys.indexOf(key);
    put();
    ask();
  });

  // ---- playing ----

  let since = 0,
    from = 0;
  const play = h(
    "button",
    {type: "button", on: {click: () => (playing ? stop() : start_playing())}},
    icon("play"),
    h("span", {t: "morph.play"}),
  );
  function start_playing() {
    playing = true;
    from = line.at() >= state.seconds - 0.05 ? 0 : line.at();
    since = performance.now();
    play.replaceChildren(icon("pause"), h("span", {t: "morph.pause"}));
    next_frame();
  }
  function stop() {
    if (!playing) return;
    playing = null;
    play.replaceChildren(icon("play"), h("span", {t: "morph.play"}));
    ask();
  }
  function next_frame() {
    let at = from + (performance.now() - since) / 1000;
    if (at > state.seconds) {
      if (!state.loop) {
        line.playhead(state.seconds);
        return stop();
      }
      at %= state.seconds;
    }
    line.playhead(at);
    ask(false);
  }

  // ---- settings and film ----

  const seconds = h("input", {
    type: "number",
    min: 0.5,
    max: 600,
    step: 0.5,
    value: state.seconds,
    on: {
      change: () => {
        const before = state.seconds,
          after = Math.min(600, Math.max(0.5, Number(seconds.value) || 4));
        for (const key of state.keys) {
          key.at = (key.at * after) / before;
          if (key.until) key.until = (key.until * after) / before;
        }
        state.seconds = seconds.value = after;
        put();
        ask();
      },
    },
  });
  const easing = choice(
    EASINGS.map(each => [each, `morph.easing.${each}`]),
    state.easing,
    value => {
      state.easing = value;
      ask();
    },
  );
  const fps = choice(
    [
      ["12", "12", true],
      ["25", "25", true],
      ["30", "30", true],
      ["60", "60", true],
    ],
    String(state.fps),
    value => {
      state.fps = Number(value);
      remember("morph", state);
    },
  );
  const format = choice(
    [
      ["mp4", "MP4", true],
      ["webm", "WebM", true],
      ["webp", "WebP", true],
      ["gif", "GIF", true],
    ],
    state.format,
    value => {
      state.format = value;
      remember("morph", state);
    },
  );
  const loop = tick("morph.loop", state.loop, on => {
    state.loop = on;
    make_way_back();
    put();
    ask();
  });

  /** A loop needs time after its last key, for the way back to the first. */
  function make_way_back() {
    const last = Math.max(...state.keys.map(key => key.until ?? key.at)),
      most = (state.keys.length - 1) / state.keys.length;
    if (!state.loop || last < state.seconds * 0.95) return;
    const scale = (most * state.seconds) / last;
    for (const key of state.keys) {
      key.at *= scale;
      if (key.until) key.until *= scale;
    }
  }
  const follow = follower();
  const result = h("div", {class: "result", hidden: true});

  const render = trying(async () => finish(await begin("morph", {...ordered(), fps: state.fps, format: state.format})));

  async function finish(job) {
    stop();
    follow.follow(job);
    render_button.disabled = true;
    const done = await ended(job.id);
    render_button.disabled = false;
    if (done.state !== "done") return;
    const id = done.results[0],
      moving = ["webp", "gif"].includes(done.settings?.format ?? state.format);
    result.hidden = false;
    result.replaceChildren(
      h("h2", {t: "morph.result"}),
      moving
        ? h("img", {src: address(id), "t:alt": "morph.result"})
        : h("video", {src: address(id), controls: true, loop: state.loop, "t:aria-label": "morph.result"}),
      button("download", "action.download", () => save(address(id, true)), {class: "primary"}),
    );
    notice(t("morph.done"), {tone: "good"});
    result.scrollIntoView({block: "nearest"});
  }
  const render_button = h(
    "button",
    {type: "button", class: "primary", on: {click: render}},
    icon("morph"),
    h("span", {t: "morph.render"}),
  );

  const took = trying(async files => {
    const [file] = await send(files.slice(0, 1));
    if (!file) return;
    if (!["image", "video"].includes(file.kind)) return complain({code: "not-a-picture", values: {name: file.name}});
    hold(file);
  });

  const node = h(
    "section",
    {},
    h("h1", {class: "unseen", t: "page.morph"}),
    h(
      "div",
      {class: "hero"},
      picture,
      line,
      h(
        "div",
        {class: "under"},
        h("div", {class: "row"}, play, add),
        h("div", {class: "row"}, chooser("morph.open", `${PICTURES},${CLIPS}`, took), render_button),
      ),
      follow,
      result,
    ),
    h(
      "aside",
      {class: "panel", "t:aria-label": "morph.settings"},
      h("h2", {t: "morph.keys"}),
      h(
        "div",
        {class: "keys-head", "aria-hidden": "true"},
        h("span", {t: "morph.head.style"}),
        h("span", {t: "morph.head.at"}),
        h("span", {t: "morph.head.hold"}),
      ),
      list,
      h("p", {class: "hint", t: "morph.hint"}),
      h(
        "div",
        {class: "pair"},
        field("morph.seconds", seconds),
        field("morph.easing", easing),
        field("morph.fps", fps),
        field("morph.format", format),
      ),
      loop,
    ),
  );

  droppable(node, took);
  pasteable(node, took);

  function show_photo() {
    picture.size(shared.photo.width || 3, shared.photo.height || 2);
    picture.painted(is_clip() ? thumbnail(shared.photo.id, 512) : address(shared.photo.id), t("morph.photo"));
    if (is_clip() && shared.photo.seconds) {
      seconds.value = Math.max(0.5, Math.round(shared.photo.seconds * 10) / 10);
      seconds.dispatchEvent(new Event("change"));
    }
    seconds.disabled = fps.disabled = is_clip();
  }

  let started = false,
    reattached = false;
  when("photo", () => {
    if (started) {
      show_photo();
      put();
      ask();
    }
  });
  when("styles", () => {
    if (started) {
      known();
      put();
      ask();
    }
  });
  document.addEventListener("language", () => started && put());
  every(() => {
    if (reattached) return;
    const job = mine("morph");
    if (!job) return;
    reattached = true;
    if (["waiting", "running"].includes(job.state)) trying(finish)(job);
  });

  return {
    node,
    shown() {
      if (started) return;
      started = true;
      show_photo();
      known();
      put();
      if (shared.styles.length) ask();
    },
    hidden: stop,
    restore(given) {
      Object.assign(state, {
        keys: given.keys,
        seconds: given.seconds ?? state.seconds,
        fps: given.fps ?? 25,
        easing: given.easing ?? "linear",
        loop: Boolean(given.loop),
        format: given.format ?? "mp4",
      });
      seconds.value = state.seconds;
      fill(
        fps,
        [...new Set([12, 25, 30, 60, state.fps])].map(each => [String(each), String(each), true]),
        String(state.fps),
      );
      easing.value = state.easing;
      loop.box.checked = state.loop;
      format.value = state.format;
      started = true;
      show_photo();
      put();
      ask();
    },
  };
}
