"""`mapsto play`: a score becomes sound."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto.cli import options, sounding
from mapsto.cli.options import option
from mapsto.cli.voice import Voice, speaking

if TYPE_CHECKING:
    from mapsto.media.audio import Sound
    from mapsto.sound.score import Score


def play(
    file: Annotated[Path, typer.Argument(metavar="SCORE", show_default=False, help="A MIDI file.")],
    instruments: Annotated[
        str | None,
        option("--instruments", help="Who plays: 'flute' for all, or 'melody=flute,bass=cello'.", metavar="TRACK=NAME,…"),
    ] = None,
    soundfont: Annotated[
        Path | None, option("--soundfont", help="Play it with a soundfont of yours, by FluidSynth.", metavar="SF2")
    ] = None,
    seed: sounding.Seed = 0,
    room: sounding.Room = 0.15,
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
    """Play a score with Mapsto's instruments, or with a soundfont.

    mapsto play tune.mid --instruments "melody=flute,bass=cello" -o tune.wav

    mapsto play tune.mid --soundfont grand.sf2
    """
    with speaking("play", json=json, quiet=quiet, verbose=verbose) as voice:
        from mapsto.media.midi import read_midi
        from mapsto.sound.standins import stand_ins

        target = sounding.target_of(output, f"{file.stem}.wav", bits, picture=picture, svg=svg, overwrite=overwrite)
        cast = sounding.cast_of(instruments)
        (score, remarks), since = read_midi(file), time.monotonic()
        for line in (*remarks, *map(str, stand_ins(score, cast))) if soundfont is None else ():
            voice.warn(line)
        made = _by_soundfont(file, soundfont) if soundfont else _by_ours(score, cast, seed, room, model, voice)
        settings = _settings(file, cast, seed, room, model, soundfont)
        sounding.put(made, target, settings, voice, since, bits=bits, picture=picture, svg=svg)


def _by_ours(score: Score, cast: dict[str, str], seed: int, room: float, model: str, voice: Voice) -> Sound:
    from mapsto.cli.bar import Bar
    from mapsto.sound.bands import EMBEDDED
    from mapsto.sound.instrument import Instruments
    from mapsto.sound.render import Played, render

    band = None if model == EMBEDDED else Instruments.from_pretrained(model)
    with Bar(len(score.tracks), hidden=voice.quiet or voice.json) as bar:

        def show(played: Played) -> None:
            bar.show(played.done, f"track {played.done} of {played.total}")

        return render(score, cast, seed=seed, room=room, band=band, on_progress=show)


def _by_soundfont(file: Path, soundfont: Path) -> Sound:
    from mapsto.sound import fluid
    from mapsto.sound.loudness import normalised

    return normalised(fluid.play(file, soundfont).audible(f"{file.name} by {soundfont.name}"))


def _models(cast: dict[str, str], model: str) -> list[str]:
    """The weights of those who play."""
    from mapsto.sound import bands

    own = [bands.model_of(player) for player in cast.values()] if model == bands.EMBEDDED else []
    return list(dict.fromkeys([model, *own]))


def _settings(file: Path, cast: dict[str, str], seed: int, room: float, model: str, soundfont: Path | None) -> dict[str, Any]:
    import torch

    import mapsto
    from mapsto import weights
    from mapsto.files import sha256

    told = {"mapsto": mapsto.__version__, "command": "play", "source": {"name": file.name, "sha256": sha256(file)}}
    if soundfont is not None:
        return {**told, "soundfont": {"name": soundfont.name, "sha256": sha256(soundfont)}}
    digests = {name: weights.digest(name) for name in (*_models(cast, model), "drums")}
    return {**told, "instruments": cast, "seed": seed, "room": room, "weights": digests, "torch": torch.__version__}
