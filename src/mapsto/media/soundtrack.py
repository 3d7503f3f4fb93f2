"""Sound for films that have none of their own: encoded beside the pictures, packet by packet, and read back.

AAC, which everything plays, or Opus in WebM, which holds nothing else of ours. Both lose what nobody hears, and may move peaks
up by some tenths of a decibel: what must not clip should stay a decibel below full scale.

    C channels   N samples
"""

from __future__ import annotations

import os
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from mapsto.errors import UnreadableInput, UsageError
from mapsto.media.audio import Samples, Sound
from mapsto.media.containers import reading, told

if TYPE_CHECKING:
    from av.container import OutputContainer

BITS_A_SECOND = 192_000
OPUS_HZ = 48_000
"""Opus knows no 44,100 samples a second."""

LAYOUTS = {1: "mono", 2: "stereo"}


class Soundtrack:
    """A sound on its way into a film, always a little ahead of the pictures.

    Args:
        sound: One or two channels.
        container: To be written.

    Raises:
        UsageError: more channels.
    """

    def __init__(self, sound: Sound, container: OutputContainer) -> None:
        if len(sound.samples) not in LAYOUTS:
            raise UsageError(f"A film takes one or two channels of sound, not {len(sound.samples)}.", "Mix them down first.")
        opus = container.format.name == "webm"
        self._sound = sound.at(OPUS_HZ) if opus else sound
        self._container = container
        self._stream = container.add_stream("libopus" if opus else "aac", rate=self._sound.rate_hz)
        self._stream.layout = LAYOUTS[len(sound.samples)]
        if opus:
            self._stream.format = "flt"
        self._stream.bit_rate = BITS_A_SECOND
        self._done = 0

    def until(self, seconds: float | None) -> None:
        """Encode what is heard up to a time; None is all that is left, and the end."""
        from av import AudioFrame

        sound, context = self._sound, self._stream.codec_context
        size = context.frame_size or 1024
        last = sound.samples.shape[1]
        stop = last if seconds is None else min(last, round(seconds * sound.rate_hz))
        while self._done < stop:
            part = sound.samples[:, self._done : self._done + size]
            packed = context.format.name == "flt"
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(part.T.reshape(1, -1) if packed else part), context.format.name, context.layout.name
            )
            frame.rate, frame.pts, frame.time_base = sound.rate_hz, self._done, Fraction(1, sound.rate_hz)
            self._container.mux(self._stream.encode(frame))
            self._done += part.shape[1]
        if seconds is None:
            self._container.mux(self._stream.encode(None))


def sound_of(path: str | os.PathLike[str]) -> Sound:
    """The sound of a film, as it is heard from its first picture on.

    Raises:
        UnreadableInput: no film, or one without sound.
    """
    with reading(path) as (container, _):
        if not container.streams.audio:
            raise UnreadableInput(f"{path} has no sound.", "Give a film that has.")
        stream = container.streams.audio[0]
        parts: list[Samples] = []
        first: Fraction | None = None
        with told(path):
            for frame in container.decode(stream):
                samples = np.asarray(frame.to_ndarray(), np.float32)
                channels = frame.layout.nb_channels
                parts.append(samples if len(samples) == channels else samples.reshape(-1, channels).T)
                first = Fraction(frame.pts or 0) * (frame.time_base or 0) if first is None else first
        rate_hz = int(stream.rate)
        count = round(float(stream.duration * (stream.time_base or 0)) * rate_hz) if stream.duration else None  # MP4 tells
    whole = np.concatenate(parts, 1)
    early = max(0, round(-float(first or 0) * rate_hz))
    return Sound(np.ascontiguousarray(whole[:, early:][:, :count]), rate_hz)
