// Previews that follow the hand: one on its way, the newest waiting, all between forgotten.

import {preview} from "./api.js";
import {view} from "./jobs.js";
import {photo_id, SAMPLE} from "./shared.js";

/**
 * A stream of previews.
 * @param {string} path of the API
 * @param {string} name of the stream: a newer request of one name replaces an older
 * @param {(blob: Blob, body: object) => void} shown takes what came
 * @param {(error: Error) => void} failed takes what went wrong
 */
export class Live {
  constructor(path, name, shown, failed = () => {}) {
    Object.assign(this, {path, name: `${name}-${view}`, shown, failed, sequence: 0, waiting: null, on_its_way: null});
  }

  /** Ask for a preview; `now` breaks off the one on its way instead of waiting for it. `rests` is for who is shown it alone. */
  ask(body, {now = false} = {}) {
    this.waiting = body;
    if (now) this.on_its_way?.abort();
    if (!this.on_its_way || now) this.#next();
  }

  /** Forget everything that has been asked for. */
  stop() {
    this.waiting = null;
    this.on_its_way?.abort();
    this.on_its_way = null;
  }

  async #next() {
    const body = this.waiting,
      {rests, ...asked} = body,
      going = new AbortController();
    this.waiting = null;
    this.on_its_way = going;
    try {
      const image = body.image === SAMPLE.id ? {image: await photo_id()} : {};
      const blob = await preview(this.path, {view: this.name, sequence: ++this.sequence, ...asked, ...image}, going.signal);
      if (this.on_its_way === going) this.shown(blob, body);
    } catch (error) {
      if (error.name !== "AbortError" && error.code !== "superseded") this.failed(error);
    }
    if (this.on_its_way !== going) return;
    this.on_its_way = null;
    if (this.waiting) this.#next();
  }
}

/** Shows blobs in an image element, one after the other, without leaking them. */
export function into(image) {
  let last = "";
  return blob => {
    const next = URL.createObjectURL(blob);
    image.src = next;
    if (last) URL.revokeObjectURL(last);
    last = next;
  };
}
