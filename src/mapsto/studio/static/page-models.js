// Models: what the weights are, what they learned from, and under which licence; own ones can be forgotten.

import {get, post, remove} from "./api.js";
import {button, div, h} from "./dom.js";
import {droppable, send} from "./files.js";
import {complain, notice, sure, trying} from "./notices.js";
import {called, fetch_styles} from "./shared.js";
import {bytes, number, t} from "./words.js";

const ORDER = ["style", "image", "music", "instruments"];

const list = div("wide cards"),
  trash = h("ul", {class: "kept"}),
  forgotten = h("details", {class: "wide", hidden: true}, h("summary", {t: "models.forgotten"}), trash);
export const node = h(
  "section",
  {class: "one"},
  h("header", {}, h("h1", {t: "page.models"}), h("p", {class: "soft", t: "models.about"})),
  list,
  forgotten,
);
let models = [],
  gone = [];

async function load() {
  [models, gone] = await Promise.all([get("models"), get("trash")]);
  put();
}

function put() {
  const sorted = [...models].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.name.localeCompare(b.name));
  list.replaceChildren(...sorted.map(card));
  forgotten.hidden = !gone.length;
  trash.replaceChildren(
    ...gone.map(each =>
      h(
        "li",
        {},
        h("span", {textContent: each.name}),
        button("restore", "library.back", () => recall(each)),
      ),
    ),
  );
}

/** Where it is forgotten: a hand is a style, all else are models. */
const place = ({kind, name, card: told}) => `${(told ? told.hand : kind === "style") ? "styles" : "models"}/${name}`;

async function forget(model) {
  const name = model.name;
  if (!(await sure(t("models.sure", {name}), "models.forget"))) return;
  await remove(place(model));
  notice(t("models.is-forgotten", {name}), {actions: [["library.undo", trying(() => recall(model))]], lasts: 12000});
  await changed();
}

async function recall(model) {
  await post(`${place(model)}/restore`);
  notice(t("models.is-back", {name: model.name}), {tone: "good"});
  await changed();
}

const changed = () => Promise.all([load(), fetch_styles()]);

function card(model) {
  const told = model.card,
    scores = flat(told.scores ?? {});
  const facts = [
    ["models.licence", model.licence],
    ["models.size", bytes(model.size_bytes)],
    ["models.picture", model.width ? `${model.width} × ${model.height}` : ""],
    ["models.draws", english(told.draws ?? told.plays)],
    ["models.data", english(model.data)],
    ["models.recipe", english(told.recipe)],
    ["models.hash", h("code", {textContent: model.sha256})],
  ].filter(([, value]) => value);
  const kind = h("span", {class: "chip", t: `models.kind.${model.kind}`}),
    own = model.own ? h("span", {class: "chip mine", t: "models.own"}) : null;
  return h(
    "article",
    {class: "card"},
    div("row ends", h("h2", {textContent: called("model", model.name) ?? model.name}), h("span", {class: "row"}, kind, own)),
    h("p", {class: "soft", textContent: model.name}),
    table("facts", facts),
    scores.length ? h("details", {}, h("summary", {t: "models.scores"}), table("", scores)) : null,
    model.own
      ? div(
          "row",
          button("trash", "models.forget", () => forget(model)),
        )
      : null,
  );
}

/** What a card says is in English. */
const english = text => (text ? h("span", {lang: "en", textContent: text}) : "");

/** A table of pairs: the key of a text or a name, and a node, a text or a number. */
function table(kind, rows) {
  const row = ([key, value]) => {
    const is_key = key.startsWith("models."),
      figure = typeof value === "number" ? number(value, 4) : value;
    const head = h("th", {scope: "row", ...(is_key ? {t: key} : {textContent: key, lang: "en"})});
    return h("tr", {}, head, h("td", {class: is_key ? "" : "figure"}, figure instanceof Node ? figure : String(figure)));
  };
  return h("table", {class: kind}, h("tbody", {}, ...rows.map(row)));
}

/** Nested scores as one list: {samples: {fd: 18}} → [["samples · fd", 18]]. */
function flat(scores, before = "") {
  return Object.entries(scores).flatMap(([name, value]) => {
    const full = `${before}${name.replaceAll("_", " ")}`;
    return value && typeof value === "object" && !Array.isArray(value) ? flat(value, `${full} · `) : [[full, value]];
  });
}

const took = trying(async files => {
  if ((await send(files)).length) location.hash = "library"; // nothing is learned from a file here
});
droppable(node, took);
document.addEventListener("language", put);

export function shown() {
  load().catch(complain);
}
