"""Any picture in any style: what `mapsto style` and `mapsto.style` do.

stylize = Stylizer.from_pretrained("style-s")
painted = stylize("photo.jpg", "starry-night", strength=0.7)
paintings = stylize([a, b], "starry-night:0.6,my_painting.jpg:0.4")      # list in, list out, same type
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto import device as devices
from mapsto import paths, weights
from mapsto.errors import OutOfMemory, UsageError
from mapsto.image import hands, tiles
from mapsto.image.colour import keep_chroma
from mapsto.image.encoder import StyleEncoder, summary
from mapsto.image.features import PerceptualNetwork
from mapsto.image.points import Style, between
from mapsto.image.styles import check_method, check_strength, parts_of
from mapsto.image.stylize import StyleNetwork, noise_like
from mapsto.media.picture import Picture

STYLE_SIDE = 320
"""Shorter side at which a style picture is looked at, as in training: it sets how large its strokes come out."""

TILE = 1024
SEEN = ("relu1", "fire2", "fire4")
"""Taps of the perceptual network by which steps are told to be equal."""

BYTES_PER_PIXEL = {torch.float32: 240, torch.bfloat16: 125}
"""Peak memory of painting in one piece at 4 megapixels, measured; larger pictures need a little less for each."""

BUDGET = 1.55e9
"""Bytes that one piece may take: with 0.4 GB for Python and PyTorch that stays below 2 GB."""


@dataclass(frozen=True)
class Progress:
    """How far a call has come.

    Args:
        done: Pictures finished.
        total: Pictures in all.
        part: How much of the current picture is done, in [0, 1].
        seconds: Since the call began.
        tile: Side of the tiles in use, None for one piece: where memory runs out, smaller than what was asked for.
    """

    done: int
    total: int
    part: float
    seconds: float
    tile: int | None = None


class Stylizer:
    """Image × Style → Image with everything around it: style names, strength, colours, sizes, tiles.

    Args:
        network: The style network with its presets.
        encoder: Statistics → style vector.
        features: The perceptual network the encoder was trained on.
        device: Where to compute.
        dtype: Number type of the style network; the encoder stays in fp32.
        digest: SHA-256 of the file that hands are learned on, so that they can be told from others; empty where there is none.
        stills: The network that hands are learned on, where it is not this one.
    """

    def __init__(
        self,
        network: StyleNetwork,
        encoder: StyleEncoder,
        features: PerceptualNetwork,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        digest: str = "",
        stills: StyleNetwork | None = None,
    ) -> None:
        self.device, self.dtype = device or torch.device("cpu"), dtype
        self.base, self.digest, self.stills = network, digest, stills or network
        self.encoder, self.features = encoder.to(self.device), features.to(self.device)
        self._ready = lru_cache(maxsize=2)(self._moved)

    @classmethod
    def from_pretrained(cls, name: str | Path = "style-s", *, device: str = "auto", precision: str = "auto") -> Stylizer:
        """A stylizer from embedded or own weights.

        Args:
            name: Weights of a style network, by name or path.
            device: auto, cpu, cuda or mps.
            precision: auto, fp32 or bf16; auto is bf16 where it measures faster on this machine.

        Raises:
            WeightsError: missing or damaged weights.
        """
        from mapsto.image.features import perceptual

        where = devices.pick(device)
        network = weights.load(name, expect="StyleNetwork")
        encoder = weights.load("style-encoder-s", expect="StyleEncoder")
        assert isinstance(network, StyleNetwork)
        assert isinstance(encoder, StyleEncoder)
        features = perceptual("small", device=where)
        assert isinstance(features, PerceptualNetwork)
        base = hands.base_of(name)
        stills = weights.load(base, expect="StyleNetwork") if base != name else network
        assert isinstance(stills, StyleNetwork)
        dtype = devices.precision(where, precision)
        return cls(network, encoder, features, where, dtype, weights.digest(base), stills)

    @property
    def names(self) -> list[str]:
        """Presets and learned hands."""
        return [*self.base.names, *hands.names()]

    def __call__(
        self,
        pictures: object,
        style: object,
        *,
        strength: float = 1.0,
        keep_colors: bool = False,
        size: int | str | tuple[int, int] | None = None,
        seed: int = 0,
        batch_size: int = 1,
        tile: int | Literal["auto", "off"] = "auto",
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Any:
        """Paint pictures.

        Args:
            pictures: One or a list of: path, PIL image, array, tensor, `Picture`.
            style: A name, a picture, "a:0.6,b:0.4", a list of (style, weight), or a `Style`.
            strength: 0 is the photo exactly, 1 the full style, evenly between.
            keep_colors: Take only light and strokes from the style.
            size: Shorter side in pixels, or "WxH"; None keeps the picture's own.
            seed: Of the noise that strokes grow from.
            batch_size: Pictures of one size that are painted together.
            tile: Side of tiles in pixels; auto tiles where memory asks for it, off never does.
            on_progress: Told after every picture and tile.

        Returns:
            The same kind of thing: lists, PIL images, arrays and tensors come back as such, the rest as `Picture`.

        Raises:
            UsageError: unknown style, strength outside [0, 1] or the like.
            UnreadableInput: a file that is no picture.
            OutOfMemory: not even a tile fits.
        """
        many = isinstance(pictures, (list, tuple))
        sources: list[object] = list(pictures) if many else [pictures]  # type: ignore[call-overload]
        check_strength(strength)
        if batch_size < 1:
            raise UsageError(f"A batch of {batch_size} holds nothing.", "Give 1 or more.")
        seed = devices.generator(seed).initial_seed()  # refuses what is no seed
        ready = style if isinstance(style, Style) else self.style_of(style)
        job = _Job(strength, keep_colors, size, seed, tile, _Clock(len(sources), on_progress))
        painted: list[object] = []
        for start in range(0, len(sources), batch_size):
            group = sources[start : start + batch_size]
            results = self._paint_group([Picture.of(source).resized(size) for source in group], ready, job)
            painted += [_like(source, result) for source, result in zip(group, results, strict=True)]
        return painted if many else painted[0]

    def style_of(self, style: object) -> Style:
        """The style that a name, a picture or a mixture of them means."""
        parts = parts_of(style, self.names)
        points, learned = [], []
        for part, weight in parts:
            name = part if isinstance(part, str) else self._learned(part)
            if name in self.base.names:
                points.append(self.base.presets[self.base.names.index(str(name))][None])
            elif name is not None:
                points.append(hands.load(name, self.digest).presets[:1])
                learned.append((name, weight))
            else:
                points.append(self.encode(Picture.of(part)))
        return Style(paths.mix(points, [weight for _, weight in parts]), tuple(learned))

    def _learned(self, part: object) -> str | None:
        """The hand that was learned from a picture file."""
        return hands.name_of(part, self.digest) if isinstance(part, Path) else None

    def encode(self, picture: Picture) -> Tensor:
        """Picture → style vector [1, S], at once."""
        with torch.inference_mode():
            x = style_tensor(picture).to(self.device)
            z: Tensor = self.encoder(summary(x, self.features))
            return z.float().cpu().clone()

    def network_for(self, style: Style) -> StyleNetwork:
        """The network that paints a style: the base, moved towards learned hands by their shares; on its device."""
        # A hand that is forgotten and learned again has its old name and another file.
        return self._ready(tuple((name, share, hands.changed(name)) for name, share in style.hands))

    def _moved(self, learned: tuple[tuple[str, float, int], ...]) -> StyleNetwork:
        network = StyleNetwork(**self.base.config)
        state = {name: value.clone() for name, value in self.base.state_dict().items()}
        start = self.stills.state_dict() if learned else {}
        for name, share, _ in learned:
            for key, value in hands.load(name).state_dict().items():
                if key != "presets":
                    state[key] += share * (value - start[key])
        network.load_state_dict(state)
        network = network.to(device=self.device, dtype=self.dtype).eval().requires_grad_(False)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _paint_group(self, pictures: list[Picture], style: Style, job: _Job) -> list[Picture]:
        """Pictures of one size in one batch; others, and where memory runs out, one by one."""
        together = len(pictures) > 1 and len({p.size for p in pictures}) == 1 and job.strength == 1
        if together and self._tile(pictures[0], job.tile, len(pictures)) is None:
            try:
                return self._paint_batch(pictures, style, job)
            except (MemoryError, RuntimeError) as error:
                if not devices.is_out_of_memory(error):
                    raise
        return [self._paint_one(picture, style, job) for picture in pictures]

    def _paint_one(self, picture: Picture, style: Style, job: _Job) -> Picture:
        z = style.z * self.paced(picture, style, job.strength)
        out = picture
        if job.strength > 0:
            pixels = self._with_smaller_tiles(picture, style, z, job)
            out = replace(picture, pixels=pixels)
        job.clock.finished()
        return out

    def _with_smaller_tiles(self, picture: Picture, style: Style, z: Tensor, job: _Job) -> Any:
        """Paint; where memory runs out, with ever smaller tiles."""
        tile = self._tile(picture, job.tile, 1)
        while True:
            job.clock.tile = tile
            try:
                return tiles.paint(
                    self.network_for(style),
                    picture.pixels,
                    z.to(device=self.device, dtype=self.dtype),
                    tile=tile,
                    seed=job.seed,
                    finish=keep_chroma if job.keep_colors else lambda painted, _photo: painted,
                    on_tile=job.clock.part,
                )
            except (MemoryError, RuntimeError) as error:
                if not devices.is_out_of_memory(error):
                    raise
                if tile is not None and tile <= 256:
                    raise OutOfMemory(
                        f"There is not enough memory to paint {picture.width}×{picture.height} even in small tiles.",
                        "Close other programs, or give a smaller --size.",
                    ) from error
                tile = TILE if tile is None or tile > TILE else tiles.padded(tile // 2)

    def _paint_batch(self, pictures: list[Picture], style: Style, job: _Job) -> list[Picture]:
        height, width = pictures[0].height, pictures[0].width
        box = tiles.Box(0, tiles.padded(height), 0, tiles.padded(width))
        photos = torch.cat([tiles.read(picture.pixels, box) for picture in pictures])
        noise = noise_like(box.bottom, box.right, seed=job.seed)
        z = style.z.expand(len(pictures), -1).to(device=self.device, dtype=self.dtype)
        painted = tiles.run(self.network_for(style), photos, z, noise, None)[:, :, :height, :width]
        if job.keep_colors:
            painted = keep_chroma(painted, photos[:, :, :height, :width])
        done = [picture.with_tensor(part) for picture, part in zip(pictures, painted, strict=True)]
        for _ in done:
            job.clock.finished()
        return done

    def tile_for(self, picture: Picture, wanted: int | Literal["auto", "off"]) -> int | Literal["off"]:
        """Side of the tiles that a picture will be painted in: decided once for a film, which must not change its ways."""
        return self._tile(picture, wanted, 1) or "off"

    def _tile(self, picture: Picture, wanted: int | Literal["auto", "off"], count: int) -> int | None:
        """Side of the tiles, None for one piece."""
        if wanted == "off":
            return None
        if wanted == "auto":
            need = count * picture.width * picture.height * BYTES_PER_PIXEL[self.dtype]
            free = devices.free_memory(self.device)
            return None if need <= min(BUDGET, 0.6 * free if free else BUDGET) else TILE
        if not isinstance(wanted, int) or wanted < 64:
            raise UsageError(f"{wanted!r} is no size of tiles.", "Give 64 or more pixels, auto or off.")
        return tiles.padded(wanted)

    def paced(self, picture: Picture, style: Style, strength: float) -> float:
        """How long z has to be so that equal steps of strength look equal on this picture: 0 → 0, 1 → 1."""
        if strength in (0, 1):
            return strength
        photo = Style(torch.zeros_like(style.z), style.hands)
        return self.pace(picture, lambda t: between(photo, style, t), probes=9)[0](strength)

    def pace(self, picture: Picture, way: Callable[[float], Style], probes: int) -> tuple[Callable[[float], float], float]:
        """How far to go on a way through styles so that equal steps look equal on a picture.

        Features are compared on one scale for the whole way, the mean of what they are at its ends: a step is as large as its
        reverse, and no way is shorter than the straight one.

        Args:
            picture: Looked at as a thumbnail.
            way: A style for every t in [0, 1].
            probes: Places on the way that are looked at.

        Returns:
            A function on [0, 1], 0 at 0 and 1 at 1; and how much changes on the whole way.
        """
        small = thumbnail(picture)
        noise = noise_like(small.shape[2], small.shape[3], seed=0)
        total = 0.0

        @cache
        def taps(t: float) -> dict[str, Tensor]:
            style = way(t)
            z = style.z.to(device=self.device, dtype=self.dtype)
            with torch.inference_mode():
                painted = tiles.run(self.network_for(style), small, z, noise, None)
                found: dict[str, Tensor] = self.features(painted.to(self.device), SEEN)
                return found

        scale = {tap: float(taps(0.0)[tap].norm() + taps(1.0)[tap].norm()) / 2 for tap in SEEN}

        def seen(a: Tensor, b: Tensor) -> float:
            nonlocal total
            one, two = taps(float(a)), taps(float(b))
            change = sum(float((one[tap] - two[tap]).norm()) / scale[tap] for tap in SEEN)
            total += change
            return change

        pace = paths.even(lambda t: torch.tensor([t]), seen, probes=probes)
        return lambda part: float(pace(part)), total


def style_tensor(picture: Picture, side: int = STYLE_SIDE) -> Tensor:
    """A style picture as the networks look at it: [1, 3, H, W] in [0, 1], shorter side at `side`, longer at most twice that."""
    x = picture.on_white().tensor()
    height, width = x.shape[2:]
    longest = 2 * min(height, width)
    top, left = max(0, (height - longest) // 2), max(0, (width - longest) // 2)
    x = x[:, :, top : top + longest, left : left + longest]
    scale = side / min(x.shape[2:])
    size = [max(side, round(v * scale)) for v in x.shape[2:]]
    return F.interpolate(x, size=size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def thumbnail(picture: Picture, area: int = 128 * 128) -> Tensor:
    """A small version of about so many pixels, [1, 3, H, W] in [0, 1], both sides multiples of 8."""
    scale = (area / (picture.width * picture.height)) ** 0.5
    size = [tiles.padded(max(32, int(side * scale))) for side in (picture.height, picture.width)]
    return F.interpolate(picture.tensor(), size=size, mode="bilinear", antialias=True)


class _Clock:
    """Counts what is done and tells it."""

    def __init__(self, total: int, tell: Callable[[Progress], object] | None) -> None:
        self.done, self.total, self.tell, self.start = 0, total, tell, time.monotonic()
        self.tile: int | None = None

    def part(self, done: int, total: int) -> None:
        if self.tell is not None and done < total:
            self.tell(Progress(self.done, self.total, done / total, time.monotonic() - self.start, self.tile))

    def finished(self) -> None:
        self.done += 1
        if self.tell is not None:
            self.tell(Progress(self.done, self.total, 0.0, time.monotonic() - self.start, self.tile))


@dataclass(frozen=True)
class _Job:
    """What one call asks for."""

    strength: float
    keep_colors: bool
    size: int | str | tuple[int, int] | None
    seed: int
    tile: int | Literal["auto", "off"]
    clock: _Clock


def _like(source: object, result: Picture) -> object:
    """The result as the type that was given."""
    import numpy as np
    from PIL import Image

    if isinstance(source, Image.Image):
        return result.to_pil()
    if isinstance(source, np.ndarray):
        return result.numpy()
    if isinstance(source, Tensor):
        x = result.tensor().to(source.device)
        return x if source.dim() == 4 else x[0]
    return result


@lru_cache(maxsize=2)
def loaded(name: str, device: str, precision: str) -> Stylizer:
    """As `Stylizer.from_pretrained`; the last two are kept, so that calling `mapsto.style` again is quick."""
    return Stylizer.from_pretrained(name, device=device, precision=precision)


def style(
    picture: object,
    style: object,
    *,
    strength: float = 1.0,
    keep_colors: bool = False,
    size: int | str | tuple[int, int] | None = None,
    seed: int = 0,
    method: Literal["fast", "optimize"] = "fast",
    steps: int = 300,
    learn: float | None = None,
    tile: int | Literal["auto", "off"] = "auto",
    device: str = "auto",
    precision: str = "auto",
    on_progress: Callable[[Any], object] | None = None,
) -> Picture:
    """One picture in a style.

    Args:
        picture: A path, PIL image, array, tensor or `Picture`.
        style: As for `Stylizer.__call__`.
        strength: As there.
        keep_colors: As there.
        size: As there.
        seed: As there.
        method: fast is the network, optimize the slow reference (pictures as styles only; presets have kept no picture).
        steps: Of optimize.
        learn: Seconds to spend on learning a painting's hand first; kept, so the next time is instant.
        tile: As there.
        device: As for `Stylizer.from_pretrained`.
        precision: As there.
        on_progress: Told what is going on: `Progress`, or reports of learning and optimising.

    Returns:
        The painted picture; `.save(path)` writes it.

    Raises:
        UsageError: as there, or options that do not go together.
    """
    from mapsto.image.slow import learn_parts, optimized

    check_method(method, learn)
    source = Picture.of(picture)
    stylizer = loaded("style-s", device, precision)
    if method == "optimize":
        options: dict[str, Any] = {"steps": steps, "size": size, "keep_colors": keep_colors, "seed": seed, "strength": strength}
        return optimized(stylizer, source, style, on_step=on_progress, **options)
    if learn is not None:
        learn_parts(stylizer, style, seconds=learn, photos=[source], on_progress=on_progress)
    options = {"strength": strength, "keep_colors": keep_colors, "size": size, "seed": seed, "tile": tile}
    painted: Picture = stylizer(source, style, on_progress=on_progress, **options)
    return painted
