// What is said to the server, and what it answers; its errors in the person's language.

import {has, language, t} from "./words.js";

/** What the server refused, with its code. */
class Refused extends Error {
  constructor(status, told) {
    super(told?.message);
    Object.assign(this, {status, code: "failed", hint: "", values: {}, ...told});
  }
}

/** An error in the person's language: as the server tells it, who knows more than its code does; else by its code. */
export function words({code, message, hint = "", language: spoken = "en", values = {}}) {
  if (message && spoken === language) return [message, hint].join(t("list.sentence")).trim();
  return t(has(`error.${code}`) ? `error.${code}` : "error.failed", values);
}

/** Ask the server, in the person's language. */
const ask = (path, {headers, ...how} = {}) =>
  fetch(`/api/${path}`, {...how, headers: {"Accept-Language": language, ...headers}}).catch(error => {
    throw error.name === "AbortError" ? error : new Refused(0, {code: "unreachable"});
  });

async function checked(response) {
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told.error);
}

const json = (method, path, body, more = {}) =>
  ask(path, {method, headers: {"Content-Type": "application/json"}, body: JSON.stringify(body ?? {}), ...more}).then(checked);

export const get = async path => (await checked(await ask(path))).json();
export const post = async (path, body) => read(await json("POST", path, body));
export const patch = async (path, body) => read(await json("PATCH", path, body));
export const remove = async path => read(await json("DELETE", path));
const read = async response => (response.status === 204 ? {} : response.json());

/** Bytes of a preview; `sketch` where it is not exact yet. */
export async function preview(path, body, signal) {
  const answer = await json("POST", path, body, {signal});
  return Object.assign(await answer.blob(), {sketch: answer.headers.has("X-Sketch")});
}

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
    request.setRequestHeader("Accept-Language", language);
    request.responseType = "json";
    request.upload.addEventListener("progress", event => event.lengthComputable && told(event.loaded / event.total));
    request.addEventListener("load", () =>
      request.status < 300 ? done(request.response) : failed(new Refused(request.status, request.response?.error)),
    );
    request.addEventListener("error", () => failed(new Refused(0, {code: "unreachable"})));
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
