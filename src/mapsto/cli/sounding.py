"""What the verbs that make sound share: pitches and casts as they are spelled, where sound goes, and what is told of it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mapsto.cli.options import option
from mapsto.cli.voice import Voice
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.media.audio import Sound

Bits = Annotated[int, option("--bits", help="A sample: 16 or 24.")]
Room = Annotated[float, option("--room", help="How much of a room is heard: 0 is none, 1 a cathedral.")]
Seed = Annotated[int, option("--seed", help="Of what is different each time a note is played.", env="seed")]
Output = Annotated[str | None, option("-o", "--output", help="A .wav or .flac file.", metavar="FILE")]
Picture = Annotated[bool, option("--picture", help="Also draw its spectrogram, a PNG beside it.")]
Svg = Annotated[bool, option("--svg", help="Draw it as SVG.")]

_NOTE = re.compile(r"([A-Ga-g])([#b♯♭]?)(-?\d)")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def pitch_of(text: str) -> float:
    """MIDI number of a pitch: A4, Bb3, F#5, 69, 440Hz.

    Raises:
        UsageError: spelled otherwise, or out of range.
    """
    if match := _NOTE.fullmatch(text.strip()):
        found = 12.0 * (int(match[3]) + 1) + _STEPS[match[1].upper()] + {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(match[2], 0)
    else:
        found = _number(text)
    if not 0 <= found <= 127:
        raise UsageError(f"A pitch of {text} is out of range.", "It goes from C-1 to G9, 0 to 127; A4 is 69.")
    return found


def _number(text: str) -> float:
    import math

    plain = text.strip().lower()
    try:
        if plain.endswith("hz"):
            hz = float(plain[:-2])
            return 69 + 12 * math.log2(hz / 440) if hz > 0 else math.nan
        return float(plain)
    except ValueError as error:
        raise UsageError(f"{text!r} is no pitch.", "Write A4, Bb3, F#5, 69 or 440Hz.") from error


def cast_of(text: str | None) -> dict[str, str]:
    """Who plays what: "melody=flute:0.5,violin:0.5,bass=cello" → {"melody": "flute:0.5,violin:0.5", "bass": "cello"}.

    A name alone is for all tracks. What follows a comma without "=" belongs to the track before it.

    Raises:
        UsageError: a track named twice, or without an instrument.
    """
    found: dict[str, str] = {}
    track = "*"
    for piece in filter(None, (part.strip() for part in (text or "").split(","))):
        name, equals, player = (part.strip() for part in piece.rpartition("="))
        if equals and (name in found or not player):
            raise UsageError(
                f"{name!r} is {'named twice' if name in found else 'played by nobody'}.", "Write melody=flute, say."
            )
        track = name if equals else track
        found[track] = f"{found[track]},{player}" if track in found else player
    return found


def target_of(output: str | None, usual: str, bits: int, *, picture: bool, overwrite: bool, svg: bool = False) -> Path:
    """The file to write, after finding out that it can be written.

    Raises:
        UsageError: no sound file by its name, or there already and not of ours.
        NoSpace: the place cannot be written.
    """
    from mapsto.cli.batch import check_place
    from mapsto.media.audio import check_target

    target = Path(output or usual)
    check_target(target, bits)
    check_place(target, overwrite)
    if picture or svg:
        check_place(_drawn(target, svg), overwrite)
    return target


def _drawn(target: Path, svg: bool) -> Path:
    """Where the spectrogram of a sound goes."""
    return target.with_suffix(".svg" if svg else ".png")


def put(
    sound: Sound,
    target: Path,
    settings: Mapping[str, Any],
    voice: Voice,
    since: float,
    *,
    bits: int,
    picture: bool,
    svg: bool = False,
) -> None:
    """Write a sound, and its spectrogram where wanted, and tell.

    Args:
        sound: What.
        target: Where to.
        settings: What the files say of how they were made.
        voice: Where to tell.
        since: When it was begun, by the monotonic clock.
        bits: A sample.
        picture: Draw a spectrogram too.
        svg: As SVG.
    """
    from mapsto.cli.bar import spoken
    from mapsto.files import sha256
    from mapsto.sound.loudness import loudness

    sound.save(target, settings=settings, bits=bits)
    taken, lufs = time.monotonic() - since, loudness(sound)
    voice.outputs.append(
        {
            "path": str(target),
            "length": round(sound.seconds, 3),
            "rate_hz": sound.rate_hz,
            "channels": len(sound.samples),
            "lufs": None if lufs < -200 else round(lufs, 2),
            "seed": settings.get("seed"),
            "seconds": round(taken, 3),
            "sha256": sha256(target),
        }
    )
    voice.result(f"{target}  {sound.seconds:.1f} s of sound  {spoken(taken)}  seed {settings.get('seed')}")
    if picture or svg:
        _put_picture(sound, _drawn(target, svg), settings, voice)


def _put_picture(sound: Sound, target: Path, settings: Mapping[str, Any], voice: Voice) -> None:
    from mapsto.files import sha256
    from mapsto.sound.sonogram import write_spectrogram

    width, height = write_spectrogram(sound, target, settings)
    voice.outputs.append({"path": str(target), "width": width, "height": height, "sha256": sha256(target)})
    voice.result(f"{target}  {width}×{height}  its spectrogram")
