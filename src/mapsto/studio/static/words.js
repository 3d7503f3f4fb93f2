// Words in the language of the person: texts from i18n/*.json, numbers and dates as the language writes them.

const LANGUAGES = {en: "en", zh: "zh-CN"};
let texts = {},
  plain = null;

export let language = "en";

/** The language to begin with: what was chosen before, else the browser's. */
export function preferred() {
  const kept = localStorage.getItem("language");
  if (kept in LANGUAGES) return kept;
  return navigator.languages.some(each => each.toLowerCase().startsWith("zh")) ? "zh" : "en";
}

const load = async name => (await fetch(`i18n/${name}.json`)).json();

/** Speak a language from now on; everything that has been labelled is labelled anew. */
export async function speak(name) {
  plain ??= await load("en");
  texts = name === "en" ? plain : await load(name);
  language = name;
  document.documentElement.lang = LANGUAGES[name];
  for (const node of document.querySelectorAll("[data-t]")) translate(node);
  document.dispatchEvent(new CustomEvent("language"));
}

export const remember = name => localStorage.setItem("language", name);
export const has = key => key in texts;

/** The text of a key; `values` fill its {placeholders}. */
export function t(key, values = {}) {
  const text = texts[key] ?? plain[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (values[name] === undefined ? whole : String(shown(values[name]))));
}

const shown = value => (typeof value === "function" ? value() : typeof value === "number" ? number(value) : value);

/** Write a text into a node (or one of its attributes), and again whenever the language changes. */
export function label(node, key, values = {}, attribute = "") {
  (node.said ??= {})[attribute] = [key, values];
  node.dataset.t = "";
  write(node, attribute, t(key, values));
  return node;
}

function translate(node) {
  for (const [attribute, [key, values]] of Object.entries(node.said ?? {})) write(node, attribute, t(key, values));
}

function write(node, attribute, text) {
  if (!attribute) node.textContent = text;
  else node.setAttribute(attribute, text);
}

/** A title that the server sends in both languages. */
export const titled = title => title?.[language] || title?.en || "";

export const number = (value, digits = 2) =>
  new Intl.NumberFormat(LANGUAGES[language], {maximumFractionDigits: digits}).format(value);
export const percent = part => new Intl.NumberFormat(LANGUAGES[language], {style: "percent"}).format(part);
export const day = seconds =>
  new Intl.DateTimeFormat(LANGUAGES[language], {dateStyle: "medium", timeStyle: "short"}).format(new Date(seconds));

/** A length of time in words. */
export function span(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "";
  if (seconds < 60) return t("time.seconds", {n: Math.max(1, Math.round(seconds))});
  if (seconds < 3600) return t("time.minutes", {n: Math.round(seconds / 60)});
  return t("time.hours", {n: Math.floor(seconds / 3600), m: Math.round((seconds % 3600) / 60)});
}

/** A size in bytes in words. */
export function bytes(count) {
  if (count < 1e6) return t("size.kilobytes", {n: Math.max(1, Math.round(count / 1e3))});
  if (count < 1e9) return t("size.megabytes", {n: number(count / 1e6, 1)});
  return t("size.gigabytes", {n: number(count / 1e9, 2)});
}
