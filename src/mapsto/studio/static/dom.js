// Elements in one line each, translated where a text has a key.

import {trying} from "./notices.js";
import {label} from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 *
 * `t` is the key of its text, or [key, values]; `t:aria-label` and the like translate attributes; `on` holds listeners;
 * names that the element has are set as properties, all others as attributes.
 */
export function h(name, options = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    if (key === "t") label(node, ...[value].flat());
    else if (key.startsWith("t:")) label(node, ...with_values(value), key.slice(2));
    else if (key === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (key === "class") node.className = value;
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key in node && key !== "list" && key !== "form") node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}

/** A box of a kind. */
export const div = (kind, ...children) => h("div", {class: kind}, ...children);

const with_values = value => (Array.isArray(value) ? [value[0], value[1] ?? {}] : [value, {}]);

/** An element of a drawing. */
export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const ICONS = {
  style: "M4 20c4 0 3-4 6-4s3 2 3 2M10 15 20 4l-2 12c-1 3-5 3-5 0",
  morph: "M3 12h5m8 0h5M8 8h8v8H8zM12 3v2m0 14v2",
  create: "M12 3v6m0 6v6M3 12h6m6 0h6M6 6l3 3m6 6 3 3M18 6l-3 3m-6 6-3 3",
  music: "M9 18V5l11-2v13M9 18a3 3 0 1 1-6 0 3 3 0 0 1 6 0zm11-2a3 3 0 1 1-6 0 3 3 0 0 1 6 0z",
  learn: "M4 19V9m5 10V5m5 14v-7m5 7V3",
  library: "M4 4h6v7H4zM14 4h6v4h-6zM14 12h6v8h-6zM4 15h6v5H4z",
  models: "M12 3 4 7.5v9L12 21l8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  open: "M12 15V4m-4 4 4-4 4 4M4 15v5h16v-5",
  download: "M12 4v11m-4-4 4 4 4-4M4 16v4h16v-4",
  play: "M7 4l13 8-13 8z",
  pause: "M8 5v14M16 5v14",
  stop: "M6 6h12v12H6z",
  close: "M6 6l12 12M18 6 6 18",
  star: "M12 3l2.7 5.8 6.3.8-4.6 4.4 1.2 6.3-5.6-3.1-5.6 3.1 1.2-6.3L3 9.6l6.3-.8z",
  trash: "M5 7h14M10 7V4h4v3m-7 0 1 13h8l1-13M10 11v5m4-5v5",
  restore: "M4 5v5h5M4.5 10a8 8 0 1 1-.5 4",
  brush: "M20 4 10 14m-6 6c3 0 6-1 6-4a3 3 0 0 0-3-3c-3 0-3 3-3 7z",
  eye: "M2 12c4-7 16-7 20 0-4 7-16 7-20 0zm10 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  dice: "M5 4h14v16H5zM9 8h.01M15 8h.01M12 12h.01M9 16h.01M15 16h.01",
  add: "M12 5v14M5 12h14",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zm5-1.5L20 20",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v3m0 14v3M2 12h3m14 0h3M5 5l2 2m10 10 2 2M19 5l-2 2M7 17l-2 2",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z",
  queue: "M4 6h16M4 12h16M4 18h9",
  loop: "M17 3l3 3-3 3M4 11V9a3 3 0 0 1 3-3h13M7 21l-3-3 3-3m13-2v2a3 3 0 0 1-3 3H4",
};

/** A line drawing that stands beside words, or instead of a word that is told in another way. */
export const icon = name =>
  svg("svg", {viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false"}, svg("path", {d: ICONS[name]}));

/** A button with an icon and its words. */
export const button = (picture, key, click, options = {}) =>
  h(
    "button",
    {type: "button", on: {click: trying(click)}, ...options},
    ...(picture ? [icon(picture)] : []),
    h("span", {t: key}),
  );

/** A button that is only an icon; its words are its label and its tip. */
export const sign = (picture, key, click, options = {}) =>
  h(
    "button",
    {type: "button", class: "sign", "t:aria-label": key, "t:title": key, on: {click: trying(click)}, ...options},
    icon(picture),
  );

let named = 0;

/** Tie a control to the label that names it, and to a hint. */
function tied(key, control, hint) {
  const inner = control.matches("input, select") ? control : control.querySelector("input, select");
  inner.id ||= `field-${++named}`;
  const small = hint ? [h("small", {t: hint, id: `${inner.id}-hint`})] : [];
  if (hint) inner.setAttribute("aria-describedby", `${inner.id}-hint`);
  return [h("label", {class: "name", htmlFor: inner.id, t: key}), small];
}

/** A field with its label above it. */
export function field(key, control, hint) {
  const [name, small] = tied(key, control, hint);
  return div("field", name, control, ...small);
}

/** A slider with its name and its value. */
export function slider(
  key,
  {min = 0, max = 1, step = 0.01, value = max, told = String, input = () => {}, change = () => {}} = {},
) {
  const output = h("span", {class: "value", "aria-hidden": "true"}),
    range = h("input", {type: "range", min, max, step, value});
  const show = () => {
    const words = told(Number(range.value));
    output.textContent = words;
    range.setAttribute("aria-valuetext", words);
  };
  range.addEventListener("input", () => {
    show();
    input(Number(range.value));
  });
  range.addEventListener("change", () => change(Number(range.value)));
  document.addEventListener("language", show);
  const node = div("field slider", tied(key, range)[0], output, range);
  node.range = range;
  node.set = given => {
    range.value = given;
    show();
  };
  show();
  return node;
}

/**
 * A number to type; what is typed is brought back within its bounds, and whole where its steps are. It may be left empty where
 * it has a placeholder.
 */
export function figure({min = 0, max = 2 ** 48, step = 1, value, ...more}, change = () => {}) {
  const node = h("input", {type: "number", min, max, step, value, ...more});
  node.addEventListener("change", () => {
    const given = Math.min(max, Math.max(min, Number(node.value) || 0));
    if (node.value || !node.placeholder) node.value = step === 1 ? Math.floor(given) : given;
    change(node.value === "" ? "" : Number(node.value));
  });
  return node;
}

/** A tick box with its words. */
export const tick = (key, checked, change) => {
  const box = h("input", {type: "checkbox", checked, on: {change: event => change(event.target.checked)}});
  const node = h("label", {class: "tick"}, box, h("span", {t: key}));
  node.box = box;
  return node;
};

/** Options of a choice that need no translation: "png", or ["png", "PNG"]. */
export const as_is = options => options.map(each => [...(Array.isArray(each) ? each : [each, each]), true]);

/** A choice of few: options are [value, key], or as `as_is` makes them. */
export function choice(options, value, change) {
  const node = h("select", {on: {change: trying(event => change(event.target.value))}});
  fill(node, options, value);
  return node;
}

/** New options for a choice. */
export function fill(node, options, value) {
  node.replaceChildren(
    ...options.map(([given, text, plain]) =>
      plain ? h("option", {value: given, textContent: text}) : h("option", {value: given, t: text}),
    ),
  );
  if (value !== undefined) node.value = value;
}

/** Whether somebody types there, so that keys mean letters. */
export const typing = node =>
  node instanceof HTMLElement &&
  (node.isContentEditable ||
    (/^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName) && !/^(range|checkbox|radio|button)$/.test(node.type)));
