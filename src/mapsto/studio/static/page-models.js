// Models: what the weights are, what they learned from, and under which licence.

import {get} from "./api.js";
import {h} from "./dom.js";
import {complain} from "./notices.js";
import {called} from "./shared.js";
import {bytes, number} from "./words.js";

const ORDER = ["style", "image", "music", "instruments"];

export function make() {
  const list = h("div", {class: "wide cards"});
  const node = h(
    "section",
    {class: "one"},
    h("header", {}, h("h1", {t: "page.models"}), h("p", {class: "soft", t: "models.about"})),
    list,
  );
  let models = [];

  async function load() {
    models = await get("models");
    put();
  }

  function put() {
    const sorted = [...models].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.name.localeCompare(b.name));
    list.replaceChildren(...sorted.map(card));
  }

  function card(model) {
    const told = model.card,
      rows = [];
    const row = (key, value) => value && rows.push(h("tr", {}, h("th", {scope: "row", t: key}), h("td", {}, value)));
    row("models.licence", model.licence);
    row("models.size", bytes(model.size_bytes));
    row("models.picture", model.width ? `${model.width} × ${model.height}` : "");
    row("models.draws", told.draws ?? told.plays ?? "");
    row("models.data", model.data);
    row("models.recipe", told.recipe ?? "");
    row("models.hash", h("code", {textContent: model.sha256}));
    const scores = flat(told.scores ?? {});
    const kind = h("span", {class: "chip", t: `models.kind.${model.kind}`});
    return h(
      "article",
      {class: "card"},
      h(
        "div",
        {class: "row ends"},
        h("h2", {textContent: called("model", model.name) ?? model.name}),
        h("span", {class: "row"}, kind, model.own ? h("span", {class: "chip mine", t: "models.own"}) : null),
      ),
      h("p", {class: "soft", textContent: model.name}),
      h("table", {class: "facts"}, h("tbody", {}, ...rows)),
      ...(scores.length ? [h("details", {}, h("summary", {t: "models.scores"}), scored(scores))] : []),
    );
  }

  const scored = scores =>
    h(
      "table",
      {},
      h(
        "tbody",
        {},
        ...scores.map(([name, value]) =>
          h(
            "tr",
            {},
            h("th", {scope: "row", textContent: name}),
            h("td", {class: "figure", textContent: typeof value === "number" ? number(value, 4) : String(value)}),
          ),
        ),
      ),
    );

  document.addEventListener("language", put);
  return {
    node,
    shown() {
      load().catch(complain);
    },
  };
}

/** Nested scores as one list: {samples: {fd: 18}} → [["samples · fd", 18]]. */
function flat(scores, before = "") {
  return Object.entries(scores).flatMap(([name, value]) => {
    const full = `${before}${name.replaceAll("_", " ")}`;
    return value && typeof value === "object" && !Array.isArray(value) ? flat(value, `${full} · `) : [[full, value]];
  });
}
