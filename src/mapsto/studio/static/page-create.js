// Create: pictures that a model draws, from seeds; more like one, along its sliders, mixed, and painted large.

import {get} from "./api.js";
import {many} from "./create-grid.js";
import {making} from "./create-making.js";
import {draw_own, is_coarse, model_name, turned} from "./create-models.js";
import {turning} from "./create-sliders.js";
import {as_is, button, choice, div, field, figure, fill, h, slider} from "./dom.js";
import {droppable, pasteable} from "./files.js";
import {Live} from "./live.js";
import {announce, complain, notice, trying} from "./notices.js";
import {called, remember, remembered} from "./shared.js";
import {stage} from "./stage.js";
import {label, number, t} from "./words.js";

const BLANK = {model: "portrait", seed: 0, first: 0, sliders: {}, truncation: 1, label: "", mix: null, cells: null, style: ""};

const state = {...BLANK, ...remembered("create")};
let models = [],
  model = null,
  started = null;

// ---- one picture ----

const picture = stage({compares: false});
picture.classList.add("small");
const live = new Live("preview/latent", "create", shown_blob, error => {
  picture.busy(false);
  complain(error);
});

async function shown_blob(blob) {
  const own = document.createElement("canvas");
  draw_own(own, await createImageBitmap(blob), model);
  own.toBlob(exact => picture.painted(exact, t("create.alt", {model: model_name(state.model), seed: String(state.seed)})));
  picture.busy(false);
}

const how = () => ({model: state.model, truncation: state.truncation, ...(state.label ? {label: state.label} : {})});
const ordered = () => ({...how(), seed: state.seed, ...(state.mix ? {mix: state.mix} : {sliders: turned(state.sliders)})});
const is_turned = () => Boolean(state.mix || Object.keys(turned(state.sliders)).length);

function ask() {
  remember("create", state);
  picture.busy(true);
  live.ask(ordered());
  label(caption, is_turned() ? "create.turned" : "create.seed", {seed: () => String(state.seed)});
  grid.mark(state);
  undo.disabled = !is_turned();
}

/** A picture of the grid becomes the one in hand. */
function take(cell) {
  Object.assign(state, {seed: cell.seed, sliders: {...cell.sliders}});
  leave_mix();
  seed.value = cell.seed;
  knobs.show();
  ask();
  announce("create.taken", {seed: String(cell.seed)});
}

const grid = many({how, take, keep: cells => Object.assign(state, {cells})});
const knobs = turning(state, () => {
  leave_mix();
  ask();
});

function more_like_this() {
  if (!model?.sliders?.length) return notice(t("create.no-sliders"));
  announce("create.near", {seed: String(state.seed)});
  return grid.near(state, model);
}

const undo = button("restore", "create.undo", () => take({seed: state.seed}), {class: "quiet"});

// ---- settings ----

const model_choice = choice([], "", name => {
  Object.assign(state, {model: name, sliders: {}, label: ""});
  leave_mix();
  put_model();
  grid.start(state.first, model);
  ask();
});
const label_choice = choice([], "", value => {
  state.label = value;
  grid.start(state.first, model);
  ask();
});
const truncation = slider("create.truncation", {
  max: 1.5,
  step: 0.05,
  value: state.truncation,
  told: value => number(value, 2),
  input(value) {
    state.truncation = value;
    ask();
  },
  change: () => grid.start(state.first, model),
});
const seed = figure({value: state.seed}, value => take({seed: value}));
const mix_seed = figure({value: 1}, mixed);
const LAYERS = ["none", "coarse", "middle", "fine"];
const mix_layers = choice(LAYERS.map(each => [each === "none" ? "" : each, `create.mix.${each}`]), "", mixed); // prettier-ignore

function mixed() {
  state.mix = mix_layers.value ? {seed: Number(mix_seed.value), layers: mix_layers.value} : null;
  if (state.mix) state.sliders = {};
  knobs.show();
  ask();
}

function leave_mix() {
  state.mix = null;
  mix_layers.value = "";
}

function put_model() {
  model = models.find(({name}) => name === state.model) ?? models[0];
  if (!model) return;
  state.model = model.name;
  fill(model_choice, as_is(models.map(({name}) => [name, model_name(name)])), model.name);
  const classes = model.classes.map(name => [name, called("class", name) ?? name]);
  fill(label_choice, [["", "create.any"], ...as_is(classes)], state.label);
  label_field.hidden = !classes.length;
  picture.size(model.width, model.height);
  picture.crisp(is_coarse(model));
  grid.classList.toggle("crisp", is_coarse(model));
  knobs.make(model);
  label(about, "create.about", {width: model.width, height: model.height});
  made.put(model);
}

// ---- the page ----

const made = making(state, {ordered, how, is_turned});
const caption = h("p", {class: "caption"}),
  about = h("p", {class: "hint"}),
  label_field = field("create.label", label_choice);
const anew = button("dice", "create.new", () => {
  state.first = Math.floor(Math.random() * 1e6);
  grid.start(state.first, model);
});
const one = div("hero", picture, div("under", caption, div("row", undo, made.download)));
const acts = div("row", anew, button("create", "create.more-like", more_like_this));
const others = div(
  "hero",
  div("row ends", h("h2", {t: "create.grid"}), acts),
  h("fieldset", {class: "bare"}, h("legend", {class: "unseen", t: "create.grid"}), grid),
);
export const node = h(
  "section",
  {},
  h("h1", {class: "unseen", t: "page.create"}),
  div(
    "hero",
    div("split", one, others),
    ...made.shown,
    div("card", h("h2", {t: "create.sliders"}), ...knobs.fields),
    made.cards,
  ),
  h(
    "aside",
    {class: "panel", "t:aria-label": "create.settings"},
    div("pair", field("create.model", model_choice), field("create.seed-field", seed)),
    about,
    label_field,
    truncation,
    knobs.pad,
    h("h2", {t: "create.mix"}),
    div("pair", field("create.mix.seed", mix_seed), field("create.mix.layers", mix_layers)),
  ),
);
droppable(node, made.took);
pasteable(node, made.took);
document.addEventListener("language", () => model && put_model());

async function begin() {
  await fetch_models();
  if (state.cells) grid.fill(state.cells, model);
  else grid.start(state.first, model);
  ask();
}

async function fetch_models() {
  models = (await get("models")).filter(each => each.kind === "image");
  put_model();
}

export function shown() {
  if (started) trying(fetch_models)();
  else started = trying(begin)();
}

export async function restore(given) {
  Object.assign(state, BLANK, {first: state.first, style: state.style, model: state.model}, given);
  await (started ??= begin());
  if (!models.some(({name}) => name === state.model)) notice(t("restore.gone", {names: state.model}));
  put_model();
  seed.value = state.seed;
  truncation.set(state.truncation);
  mix_layers.value = state.mix?.layers ?? "";
  mix_seed.value = state.mix?.seed ?? 1;
  ask();
}
