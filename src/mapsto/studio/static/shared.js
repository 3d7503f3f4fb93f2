// What all pages share: the picture in hand, the styles, and whether the network is loaded.

import {get, post, upload} from "./api.js";
import {has, t, titled} from "./words.js";

/** The photo that comes with the page; it is sent to the server when it is first painted. */
export const SAMPLE = {id: "sample", kind: "image", name: "sample.webp", width: 674, height: 448};

export const shared = {photo: SAMPLE, styles: [], ready: false};

const listeners = new Map();

/** Hear when something shared changes: photo, styles, ready. */
export function when(name, listener) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(listener);
}

/** Change something shared, and tell all pages. */
export function share(name, value) {
  shared[name] = value;
  for (const listener of listeners.get(name) ?? []) listener(value);
}

/** Take a picture in hand; it is still there after a reload. */
export function hold(file) {
  const kept = {id: file.id, kind: file.kind, name: file.name, width: file.width, height: file.height, seconds: file.seconds};
  sessionStorage.setItem("photo", JSON.stringify(kept));
  share("photo", kept);
}

/** The picture that was in hand before a reload. */
export function held() {
  try {
    return JSON.parse(sessionStorage.getItem("photo")) ?? SAMPLE;
  } catch {
    return SAMPLE;
  }
}

/** The id under which the server has the picture in hand. */
export async function photo_id() {
  if (shared.photo.id !== SAMPLE.id) return shared.photo.id;
  sample ??= sent_sample();
  try {
    return await sample;
  } catch (error) {
    sample = null;
    throw error;
  }
}

let sample = null;

async function sent_sample() {
  const kept = localStorage.getItem("sample");
  if (
    kept &&
    (await get(`files/${kept}/about`).then(
      told => !told.trashed,
      () => false,
    ))
  )
    return kept;
  const photo = await (await fetch("sample.webp")).blob(),
    {items} = await get(`library?query=${SAMPLE.name}`);
  const there = items.find(item => item.name === SAMPLE.name && item.bytes === photo.size);
  if (there) return there.id;
  const {id} = await upload(new File([photo], SAMPLE.name, {type: "image/webp"}));
  localStorage.setItem("sample", id);
  return id;
}

export async function fetch_styles() {
  const {styles} = await get("styles");
  share("styles", [...styles, ...shared.styles.filter(({name}) => is_picture(name))]);
}

/** Take a picture of the person's own as a style: it gets a place on the map. */
export async function teach(file) {
  const place = await post("styles/place", {image: file.id});
  const style = {...place, name: file.id, title: {en: file.name, zh: file.name}, source: {}, own: true, is_picture: true};
  share("styles", [...shared.styles.filter(({name}) => name !== file.id), style]);
}

/** Bring back own pictures that settings name as styles; → the names of those that are gone. */
export async function recall(names) {
  const gone = [];
  for (const name of names.filter(each => is_picture(each) && !style_of(each))) {
    const file = await get(`files/${name}/about`).catch(() => null);
    if (file && !file.trashed) await teach(file);
    else gone.push(name);
  }
  return gone;
}

/** Whether what is in hand moves. */
export const is_clip = () => shared.photo.kind === "video";
/** Whether a style is a picture of the person's own, which goes by its id. */
export const is_picture = name => /^[0-9a-f]{32}$/.test(name);
export const style_of = name => shared.styles.find(each => each.name === name);
/** What a style is called in the person's language. */
export const style_title = name => called("style", name) ?? (titled(style_of(name)?.title) || name);
/** What a thing with a name of the trade is called in the person's language: called("instrument", "flute"). */
export const called = (kind, name) => (has(`name.${kind}.${name}`) ? t(`name.${kind}.${name}`) : undefined);

/** Settings of a page that outlive a reload of this tab. */
export const remember = (page, state) => sessionStorage.setItem(`page-${page}`, JSON.stringify(state));
export const remembered = page => {
  try {
    return JSON.parse(sessionStorage.getItem(`page-${page}`)) ?? {};
  } catch {
    return {};
  }
};
