// The picture: before and after with a slider between, the original while Space is held, and room for a mask over it.

import {h, icon, typing} from "./dom.js";
import {into} from "./live.js";

/**
 * A picture with its original beneath.
 *
 * `size(width, height)` shapes it, `original(address)` and `painted(address or blob)` fill it, `busy(on)` tells of work.
 * @param {object} options
 * @param {number} options.cut how much of the original is shown at first, 0 to 1
 */
export function stage({cut = 0, compares = true} = {}) {
  const before = h("img", {class: "before", alt: "", draggable: false});
  const after = h("img", {class: "after", alt: "", draggable: false});
  const range = h("input", {
    type: "range",
    class: "cut",
    min: 0,
    max: 100,
    step: 1,
    value: cut * 100,
    "t:aria-label": "stage.compare",
  });
  const left = h("span", {class: "tag left", t: "stage.before"}),
    right = h("span", {class: "tag right", t: "stage.after"});
  const hold = h(
    "button",
    {type: "button", class: "hold", "t:title": "stage.hold.tip"},
    icon("eye"),
    h("span", {t: "stage.hold"}),
  );
  const frame = h(
    "div",
    {class: "frame"},
    after,
    before,
    ...(compares ? [h("div", {class: "rule"}), left, right, range, hold] : []),
    h("div", {class: "busy", "aria-hidden": "true"}),
  );
  const node = h("figure", {class: "stage"}, frame);
  const show_blob = into(after);

  const put = () => {
    frame.style.setProperty("--cut", `${range.value}%`);
    frame.classList.toggle("whole", Number(range.value) === 0);
    frame.classList.toggle("none", Number(range.value) === 100);
  };
  range.addEventListener("input", put);
  put();

  const original = shown => frame.classList.toggle("original", shown);
  for (const event of ["pointerdown", "pointerup", "pointercancel", "pointerleave", "blur"]) {
    hold.addEventListener(event, () => original(event === "pointerdown"));
  }
  hold.addEventListener("keydown", event => (event.key === "Enter" || event.key === " ") && original(true));
  hold.addEventListener("keyup", () => original(false));
  // Space shows the original wherever it means nothing else
  const free = event =>
    event.code === "Space" &&
    node.offsetParent &&
    !typing(event.target) &&
    !event.target.closest?.("button, a, summary, select, input[type=checkbox], input[type=radio], dialog, [popover]");
  addEventListener("keydown", event => {
    if (!compares || !free(event)) return;
    event.preventDefault();
    original(true);
  });
  addEventListener("keyup", event => event.code === "Space" && original(false));
  addEventListener("blur", () => original(false));

  return Object.assign(node, {
    frame,
    range,
    after,
    before,
    size(width, height) {
      frame.style.setProperty("--ratio", width / height);
      frame.style.aspectRatio = `${width} / ${height}`;
    },
    original(address) {
      before.src = address;
    },
    painted(given, words) {
      if (given instanceof Blob) show_blob(given);
      else after.src = given;
      if (words !== undefined) after.alt = words;
    },
    busy(on) {
      frame.classList.toggle("working", on);
    },
    crisp(on) {
      frame.classList.toggle("crisp", on);
    },
    cut(part) {
      range.value = part * 100;
      put();
    },
  });
}
