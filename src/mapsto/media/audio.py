"""Sound files: WAV and FLAC, read and written through libsndfile; what is read may be OGG, MP3 or AIFF too.

    C channels   N samples

Settings, one JSON object, go into the comment of a file: LIST INFO ICMT of WAV, COMMENT of FLAC. That of WAV we write and read
ourselves, for libsndfile keeps no more than 2,048 bytes of it.
"""

from __future__ import annotations

import base64
import io
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.errors import UnreadableInput, UsageError
from mapsto.files import atomic
from mapsto.media import metadata, opening

Samples = NDArray[np.float32]

RATE_HZ = 44_100
LONGEST_SECONDS = 3600.0
SILENCE_DB = -70.0
"""What never gets louder is taken for silence."""

READABLE = ("WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF")
WRITABLE = {".wav": "WAV", ".flac": "FLAC"}
BITS = {16: "PCM_16", 24: "PCM_24"}
COMMENT = "mapsto "
"""How our comments begin."""

_EXPORT = "Export it as WAV or FLAC."


@dataclass(frozen=True)
class Sound:
    """Sound in memory.

    Args:
        samples: [C, N] float32, full scale [-1, 1].
        rate_hz: Samples a second.
    """

    samples: Samples
    rate_hz: int = RATE_HZ

    def __post_init__(self) -> None:
        """Refuse what is no sound."""
        if self.samples.ndim != 2 or not 1 <= self.samples.shape[0] <= 64:
            raise UsageError(f"Samples should be [C, N], of at most 64 channels, and are {list(self.samples.shape)}.")
        if self.rate_hz < 1:
            raise UsageError(f"{self.rate_hz} samples a second make no sense.")

    @classmethod
    def read(cls, path: str | Path, *, rate_hz: int | None = None, longest_seconds: float = LONGEST_SECONDS) -> Sound:
        """A sound file.

        Args:
            path: WAV, FLAC, OGG, MP3 or AIFF.
            rate_hz: Resample to so many samples a second; None keeps the file's own.
            longest_seconds: Refuse what takes longer, before it is read.

        Raises:
            UnreadableInput: missing, empty, no sound, damaged, too long, or with samples that are no numbers.
        """
        with opening.stream(path) as file, _opened(file, str(path)) as sound:
            seconds = sound.frames / sound.samplerate
            if seconds > longest_seconds:
                raise UnreadableInput(
                    f"{path} takes {seconds:.0f} s; at most {longest_seconds:.0f} s are read.", "Cut it first."
                )
            samples = _decoded(sound, str(path))
            found = cls(np.ascontiguousarray(samples.T), sound.samplerate)
        if found.samples.shape[1] == 0:
            raise UnreadableInput(f"{path} holds no samples.", "Check how it was recorded or exported.")
        if not np.isfinite(found.samples).all():
            raise UnreadableInput(
                f"{path} holds samples that are not numbers.", "Export it again, with whole numbers as samples."
            )
        return found if rate_hz is None else found.at(rate_hz)

    def save(self, path: str | Path, *, settings: Mapping[str, Any] | None = None, bits: int = 16) -> Path:
        """Write WAV or FLAC, by the name's ending, in one step; → where it is.

        Args:
            path: Where to.
            settings: What the file says of how it was made.
            bits: 16 or 24 a sample.

        Raises:
            UsageError: another ending or number of bits.
            NoSpace: the disk is full or the folder cannot be written.
        """
        place = Path(path)
        check_target(place, bits)
        with atomic(place) as temporary, temporary.open("wb+") as file:
            self._write(file, WRITABLE[place.suffix.lower()], settings, bits)
        return place

    def encoded(self, kind: str = "WAV", *, settings: Mapping[str, Any] | None = None, bits: int = 16) -> bytes:
        """The content of a file: "WAV" or "FLAC"."""
        buffer = io.BytesIO()
        self._write(buffer, kind, settings, bits)
        return buffer.getvalue()

    def _write(self, file: Any, kind: str, settings: Mapping[str, Any] | None, bits: int) -> None:
        import soundfile

        scale = 2 ** (bits - 1)
        whole = np.clip(np.round(self.samples.T.astype(np.float64) * scale), -scale, scale - 1)
        shifted = (whole * 2 ** (32 - bits)).astype(np.int32)
        with soundfile.SoundFile(file, "w", self.rate_hz, len(self.samples), BITS[bits], format=kind) as sound:
            if settings is not None and kind == "FLAC":
                sound.comment = COMMENT + metadata.dumped(settings)
            sound.write(shifted)
        if settings is not None and kind == "WAV":
            _append_comment(file, COMMENT + metadata.dumped(settings))

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return float(self.samples.shape[1] / self.rate_hz)

    @property
    def peak_db(self) -> float:
        """Of the largest sample, in dB of full scale; −∞ for silence."""
        top = float(np.abs(self.samples).max(initial=0))
        return 20 * math.log10(top) if top > 0 else -math.inf

    def mono(self) -> Sound:
        """The mean of all channels."""
        return self if len(self.samples) == 1 else Sound(self.samples.mean(0, keepdims=True), self.rate_hz)

    def at(self, rate_hz: int) -> Sound:
        """The same at another rate; what the new one cannot hold is filtered out.

        Raises:
            UsageError: a rate that makes no sense.
        """
        if not 1000 <= rate_hz <= 768_000:
            raise UsageError(f"{rate_hz} samples a second make no sense.", "44100 is usual.")
        if rate_hz == self.rate_hz:
            return self
        return Sound(np.stack([resample(channel, self.rate_hz, rate_hz) for channel in self.samples]), rate_hz)

    def audible(self, name: str = "the sound") -> Sound:
        """Itself.

        Raises:
            UnreadableInput: it never gets louder than `SILENCE_DB`.
        """
        if self.peak_db < SILENCE_DB:
            raise UnreadableInput(f"{name} is silent: it never gets louder than {SILENCE_DB:g} dB.", "Record it louder.")
        return self

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.encoded()).decode()
        return f'<audio controls src="data:audio/wav;base64,{data}"></audio>'


def check_target(path: Path, bits: int = 16) -> None:
    """Refuse early a file that could not be written.

    Raises:
        UsageError: an ending other than .wav and .flac, or a number of bits other than 16 and 24.
    """
    if path.suffix.lower() not in WRITABLE:
        raise UsageError(
            f"{path.name} does not say which kind of sound file it should be.", "Let its name end in .wav or .flac."
        )
    if bits not in BITS:
        raise UsageError(f"{bits} bits a sample are not written.", "Give 16 or 24.")


def settings(path: str | Path) -> dict[str, Any] | None:
    """The settings in a sound file of ours; None where there are none or they are damaged.

    Raises:
        UnreadableInput: no sound file at all.
    """
    with opening.stream(path) as file, _opened(file, str(path)) as sound:
        comment = _comment(file) if sound.format in ("WAV", "WAVEX") else str(sound.comment)
    return metadata.parsed(comment[len(COMMENT) :]) if comment.startswith(COMMENT) else None


def about(path: str | Path) -> dict[str, Any]:
    """What a sound file is, by its header: format, seconds, rate_hz, channels, bits and settings.

    Raises:
        UnreadableInput: no sound file.
    """
    with opening.stream(path) as file, _opened(file, str(path)) as sound:
        return {
            "format": sound.format,
            "seconds": round(sound.frames / sound.samplerate, 3),
            "rate_hz": sound.samplerate,
            "channels": sound.channels,
            "subtype": sound.subtype,
            "settings": settings(path),
        }


def resample(x: Samples, from_hz: int, to_hz: int, *, zeros: int = 32) -> Samples:
    """[N] → [N′] by a sinc under a Hann window, cut off below both halves of the rates.

    Args:
        x: Samples.
        from_hz: Their rate.
        to_hz: The rate wanted.
        zeros: Of the sinc on each side.
    """
    ratio = to_hz / from_hz
    cut = 0.97 * min(1.0, ratio)
    reach = math.ceil(zeros / cut)
    padded = np.pad(x.astype(np.float64), reach + 1)
    count = math.ceil(len(x) * to_hz / from_hz)
    found = np.empty(count, np.float32)
    around = np.arange(1 - reach, reach + 1)
    for begin in range(0, count, 1 << 14):
        at = np.arange(begin, min(begin + (1 << 14), count)) / ratio
        whole = np.floor(at).astype(np.int64)
        apart = (at - whole)[:, None] - around
        kernel = cut * np.sinc(cut * apart) * np.cos(0.5 * math.pi * np.clip(apart / reach, -1, 1)) ** 2
        found[begin : begin + len(at)] = (padded[whole[:, None] + around + reach + 1] * kernel).sum(1)
    return found


def _append_comment(file: Any, text: str) -> None:
    """A LIST chunk of type INFO with a comment, at the end of a WAV file; the length of the whole is corrected."""
    content = text.encode("ascii") + b"\0"
    content += b"\0" * (len(content) % 2)
    info = b"INFOICMT" + struct.pack("<I", len(content)) + content
    end = file.seek(0, io.SEEK_END)
    file.write(b"\0" * (end % 2) + b"LIST" + struct.pack("<I", len(info)) + info)
    size = file.seek(0, io.SEEK_END)
    file.seek(4)
    file.write(struct.pack("<I", size - 8))


def _comment(file: Any) -> str:
    """The comment of a WAV file; empty where there is none, or it is no text."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, size = struct.unpack("<4sI", head)
        if kind == b"LIST" and size <= 2 * metadata.MAX_SETTINGS:
            content = file.read(size)
            if content[:8] == b"INFOICMT":
                length = int.from_bytes(content[8:12], "little")
                return str(content[12 : 12 + length].rstrip(b"\0").decode("ascii", "replace"))
            file.seek(size % 2, io.SEEK_CUR)
        else:
            file.seek(size + size % 2, io.SEEK_CUR)
    return ""


def _opened(file: Any, name: str) -> Any:
    """A file of one of the `READABLE` formats, opened by libsndfile."""
    import soundfile

    start = file.read(64)
    file.seek(0)
    try:
        sound = soundfile.SoundFile(file)
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError) as error:
        raise UnreadableInput(_foreign(name, start), _EXPORT) from error
    if sound.format not in READABLE or sound.samplerate < 1000:
        sound.close()
        raise UnreadableInput(f"{name} is {sound.format} at {sound.samplerate} Hz, which is not read.", _EXPORT)
    return sound


def _foreign(name: str, start: bytes) -> str:
    """What a file is that could not be opened, by its first bytes."""
    if start[:4] in (b"RIFF", b"fLaC", b"OggS", b"FORM", b"RF64"):
        return f"{name} is damaged: it begins like a sound file, and what follows makes no sense."
    if start.isascii() and start.strip(b"\0"):
        return f"{name} is text, not sound."
    return f"{name} is no sound that can be read here."


def _decoded(sound: Any, name: str) -> Samples:
    import soundfile

    try:
        return np.asarray(sound.read(dtype="float32", always_2d=True))
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise UnreadableInput(f"{name} is damaged or incomplete.", "Copy or export it again.") from error
