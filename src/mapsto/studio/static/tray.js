// The jobs of all pages, behind one button: how far they are, and what can be done about them.

import {address, Refused, words} from "./api.js";
import {button, h, icon, sign} from "./dom.js";
import {cancel, ENDED, every, is_mine, jobs, pause, resume} from "./jobs.js";
import {complain, trying} from "./notices.js";
import {label, span, t} from "./words.js";

const SHOWN = 12;

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
      before &&
      before.state !== job.state &&
      job.state === "failed" &&
      is_mine(job) &&
      complain(new Refused(0, job.error ?? {})),
  );
  show();
  return h("div", {class: "tray"}, opener, panel);
}

/** One job, shown anew at every change. */
function row() {
  const name = h("strong"),
    state = h("span", {class: "soft"}),
    bar = progress(),
    acts = h("span", {class: "acts"});
  const node = h("li", {}, h("div", {class: "line"}, name, state, acts), bar);
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
export function controls(job) {
  const found = [];
  const can_wait = job.kind === "train" || job.kind === "adapt";
  if (can_wait && job.state === "running")
    found.push(
      sign(
        "pause",
        "action.pause",
        trying(() => pause(job.id)),
      ),
    );
  if (can_wait && (job.state === "paused" || job.state === "interrupted"))
    found.push(
      sign(
        "play",
        "action.resume",
        trying(() => resume(job.id)),
      ),
    );
  if (!ENDED.has(job.state))
    found.push(
      sign(
        "close",
        "action.cancel",
        trying(() => cancel(job.id)),
      ),
    );
  if (job.state === "done" && job.results?.length === 1) {
    found.push(
      h(
        "a",
        {
          href: address(job.results[0], true),
          download: "",
          class: "sign",
          "t:aria-label": "action.download",
          "t:title": "action.download",
        },
        icon("download"),
      ),
    );
  }
  return found;
}

/** How far a job is, in words. */
export function said(job) {
  if (job.state === "failed") return job.error ? words(new Refused(0, job.error)) : t("job.failed");
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

/** A line for one job on its page: bar, words, cancel; hidden while there is none. */
export function follower() {
  const bar = progress(),
    told = h("span", {class: "soft"}),
    acts = h("span", {class: "acts"});
  const node = h("div", {class: "following", hidden: true}, bar, h("div", {class: "line"}, told, acts));
  let id = null,
    last = "";
  node.follow = job => {
    id = job?.id ?? null;
    last = "";
    node.hidden = !id;
    if (job) show(job);
  };
  const show = job => {
    if (job.id !== id) return;
    node.hidden = job.state === "done" || job.state === "cancelled";
    bar.show(job);
    told.textContent = said(job);
    if (job.state !== last)
      acts.replaceChildren(
        ...(ENDED.has(job.state)
          ? []
          : [
              button(
                "close",
                "action.cancel",
                trying(() => cancel(job.id)),
              ),
            ]),
      );
    last = job.state;
  };
  every(show);
  return node;
}
