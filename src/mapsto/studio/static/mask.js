// Where the style is and where it is not: a brush over the picture.

import {button, choice, field, h, slider} from "./dom.js";
import {announce} from "./notices.js";
import {label, percent} from "./words.js";

const SIDE = 384;

/**
 * A mask for a stage. `png()` is the mask as base64, white where the style is, or null where nothing was painted.
 * @param {object} stage the picture it lies over
 * @param {(settled: boolean) => void} changed
 */
export function mask(stage, changed) {
  const canvas = h("canvas", {class: "mask", tabIndex: 0, role: "img", hidden: true, "t:aria-label": "mask.canvas"});
  const ring = h("div", {class: "ring", hidden: true});
  stage.frame.append(canvas, ring);
  const context = canvas.getContext("2d", {willReadFrequently: true});
  let on = false,
    size = 0.12,
    adds = false,
    at = [0.5, 0.5],
    drawing = null,
    used = false;

  // The canvas holds what is left out, opaque, so that it can be shown as it is.
  const sized = slider("mask.size", {
    min: 0.02,
    max: 0.5,
    step: 0.01,
    value: size,
    told: percent,
    input: given => {
      size = given;
      hover();
    },
  });
  const way = choice(
    [
      ["off", "mask.off"],
      ["on", "mask.on"],
    ],
    "off",
    value => {
      adds = value === "on";
    },
  );
  const open = h(
    "button",
    {type: "button", "aria-pressed": "false", on: {click: () => node.use(!on)}},
    h("span", {t: "mask.use"}),
  );
  const tools = h(
    "div",
    {class: "tools", hidden: true},
    field("mask.way", way),
    sized,
    h(
      "div",
      {class: "row"},
      button(null, "mask.turn", turn),
      button(null, "mask.clear", () => {
        clear();
        changed(true);
      }),
    ),
    h("p", {class: "hint", t: "mask.hint"}),
  );
  const node = h("div", {class: "masking"}, open, tools);

  function clear() {
    context.clearRect(0, 0, canvas.width, canvas.height);
    used = false;
  }

  function turn() {
    const whole = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < whole.data.length; i += 4) {
      const alpha = 255 - whole.data[i + 3];
      whole.data.set([168, 64, 31, alpha], i);
    }
    context.putImageData(whole, 0, 0);
    used = true;
    changed(true);
  }

  function stroke(from, to) {
    context.globalCompositeOperation = adds ? "destination-out" : "source-over";
    context.strokeStyle = context.fillStyle = "rgb(168 64 31)";
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = size * Math.min(canvas.width, canvas.height);
    context.beginPath();
    context.moveTo(from[0] * canvas.width, from[1] * canvas.height);
    context.lineTo(to[0] * canvas.width, to[1] * canvas.height + 0.01);
    context.stroke();
    used = true;
  }

  function hover() {
    ring.hidden = !on;
    const box = stage.frame.getBoundingClientRect(),
      side = size * Math.min(box.width, box.height);
    Object.assign(ring.style, {left: `${at[0] * 100}%`, top: `${at[1] * 100}%`, width: `${side}px`, height: `${side}px`});
  }

  const where = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  canvas.addEventListener("pointerdown", event => {
    event.preventDefault();
    canvas.focus({preventScroll: true});
    canvas.setPointerCapture(event.pointerId);
    drawing = at = where(event);
    stroke(at, at);
    changed(false);
  });
  canvas.addEventListener("pointermove", event => {
    at = where(event);
    hover();
    if (!drawing) return;
    stroke(drawing, at);
    drawing = at;
    changed(false);
  });
  for (const kind of ["pointerup", "pointercancel"])
    canvas.addEventListener(kind, () => {
      if (drawing) {
        drawing = null;
        changed(true);
      }
    });

  const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  canvas.addEventListener("keydown", event => {
    const step = WAYS[event.key];
    if (step) {
      const before = at;
      at = [0, 1].map(i => Math.min(1, Math.max(0, at[i] + step[i] * (event.shiftKey ? 0.1 : 0.03))));
      if (event.ctrlKey) {
        stroke(before, at);
        changed(false);
      }
      hover();
    } else if (event.key === "Enter") {
      stroke(at, at);
      changed(true);
      announce("mask.painted");
    } else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", hover);
  addEventListener("keydown", event => {
    if (!on || !stage.offsetParent || (event.key !== "[" && event.key !== "]")) return;
    size = Math.min(0.5, Math.max(0.02, size + (event.key === "]" ? 0.02 : -0.02)));
    sized.set(size);
    hover();
  });

  return Object.assign(node, {
    use(wanted) {
      on = wanted;
      open.setAttribute("aria-pressed", String(on));
      tools.hidden = canvas.hidden = !on;
      stage.frame.classList.toggle("masked", on);
      label(open.firstChild, on ? "mask.done" : "mask.use");
      hover();
    },
    /** Begin anew with a picture of another shape. */
    reset(width, height) {
      const scale = SIDE / Math.max(width, height);
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      used = false;
      node.use(false);
    },
    png() {
      if (!used) return null;
      const still = document.createElement("canvas"),
        flat = still.getContext("2d");
      Object.assign(still, {width: canvas.width, height: canvas.height});
      const painted = context.getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < painted.data.length; i += 4) {
        const white = 255 - painted.data[i + 3];
        painted.data.set([white, white, white, 255], i);
      }
      flat.putImageData(painted, 0, 0);
      return still.toDataURL("image/png").split(",")[1];
    },
    /** Take over a mask that a file told of. */
    async take(base64) {
      clear();
      if (!base64) return;
      const image = new Image();
      image.src = `data:image/png;base64,${base64}`;
      await image.decode();
      context.globalCompositeOperation = "source-over";
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      const whole = context.getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < whole.data.length; i += 4) whole.data.set([168, 64, 31, 255 - whole.data[i]], i);
      context.putImageData(whole, 0, 0);
      used = true;
    },
  });
}
