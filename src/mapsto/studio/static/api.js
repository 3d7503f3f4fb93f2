// What is said to the server, and what it answers; its errors in the person's language.

import {has, language, t} from "./words.js";

/** What the server refused, with its code. */
export class Refused extends Error {
  constructor(status, told = {}) {
    super(told.message || `HTTP ${status}`);
    Object.assign(this, {status, code: told.code ?? "failed", hint: told.hint ?? "", values: told.values ?? {}});
  }

  /** What it means and what to do, in the person's language. */
  get words() {
    const key = `error.${this.code}`,
      told = `${this.message} ${this.hint}`.trim();
    return language === "en" || !has(key) ? told : t(key, this.values); // the server knows more than its code tells
  }
}

/** Any error in words. */
export function words(error) {
  if (error instanceof Refused) return error.words;
  if (error?.code && has(`error.${error.code}`)) return t(`error.${error.code}`, error.values ?? {});
  return error instanceof TypeError ? t("error.unreachable") : error?.message || String(error);
}

async function checked(response) {
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told.error);
}

const json = (method, path, body, more = {}) =>
  fetch(`/api/${path}`, {
    method,
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(body ?? {}),
    ...more,
  }).then(checked);

export const get = async (path, more) => (await checked(await fetch(`/api/${path}`, more))).json();
export const post = async (path, body) => read(await json("POST", path, body));
export const patch = async (path, body) => read(await json("PATCH", path, body));
export const remove = async path => read(await json("DELETE", path));
const read = async response => (response.status === 204 ? {} : response.json());

/** Bytes of a preview. */
export const preview = async (path, body, signal) => (await json("POST", path, body, {signal})).blob();

/** A file as an answer to a question, such as a zip. */
export const bytes = async (path, body) => (await json("POST", path, body)).blob();

export const address = (id, download) => (id === "sample" ? "sample.webp" : `/api/files/${id}${download ? "?download=1" : ""}`);
export const thumbnail = (id, side = 256) => `/api/files/${id}/thumbnail?side=${side}`;

const CARRIED = /^(image|video|audio)\/[\w.+-]+$/;
/** The type under which a file is sent; what it really is the server finds out. */
const kind = file =>
  CARRIED.test(file.type) && !file.type.startsWith("image/svg")
    ? file.type
    : file.type === "application/zip"
      ? file.type
      : "application/octet-stream";

/**
 * Send a file.
 * @param {File} file which
 * @param {(part: number) => void} told how much of it has gone, 0 to 1
 * @param {string} path where it goes
 * @param {string} label its class, where it is one of many to learn from
 */
export function upload(file, told = () => {}, path = "files", label = "") {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open(
      "POST",
      `/api/${path}?name=${encodeURIComponent(file.name || "pasted.png")}${label ? `&label=${encodeURIComponent(label)}` : ""}`,
    );
    request.setRequestHeader("Content-Type", kind(file));
    request.responseType = "json";
    request.upload.addEventListener("progress", event => event.lengthComputable && told(event.loaded / event.total));
    request.addEventListener("load", () =>
      request.status < 300 ? done(request.response) : failed(new Refused(request.status, request.response?.error)),
    );
    request.addEventListener("error", () => failed(new TypeError("unreachable")));
    request.send(file);
  });
}

/** Hand something to the browser's downloads. */
export function save(href, name = "") {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
