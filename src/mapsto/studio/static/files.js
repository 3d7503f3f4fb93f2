// Files from the person: dropped, pasted, chosen; sent one after the other.

import {upload} from "./api.js";
import {button, h} from "./dom.js";
import {complain} from "./notices.js";

export const PICTURES = "image/png,image/jpeg,image/webp,image/gif,image/tiff,image/avif,image/bmp,.tif,.tiff";
export const CLIPS = "video/mp4,video/quicktime,video/webm,video/x-matroska,video/x-msvideo,.mkv,.avi,.mov";
export const SCORES = "audio/midi,audio/x-midi,.mid,.midi";

/** A button that opens the system's choice of files. */
export function chooser(key, accept, took, {multiple = false, folder = false, ...more} = {}) {
  const input = h("input", {type: "file", accept, multiple, hidden: true, tabIndex: -1, "aria-hidden": "true"});
  if (folder) input.webkitdirectory = true;
  input.addEventListener("change", () => {
    if (input.files.length) took([...input.files]);
    input.value = "";
  });
  const opener = button(more.picture ?? "open", key, () => input.click(), {class: more.class ?? ""});
  const node = h("span", {class: "chooser"}, opener, input);
  node.opener = opener;
  return node;
}

/** Let files be dropped on a node. */
export function droppable(node, took) {
  let depth = 0;
  const carries = event => [...event.dataTransfer.types].includes("Files");
  node.addEventListener("dragenter", event => {
    if (carries(event)) {
      depth++;
      node.classList.add("over");
      event.preventDefault();
    }
  });
  node.addEventListener("dragover", event => {
    if (carries(event)) event.preventDefault();
  });
  node.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) node.classList.remove("over");
  });
  node.addEventListener("drop", async event => {
    depth = 0;
    node.classList.remove("over");
    if (!carries(event)) return;
    event.preventDefault();
    const found = await all_of(event.dataTransfer);
    if (found.length) took(found);
  });
}

/** The files of a drop, those in folders too. */
async function all_of(transfer) {
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some(entry => entry.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.map(files_of))).flat();
}

async function files_of(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const reader = entry.createReader(),
    found = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return found;
    found.push(...(await Promise.all(some.map(files_of))).flat());
  }
}

/** Hear of files that are pasted while a page is shown. */
export function pasteable(node, took) {
  addEventListener("paste", event => {
    if (!node.offsetParent || !event.clipboardData?.files.length) return;
    event.preventDefault();
    took([...event.clipboardData.files]);
  });
}

/** A bar that shows how far sending is: `told` takes the part. */
export function bar() {
  const node = h("progress", {max: 1, value: 0, hidden: true, "t:aria-label": "files.sending"});
  node.told = part => {
    node.value = part;
    node.hidden = part >= 1;
  };
  return node;
}

/** Send files one after the other; those that are refused are told and left out. */
export async function send(files, told = () => {}, path) {
  const found = [];
  for (const [i, file] of files.entries()) {
    try {
      found.push(await upload(file, part => told((i + part) / files.length), path));
    } catch (error) {
      complain(error, file.name);
    }
    told((i + 1) / files.length);
  }
  return found;
}
