"""What is asked for where a clip is painted and not a still: steadiness, coding, who works, and what files say of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mapsto.cli.options import option
from mapsto.cli.order import Order
from mapsto.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from mapsto.media.coding import Coding

FULL = "full"

LARGE = 2560 * 1440
"""Pixels of a frame from which on half as many work."""

STEADY = {"style-s": "style-video-s"}
"""Networks whose strokes stay with what moves, by that for stills."""

Stability = Annotated[
    float, option("--stability", help="Of clips: from 0, every frame by itself, to 1, calm.", env="stability", metavar="0..1")
]
CodecName = Annotated[
    str | None, option("--codec", help="Of clips; h264 by default, vp9 in WebM.", metavar="h264|h265|av1|vp9|prores")
]
Crf = Annotated[float | None, option("--crf", help="Of clips: rate factor, smaller is better and larger.", metavar="N")]
Engine = Annotated[
    str, option("--engine", help="Of clips: openvino is faster on CPUs (mapsto[fast]).", metavar="torch|openvino|openvino-int8")
]
Workers = Annotated[
    int | None,
    option(
        "--workers", help="Of clips: processes that paint; by default one for every core, of large ones fewer.", metavar="N"
    ),
]
Resume = Annotated[bool, option("--resume", help="Go on with a clip that was begun.")]
WorkSize = Annotated[
    str,
    option(
        "--work-size",
        help="Of clips: shorter side that is painted, under the fine light of the frame; full paints every pixel.",
        metavar="N|auto|full",
    ),
]
Cluster = Annotated[
    str | None, option("--cluster", help="Of clips: paint on a Ray cluster; auto finds one.", metavar="auto|ADDRESS")
]


@dataclass(frozen=True)
class Footage:
    """How a clip is painted and encoded.

    Args:
        stability: In [0, 1].
        codec: A name of `mapsto.media.coding.CODECS`; None goes by the file: vp9 in WebM, else h264.
        crf: Constant rate factor; None is the codec's usual one.
        work_size: Shorter side that is painted, auto or full.
        engine: torch, openvino or openvino-int8.
    """

    stability: float = 0.8
    codec: str | None = None
    crf: float | None = None
    work_size: str = "auto"
    engine: str = "torch"

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not 0 <= self.stability <= 1:
            raise UsageError(f"A stability of {self.stability:g} makes no sense.", "Give 0 (each by itself) to 1 (calm).")
        if self.work_size not in ("auto", FULL) and not (self.work_size.isdecimal() and int(self.work_size) >= 16):
            raise UsageError(f"{self.work_size!r} is no size to work at.", "Give 16 or more pixels, auto or full.")

    def check(self, target: Path) -> None:
        """Refuse a film that cannot hold this; in animations and folders nothing is encoded.

        Raises:
            UsageError: what cannot be, and what can.
        """
        from mapsto.media.clip import is_clip
        from mapsto.media.containers import format_of

        if is_clip(target):
            self.coding(target).check(format_of(target))

    def coding(self, target: Path) -> Coding:
        """For the encoder of a file."""
        from mapsto.media.coding import Coding

        return Coding(self.codec or ("vp9" if target.suffix.lower() == ".webm" else "h264"), self.crf)

    def container(self, target: Path) -> str:
        """What chunks are kept in: exact times, where the codec allows."""
        from mapsto.media.coding import CODECS

        return CODECS[self.coding(target).codec].containers[0]

    def work(self, size: tuple[int, int]) -> int | None:
        """How many pixels of a frame are painted that comes out at this size; None for all."""
        from mapsto.video.frames import WORK

        if self.work_size == FULL:
            return None
        return WORK if self.work_size == "auto" else int(size[0] * size[1] * (int(self.work_size) / min(size)) ** 2)

    def said(self) -> dict[str, Any]:
        """In settings."""
        return asdict(self)


@dataclass(frozen=True)
class Hands:
    """Who paints.

    Args:
        workers: Processes; None is one for every core, and one on a GPU.
        cluster: Address of a Ray cluster, or auto.
        resume: Go on with what was begun.
    """

    workers: int | None = None
    cluster: str | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"{self.workers} workers do nothing.", "Give --workers 1 or more.")
        if self.cluster is not None and self.workers is not None:
            raise UsageError("A cluster decides itself how many work.", "Leave --workers out.")

    def count(self, device: str, size: tuple[int, int]) -> int:
        """Processes on this machine, for frames of a width and height; of large frames each takes a gigabyte."""
        from mapsto import device as devices

        if self.workers is not None or device != "cpu":
            return self.workers or 1
        return max(1, devices.cores() // (2 if size[0] * size[1] > LARGE else 1))


def steady(order: Order, footage: Footage) -> Order:
    """The order with the network for clips, where steadiness is wanted and there is one."""
    return replace(order, weights=STEADY.get(order.weights, order.weights)) if footage.stability else order


def frame_of(settings: dict[str, Any]) -> tuple[int, int] | None:
    """Which frame a picture is that settings tell of, and the first that was painted before it; None for a whole film.

    Raises:
        UnreadableInput: they are damaged.
    """
    frame, first = settings.get("frame"), settings.get("first")
    if frame is None:
        return None
    if type(frame) is not int or type(first) is not int or not 0 <= first <= frame:
        raise UnreadableInput("The settings in this file are not complete.", "Only files made by Mapsto can be repeated.")
    return frame, first


def footage_of(settings: dict[str, Any]) -> Footage:
    """The footage that settings tell of.

    Raises:
        UnreadableInput: they are damaged.
    """
    said = settings.get("footage")
    kinds = {
        "stability": (int, float),
        "codec": (str, type(None)),
        "crf": (int, float, type(None)),
        "work_size": (str,),
        "engine": (str,),
    }
    if not isinstance(said, dict) or set(said) != set(kinds) or any(type(said[name]) not in kinds[name] for name in kinds):
        raise UnreadableInput("The settings in this file are not complete.", "Only files made by Mapsto can be repeated.")
    return Footage(**said)
