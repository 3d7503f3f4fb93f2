// Thumbnails of the person's own picture in every style, coming one after the other; a row of radio buttons.

import {preview} from "./api.js";
import {h} from "./dom.js";
import {view} from "./jobs.js";
import {complain} from "./notices.js";
import {photo_id, SAMPLE, shared, style_title, when} from "./shared.js";

/** Of the paintings on sample-styles.avif, row by row. */
const ON_SHEET = `starry-night great-wave ink mosaic stained-glass halftone pixel-art cross-stitch
sunrise water-lilies pointillism wheat-field irises chateau-noir tahiti improvisation
moscow udnie woman-with-hat eiffel tiles moonlight vampire actor
hummingbirds woodcut pen watercolour comic baroque grid violet`.split(/\s/);
const AT_ONCE = 2,
  SIDE = 128,
  CELL = 64,
  COLUMNS = 8;

/** Canvases of all styles for one picture: `canvas(name)` gives one that is filled when its painting comes. */
class Thumbnails {
  constructor() {
    this.drawn = new Map();
    this.canvases = new Map();
    this.turn = 0;
    this.image = null;
  }

  /** A new canvas of a style, as many as are wanted. */
  canvas(name) {
    const node = h("canvas", {width: CELL, height: CELL, "aria-hidden": "true"});
    this.canvases.set(name, [...(this.canvases.get(name) ?? []).filter(each => each.isConnected), node]);
    if (this.drawn.has(name)) this.#put(node, this.drawn.get(name));
    return node;
  }

  /** Begin anew with a picture; one that is there already only gets what is missing. */
  async fill(image) {
    const turn = ++this.turn;
    if (image !== this.image) {
      this.drawn.clear();
      for (const nodes of this.canvases.values()) for (const node of nodes) node.classList.remove("drawn");
    }
    this.image = image;
    if (image === SAMPLE.id) await this.#from_sheet(turn);
    if (image === SAMPLE.id && shared.styles.every(({name}) => this.drawn.has(name))) return;
    const id = image === SAMPLE.id ? await photo_id() : image;
    const todo = shared.styles.map(style => style.name).filter(name => !this.drawn.has(name));
    await Promise.all(
      Array.from({length: AT_ONCE}, async () => {
        while (todo.length && turn === this.turn) await this.#paint(todo.shift(), id, turn);
      }),
    );
  }

  /** Those of the picture that comes with the page are there already, on one sheet. */
  async #from_sheet(turn) {
    const sheet = new Image();
    sheet.src = "sample-styles.avif";
    await sheet.decode().catch(() => {});
    if (turn !== this.turn || !sheet.width) return;
    for (const {name} of shared.styles) {
      const i = ON_SHEET.indexOf(name);
      if (i >= 0) this.#take(name, [sheet, (i % COLUMNS) * CELL, Math.floor(i / COLUMNS) * CELL, CELL, CELL]);
    }
  }

  async #paint(name, image, turn) {
    const body = {
      background: true,
      view: `gallery-${name}-${view}`,
      sequence: turn,
      image,
      styles: {[name]: 1},
      strength: 1,
      side: SIDE,
    };
    for (let tries = 0; tries < 4 && turn === this.turn; tries++) {
      try {
        const bitmap = await createImageBitmap(await preview("preview", body));
        const side = Math.min(bitmap.width, bitmap.height);
        if (turn === this.turn) this.#take(name, [bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side]);
        return;
      } catch (error) {
        if (error.status !== 503 && error.status !== 429 && error.status !== 409) return;
        await new Promise(later => setTimeout(later, 800 * (tries + 1)));
      }
    }
  }

  #take(name, from) {
    this.drawn.set(name, from);
    for (const node of this.canvases.get(name) ?? []) this.#put(node, from);
  }

  #put(node, [picture, ...from]) {
    const context = node.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, ...from, 0, 0, node.width, node.height);
    node.classList.add("drawn");
  }
}

export const thumbnails = new Thumbnails();

/** The canvas of a painting in a style becomes that of every picture in hand. */
export function follow_photo() {
  const fill = () => shared.styles.length && thumbnails.fill(shared.photo.id).catch(complain);
  when("photo", fill);
  when("styles", fill);
  fill();
}

/**
 * All styles to choose from.
 * @param {(name: string) => void} chosen
 */
export function gallery(chosen) {
  const list = h("div", {class: "gallery"});
  const node = h("fieldset", {class: "bare"}, h("legend", {t: "style.gallery"}), list);
  const cells = new Map();
  const title = style => {
    const {cell, words} = cells.get(style.name);
    words.textContent = style_title(style.name);
    const {hand, artist, year} = style.source ?? {};
    cell.title = [hand, artist, year].filter(Boolean).join(" · ");
  };
  const show = () => {
    const kept = list.querySelector(":checked")?.value;
    cells.clear();
    list.replaceChildren(
      ...shared.styles.map(style => {
        const input = h("input", {
          type: "radio",
          name: "style",
          value: style.name,
          checked: style.name === kept,
          on: {change: () => chosen(style.name)},
        });
        const words = h("span", {class: "words"});
        const cell = h("label", {class: "thumb", data: {style: style.name}}, input, thumbnails.canvas(style.name), words);
        cells.set(style.name, {cell, input, words});
        title(style);
        return cell;
      }),
    );
  };
  when("styles", show);
  document.addEventListener("language", () => shared.styles.forEach(title));
  show();
  node.mark = weights => {
    const only = Object.keys(weights).length === 1 ? Object.keys(weights)[0] : null;
    for (const [name, {cell, input}] of cells) {
      input.checked = name === only;
      cell.classList.toggle("near", name in weights && name !== only);
    }
  };
  return node;
}
