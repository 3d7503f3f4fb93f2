"""Moments of a morph: a way is measured once, on a small picture, and shown at any size; until then its keys are faded."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.studio.shelf import Shelf

if TYPE_CHECKING:
    from mapsto.image.morphing import Morph
    from mapsto.image.stylizer import Stylizer
    from mapsto.image.timeline import Key
    from mapsto.media.picture import Picture

MEASURED = 256
"""Longer side of the picture on which ways are measured, in pixels: how they look small decides their pace."""


class Ways:
    """The ways that were asked for last.

    Args:
        stylizer: Paints.
        seen: The picture of a path, at a side, at a time.
        seconds: How long the clip of a path is; None for a picture.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        seen: Callable[[str, int, float], Picture],
        seconds: Callable[[str], float | None],
    ) -> None:
        self.stylizer, self.seen, self.seconds = stylizer, seen, seconds
        self.measured, self.legs, self.shown, self.stills = Shelf(16), Shelf(4), Shelf(4), Shelf(16)

    def moment(self, at: float, side: int, sketch: bool, **asked: Any) -> tuple[Picture, float, bool]:
        """One moment of a way: the picture, the seconds of the whole, and whether it is only a sketch.

        Args:
            at: Which, in seconds; of a clip its own frame then.
            side: Longer side of the picture, in pixels.
            sketch: Rather at once than exact, where the way has not been measured.
            asked: As for `_way`.
        """
        spelled = json.dumps(asked)
        if sketch and spelled not in self.measured:
            return *self._sketched(at, side, **asked), True
        way = self.measured.get(spelled, lambda: self._way(**asked))
        at, path = min(at, way.seconds), asked["path"]
        if self.seconds(path) is None:
            large = self.shown.get((spelled, side), lambda: way.over(self.seen(path, side, 0.0)))
            return large.frame(at), way.seconds, False
        photo, style = self.seen(path, side, at), way.track.at(at)  # frames of a clip are not faded
        painted = photo if style.is_photo else self.stylizer(photo, style, keep_colors=asked["keep"], seed=asked["seed"])
        return painted, way.seconds, False

    def _way(self, path: str, keys: list[Any], seconds: float | None, easing: str, loop: bool, keep: bool, seed: int) -> Morph:
        """A way through styles; of what was measured before on the same picture, only what is new is measured.

        Args:
            path: Of the picture or clip.
            keys: Styles, when they are reached, and until when they stand.
            seconds: Of the whole.
            easing: From key to key.
            loop: Back to the first.
            keep: Keep the picture's colours.
            seed: Of the noise.
        """
        from mapsto.image.morphing import Morph

        legs: dict[Any, Any] = self.legs.get(path, lambda: {})
        options: dict[str, Any] = {"easing": easing, "loop": loop, "keep_colors": keep, "seed": seed}
        options["seconds"] = self.seconds(path) if seconds is None else seconds
        return Morph(self.stylizer, self.seen(path, MEASURED, 0.0), self._keys(keys), **options, known=legs)

    def _keys(self, keys: list[Any]) -> list[Key]:
        from mapsto.image.styles import parts_of
        from mapsto.image.timeline import Key, check_rising

        known = self.stylizer.names
        found = [
            Key(tuple(parts_of([(thing(name), weight) for name, weight in styles], known)) if styles else (), time, until)
            for styles, time, until in keys
        ]
        check_rising(found)
        return found

    def _sketched(
        self, at: float, side: int, path: str, keys: list[Any], seconds: float | None, easing: str, loop: bool, **how: Any
    ) -> tuple[Picture, float]:
        """Nearly what will be there: the paintings of the two keys around that moment, faded."""
        from mapsto import paths
        from mapsto.image.fading import faded
        from mapsto.image.timeline import closed, timed
        from mapsto.image.track import SECONDS

        found, seconds = self._keys(keys), self.seconds(path) if seconds is None else seconds
        if loop:
            found, seconds = closed(found, seconds)
            keys = [*keys, keys[0]]
        whole = seconds or SECONDS
        when = timed(found, seconds)
        spans = (
            [(each.time or 0.0, each.until or 0.0) for each in when]
            if when
            else [(whole * place / (len(found) - 1),) * 2 for place in range(len(found))]
        )
        at = min(at, max(whole, spans[-1][1]) if when is None or seconds else spans[-1][1])
        before = max(0, bisect_right([start for start, _ in spans], at) - 1)
        after = min(before + 1, len(spans) - 1)
        start, end = spans[before][1], spans[after][0]
        share = paths.easing_of(easing)(min(1.0, max(0.0, (at - start) / (end - start)))) if end > start else 0.0
        moment = at if self.seconds(path) is not None else 0.0
        a, b = (self._still(path, side, moment, keys[place][0], **how) for place in (before, after))
        return faded(a, b, share), seconds or spans[-1][1]

    def _still(self, path: str, side: int, at: float, styles: list[Any], keep: bool, seed: int) -> Picture:
        """The picture in the style of a key."""
        from mapsto.media.picture import Picture

        photo = self.seen(path, side, at)
        if not styles:
            return photo
        mixed = [(thing(name), weight) for name, weight in styles]

        def paint() -> Picture:
            painted = self.stylizer(photo, self.stylizer.style_of(mixed), keep_colors=keep, seed=seed)
            assert isinstance(painted, Picture)
            return painted

        return self.stills.get((path, side, at, json.dumps(styles), keep, seed), paint)


def thing(name: str) -> str | Path:
    """A style by name, or a picture by its absolute path."""
    return Path(name) if name.startswith(os.sep) or Path(name).is_absolute() else name
