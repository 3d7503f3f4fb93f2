"""Which pictures are painted, and where each result goes. Decided before anything heavy is loaded.

    photo.jpg                 → photo.ink.png beside it
    photo.jpg -o out.jpg      → out.jpg
    photo.jpg -o styled/      → styled/photo.ink.png
    shots/ -r                 → shots.ink/…, the same folders inside
    shots/ -r -o styled/      → styled/…, the same folders inside
    -o "{dir}/{stem}-{style}.{ext}"       a template
    -                         → standard output

Where a.jpg and a.png lie side by side, they become a.jpg.ink.png and a.png.ink.png.
"""

from __future__ import annotations

import os
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mapsto.cli.voice import Voice
from mapsto.errors import MapstoError, UnreadableInput, UsageError, nearest
from mapsto.media.albums import PICTURES

STREAM = "-"


@dataclass(frozen=True)
class Source:
    """A picture to paint.

    Args:
        path: Its file; None for standard input.
        folder: Its folder, relative to the folder that was named; "." for files that were named themselves.
        root: The folder that was named.
    """

    path: Path | None
    folder: Path = Path()
    root: Path | None = None

    def __str__(self) -> str:
        return str(self.path or "standard input")


@dataclass(frozen=True)
class Job:
    """One picture and where its painting goes; None is standard output."""

    source: Source
    target: Path | None


@dataclass(frozen=True)
class Place:
    """Where results go.

    Args:
        output: A file, a folder, a template or "-"; None for the default.
        format: Extension without a dot; None keeps animations what they are and makes everything else PNG.
        style: The style as part of a file name.
    """

    output: str | None
    format: str | None
    style: str


def sources(given: Sequence[str], recursive: bool, kinds: Sequence[str] = PICTURES) -> list[Source]:
    """The pictures that arguments name; folders are walked in order of names, for files with one of the suffixes of `kinds`.

    Raises:
        UnreadableInput: a folder without -r, or without pictures.
        UsageError: standard input together with something else.
    """
    if STREAM in given and len(given) > 1:
        raise UsageError("Standard input comes alone.", "Give either - or file names.")
    found: list[Source] = []
    for text in given:
        path = Path(text)
        if text == STREAM:
            found.append(Source(None))
        elif path.is_dir():
            found += _in_folder(path, recursive, kinds)
        else:
            found.append(Source(path))
    return list(dict.fromkeys(found))


def _in_folder(root: Path, recursive: bool, kinds: Sequence[str]) -> list[Source]:
    if not recursive:
        raise UnreadableInput(f"{root} is a folder.", "Say -r to paint all pictures in it, or name some of them.")
    found = list(_walk(root, kinds))
    if not found:
        raise UnreadableInput(f"There is no picture in {root}.", f"Looked for {' '.join(kinds)}.")
    return found


def _walk(root: Path, kinds: Sequence[str]) -> Iterator[Source]:
    for folder, folders, files in os.walk(root, onerror=_refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in kinds:
                yield Source(Path(folder, name), Path(folder).relative_to(root), root)


def _refused(error: OSError) -> None:
    raise UnreadableInput(f"{error.filename} cannot be searched: {error.strerror}.", "Change its permissions.") from error


def plan(found: Sequence[Source], place: Place) -> list[Job]:
    """A place for every result. What is itself the result of another picture here is left out.

    Raises:
        UsageError: two results in one file, a result that would replace its own source, or a bad template.
    """
    if place.output == STREAM or (place.output is None and found[0].path is None):
        if len(found) > 1:
            raise UsageError(f"{len(found)} pictures cannot go to one standard output.", "Give a folder with -o.")
        return [Job(found[0], None)]
    inside = None if place.output is None else Path(place.output).resolve()
    found = [s for s in found if s.root is None or inside is None or not _is_in(s.path, inside, s.root)]
    jobs = _distinct([Job(source, _target(source, place, many=len(found) > 1)) for source in found], place)
    return _without_results(jobs)


def _is_in(path: Path | None, folder: Path, root: Path) -> bool:
    """Whether a picture lies in the folder of results, which lies in the folder of pictures."""
    return path is not None and folder != root.resolve() and path.resolve().is_relative_to(folder)


def _target(source: Source, place: Place, many: bool, full_name: bool = False) -> Path:
    path = source.path or Path("picture.png")
    extension = place.format or _own_format(source)
    name = f"{path.name if full_name else path.stem}.{place.style}.{extension}"
    if place.output is None:
        if source.root is None:
            return path.with_name(name)
        root = source.root.resolve()
        return _spelled_like(source.root, root.with_name(f"{root.name}.{place.style}")) / source.folder / name
    if "{" in place.output:
        return _filled(place, source, path)
    if is_folder(place.output) or source.root is not None:
        return Path(place.output) / source.folder / name
    if many:
        raise UsageError(f"Several pictures cannot be written to the one file {place.output}.", "End it with / for a folder.")
    return Path(place.output)


def is_folder(output: str) -> bool:
    """Whether -o names a folder: it is one, or ends like one."""
    return output.endswith(("/", os.sep)) or Path(output).is_dir()


def _spelled_like(root: Path, beside: Path) -> Path:
    """A folder beside the root, relative if the root was given so."""
    return beside if root.is_absolute() or not root.name else root.with_name(beside.name)


def _own_format(source: Source) -> str:
    """The source's own format for clips and animations, else png; what cannot be read gets its error when its turn comes."""
    from mapsto.media.clip import is_clip

    if source.path is not None and is_clip(source.path):
        return source.path.suffix.lower()[1:] if source.path.suffix.lower() != ".avi" else "mp4"
    if source.path is None or source.path.suffix.lower() not in (".gif", ".webp", ".png"):
        return "png"
    from mapsto.media import animation

    try:
        moving = animation.about(source.path).frames > 1
    except MapstoError:
        return "png"
    return source.path.suffix.lower()[1:] if moving else "png"


def _filled(place: Place, source: Source, path: Path) -> Path:
    """The template with its fields filled in."""
    from mapsto.media.encoding import FORMATS

    template = str(place.output)
    written = {extension for each in FORMATS.values() for extension in each.extensions}
    own = path.suffix.lower()[1:] if path.suffix.lower() in written else _own_format(source)
    folder = str(path.parent if source.root is None else source.folder)
    values = {"stem": path.stem, "name": path.name, "style": place.style, "ext": place.format or own, "dir": folder}
    return Path(filled(template, values))


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its fields filled in.

    Raises:
        UsageError: a field that is not there, or braces that do not match.
    """
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"{template!r} is no template: {error}.", "Write {{ and }} for braces.") from error
    for _, field, _, _ in pieces:
        if field is not None and field not in values:
            near = nearest(field, list(values)) or list(values)
            raise UsageError(f"The template has the field {{{field}}}.", f"Perhaps {' or '.join(f'{{{n}}}' for n in near)}?")
    return "".join(text + (values[field] if field else "") for text, field, _, _ in pieces)


def _distinct(jobs: list[Job], place: Place) -> list[Job]:
    """Jobs that would meet in one file get names that tell them apart."""
    count = Counter(job.target for job in jobs)
    if place.output is None or "{" not in place.output:
        jobs = [j if count[j.target] == 1 else Job(j.source, _target(j.source, place, many=True, full_name=True)) for j in jobs]
        count = Counter(job.target for job in jobs)
    for target, times in count.items():
        if times > 1:
            raise UsageError(f"{times} pictures would be written to {target}.", "Tell them apart, as with {dir}/{name} in -o.")
    return jobs


def _without_results(jobs: list[Job]) -> list[Job]:
    """Leave out pictures that a former run painted from others in this list, and protect the sources."""
    targets = {_real(job.target): job for job in jobs}
    for job in jobs:
        if job.source.path is not None and targets.get(_real(job.source.path)) is job:
            raise UsageError(f"{job.source.path} would be replaced by its own painting.", "Choose another name with -o.")
    return [job for job in jobs if job.source.path is None or _real(job.source.path) not in targets]


def _real(path: Path | None) -> Path | None:
    return None if path is None else path.resolve()


def slug(style: str) -> str:
    """A style as part of a file name: `starry-night`, `my-painting`, `starry-night-0.6+great-wave-0.4`."""
    if Path(style).expanduser().is_file():
        return _plain(Path(style).stem)
    return "+".join(_plain_part(part.strip()) for part in style.split(",") if part.strip())[:80]


def _plain_part(part: str) -> str:
    name, colon, weight = part.rpartition(":")
    try:
        share = f"-{float(weight):g}" if colon else ""
    except ValueError:
        share = ""
    name = name if share else part
    stem = Path(name).stem if Path(name).suffix.lower() in PICTURES else Path(name).name
    return _plain(stem) + share


def _plain(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name).strip("-.") or "style"


def tell(jobs: Sequence[Job], voice: Voice) -> None:
    """Say what would be done."""
    for job in jobs:
        voice.result(f"{job.source} → {job.target or 'standard output'}")
    voice.data["planned"] = [{"source": str(job.source), "path": str(job.target or "-")} for job in jobs]
