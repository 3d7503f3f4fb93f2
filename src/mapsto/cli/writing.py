"""From pictures to files: stills, animations, films, or standard output."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from mapsto.cli.order import File
from mapsto.cli.voice import give_up_stdout
from mapsto.media import animation, encoding, video
from mapsto.media.picture import Picture

Frame = tuple[Picture, float]
"""A picture, and the milliseconds it stands."""


def holds_animation(target: Path | None, format: str | None) -> bool:
    """Whether a file of that name can hold an animation."""
    name = encoding.format_named(format or "png").name if target is None else encoding.format_of(target).name
    return name in ("GIF", "WEBP", "PNG")


def write(
    frames: Iterable[Frame], target: Path | None, file: File, settings: Mapping[str, Any], *, loop: int | None = None
) -> tuple[str, ...]:
    """Write a picture, an animation or a film to a file, or to standard output.

    Args:
        frames: One for a still; all of one size.
        target: None is standard output.
        file: How.
        settings: What the file should say of itself.
        loop: How often an animation is played; 0 is forever. None for a still.

    Returns:
        What was lost, in sentences for people.
    """
    if target is not None:
        return _write_file(frames, target, file, settings, loop)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"picture.{file.format or 'png'}")
        lost = _write_file(frames, path, file, settings, loop)
        _pour(path, sys.stdout.buffer)
    return lost


def _write_file(
    frames: Iterable[Frame], target: Path, file: File, settings: Mapping[str, Any], loop: int | None
) -> tuple[str, ...]:
    options: dict[str, Any] = {"quality": file.quality, "settings": settings, "strip": file.strip}
    shown = iter(frames)
    if loop is None:
        return next(shown)[0].save(target, **options)
    if not video.is_film(target):
        return animation.write_animation(target, shown, loop=loop, **options)
    first, stands_ms = next(shown)
    return video.write_video(target, chain([first], (picture for picture, _ in shown)), fps=1000 / stands_ms, **options)


def _pour(path: Path, out: BinaryIO) -> None:
    try:
        out.write(path.read_bytes())
        out.flush()
    except OSError:
        give_up_stdout()
        raise
