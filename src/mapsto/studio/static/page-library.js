// Library: everything that came in or was made, to find, star, restore, throw away and take along.

import {address, bytes, get, patch, post, remove, save, thumbnail} from "./api.js";
import {button, choice, field, h, icon, sign} from "./dom.js";
import {hear} from "./jobs.js";
import {announce, complain, notice, trying} from "./notices.js";
import {can_restore, restore} from "./restore.js";
import {called, hold, style_title} from "./shared.js";
import {bytes as size_of, day, label, number, percent, span, t} from "./words.js";

const WAIT_MS = 250;

export function make() {
  let items = [],
    next = null,
    turn = 0,
    picked = new Set(),
    open = null;
  const wanted = {query: "", kind: "", favourite: false, trash: false};

  const list = h("ul", {class: "shelf"});
  const empty = h("p", {class: "soft", hidden: true});
  const more = button(
    null,
    "library.more",
    trying(() => load(true)),
    {hidden: true},
  );

  async function load(on = false) {
    const mine = ++turn;
    const query = new URLSearchParams(Object.entries({...wanted, before: on ? next : null}).filter(([, value]) => value));
    const page = await get(`library?${query}`);
    if (mine !== turn) return;
    items = on ? [...items, ...page.items] : page.items;
    next = page.next;
    put();
    if (!on) announce("library.found", {n: items.length});
  }

  function put() {
    const focused = document.activeElement?.closest?.("[data-id]")?.dataset.id;
    list.replaceChildren(...items.map(card));
    more.hidden = !next;
    empty.hidden = items.length > 0;
    label(
      empty,
      wanted.trash
        ? "library.trash-empty"
        : wanted.query || wanted.kind || wanted.favourite
          ? "library.nothing"
          : "library.empty",
    );
    put_picked();
    if (focused) list.querySelector(`[data-id="${focused}"] .open`)?.focus({preventScroll: true});
  }

  function card(item) {
    const face =
      item.kind === "image" || item.kind === "video"
        ? h("img", {src: thumbnail(item.id), alt: "", loading: "lazy"})
        : h("span", {class: "no-picture"}, icon("music"));
    const opener = h(
      "button",
      {type: "button", class: "open", title: item.name, on: {click: () => show(item)}},
      face,
    );
    label(opener, "library.open", {name: item.name}, "aria-label");
    const check = h("input", {
      type: "checkbox",
      checked: picked.has(item.id),
      on: {
        change: () => {
          check.checked ? picked.add(item.id) : picked.delete(item.id);
          put_picked();
        },
      },
    });
    label(check, "library.pick", {name: item.name}, "aria-label");
    return h(
      "li",
      {data: {id: item.id}, class: item.width && item.width <= 128 ? "pixels" : ""},
      opener,
      item.kind === "video" || item.kind === "audio" ? h("span", {class: "length", textContent: span(item.seconds)}) : null,
      h(
        "div",
        {class: "line"},
        check,
        h("span", {class: "name", textContent: item.name, title: item.name}),
        item.trashed ? null : star(item),
      ),
    );
  }

  function star(item) {
    const node = sign(
      "star",
      item.favourite ? "library.unstar" : "library.star",
      trying(async () => {
        Object.assign(item, await patch(`files/${item.id}`, {favourite: !item.favourite}));
        node.replaceWith(star(item));
        list.querySelector(`[data-id="${item.id}"] .star`)?.focus();
      }),
    );
    node.classList.add("star");
    node.setAttribute("aria-pressed", String(item.favourite));
    return node;
  }

  // ---- several ----

  const zip = button(
    "download",
    "library.zip",
    trying(async () => {
      const made = URL.createObjectURL(await bytes("export", {ids: [...picked]}));
      save(made, "mapsto.zip");
      setTimeout(() => URL.revokeObjectURL(made), 60000);
    }),
  );
  const throw_away = button(
    "trash",
    "library.delete",
    trying(() => trash([...picked])),
  );
  const bring_back = button(
    "restore",
    "library.back",
    trying(() => back([...picked])),
  );
  const none = button(
    "close",
    "library.none",
    () => {
      picked.clear();
      put();
    },
    {class: "quiet"},
  );
  const told = h("span", {role: "status"});
  const several = h("div", {class: "several card row", hidden: true}, told, zip, throw_away, bring_back, none);
  function put_picked() {
    picked = new Set([...picked].filter(id => items.some(item => item.id === id)));
    several.hidden = !picked.size;
    label(told, "library.picked", {n: picked.size});
    throw_away.hidden = wanted.trash;
    bring_back.hidden = !wanted.trash;
  }

  async function trash(ids) {
    for (const id of ids) await remove(`files/${id}`);
    picked.clear();
    dialog.close();
    notice(t("library.deleted", {n: ids.length}), {actions: [["library.undo", trying(() => back(ids))]], lasts: 12000});
    await load();
  }
  async function back(ids) {
    for (const id of ids) await post(`files/${id}/restore`);
    picked.clear();
    dialog.close();
    notice(t("library.is-back", {n: ids.length}), {tone: "good"});
    await load();
  }

  // ---- one ----

  const dialog = h("dialog", {class: "about"});
  dialog.addEventListener("click", event => event.target === dialog && dialog.close());

  function show(item) {
    open = item;
    const view = {
      image: () => h("img", {src: address(item.id), alt: item.name, class: item.width <= 128 ? "pixels" : ""}),
      video: () => h("video", {src: address(item.id), controls: true, "aria-label": item.name}),
      audio: () => h("audio", {src: address(item.id), controls: true, "aria-label": item.name}),
      midi: () => h("span", {class: "no-picture"}, icon("music")),
    }[item.kind]();
    const acts = [
      h(
        "button",
        {type: "button", class: "primary", on: {click: () => save(address(item.id, true))}},
        icon("download"),
        h("span", {t: "action.download"}),
      ),
    ];
    if (can_restore(item.settings))
      acts.push(
        button(
          "restore",
          "library.restore",
          trying(async () => {
            dialog.close();
            await restore(item.settings, item.source_id);
          }),
        ),
      );
    if (item.kind === "image" || item.kind === "video")
      acts.push(
        button("style", "library.to-style", () => {
          dialog.close();
          hold(item);
          location.hash = "style";
        }),
      );
    acts.push(
      item.trashed
        ? button(
            "restore",
            "library.back",
            trying(() => back([item.id])),
          )
        : button(
            "trash",
            "library.delete",
            trying(() => trash([item.id])),
          ),
    );
    dialog.replaceChildren(
      h(
        "div",
        {class: "row ends"},
        h("h2", {textContent: item.name}),
        sign("close", "action.close", () => dialog.close()),
      ),
      h("div", {class: "view"}, view),
      h("div", {class: "row"}, ...acts),
      facts(item),
    );
    dialog.setAttribute("aria-label", item.name);
    dialog.showModal();
  }

  /** What is known of a file, in words. */
  function facts(item) {
    const told = item.settings ?? {},
      rows = [];
    const row = (key, text) => text && rows.push(h("tr", {}, h("th", {scope: "row", t: key}), h("td", {textContent: text})));
    row("library.when", day(item.created * 1000));
    row(
      "library.size",
      [item.width ? `${item.width} × ${item.height}` : "", item.seconds ? span(item.seconds) : "", size_of(item.bytes)]
        .filter(Boolean)
        .join(" · "),
    );
    row("library.made-by", told.command ? `mapsto ${told.command}` : t("library.came-in"));
    const style = Array.isArray(told.style)
      ? told.style
          .map(
            part =>
              (part.name ? style_title(part.name) : (part.path ?? "")) +
              (told.style.length > 1 ? ` ${percent(part.weight)}` : ""),
          )
          .join(", ")
      : typeof told.styles === "string"
        ? told.styles
            .split(",")
            .map(part => called("music", part.split(":")[0].trim()) ?? part)
            .join(", ")
        : "";
    row("library.style", style);
    row("style.strength", told.command === "style" ? percent(told.strength ?? 1) : "");
    row("library.model", told.model ? (called("model", told.model) ?? told.model) : "");
    row("style.seed", told.seed !== undefined && told.seed !== null ? String(told.seed) : told.seeds?.join(", "));
    row(
      "library.sliders",
      Object.entries(told.sliders ?? {})
        .map(([name, amount]) => `${called("slider", name) ?? name} ${number(amount, 2)}`)
        .join(", "),
    );
    row("library.from", told.source?.name);
    const all = item.settings
      ? [
          h(
            "details",
            {},
            h("summary", {t: "library.all-settings"}),
            h("pre", {class: "scroll", tabIndex: 0, textContent: JSON.stringify(item.settings, null, 1)}),
          ),
        ]
      : [];
    return h("div", {}, h("table", {class: "facts"}, h("tbody", {}, ...rows)), ...all);
  }

  // ---- what is looked for ----

  let typing = null;
  const search = h("input", {
    type: "search",
    "t:placeholder": "library.search.hint",
    on: {
      input: () => {
        clearTimeout(typing);
        typing = setTimeout(() => {
          wanted.query = search.value.trim();
          load().catch(complain);
        }, WAIT_MS);
      },
    },
  });
  const kind = choice(
    [
      ["", "library.any"],
      ["image", "library.images"],
      ["video", "library.videos"],
      ["midi", "library.scores"],
      ["audio", "library.sounds"],
    ],
    "",
    value => {
      wanted.kind = value;
      load().catch(complain);
    },
  );
  const which = choice(
    [
      ["", "library.everything"],
      ["favourite", "library.favourites"],
      ["trash", "library.trash"],
    ],
    "",
    value => {
      wanted.favourite = value === "favourite";
      wanted.trash = value === "trash";
      picked.clear();
      empty_trash.hidden = !wanted.trash;
      load().catch(complain);
    },
  );
  const empty_trash = button(
    "trash",
    "library.empty-trash",
    () => {
      if (items.length && confirm(t("library.sure")))
        trying(async () => {
          await post("trash/empty");
          await load();
        })();
    },
    {hidden: true},
  );

  const node = h(
    "section",
    {class: "one"},
    h("header", {}, h("h1", {t: "page.library"}), h("p", {class: "soft", t: "library.about"})),
    h(
      "div",
      {class: "wide finder"},
      field("library.search", search),
      field("library.kind", kind),
      field("library.which", which),
      empty_trash,
    ),
    h("div", {class: "wide hero"}, several, list, empty, more),
    dialog,
  );

  let later = null;
  hear("file", () => {
    if (!node.offsetParent || dialog.open) return;
    clearTimeout(later);
    later = setTimeout(() => load().catch(complain), 500);
  });
  document.addEventListener("language", () => {
    put();
    if (dialog.open) {
      dialog.close();
      show(open);
    }
  });

  return {
    node,
    shown() {
      load().catch(complain);
    },
    hidden() {
      dialog.close();
    },
  };
}
