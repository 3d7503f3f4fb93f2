"""One style turning into another over a picture: Time → Style, then Image × Style → Image.

    for frame in mapsto.morph("photo.jpg", ["starry-night", "great-wave"], frames=48):
        show(frame)

The way is a `Track`, painted at a few places of every leg and faded in between (`fading`). At a key the picture is the still
that `mapsto style` paints, to the last bit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from mapsto import paths
from mapsto.errors import UsageError
from mapsto.image.fading import faded, fading
from mapsto.image.stylizer import Stylizer, loaded
from mapsto.image.timeline import Key, keys_of
from mapsto.image.track import Leg, Track, track_of
from mapsto.media.picture import Picture

KEPT = 32_000_000
"""Bytes of paintings that are kept, so that going to and fro is quick."""


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
        known: As for `track_of`.

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
        known: dict[Any, tuple[Leg, float]] | None = None,
    ) -> None:
        self.stylizer, self.loop = stylizer, loop
        self._how: dict[str, Any] = {"seed": seed, "keep_colors": keep_colors, "tile": tile}
        self._show(picture)
        ease = paths.easing_of(easing)
        even = track_of(stylizer, keys, lambda _seconds: picture, seconds=seconds, loop=loop, known=known)
        self.fades = [fading(stylizer, picture, leg, ease) for leg in even.legs]
        self.track = Track(tuple(fade.leg for fade in self.fades))

    def over(self, picture: Picture) -> Morph:
        """The same way over the picture in another size: paced as it was measured, not measured again."""
        other = copy(self)
        other._show(picture)
        return other

    def _show(self, picture: Picture) -> None:
        self.picture, self.how = picture, {**self._how, "tile": self.stylizer.tile_for(picture, self._how["tile"])}
        self._painted = lru_cache(maxsize=max(2, KEPT // picture.pixels.nbytes))(self._paint)

    @property
    def seconds(self) -> float:
        """Of the whole."""
        return self.track.seconds

    def frame(self, seconds: float) -> Picture:
        """The picture at a time; what it is faded from is painted once for all frames that follow each other."""
        number = max(0, bisect_right([leg.start for leg in self.track.legs], seconds) - 1)
        before, after, share = self.fades[number].at(seconds)
        first = self._painted(number, before)
        return faded(first, self._painted(number, after), share) if share else first

    def _paint(self, number: int, place: float) -> Picture:
        """A place of a leg."""
        style = self.track.legs[number].place(place)
        if style.is_photo:
            return self.picture
        painted = self.stylizer(self.picture, style, **self.how)
        assert isinstance(painted, Picture)
        return painted

    def times(self, frames: int) -> list[float]:
        """When each of so many frames is shown: from the first moment to the last; of a loop, up to a step before that."""
        steps = frames if self.loop else max(1, frames - 1)
        return [self.seconds * number / steps for number in range(frames)]


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
