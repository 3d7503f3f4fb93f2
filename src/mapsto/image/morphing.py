"""One style turning into another over a picture: Time → Style, then Image × Style → Image.

    for frame in mapsto.morph("photo.jpg", ["starry-night", "great-wave"], frames=48):
        show(frame)

Between two keys the style vector goes straight, which is the Wasserstein geodesic between the statistics that the network
works with. How fast is decided by what is seen: along every leg the picture is painted small at `PROBES` places, the
perceptual network measures how much changes from each to the next, and time is dealt out so that equal time is equal change.
Easing comes after that. At a key the picture is the still that `mapsto style` paints, to the last bit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal

import torch

from mapsto import paths
from mapsto.errors import UsageError
from mapsto.image.points import Style, between
from mapsto.image.stylizer import Stylizer, loaded
from mapsto.image.timeline import Key, keys_of, timed
from mapsto.media.picture import Picture

PROBES = 17
"""Places on a leg where the picture is looked at."""

SECONDS = 4.0
"""Of a way without times."""


@dataclass(frozen=True)
class Leg:
    """Part of a way.

    Args:
        start: Seconds.
        end: Seconds.
        at: How far it is, in [0, 1] → the style there.
    """

    start: float
    end: float
    at: Callable[[float], Style]


class Morph:
    """A way through styles, made for one picture.

    Args:
        stylizer: Paints.
        picture: What is painted, at the size it is painted in.
        keys: Two or more, as `timeline.keys_of` gives them.
        seconds: Of the whole; by default up to the last key, or 4 where no key has a time.
        loop: Back to the first style, see `closed`.
        easing: One of `paths.EASINGS`, from key to key.
        seed: Of the noise.
        keep_colors: Take only light and strokes from the styles.
        tile: As for `Stylizer`.

    Raises:
        UsageError: an unknown style or easing, or times that cannot be.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        picture: Picture,
        keys: Sequence[Key],
        *,
        seconds: float | None = None,
        loop: bool = False,
        easing: str = "linear",
        seed: int = 0,
        keep_colors: bool = False,
        tile: int | Literal["auto", "off"] = "auto",
    ) -> None:
        if seconds is not None and not seconds > 0:
            raise UsageError(f"A morph of {seconds:g} s shows nothing.", "Give more seconds.")
        self.stylizer, self.picture, self.loop = stylizer, picture, loop
        self.how: dict[str, Any] = {"seed": seed, "keep_colors": keep_colors, "tile": stylizer.tile_for(picture, tile)}
        self._ease = paths.easing_of(easing)
        styles = [self._style(key) for key in keys]
        if loop and not same(styles[0], styles[-1]):
            keys, seconds = closed(keys, seconds)
            styles.append(styles[0])
        when = timed(keys, seconds)
        self.legs = self._spread(styles, seconds or SECONDS) if when is None else self._timed(styles, when, seconds)

    @property
    def seconds(self) -> float:
        """Of the whole."""
        return self.legs[-1].end

    def style_at(self, seconds: float) -> Style:
        """Where the way is at a time; before its beginning and after its end it stands still."""
        leg = self.legs[max(0, bisect_right([leg.start for leg in self.legs], seconds) - 1)]
        return leg.at(min(1.0, (seconds - leg.start) / (leg.end - leg.start)) if leg.end > leg.start else 1.0)

    def frame(self, seconds: float) -> Picture:
        """The picture at a time."""
        style = self.style_at(seconds)
        if style.is_photo:
            return self.picture
        painted = self.stylizer(self.picture, style, **self.how)
        assert isinstance(painted, Picture)
        return painted

    def times(self, frames: int) -> list[float]:
        """When each of so many frames is shown: from the first moment to the last; of a loop, up to a step before that."""
        steps = frames if self.loop else max(1, frames - 1)
        return [self.seconds * number / steps for number in range(frames)]

    # ---- legs ----

    def _style(self, key: Key) -> Style:
        if not key.parts:
            return Style(torch.zeros(1, self.stylizer.base.style_size))
        return self.stylizer.style_of(list(key.parts))

    def _way(self, start: Style, end: Style) -> tuple[Callable[[float], Style], float]:
        """The way between two styles at an even pace, eased; and how much changes on it."""
        pace, length = self.stylizer.pace(self.picture, start, end, PROBES)
        return lambda part: between(start, end, pace(self._ease(part))), length

    def _timed(self, styles: Sequence[Style], when: Sequence[Key], seconds: float | None) -> list[Leg]:
        """Between keys whose times are known; where nothing moves, a leg that stands still."""
        legs, clock = [], 0.0
        for number, (style, key) in enumerate(zip(styles, when, strict=True)):
            assert key.time is not None
            assert key.until is not None
            if number:
                legs.append(Leg(clock, key.time, self._way(styles[number - 1], style)[0]))
            last = number + 1 == len(when)
            legs.append(Leg(key.time if number else 0.0, max(key.until, seconds or 0.0) if last else key.until, still(style)))
            clock = key.until
        return legs

    def _spread(self, styles: Sequence[Style], seconds: float) -> list[Leg]:
        """Legs that take as long as what changes on them is much: the whole way at one pace."""
        ways = [self._way(a, b) for a, b in pairwise(styles)]
        whole = sum(length for _, length in ways) or 1.0
        marks = [0.0, *accumulate(seconds * length / whole for _, length in ways)]
        marks[-1] = seconds
        return [Leg(start, end, way) for (way, _), (start, end) in zip(ways, pairwise(marks), strict=True)]


def still(style: Style) -> Callable[[float], Style]:
    """A way that stands."""
    return lambda _part: style


def same(a: Style, b: Style) -> bool:
    """Whether both paint the same."""
    return a.z.equal(b.z) and a.hands == b.hands


def closed(keys: Sequence[Key], seconds: float | None) -> tuple[list[Key], float | None]:
    """A way and its seconds, back to its first style; where nobody says when, in the mean time of the legs before.

    Raises:
        UsageError: no time is left for the way back.
    """
    end = keys[-1].time if keys[-1].until is None else keys[-1].until
    if seconds is None and end is not None:
        seconds = end + (end - (keys[0].time or 0.0)) / (len(keys) - 1)
    if seconds is not None and end is not None and seconds <= end:
        raise UsageError("The loop has no time for its way back to the first style.", f"Let it take longer than {end:g} s.")
    return [*keys, Key(keys[0].parts)], seconds


def morph(
    picture: object,
    path: object,
    *,
    frames: int = 100,
    seconds: float | None = None,
    loop: bool = False,
    easing: str = "linear",
    size: int | str | tuple[int, int] | None = None,
    seed: int = 0,
    keep_colors: bool = False,
    tile: int | Literal["auto", "off"] = "auto",
    weights: str | Path = "style-s",
    device: str = "auto",
    precision: str = "auto",
) -> Iterator[Picture]:
    """One picture, painted in styles that turn into each other.

    Args:
        picture: A path, PIL image, array, tensor or `Picture`.
        path: Styles in order: a list of names and pictures, of (style, seconds), or as `mapsto.image.timeline` spells it.
        frames: How many, spread evenly over the way.
        seconds: That times of the path are meant in; by default up to the last.
        loop: Back to the first style, without showing it twice.
        easing: linear, ease-in, ease-out or ease-in-out, from style to style.
        size: Shorter side in pixels, or "WxH"; None keeps the picture's own.
        seed: Of the noise that strokes grow from.
        keep_colors: Take only light and strokes from the styles.
        tile: Side of tiles in pixels; auto tiles where memory asks for it, off never does.
        weights: The style network, by name or path.
        device: auto, cpu, cuda or mps.
        precision: auto, fp32 or bf16.

    Yields:
        The frames, painted as they are asked for.

    Raises:
        UsageError: an unknown style or easing, times that cannot be, or no frames.
        UnreadableInput: a file that is no picture.
    """
    if frames < 1:
        raise UsageError(f"{frames} frames show nothing.", "Ask for one or more.")
    stylizer = loaded(str(weights), device, precision)
    keys = keys_of(path, stylizer.names)
    made = Morph(
        stylizer,
        Picture.of(picture).resized(size),
        keys,
        seconds=seconds,
        loop=loop,
        easing=easing,
        seed=seed,
        keep_colors=keep_colors,
        tile=tile,
    )
    return (made.frame(time) for time in made.times(frames))
