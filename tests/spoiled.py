"""What people drop by mistake or by malice: the bad pictures of `corpus`, and bad films, sounds, scores, zips and names.

`DROPS` maps what is wrong to a function that writes the file into a folder and returns its path.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import corpus
from corpus import Maker, good, png

NO_CONTENT = ("folder", "pipe", "device", "missing", "dangling link", "inside a file")
"""Of `corpus`: bad names of files; a browser has nothing to send of these."""


def _writes(name: str, content: bytes) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return make


def zipped(**files: bytes) -> bytes:
    """A zip; `__` in a name stands for a dot."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def bomb_zip(megabytes: int = 80) -> bytes:
    """A zip of some kB whose one picture unpacks to `megabytes` of nothing."""
    return zipped(photo__png=good("png") + bytes(megabytes << 20))


def climbing_zip() -> bytes:
    """A zip whose entry would like to lie elsewhere."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../../../tmp/climbed.png", good("png")[:50])
    return buffer.getvalue()


class Malice:
    """Acts where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("import os; os.abort()",))


ZIPS = {
    "empty zip": zipped(),
    "truncated zip": zipped(a__png=good("png"))[:-30],
    "zip of words": zipped(a__txt=b"words", b__html=b"<p>"),
    "zip of broken pictures": zipped(a__png=good("png")[:40], b__jpg=b"nothing"),
    "zip in a zip": zipped(inner__zip=zipped(a__txt=b"words")),
    "zip bomb": bomb_zip(),
    "climbing zip": climbing_zip(),
}
OTHERS = {
    "empty film": ("film.mp4", b""),
    "words named film": ("film.mp4", b"just some words\n" * 20),
    "film of nothing": ("film.mp4", b"\0\0\0\x18ftypisom" + bytes(60)),
    "film that stops": ("film.webm", b"\x1aE\xdf\xa3" + bytes(40)),
    "words named sound": ("sound.wav", b"just some words\n"),
    "truncated sound": ("sound.wav", b"RIFF\xff\xff\xff\xffWAVEfmt "),
    "noise named flac": ("sound.flac", b"fLaC" + bytes(40)),
    "truncated score": ("score.mid", b"MThd\0\0\0\x06\0\1\0\1\0\x60MTrk\xff\xff"),
    "words named score": ("score.mid", b"just some words\n"),
    "pickle": ("model.pt", pickle.dumps(Malice())),
    "pickle named picture": ("model.png", pickle.dumps(Malice())),
    "weights": ("model.safetensors", b"\x02\0\0\0\0\0\0\0{}"),
    "script": ("script.js", b"alert(1)"),
    "program": ("program.exe", b"MZ" + bytes(60)),
    "a name in Chinese": ("损坏的照片 第二张.jpg", b"nothing"),
    "a name that is long": ("x" * 240 + ".jpg", b"nothing"),
    "a name that is HTML": ("<img src=x onerror=alert(1)>.jpg", b"nothing"),
    "a name with strange letters": ("a\u202egpj.\u200b…'\".jpg", b"nothing"),
    "a name like a template": ("{name} {0} %s.jpg", b"nothing"),
    "a picture of one row too few": ("row.png", png((4, 4), b"\0" * 20)),
}
DROPS: dict[str, Maker] = {
    **{name: make for name, (make, _) in corpus.BAD.items() if name not in NO_CONTENT},
    **{name: _writes(f"{name.replace(' ', '-')}.zip", content) for name, content in ZIPS.items()},
    **{name: _writes(*told) for name, told in OTHERS.items()},
}

TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".tif": "image/tiff",
    ".bmp": "image/bmp",
    ".svg": "image/svg+xml",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mid": "audio/midi",
    ".zip": "application/zip",
    ".js": "text/javascript",
}


def type_of(path: Path) -> str:
    """As a browser would say it, by the name alone."""
    return TYPES.get(path.suffix, "application/octet-stream")
