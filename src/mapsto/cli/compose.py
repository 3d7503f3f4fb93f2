"""`mapsto compose`: new music."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto.cli import former, options
from mapsto.cli.composition import DRUMMER, Composition, composition_of
from mapsto.cli.former import Wish
from mapsto.cli.voice import Voice, speaking
from mapsto.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from mapsto.sound.composer import Composer
    from mapsto.sound.score import Score

PLAYED = (".wav", ".flac")
BARS = 16
"""How many there are where nothing is said."""

FAST, LEAST_QUARTERS = 160.0, 3
"""No style is used to a faster tempo, in quarter notes a minute, or to shorter bars."""

INSTRUMENTS = "instruments"
"""The weights of those who play; see `mapsto.sound.instrument`."""


def compose(
    styles: Annotated[
        str | None, typer.Argument(metavar="STYLE", show_default=False, help="A style, or several: ragtime:0.6,lied:0.4.")
    ] = None,
    path: Annotated[str | None, options.option("--path", help="Styles by bars: 'lied@1, ragtime@9'.", metavar="PATH")] = None,
    bars: Annotated[int | None, options.option("--bars", help="How many; 16 by default.")] = None,
    continued: Annotated[
        Path | None, options.option("--continue", help="Go on after a piece of yours.", metavar="MIDI")
    ] = None,
    variation: Annotated[Path | None, options.option("--variation", help="Change a piece of yours.", metavar="MIDI")] = None,
    amount: Annotated[float, options.option("--amount", help="Of a variation: 0 changes nothing, 1 most.")] = 0.3,
    morph: Annotated[
        tuple[Path, Path] | None, options.option("--morph", help="From one piece to another.", metavar="MIDI MIDI")
    ] = None,
    key: Annotated[str | None, options.option("--key", help="As D, Bb or F#m; by default by the seed.")] = None,
    meter: Annotated[
        str | None, options.option("--meter", help="By default as the style has it.", metavar="4/4|3/4|6/8")
    ] = None,
    tempo: Annotated[float | None, options.option("--tempo", help="Quarter notes a minute.")] = None,
    density: Annotated[float | None, options.option("--density", help="Notes in a bar.")] = None,
    blend: Annotated[
        str,
        options.option(
            "--blend", help="product: what all styles allow; mixture: now one, now another.", metavar="product|mixture"
        ),
    ] = "product",
    voices: Annotated[
        str | None, options.option("--voices", help="Styles of single voices: bass=ragtime,alto=lied.", metavar="VOICE=STYLE,…")
    ] = None,
    form: Annotated[
        str | None, options.option("--form", help="What comes back: aaba, abab, pairs or free.", metavar="FORM")
    ] = None,
    temperature: Annotated[float, options.option("--temperature", help="1 is as varied as what was learned.")] = 1.0,
    guidance: Annotated[float, options.option("--guidance", help="1 follows the styles, more exaggerates.")] = 2.0,
    instruments: Annotated[
        str | None,
        options.option(
            "--instruments", help="Who plays: 'flute' for all, or 'melody=flute,bass=cello'.", metavar="TRACK=NAME,…"
        ),
    ] = None,
    drums: Annotated[
        str | None,
        options.option("--drums", help="Drums beside it: rock, funk, jazz, latin …, or rock:0.6,funk:0.4.", metavar="STYLE"),
    ] = None,
    seed: Annotated[int, options.option("--seed", help="Of the piece.", env="seed")] = 0,
    model: Annotated[str, options.option("--model", help="Who composes.")] = "scores",
    wav: Annotated[bool, options.option("--wav", help="Also play it into a WAV file.")] = False,
    score: Annotated[bool, options.option("--score", help="Also draw it: a piano roll.")] = False,
    output: Annotated[
        str | None, options.option("-o", "--output", help="A .mid, .musicxml, .wav, .flac, .png or .svg file.", metavar="FILE")
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Compose music: in a style, between styles, after a piece of yours.

    mapsto compose "ragtime:0.6,lied:0.4" --bars 16 --seed 3 -o tune.mid --wav --score

    mapsto compose --path "lied@1, ragtime@9, polish-dance@16" --key D --tempo 96

    mapsto compose ragtime --continue mine.mid --bars 8

    mapsto compose --variation mine.mid --amount 0.3

    mapsto compose ragtime --drums neworleans --wav
    """
    with speaking("compose", json=json, quiet=quiet, verbose=verbose) as voice:
        way, given = _way(styles, path, continued, variation, morph, model)
        work = Composition(
            way,
            path if way == "path" else styles,
            _bars(way, bars),
            seed,
            amount,
            model,
            meter,
            key,
            tempo,
            blend,
            temperature,
            guidance,
            density,
            voices,
            form,
            instruments,
            drums,
        )
        _check_drums(work)
        targets = targets_of(output, work, given, wav=wav, score=score)
        _check(targets, given, overwrite=overwrite)
        _check_players(work)
        write(work, given, targets, voice)


def _way(
    styles: str | None,
    path: str | None,
    continued: Path | None,
    variation: Path | None,
    morph: tuple[Path, Path] | None,
    model: str,
) -> tuple[str, list[Path]]:
    """Which way of composing is meant, and the pieces it starts from.

    Raises:
        UsageError: none, or two at once.
    """
    asked: dict[str, tuple[bool, list[Path | None]]] = {
        "path": (path is not None, []),
        "continue": (continued is not None, [continued]),
        "variation": (variation is not None, [variation]),
        "morph": (morph is not None, list(morph or ())),
    }
    found = [name for name, (is_asked, _) in asked.items() if is_asked]
    if len(found) > 1 or (styles is not None and found and found[0] in ("path", "morph")):
        both = " and ".join(f"--{name}" for name in found) if len(found) > 1 else f"a style and --{found[0]}"
        raise UsageError(f"It cannot be {both} at once.", "Choose one.")
    if not found:
        if styles is None:
            raise UsageError("A style is needed.", f"As in: mapsto compose ragtime. There are {', '.join(_styles(model))}.")
        return "blend", []
    return found[0], [piece for piece in asked[found[0]][1] if piece is not None]


def _styles(model: str) -> list[str]:
    """Those that a composer knows.

    Raises:
        WeightsError: there is no such composer.
    """
    from mapsto import weights

    return [str(style) for style in weights.card(model)["arguments"].get("styles", [])]


def _bars(way: str, bars: int | None) -> int:
    """How many bars are composed.

    Raises:
        UsageError: a variation of another length than the piece.
    """
    if way == "variation" and bars is not None:
        raise UsageError("A variation is as long as the piece.", "Leave --bars out, or go on after the piece with --continue.")
    return BARS if bars is None else bars


def _check_drums(work: Composition) -> None:
    """Refuse drums that cannot be before anything is composed.

    Raises:
        UsageError: an unknown style, or a meter without drums.
        WeightsError: there is no drummer.
    """
    if work.drums is None:
        return
    from mapsto.sound.blends import row_of
    from mapsto.sound.drumming import check_meter
    from mapsto.sound.score import Meter

    row_of(work.drums, _styles(DRUMMER))
    if work.meter is not None:
        check_meter(Meter.of(work.meter))


def targets_of(output: str | None, work: Composition, given: list[Path], *, wav: bool, score: bool) -> list[Path]:
    """The files that will be written, the first of them the piece."""
    if output is None:
        stem = (
            given[0].stem
            if given
            else "-".join(part.split(":")[0].split("@")[0].strip() for part in (work.styles or "").split(","))
        )
        first = Path(f"{stem}.{work.way}.{work.seed}.mid" if given else f"{stem}.{work.seed}.mid")
    else:
        first = Path(output)
    more = [suffix for suffix, wanted in ((".wav", wav), (".png", score)) if wanted and suffix != first.suffix.lower()]
    return [first, *(first.with_suffix(suffix) for suffix in more)]


def _check(targets: list[Path], given: list[Path], *, overwrite: bool) -> None:
    """Find out before anything is composed whether it can be written.

    Raises:
        MapstoError: of a place, its suffix, or a piece that would be replaced by what is made from it.
    """
    from mapsto import weights
    from mapsto.cli.batch import check_place
    from mapsto.sound.score import check_suffix

    for target in targets:
        check_suffix(target)
        if any(target.resolve() == piece.resolve() for piece in given):
            raise UsageError(f"{target} would be replaced by what is made from it.", "Choose another name with -o.")
        if target.suffix.lower() in PLAYED:
            weights.resolve(INSTRUMENTS)
        check_place(target, overwrite)


def _check_players(work: Composition) -> None:
    """Find out the same of who is to play.

    Raises:
        UsageError: an instrument that is not there, or a track that no new piece has.
    """
    from mapsto.cli.sounding import cast_of
    from mapsto.sound import bands
    from mapsto.sound.score import VOICES

    for name, player in cast_of(work.instruments).items():
        if work.way in ("blend", "path") and name not in (*VOICES, "*"):
            raise UsageError(f"There is no track called {name!r}.", f"There are {', '.join(VOICES)}.")
        bands.model_of(player)


def write(work: Composition, given: list[Path], targets: list[Path], voice: Voice) -> Score:
    """Compose, and write what is wanted of it."""
    from mapsto import device, weights
    from mapsto.cli.bar import Bar
    from mapsto.sound.composer import Composer
    from mapsto.sound.manner import check_bars

    check_bars(work.bars)
    device.set_threads(1)  # its products are so small that two threads would wait for each other most of the time
    since = time.monotonic()
    scores = [_read(path, voice) for path in given]
    composer = Composer.from_pretrained(work.model)
    if any(target.suffix.lower() in PLAYED for target in targets):
        _check_length(work, composer, scores)
    with Bar(hidden=voice.quiet or voice.json) as bar:
        piece = work.composed(composer, scores, lambda done, of: bar.show(done / of, f"bar {done} of {of}"))
    piece = replace(piece, settings=work.settings(given, {name: weights.digest(name) for name in work.weights}))
    if any(target.suffix.lower() in PLAYED for target in targets):
        from mapsto.sound.standins import stand_ins

        for each in stand_ins(piece, {}):
            voice.warn(str(each))
    for target in targets:
        piece.save(target)
        _tell(piece, target, work.seed, time.monotonic() - since, voice)
    return piece


def _read(path: Path, voice: Voice) -> Score:
    """A piece; what could not be kept of it is told."""
    from mapsto.media.midi import read_midi

    score, remarks = read_midi(path)
    for line in remarks:
        voice.warn(f"{path}: {line}")
    return score


def _check_length(work: Composition, composer: Composer, given: list[Score]) -> None:
    """Refuse what would take hours to compose and then be too long to be played.

    Raises:
        UsageError: surely longer than what is played, as nearly as it can be told before.
    """
    from mapsto.sound.render import LONGEST_SECONDS

    bars = work.bars + sum(score.bars for score in given) if work.way == "continue" else work.bars
    tempo = work.tempo_bpm or (given[0].tempo_bpm if given else FAST)
    seconds = bars * LEAST_QUARTERS * 60 / tempo
    if work.way != "variation" and seconds > LONGEST_SECONDS:
        most = f"at most {LONGEST_SECONDS / 60:.0f} minutes are played"
        raise UsageError(f"{bars:,} bars take {seconds / 60:.0f} minutes or more, and {most}.", "Ask for fewer, or for a .mid.")


def _tell(piece: Score, target: Path, seed: int, seconds: float, voice: Voice) -> None:
    from mapsto.cli.bar import spoken
    from mapsto.files import sha256

    notes = sum(len(track.notes) for track in piece.tracks)
    voice.outputs.append(
        {
            "path": str(target),
            "bars": piece.bars,
            "notes": notes,
            "key": piece.key,
            "meter": str(piece.meter),
            "tempo_bpm": piece.tempo_bpm,
            "seed": seed,
            "seconds": round(seconds, 3),
            "sha256": sha256(target),
        }
    )
    voice.result(f"{target}  {piece.bars} bars in {piece.key}, {piece.meter}  {spoken(seconds)}  seed {seed}")


def compose_again(wish: Wish, voice: Voice) -> None:
    """Compose a piece once more, and say whether it is the same."""
    from mapsto.cli.batch import check_place
    from mapsto.files import sha256

    work = composition_of(wish.settings)
    given = _sources(wish, work.way)
    target = Path(wish.output) if wish.output else wish.made.with_name(f"{wish.made.stem}.redo{wish.made.suffix}")
    check_place(target, wish.overwrite)
    _warn_of_changes(work, wish.settings, voice)
    write(work, given, [target], voice)
    same = sha256(target) == sha256(wish.made)
    voice.data["identical"] = same
    if same:
        voice.note(f"It is identical to {wish.made}.")
    else:
        voice.warn(f"It is not identical to {wish.made}.")


def _warn_of_changes(work: Composition, settings: dict[str, Any], voice: Voice) -> None:
    """Tell what differs from then, and so may make notes differ."""
    import torch

    import mapsto
    from mapsto import weights

    before = settings.get("weights")
    for name in work.weights:
        if not isinstance(before, dict) or before.get(name) != weights.digest(name):
            voice.warn(f"The weights {name} are not those of then: notes will differ.")
    for name, then, now in (("Mapsto", "mapsto", mapsto.__version__), ("PyTorch", "torch", torch.__version__)):
        if settings.get(then) != now:
            voice.warn(f"It was composed with {name} {settings.get(then)}, and this is {now}: notes may differ.")


def _sources(wish: Wish, way: str) -> list[Path]:
    """The pieces it was made from in some way, beside it or here.

    Raises:
        UnreadableInput: the settings are damaged.
        UsageError: one is gone.
    """
    sources = wish.settings.get("sources", [])
    needed = {"continue": 1, "variation": 1, "morph": 2}.get(way, 0)
    if not (isinstance(sources, list) and len(sources) == needed and all(isinstance(each, dict) for each in sources)):
        raise UnreadableInput("The settings in this file are damaged.", "Only files made by Mapsto can be repeated.")
    found = []
    for source in sources:
        name, digest = Path(str(source.get("name", ""))).name, str(source.get("sha256", ""))
        places = [folder / name for folder in (wish.made.parent, Path())]
        there = next((place for place in places if former.is_file(place, digest)), None)
        if there is None:
            raise UsageError(f"{name}, which it was made from, is not beside {wish.made}.", "Put it back.")
        found.append(there)
    return found
