// The jobs of all pages, behind one button: how far they are, and what can be done about them.

import {address, words} from "./api.js";
import {button, div, h, icon, sign} from "./dom.js";
import {begin, cancel, ENDED, ended, every, is_mine, jobs, mine, pause, resume} from "./jobs.js";
import {complain, trying} from "./notices.js";
import {label, span, t} from "./words.js";

const SHOWN = 12;

const tip = key => ({"t:aria-label": key, "t:title": key});

/** The button, and the panel it opens. */
export function tray() {
  const count = h("span", {class: "count"});
  const list = h("ul", {class: "jobs"});
  const panel = h(
    "div",
    {id: "tray", popover: "auto", role: "dialog", "t:aria-label": "jobs.title"},
    h("h2", {t: "jobs.title"}),
    list,
  );
  const state = h("span", {class: "unseen", t: "jobs.open", hidden: true});
  const opener = h(
    "button",
    {type: "button", class: "quiet", popovertarget: "tray"},
    icon("queue"),
    h("span", {class: "wide", t: "jobs.title"}),
    count,
    state,
  );
  const rows = new Map();
  const show = () => {
    const all = [...jobs.values()].sort((a, b) => b.created - a.created),
      going = all.filter(job => !ENDED.has(job.state));
    count.textContent = going.length || "";
    state.hidden = !going.length;
    const wanted = all.slice(0, SHOWN);
    for (const job of wanted) {
      if (!rows.has(job.id)) rows.set(job.id, row());
      rows.get(job.id).show(job);
    }
    const nodes = wanted.map(job => rows.get(job.id));
    if (!nodes.length) return list.replaceChildren(h("li", {class: "soft", t: "jobs.none"}));
    if (nodes.some((node, i) => list.children[i] !== node) || list.children.length !== nodes.length)
      list.replaceChildren(...nodes);
  };
  every(show);
  every(
    (job, before) =>
      before && before.state !== job.state && job.state === "failed" && is_mine(job) && complain(job.error ?? {code: "failed"}),
  );
  show();
  return div("tray", opener, panel);
}

/** One job, shown anew at every change. */
function row() {
  const name = h("strong"),
    state = h("span", {class: "soft"}),
    bar = progress(),
    acts = h("span", {class: "acts"});
  const node = h("li", {}, div("line", name, state, acts), bar);
  let last = "";
  node.show = job => {
    label(name, `job.kind.${job.kind}`);
    state.textContent = said(job);
    bar.show(job);
    const key = job.state + job.results?.length;
    if (key !== last) acts.replaceChildren(...controls(job));
    last = key;
  };
  return node;
}

/** What can be done about a job. */
function controls(job) {
  const learns = job.kind === "train" || job.kind === "adapt",
    [made] = job.state === "done" && job.results.length === 1 ? job.results : [];
  return [
    learns && job.state === "running" && sign("pause", "action.pause", () => pause(job.id)),
    learns && ["paused", "interrupted"].includes(job.state) && sign("play", "action.resume", () => resume(job.id)),
    !ENDED.has(job.state) && sign("close", "action.cancel", () => cancel(job.id)),
    made && h("a", {href: address(made, true), download: "", class: "sign", ...tip("action.download")}, icon("download")),
  ].filter(Boolean);
}

/** How far a job is, in words. */
export function said(job) {
  if (job.state === "failed") return job.error ? words(job.error) : t("job.failed");
  if (job.state !== "running") return t(`job.${job.state}`);
  const part = t("job.percent", {n: Math.round((job.part ?? 0) * 100)});
  return job.eta_seconds ? `${part} · ${t("job.left", {time: span(job.eta_seconds)})}` : part;
}

/** A bar that follows a job. */
export function progress() {
  const bar = h("progress", {max: 1, value: 0, "t:aria-label": "job.progress"});
  bar.show = job => {
    bar.hidden = ENDED.has(job.state);
    if (job.state === "waiting") bar.removeAttribute("value");
    else bar.value = job.part ?? 0;
  };
  return bar;
}

/**
 * The work of a page: a line with bar, words and cancel, hidden while there is none.
 *
 * `run(kind, settings)` begins a job, and tells when it has ended; after a reload one that still goes on is taken up again.
 * @param {string[]} kinds of jobs that are this page's
 * @param {(job: object) => any} done told of a job that made something, and waited for
 */
export function work(kinds, done) {
  const bar = progress(),
    told = h("span", {class: "soft"}),
    acts = h("span", {class: "acts"});
  const node = h("div", {class: "following", hidden: true}, bar, div("line", told, acts));
  let id = null,
    last = "",
    taken_up = false;
  const show = job => {
    if (job.id !== id) return;
    node.hidden = job.state === "done" || job.state === "cancelled";
    bar.show(job);
    told.textContent = said(job);
    if (job.state !== last)
      acts.replaceChildren(ENDED.has(job.state) ? "" : button("close", "action.cancel", () => cancel(job.id)));
    last = job.state;
  };
  every(show);
  const follow = trying(async job => {
    [id, last] = [job.id, ""];
    show(job);
    const end = await ended(job.id);
    if (end.state === "done" || (end.state === "failed" && end.results.length)) await done(end);
    return end;
  });
  node.run = async (kind, settings) => {
    taken_up = true;
    return follow(await begin(kind, settings));
  };
  every(() => {
    const job = taken_up ? null : mine(...kinds);
    if (!job) return;
    taken_up = true;
    if (["waiting", "running"].includes(job.state)) follow(job);
  });
  return node;
}
