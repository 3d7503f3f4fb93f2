// A training that can be watched: how far it is, samples from fixed seeds, curves, and what they mean.

import {get} from "./api.js";
import {chart} from "./chart.js";
import {button, div, h, slider} from "./dom.js";
import {cancel, ENDED, every, jobs, pause, resume} from "./jobs.js";
import {notice} from "./notices.js";
import {called, fetch_styles} from "./shared.js";
import {progress, said} from "./tray.js";
import {has, label, language, number, t} from "./words.js";

const EVERY_MS = 3000,
  CHARTS = 6,
  NOTES = 5;

/**
 * A training: `watch(job)` shows one, `again()` shows it anew, `rest()` asks no more until then.
 * @param {() => string} watched the id of the job that is shown
 */
export function running(watched) {
  const bar = progress(),
    words = h("p", {role: "status"}),
    title = h("h2"),
    acts = div("row"),
    charts = div("charts"),
    findings = h("ul", {class: "findings", "t:aria-label": "learn.findings"}),
    seen = samples(watched);
  let timer = null,
    last_state = "";
  const node = h("div", {class: "wide hero run", hidden: true}, title, bar, words, acts, findings, div("split", seen, charts));

  function watch(job) {
    node.hidden = false;
    last_state = "";
    seen.clear();
    charts.replaceChildren();
    findings.replaceChildren();
    show(job);
    rows().catch(() => {});
  }

  function show(job) {
    if (job.id !== watched()) return;
    label(title, "learn.run", {name: job.settings.name ?? ""});
    bar.show(job);
    words.textContent = [said(job), job.state === "running" ? in_words(job.note) : ""].filter(Boolean).join(" · ");
    if (job.state !== last_state) turn(job);
    clearTimeout(timer);
    if (!ENDED.has(job.state) && node.offsetParent) timer = setTimeout(look, EVERY_MS);
  }

  /** It has begun, stopped or ended. */
  function turn(job) {
    if (last_state) rows().catch(() => {});
    if (last_state && job.state === "done") finished(job);
    last_state = job.state;
    acts.replaceChildren(...controls(job));
  }

  async function look() {
    await rows().catch(() => {});
    again();
  }
  const again = () => jobs.has(watched()) && show(jobs.get(watched()));

  function finished({data, settings}) {
    fetch_styles().catch(() => {});
    const add = (tone, ...told) => label(findings.appendChild(h("li", {class: tone})), ...told);
    if (data?.better === true) add("good", "learn.better");
    if (data?.better === false) add("warn", "learn.not-better");
    if (data?.style_loss) add("good", "learn.nearer", data.style_loss);
    notice(t("learn.done", {name: settings.name}), {tone: "good"});
  }

  async function rows() {
    if (!watched()) return;
    const found = await get(`jobs/${watched()}/samples`);
    if (!found.length) return;
    seen.show(found.filter(row => row.samples));
    charts.replaceChildren(...curves(found));
    for (const old of findings.querySelectorAll(".note")) old.remove();
    const notes = notes_of(found).map(text => h("li", {class: "note warn", textContent: text}));
    findings.append(...(notes.length ? notes : [h("li", {class: "note soft", t: "learn.fine"})]));
  }

  every(show);
  document.addEventListener("language", () => rows().catch(() => {}));
  return Object.assign(node, {watch, again, rest: () => clearTimeout(timer)});
}

/** A sentence of the server, where it is in the language of the page. */
const in_words = text => (language === "en" || /\p{Script=Han}/u.test(text) ? text : "");

/** What can be done about a training. */
function controls({id, state, settings}) {
  const place = settings.image ? "style" : settings.kind === "music" ? "music" : "create";
  return [
    state === "running" && button("pause", "action.pause", () => pause(id)),
    ["paused", "interrupted"].includes(state) && button("play", "action.resume", () => resume(id)),
    ["running", "waiting", "paused"].includes(state) && button("stop", "learn.stop", () => cancel(id)),
    state === "done" && h("a", {class: "button primary", href: `#${place}`}, h("span", {t: `learn.in-${place}`})),
  ].filter(Boolean);
}

/** The losses of the last stage, each as a curve. */
function curves(rows) {
  const {stage} = rows.at(-1),
    lines = {};
  for (const {step, terms} of rows.filter(each => each.stage === stage))
    for (const [key, value] of Object.entries(terms)) (lines[key] ??= []).push([step, value]);
  return Object.entries(lines)
    .slice(0, CHARTS)
    .map(([key, points]) => chart(called("term", key) ?? key, points));
}

/** What the training shows now, and what it said on its way. */
function notes_of(rows) {
  const now = Object.entries(rows.at(-1).findings).map(([short, told]) => {
    const key = `finding.${short.replaceAll(" ", "-")}`;
    return language === "en" || !has(key) ? told : t(key);
  });
  return [...new Set([...now, ...rows.flatMap(row => row.notes)].map(in_words).filter(Boolean))].slice(0, NOTES);
}

/** Grids of samples over the steps; the newest is followed until another is looked at. */
function samples(watched) {
  const grid = h("img", {class: "samples", hidden: true});
  let found = [],
    follows = true;
  const which = slider("learn.sample", {
    max: 0,
    step: 1,
    value: 0,
    told: i => (found[i] ? t("learn.step", {n: number(found[i].step), stage: found[i].stage}) : ""),
    input(i) {
      follows = i === found.length - 1;
      put(i);
    },
  });
  which.hidden = true;

  function put(i) {
    const {stage, samples: name, step} = found[i];
    const href = `api/jobs/${watched()}/samples/${encodeURIComponent(stage)}/${name}`;
    if (!grid.src.endsWith(href)) grid.src = href;
    label(grid, "learn.sample.alt", {n: step}, "alt");
  }
  return Object.assign(div("hero", grid, which), {
    clear() {
      follows = true;
      grid.hidden = which.hidden = true;
    },
    show(rows) {
      found = rows;
      which.hidden = grid.hidden = !found.length;
      which.range.max = Math.max(0, found.length - 1);
      if (!found.length || !(follows || !grid.src)) return;
      which.set(found.length - 1);
      put(found.length - 1);
    },
  });
}
