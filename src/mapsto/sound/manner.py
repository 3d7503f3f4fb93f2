"""How something is composed: what can be asked for beside styles, and what is taken where nobody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mapsto import device
from mapsto.errors import UsageError, nearest
from mapsto.sound.composing import BLENDS
from mapsto.sound.melody import METERS
from mapsto.sound.score import FASTEST, SLOWEST, VOICES
from mapsto.sound.tonality import named

LONGEST = 10_000
"""Bars that are composed at once."""

FORMS = {
    "free": (),
    "aaba": (0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0, 12, 12, 12, 12),
    "abab": (0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8),
    "pairs": (0, 0, 2, 2, 0, 0, 2, 2),
}
"""How many bars before stands what a bar comes back to, 0 for nothing; repeated to the end."""

RANGES = {"temperature": (0.0, 3.0), "guidance": (0.0, 5.0), "density": (0.5, 64.0), "tempo_bpm": (SLOWEST, FASTEST)}


@dataclass(frozen=True)
class How:
    """How something is composed; every way of composing takes these by name.

    Args:
        meter: 4/4, 3/4 or 6/8; by default what the strongest style mostly has.
        key: As "D" or "Bbm"; by default drawn by the seed.
        tempo_bpm: Quarter notes a minute; by default as the styles are used to.
        blend: product: only what all styles allow; mixture: now the one, now the other.
        temperature: 1 is as varied as what was learned, less is safer.
        guidance: 1 follows the styles, more exaggerates them.
        density: Notes in a bar, in all voices; by default as the styles are used to, by the seed some more or less.
        voices: Styles of single voices, such as {"bass": "ragtime"}.
        form: One of `FORMS`: what comes back.

    Raises:
        UsageError: what cannot be.
    """

    meter: str | None = None
    key: str | None = None
    tempo_bpm: float | None = None
    blend: str = "product"
    temperature: float = 1.0
    guidance: float = 2.0
    density: float | None = None
    voices: Mapping[str, str] | None = None
    form: str = "aaba"

    def __post_init__(self) -> None:
        self._among("blend", self.blend, BLENDS)
        self._among("form", self.form, list(FORMS))
        if self.meter is not None:
            self._among("meter", self.meter, [spelled(meter) for meter in METERS])
        if self.key is not None:
            named(self.key)
        for voice in self.voices or {}:
            self._among("voice", voice, VOICES)
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                spelled_ = name.removesuffix("_bpm")
                raise UsageError(f"The {spelled_} {value:g} is out of range.", f"It goes from {low:g} to {high:g}.")

    @staticmethod
    def _among(what: str, value: str, known: Sequence[str]) -> None:
        if value not in known:
            near = nearest(value, list(known)) or list(known)
            raise UsageError(f"There is no {what} {value!r}.", f"Perhaps {' or '.join(near)}?")


def check_bars(bars: int) -> None:
    """Refuse what is no length.

    Raises:
        UsageError: none, or more than `LONGEST`.
    """
    if not 1 <= bars <= LONGEST:
        raise UsageError(f"{bars} bars cannot be composed.", f"Ask for 1 to {LONGEST:,}.")


def check_seed(seed: int) -> None:
    """Refuse what is no seed.

    Raises:
        UsageError: outside [0, 2⁶³).
    """
    device.generator(seed)


def spelled(meter: tuple[int, int]) -> str:
    """4/4."""
    return f"{meter[0]}/{meter[1]}"


def meter_of(text: str) -> int:
    """Place in `melody.METERS`.

    Raises:
        UsageError: another.
    """
    known = [spelled(meter) for meter in METERS]
    if text not in known:
        raise UsageError(f"Music in {text} was not learned.", f"There is {', '.join(known)}.")
    return known.index(text)


def kept(how: Mapping[str, Any], notes: float | None) -> How:
    """How something is composed after a piece, which says the rest.

    Args:
        how: What was asked for.
        notes: In a bar, where nothing else is asked for and no style says it: a piece without any would thin out.

    Raises:
        UsageError: it says what would be ignored.
    """
    for name in ("meter", "key", "tempo_bpm"):
        if how.get(name) is not None:
            word = name.removesuffix("_bpm")
            raise UsageError(f"The {word} is that of the piece.", f"Leave the {word} out.")
    low, high = RANGES["density"]
    asked = {"form": "free", **how}
    if asked.get("density") is None and notes is not None:
        asked["density"] = min(max(notes, low), high)
    return How(**asked)
