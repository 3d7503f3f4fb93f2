"""`mapsto preview`: one frame of a clip as it will be painted, before the long job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mapsto.cli import footage, options
from mapsto.cli.options import option
from mapsto.cli.order import File, Order, ingredients
from mapsto.cli.plan import slug
from mapsto.cli.voice import speaking
from mapsto.errors import UsageError


def preview(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", show_default=False, help="A film.")],
    style: Annotated[
        str,
        typer.Argument(metavar="STYLE", show_default=False, help="As for `mapsto style`.", autocompletion=options.style_names),
    ],
    at: Annotated[str, option("--at", help="Which moment: 3s, 500ms or 1:02.", metavar="TIME")] = "0s",
    output: Annotated[str | None, option("-o", "--output", help="A picture file.", metavar="FILE")] = None,
    strength: options.Strength = 1.0,
    keep_colors: options.KeepColors = False,
    size: options.Size = None,
    seed: options.Seed = 0,
    stability: footage.Stability = 0.8,
    work_size: footage.WorkSize = "auto",
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    weights: options.Weights = "style-s",
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Paint one frame of a clip as `mapsto style` will, with what it takes over from the frames before.

    mapsto preview clip.mp4 ink --at 3s
    """
    with speaking("preview", json=json, quiet=quiet, verbose=verbose) as voice:
        from mapsto.cli.batch import check_target
        from mapsto.cli.filming import Filming, index_at, still_track
        from mapsto.image.styles import names, parts_of
        from mapsto.image.timeline import seconds_of
        from mapsto.media.clip import probe

        shot = footage.Footage(stability, work_size=work_size)
        order = footage.steady(
            Order(strength, keep_colors, size, seed, device=device, precision=precision, weights=weights), shot
        )
        parts, moment, film = parts_of(style, names(weights)), seconds_of(at), probe(clip)
        if moment is None or moment > film.duration:
            raise UsageError(f"{at!r} is no time of {clip}.", f"It lasts {film.duration:.3g} s; write 3s, 500ms or 1:02.")
        target = Path(output) if output is not None else clip.with_name(f"{clip.stem}.{slug(style)}.preview.png")
        check_target(target, overwrite)
        from mapsto.cli.painting import Painter

        painter = Painter(order, ingredients(parts, network=order.weights))
        filming = Filming(painter, still_track, shot, footage.Hands(), File(), voice, {"command": "style"})
        filming.paint_one(film, index_at(film, moment), target)
