"""`mapsto stream`: raw frames in, painted frames out, for pipes between other programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from mapsto.cli import footage, options
from mapsto.cli.order import Order, ingredients
from mapsto.cli.voice import Voice, check_stdout, give_up_stdout, speaking
from mapsto.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from mapsto.video.frames import FramePainter

LARGEST = 8192
"""Pixels of a side."""

FASTEST = 240


def stream(
    size: Annotated[str, typer.Argument(metavar="WxH", show_default=False, help="Of the frames, as 1280x720.")],
    style: Annotated[
        str,
        typer.Argument(metavar="STYLE", show_default=False, help="As for `mapsto style`.", autocompletion=options.style_names),
    ],
    strength: options.Strength = 1.0,
    keep_colors: options.KeepColors = False,
    seed: options.Seed = 0,
    stability: footage.Stability = 0.8,
    work_size: footage.WorkSize = "auto",
    engine: footage.Engine = "torch",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    weights: options.Weights = "style-s",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Paint raw video (rgb24) from standard input to standard output, frame by frame, as it comes.

    ffmpeg -i in.mp4 -f rawvideo -pix_fmt rgb24 - | mapsto stream 1280x720 ink | ffplay -f rawvideo -pixel_format rgb24
    -video_size 1280x720 -
    """
    with speaking("stream", json=False, quiet=quiet, verbose=verbose) as voice:
        box, shot = box_of(size), footage.Footage(stability, work_size=work_size, engine=engine)
        check_stdout(voice)
        from mapsto.image.styles import names, parts_of

        order = Order(strength, keep_colors, None, seed, device=device, precision=precision, weights=weights)
        order = footage.steady(order, shot)
        parts = parts_of(style, names(weights))
        painter, since = _painter(order, ingredients(parts, network=order.weights), shot, box), time.monotonic()
        done = 0
        for frame in frames(sys.stdin.buffer, box):
            if not _pour(painter(frame, 0.0)):
                return
            done += 1
        seconds = max(1e-3, time.monotonic() - since)
        _tell(voice, done, seconds)


def box_of(text: str) -> tuple[int, int]:
    """Width and height.

    Raises:
        UsageError: not a size of frames.
    """
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 16):
        raise UsageError(f"{text!r} is no size of frames.", "Write it as 1280x720, 16 or more each.")
    if max(int(width), int(height)) > LARGEST:
        raise UsageError(f"Frames of {text} are too large.", f"{LARGEST} pixels a side are the most.")
    return int(width), int(height)


def frames(source: BinaryIO, size: tuple[int, int]) -> Iterator[Any]:
    """Frames [H, W, 3] uint8 as they come.

    Raises:
        UnreadableInput: it ends in the middle of one.
    """
    import numpy as np

    wanted = size[0] * size[1] * 3
    while data := source.read(wanted):
        if len(data) < wanted:
            raise UnreadableInput(
                f"The stream ended in the middle of a frame: {len(data)} of {wanted} bytes.",
                f"Are the frames {size[0]}x{size[1]} in rgb24?",
            )
        yield np.frombuffer(data, np.uint8).reshape(size[1], size[0], 3)


def _pour(frame: Any) -> bool:
    """Write a frame; whether somebody reads on."""
    try:
        sys.stdout.buffer.write(frame.tobytes())
        sys.stdout.buffer.flush()
    except OSError as error:
        give_up_stdout()
        if isinstance(error, BrokenPipeError):
            return False
        raise
    return True


def _painter(order: Order, style: Any, shot: footage.Footage, size: tuple[int, int]) -> FramePainter:
    from mapsto.cli.filming import shortened
    from mapsto.cli.painting import Painter
    from mapsto.image.track import Track
    from mapsto.video.frames import FramePainter, Way

    painter = Painter(order, style)
    vector = shortened(painter.vector, order.strength)
    way = Way(size, shot.work(size), order.seed, order.keep_colors, shot.stability, engine=shot.engine)
    return FramePainter(painter.stylizer, Track.still(vector), way)


def _tell(voice: Voice, done: int, seconds: float) -> None:
    voice.note(f"{done} frames, {done / seconds:.3g} a second")
