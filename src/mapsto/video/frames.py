"""Image × Style → Image for the frames of a film, one after the other: like the stills, and steady.

What makes single paintings of frames boil is that noise stays where it is while things move, and that strokes are not drawn
exactly the same a pixel further. So the noise moves with the things, and what was painted of them before is blended in, where
both frames show the same (arXiv 1604.08610, §4, warps and masks so too). After a cut everything begins anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from mapsto.errors import UsageError
from mapsto.image import tiles
from mapsto.image.colour import keep_chroma
from mapsto.image.engines import OpenVino, check_engine, compiled
from mapsto.image.points import Style
from mapsto.image.stylize import StyleNetwork, moved, noise_like
from mapsto.image.stylizer import Stylizer
from mapsto.image.track import Track
from mapsto.media import pixels
from mapsto.video.detail import with_detail
from mapsto.video.motion import Change, Field, Motion, Pixels, cv, grey, warped

WORK = 1280 * 720
"""Pixels that are painted of a larger frame: its strokes stay as large as those of a small one, and so does the effort."""

WARM_UP = 16
"""Frames before the first that is wanted: by then a twentieth of what is blended in is older, at the usual stability."""

BLEND = 0.93
"""Of what was there before, at stability 1; less goes by the root, so that half of it already calms much."""

STRONGER = 2.0
"""How much the fine part of a blend is strengthened at most."""

CUT = 0.35
"""So little of a frame that was there before makes it the first of a shot."""

STRAIN, SLIDE = 0.15, 0.2
"""How far noise may be stretched, and the part of its way it then slides back in a frame."""

CELL = 4
"""Pixels of a cell of noise."""


@dataclass(frozen=True)
class Way:
    """How frames are painted.

    Args:
        size: Width and height of what comes out; None keeps the frame's.
        work: Pixels that are painted of a frame, see `WORK`; None for all.
        seed: Of the noise.
        keep_colors: Take only light and strokes from the style.
        stability: In [0, 1]; at 0 every frame is painted by itself: the still of `mapsto style`, where it is not larger than
            `work`.
        tile: Side of tiles in pixels, None for one piece.
        engine: One of `engines.ENGINES`; what cannot be compiled once for the whole film is computed by PyTorch all the same.
    """

    size: tuple[int, int] | None = None
    work: int | None = WORK
    seed: int = 0
    keep_colors: bool = False
    stability: float = 0.8
    tile: int | None = None
    engine: str = "torch"

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_engine(self.engine)
        if not 0 <= self.stability <= 1:
            raise UsageError(f"A stability of {self.stability:g} makes no sense.", "Give 0 (each by itself) to 1 (calm).")

    def work_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height at which a frame that comes out at that size is painted."""
        scale = (self.work / (size[0] * size[1])) ** 0.5 if self.work else 1.0
        return size if scale >= 1 else (max(16, round(size[0] * scale)), max(16, round(size[1] * scale)))


class FramePainter:
    """Paints the frames of one film in their order.

    Args:
        stylizer: Paints.
        track: The style at every time.
        way: How.
    """

    def __init__(self, stylizer: Stylizer, track: Track, way: Way | None = None) -> None:
        self.stylizer, self.track, self.way = stylizer, track, way or Way()
        self._steady = Steady(self.way.stability, self.way.seed) if self.way.stability else None
        hands = {style.hands for leg in track.legs for style in (leg.a, leg.b) if not style.is_photo}
        one = len(hands) <= 1 and stylizer.device.type == "cpu" and self.way.tile is None
        self._compiles = one and self.way.engine != "torch"
        self._styles = met(track) if self.way.engine == "openvino-int8" else None

    def __call__(self, frame: Pixels, seconds: float) -> Pixels:
        """The next frame.

        Args:
            frame: [H, W, 3] uint8.
            seconds: When it is shown.

        Returns:
            [H', W', 3] uint8, of the size of the way.
        """
        if self.way.size not in (None, (frame.shape[1], frame.shape[0])):
            frame = pixels.resized(frame, None, self.way.size)[0]  # as stills are
        style = self.track.at(seconds)
        if style.is_photo:
            self.reset()
            return frame
        small = resized(frame, self.way.work_size((frame.shape[1], frame.shape[0])))
        painted = self._paint(small, style)
        return painted if small is frame else with_detail(painted, small, frame)

    def reset(self) -> None:
        """The next frame has nothing to do with those before."""
        if self._steady is not None:
            self._steady.reset()

    def _network(self, style: Style) -> StyleNetwork | OpenVino:
        """What computes."""
        network = self.stylizer.network_for(style)
        return compiled(network, torch.get_num_threads(), self._styles) if self._compiles else network

    def _paint(self, small: Pixels, style: Style) -> Pixels:
        way, stylizer = self.way, self.stylizer
        z = style.z.to(device=stylizer.device, dtype=stylizer.dtype)

        def paint(noise: torch.Tensor | None) -> Pixels:
            return tiles.paint(
                self._network(style),
                small,
                z,
                tile=way.tile,
                seed=way.seed,
                noise=noise,
                finish=keep_chroma if way.keep_colors else lambda painted, _photo: painted,
            )

        return paint(None) if self._steady is None else self._steady(small, paint)


class Steady:
    """Remembers what the next painting should agree with.

    Args:
        stability: In (0, 1].
        seed: Of the noise.
    """

    def __init__(self, stability: float, seed: int) -> None:
        self.blend, self.seed = BLEND * stability**0.5, seed
        self._motion = Motion()
        self.reset()

    def reset(self) -> None:
        """Remember nothing."""
        self._seen: Pixels | None = None
        self._painted: Field | None = None
        self._shift: Field | None = None

    def __call__(self, frame: Pixels, paint: Callable[[torch.Tensor], Pixels]) -> Pixels:
        """The next painting.

        Args:
            frame: [H, W, 3] uint8.
            paint: Noise → painting of the frame.
        """
        seen = grey(frame)
        change = self._compared(seen)
        noise = self._noise(frame.shape[0], frame.shape[1], change.sure if change else None)
        painted = paint(noise).astype(np.float32)
        if change is not None:
            assert self._painted is not None
            painted = blended(painted, warped(self._painted, change.flow, sharp=True), self.blend * change.kept)
        self._seen, self._painted = seen, painted
        return np.rint(painted).clip(0, 255).astype(np.uint8)

    def _compared(self, seen: Pixels) -> Change | None:
        """With the frame before; nothing at the first frame of a shot."""
        if self._seen is None or self._seen.shape != seen.shape:
            return None
        change = self._motion.compared(seen, self._seen)
        return change if change.kept.mean() > CUT else None

    def _noise(self, height: int, width: int, flow: Field | None) -> torch.Tensor:
        """Noise that has gone along with what moves; from its start where there is no flow."""
        noise = _noise_of(tiles.padded(height), tiles.padded(width), self.seed)
        rows, columns = noise.shape[2:]
        if flow is None or self._shift is None:
            self._shift = np.zeros((rows, columns, 2), np.float32)
            return noise
        below, beside = rows * CELL - height, columns * CELL - width
        flow = cv().copyMakeBorder(flow, 0, below, 0, beside, cv().BORDER_REPLICATE)
        step = cv().resize(flow, (columns, rows), interpolation=cv().INTER_AREA) / CELL
        self._shift = relaxed(step + warped(self._shift, step))
        x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
        places = torch.from_numpy(np.stack([x, y], 2) + self._shift)
        return moved(noise, places[None])


def met(track: Track) -> tuple[tuple[float, ...], ...]:
    """Style vectors on a way: at the ends of its legs, and halfway."""
    seen = (leg.at(leg.start + part * (leg.end - leg.start)) for leg in track.legs for part in (0, 0.5, 1))
    return tuple(dict.fromkeys(tuple(style.z[0].tolist()) for style in seen))


@lru_cache(maxsize=2)
def _noise_of(height: int, width: int, seed: int) -> torch.Tensor:
    return noise_like(height, width, seed=seed)


def blended(new: Field, old: Field, weight: Field) -> Field:
    """Two paintings of the same thing as one, its strokes as strong as those of the new one.

    The mean of two textures that are not the same is paler than either. So the fine part is brought back to the strength it has
    in the new painting, place by place (variance-preserving blending, as in Heitz & Neyret, "High-performance by-example noise
    using a histogram-preserving blending operator", 2018, §3), and what fades is only what differs.

    Args:
        new: [H, W, 3].
        old: [H, W, 3], where it lies now.
        weight: [H, W] in [0, 1], of the old one.
    """
    mixed = more(new, weight, cv().subtract(old, new))
    strength = np.sqrt((energy(new) + 1) / (energy(mixed) + 1)).clip(1, STRONGER) - 1
    return more(mixed, strength, cv().subtract(mixed, softened(mixed)))


def more(x: Field, weight: Field, change: Field) -> Field:
    """x + weight · change, [H, W, C], with a weight of [H, W]; written over `change`: new memory costs more than the sums."""
    cv().multiply(change, cv().merge([weight] * change.shape[2]), change)
    found: Field = cv().add(x, change, change)
    return found


def softened(x: Field) -> Field:
    """Without what is finer than a few pixels: [H, W] or [H, W, 3] to the same shape."""
    found: Field = cv().blur(cv().blur(x, (3, 3)), (3, 3))
    return found


def energy(x: Field) -> Field:
    """Local mean square of the fine part of the light: [H, W, 3] → [H, W]."""
    light = cv().cvtColor(x, cv().COLOR_RGB2GRAY)
    fine = light - softened(light)
    found: Field = cv().blur(fine * fine, (5, 5))
    return found


def relaxed(shift: Field) -> Field:
    """Where neighbours have gone different ways, noise would be drawn into threads: there it slides back to where most went.

    Args:
        shift: [h, w, 2], how far the noise has gone at every place, in cells.
    """
    strain = sum(np.abs(np.gradient(shift, axis=axis)).sum(2) for axis in (0, 1))
    rate = np.clip(cv().blur(strain.astype(np.float32), (5, 5)) - STRAIN, 0, 1) * SLIDE
    most = np.median(shift.reshape(-1, 2), 0).astype(np.float32)
    eased: Field = shift + rate[..., None] * (most - shift)
    return eased


def resized(frame: Pixels, size: tuple[int, int]) -> Pixels:
    """A frame at another width and height; itself where it has that size."""
    if (frame.shape[1], frame.shape[0]) == size:
        return frame
    smaller = size[0] * size[1] < frame.shape[0] * frame.shape[1]
    found: Pixels = cv().resize(frame, size, interpolation=cv().INTER_AREA if smaller else cv().INTER_CUBIC)
    return found
