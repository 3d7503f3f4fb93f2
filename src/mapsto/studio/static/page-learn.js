// Learn: a folder of one's own, whether it is fit to learn from, and a training that can be watched.

import {get} from "./api.js";
import {as_is, choice, div, field, figure, fill, h, icon, slider, tick} from "./dom.js";
import {droppable} from "./files.js";
import {begin, jobs} from "./jobs.js";
import {gathering} from "./learn-data.js";
import {running} from "./learn-run.js";
import {complain, trying} from "./notices.js";
import {called, remember, remembered, shared} from "./shared.js";
import {number, t} from "./words.js";

const WAYS = ["hand", "adapt", "train", "music"],
  PRESETS = ["tiny", "small", "base"];

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
let models = [],
  started = false;
const keep = () => remember("learn", state);
const set = name => value => {
  state[name] = value;
  keep();
};

// ---- what to learn ----

const option = name => {
  const input = h("input", {type: "radio", name: "way", value: name, checked: name === state.way});
  input.addEventListener("change", () => {
    set("way")(name);
    put_way();
    data.look().catch(complain);
  });
  const words = h("span", {}, h("strong", {t: `learn.way.${name}`}), h("small", {t: `learn.way.${name}.about`}));
  return h("label", {class: "option"}, input, words);
};
const ways = h("fieldset", {class: "bare ways"}, h("legend", {t: "learn.way"}), ...WAYS.map(option));

const name = h("input", {type: "text", maxLength: 40, value: state.name, spellcheck: false, autocomplete: "off"});
name.addEventListener("input", () => set("name")(name.value));
const minutes = slider("learn.minutes", {
  min: 1,
  max: 30,
  step: 1,
  value: state.minutes,
  told: value => t("time.minutes", {n: value}),
  input: set("minutes"),
});
const hours = slider("learn.hours", {
  min: 0.25,
  max: 12,
  step: 0.25,
  value: state.hours,
  told: value => (value < 1 ? t("time.minutes", {n: value * 60}) : t("learn.hours.n", {n: number(value)})),
  input: set("hours"),
});
const model = choice([], "", set("model"));
const preset = choice(
  PRESETS.map(each => [each, `learn.${each}`]),
  state.preset,
  set("preset"),
);
const flip = tick("learn.flip", state.flip, set("flip"));
const steps = figure({min: 1, max: 1e6, value: "", "t:placeholder": "learn.steps.auto"});
const fields = {
  model: field("learn.model", model),
  preset: field("learn.preset", preset),
  steps: field("learn.steps", steps, "learn.steps.hint"),
};

function put_way() {
  const is = (...names) => names.includes(state.way);
  minutes.hidden = !is("hand");
  hours.hidden = fields.preset.hidden = is("hand", "adapt");
  fields.model.hidden = !is("adapt");
  fields.steps.hidden = is("hand");
  flip.hidden = is("hand", "music");
  data.put_way();
}

const fill_models = () =>
  fill(model, as_is(models.map(each => [each.name, called("model", each.name) ?? each.name])), state.model);

// ---- the start ----

function order() {
  const length = steps.value ? {steps: Number(steps.value)} : {},
    {way, dataset, preset} = state;
  if (way === "hand") return ["adapt", {model: "style-s", image: state.painting.id, name: state.name, minutes: state.minutes}];
  if (way === "adapt") return ["adapt", {model: state.model, dataset, name: state.name, flip: state.flip, ...length}];
  const kind = way === "music" ? "music" : "flow",
    flipped = way === "train" && state.flip;
  return ["train", {dataset, kind, name: state.name, preset, flip: flipped, ...(length.steps ? length : {hours: state.hours})}];
}

/** Whether the name can be one; else it says why not. */
async function has_name() {
  state.name = name.value.trim();
  const is_name = /^[\p{L}\p{N}_][\p{L}\p{N}_-]*$/u.test(state.name),
    known = is_name ? [...shared.styles, ...(await get("models"))] : [];
  name.setAttribute("aria-invalid", String(!is_name));
  const is_free = !known.some(each => each.name === state.name);
  if (is_name && is_free) return true;
  name.focus();
  complain({code: is_name ? "name-taken" : "bad-name", values: {name: state.name}});
  return false;
}

const begin_learning = trying(async () => {
  if (!(await has_name())) return;
  const job = await begin(...order());
  set("job")(job.id);
  run.watch(job);
  run.scrollIntoView({block: "nearest"});
});
const start = h(
  "button",
  {type: "button", class: "primary", on: {click: begin_learning}},
  icon("learn"),
  h("span", {t: "learn.start"}),
);

// ---- the page ----

const data = gathering(state, is_ready => {
  start.disabled = !is_ready;
  keep();
});
const run = running(() => state.job);
export const node = h(
  "section",
  {class: "learn"},
  h("header", {}, h("h1", {t: "page.learn"}), h("p", {class: "soft", t: "learn.about"})),
  div("hero", ways, data),
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
droppable(node, data.took);
document.addEventListener("language", fill_models);

/** The training that goes on, or was watched before a reload. */
async function find_run() {
  const going = [...jobs.values()].find(
    job => ["train", "adapt"].includes(job.kind) && ["running", "waiting"].includes(job.state),
  );
  state.job ??= going?.id ?? null;
  const job = state.job && (await get(`jobs/${state.job}`).catch(() => null));
  if (job) run.watch(job);
  else state.job = null;
}

export async function shown() {
  put_way();
  models = (await get("models").catch(() => [])).filter(each => each.kind === "image");
  fill_models();
  await data.look().catch(complain);
  if (started) return run.again();
  started = true;
  await find_run();
}

export const hidden = () => run.rest();
