// One file of the library: what it looks or sounds like, what can be done with it, and what is known of it.

import {address, save} from "./api.js";
import {button, div, h, icon, sign} from "./dom.js";
import {can_restore, restore} from "./restore.js";
import {called, hold, style_title} from "./shared.js";
import {bytes, day, label, number, percent, span, t} from "./words.js";

const SMALL = 128;

/**
 * A dialog about a file: `show(item)` opens it.
 * @param {{trash: Function, back: Function}} act what the library does with an item
 */
export function about({trash, back}) {
  const dialog = h("dialog", {class: "about"});
  let shown = null;
  dialog.addEventListener("click", event => event.target === dialog && dialog.close());

  const doing = act => async () => {
    dialog.close();
    await act(shown);
  };
  const to_style = doing(item => {
    hold(item);
    location.hash = "style";
  });
  const acts = item => [
    button("download", "action.download", () => save(address(item.id, true)), {class: "primary"}),
    can_restore(item.settings) &&
      button(
        "restore",
        "library.restore",
        doing(() => restore(item.settings, item.source_id)),
      ),
    ["image", "video"].includes(item.kind) && button("style", "library.to-style", to_style),
    item.trashed ? button("restore", "library.back", doing(back)) : button("trash", "library.delete", doing(trash)),
  ];

  dialog.show = item => {
    shown = item;
    const close = sign("close", "action.close", () => dialog.close());
    dialog.replaceChildren(
      div("row ends", h("h2", {textContent: item.name}), close),
      div("view", view_of(item)),
      div("row", ...acts(item).filter(Boolean)),
      div("", h("table", {class: "facts"}, h("tbody", {}, ...facts(item).map(fact))), all_settings(item)),
    );
    dialog.setAttribute("aria-label", item.name);
    if (!dialog.open) dialog.showModal();
  };
  document.addEventListener("language", () => dialog.open && dialog.show(shown));
  return dialog;
}

function view_of({id, kind, name, width}) {
  const src = address(id);
  if (kind === "image") return h("img", {src, alt: name, class: width <= SMALL ? "pixels" : ""});
  if (kind === "midi") return h("span", {class: "no-picture"}, icon("music"));
  return h(kind, {src, controls: true, "aria-label": name});
}

const fact = ([key, text]) => h("tr", {}, h("th", {scope: "row", t: key}), h("td", {textContent: text}));

function all_settings({settings}) {
  if (!settings) return null;
  const text = h("pre", {class: "scroll", tabIndex: 0, role: "region", textContent: JSON.stringify(settings, null, 1)});
  return h("details", {}, h("summary", {t: "library.all-settings"}), label(text, "library.all-settings", {}, "aria-label"));
}

/** What is known of a file, in words: pairs of a key and a text. */
function facts(item) {
  const told = item.settings ?? {},
    measure = [item.width ? `${item.width} × ${item.height}` : "", item.seconds ? span(item.seconds) : "", bytes(item.bytes)];
  const turned = Object.entries(told.sliders ?? {}).map(
    ([name, amount]) => `${called("slider", name) ?? name} ${number(amount, 2)}`,
  );
  return [
    ["library.when", day(item.created * 1000)],
    ["library.size", measure.filter(Boolean).join(" · ")],
    ["library.made-by", told.command ? `mapsto ${told.command}` : t("library.came-in")],
    ["library.style", style_of(told)],
    ["style.strength", told.command === "style" ? percent(told.strength ?? 1) : ""],
    ["library.model", told.model ? (called("model", told.model) ?? told.model) : ""],
    ["style.seed", String(told.seed ?? told.seeds?.join(", ") ?? "")],
    ["library.sliders", turned.join(t("list.comma"))],
    ["library.from", told.source?.name],
  ].filter(([, text]) => text);
}

/** The styles of a picture or a piece, with their weights where there are several. */
function style_of({style, styles}) {
  if (Array.isArray(style))
    return style
      .map(
        ({name, path, weight}) =>
          (name ? style_title(name) : (path ?? "").split("/").at(-1)) + (style.length > 1 ? ` ${percent(weight)}` : ""),
      )
      .join(t("list.comma"));
  const parts = typeof styles === "string" ? styles.split(",") : [];
  return parts.map(part => called("music", part.split(":")[0].trim()) ?? part).join(t("list.comma"));
}
