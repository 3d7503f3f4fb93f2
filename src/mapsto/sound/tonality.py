"""Keys: their names, how far they are from C major and A minor, and which one a piece is in."""

from __future__ import annotations

import numpy as np

from mapsto.errors import UsageError, nearest
from mapsto.sound.score import FIFTHS, HOLD, REST, Grid

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""How well the twelve tones from the tonic on fit a key (Krumhansl & Kessler, "Tracing the dynamic changes in perceived tonal
organization", 1982)."""


def named(key: str) -> str:
    """A key as it is known: "d" and "D minor" are spelled "Dm" and so on.

    Raises:
        UsageError: none.
    """
    text = key.strip().replace("♭", "b").replace("♯", "#")
    for ending in (" minor", " min", "-minor", " major", " maj", "-major"):
        if text.lower().endswith(ending):
            text = text[: -len(ending)].strip() + ("m" if "min" in ending else "")
    text = text[:1].upper() + text[1:]
    if text not in FIFTHS:
        near = nearest(text, list(FIFTHS)) or ["C", "Bb", "F#m"]
        raise UsageError(f"There is no key {key!r}.", f"Perhaps {' or '.join(near)}? As in D, Bb or F#m.")
    return text


def is_minor(key: str) -> bool:
    """Whether a key is minor."""
    return key.endswith("m")


def tonic(key: str) -> int:
    """Pitch class of the tonic, 0 for C."""
    return (7 * FIFTHS[key] + (9 if is_minor(key) else 0)) % 12


def semitones_from_home(key: str) -> int:
    """How far up, or down, C major (or A minor) is moved to the key: −5 … 6."""
    up = (7 * FIFTHS[key]) % 12
    return up - 12 if up > 6 else up


def key_of(pitch_class: int, *, minor: bool) -> str:
    """The key on a tonic with the fewest accidentals."""
    found = [key for key in FIFTHS if is_minor(key) == minor and tonic(key) == pitch_class % 12]
    return min(found, key=lambda key: (abs(FIFTHS[key]), FIFTHS[key]))


def estimated(grid: Grid) -> str:
    """The key whose profile the durations of the twelve tones agree with best; C where nothing sounds.

    Args:
        grid: [4, T].
    """
    heard = np.zeros(12)
    for voice in grid:
        sounding = REST
        for event in voice:
            sounding = sounding if event == HOLD else int(event)
            if sounding >= 0:
                heard[sounding % 12] += 1
    if heard.std() == 0:
        return "C"
    scores = {
        (tone, minor): float(np.corrcoef(np.roll(profile, tone), heard)[0, 1])
        for minor, profile in ((False, MAJOR), (True, MINOR))
        for tone in range(12)
    }
    tone, minor = max(scores, key=lambda each: scores[each])
    return key_of(tone, minor=minor)
