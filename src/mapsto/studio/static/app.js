// The frame around the pages: language, theme, way between pages, jobs, and the news from the server.

import {get} from "./api.js";
import {h, icon, sign} from "./dom.js";
import {follow_photo} from "./gallery.js";
import {hear, listen} from "./jobs.js";
import {complain, notice} from "./notices.js";
import {fetch_styles, held, share, shared} from "./shared.js";
import {tray} from "./tray.js";
import {label, language, preferred, remember, speak, t} from "./words.js";

const PAGES = ["style", "morph", "create", "music", "learn", "library", "models"];
const made = new Map();

// ---- theme ----

const themes = matchMedia("(prefers-color-scheme: dark)");
const dark = () => (localStorage.getItem("theme") ?? (themes.matches ? "dark" : "light")) === "dark";

function put_theme() {
  document.documentElement.dataset.theme = dark() ? "dark" : "light";
  const button = document.getElementById("theme");
  button?.replaceChildren(icon(dark() ? "sun" : "moon"));
  if (button) for (const attribute of ["aria-label", "title"]) label(button, dark() ? "app.light" : "app.dark", {}, attribute);
  document.dispatchEvent(new CustomEvent("theme"));
}

// ---- the bar ----

function furnish() {
  label(document.getElementById("skip"), "app.skip");
  const nav = document.getElementById("pages");
  label(nav, "app.pages", {}, "aria-label");
  nav.append(...PAGES.map(name => h("a", {href: `#${name}`, data: {page: name}}, icon(name), h("span", {t: `page.${name}`}))));
  const other = h("button", {
    type: "button",
    class: "quiet",
    id: "language",
    on: {
      click: async () => {
        const next = language === "zh" ? "en" : "zh";
        remember(next);
        await speak(next);
      },
    },
  });
  const spell = () => {
    other.textContent = language === "zh" ? "English" : "中文";
    other.lang = language === "zh" ? "en" : "zh-CN";
    document.title = `${t(`page.${current()}`)} · Mapsto Studio`;
  };
  document.addEventListener("language", spell);
  const theme = sign(
    "moon",
    "app.dark",
    () => {
      localStorage.setItem("theme", dark() ? "light" : "dark");
      put_theme();
    },
    {id: "theme"},
  );
  document.getElementById("tools").append(tray(), other, theme);
  themes.addEventListener("change", put_theme);
  put_theme();
  spell();
}

// ---- pages ----

function current() {
  const name = location.hash.slice(1).split("/")[0];
  return PAGES.includes(name) ? name : "style";
}

async function page(name) {
  if (!made.has(name)) {
    const module = await import(`./page-${name}.js`);
    if (!made.has(name)) {
      module.node.id = `page-${name}`;
      module.node.classList.add("page");
      made.set(name, module);
      document.getElementById("main").append(module.node);
    }
  }
  return made.get(name);
}

let shown = null;

async function show() {
  const name = current();
  const next = await page(name);
  if (name !== current()) return;
  if (shown && shown !== next) shown.hidden?.();
  for (const [other, {node}] of made) node.hidden = other !== name;
  for (const link of document.querySelectorAll("#pages a")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${t(`page.${name}`)} · Mapsto Studio`;
  const moved = shown && shown !== next;
  shown = next;
  next.shown();
  if (moved) {
    scrollTo(0, 0);
    document.getElementById("main").focus({preventScroll: true});
  }
}

/** Open a page with settings that a file told of. */
document.addEventListener("restore", async ({detail: {page: name, settings}}) => {
  const there = await page(name);
  if (current() !== name) location.hash = name;
  try {
    await there.restore(settings);
  } catch (error) {
    complain(error);
  }
});

// ---- the server ----

let lost = null;

function follow() {
  hear("ready", () => share("ready", true));
  hear("link", linked => {
    if (linked) {
      lost?.remove();
      lost = null;
      look().catch(() => {});
    } else lost ??= notice(t("app.lost"), {tone: "bad", lasts: 1e9});
  });
  listen();
}

async function look() {
  const health = await get("health");
  if (health.ready && !shared.ready) share("ready", true);
  if (!shared.styles.length) await fetch_styles();
}

addEventListener("hashchange", () => PAGES.includes(current()) && show().catch(complain));
addEventListener("unhandledrejection", event => complain(event.reason));
// A file that is dropped beside its place is not opened.
for (const kind of ["dragover", "drop"]) addEventListener(kind, event => event.preventDefault());

await speak(preferred());
furnish();
shared.photo = held();
await Promise.all([show(), look().catch(complain)]);
follow_photo();
follow();
