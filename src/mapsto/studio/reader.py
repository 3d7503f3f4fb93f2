"""A process that opens files nobody trusts: what they are, their settings, their thumbnails; and the cards of weights.

It may use only so much memory, and who asks it ends it when it takes too long. Nothing here imports torch.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from mapsto.errors import MapstoError, UnreadableInput
from mapsto.studio import pipe
from mapsto.studio.pipe import Frame, Said

MEMORY = 3 << 30
"""Bytes of address space."""

MOST_PIXELS = 24_000_000
"""Of an upload, where nobody says otherwise."""

MOST_FRAMES_PIXELS = 1_000_000_000
"""Of all frames of an animation."""

LONGEST_SOUND = 3600.0
LONGEST_FILM = 4 * 3600.0
THUMB = 512
"""Longer side of a thumbnail that is kept, in pixels."""

SUFFIXES = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "TIFF": "tif",
    "GIF": "gif",
    "BMP": "bmp",
    "PPM": "ppm",
    "AVIF": "avif",
}


def answer(said: Said, payload: bytes) -> Frame:
    """One question; `do` says which."""
    question = said.pop("do")
    if question == "describe":
        return describe(Path(said["path"]), Path(said["thumb"]), said["most"]), b""
    if question == "thumbnail":
        return {}, thumbnail(Path(said["path"]), said["side"])
    if question == "cards":
        from mapsto.studio import cards

        return {"cards": getattr(cards, said["of"])(**said.get("with", {}))}, b""
    if question == "notes":
        from mapsto.sound.score import Score
        from mapsto.studio.previewer import told_of

        return told_of(Score.read(said["path"])), b""
    if question == "dataset":
        return dataset(Path(said["path"]), said["most"]), b""
    raise AssertionError(question)


# ---- what a file is ----


def describe(path: Path, thumb: Path, most: int | None = MOST_PIXELS) -> dict[str, Any]:
    """Look at a file from end to end.

    Args:
        path: The file; its name says nothing.
        thumb: Where a thumbnail is put, if there can be one.
        most: Pixels of a picture; None for what was made here.

    Returns:
        kind (image, video, audio or midi), suffix, width, height, seconds, bytes, settings.

    Raises:
        UnreadableInput: nothing that can be used.
    """
    with path.open("rb") as file:
        start = file.read(64)
    try:
        about = _kind(start)(path, thumb, most)
    except UnreadableInput as error:  # a person knows the file by another name
        hint = "Make it smaller first." if "--" in error.hint else error.hint  # there are no such options here
        named = re.compile(rf"{re.escape(str(path))}(\.\w+)?")
        raise UnreadableInput(named.sub("The file", error.what), hint) from error
    return {"width": None, "height": None, "seconds": None, "settings": None, **about, "bytes": path.stat().st_size}


def _kind(start: bytes) -> Any:
    if start[:4] == b"MThd":
        return _midi
    if start[:4] == b"fLaC" or (start[:4] in (b"RIFF", b"RF64") and start[8:12] == b"WAVE"):
        return _audio
    is_film = start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free") and start[8:12] not in (
        b"heic",
        b"mif1",
        b"avif",
        b"heix",
    )
    if is_film or start[:4] == b"\x1aE\xdf\xa3" or (start[:4] == b"RIFF" and start[8:11] == b"AVI"):
        return _video
    return _image


def _image(path: Path, thumb: Path, most: int | None) -> dict[str, Any]:
    from mapsto.media import animation
    from mapsto.media.picture import Picture, settings

    limit = most or 2**40
    about = animation.about(path, limit)
    if most and about.frames * about.size[0] * about.size[1] > MOST_FRAMES_PIXELS:
        raise UnreadableInput("The animation has too many pixels in all its frames.", "Shorten it or make it smaller first.")
    picture = Picture.of(path, limit)
    _thumb_of(picture, thumb)
    format = picture.format or "PNG"
    suffix = "jpg" if path.suffix.lower() == ".jpeg" else SUFFIXES.get(format, "png")
    return {"kind": "image", "suffix": suffix, "width": picture.width, "height": picture.height, "settings": settings(path)}


def _video(path: Path, thumb: Path, most: int | None) -> dict[str, Any]:
    from mapsto.media import clip, video
    from mapsto.media.picture import Picture

    named = path
    if most:  # a reader goes by the end of a name
        named = path.with_name(f"{path.name}{_film_suffix(path)}")
        named.hardlink_to(path)
    try:
        film = clip.probe(named)
        if most and (film.size[0] * film.size[1] > most or film.duration > LONGEST_FILM):
            raise UnreadableInput(
                f"The film has {film.size[0]} × {film.size[1]} pixels and lasts {film.duration:.0f} s.", "Shorten it first."
            )
        if film.cut:
            raise UnreadableInput(film.cut, "Copy, download or export it again.")
        with suppress(MapstoError, StopIteration):
            _thumb_of(Picture.of(next(clip.frames(film, 0, 1))), thumb)
        own = video.about(named).settings
    finally:
        if named != path:
            named.unlink()
    told = {"kind": "video", "suffix": _film_suffix(path)[1:], "seconds": round(film.duration, 3), "settings": own}
    return told | {"width": film.size[0], "height": film.size[1]}


def _film_suffix(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(64)
    if start[:4] == b"\x1aE\xdf\xa3":
        return ".webm" if b"webm" in start else ".mkv"
    if start[:4] == b"RIFF":
        return ".avi"
    return ".mov" if start[8:12] == b"qt  " or start[4:8] != b"ftyp" else ".mp4"


def _audio(path: Path, thumb: Path, most: int | None) -> dict[str, Any]:
    from mapsto.media import audio

    about = audio.about(path)
    if about["seconds"] > LONGEST_SOUND:
        raise UnreadableInput(
            f"The sound lasts {about['seconds']:.0f} s; the limit is {LONGEST_SOUND:.0f} s.", "Shorten it first."
        )
    audio.Sound.read(path)
    suffix = "flac" if about["format"] == "FLAC" else "wav"
    return {"kind": "audio", "suffix": suffix, "seconds": about["seconds"], "settings": about["settings"]}


def _midi(path: Path, thumb: Path, most: int | None) -> dict[str, Any]:
    from mapsto.sound.score import Score

    score = Score.read(path)
    return {"kind": "midi", "suffix": "mid", "seconds": round(score.seconds, 3), "settings": dict(score.settings) or None}


def _thumb_of(picture: Any, thumb: Path) -> None:
    from mapsto.files import atomic

    side = min(THUMB, max(picture.size))
    content = picture.resized((side, side)).encode("webp", quality=82, strip=True)
    with atomic(thumb) as temporary:
        temporary.write_bytes(content)


def thumbnail(path: Path, side: int) -> bytes:
    """A picture as WebP, its longer side at `side` or less."""
    from mapsto.media.picture import Picture

    picture = Picture.of(path)
    side = min(side, max(picture.size))
    return picture.resized((side, side)).encode("webp", quality=80, strip=True)


def dataset(path: Path, most: int = MOST_PIXELS) -> dict[str, Any]:
    """What is in a zip of pictures: every entry with its size, or why it cannot be used."""
    from mapsto.media import albums, opening
    from mapsto.studio.refusals import without_paths

    found: list[dict[str, Any]] = []
    for entry, content in albums.contents(albums.find(path)):
        try:
            if isinstance(content, MapstoError):
                raise content
            with opening.stream(content) as file, opening.header(file, entry.name, most) as image:
                found.append({"name": entry.name, "kind": "image", "width": image.width, "height": image.height, "error": None})
        except MapstoError as error:
            found.append(
                {
                    "name": entry.name,
                    "kind": "image",
                    "error": {"code": "unreadable-input", "message": without_paths(error.what)},
                }
            )
    return {"entries": found}


def limit_memory() -> None:
    """Let no file take the machine with it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    if sys.platform != "darwin":  # where address space is counted otherwise
        limit_memory()
    pipe.serve(answer)
