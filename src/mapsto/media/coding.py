"""How films are encoded: codecs by the names people use, what holds them, and their usual quality and speed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mapsto.errors import UsageError
from mapsto.media.containers import need_av


@dataclass(frozen=True)
class Codec:
    """A way to encode films.

    Args:
        encoder: FFmpeg's name of what does it.
        crf: Usual constant rate factor, smaller is better; None where there is none to choose.
        worst: Largest rate factor.
        speed: Usual preset of the encoder; empty where there is none to choose.
        speeds: Those there are, in the order in which the encoder counts.
        containers: FFmpeg's names of those that hold it.
        options: Options of the encoder, from rate factor, speed and threads.
        pixels: FFmpeg's name of the pixel format.
        tag: How it is called in MP4 and MOV, where players want another name than FFmpeg's.
    """

    encoder: str
    crf: float | None
    worst: float
    speed: str
    speeds: tuple[str, ...]
    containers: tuple[str, ...]
    options: Callable[[float, str, int], dict[str, str]]
    pixels: str = "yuv420p"
    tag: str = ""


def _h264(crf: float, speed: str, threads: int) -> dict[str, str]:
    # Else x264 now and then makes other bytes of the same frames, on a busy machine and on another one.
    return {"crf": f"{crf:.1f}", "preset": speed, "x264-params": "cpu-independent=1"}


def _h265(crf: float, speed: str, threads: int) -> dict[str, str]:
    pools = "none" if threads == 1 else str(threads)
    return {"crf": f"{crf:.1f}", "preset": speed, "x265-params": f"log-level=none:open-gop=0:frame-threads=1:pools={pools}"}


def _av1(crf: float, speed: str, threads: int) -> dict[str, str]:
    os.environ.setdefault("SVT_LOG", "1")  # the encoder writes a page to standard error otherwise
    return {"crf": f"{crf:.0f}", "preset": speed, "svtav1-params": f"lp={threads}"}


def _vp9(crf: float, speed: str, threads: int) -> dict[str, str]:
    return {"crf": f"{crf:.0f}", "b": "0", "deadline": "good", "cpu-used": speed}


def _prores(crf: float, speed: str, threads: int) -> dict[str, str]:
    return {"profile": "hq"}


_MP4 = ("mp4", "mov", "matroska")
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")

CODECS: Mapping[str, Codec] = {
    "h264": Codec("libx264", 17, 51, "veryfast", _PRESETS, _MP4, _h264),
    "h265": Codec("libx265", 20, 51, "veryfast", _PRESETS, _MP4, _h265, tag="hvc1"),
    "av1": Codec("libsvtav1", 25, 63, "8", tuple(map(str, range(14))), ("mp4", "matroska", "webm"), _av1),
    "vp9": Codec("libvpx-vp9", 24, 63, "4", tuple(map(str, range(9))), ("webm", "matroska"), _vp9),
    "prores": Codec("prores_ks", None, 0, "", (), ("mov", "matroska"), _prores, "yuv422p10le"),
}
"""By the names people use."""


@dataclass(frozen=True)
class Coding:
    """How a film is encoded.

    Args:
        codec: One of `CODECS`.
        crf: Constant rate factor, smaller is better and larger; None is the codec's usual one.
        speed: Preset of the encoder (`cpu-used` of VP9); None is a fast one.
        threads: Of the encoder. The same number makes the same bytes; another may make others.
    """

    codec: str = "h264"
    crf: float | None = None
    speed: str | None = None
    threads: int = 1

    def check(self, container: str) -> Codec:
        """What encodes it.

        Args:
            container: FFmpeg's name of where it goes.

        Raises:
            UsageError: no such codec, none that this container holds, an impossible rate factor or speed, or an encoder that
                this PyAV lacks; or PyAV is not installed.
        """
        codec = CODECS.get(self.codec)
        if codec is None:
            raise UsageError(f"There is no codec {self.codec}.", f"Choose {', '.join(CODECS)}.")
        if container not in codec.containers:
            fit = [name for name, other in CODECS.items() if container in other.containers] or ["another"]
            raise UsageError(
                f"{container} does not hold {self.codec}.",
                f"Write {' or '.join(codec.containers)}, or choose {' or '.join(fit)}.",
            )
        if self.crf is not None and not (codec.crf is not None and 0 <= self.crf <= codec.worst):
            known = f"Give 0 (best) to {codec.worst:g}." if codec.crf is not None else f"{self.codec} has none to choose."
            raise UsageError(f"A rate factor of {self.crf:g} does not exist for {self.codec}.", known)
        if self.speed is not None and self.speed not in codec.speeds:
            known = f"Choose {', '.join(codec.speeds)}." if codec.speeds else "It has none to choose."
            raise UsageError(f"There is no speed {self.speed} for {self.codec}.", known)
        if self.threads < 1:
            raise UsageError(f"{self.threads} threads encode nothing.", "Give 1 or more.")
        _check_encoder(self.codec, codec.encoder)
        return codec

    def options(self, codec: Codec) -> dict[str, str]:
        """Options of the encoder."""
        crf = codec.crf if self.crf is None else self.crf
        return codec.options(crf or 0, self.speed or codec.speed, self.threads)


def _check_encoder(name: str, encoder: str) -> None:
    need_av()
    import av

    try:
        av.Codec(encoder, "w")
    except ValueError as error:
        raise UsageError(f"This PyAV cannot encode {name}: it lacks {encoder}.", "Choose h264.") from error
