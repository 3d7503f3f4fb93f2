// Jobs of the server: begin, follow over reloads and lost connections, cancel.

import {get, post} from "./api.js";
import {language} from "./words.js";
import {announce} from "./notices.js";
import {photo_id, SAMPLE} from "./shared.js";

export const ENDED = new Set(["done", "failed", "cancelled", "interrupted"]);
const FINAL = new Set(["done", "failed", "cancelled"]);
export const jobs = new Map();
const heard = new Map(),
  listeners = new Set();

/** The name of this tab; it lives as long as the tab. */
export const view = sessionStorage.getItem("view") ?? crypto.randomUUID();
sessionStorage.setItem("view", view);

const begun = new Set(JSON.parse(sessionStorage.getItem("begun") ?? "[]"));

/** Whether this tab began a job; after a reload too. */
export const is_mine = job => begun.has(job.id);

/** Hear of every change of every job; → what stops it. */
export function every(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Take note of a job as the server tells it; an answer that an event overtook is old news. */
function take(told) {
  const before = jobs.get(told.id),
    job = {...before, ...told};
  if (FINAL.has(before?.state) && !FINAL.has(told.state)) return before;
  jobs.set(job.id, job);
  const quarter = Math.floor((job.part ?? 0) * 4);
  if (is_mine(job) && job.state === "running" && quarter && quarter !== heard.get(job.id)) {
    heard.set(job.id, quarter);
    announce("job.part", {part: quarter * 25});
  }
  if (before && !ENDED.has(before.state) && ENDED.has(job.state) && is_mine(job)) announce(`job.${job.state}`);
  for (const listener of listeners) listener(job, before);
}

const fetched = async id => take(await get(`jobs/${id}`));

/** Begin a job; → the job. */
export async function begin(kind, settings) {
  if (settings.image === SAMPLE.id) settings = {...settings, image: await photo_id()};
  const job = await post("jobs", {kind, settings});
  begun.add(job.id);
  sessionStorage.setItem("begun", JSON.stringify([...begun].slice(-50)));
  if (!jobs.has(job.id)) take(job);
  return jobs.get(job.id);
}

export const cancel = id => post(`jobs/${id}/cancel`).then(() => fetched(id));
export const pause = id => post(`jobs/${id}/pause`).then(() => fetched(id));
export const resume = id => post(`jobs/${id}/resume`).then(() => fetched(id));

/** A promise of the end of a job; `told` hears of it on its way. */
export function ended(id, told = () => {}) {
  return new Promise(done => {
    const look = job => {
      if (job.id !== id) return;
      told(job);
      if (ENDED.has(job.state)) {
        stop();
        done(job);
      }
    };
    const stop = every(look);
    if (jobs.has(id)) look(jobs.get(id));
  });
}

/** The newest job of this tab of a kind that still goes on. */
export const mine = (...kinds) =>
  [...jobs.values()].filter(job => is_mine(job) && kinds.includes(job.kind)).sort((a, b) => b.created - a.created)[0];

/** All jobs as the server has them now. */
async function refresh() {
  for (const job of await get("jobs")) take(job);
}

document.addEventListener("language", () => refresh().catch(() => {}));

const hearers = {file: new Set(), ready: new Set(), link: new Set()};
/** Hear of new files, of the network being loaded, or of the connection. */
export const hear = (kind, listener) => hearers[kind].add(listener);
const tell = (kind, told) => hearers[kind].forEach(listener => listener(told));

/** Listen to the server for as long as the page lives; what was missed is asked for. */
export function listen() {
  const source = new EventSource("/api/events");
  const parsed = act => event => act(JSON.parse(event.data || "{}"));
  const heard_of = job => (job.error && language !== "en" ? fetched(job.id) : take(job)); // news are in English
  source.addEventListener("job", parsed(heard_of));
  source.addEventListener("reset", () => refresh().catch(() => {}));
  for (const kind of ["file", "ready"])
    source.addEventListener(
      kind,
      parsed(told => tell(kind, told)),
    );
  source.addEventListener("open", () => {
    tell("link", true);
    refresh().catch(() => {});
  });
  source.addEventListener("error", () => {
    tell("link", false);
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", event => event.persisted && location.reload());
}
