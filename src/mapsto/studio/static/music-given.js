// A piece of the person's own: to be varied, or to go on after.

import {button, choice, field, h, slider} from "./dom.js";
import {SCORES, chooser, send} from "./files.js";
import {complain, trying} from "./notices.js";
import {offer} from "./restore.js";
import {remember} from "./shared.js";
import {label, percent} from "./words.js";

/**
 * What is done with a piece: `panel` chooses it, `took(files)` sends one, `leave()` forgets it.
 * @param {{given: string, given_as: string, amount: number}} state of the page; it is changed
 * @param {{changed: Function, taken: Function}} told of what is to be done, and of a piece that came
 */
export function given(state, {changed, taken}) {
  const told = h("p", {class: "hint"});
  const ways = [
    ["variation", "music.vary"],
    ["continued", "music.continue"],
  ];
  const way = choice(ways, state.given_as, value => {
    state.given_as = value;
    amount.hidden = value !== "variation";
    changed();
  });
  const amount = slider("music.amount", {
    step: 0.05,
    value: state.amount,
    told: percent,
    change(value) {
      state.amount = value;
      changed();
    },
  });
  const away = () => {
    leave();
    changed();
  };
  const drop = button("close", "music.leave", away, {class: "quiet"});
  const box = h("div", {class: "tools", hidden: true}, told, field("music.given-as", way), amount, drop);
  amount.hidden = state.given_as !== "variation";

  function put(file) {
    state.given = file?.id ?? null;
    box.hidden = !file;
    if (file) label(told, "music.given", {name: file.name});
    remember("music", state);
  }
  const leave = () => put(null);
  const took = trying(async files => {
    const [file] = await send(files.slice(0, 1));
    if (!file) return;
    if (file.kind !== "midi") return complain({code: "not-a-score", values: {name: file.name}});
    put(file);
    await taken(file);
    offer(file);
  });
  leave();
  return {panel: [chooser("music.open", SCORES, took), box], took, leave};
}
