// Music: a triangle of styles, a way along the bars, a piano roll, and timbres to play it with.

import {address, get, preview, save} from "./api.js";
import {in_triangle, neighbours, normal} from "./blend.js";
import {button, choice, field, fill, h, icon, sign, slider} from "./dom.js";
import {SCORES, chooser, droppable, send} from "./files.js";
import {begin, ended, every, mine, view} from "./jobs.js";
import {announce, complain, trying} from "./notices.js";
import {plane} from "./plane.js";
import {offer} from "./restore.js";
import {called, remember, remembered} from "./shared.js";
import {follower} from "./tray.js";
import {roll} from "./roll.js";
import {label, number, percent, t} from "./words.js";

const CORNERS = [
  {x: 0.5, y: 0.1},
  {x: 0.06, y: 0.88},
  {x: 0.94, y: 0.88},
];
const KEYS = ["C", "G", "D", "A", "E", "F", "Bb", "Eb", "Ab", "Am", "Em", "Bm", "F#m", "Dm", "Gm", "Cm", "Fm"];
const VOICES = ["melody", "alto", "tenor", "bass"];
const FORMS = ["aaba", "abab", "pairs", "free"];
const PITCH = 67;
const key_name = key => (key ?? "").replace("b", "♭").replace("#", "♯");

export function make() {
  const state = {
    corners: ["ragtime", "lied", "polish-dance"],
    at: [0.5, 0.42],
    bars: 16,
    seed: 0,
    key: "",
    meter: "",
    tempo: "",
    form: "aaba",
    way: [],
    along: false,
    timbre: {},
    cast: {},
    voice: "melody",
    given: null,
    given_as: "variation",
    amount: 0.3,
    ...remembered("music"),
  };
  let composers = [],
    instruments = [],
    score = null,
    files = null,
    playing = false;

  const style_name = name => called("music", name) ?? name;
  const instrument_name = name => called("instrument", name) ?? name;

  // ---- styles ----

  const weigh = (places, x, y) =>
    normal(
      in_triangle(CORNERS, x, y)
        .map((weight, i) => [state.corners[i], weight])
        .reduce((all, [name, weight]) => {
          const same = all.find(each => each[0] === name);
          if (same) same[1] += weight;
          else all.push([name, weight]);
          return all;
        }, []),
    );
  const within = (x, y) => {
    const parts = in_triangle(CORNERS, x, y);
    return ["x", "y"].map(axis => parts.reduce((all, part, i) => all + part * CORNERS[i][axis], 0));
  };
  const triangle = plane({
    key: "music.triangle",
    hint: "music.triangle.hint",
    shape: "triangle named",
    weigh,
    within,
    moved(weights, settled) {
      state.at = triangle.at();
      if (settled) changed();
    },
  });
  const corners = [0, 1, 2].map(i =>
    choice([], "", name => {
      state.corners[i] = name;
      put_triangle();
      changed();
    }),
  );

  function put_triangle() {
    triangle.show([0, 1, 2].map(i => ({name: state.corners[i], ...CORNERS[i], title: () => style_name(state.corners[i])})));
    triangle.move(...state.at);
  }

  // ---- along the bars ----

  const curve = h("canvas", {class: "curve", width: 600, height: 120, role: "img", hidden: true});
  const stops = h("ol", {class: "keys stops"});
  const along = h(
    "div",
    {class: "along", hidden: true},
    curve,
    stops,
    button("add", "music.add-stop", () => {
      const last = state.way.at(-1);
      state.way.push({style: state.corners[state.way.length % 3], bar: Math.min(state.bars, (last?.bar ?? -3) + 4)});
      put_way();
      changed();
    }),
  );
  const mode = choice(
    [
      ["", "music.one-blend"],
      ["along", "music.along"],
    ],
    state.along ? "along" : "",
    value => {
      state.along = value === "along";
      if (state.along && state.way.length < 2)
        state.way = state.corners.slice(0, 2).map((style, i) => ({style, bar: i ? state.bars : 1}));
      put_way();
      changed();
    },
  );

  function put_way() {
    along.hidden = !state.along;
    triangle.hidden = corner_fields.hidden = state.along;
    state.way.sort((a, b) => a.bar - b.bar);
    const rising = state.way.every((stop, i) => !i || stop.bar > state.way[i - 1].bar);
    stops.replaceChildren(
      ...state.way.map((stop, i) => {
        const style = choice(
          names().map(name => [name, style_name(name), true]),
          stop.style,
          value => {
            stop.style = value;
            put_way();
            changed();
          },
        );
        const bar = h("input", {
          type: "number",
          min: 1,
          max: state.bars,
          step: 1,
          value: stop.bar,
          on: {
            change: () => {
              stop.bar = Math.min(state.bars, Math.max(1, Math.round(Number(bar.value) || 1)));
              put_way();
              changed();
            },
          },
        });
        bar.setAttribute("aria-invalid", String(!rising));
        label(style, "music.stop.style", {n: i + 1}, "aria-label");
        label(bar, "music.stop.bar", {n: i + 1}, "aria-label");
        return h(
          "li",
          {},
          style,
          bar,
          sign(
            "trash",
            "music.remove-stop",
            () => {
              state.way.splice(i, 1);
              put_way();
              changed();
            },
            {disabled: state.way.length <= 2},
          ),
        );
      }),
    );
    draw_curve();
  }

  /** How much of every style there is, bar by bar, as bands. */
  function draw_curve() {
    curve.hidden = !state.along;
    if (curve.hidden) return;
    const context = curve.getContext("2d"),
      {width, height} = curve,
      dark = document.documentElement.dataset.theme === "dark";
    const used = [...new Set(state.way.map(stop => stop.style))],
      colours = dark
        ? ["#f2936f", "#7fc1e3", "#8fd39b", "#cfa3e3", "#e3c46a"]
        : ["#a8401f", "#2f6b8f", "#3d7a4a", "#7a4b8f", "#8a6a14"];
    context.clearRect(0, 0, width, height);
    const weights = bar => {
      const after = state.way.find(stop => stop.bar >= bar) ?? state.way.at(-1),
        before = [...state.way].reverse().find(stop => stop.bar <= bar) ?? state.way[0];
      const part = after.bar === before.bar ? 0 : (bar - before.bar) / (after.bar - before.bar),
        found = Object.fromEntries(used.map(name => [name, 0]));
      found[before.style] += 1 - part;
      found[after.style] += part;
      return found;
    };
    for (let x = 0; x < width; x += 2) {
      let y = 0;
      const found = weights(1 + (x / width) * (state.bars - 1));
      used.forEach((name, i) => {
        context.fillStyle = colours[i % colours.length];
        context.fillRect(x, y, 2, found[name] * height);
        y += found[name] * height;
      });
    }
    label(
      curve,
      "music.curve.alt",
      {way: () => state.way.map(stop => `${style_name(stop.style)} ${stop.bar}`).join(", ")},
      "aria-label",
    );
  }

  const names = () => composers[0]?.styles.map(style => style.name) ?? state.corners;

  // ---- composing ----

  const ordered = () => ({
    ...(state.along ? {path: state.way} : {styles: triangle.weights}),
    bars: state.bars,
    seed: state.seed,
    form: state.form,
    ...(state.key ? {key: state.key} : {}),
    ...(state.meter ? {meter: state.meter} : {}),
    ...(state.tempo ? {tempo_bpm: Number(state.tempo)} : {}),
  });

  const sheet = roll(quarters => {
    if (audio.src) {
      audio.currentTime = (quarters * 60) / score.tempo_bpm;
      if (audio.paused) audio.play();
    }
  });
  const told = h("p", {class: "soft"});
  let turn = 0,
    asked = null;

  function changed() {
    remember("music", state);
    files = null;
    play.disabled = false;
    clearTimeout(asked);
    asked = setTimeout(sketch, 120);
  }

  /** New notes for what is asked, to be seen; they are heard when they are played. */
  const sketch = trying(async () => {
    if (state.given) return;
    sheet.classList.add("working");
    try {
      const body = {view: `score-${view}`, sequence: ++turn, ...ordered(), bars: Math.min(64, state.bars)};
      const blob = await preview("preview/score", body);
      show(JSON.parse(await blob.text()));
    } finally {
      sheet.classList.remove("working");
    }
  });

  function show(given) {
    score = given.score ?? given;
    sheet.show(score);
    label(told, "music.told", {
      bars: score.bars,
      key: key_name(score.key),
      meter: score.meter ?? "",
      tempo: Math.round(score.tempo_bpm),
      notes: score.tracks.reduce((all, track) => all + track.notes.length, 0),
    });
  }

  const audio = h("audio", {preload: "auto"});
  const play = h("button", {type: "button", class: "primary"}, icon("play"), h("span", {t: "music.play"}));
  play.addEventListener(
    "click",
    trying(async () => {
      if (!audio.paused) return audio.pause();
      if (!files) await write();
      if (files) await audio.play();
    }),
  );
  const still = () => {
    playing = !audio.paused;
    play.replaceChildren(icon(playing ? "pause" : "play"), h("span", {t: playing ? "music.pause" : "music.play"}));
    if (playing) requestAnimationFrame(step);
  };
  const step = () => {
    sheet.at((audio.currentTime * score.tempo_bpm) / 60);
    if (!audio.paused) requestAnimationFrame(step);
  };
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, still);
  audio.addEventListener("ended", () => sheet.at(null));

  const follow = follower();

  /** The piece as files: its notes, and its sound with the instruments chosen. */
  async function write() {
    const cast = Object.fromEntries(Object.entries(state.cast).filter(([, timbre]) => Object.keys(timbre).length));
    const from = state.given
      ? {
          [state.given_as]: state.given,
          amount: state.amount,
          ...(state.given_as === "continued" ? {} : {bars: score?.bars ?? state.bars}),
        }
      : {};
    const settings = {...ordered(), ...from, wav: !Object.keys(cast).length};
    if (state.given) {
      delete settings.path;
      delete settings.key;
      delete settings.meter;
      delete settings.tempo_bpm;
    }
    return listen(await begin("compose", settings), cast);
  }

  async function listen(job, cast = {}) {
    follow.follow(job);
    play.disabled = true;
    try {
      let done = await ended(job.id);
      if (done.state !== "done") return;
      let midi = done.results[0],
        wav = done.results.find(id => id !== midi);
      show(await get(`files/${midi}/notes`));
      if (!wav) {
        const playing_job = await begin("play", {score: midi, instruments: cast});
        follow.follow(playing_job);
        done = await ended(playing_job.id);
        if (done.state !== "done") return;
        wav = done.results[0];
      }
      files = {midi, wav};
      audio.src = address(wav);
      midi_button.disabled = wav_button.disabled = false;
      announce("music.ready");
    } finally {
      play.disabled = false;
    }
  }

  const fetch_file = kind =>
    trying(async () => {
      if (!files) await write();
      if (files) save(address(files[kind], true));
    });
  const midi_button = button("download", "music.midi", fetch_file("midi")),
    wav_button = button("download", "music.wav", fetch_file("wav"));

  // ---- a piece of one's own ----

  const given_told = h("p", {class: "hint"});
  const given_as = choice(
    [
      ["variation", "music.vary"],
      ["continued", "music.continue"],
    ],
    state.given_as,
    value => {
      state.given_as = value;
      amount.hidden = value !== "variation";
      changed();
    },
  );
  const amount = slider("music.amount", {
    min: 0,
    max: 1,
    step: 0.05,
    value: state.amount,
    told: percent,
    change: value => {
      state.amount = value;
      changed();
    },
  });
  const given_box = h(
    "div",
    {class: "tools", hidden: true},
    given_told,
    field("music.given-as", given_as),
    amount,
    button(
      "close",
      "music.leave",
      () => {
        take_piece(null);
        changed();
      },
      {class: "quiet"},
    ),
  );
  const took = trying(async found => {
    const [file] = await send(found.slice(0, 1));
    if (!file) return;
    if (file.kind !== "midi") return complain({code: "not-a-score", values: {name: file.name}});
    take_piece(file);
    show(await get(`files/${file.id}/notes`));
    files = null;
    offer(file);
  });
  function take_piece(file) {
    state.given = file?.id ?? null;
    given_box.hidden = !file;
    if (file) label(given_told, "music.given", {name: file.name});
    remember("music", state);
  }

  // ---- timbre ----

  const timbre = plane({
    key: "music.timbre",
    hint: "music.timbre.hint",
    shape: "named",
    weigh: (places, x, y) => neighbours(places, x, y, 3),
    moved(weights, settled) {
      state.timbre = weights;
      if (settled) hear();
    },
  });
  const note = h("audio", {preload: "auto"});
  let notes = 0,
    note_address = "";
  const hear = trying(async () => {
    remember("music", state);
    const blob = await preview("preview/sound", {
      view: `sound-${view}`,
      sequence: ++notes,
      timbre: timbre.weights,
      pitch: PITCH,
      seconds: 1,
      velocity: 0.7,
    });
    URL.revokeObjectURL(note_address);
    note.src = note_address = URL.createObjectURL(blob);
    await note.play();
  });
  const voice = choice(
    VOICES.map(name => [name, `name.voice.${name}`]),
    state.voice,
    value => {
      state.voice = value;
    },
  );
  const cast = h("ul", {class: "cast"});
  const give = button("music", "music.give", () => {
    state.cast[state.voice] = {...timbre.weights};
    show_cast();
    changed_sound();
  });
  function changed_sound() {
    files = null;
    audio.pause();
    audio.removeAttribute("src");
    remember("music", state);
  }
  function show_cast() {
    cast.replaceChildren(
      ...Object.entries(state.cast).map(([name, weights]) => {
        const words = h("span", {
          textContent: `${called("voice", name) ?? name}: ${Object.entries(weights)
            .map(([each, weight]) => (weight < 0.995 ? `${instrument_name(each)} ${percent(weight)}` : instrument_name(each)))
            .join(t("list.comma"))}`,
        });
        return h(
          "li",
          {},
          words,
          sign("close", "music.take-back", () => {
            delete state.cast[name];
            show_cast();
            changed_sound();
          }),
        );
      }),
    );
  }

  // ---- settings ----

  const bars = slider("music.bars", {
    min: 4,
    max: 64,
    step: 4,
    value: state.bars,
    told: value => String(value),
    input: value => {
      state.bars = value;
    },
    change: () => {
      put_way();
      changed();
    },
  });
  const seed = h("input", {
    type: "number",
    min: 0,
    max: 2 ** 48,
    step: 1,
    value: state.seed,
    on: {
      change: () => {
        state.seed = Math.max(0, Math.floor(Number(seed.value) || 0));
        changed();
      },
    },
  });
  const anew = sign("dice", "music.anew", () => {
    state.seed = seed.value = Math.floor(Math.random() * 1e6);
    changed();
  });
  const key = choice([["", "music.any"], ...KEYS.map(each => [each, key_name(each), true])], state.key, value => {
    state.key = value;
    changed();
  });
  const meter = choice([["", "music.any"], ...["4/4", "3/4", "6/8"].map(each => [each, each, true])], state.meter, value => {
    state.meter = value;
    changed();
  });
  const tempo = h("input", {
    type: "number",
    min: 10,
    max: 400,
    step: 1,
    value: state.tempo,
    "t:placeholder": "music.any",
    on: {
      change: () => {
        state.tempo = tempo.value;
        changed();
      },
    },
  });
  const form = choice(
    FORMS.map(each => [each, `music.form.${each}`]),
    state.form,
    value => {
      state.form = value;
      changed();
    },
  );

  const corner_fields = h("div", {class: "pair three"}, ...corners.map((corner, i) => field(`music.corner.${i + 1}`, corner)));
  const node = h(
    "section",
    {},
    h("h1", {class: "unseen", t: "page.music"}),
    h(
      "div",
      {class: "hero"},
      sheet,
      h("div", {class: "under"}, told, h("div", {class: "row"}, play, midi_button, wav_button)),
      follow,
      audio,
      note,
      h(
        "div",
        {class: "card timbre"},
        h("h2", {t: "music.timbre"}),
        h(
          "div",
          {class: "beside"},
          timbre,
          h(
            "div",
            {class: "tools"},
            h("p", {class: "hint", t: "music.cast.hint"}),
            field("music.voice", voice),
            h("div", {class: "row"}, button("play", "music.hear", hear), give),
            cast,
          ),
        ),
      ),
    ),
    h(
      "aside",
      {class: "panel", "t:aria-label": "music.settings"},
      h("h2", {t: "music.styles"}),
      field("music.course", mode),
      triangle,
      corner_fields,
      along,
      bars,
      h(
        "div",
        {class: "pair"},
        field("music.seed", h("span", {class: "with"}, seed, anew)),
        field("music.key", key),
        field("music.meter", meter),
        field("music.tempo", tempo),
        field("music.form", form),
      ),
      h("h2", {t: "music.own"}),
      chooser("music.open", SCORES, took, {class: "quiet"}),
      given_box,
    ),
  );

  droppable(node, took);
  document.addEventListener("theme", draw_curve);
  document.addEventListener("language", () => {
    if (started) {
      fill_corners();
      put_way();
      show_cast();
    }
  });

  function fill_corners() {
    corners.forEach((corner, i) =>
      fill(
        corner,
        names().map(name => [name, style_name(name), true]),
        state.corners[i],
      ),
    );
  }

  let started = false,
    reattached = false;
  every(() => {
    if (reattached) return;
    const job = mine("compose");
    if (!job) return;
    reattached = true;
    if (["waiting", "running"].includes(job.state)) trying(listen)(job);
  });

  async function start() {
    if (started) return;
    started = true;
    const [told_composers, told_instruments] = await Promise.all([get("composers"), get("instruments")]);
    composers = told_composers;
    instruments = told_instruments;
    const known = names();
    state.corners = state.corners.map((name, i) => (known.includes(name) ? name : known[i % known.length]));
    fill_corners();
    put_triangle();
    put_way();
    timbre.show(instruments.map(({name, x, y}) => ({name, x, y, title: () => instrument_name(name)})));
    const first = instruments.find(({name}) => name === "flute") ?? instruments[0];
    if (first) timbre.move(first.x, first.y);
    show_cast();
    sketch();
  }

  return {
    node,
    shown() {
      trying(start)();
    },
    hidden() {
      audio.pause();
    },
    async restore(given) {
      await start();
      Object.assign(state, {
        bars: given.bars ?? 16,
        seed: given.seed ?? 0,
        key: given.key ?? "",
        meter: given.meter ?? "",
        tempo: given.tempo_bpm ?? "",
        form: given.form ?? "aaba",
        along: Boolean(given.path?.length),
        way: given.path ?? [],
      });
      const found = Object.entries(given.styles ?? {});
      if (found.length) {
        state.corners = [0, 1, 2].map(i => found[i]?.[0] ?? state.corners[i]);
        const sum = found.slice(0, 3).reduce((all, [, weight]) => all + weight, 0) || 1;
        state.at = ["x", "y"].map(axis =>
          found.slice(0, 3).reduce((all, [, weight], i) => all + (weight / sum) * CORNERS[i][axis], 0),
        );
      }
      bars.set(state.bars);
      seed.value = state.seed;
      key.value = state.key;
      meter.value = state.meter;
      tempo.value = state.tempo;
      form.value = state.form;
      mode.value = state.along ? "along" : "";
      fill_corners();
      put_triangle();
      put_way();
      changed();
    },
  };
}
