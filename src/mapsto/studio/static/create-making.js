// What is made on the Create page: the picture as a file, a walk, a large painting, and what a model makes of a photo.

import {address, get, save, thumbnail} from "./api.js";
import {model_name, scale_of} from "./create-models.js";
import {as_is, button, choice, div, fill, h} from "./dom.js";
import {PICTURES, chooser, send} from "./files.js";
import {complain, notice, trying} from "./notices.js";
import {hold, photo_id, remember, SAMPLE, shared, style_title, when} from "./shared.js";
import {work} from "./tray.js";
import {label, t} from "./words.js";

const LARGE = 1024;

/**
 * The `cards` of what can be made, `download`, and `shown`, where it comes; `put(model)` says with which model, `took(files)` rebuilds a photo.
 * @param {object} state of the page; it is changed
 * @param {{ordered: Function, how: Function, is_turned: Function}} page what it shows, and how it draws
 */
export function making(state, {ordered, how, is_turned}) {
  let model = null;
  const result = h("div", {class: "result", hidden: true});
  const jobs = work(["generate", "paint", "walk", "reconstruct"], job => {
    const [id] = job.results,
      is_seen = job.kind === "generate"; // it is what the page shows
    if (is_seen) save(address(id, true));
    else show(result, job);
    notice(t("create.done"), {
      tone: "good",
      ...(is_seen ? {actions: [["create.to-style", () => to_style(id)]], lasts: 12000} : {}),
    });
  });

  const download = button(
    "download",
    "action.download",
    () => jobs.run("generate", {...ordered(), transparent: model.channels === 4, scale: scale_of(model)}),
    {class: "primary"},
  );
  const walk = button("play", "create.walk", () => {
    const seeds = [0, 1, 2].map(i => state.seed + i);
    return jobs.run("walk", {...how(), seeds, seconds: 6, loop: true, scale: scale_of(model)});
  });

  /** A picture that was changed is drawn first, and painted then. */
  const drawing = work(["style"], job => show(result, job));
  async function paint(styles) {
    if (!is_turned()) return jobs.run("paint", {...how(), seed: state.seed, styles, size: LARGE});
    const drawn = await drawing.run("generate", ordered());
    if (drawn?.state === "done") await drawing.run("style", {image: drawn.results[0], styles, size: LARGE});
  }
  const painting = painting_card(state, paint, walk),
    rebuilding = rebuilding_card(image => {
      const scale = Math.ceil(scale_of(model) / 2); // two of them stand side by side
      return jobs.run("reconstruct", {image, model: model.name, side_by_side: true, scale});
    });
  return {
    download,
    took: rebuilding.took,
    shown: [jobs, drawing, result],
    cards: div("two", painting, rebuilding),
    put(given) {
      model = given;
      rebuilding.hidden = !model.priors.includes("gaussian"); // without an encoder nothing can be rebuilt
      rebuilding.put(model);
    },
  };
}

/** In which style to paint large. */
function painting_card(state, paint, walk) {
  const style = choice([], "", value => {
    state.style = value;
    remember("create", state);
  });
  label(style, "create.paint.style", {}, "aria-label");
  const fill_styles = () => {
    const names = shared.styles.map(({name}) => [name, style_title(name)]);
    fill(style, as_is(names), state.style || shared.styles[2]?.name);
  };
  when("styles", fill_styles);
  document.addEventListener("language", fill_styles);
  fill_styles();
  const go = button("brush", "create.paint.go", () => paint({[style.value]: 1}));
  return div(
    "card",
    h("h2", {t: "create.paint"}),
    h("p", {class: "hint", t: "create.paint.hint"}),
    div("row", style, go, walk),
  );
}

/** Which photo to rebuild: the one in hand, or one that is sent; `took(files)` sends one. */
function rebuilding_card(rebuild) {
  const about = h("p", {class: "hint"}),
    face = h("img", {class: "in-hand", alt: ""}),
    this_one = button(null, "create.rebuild.this", async () => rebuild(await photo_id()));
  this_one.prepend(face);
  const put_photo = ({id, kind}) => {
    face.src = id === SAMPLE.id ? address(id) : thumbnail(id, 64);
    this_one.hidden = kind !== "image";
  };
  when("photo", put_photo);
  put_photo(shared.photo);
  const took = trying(async files => {
    const [file] = await send(files.slice(0, 1));
    if (!file) return;
    if (file.kind !== "image") return complain({code: "not-a-painting", values: {name: file.name}});
    await rebuild(file.id);
  });
  const acts = div("row", this_one, chooser("create.rebuild.open", PICTURES, took));
  return Object.assign(div("card", h("h2", {t: "create.rebuild"}), about, acts), {
    took,
    put: model => label(about, "create.rebuild.hint", {model: () => model_name(model.name)}),
  });
}

const to_style = trying(async id => {
  hold(await get(`files/${id}/about`));
  location.hash = "style";
});

/** Show what a job made. */
function show(node, {kind, results: [id]}) {
  const words = {"t:alt": `job.kind.${kind}`},
    is_still = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const film = {controls: true, loop: true, muted: true, autoplay: is_still, "t:aria-label": `job.kind.${kind}`};
  node.hidden = false;
  node.replaceChildren(
    kind === "walk"
      ? h("video", {src: address(id), ...film})
      : h("img", {src: address(id), ...words, class: kind === "reconstruct" ? "pixels" : ""}),
    div(
      "row",
      button("download", "action.download", () => save(address(id, true)), {class: "primary"}),
      kind === "walk" ? "" : button("style", "create.to-style", () => to_style(id)),
    ),
  );
  node.scrollIntoView({block: "nearest"});
}
