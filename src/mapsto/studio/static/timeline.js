// A timeline of keys: drag them, move them by arrows, scrub.

import {h} from "./dom.js";
import {announce} from "./notices.js";
import {label, number} from "./words.js";

const STEP_S = 0.1;

/**
 * A timeline.
 *
 * `show(keys, seconds, pick)` draws it; keys are {at, until?, face: canvas, title()}; `playhead(at)` moves the line.
 * @param {object} options
 * @param {(i: number, at: number, settled: boolean) => void} options.moved a key
 * @param {(i: number) => void} options.picked a key
 * @param {(i: number) => void} options.removed a key
 * @param {(at: number, settled: boolean) => void} options.scrubbed
 */
export function timeline({moved, picked, removed, scrubbed}) {
  const track = h("div", {class: "track"});
  const head = h("div", {class: "playhead", "aria-hidden": "true"});
  const scrub = h("input", {
    type: "range",
    class: "scrub",
    min: 0,
    max: 4,
    step: 0.01,
    value: 0,
    "t:aria-label": "morph.scrub",
    on: {
      input: () => {
        put();
        scrubbed(Number(scrub.value), false);
      },
      change: () => scrubbed(Number(scrub.value), true),
    },
  });
  track.append(head);
  const ruler = h("div", {class: "ruler", "aria-hidden": "true"});
  const node = h("div", {class: "timeline"}, h("div", {class: "lane"}, track), scrub, ruler);
  let length = 4,
    buttons = [];

  const put = () => {
    head.style.left = `${(scrub.value / length) * 100}%`;
    scrub.setAttribute("aria-valuetext", `${number(Number(scrub.value), 1)} s`);
  };

  node.playhead = at => {
    scrub.value = at;
    put();
  };
  node.at = () => Number(scrub.value);

  node.show = (keys, seconds, pick) => {
    length = seconds;
    scrub.max = seconds;
    put();
    const step = [0.5, 1, 2, 5, 10, 30, 60, 300].find(each => seconds / each <= 10) ?? 600;
    ruler.replaceChildren(
      ...Array.from({length: Math.floor(seconds / step) + 1}, (_, i) => {
        const mark = h("span", {textContent: `${number(i * step, 1)} s`});
        mark.style.left = `${((i * step) / seconds) * 100}%`;
        return mark;
      }),
    );
    const focused = buttons.indexOf(document.activeElement);
    buttons = keys.map((key, i) => {
      const button = h("button", {type: "button", class: "key", "aria-pressed": String(i === pick)}, key.face);
      label(button, "morph.key", {n: i + 1, style: key.title, at: () => number(key.at, 1)}, "aria-label");
      label(button, "morph.key", {n: i + 1, style: key.title, at: () => number(key.at, 1)}, "title");
      button.style.left = `${(key.at / seconds) * 100}%`;
      hand(button, i, key, {track, length, moved, picked, removed});
      return button;
    });
    const holds = keys
      .filter(key => key.until > key.at)
      .map(key => {
        const bar = h("div", {class: "holding"});
        Object.assign(bar.style, {left: `${(key.at / seconds) * 100}%`, width: `${((key.until - key.at) / seconds) * 100}%`});
        return bar;
      });
    track.replaceChildren(...holds, ...buttons, head);
    if (focused >= 0) buttons[pick]?.focus({preventScroll: true});
  };

  return node;
}

/** Let a key be moved by hand and by arrows. */
function hand(button, i, key, {track, length, moved, picked, removed}) {
  let from = null,
    dragged = false;
  button.addEventListener("pointerdown", event => {
    from = event.clientX;
    dragged = false;
    button.setPointerCapture(event.pointerId);
  });
  button.addEventListener("pointermove", event => {
    if (from === null || (!dragged && Math.abs(event.clientX - from) < 4)) return;
    dragged = true;
    const box = track.getBoundingClientRect();
    const at = Math.min(length, Math.max(0, ((event.clientX - box.left) / box.width) * length));
    button.style.left = `${(at / length) * 100}%`;
    key.at = at;
    moved(i, at, false);
  });
  const drop = () => {
    if (from !== null && dragged) moved(i, key.at, true);
    from = null;
  };
  button.addEventListener("pointerup", drop);
  button.addEventListener("pointercancel", drop);
  button.addEventListener("click", () => dragged || picked(i));
  button.addEventListener("keydown", event => {
    const way = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (way) {
      const at = Math.min(length, Math.max(0, key.at + way * STEP_S * (event.shiftKey ? 10 : 1)));
      moved(i, at, true);
      announce("morph.key.at", {at: number(at, 1)});
    } else if (event.key === "Delete" || event.key === "Backspace") removed(i);
    else return;
    event.preventDefault();
  });
}
