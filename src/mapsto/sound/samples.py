"""Recorded notes of one instrument: a folder of sound files, and which pitch each has.

A pitch is taken from the file's name where that tells it, as bell_A4.wav or C#3.flac do (the last such part counts), and is
heard otherwise. How hard a note was struck is told by names too, as in bell_A4_v100.wav, from 1 to 127.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapsto.errors import MapstoError, UnreadableInput, UsageError
from mapsto.files import below, sha256
from mapsto.media.audio import Sound
from mapsto.sound import tuning
from mapsto.sound.analysis import RATE_HZ, onset

Floats = NDArray[np.float64]

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
LONGEST_SECONDS = 30.0
SHORTEST_SECONDS = 0.1
MOST = 1000
QUIET_DB = 66.0
"""So far below its loudest a note has ended."""

STEADY_DB = 12.0
"""A note that is within so much of its loudest for most of its length was held, and then let go; others ring out."""

_NOTE = re.compile(r"(?<![A-Za-z0-9#♯♭])([A-Ga-g])([#bs♯♭]?)(-?\d)(?![A-Za-z0-9])")
_VELOCITY = re.compile(r"(?<![A-Za-z0-9])[vV](\d{1,3})(?![A-Za-z0-9])")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

Progress = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class Sample:
    """A recorded note.

    Args:
        name: Of its file.
        samples: [N] at `RATE_HZ`, from its beginning to where it is heard no more.
        hz: Its pitch.
        held_seconds: When it was let go; its length, where it rang out.
        velocity: In (0, 1], where its name tells it.
    """

    name: str
    samples: Floats
    hz: float
    held_seconds: float
    velocity: float | None = None

    @property
    def pitch(self) -> float:
        """MIDI number."""
        return 69 + 12 * math.log2(self.hz / 440)


@dataclass(frozen=True, eq=False)
class Recordings:
    """The notes of a folder.

    Args:
        notes: By pitch.
        skipped: Names of files that are not learned from, and why.
        remarks: What a person should know of the others.
    """

    notes: tuple[Sample, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.notes)

    @property
    def digest(self) -> str:
        """What tells these notes from others."""
        return sha256(b"".join(sha256(note.samples.tobytes()).encode() + repr(note.hz).encode() for note in self.notes))


def read_samples(folder: Path, *, on_progress: Progress | None = None) -> Recordings:
    """The notes in a folder and all its folders.

    Args:
        folder: Of sound files.
        on_progress: Told how many files were read, of how many.

    Raises:
        UnreadableInput: no folder, or not one note in it.
        UsageError: more than `MOST` files.
    """
    paths = _files(folder)
    found: list[Sample] = []
    skipped: list[tuple[str, str]] = []
    remarks: list[str] = []
    first: dict[str, str] = {}
    for done, path in enumerate(paths, 1):
        name = path.relative_to(folder).as_posix()
        try:
            note, remark = _note(path, name)
            twin = first.setdefault(sha256(note.samples.tobytes()), name)
            if twin == name:
                found.append(note)
                remarks += [remark] if remark else []
            else:
                skipped.append((name, f"It is the same as {twin}."))
        except MapstoError as error:
            skipped.append((name, error.what))
        if on_progress is not None:
            on_progress(done, len(paths))
    if not found:
        raise UnreadableInput(f"Not one of {len(skipped)} files can be used.", f"The first: {skipped[0][1]}")
    return Recordings(tuple(sorted(found, key=lambda note: (note.hz, note.name))), tuple(skipped), tuple(remarks))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise UnreadableInput(f"{folder} {what}.", "Name a folder of WAV or FLAC files, one note each.")
    found = below(folder, SUFFIXES)
    if not found:
        raise UnreadableInput(f"There is no sound file in {folder}.", f"Looked for {' '.join(SUFFIXES)}.")
    if len(found) > MOST:
        raise UsageError(
            f"{len(found):,} sound files are more than an instrument needs.", f"Choose {MOST:,} of them, or fewer."
        )
    return found


def _note(path: Path, name: str) -> tuple[Sample, str]:
    """A file as a note, and what is to be said of it.

    Raises:
        MapstoError: it cannot be learned from.
    """
    sound = Sound.read(path, longest_seconds=LONGEST_SECONDS).audible(name)
    loudest = int(np.square(sound.samples).sum(1).argmax())  # both together would comb
    x = Sound(sound.samples[loudest : loudest + 1], sound.rate_hz).at(RATE_HZ).samples[0].astype(np.float64)
    x = _trimmed(x)
    if len(x) < SHORTEST_SECONDS * RATE_HZ:
        raise UsageError(f"It is shorter than {SHORTEST_SECONDS:g} s.")
    named, heard = named_pitch(path.stem), tuning.heard(x)
    if named is None and heard is None:
        raise UsageError("No pitch is heard in it. Call it as in bell_A4.wav if it has one; drums are not learned.")
    hz = 440 * 2 ** ((named - 69) / 12) if named is not None else heard or 0.0
    apart = 12 * math.log2(heard / hz) if heard is not None else 0.0
    off = named is not None and abs(apart - 12 * round(apart / 12)) > 1
    remark = f"{name} sounds {apart:+.1f} semitones from what it is called: its name counts." if off else ""
    velocity = _VELOCITY.findall(path.stem)
    struck = min(max(int(velocity[-1]), 1), 127) / 127 if velocity else None
    return Sample(name, x, hz, held(x), struck), remark


def named_pitch(text: str) -> float | None:
    """MIDI number of the last note that a text names, as "bell_A4" does; None where it names none, or one out of range."""
    for letter, accidental, octave in reversed(_NOTE.findall(text)):
        found = 12 * (int(octave) + 1) + _STEPS[letter.upper()] + {"#": 1, "s": 1, "♯": 1, "b": -1, "♭": -1}.get(accidental, 0)
        if 0 <= found <= 127:
            return float(found)
    return None


def held(x: Floats) -> float:
    """Seconds until a note is let go: where it leaves `STEADY_DB` for good, or its whole length if it rings out."""
    level = _levels_db(x)
    last = int(np.nonzero(level > level.max() - STEADY_DB)[0].max()) + 1
    return float(last * 0.01 if last > 0.6 * len(level) else len(x) / RATE_HZ)


def _trimmed(x: Floats) -> Floats:
    """From the beginning of a note to where it is `QUIET_DB` below its loudest."""
    x = x[onset(x) :]
    level = _levels_db(x)
    last = int(np.nonzero(level > level.max() - QUIET_DB)[0].max()) + 1
    return x[: round(last * 0.01 * RATE_HZ)]


def _levels_db(x: Floats) -> Floats:
    """Of every 10 ms."""
    size = round(0.01 * RATE_HZ)
    frames = np.pad(x, (0, -len(x) % size)).reshape(-1, size)
    return np.asarray(10 * np.log10(np.square(frames).mean(1) + 1e-14))
