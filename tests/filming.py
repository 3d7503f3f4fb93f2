"""Small films for tests, written with PyAV, with whatever makes films difficult."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT = 64, 48
TICK = Fraction(1, 12800)
OPEN = {"x264-params": "open-gop=1:keyint=10:min-keyint=10:bframes=3:b-adapt=0:scenecut=0"}
"""Groups of ten pictures; those shown before a key frame need the group before."""


def noise(count: int = 20, size: tuple[int, int] = (WIDTH, HEIGHT)) -> list[np.ndarray]:
    """Noise that moves to the right, so that no two frames are alike and motion can be predicted."""
    still = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return [np.roll(still, shift, 1) for shift in range(count)]


def film(
    path: Path,
    frames: Sequence[np.ndarray],
    pts: Iterable[int] | None = None,
    *,
    time_base: Fraction = TICK,
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    pixels: str = "yuv420p",
    matrix: str = "ITU601",
    full: bool = False,
    tags: Mapping[str, int] | None = None,
    sounds: Sequence[str] = (),
    texts: Sequence[str] = (),
    late: Fraction = Fraction(0),
    packets: int = 40,
) -> Path:
    """Write a film.

    Args:
        path: Its suffix chooses the container.
        frames: [H, W, 3] uint8.
        pts: In ticks of the time base; 25 a second otherwise.
        time_base: Seconds of a tick.
        codec: FFmpeg's name of the encoder.
        options: For the encoder.
        pixels: Pixel format.
        matrix: By which colours are converted.
        full: Use the full range, and say so.
        tags: Attributes of the encoder that say something about colours.
        sounds: Encoders of sound tracks, of noise.
        texts: Codecs of subtitle tracks with two lines.
        late: Seconds by which sound begins later than zero.
        packets: Of each sound track.
    """
    import av

    times = list(pts) if pts is not None else [round(i / 25 / time_base) for i in range(len(frames))]
    fine = {"movie_timescale": str(time_base.denominator)} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", container_options=fine) as container:
        stream = container.add_stream(codec, rate=25, options=dict(options or {}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.codec_context.time_base = pixels, time_base
        for name, value in {"color_range": 2 if full else 1, **(tags or {})}.items():
            setattr(stream.codec_context, name, value)
        heard = [container.add_stream(name, rate=48000) for name in sounds]
        read = [container.add_mux_stream(name) for name in texts]
        for number, track in enumerate((*heard, *read)):
            track.metadata["language"] = ("fra", "spa", "ita")[number]
        container.metadata["title"] = "A walk"
        for at, frame in zip(times, frames, strict=True):
            container.mux(stream.encode(_converted(frame, pixels, matrix, full, at, time_base)))
        for track in heard:
            _sound(container, track, packets, late)
        for name, track in zip(texts, read, strict=True):
            _lines(container, track, name)
        container.mux(stream.encode(None))
    return path


def _converted(frame: np.ndarray, pixels: str, matrix: str, full: bool, at: int, time_base: Fraction) -> Any:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    made = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24").reformat(
        format=pixels,
        dst_colorspace=Colorspace[matrix],
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
    )
    made.pts, made.time_base = at, time_base
    return made


def _sound(container: Any, track: Any, packets: int, late: Fraction) -> None:
    import av

    context = track.codec_context
    size = context.frame_size or 1024
    kind, planar = context.format.name, context.format.is_planar
    rng = np.random.default_rng(1)
    for number in range(packets):
        wave = rng.uniform(-0.1, 0.1, (2, size))
        wave = wave.astype(np.float32) if "flt" in kind else (wave * 30000).astype(np.int16)
        wave = wave if planar else wave.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave), format=kind, layout="stereo")
        frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
        frame.pts = number * size + round(late * 48000)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))


def _lines(container: Any, track: Any, codec: str) -> None:
    import av

    for begin_ms, text in ((100, b"Good morning."), (500, b"Good night.")):
        packet = av.Packet(struct.pack(">H", len(text)) + text if codec == "mov_text" else text)
        packet.pts = packet.dts = begin_ms
        packet.duration, packet.time_base, packet.stream = 300, Fraction(1, 1000), track
        container.mux(packet)


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Patch the display matrix [a b; c d] of the only track of an MP4 file."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2, version 0
    a, b, c, d = (value << 16 for value in matrix)
    struct.pack_into(">9i", content, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def decoded(path: Path) -> list[tuple[int | None, np.ndarray]]:
    """Times and pixels of all frames, as they come when a film is decoded from its beginning."""
    import av

    from mapsto.media.yuv import rgb_of

    with av.open(str(path)) as container:
        return [(frame.pts, rgb_of(frame)) for frame in container.decode(video=0)]


def content(path: Path, kind: str) -> list[list[tuple[Fraction, bytes]]]:
    """Of each track of a kind, the start in seconds and the bytes of every packet."""
    import av

    with av.open(str(path)) as container:
        tracks = [track for track in container.streams if track.type == kind]
        found: dict[int, list[tuple[Fraction, bytes]]] = {track.index: [] for track in tracks}
        for packet in container.demux(tracks):
            if packet.pts is not None:
                found[packet.stream_index].append((packet.pts * packet.time_base, bytes(packet)))
        return list(found.values())
