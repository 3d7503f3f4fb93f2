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

/** Show what went wrong, unless it was only outrun by something newer. */
export function complain(error) {
  if (error?.name === "AbortError" || error?.code === "superseded") return;
  const text = words(error);
  if ([...place().children].some(each => each.querySelector("p").textContent === text)) return;
  notice(text, {tone: "bad", lasts: 12000});
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
