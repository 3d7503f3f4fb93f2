"""What can be ordered of a composer, and the settings in a file that say so: enough to compose it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mapsto
from mapsto.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from mapsto.sound.composer import Composer
    from mapsto.sound.score import Score

DRUMMER = "drummer"
"""The weights of who plays drums; see `mapsto.sound.drumming`."""

WAYS = ("blend", "path", "continue", "variation", "morph")


@dataclass(frozen=True)
class Composition:
    """A piece to compose.

    Args:
        way: One of `WAYS`.
        styles: As "ragtime:0.6,lied:0.4", or a path "lied@1, ragtime@9"; None where a given piece says how it goes.
        bars: How many.
        seed: Of all that is drawn.
        amount: Of a variation.
        model: Name or file of the composer.
        meter: As for `mapsto.sound.manner.How`, like all that follow.
        key: Likewise.
        tempo_bpm: Likewise.
        blend: Likewise.
        temperature: Likewise.
        guidance: Likewise.
        density: Likewise.
        voices: Styles of single voices, as "bass=ragtime,alto=lied".
        form: Likewise.
        instruments: Who plays, as "melody=flute,bass=cello"; None leaves it to the styles.
        drums: Styles of drums beside it, as "rock" or "rock:0.6,funk:0.4"; None for no drums.
    """

    way: str
    styles: str | None
    bars: int = 16
    seed: int = 0
    amount: float = 0.3
    model: str = "scores"
    meter: str | None = None
    key: str | None = None
    tempo_bpm: float | None = None
    blend: str = "product"
    temperature: float = 1.0
    guidance: float = 2.0
    density: float | None = None
    voices: str | None = None
    form: str | None = None
    instruments: str | None = None
    drums: str | None = None

    @property
    def weights(self) -> list[str]:
        """Names of those that the notes depend on."""
        return [self.model, *([DRUMMER] if self.drums is not None else [])]

    def composed(self, composer: Composer, given: list[Score], on_bar: Callable[[int, int], object] | None = None) -> Score:
        """The piece.

        Args:
            composer: Who composes.
            given: Pieces it starts from: none, one, or two for a morph.
            on_bar: Told how many bars are done, of how many.
        """
        piece = self._piece(composer, given, on_bar)
        if self.drums is not None:
            from mapsto.sound.drumming import Drummer

            first = given[0].bars if self.way == "continue" else 0
            piece = Drummer.from_pretrained(DRUMMER).accompany(piece, self.drums, seed=self.seed, first=first)
        return _played_by(piece, self.instruments)

    def _piece(self, composer: Composer, given: list[Score], on_bar: Callable[[int, int], object] | None) -> Score:
        how: dict[str, Any] = {name: getattr(self, name) for name in _HOW}
        how |= {"voices": voices_of(self.voices), "seed": self.seed, "on_bar": on_bar}
        if self.form is not None:
            how["form"] = self.form
        if self.way == "continue":
            return composer.continued(given[0], self.bars, self.styles, **how)
        if self.way == "variation":
            return composer.variation(given[0], self.amount, self.styles, **how)
        if self.way == "morph":
            return composer.morph(given[0], given[1], self.bars, **how)
        compose = composer.path if self.way == "path" else composer.blend
        return compose(self.styles or "", self.bars, **how)

    def settings(self, given: list[Path], weights: Mapping[str, str]) -> dict[str, Any]:
        """What stands in the file."""
        import torch

        from mapsto.files import sha256

        sources = [{"name": path.name, "sha256": sha256(path)} for path in given]
        said = {"mapsto": mapsto.__version__, "command": "compose", **asdict(self)}
        return {**said, "sources": sources, "weights": dict(weights), "torch": torch.__version__}


def _played_by(piece: Score, instruments: str | None) -> Score:
    """The same with other players, who have to be there; which voices sound is for the seed to say, so some may be silent."""
    from dataclasses import replace

    from mapsto.cli.sounding import cast_of
    from mapsto.sound import bands
    from mapsto.sound.render import cast
    from mapsto.sound.score import VOICES

    if instruments is None:
        return piece
    there = {track.name for track in piece.tracks}
    wanted = {name: player for name, player in cast_of(instruments).items() if name in there or name not in VOICES}
    players = cast(piece, wanted, bands.names())
    named = [track if track.drums else replace(track, instrument=players[track.name]) for track in piece.tracks]
    return replace(piece, tracks=tuple(named))


_HOW = ("meter", "key", "tempo_bpm", "blend", "temperature", "guidance", "density")


def composition_of(settings: Mapping[str, Any]) -> Composition:
    """What settings tell of. They come from a file, so nothing is taken for granted.

    Raises:
        UnreadableInput: they are not ours, or damaged.
    """
    known = {each.name: settings[each.name] for each in fields(Composition) if each.name in settings}
    if known.get("guidance", 0) is None:  # "as usual", in files of before it had one default
        del known["guidance"]
    try:
        found = Composition(**known)
    except TypeError as error:
        raise UnreadableInput(
            "The settings in this file are not complete.", "Only files made by Mapsto can be repeated."
        ) from error
    whole = all(_fits(getattr(found, each.name), str(each.type)) for each in fields(Composition))
    if found.way not in WAYS or not whole:
        raise UnreadableInput("The settings in this file are damaged.", "Only files made by Mapsto can be repeated.")
    return found


def _fits(value: object, kind: str) -> bool:
    """Whether a value is what an annotation says, such as "float | None"."""
    kinds = {"str": (str,), "int": (int,), "float": (int, float), "None": (type(None),)}
    return not isinstance(value, bool) and isinstance(value, tuple(one for name in kind.split(" | ") for one in kinds[name]))


def voices_of(text: str | None) -> dict[str, str] | None:
    """What "bass=ragtime,alto=lied" says, by voice.

    Raises:
        UsageError: not spelled like that.
    """
    if text is None:
        return None
    pairs = [piece.partition("=") for piece in text.split(",")]
    if not all(voice.strip() and style.strip() for voice, _, style in pairs):
        raise UsageError(f"{text!r} does not say which voice has which style.", "As in bass=ragtime,alto=lied.")
    return {voice.strip(): style.strip() for voice, _, style in pairs}
