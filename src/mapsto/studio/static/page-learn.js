// Learn: a folder of one's own, whether it is fit to learn from, and a training that can be watched.

import {get, post, Refused, thumbnail, upload, words as in_words} from "./api.js";
import {button, choice, field, fill, h, icon, slider, tick} from "./dom.js";
import {chart} from "./chart.js";
import {PICTURES, SCORES, chooser, droppable, send} from "./files.js";
import {begin, cancel, ENDED, every, jobs, pause, resume} from "./jobs.js";
import {complain, notice, trying} from "./notices.js";
import {called, fetch_styles, remember, remembered, shared} from "./shared.js";
import {progress, said} from "./tray.js";
import {bytes, has, label, language, number, t} from "./words.js";

const FEW = {hand: 1, adapt: 10, train: 200, music: 20},
  EVERY_MS = 3000,
  CHARTS = 6;
const WAYS = [
  ["hand", "learn.way.hand"],
  ["adapt", "learn.way.adapt"],
  ["train", "learn.way.train"],
  ["music", "learn.way.music"],
];

export function make() {
  const state = {
    way: "hand",
    name: "",
    hours: 1,
    minutes: 5,
    preset: "small",
    flip: false,
    model: "portrait",
    dataset: null,
    painting: null,
    job: null,
    ...remembered("learn"),
  };
  let data = null,
    models = [],
    timer = null,
    samples = [],
    follows = true,
    state_shown = "";
  const keep = () => remember("learn", state);

  // ---- pictures ----

  const sending = h("progress", {max: 1, value: 0, hidden: true, "t:aria-label": "files.sending"});
  const checked = h("div", {class: "checked", role: "status"});
  const painting = h("img", {class: "painting", alt: "", hidden: true});

  const took = trying(async files => {
    sending.hidden = false;
    const told = part => {
      sending.value = part;
    };
    try {
      if (state.way === "hand") {
        const [file] = await send(files.filter(each => !each.name.startsWith(".")).slice(0, 1), told);
        if (!file) return;
        if (file.kind !== "image") return complain({code: "not-a-painting", values: {name: file.name}});
        state.painting = {id: file.id, name: file.name, width: file.width, height: file.height};
      } else {
        state.dataset ??= (await post("datasets", {name: folder_of(files)})).id;
        await fill_dataset(
          files.filter(each => !each.name.startsWith(".")),
          told,
        );
      }
      keep();
      await look();
    } finally {
      sending.hidden = true;
    }
  });

  const folder_of = files => (files[0].webkitRelativePath || "").split("/")[0] || "pictures";

  /** Send many files; what cannot be used is told by the check, not one by one. */
  async function fill_dataset(files, told) {
    for (const [i, file] of files.entries()) {
      const path = file.webkitRelativePath.split("/"),
        folder = path.length > 2 ? path.at(-2) : "";
      try {
        await upload(file, () => {}, `datasets/${state.dataset}/files`, folder);
      } catch (error) {
        if (error.status !== 422 && error.status !== 415 && error.status !== 413) throw error;
      }
      told((i + 1) / files.length);
    }
  }

  async function look() {
    data = null;
    painting.hidden = state.way !== "hand" || !state.painting;
    if (state.way === "hand") {
      if (state.painting) {
        painting.src = thumbnail(state.painting.id, 512);
        painting.alt = state.painting.name;
      }
      check([
        state.painting
          ? ["learn.check.painting", {name: state.painting.name, width: state.painting.width, height: state.painting.height}]
          : ["learn.check.no-painting"],
      ]);
    } else if (state.dataset) {
      data = await get(`datasets/${state.dataset}`).catch(() => null);
      if (!data) state.dataset = null;
      tell_data();
    } else check([["learn.check.nothing"]]);
    start.disabled = !ready();
  }

  function tell_data() {
    if (!data) return check([["learn.check.nothing"]]);
    const wanted = state.way === "music" ? "midi" : "image",
      count = data.kinds[wanted] ?? 0,
      lines = [["learn.check.count", {n: count}]];
    if (data.sizes && wanted === "image") lines.push(["learn.check.sizes", data.sizes]);
    lines.push(["learn.check.bytes", {size: () => bytes(data.bytes)}]);
    if (data.broken.length) lines.push(["learn.check.broken", {n: data.broken.length}, "warn"]);
    if (count < FEW[state.way]) lines.push([`learn.check.few-${state.way}`, {n: count, least: FEW[state.way]}, "warn"]);
    else lines.push(["learn.check.enough", {}, "good"]);
    if (data.sizes && data.sizes.least < 64 && wanted === "image") lines.push(["learn.check.small", data.sizes, "warn"]);
    check(lines);
    if (data.broken.length)
      checked.append(
        h(
          "details",
          {},
          h("summary", {t: "learn.check.which"}),
          h(
            "ul",
            {class: "scroll plain"},
            ...data.broken
              .slice(0, 100)
              .map(({name, error}) =>
                h("li", {
                  textContent: `${name}: ${in_words(new Refused(0, error))}`,
                }),
              ),
          ),
        ),
      );
  }

  const check = lines =>
    checked.replaceChildren(...lines.map(([key, values = {}, tone = ""]) => h("p", {t: [key, values], class: tone})));
  const ready = () =>
    state.way === "hand" ? Boolean(state.painting) : Boolean(data?.kinds[state.way === "music" ? "midi" : "image"]);

  // ---- what to learn ----

  const way = h(
    "fieldset",
    {class: "bare ways"},
    h("legend", {t: "learn.way"}),
    ...WAYS.map(([value, key]) =>
      h(
        "label",
        {class: "option"},
        h("input", {
          type: "radio",
          name: "way",
          value,
          checked: value === state.way,
          on: {
            change: () => {
              state.way = value;
              keep();
              put_way();
              look().catch(complain);
            },
          },
        }),
        h("span", {}, h("strong", {t: key}), h("small", {t: `${key}.about`})),
      ),
    ),
  );
  const name = h("input", {
    type: "text",
    maxLength: 40,
    pattern: "\\w[\\w\\-]*",
    value: state.name,
    spellcheck: false,
    autocomplete: "off",
    on: {
      input: () => {
        state.name = name.value;
        keep();
      },
    },
  });
  const minutes = slider("learn.minutes", {
    min: 1,
    max: 30,
    step: 1,
    value: state.minutes,
    told: value => t("time.minutes", {n: value}),
    input: value => {
      state.minutes = value;
      keep();
    },
  });
  const hours = slider("learn.hours", {
    min: 0.25,
    max: 12,
    step: 0.25,
    value: state.hours,
    told: value => (value < 1 ? t("time.minutes", {n: value * 60}) : t("learn.hours.n", {n: value})),
    input: value => {
      state.hours = value;
      keep();
    },
  });
  const model = choice([], "", value => {
    state.model = value;
    keep();
  });
  const preset = choice(
    [
      ["tiny", "learn.tiny"],
      ["small", "learn.small"],
      ["base", "learn.base"],
    ],
    state.preset,
    value => {
      state.preset = value;
      keep();
    },
  );
  const flip = tick("learn.flip", state.flip, on => {
    state.flip = on;
    keep();
  });
  const steps = h("input", {type: "number", min: 1, max: 1e6, step: 1, "t:placeholder": "learn.steps.auto"});
  const drop = h("div", {class: "drop"}, icon("open"), h("p", {t: "learn.drop"}));
  const folder = chooser("learn.folder", "", files => took(files), {folder: true});
  const files = chooser("learn.files", `${PICTURES},${SCORES},.zip`, files => took(files), {multiple: true});
  const again = button(
    "restore",
    "learn.again",
    () => {
      state.dataset = state.painting = null;
      keep();
      look().catch(complain);
    },
    {class: "quiet"},
  );
  const fields = {
    model: field("learn.model", model),
    preset: field("learn.preset", preset),
    steps: field("learn.steps", steps, "learn.steps.hint"),
  };
  const start = h("button", {type: "button", class: "primary"}, icon("learn"), h("span", {t: "learn.start"}));

  function put_way() {
    minutes.hidden = state.way !== "hand";
    hours.hidden = state.way === "hand" || state.way === "adapt";
    fields.model.hidden = state.way !== "adapt";
    fields.preset.hidden = state.way === "hand" || state.way === "adapt";
    fields.steps.hidden = state.way === "hand";
    flip.hidden = state.way === "hand" || state.way === "music";
    folder.hidden = state.way === "hand";
    label(
      drop.lastChild,
      state.way === "hand" ? "learn.drop.painting" : state.way === "music" ? "learn.drop.music" : "learn.drop",
    );
  }

  const order = () => {
    const length = steps.value ? {steps: Math.max(1, Math.floor(Number(steps.value)))} : {};
    if (state.way === "hand")
      return ["adapt", {model: "style-s", image: state.painting.id, name: state.name, minutes: state.minutes}];
    if (state.way === "adapt")
      return ["adapt", {model: state.model, dataset: state.dataset, name: state.name, flip: state.flip, ...length}];
    return [
      "train",
      {
        dataset: state.dataset,
        kind: state.way === "music" ? "music" : "flow",
        name: state.name,
        preset: state.preset,
        flip: state.way === "train" && state.flip,
        ...(length.steps ? length : {hours: state.hours}),
      },
    ];
  };

  start.addEventListener(
    "click",
    trying(async () => {
      state.name = name.value.trim();
      if (!/^\w[\w-]*$/.test(state.name)) {
        name.setAttribute("aria-invalid", "true");
        name.focus();
        return complain({code: "bad-name", values: {name: state.name}});
      }
      name.removeAttribute("aria-invalid");
      if (shared.styles.some(each => each.name === state.name) || (await get("models")).some(each => each.name === state.name))
        return complain({code: "name-taken", values: {name: state.name}});
      const job = await begin(...order());
      state.job = job.id;
      keep();
      watch(job);
      run.scrollIntoView({block: "nearest"});
    }),
  );

  // ---- a training ----

  const bar = progress(),
    words = h("p", {role: "status"}),
    title = h("h2");
  const acts = h("div", {class: "row"}),
    grid = h("img", {class: "samples", hidden: true}),
    charts = h("div", {class: "charts"}),
    findings = h("ul", {class: "findings", "t:aria-label": "learn.findings"});
  const which = slider("learn.sample", {
    min: 0,
    max: 0,
    step: 1,
    value: 0,
    told: i => (samples[i] ? t("learn.step", {n: number(samples[i].step), stage: samples[i].stage}) : ""),
    input: i => {
      follows = i === samples.length - 1;
      show_sample(i);
    },
  });
  which.hidden = true;
  const run = h(
    "div",
    {class: "wide hero run", hidden: true},
    title,
    bar,
    words,
    acts,
    findings,
    h("div", {class: "split"}, h("div", {class: "hero"}, grid, which), charts),
  );

  function watch(job) {
    run.hidden = !job;
    if (!job) return;
    samples = [];
    follows = true;
    state_shown = "";
    grid.hidden = which.hidden = true;
    charts.replaceChildren();
    findings.replaceChildren();
    show_job(job);
    rows().catch(() => {});
  }

  function show_job(job) {
    if (job.id !== state.job) return;
    label(title, "learn.run", {name: job.settings.name ?? ""});
    bar.show(job);
    words.textContent = [said(job), job.state === "running" && job.note ? job.note : ""].filter(Boolean).join(" · ");
    if (job.state !== state_shown) {
      if (state_shown) rows().catch(() => {});
      if (state_shown && job.state === "done") finished(job);
      state_shown = job.state;
      acts.replaceChildren(
        ...[
          job.state === "running" &&
            button(
              "pause",
              "action.pause",
              trying(() => pause(job.id)),
            ),
          ["paused", "interrupted"].includes(job.state) &&
            button(
              "play",
              "action.resume",
              trying(() => resume(job.id)),
            ),
          ["running", "waiting", "paused"].includes(job.state) &&
            button(
              "stop",
              "learn.stop",
              trying(() => cancel(job.id)),
            ),
          job.state === "done" &&
            h(
              "a",
              {class: "button primary", href: made_on(job)},
              h("span", {
                t:
                  made_on(job) === "#style"
                    ? "learn.in-style"
                    : made_on(job) === "#music"
                      ? "learn.in-music"
                      : "learn.in-create",
              }),
            ),
        ].filter(Boolean),
      );
    }
    clearTimeout(timer);
    if (!ENDED.has(job.state) && node.offsetParent)
      timer = setTimeout(
        () =>
          rows()
            .catch(() => {})
            .finally(() => jobs.has(job.id) && show_job(jobs.get(job.id))),
        EVERY_MS,
      );
  }

  const made_on = job => (job.settings.image ? "#style" : job.settings.kind === "music" ? "#music" : "#create");

  function finished(job) {
    fetch_styles().catch(() => {});
    if (job.data?.better !== undefined)
      label(
        findings.appendChild(h("li", {class: job.data.better ? "good" : "warn"})),
        job.data.better ? "learn.better" : "learn.not-better",
      );
    if (job.data?.style_loss)
      label(findings.appendChild(h("li", {class: "good"})), "learn.nearer", {
        before: job.data.style_loss.before,
        after: job.data.style_loss.after,
      });
    notice(t("learn.done", {name: job.settings.name}), {tone: "good"});
  }

  /** What the training wrote down: samples from fixed seeds, curves, and what they mean. */
  async function rows() {
    if (!state.job) return;
    const found = await get(`jobs/${state.job}/samples`);
    if (!found.length) return;
    samples = found.filter(row => row.samples);
    which.hidden = grid.hidden = !samples.length;
    which.range.max = Math.max(0, samples.length - 1);
    if (samples.length && (follows || !grid.src)) {
      which.set(samples.length - 1);
      show_sample(samples.length - 1);
    }
    const stage = found.at(-1).stage,
      lines = new Map();
    for (const row of found.filter(each => each.stage === stage))
      for (const [key, value] of Object.entries(row.terms))
        (lines.get(key) ?? lines.set(key, []).get(key)).push([row.step, value]);
    charts.replaceChildren(...[...lines].slice(0, CHARTS).map(([key, points]) => chart(called("term", key) ?? key, points)));
    const now = Object.entries(found.at(-1).findings ?? {}).map(([short, words]) => {
      const key = `finding.${short.replaceAll(" ", "-")}`;
      return language === "en" || !has(key) ? words : t(key);
    });
    const notes = [...new Set([...now, ...found.flatMap(row => row.notes)])].slice(0, 5);
    for (const old of findings.querySelectorAll(".note")) old.remove();
    findings.append(...notes.map(text => h("li", {class: "note warn", textContent: text})));
    if (!notes.length) findings.append(h("li", {class: "note soft", t: "learn.fine"}));
  }

  function show_sample(i) {
    const row = samples[i];
    if (!row) return;
    const href = `api/jobs/${state.job}/samples/${encodeURIComponent(row.stage)}/${row.samples}`;
    if (!grid.src.endsWith(href)) grid.src = href;
    label(grid, "learn.sample.alt", {n: row.step}, "alt");
  }

  every(job => show_job(job));

  const node = h(
    "section",
    {class: "learn"},
    h("header", {}, h("h1", {t: "page.learn"}), h("p", {class: "soft", t: "learn.about"})),
    h(
      "div",
      {class: "hero"},
      way,
      h(
        "div",
        {class: "card"},
        drop,
        h("div", {class: "row"}, folder, files, again),
        sending,
        h("div", {class: "with-painting"}, painting, checked),
      ),
    ),
    h(
      "aside",
      {class: "panel", "t:aria-label": "learn.settings"},
      h("h2", {t: "learn.settings"}),
      field("learn.name", name, "learn.name.hint"),
      fields.model,
      minutes,
      hours,
      fields.preset,
      fields.steps,
      flip,
      start,
    ),
    run,
  );
  droppable(node, took);
  document.addEventListener("language", () => {
    if (data) tell_data();
    if (state.job && jobs.has(state.job)) show_job(jobs.get(state.job));
    fill_models();
  });

  const fill_models = () =>
    fill(
      model,
      models.map(each => [each.name, called("model", each.name) ?? each.name, true]),
      state.model,
    );
  let started = false;
  return {
    node,
    async shown() {
      put_way();
      models = (await get("models").catch(() => [])).filter(each => each.kind === "image");
      fill_models();
      await look().catch(complain);
      if (started) return state.job && jobs.has(state.job) && show_job(jobs.get(state.job));
      started = true;
      if (!state.job)
        state.job =
          [...jobs.values()].filter(job => ["train", "adapt"].includes(job.kind) && !ENDED.has(job.state))[0]?.id ?? null;
      const job = state.job && (await get(`jobs/${state.job}`).catch(() => null));
      if (job) watch(job);
      else state.job = null;
    },
    hidden() {
      clearTimeout(timer);
    },
  };
}
