// Library: everything that came in or was made, to find, star, restore, throw away and take along.

import {bytes, get, patch, post, remove, save, thumbnail} from "./api.js";
import {button, choice, div, field, h, icon, sign} from "./dom.js";
import {PICTURES, CLIPS, SCORES, bar, chooser, droppable, pasteable, send} from "./files.js";
import {hear} from "./jobs.js";
import {about} from "./library-file.js";
import {announce, complain, notice, sure, trying} from "./notices.js";
import {offer} from "./restore.js";
import {label, span, t} from "./words.js";

const WAIT_MS = 250,
  NEWS_MS = 500,
  SMALL = 128;

const wanted = {query: "", kind: "", favourite: false, trash: false};
let items = [],
  next = null,
  turn = 0,
  picked = new Set();

// ---- the shelf ----

const list = h("ul", {class: "shelf"});
const empty = h("p", {class: "empty soft", hidden: true});
const more = button(null, "library.more", () => load(true), {hidden: true});

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
  const is_asked = wanted.query || wanted.kind || wanted.favourite;
  label(empty, wanted.trash ? "library.trash-empty" : is_asked ? "library.nothing" : "library.empty");
  put_picked();
  if (focused) list.querySelector(`[data-id="${focused}"] .open`)?.focus({preventScroll: true});
}

function card(item) {
  const has_face = item.kind === "image" || item.kind === "video",
    has_length = item.kind === "video" || item.kind === "audio";
  const face = has_face
    ? h("img", {src: thumbnail(item.id), alt: "", loading: "lazy"})
    : h("span", {class: "no-picture"}, icon("music"));
  const opener = h("button", {type: "button", class: "open", title: item.name, on: {click: () => dialog.show(item)}}, face);
  label(opener, "library.open", {name: item.name}, "aria-label");
  const check = h("input", {type: "checkbox", checked: picked.has(item.id)});
  check.addEventListener("change", () => {
    if (check.checked) picked.add(item.id);
    else picked.delete(item.id);
    put_picked();
  });
  label(check, "library.pick", {name: item.name}, "aria-label");
  const name = h("span", {class: "name", textContent: item.name, title: item.name}),
    length = has_length ? h("span", {class: "length", textContent: span(item.seconds)}) : null;
  return h(
    "li",
    {data: {id: item.id}, class: item.width && item.width <= SMALL ? "pixels" : ""},
    opener,
    length,
    div("line", h("label", {class: "check"}, check), name, item.trashed ? null : star(item)),
  );
}

function star(item) {
  const node = sign("star", item.favourite ? "library.unstar" : "library.star", async () => {
    Object.assign(item, await patch(`files/${item.id}`, {favourite: !item.favourite}));
    node.replaceWith(star(item));
    list.querySelector(`[data-id="${item.id}"] .star`)?.focus();
  });
  node.classList.add("star");
  node.setAttribute("aria-pressed", String(item.favourite));
  return node;
}

// ---- several ----

const zip = button("download", "library.zip", async () => {
  const made = URL.createObjectURL(await bytes("export", {ids: [...picked]}));
  save(made, "mapsto.zip");
  setTimeout(() => URL.revokeObjectURL(made), 60000);
});
const throw_away = button("trash", "library.delete", () => trash([...picked])),
  bring_back = button("restore", "library.back", () => back([...picked]));
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
  notice(t("library.deleted", {n: ids.length}), {actions: [["library.undo", trying(() => back(ids))]], lasts: 12000});
  await load();
}

async function back(ids) {
  for (const id of ids) await post(`files/${id}/restore`);
  picked.clear();
  notice(t("library.is-back", {n: ids.length}), {tone: "good"});
  await load();
}

const dialog = about({trash: item => trash([item.id]), back: item => back([item.id])});

// ---- what is looked for, and what comes in ----

let typing = null;
const search = h("input", {type: "search", "t:placeholder": "library.search.hint"});
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    wanted.query = search.value.trim();
    load().catch(complain);
  }, WAIT_MS);
});
const KINDS = {"": "any", image: "images", video: "videos", midi: "scores", audio: "sounds"},
  WHICH = {"": "everything", favourite: "favourites", trash: "trash"};
const keyed = told => Object.entries(told).map(([value, key]) => [value, `library.${key}`]);
const kind = choice(keyed(KINDS), "", value => {
  wanted.kind = value;
  return load();
});
const which = choice(keyed(WHICH), "", value => {
  Object.assign(wanted, {favourite: value === "favourite", trash: value === "trash"});
  picked.clear();
  empty_trash.hidden = !wanted.trash;
  return load();
});
const empty_all = async () => {
  if (!(await sure(t("library.sure")))) return;
  await post("trash/empty");
  await load();
};
const empty_trash = button("trash", "library.empty-trash", empty_all, {hidden: true});

const sending = bar();
const took = trying(async files => {
  const found = await send(files, sending.told);
  if (found.length) await load();
  if (found.length === 1) offer(found[0]);
});
const add = chooser("library.add", [PICTURES, CLIPS, SCORES].join(), took, {multiple: true});

export const node = h(
  "section",
  {class: "one"},
  h("header", {}, h("h1", {t: "page.library"}), h("p", {class: "soft", t: "library.about"})),
  div(
    "wide finder",
    field("library.search", search),
    field("library.kind", kind),
    field("library.which", which),
    div("row", empty_trash, add),
  ),
  div("wide hero", sending, several, list, empty, more),
  dialog,
);
droppable(node, took);
pasteable(node, took);

let later = null;
hear("file", () => {
  if (!node.offsetParent || dialog.open) return;
  clearTimeout(later);
  later = setTimeout(() => load().catch(complain), NEWS_MS);
});
document.addEventListener("language", put);

export function shown() {
  load().catch(complain);
}

export const hidden = () => dialog.close();
