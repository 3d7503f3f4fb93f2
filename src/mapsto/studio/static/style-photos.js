// The photos and clips that came in together, to be painted one by one or all at once.

import {thumbnail} from "./api.js";
import {h} from "./dom.js";
import {bar, send} from "./files.js";
import {announce, complain, trying} from "./notices.js";
import {offer} from "./restore.js";
import {hold, shared, when} from "./shared.js";

/**
 * A strip of what came in, shown where there are several; `took(files)` sends more, `sending` is the bar meanwhile.
 * @param {(batch: object[]) => void} changed
 */
export function photos(changed) {
  const node = h("ul", {class: "strip", hidden: true, "t:aria-label": "style.photos"}),
    sending = bar();
  let batch = [];

  const took = trying(async files => {
    const found = (await send(files, sending.told)).filter(is_seen);
    if (!found.length) return;
    batch = found.length > 1 ? found : batch.length > 1 ? [...batch, ...found] : found;
    node.hidden = batch.length < 2;
    node.replaceChildren(...batch.map(cell));
    changed(batch);
    hold(found[0]);
    announce("style.loaded", {name: found[0].name});
    if (found.length === 1) offer(found[0]);
  });
  const is_seen = ({kind, name}) => ["image", "video"].includes(kind) || complain({code: "not-a-picture", values: {name}});

  const cell = file => {
    const face = h("img", {src: thumbnail(file.id, 128), alt: "", loading: "lazy"}),
      told = {type: "button", class: "small-picture", "aria-pressed": "false", "aria-label": file.name, title: file.name};
    return h("li", {data: {id: file.id}}, h("button", {...told, on: {click: () => hold(file)}}, face));
  };
  when("photo", ({id}) => {
    for (const each of node.children) each.firstChild.setAttribute("aria-pressed", String(each.dataset.id === id));
  });
  return Object.assign(node, {took, sending, batch: () => batch});
}
