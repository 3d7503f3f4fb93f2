// What there is to learn from: a painting, or a folder; whether it is fit; and folders that were sent before.

import {get, post, remove, thumbnail, upload, words} from "./api.js";
import {button, div, h, icon, sign} from "./dom.js";
import {PICTURES, SCORES, bar, chooser, send} from "./files.js";
import {complain, notice, sure, trying} from "./notices.js";
import {bytes, label, t} from "./words.js";

/** Fewer than these are told. */
const FEW = {hand: 1, adapt: 10, train: 200, music: 20},
  SMALL = 64,
  NAMED = 100;
/** What a file is refused for alone, while the others of a folder are sent on. */
const ALONE = [413, 415, 422];

const is_seen = file => !file.name.startsWith(".");
const folder_of = files => (files[0].webkitRelativePath || "").split("/")[0] || t("learn.unnamed");

/**
 * The card of what there is: `took(files)` sends more, `look()` checks all, `put_way()` says what is wanted.
 * @param {{way: string, dataset: string, painting: object}} state of the page; it is changed
 * @param {(is_ready: boolean) => void} changed
 */
export function gathering(state, changed) {
  const sending = bar(),
    checked = h("div", {class: "checked", role: "status"}),
    painting = h("img", {class: "painting", alt: "", hidden: true}),
    past = folders(state, look);
  let data = null;

  const took = trying(async files => {
    try {
      if (state.way === "hand") await take_painting(files);
      else await fill_folder(files.filter(is_seen));
    } finally {
      sending.told(1);
      await look();
    }
  });

  async function take_painting(files) {
    const [file] = await send(files.filter(is_seen).slice(0, 1), sending.told);
    if (file && file.kind !== "image") return complain({code: "not-a-painting", values: {name: file.name}});
    if (file) state.painting = {id: file.id, name: file.name, width: file.width, height: file.height};
  }

  /** Send many files; what cannot be used is told by the check, not one by one. */
  async function fill_folder(files) {
    if (!files.length) return;
    state.dataset ??= (await post("datasets", {name: folder_of(files)})).id;
    for (const [i, file] of files.entries()) {
      const path = file.webkitRelativePath.split("/"),
        inner = path.length > 2 ? path.at(-2) : "";
      try {
        await upload(file, () => {}, `datasets/${state.dataset}/files`, inner);
      } catch (error) {
        if (!ALONE.includes(error.status)) throw error;
      }
      sending.told((i + 1) / files.length);
    }
  }

  async function look() {
    again.hidden = !(state.painting || state.dataset);
    const is_hand = state.way === "hand";
    painting.hidden = !is_hand || !state.painting;
    if (is_hand && state.painting) Object.assign(painting, {src: thumbnail(state.painting.id, 512), alt: state.painting.name});
    data = !is_hand && state.dataset ? await get(`datasets/${state.dataset}`).catch(() => null) : null;
    if (!is_hand && !data) state.dataset = null;
    tell();
    changed(is_hand ? Boolean(state.painting) : Boolean(data?.kinds[wanted()]));
    past.put(is_hand ? [] : await get("datasets"));
  }

  const wanted = () => (state.way === "music" ? "midi" : "image");

  function tell() {
    const lines =
      state.way === "hand"
        ? [state.painting ? ["learn.check.painting", state.painting] : ["learn.check.no-painting"]]
        : data
          ? said_of(data, state.way, wanted())
          : [["learn.check.nothing"]];
    checked.replaceChildren(...lines.map(([key, values = {}, tone = ""]) => h("p", {t: [key, values], class: tone})));
    if (data?.broken.length) checked.append(broken(data.broken));
  }

  // ---- the card ----

  const all = found => took(found);
  const folder_chooser = chooser("learn.folder", "", all, {folder: true}),
    file_chooser = chooser("learn.files", `${PICTURES},${SCORES},.zip`, all, {multiple: true});
  const anew = () => {
    state.dataset = state.painting = null;
    return look();
  };
  const again = button("restore", "learn.again", anew, {class: "quiet"}),
    asked = h("p", {t: "learn.drop"});
  document.addEventListener("language", () => look().catch(complain));
  const node = div(
    "card",
    div("drop", icon("open"), asked),
    div("row", folder_chooser, file_chooser, again),
    sending,
    div("with-painting", painting, checked),
    past,
  );
  return Object.assign(node, {
    took,
    look,
    put_way() {
      folder_chooser.hidden = state.way === "hand";
      label(asked, {hand: "learn.drop.painting", music: "learn.drop.music"}[state.way] ?? "learn.drop");
    },
  });
}

/** Folders that were sent before: to be used again, or deleted. */
function folders(state, look) {
  const list = h("ul", {class: "kept"}),
    node = h("details", {hidden: true}, h("summary", {t: "learn.kept"}), list);
  const use = id => {
    state.dataset = id;
    return look();
  };
  async function drop({id, name}) {
    if (!(await sure(t("learn.kept.sure", {name})))) return;
    await remove(`datasets/${id}`);
    if (state.dataset === id) state.dataset = null;
    notice(t("learn.kept.deleted", {name}));
    await look();
  }
  function row(each) {
    const {id, name, count} = each,
      size = h("small", {t: ["learn.kept.size", {n: count, size: () => bytes(each.bytes)}]}),
      pressed = {type: "button", class: "quiet", "aria-pressed": String(id === state.dataset)};
    const choose = h("button", {...pressed, on: {click: trying(() => use(id))}}, h("span", {textContent: name}), size);
    return h(
      "li",
      {},
      choose,
      sign("trash", "learn.kept.delete", () => drop(each)),
    );
  }
  return Object.assign(node, {
    put(all) {
      const useful = all.filter(each => each.count || each.id === state.dataset);
      list.replaceChildren(...useful.map(row));
      node.hidden = !useful.length;
    },
  });
}

/** What a check says of a folder. */
function said_of({kinds, sizes, bytes: size, broken}, way, kind) {
  const count = kinds[kind] ?? 0,
    lines = [["learn.check.count", {n: count}]];
  if (sizes && kind === "image") lines.push(["learn.check.sizes", sizes]);
  lines.push(["learn.check.bytes", {size: () => bytes(size)}]);
  if (broken.length) lines.push(["learn.check.broken", {n: broken.length}, "warn"]);
  if (count < FEW[way]) lines.push([`learn.check.few-${way}`, {n: count, least: FEW[way]}, "warn"]);
  else lines.push(["learn.check.enough", {}, "good"]);
  if (sizes?.least < SMALL && kind === "image") lines.push(["learn.check.small", sizes, "warn"]);
  return lines;
}

/** Which files cannot be used, and why. */
function broken(files) {
  const rows = files
    .slice(0, NAMED)
    .map(({name, error}) => h("li", {textContent: t("files.refused", {name, why: words(error)})}));
  return h("details", {}, h("summary", {t: "learn.check.which"}), h("ul", {class: "scroll plain"}, ...rows));
}
