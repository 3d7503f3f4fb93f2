"""A process that answers at once: a small picture in a style, a moment of a morph, a drawn picture, a few bars, a note.

It is a process of its own, beside the worker: then a person's hand is followed while a job runs for hours, nothing of a preview
can change the numbers of a training, and either may be ended without the other. The system gives it the processor first, since
the worker is nice. What was used last stays loaded and prepared.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mapsto.errors import UsageError
from mapsto.studio import pipe
from mapsto.studio.pipe import Frame, Said
from mapsto.studio.shelf import Shelf
from mapsto.studio.ways import thing

if TYPE_CHECKING:
    from mapsto.image.generator import Generator
    from mapsto.image.points import Style
    from mapsto.image.stylizer import Stylizer
    from mapsto.media.clip import Clip
    from mapsto.media.picture import Picture
    from mapsto.sound.composer import Composer
    from mapsto.sound.instrument import Instruments
    from mapsto.studio.ways import Ways


class Previewer:
    """Everything that previews need, loaded when it is first asked for.

    Args:
        network: The style network, by name or file.
        device: Where to compute.
        precision: auto, fp32 or bf16.
    """

    def __init__(self, network: str, device: str, precision: str) -> None:
        self.network, self.device, self.precision = network, device, precision
        self.pictures, self.paces, self.clips = Shelf(24), Shelf(64), Shelf(4)
        self.models, self.styles = Shelf(2), Shelf(256)

    def answer(self, said: Said, payload: bytes) -> Frame:
        """One question; `do` says which."""
        question = said.pop("do")
        told: Frame = getattr(self, f"do_{question}")(**said)
        return told

    # ---- painting ----

    def do_warm(self) -> Frame:
        """Load the style network, and paint once."""
        import numpy as np

        from mapsto.media.picture import Picture

        self.stylizer(Picture.of(np.zeros((192, 256, 3), np.uint8)), self.stylizer.names[0])
        return {"device": str(self.stylizer.device)}, b""

    def do_style(
        self,
        path: str,
        side: int,
        styles: list[Any],
        strength: float,
        keep: bool,
        seed: int,
        mask: str | None,
        at: float,
    ) -> Frame:
        """A small picture in a style.

        Args:
            path: Of the picture.
            side: Its longer side, in pixels.
            styles: Names or paths of pictures, and weights.
            strength: In [0, 1].
            keep: Keep its colours.
            seed: Of the noise.
            mask: A PNG in base64: where to paint.
            at: Seconds, of a clip.
        """
        from mapsto.image.points import Style

        photo, style = self._picture(path, side, at), self._style(styles)
        if 0 < strength < 1:
            pace = self.paces.get((path, side, at, json.dumps(styles)), lambda: self._pace(photo, style))
            style, strength = Style(style.z * pace(strength), style.hands), 1.0
        painted = self.stylizer(photo, style, strength=strength, keep_colors=keep, seed=seed)
        if mask:
            from mapsto.image.masking import masked

            painted = masked(photo, painted, mask)
        return {}, _webp(painted)

    def do_place(self, path: str) -> Frame:
        """Where a picture lies on the map of styles."""
        from mapsto.media.picture import Picture
        from mapsto.studio.cards import place_of

        x, y = place_of(self.network, self.stylizer.encode(Picture.of(path))[0].double().numpy())
        return {"x": x, "y": y}, b""

    def _pace(self, photo: Picture, style: Style) -> Callable[[float], float]:
        """How far to go for a strength, as `Stylizer.paced` finds it."""
        import torch

        from mapsto.image.points import Style, between

        start = Style(torch.zeros_like(style.z), style.hands)
        return self.stylizer.pace(photo, lambda t: between(start, style, t), probes=9)[0]

    def do_morph(self, at: float, side: int, sketch: bool = False, **asked: Any) -> Frame:
        """One moment of a way through styles, as `Ways.moment`."""
        picture, seconds, is_sketch = self.ways.moment(at, side, sketch, **asked)
        return {"seconds": seconds, "sketch": is_sketch}, _webp(picture)

    @property
    def ways(self) -> Ways:
        """Made once."""
        if "ways" not in self.__dict__:
            from mapsto.studio.ways import Ways

            long = lambda path: self._clip(path).duration if _is_clip(path) else None  # noqa: E731
            self.__dict__["ways"] = Ways(self.stylizer, self._picture, long)
        found: Ways = self.__dict__["ways"]
        return found

    @property
    def stylizer(self) -> Stylizer:
        """Loaded once."""
        if "stylizer" not in self.__dict__:
            from mapsto import device
            from mapsto.image.stylizer import Stylizer

            if "OMP_NUM_THREADS" not in os.environ:
                device.set_threads()
            self.__dict__["stylizer"] = Stylizer.from_pretrained(self.network, device=self.device, precision=self.precision)
        found: Stylizer = self.__dict__["stylizer"]
        return found

    def _picture(self, path: str, side: int, at: float) -> Picture:
        """A photo, small, ready to be painted; of a clip what is shown at a time."""
        if not _is_clip(path):
            return self.pictures.get((path, side), lambda: _small(path, side))
        from mapsto.cli.filming import seen_at

        return self.pictures.get((path, side, at), lambda: _fitted(seen_at(self._clip(path), at), side))

    def _clip(self, path: str) -> Clip:
        from mapsto.media.clip import probe

        return self.clips.get(path, lambda: probe(path))

    def _style(self, styles: list[Any]) -> Style:
        from mapsto.image import hands

        changed = tuple(hands.changed(name) for name, _ in styles if name in hands.names())
        key = (json.dumps(styles), changed)
        return self.styles.get(key, lambda: self.stylizer.style_of([(thing(name), weight) for name, weight in styles]))

    # ---- drawing ----

    def do_latent(
        self, model: str, seed: int, sliders: dict[str, float], mix: dict[str, Any] | None, how: dict[str, Any]
    ) -> Frame:
        """A picture that a model draws."""
        generator = self._generator(model)
        if mix is not None:
            picture = generator.mix(seed, mix["seed"], mix["layers"], **how)
        elif sliders:
            picture = generator.edit(seed, sliders, **how)
        else:
            picture = generator(1, seed=seed, **how)[0]
        return {}, _webp(_seen(picture), quality=90)

    def _generator(self, model: str) -> Generator:
        from mapsto import weights
        from mapsto.image.generator import Generator

        changed = weights.resolve(model).stat().st_mtime_ns
        return self.models.get(
            ("image", model, changed), lambda: Generator.from_pretrained(model, device=self.device, precision=self.precision)
        )

    # ---- music ----

    def do_score(
        self, model: str, styles: dict[str, float], path: str | None, bars: int, seed: int, how: dict[str, Any]
    ) -> Frame:
        """A few bars, as notes."""
        import torch

        composer, threads = self._composer(model), torch.get_num_threads()
        torch.set_num_threads(1)  # its products are small
        try:
            piece = composer.path(path, bars, seed=seed, **how) if path else composer.blend(styles, bars, seed=seed, **how)
        finally:
            torch.set_num_threads(threads)
        return told_of(piece), b""

    def _composer(self, model: str) -> Composer:
        from mapsto import weights
        from mapsto.sound.composer import Composer

        return self.models.get(
            ("music", model, weights.resolve(model).stat().st_mtime_ns), lambda: Composer.from_pretrained(model)
        )

    def do_sound(self, timbre: dict[str, float], pitch: float, seconds: float, velocity: float, seed: int) -> Frame:
        """One note, as WAV."""
        from mapsto.media.audio import Sound
        from mapsto.sound.analysis import RATE_HZ
        from mapsto.sound.instrument import Instruments
        from mapsto.sound.loudness import normalised

        band: Instruments = self.models.get(("instruments",), Instruments.from_pretrained)
        note = band.note(band.timbre(timbre), pitch=pitch, seconds=seconds, velocity=velocity, seed=seed)
        return {}, normalised(Sound(note[None].numpy(), RATE_HZ)).encoded("WAV")


def told_of(piece: Any) -> dict[str, Any]:
    """A score in JSON; times in quarter notes."""
    from mapsto.sound.score import TICKS

    return {
        "bars": piece.bars,
        "meter": str(piece.meter),
        "key": piece.key,
        "tempo_bpm": piece.tempo_bpm,
        "seconds": round(piece.seconds, 3),
        "tracks": [
            {
                "name": track.name,
                "instrument": track.instrument,
                "drums": track.drums,
                "notes": [
                    {"start": note.start / TICKS, "length": note.length / TICKS, "pitch": note.pitch, "velocity": note.velocity}
                    for note in track.notes
                ],
            }
            for track in piece.tracks
        ],
    }


def _is_clip(path: str) -> bool:
    from mapsto.media.clip import is_clip

    return is_clip(path)


def _small(path: str, side: int) -> Picture:
    """A picture whose longer side is `side` at most."""
    from mapsto.media.picture import read

    return _fitted(read(path, enough=side), side)


def _fitted(photo: Picture, side: int) -> Picture:
    side = min(side, max(photo.size))
    return photo.resized((side, side))


def _seen(picture: Picture) -> Picture:
    """A picture of few pixels enlarged, crisp."""
    from mapsto.image.enlarge import crisp

    scale = 192 // max(picture.size)
    return crisp(picture, scale) if scale > 1 else picture


def _webp(picture: Picture, quality: int = 82) -> bytes:
    """Small and quick rather than as small as can be."""
    buffer = io.BytesIO()
    picture.to_pil().save(buffer, "WEBP", quality=quality, method=1)
    return buffer.getvalue()


def main() -> None:
    """Answer; the arguments are the network, the device and the precision."""
    network, device, precision = sys.argv[1:]
    if not network:
        raise UsageError("No network is named.")
    pipe.serve(Previewer(network, device, precision).answer)


if __name__ == "__main__":
    main()
