// What the pages of drawn pictures have in common: names, and pictures in a model's own pixels.

import {called} from "./shared.js";
import {t} from "./words.js";

const COARSE = 32,
  WIDE = 512;

export const model_name = name => called("model", name) ?? name;
export const slider_name = name => called("slider", name) ?? (/^\d+$/.test(name) ? t("create.axis", {n: name}) : name);

/** Whether a model's pixels are so few that they are to be seen as squares. */
export const is_coarse = model => Math.max(model.width, model.height) <= COARSE;
/** How many times as large a picture is saved, in whole squares. */
export const scale_of = model => Math.max(1, Math.floor(WIDE / Math.max(model.width, model.height)));

/** Sliders that are turned at all. */
export const turned = sliders =>
  Object.fromEntries(
    Object.entries(sliders)
      .filter(([, amount]) => Math.abs(amount) > 0.005)
      .map(([name, amount]) => [name, Math.round(amount * 1000) / 1000]),
  );

/** Previews come enlarged in squares: draw them in the model's own pixels, so that the page decides how to enlarge them. */
export function draw_own(canvas, bitmap, {width, height}) {
  Object.assign(canvas, {width, height});
  canvas.getContext("2d").drawImage(bitmap, 0, 0, width, height);
  canvas.classList.add("drawn");
}
