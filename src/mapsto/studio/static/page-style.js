// Style: a photo, a map of styles, and the picture that follows the point on it.

import {address, bytes, post, save, thumbnail} from "./api.js";
import {neighbours, apart} from "./blend.js";
import {button, choice, field, h, icon, slider, tick} from "./dom.js";
import {CLIPS, PICTURES, chooser, droppable, pasteable, send} from "./files.js";
import {gallery, thumbnails} from "./gallery.js";
import {begin, ended, every, mine} from "./jobs.js";
import {Live} from "./live.js";
import {mask} from "./mask.js";
import {announce, complain, notice, trying} from "./notices.js";
import {plane} from "./plane.js";
import {hold, is_picture, remember, remembered, SAMPLE, share, shared, style_of, style_title, when} from "./shared.js";
import {offer} from "./restore.js";
import {stage} from "./stage.js";
import {follower} from "./tray.js";
import {label, percent, t} from "./words.js";

const FAST = 256,
  FINE = 768,
  FIRST = "stained-glass";

export function make() {
  const kept = remembered("style");
  const state = {styles: {[FIRST]: 1}, strength: 1, keep_colours: false, seed: 0, size: "", format: "png", at: 0, ...kept};
  let batch = [],
    busy = false;

  // ---- the picture ----

  const picture = stage({cut: 0.3});
  const live = new Live("preview", "style", shown, error => {
    picture.busy(false);
    complain(error);
  });
  const brush = mask(picture, settled => ask(settled));
  const is_clip = () => shared.photo.kind === "video";

  function ordered() {
    return {
      image: shared.photo.id,
      styles: state.styles,
      strength: state.strength,
      keep_colours: state.keep_colours,
      seed: state.seed,
      mask: is_clip() ? null : brush.png(),
    };
  }

  function ask(settled = true) {
    remember("style", state);
    map_shows();
    picture.busy(true);
    busy = true;
    live.ask({...ordered(), side: settled ? FINE : FAST, ...(is_clip() ? {at: state.at} : {})}, {now: settled});
  }

  function shown(blob, body) {
    picture.painted(blob, t("style.painted", {style: named(body.styles)}));
    if (body.side === FINE) {
      busy = false;
      picture.busy(false);
    }
  }

  const named = styles =>
    Object.entries(styles)
      .sort((a, b) => b[1] - a[1])
      .map(([name, weight]) => (weight < 0.995 ? `${style_title(name)} ${percent(weight)}` : style_title(name)))
      .join(t("list.comma"));

  function show_photo() {
    const {id, width, height} = shared.photo;
    picture.size(width || 3, height || 2);
    picture.original(is_clip() ? thumbnail(id, 512) : address(id));
    brush.reset(width || 3, height || 2);
    brush.hidden = is_clip();
    moment.hidden = !is_clip();
    moment.range.max = shared.photo.seconds ?? 10;
    label(caption, id === "sample" ? "style.sample" : "style.own", {name: shared.photo.name ?? ""});
    for (const cell of strip.children) cell.firstChild.setAttribute("aria-pressed", String(cell.dataset.id === id));
  }

  // ---- files ----

  const caption = h("p", {class: "caption"});
  const strip = h("ul", {class: "strip", hidden: true, "t:aria-label": "style.photos"});
  const sending = h("progress", {max: 1, value: 0, hidden: true, "t:aria-label": "files.sending"});

  const took = trying(async files => {
    sending.hidden = false;
    const found = (
      await send(files, part => {
        sending.value = part;
      })
    ).filter(each => ["image", "video"].includes(each.kind) || refuse(each));
    sending.hidden = true;
    if (!found.length) return;
    batch = found.length > 1 ? found : batch.length > 1 ? [...batch, ...found] : found;
    show_strip();
    hold(found[0]);
    announce("style.loaded", {name: found[0].name});
    if (found.length === 1) offer(found[0]);
  });

  function refuse(file) {
    complain({code: "not-a-picture", values: {name: file.name}});
    return false;
  }

  function show_strip() {
    strip.hidden = batch.length < 2;
    all.hidden = batch.length < 2;
    label(all.lastChild, "style.all", {n: batch.length});
    strip.replaceChildren(
      ...batch.map(file =>
        h(
          "li",
          {data: {id: file.id}},
          h(
            "button",
            {
              type: "button",
              class: "small-picture",
              "aria-pressed": "false",
              "aria-label": file.name,
              title: file.name,
              on: {click: () => hold(file)},
            },
            h("img", {src: thumbnail(file.id, 128), alt: "", loading: "lazy"}),
          ),
        ),
      ),
    );
  }

  // ---- styles ----

  const map = plane({
    key: "style.map",
    hint: "style.map.hint",
    weigh: neighbours,
    moved(weights, settled) {
      state.styles = weights;
      state.point = map.at();
      styles.mark(weights);
      ask(settled);
    },
  });
  const styles = gallery(name => {
    state.styles = {[name]: 1};
    state.point = null;
    ask();
    announce("style.chosen", {style: style_title(name)});
  });

  let spots = [];
  function show_styles() {
    if (!shared.styles.length) return;
    const known = Object.fromEntries(Object.entries(state.styles).filter(([name]) => style_of(name) || is_picture(name)));
    if (!Object.keys(known).length) known[shared.styles[0].name] = 1;
    const changed = Object.keys(known).join() !== Object.keys(state.styles).join();
    if (changed) state.point = null;
    state.styles = known;
    if (changed && started) ask();
    spots = apart(
      shared.styles.map(({name, x, y}) => ({name, x: 0.05 + 0.9 * x, y: 0.05 + 0.9 * y})),
      0.096,
    );
    map.show(spots.map(({name, x, y}) => ({name, x, y, title: () => style_title(name), picture: thumbnails.canvas(name)})));
    map_shows();
  }

  /** Bring the point where the weights are, unless it is there. */
  function map_shows() {
    const known = spots.filter(({name}) => name in state.styles);
    styles.mark(state.styles);
    if (!known.length) return;
    if (state.point) return map.move(...state.point, state.styles);
    const mean = axis => known.reduce((all, spot) => all + spot[axis] * state.styles[spot.name], 0);
    const sum = known.reduce((all, spot) => all + state.styles[spot.name], 0) || 1;
    state.point = [mean("x") / sum, mean("y") / sum];
    map.move(...state.point, state.styles);
  }

  const own_style = trying(async files => {
    const [file] = await send(files.slice(0, 1));
    if (!file || file.kind !== "image") return;
    const place = await post("styles/place", {image: file.id});
    share("styles", [
      ...shared.styles.filter(({name}) => name !== file.id),
      {...place, name: file.id, title: {en: file.name, zh: file.name}, source: {}, own: true},
    ]);
    state.styles = {[placed.name]: 1};
    state.point = null;
    ask();
  });

  // ---- controls ----

  const strength = slider("style.strength", {
    value: state.strength,
    told: percent,
    input: value => {
      state.strength = value;
      ask(false);
    },
    change: () => ask(),
  });
  const keep = tick("style.keep", state.keep_colours, on => {
    state.keep_colours = on;
    ask();
  });
  const moment = slider("style.moment", {
    min: 0,
    max: 10,
    step: 0.04,
    value: 0,
    told: value => `${value.toFixed(1)} s`,
    input: value => {
      state.at = value;
      ask(false);
    },
    change: () => ask(),
  });
  moment.hidden = true;
  const seed = h("input", {
    type: "number",
    min: 0,
    max: 2 ** 31,
    step: 1,
    value: state.seed,
    on: {
      change: event => {
        state.seed = Math.max(0, Math.floor(event.target.value || 0));
        ask();
      },
    },
  });
  const size = choice(
    [
      ["", "style.size.own"],
      ["1024", "1024", true],
      ["2048", "2048", true],
      ["4096", "4096", true],
    ],
    state.size,
    value => {
      state.size = value;
      remember("style", state);
    },
  );
  const format = choice(
    [
      ["png", "PNG", true],
      ["jpg", "JPEG", true],
      ["webp", "WebP", true],
    ],
    state.format,
    value => {
      state.format = value;
      remember("style", state);
    },
  );
  const follow = follower();

  const settings = () =>
    is_clip()
      ? {
          video: shared.photo.id,
          styles: state.styles,
          strength: state.strength,
          keep_colours: state.keep_colours,
          seed: state.seed,
          stability: 0.8,
          format: "mp4",
        }
      : {...ordered(), size: state.size ? Number(state.size) : null, format: state.format};

  const paint = trying(async () => {
    const job = await begin(is_clip() ? "clip" : "style", settings());
    finish(job);
  });
  const all = button(
    "download",
    "style.all",
    trying(async () => {
      const {image, mask: _, ...rest} = settings();
      finish(
        await begin("batch", {...rest, images: batch.filter(file => file.kind === "image").map(file => file.id), mask: null}),
      );
    }),
    {hidden: true},
  );

  /** Follow a job to its end, and hand over what it made. */
  async function finish(job) {
    follow.follow(job);
    const done = await ended(job.id);
    if (done.state !== "done") return;
    if (done.results.length === 1) save(address(done.results[0], true));
    else {
      const zip = URL.createObjectURL(await bytes("export", {ids: done.results}));
      save(zip, "mapsto.zip");
      setTimeout(() => URL.revokeObjectURL(zip), 60000);
    }
    notice(t("style.saved", {n: done.results.length}), {tone: "good"});
  }

  /** After a reload, a job that still goes on is taken up again. */
  let reattached = false;
  every(() => {
    if (reattached) return;
    const job = mine("style", "clip", "batch");
    if (!job) return;
    reattached = true;
    if (["waiting", "running"].includes(job.state)) trying(finish)(job);
  });

  const node = h(
    "section",
    {class: "style"},
    h("h1", {class: "unseen", t: "page.style"}),
    h(
      "div",
      {class: "hero"},
      picture,
      strip,
      h(
        "div",
        {class: "under"},
        caption,
        sending,
        h(
          "div",
          {class: "row"},
          chooser("style.open", `${PICTURES},${CLIPS}`, took, {multiple: true}),
          h(
            "button",
            {type: "button", class: "primary", on: {click: paint}},
            icon("download"),
            h("span", {t: "style.download"}),
          ),
          all,
        ),
      ),
      follow,
    ),
    h("div", {class: "wide"}, styles, chooser("style.own-style", PICTURES, own_style, {class: "quiet", picture: "add"})),
    h(
      "aside",
      {class: "panel", "t:aria-label": "style.controls"},
      h("h2", {t: "style.map"}),
      map,
      strength,
      keep,
      moment,
      brush,
      h(
        "details",
        {},
        h("summary", {t: "style.more"}),
        h("div", {class: "pair"}, field("style.size", size), field("style.format", format)),
        field("style.seed", seed, "style.seed.hint"),
      ),
    ),
  );

  droppable(node, took);
  pasteable(node, took);
  when("photo", () => {
    show_photo();
    state.at = 0;
    if (started) ask();
  });
  when("styles", show_styles);
  document.addEventListener("language", () => {
    if (started && !busy) picture.after.alt = t("style.painted", {style: named(state.styles)});
  });

  let started = false;
  function start() {
    started = true;
    show_photo();
    show_styles();
    const first = shared.photo.id === SAMPLE.id && !Object.keys(kept).length;
    if (first) {
      // what is painted at first comes with the page, so that nobody waits
      picture.painted("sample-painted.webp", t("style.painted", {style: style_title(FIRST)}));
      when("ready", () => live.sequence || ask());
      if (shared.ready) ask();
    } else if (shared.styles.length) ask();
    else when("styles", () => live.sequence || ask());
  }

  return {
    node,
    shown() {
      if (!started) start();
    },
    hidden() {
      brush.use(false);
    },
    async restore(given) {
      Object.assign(state, {
        styles: given.styles ?? state.styles,
        strength: given.strength ?? 1,
        keep_colours: given.keep_colours ?? false,
        seed: given.seed ?? 0,
        size: given.size ? String(given.size) : "",
        format: given.format ?? state.format,
        point: null,
      });
      strength.set(state.strength);
      keep.box.checked = state.keep_colours;
      seed.value = state.seed;
      size.value = state.size;
      format.value = state.format;
      ask();
      notice(t("style.restored", {style: named(state.styles)}), {tone: "good"});
    },
  };
}
