"""`mapsto compose`: new music."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto.cli import former, options
from mapsto.cli.composition import Composition, composition_of
from mapsto.cli.former import Wish
from mapsto.cli.voice import Voice, speaking
from mapsto.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from mapsto.sound.score import Score

PLAYED = (".wav", ".flac")
INSTRUMENTS = "instruments"
"""The weights of those who play; see `mapsto.sound.instrument`."""


def compose(
    styles: Annotated[
        str | None, typer.Argument(metavar="STYLE", show_default=False, help="A style, or several: ragtime:0.6,lied:0.4.")
    ] = None,
    path: Annotated[str | None, options.option("--path", help="Styles by bars: 'lied@1, ragtime@9'.", metavar="PATH")] = None,
    bars: Annotated[int, options.option("--bars", help="How many.")] = 16,
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
    temperature: Annotated[float, options.option("--temperature", help="1 is as varied as what was learned.")] = 0.95,
    guidance: Annotated[float, options.option("--guidance", help="How much to lean towards the style; 1 is plain.")] = 1.25,
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
    """
    with speaking("compose", json=json, quiet=quiet, verbose=verbose) as voice:
        way, given = _way(styles, path, continued, variation, morph)
        work = Composition(
            way,
            path if way == "path" else styles,
            bars,
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
        )
        targets = targets_of(output, work, given, wav=wav, score=score)
        _check(targets, given, overwrite=overwrite)
        write(work, given, targets, voice)


def _way(
    styles: str | None, path: str | None, continued: Path | None, variation: Path | None, morph: tuple[Path, Path] | None
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
            raise UsageError("A style is needed.", "As in: mapsto compose ragtime. `mapsto styles --music` lists the names.")
        return "blend", []
    return found[0], [piece for piece in asked[found[0]][1] if piece is not None]


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


def write(work: Composition, given: list[Path], targets: list[Path], voice: Voice) -> Score:
    """Compose, and write what is wanted of it."""
    from mapsto import device, weights
    from mapsto.cli.bar import Bar
    from mapsto.sound.composer import Composer, check_bars
    from mapsto.sound.score import Score

    check_bars(work.bars)
    device.set_threads(1)  # its products are so small that two threads would wait for each other most of the time
    since = time.monotonic()
    scores = [Score.read(path) for path in given]
    composer = Composer.from_pretrained(work.model)
    with Bar(hidden=voice.quiet or voice.json) as bar:
        piece = work.composed(composer, scores, lambda done, of: bar.show(done / of, f"bar {done} of {of}"))
    piece = replace(piece, settings=work.settings(given, {work.model: weights.digest(work.model)}))
    for target in targets:
        piece.save(target)
        _tell(piece, target, work.seed, time.monotonic() - since, voice)
    return piece


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
    if not isinstance(before, dict) or before.get(work.model) != weights.digest(work.model):
        voice.warn(f"The weights {work.model} are not those of then: notes will differ.")
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
