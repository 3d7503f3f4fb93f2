// Short messages: seen at the edge, heard by screen readers.

import {h, sign} from "./dom.js";
import {words} from "./api.js";
import {t} from "./words.js";

const place = () => document.getElementById("notices");
const aloud = () => document.getElementById("aloud");

/** Say something to those who listen only; the same words twice in a row are said once. */
export function announce(key, values = {}) {
  aloud().textContent = t(key, values);
}

/** Show a message; those with something to do stay until they are closed. */
export function notice(text, {tone = "calm", actions = [], lasts = actions.length ? 0 : 6000} = {}) {
  const note = h("div", {class: `notice ${tone}`, role: tone === "bad" ? "alert" : "status"}, h("p", {textContent: text}));
  const close = () => note.remove();
  for (const [key, act] of actions)
    note.append(
      h("button", {
        type: "button",
        t: key,
        on: {
          click: () => {
            close();
            act();
          },
        },
      }),
    );
  note.append(sign("close", "action.close", close));
  place().append(note);
  while (place().children.length > 4) place().firstChild.remove();
  if (lasts) setTimeout(close, lasts);
  return note;
}

/** Show what went wrong, unless it was only outrun by something newer; `name` is the file it is about. */
export function complain(error, name = "") {
  if (error?.name === "AbortError" || error?.code === "superseded") return;
  if (!error?.code) console.error(error); // a mistake of this page
  const why = words(error?.code ? error : {code: "unexpected"}),
    text = name ? t("files.refused", {name: short(name), why}) : why;
  if ([...place().children].some(each => each.querySelector("p").textContent === text)) return;
  notice(text, {tone: "bad", lasts: 12000});
}

/** A name that may be long, so that its beginning and its end are seen. */
const short = name => (name.length > 48 ? `${name.slice(0, 30)}…${name.slice(-12)}` : name);

/** Ask before something is gone for good; → whether it may go. */
export function sure(question, yes = "action.delete") {
  return new Promise(done => {
    const dialog = h("dialog", {class: "sure", "aria-label": question}, h("p", {textContent: question}));
    const answer = (key, value, options) =>
      h("button", {type: "button", t: key, on: {click: () => dialog.close(value)}, ...options});
    dialog.append(h("div", {class: "row"}, answer(yes, "yes", {class: "primary"}), answer("action.keep", "")));
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Run something that may fail, and tell if it does. */
export const trying =
  act =>
  async (...given) => {
    try {
      return await act(...given);
    } catch (error) {
      complain(error);
    }
  };
