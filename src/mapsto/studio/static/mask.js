// Where the style is and where it is not: a brush over the picture.

import {button, choice, div, field, h, slider} from "./dom.js";
import {announce} from "./notices.js";
import {WAYS} from "./plane.js";
import {label, percent} from "./words.js";

const SIDE = 384,
  INK = [168, 64, 31],
  SMALLEST = 0.02,
  LARGEST = 0.5;

/**
 * A mask for a stage. `png()` is the mask as base64, white where the style is, or null where nothing was painted.
 * @param {object} stage the picture it lies over
 * @param {(settled: boolean) => void} changed
 */
export function mask(stage, changed) {
  const sheet = sheet_of(h("canvas", {class: "mask", tabIndex: 0, role: "img", hidden: true, "t:aria-label": "mask.canvas"}));
  const ring = h("div", {class: "ring", hidden: true});
  stage.frame.append(sheet.canvas, ring);
  const brush = {size: 0.12, adds: false, at: [0.5, 0.5]};
  let on = false;

  const size = slider("mask.size", {
    min: SMALLEST,
    max: LARGEST,
    step: 0.01,
    value: brush.size,
    told: percent,
    input(value) {
      brush.size = value;
      hover();
    },
  });
  const says = ["off", "on"].map(each => [each, `mask.${each}`]);
  const way = choice(says, "off", value => {
    brush.adds = value === "on";
  });
  const settled = act => () => {
    act();
    changed(true);
  };
  const open = button(null, "mask.use", () => use(!on), {"aria-pressed": "false"});
  const acts = div("row", button(null, "mask.turn", settled(sheet.turn)), button(null, "mask.clear", settled(sheet.clear)));
  const tools = div("tools", field("mask.way", way), size, acts, h("p", {class: "hint", t: "mask.hint"}));
  tools.hidden = true;

  function hover() {
    ring.hidden = !on;
    const box = stage.frame.getBoundingClientRect(),
      side = `${brush.size * Math.min(box.width, box.height)}px`,
      [left, top] = brush.at.map(part => `${part * 100}%`);
    Object.assign(ring.style, {left, top, width: side, height: side});
  }

  function use(wanted) {
    on = wanted;
    open.setAttribute("aria-pressed", String(on));
    tools.hidden = sheet.canvas.hidden = !on;
    stage.frame.classList.toggle("masked", on);
    label(open.firstChild, on ? "mask.done" : "mask.use");
    hover();
  }

  by_hand(sheet, brush, hover, changed);
  by_keys(sheet, brush, hover, changed);
  addEventListener("keydown", event => {
    if (!on || !stage.offsetParent || (event.key !== "[" && event.key !== "]")) return;
    brush.size = Math.min(LARGEST, Math.max(SMALLEST, brush.size + (event.key === "]" ? 0.02 : -0.02)));
    size.set(brush.size);
    hover();
  });
  return Object.assign(div("masking", open, tools), {
    use,
    png: sheet.png,
    take: base64 => sheet.take(base64),
    /** Begin anew with a picture of another shape. */
    reset(width, height) {
      sheet.shape(width, height);
      use(false);
    },
  });
}

/** What is painted on. It holds what is left out, opaque, so that it can be shown as it is. */
function sheet_of(canvas) {
  const context = canvas.getContext("2d", {willReadFrequently: true});
  let used = false;

  /** Give every pixel another colour: `act` gets its four values, and gives them. */
  function recolour(act) {
    const whole = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < whole.data.length; i += 4) whole.data.set(act(whole.data.subarray(i, i + 4)), i);
    return whole;
  }
  return {
    canvas,
    shape(width, height) {
      const scale = SIDE / Math.max(width, height);
      Object.assign(canvas, {width: Math.round(width * scale), height: Math.round(height * scale)});
      used = false;
    },
    clear() {
      context.clearRect(0, 0, canvas.width, canvas.height);
      used = false;
    },
    turn() {
      context.putImageData(
        recolour(([, , , alpha]) => [...INK, 255 - alpha]),
        0,
        0,
      );
      used = true;
    },
    stroke(from, to, {size, adds}) {
      context.globalCompositeOperation = adds ? "destination-out" : "source-over";
      context.strokeStyle = `rgb(${INK.join(" ")})`;
      context.lineCap = context.lineJoin = "round";
      context.lineWidth = size * Math.min(canvas.width, canvas.height);
      context.beginPath();
      context.moveTo(from[0] * canvas.width, from[1] * canvas.height);
      context.lineTo(to[0] * canvas.width, to[1] * canvas.height + 0.01);
      context.stroke();
      used = true;
    },
    png() {
      if (!used) return null;
      const still = h("canvas", {width: canvas.width, height: canvas.height});
      const white = recolour(([, , , alpha]) => [255 - alpha, 255 - alpha, 255 - alpha, 255]);
      still.getContext("2d").putImageData(white, 0, 0);
      return still.toDataURL("image/png").split(",")[1];
    },
    /** Take over a mask that a file told of. */
    async take(base64) {
      this.clear();
      if (!base64) return;
      const image = new Image();
      image.src = `data:image/png;base64,${base64}`;
      await image.decode();
      context.globalCompositeOperation = "source-over";
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      context.putImageData(
        recolour(([white]) => [...INK, 255 - white]),
        0,
        0,
      );
      used = true;
    },
  };
}

function by_hand(sheet, brush, hover, changed) {
  const {canvas} = sheet;
  let from = null;
  const where = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const paint = () => {
    sheet.stroke(from, brush.at, brush);
    from = brush.at;
    changed(false);
  };
  canvas.addEventListener("pointerdown", event => {
    event.preventDefault();
    canvas.focus({preventScroll: true});
    canvas.setPointerCapture(event.pointerId);
    from = brush.at = where(event);
    paint();
  });
  canvas.addEventListener("pointermove", event => {
    brush.at = where(event);
    hover();
    if (from) paint();
  });
  for (const kind of ["pointerup", "pointercancel"])
    canvas.addEventListener(kind, () => {
      if (from) changed(true);
      from = null;
    });
}

/** Arrow keys move the brush, with Control held they paint; so does Enter where it is. */
function by_keys(sheet, brush, hover, changed) {
  const {canvas} = sheet;
  canvas.addEventListener("keydown", event => {
    const step = WAYS[event.key];
    if (step) {
      const before = brush.at;
      brush.at = before.map((part, i) => Math.min(1, Math.max(0, part + step[i] * (event.shiftKey ? 0.1 : 0.03))));
      if (event.ctrlKey) {
        sheet.stroke(before, brush.at, brush);
        changed(false);
      }
      hover();
    } else if (event.key === "Enter") {
      sheet.stroke(brush.at, brush.at, brush);
      changed(true);
      announce("mask.painted");
    } else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", hover);
}
