"""`mapsto sound`: one note of an instrument, of several mixed, or on its way from one to another."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto.cli import options, sounding
from mapsto.cli.options import option
from mapsto.cli.voice import Voice, speaking
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.media.audio import Sound
    from mapsto.sound.instrument import Asked, Instruments


def sound(
    timbre: Annotated[
        str | None,
        typer.Argument(metavar="INSTRUMENT", show_default=False, help="A name, or several: 'flute:0.5,violin:0.5'."),
    ] = None,
    path: Annotated[
        str | None, option("--path", help="Go from one instrument to the next: 'flute, trumpet'.", metavar="PATH")
    ] = None,
    pitch: Annotated[str, option("--pitch", help="A4, Bb3, 69 or 440Hz.", metavar="PITCH")] = "A4",
    seconds: Annotated[float, option("--seconds", help="The note is held.")] = 2.0,
    velocity: Annotated[float, option("--velocity", help="How hard it is played, from 0 to 1.")] = 0.7,
    seed: sounding.Seed = 0,
    room: sounding.Room = 0.0,
    model: Annotated[str, option("--model", help="The instruments, by name or file.", metavar="MODEL")] = "instruments",
    output: sounding.Output = None,
    bits: sounding.Bits = 16,
    picture: sounding.Picture = False,
    svg: sounding.Svg = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Play one note; without an instrument, list those there are.

    mapsto sound "flute:0.5,violin:0.5" --pitch A4 --seconds 2 -o note.wav

    mapsto sound --path "flute, trumpet" --pitch C4 --seconds 6
    """
    with speaking("sound", json=json, quiet=quiet, verbose=verbose) as voice:
        if timbre is None and path is None:
            return _listed(model, voice)
        if timbre is not None and path is not None:
            raise UsageError("It cannot be an instrument and --path at once.", "Choose one.")
        usual = f"{_stem(timbre or path or '')}.{pitch}.wav"
        target = sounding.target_of(output, usual, bits, picture=picture, svg=svg, overwrite=overwrite)
        from mapsto.sound.instrument import Asked

        asked = Asked(sounding.pitch_of(pitch), seconds, velocity, seed)
        since = time.monotonic()
        made, settings = _made(asked, timbre, path, room, model)
        sounding.put(made, target, settings, voice, since, bits=bits, picture=picture, svg=svg)


def _listed(model: str, voice: Voice) -> None:
    from mapsto import weights
    from mapsto.sound import bands

    names = bands.names() if model == bands.EMBEDDED else weights.card(model)["arguments"].get("names", [])
    voice.data["instruments"] = names
    for name in names:
        voice.result(name)


def _made(asked: Asked, timbre: str | None, path: str | None, room: float, model: str) -> tuple[Sound, dict[str, Any]]:
    """The sound, and what its file says."""
    import torch

    import mapsto
    from mapsto import weights
    from mapsto.media.audio import Sound
    from mapsto.sound import bands
    from mapsto.sound.analysis import RATE_HZ
    from mapsto.sound.instrument import Instruments
    from mapsto.sound.loudness import normalised
    from mapsto.sound.room import in_room, placed

    if model == bands.EMBEDDED:
        model = bands.model_of((timbre or "") if path is None else dict.fromkeys(_names(path), 1.0))
    band = Instruments.from_pretrained(model)
    note = _morphed(band, path, asked) if path is not None else band.notes(band.timbre(timbre or ""), [asked])[0]
    whole = in_room(placed(note, 0.0), room) if room else note[None]
    settings = {
        "mapsto": mapsto.__version__,
        "command": "sound",
        **({"instrument": timbre} if path is None else {"path": path}),
        "pitch": asked.pitch,
        "length": asked.seconds,
        "velocity": asked.velocity,
        "seed": asked.seed,
        "room": room,
        "weights": {model: weights.digest(model)},
        "torch": torch.__version__,
    }
    return normalised(Sound(whole.numpy(), RATE_HZ)), settings


def _morphed(band: Instruments, path: str, asked: Asked) -> Any:
    names = _names(path)
    if len(names) < 2:
        raise UsageError(f"The path {path!r} goes nowhere.", "Name two instruments or more: 'flute, trumpet'.")
    return band.morph(band.between([band.timbre(name) for name in names], pitch=asked.pitch, velocity=asked.velocity), asked)


def _names(path: str) -> list[str]:
    return [part for part in (piece.strip() for piece in path.split(",")) if part]


def _stem(text: str) -> str:
    """A name for the file: "flute:0.5,violin:0.5" → "flute-violin"."""
    return "-".join(filter(None, (re.sub(r"[^\w-]", "", piece.partition(":")[0]) for piece in text.split(",")))) or "note"
