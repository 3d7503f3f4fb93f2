// Create: pictures that a model draws, from seeds; more like one, along its sliders, mixed, and painted large.

import {address, get, preview, save} from "./api.js";
import {button, choice, field, fill, h, slider} from "./dom.js";
import {begin, ended, every, mine, view} from "./jobs.js";
import {Live} from "./live.js";
import {announce, complain, notice, trying} from "./notices.js";
import {plane} from "./plane.js";
import {called, hold, remember, remembered, shared, style_title, when} from "./shared.js";
import {stage} from "./stage.js";
import {follower} from "./tray.js";
import {label, number, t} from "./words.js";

const CELLS = 16,
  AT_ONCE = 2,
  FAR = 3,
  PAD = 2.5,
  SHOWN_SLIDERS = 8,
  SCATTER = 0.7;

export function make() {
  const state = {
    model: "portrait",
    seed: 0,
    first: 0,
    sliders: {},
    truncation: 1,
    label: "",
    pad: null,
    mix: null,
    cells: null,
    style: "",
    ...remembered("create"),
  };
  let models = [],
    model = null;

  // ---- one picture ----

  const picture = stage({compares: false});
  picture.classList.add("small");
  const live = new Live(
    "preview/latent",
    "create",
    async blob => {
      const own = document.createElement("canvas");
      draw_own(own, await createImageBitmap(blob));
      own.toBlob(exact => picture.painted(exact, t("create.alt", {model: name_of(state.model), seed: String(state.seed)})));
      picture.busy(false);
    },
    error => {
      picture.busy(false);
      complain(error);
    },
  );

  /** Previews come enlarged in squares: draw them in the model's own pixels, so that the page decides how to enlarge them. */
  function draw_own(canvas, bitmap) {
    Object.assign(canvas, {width: model.width, height: model.height});
    canvas.getContext("2d").drawImage(bitmap, 0, 0, model.width, model.height);
    canvas.classList.add("drawn");
  }
  const is_coarse = () => Math.max(model.width, model.height) <= 32;

  const how = () => ({model: state.model, truncation: state.truncation, ...(state.label ? {label: state.label} : {})});
  const turned = sliders =>
    Object.fromEntries(
      Object.entries(sliders)
        .filter(([, amount]) => Math.abs(amount) > 0.005)
        .map(([name, amount]) => [name, Math.round(amount * 1000) / 1000]),
    );
  const ordered = () => ({...how(), seed: state.seed, ...(state.mix ? {mix: state.mix} : {sliders: turned(state.sliders)})});

  function ask() {
    remember("create", state);
    picture.busy(true);
    live.ask(ordered());
    label(caption, Object.keys(turned(state.sliders)).length || state.mix ? "create.turned" : "create.seed", {
      seed: () => String(state.seed),
    });
    for (const cell of grid.children)
      cell.firstChild.checked =
        Number(cell.dataset.seed) === state.seed && cell.dataset.sliders === JSON.stringify(turned(state.sliders));
    undo.disabled = !Object.keys(turned(state.sliders)).length && !state.mix;
  }

  const name_of = name => called("model", name) ?? name;
  const slider_name = name => called("slider", name) ?? (/^\d+$/.test(name) ? t("create.axis", {n: name}) : name);

  // ---- many pictures ----

  const grid = h("div", {class: "gallery four"});
  let turn = 0;

  /** Fill the grid: seeds one after the other, or variations of one picture. */
  async function fill_grid(cells) {
    const mine = ++turn;
    state.cells = cells;
    remember("create", state);
    grid.replaceChildren(
      ...cells.map((cell, i) => {
        const input = h("input", {type: "radio", name: "cell", value: i, on: {change: () => take(cell)}});
        const words = h("span", {class: "words"});
        label(words, cell.sliders ? "create.variation" : "create.seed", {n: i + 1, seed: () => String(cell.seed)});
        return h(
          "label",
          {class: "thumb", data: {seed: cell.seed, sliders: JSON.stringify(turned(cell.sliders ?? {}))}},
          input,
          h("canvas", {width: 128, height: 128, "aria-hidden": "true"}),
          words,
        );
      }),
    );
    const todo = cells.map((cell, i) => [cell, i]);
    const options = how();
    await Promise.all(
      Array.from({length: AT_ONCE}, async () => {
        while (todo.length && mine === turn) {
          const [cell, i] = todo.shift();
          try {
            const body = {
              view: `cell-${i}-${view}`,
              sequence: mine,
              background: true,
              ...options,
              seed: cell.seed,
              sliders: turned(cell.sliders ?? {}),
            };
            const bitmap = await createImageBitmap(await preview("preview/latent", body));
            if (mine !== turn) return;
            draw_own(grid.children[i].querySelector("canvas"), bitmap);
          } catch (error) {
            if (mine === turn && error.code !== "superseded") {
              complain(error);
              return;
            }
          }
        }
      }),
    );
  }

  const row_of = first => Array.from({length: CELLS}, (_, i) => ({seed: first + i}));

  function take(cell) {
    state.seed = cell.seed;
    state.sliders = {...cell.sliders};
    state.mix = null;
    mix_layers.value = "";
    seed.value = cell.seed;
    show_sliders();
    ask();
    announce("create.taken", {seed: String(cell.seed)});
  }

  /** Pictures near the one in hand: its sliders turned a little, each in its own way. */
  const more_like_this = trying(() => {
    if (!model?.sliders?.length) return notice(t("create.no-sliders"));
    const near = Array.from({length: CELLS}, (_, i) => ({
      seed: state.seed,
      sliders:
        i === 0
          ? {...state.sliders}
          : Object.fromEntries(
              model.sliders
                .slice(0, 32)
                .map(name => [name, Math.max(-FAR, Math.min(FAR, (state.sliders[name] ?? 0) + SCATTER * normal()))]),
            ),
    }));
    announce("create.near", {seed: String(state.seed)});
    return fill_grid(near);
  });
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

  // ---- what can be turned ----

  const sliders = h("div", {class: "sliders"}),
    more = h("div", {class: "sliders"});
  const more_box = h("details", {}, h("summary", {t: "create.more"}), more);
  let knobs = new Map();

  function make_sliders() {
    knobs = new Map();
    const made = (model.sliders ?? [])
      .slice(0, 32)
      .sort((a, b) => /^\d+$/.test(a) - /^\d+$/.test(b))
      .map(name => {
        const knob = slider("create.axis", {
          min: -FAR,
          max: FAR,
          step: 0.05,
          value: state.sliders[name] ?? 0,
          told: value => (value > 0 ? "+" : "") + number(value, 1),
          input: value => {
            state.sliders[name] = value;
            leave_mix();
            put_pad();
            ask();
          },
        });
        label(knob.firstChild, "create.slider", {name: () => slider_name(name)});
        knobs.set(name, knob);
        return knob;
      });
    sliders.replaceChildren(...made.slice(0, SHOWN_SLIDERS));
    more.replaceChildren(...made.slice(SHOWN_SLIDERS));
    more_box.hidden = made.length <= SHOWN_SLIDERS;
    const options = (model.sliders ?? []).slice(0, 32).map(name => [name, slider_name(name), true]);
    for (const [axis, i] of [
      [across, 0],
      [up, 1],
    ])
      fill(axis, options, options[i]?.[0]);
    pad_box.hidden = options.length < 2;
    put_pad();
  }

  function show_sliders() {
    for (const [name, knob] of knobs) knob.set(state.sliders[name] ?? 0);
    put_pad();
  }

  function leave_mix() {
    state.mix = null;
    mix_layers.value = "";
  }

  const pad = plane({
    key: "create.pad",
    hint: "create.pad.hint",
    shape: "cross",
    weigh: () => ({}),
    spell: () =>
      [across, up].map(axis => `${slider_name(axis.value)} ${number(state.sliders[axis.value] ?? 0, 1)}`).join(t("list.comma")),
    moved() {
      const [x, y] = pad.at();
      state.sliders[across.value] = (x * 2 - 1) * PAD;
      state.sliders[up.value] = (1 - y * 2) * PAD;
      leave_mix();
      for (const axis of [across, up]) knobs.get(axis.value)?.set(state.sliders[axis.value]);
      ask();
    },
  });
  const across = choice([], "", put_pad),
    up = choice([], "", put_pad);
  const pad_box = h(
    "div",
    {class: "planar"},
    h("h2", {t: "create.pad"}),
    pad,
    h("div", {class: "pair"}, field("create.across", across), field("create.up", up)),
  );

  function put_pad() {
    const part = axis => Math.min(1, Math.max(-1, (state.sliders[axis.value] ?? 0) / PAD));
    pad.move((part(across) + 1) / 2, (1 - part(up)) / 2);
  }

  const undo = button(
    "restore",
    "create.undo",
    () => {
      state.sliders = {};
      leave_mix();
      show_sliders();
      ask();
    },
    {class: "quiet"},
  );

  // ---- settings ----

  const model_choice = choice([], "", name => {
    state.model = name;
    state.sliders = {};
    state.label = "";
    leave_mix();
    take_model();
    start_grid();
    ask();
  });
  const label_choice = choice([], "", value => {
    state.label = value;
    start_grid();
    ask();
  });
  const truncation = slider("create.truncation", {
    min: 0,
    max: 1.5,
    step: 0.05,
    value: state.truncation,
    told: value => number(value, 2),
    input: value => {
      state.truncation = value;
      ask();
    },
    change: () => start_grid(),
  });
  const seed = h("input", {
    type: "number",
    min: 0,
    max: 2 ** 48,
    step: 1,
    value: state.seed,
    on: {change: () => take({seed: Math.max(0, Math.floor(Number(seed.value) || 0))})},
  });
  const mix_seed = h("input", {type: "number", min: 0, max: 2 ** 48, step: 1, value: 1, on: {change: mixed}});
  const mix_layers = choice(
    [
      ["", "create.mix.none"],
      ["coarse", "create.mix.coarse"],
      ["middle", "create.mix.middle"],
      ["fine", "create.mix.fine"],
    ],
    "",
    mixed,
  );
  function mixed() {
    state.mix = mix_layers.value
      ? {seed: Math.max(0, Math.floor(Number(mix_seed.value) || 0)), layers: mix_layers.value}
      : null;
    if (state.mix) {
      state.sliders = {};
      show_sliders();
    }
    ask();
  }

  function take_model() {
    model = models.find(({name}) => name === state.model) ?? models[0];
    if (!model) return;
    state.model = model.name;
    fill(
      model_choice,
      models.map(({name}) => [name, name_of(name), true]),
      model.name,
    );
    fill(
      label_choice,
      [["", "create.any"], ...(model.classes ?? []).map(name => [name, called("class", name) ?? name, true])],
      state.label,
    );
    label_field.hidden = !model.classes?.length;
    picture.size(model.width, model.height);
    picture.crisp(is_coarse());
    grid.classList.toggle("crisp", is_coarse());
    make_sliders();
    label(about, "create.about", {width: model.width, height: model.height});
  }

  const start_grid = () => {
    fill_grid(row_of(state.first)).catch(complain);
  };
  const follow = follower(),
    result = h("div", {class: "result", hidden: true});

  // ---- jobs ----

  const download = trying(async () =>
    finish(
      await begin("generate", {
        ...ordered(),
        transparent: model.channels === 4,
        scale: Math.max(1, Math.floor(512 / Math.max(model.width, model.height))),
      }),
    ),
  );
  const walk = trying(async () =>
    finish(
      await begin("walk", {
        ...how(),
        seeds: [state.seed, state.seed + 1, state.seed + 2],
        seconds: 6,
        loop: true,
        scale: Math.max(1, Math.floor(512 / Math.max(model.width, model.height))),
      }),
    ),
  );
  const style = choice([], "", value => {
    state.style = value;
    remember("create", state);
  });
  const paint = trying(async () => {
    const styles = {[style.value]: 1};
    finish(await begin("paint", {...how(), seed: state.seed, styles, size: 1024}));
  });

  async function finish(job) {
    follow.follow(job);
    const done = await ended(job.id);
    if (done.state !== "done") return;
    const id = done.results[0];
    result.hidden = false;
    const film = done.kind === "walk";
    result.replaceChildren(
      film
        ? h("video", {
            src: address(id),
            controls: true,
            loop: true,
            muted: true,
            autoplay: !matchMedia("(prefers-reduced-motion: reduce)").matches,
            "t:aria-label": `job.kind.${done.kind}`,
          })
        : h("img", {src: address(id), "t:alt": `job.kind.${done.kind}`, class: done.kind === "generate" ? "pixels" : ""}),
      h(
        "div",
        {class: "row"},
        button("download", "action.download", () => save(address(id, true)), {class: "primary"}),
        ...(film
          ? []
          : [
              button(
                "style",
                "create.to-style",
                trying(async () => {
                  hold(await get(`files/${id}/about`));
                  location.hash = "style";
                }),
              ),
            ]),
      ),
    );
    if (done.kind === "generate") save(address(id, true));
    notice(t("create.done"), {tone: "good"});
    result.scrollIntoView({block: "nearest"});
  }

  const caption = h("p", {class: "caption"}),
    about = h("p", {class: "hint"});
  const label_field = field("create.label", label_choice);
  const node = h(
    "section",
    {},
    h("h1", {class: "unseen", t: "page.create"}),
    h(
      "div",
      {class: "hero"},
      h(
        "div",
        {class: "split"},
        h(
          "div",
          {class: "hero"},
          picture,
          h(
            "div",
            {class: "under"},
            caption,
            h("div", {class: "row"}, undo, button("download", "action.download", download, {class: "primary"})),
          ),
        ),
        h(
          "div",
          {class: "hero"},
          h(
            "div",
            {class: "row ends"},
            h("h2", {t: "create.grid"}),
            h(
              "div",
              {class: "row"},
              button("dice", "create.new", () => {
                state.first = Math.floor(Math.random() * 1e6);
                start_grid();
              }),
              button("create", "create.more-like", more_like_this),
            ),
          ),
          h("fieldset", {class: "bare"}, h("legend", {class: "unseen", t: "create.grid"}), grid),
        ),
      ),
      follow,
      result,
      h(
        "div",
        {class: "card"},
        h("h2", {t: "create.paint"}),
        h("p", {class: "hint", t: "create.paint.hint"}),
        h("div", {class: "row"}, style, button("brush", "create.paint.go", paint), button("play", "create.walk", walk)),
      ),
      h("div", {class: "card"}, h("h2", {t: "create.sliders"}), sliders, more_box),
    ),
    h(
      "aside",
      {class: "panel", "t:aria-label": "create.settings"},
      h("div", {class: "pair"}, field("create.model", model_choice), field("create.seed-field", seed)),
      about,
      label_field,
      truncation,
      pad_box,
      h("h2", {t: "create.mix"}),
      h("div", {class: "pair"}, field("create.mix.seed", mix_seed), field("create.mix.layers", mix_layers)),
    ),
  );

  label(style, "create.paint.style", {}, "aria-label");
  const fill_styles = () =>
    fill(
      style,
      shared.styles.map(({name}) => [name, style_title(name), true]),
      state.style || shared.styles[2]?.name,
    );
  when("styles", fill_styles);
  fill_styles();
  document.addEventListener("language", () => {
    if (!model) return;
    fill_styles();
    take_model();
  });

  let started = false,
    reattached = false;
  every(() => {
    if (reattached) return;
    const job = mine("generate", "paint", "walk");
    if (!job) return;
    reattached = true;
    if (["waiting", "running"].includes(job.state)) trying(finish)(job);
  });

  async function start() {
    if (started) return;
    started = true;
    await fetch_models();
    if (state.cells) fill_grid(state.cells).catch(complain);
    else start_grid();
    ask();
  }

  async function fetch_models() {
    const told = await get("models");
    models = told.filter(each => each.kind === "image");
    take_model();
  }

  return {
    node,
    shown() {
      started ? trying(fetch_models)() : trying(start)();
    },
    async restore(given) {
      Object.assign(state, {
        model: given.model ?? state.model,
        seed: given.seed ?? 0,
        sliders: given.sliders ?? {},
        mix: given.mix ?? null,
        truncation: given.truncation ?? 1,
        label: given.label ?? "",
      });
      seed.value = state.seed;
      truncation.set(state.truncation);
      await start();
      take_model();
      if (state.mix) {
        mix_seed.value = state.mix.seed;
        mix_layers.value = state.mix.layers;
      }
      ask();
    },
  };
}
