"""`mapsto generate`: new pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mapsto.cli import options
from mapsto.cli.order import File
from mapsto.cli.spots import Spots, spots
from mapsto.cli.voice import Voice, check_stdout, speaking
from mapsto.cli.work import Generate, Sampling, sheet_of_seeds

if TYPE_CHECKING:
    from mapsto.cli.making import Maker
    from mapsto.image.generator import Generator
    from mapsto.media.picture import Picture

Seen: TypeAlias = "Sequence[tuple[int, Picture]]"
"""Pictures and their seeds."""

SHEET_MOST = 400
"""Pictures on a sheet; of more, the first."""


def generate(
    model: options.Model = "portrait",
    n: options.Count = 1,
    seed: options.FirstSeed = 0,
    truncation: options.Truncation = 1.0,
    label: options.Label = None,
    guidance: options.Guidance = 1.0,
    pag: options.Pag = None,
    prior: options.Prior = None,
    steps: options.FlowSteps = 20,
    scale: options.Scale = 1,
    transparent: options.Transparent = False,
    output: options.NewOutput = None,
    format: options.FormatName = None,
    quality: options.Quality = 95,
    strip: options.Strip = False,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Draw new pictures.

    Several come with a sheet of all of them; where -o names a file, only the sheet is written.

    mapsto generate portrait -n 16 --seed 7 --truncation 0.7 -o faces/

    mapsto generate pixel-art -n 64 --scale 8 --transparent
    """
    with speaking("generate", json=json, quiet=quiet, verbose=verbose) as voice:
        work = Generate(
            model=model,
            scale=scale,
            transparent=transparent,
            device=device,
            precision=precision,
            seed=None,
            first=seed,
            n=n,
            how=Sampling(truncation, prior, label, steps, guidance, pag),
        )
        places = spots_of(work, output, format)
        check(work, places, voice, overwrite=overwrite)
        if dry_run:
            return planned(places, voice)
        draw(work, places, File(format, quality, strip), voice)


def spots_of(work: Generate, output: str | None, format: str | None, suffix: str = "") -> Spots:
    """Where the pictures of a work go.

    Args:
        work: Which pictures.
        output: As for -o.
        format: As for --format.
        suffix: What follows the seed in a name.
    """
    stem = Path(work.model).stem
    seeds = range(work.first, work.first + work.n)
    named = [f"{stem}.{seed}{suffix}" for seed in seeds]
    fields = [{"model": stem, "seed": str(seed), "ext": format or "png"} for seed in seeds]
    return spots(output, named, fields, f"{stem}.{seeds[0]}-{seeds[-1]}{suffix}", stem)


def check(work: Generate, places: Spots, voice: Voice, *, overwrite: bool) -> None:
    """Find out before anything heavy is loaded what would go wrong.

    Raises:
        MapstoError: of the model, or of the places.
    """
    from mapsto.cli.batch import check_target
    from mapsto.cli.making import check_model

    check_model(work)
    for target in places.files:
        check_target(target, overwrite)
    if places.streams:
        check_stdout(voice)


def planned(places: Spots, voice: Voice) -> None:
    """What would be written."""
    names = [str(path) for path in places.files] or ["-"]
    for name in names:
        voice.result(name if name != "-" else "standard output")
    voice.data["planned"] = [{"path": name} for name in names]


def draw(work: Generate, places: Spots, file: File, voice: Voice) -> None:
    """Draw, and write as it comes."""
    from mapsto.cli.making import Maker

    maker = Maker(work, file, voice)
    used = maker.used(work)
    drawn = one_by_one(used, maker.generator)
    made = ((seed, picture, maker.settings(replace(used, seed=seed)), since) for seed, picture, since in drawn)

    def sheet(seen: Seen) -> tuple[Picture, dict[str, Any]]:
        return sheet_of_seeds(seen), maker.settings(replace(used, n=len(seen)))

    write_all(made, used, places, maker, sheet)


def one_by_one(work: Generate, generator: Generator) -> Iterator[tuple[int, Picture, float]]:
    """Seeds, pictures, and when each was begun, had the time of its batch been shared out."""
    since = time.monotonic()
    for seeds, pictures in work.batches(generator):
        share = (time.monotonic() - since) / len(pictures)
        for seed, picture in zip(seeds, pictures, strict=True):
            yield seed, picture, time.monotonic() - share
        since = time.monotonic()


def write_all(
    made: Iterable[tuple[int, Picture, dict[str, Any], float]],
    work: Generate,
    places: Spots,
    maker: Maker,
    sheet: Callable[[Seen], tuple[Picture, dict[str, Any]]],
) -> None:
    """Write pictures as they come, then their sheet; Ctrl-C keeps what is done.

    Args:
        made: Seeds, pictures, what their files say, and when each was begun.
        work: What they are of.
        places: Where they go.
        maker: Writes them.
        sheet: Seeds and pictures → the sheet, and what its file says.
    """
    from mapsto.cli.bar import Bar
    from mapsto.cli.batch import stopped_at

    voice, done, seen, begun = maker.voice, 0, list[tuple[int, "Picture"]](), time.monotonic()
    with Bar(work.n, hidden=voice.quiet or voice.json) as bar:
        bar.show(0, "drawing")
        try:
            for seed, picture, settings, since in made:
                if places.each is not None:
                    target = places.each[seed - work.first]
                    maker.put(settings, [(picture, 0.0)], target, since, size=picture.size, seed=seed)
                    done += 1
                if places.has_sheet and len(seen) < SHEET_MOST:
                    seen.append((seed, picture))
                bar.show(seed - work.first + 1, f"picture {seed - work.first + 1} of {work.n}")
            if places.has_sheet:
                since = begun if places.each is None else time.monotonic()
                _write_sheet(sheet(seen), seen, places, maker, since)
        except KeyboardInterrupt:
            voice.fail(stopped_at(done, work.n))


def _write_sheet(sheet: tuple[Picture, dict[str, Any]], seen: Seen, places: Spots, maker: Maker, since: float) -> None:
    page, settings = sheet
    told = f"{len(seen)} pictures, seeds {seen[0][0]} to {seen[-1][0]}"
    maker.put(settings, [(page, 0.0)], places.sheet, since, size=page.size, seed=seen[0][0], note=told)
