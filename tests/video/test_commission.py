from __future__ import annotations

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("av")
pytest.importorskip("cv2")

from filming import OPEN, decoded, film
from mapsto import weights
from mapsto.errors import MapstoError, UnreadableInput, UsageError
from mapsto.image.engines import ENGINES
from mapsto.image.points import Style
from mapsto.image.stylizer import Stylizer
from mapsto.image.track import Leg, Track
from mapsto.media.clip import Clip, frames, probe
from mapsto.media.coding import Coding
from mapsto.media.yuv import frame_of, rgb_of, yuv_of
from mapsto.video.chunks import CHUNK, FEW, SOME, Folder, chunks_of
from mapsto.video.commission import Commission, computing_with
from mapsto.video.frames import WARM_UP, FramePainter, Way
from moving import pan

EXACT = Coding(crf=0)


def ordered(path: Path, **changes: Any) -> Commission:
    """A film of two styles from a clip, by the network called tiny."""
    clip = probe(path)
    stylizer = Stylizer.from_pretrained("tiny", device="cpu", precision="fp32")
    ink, mosaic = stylizer.style_of("ink"), stylizer.style_of("mosaic")
    plain = Commission(
        source=path,
        digest=clip.digest,
        track=Track((Leg(0, clip.duration, ink, mosaic, (0.0, 0.3, 1.0)),)),
        way=Way((64, 48)),
        coding=Coding(),
        network="tiny",
        device="cpu",
        precision="fp32",
        threads=1,
        chunks=chunks_of(clip),
    )
    return replace(plain, **changes)


@pytest.fixture
def clip(home: Path) -> Path:
    return film(home / "clip.mp4", pan(30), options=OPEN)


def named(total: int, keys: tuple[int, ...] = (0,)) -> Clip:
    """What is known of a clip of so many frames with key frames at these."""
    return Clip(
        path=Path("clip.mp4"),
        size=(64, 48),
        time_base=Fraction(1, 25),
        pts=tuple(range(total)),
        last=1,
        keys=keys,
        fps=Fraction(25),
        turn=0,
        mirrored=False,
        aspect=Fraction(1),
        depth=8,
        sounds=(),
        subtitles=(),
        notes=(),
        digest="",
        counted=False,
    )


@pytest.mark.parametrize(
    ("total", "count"),
    [(1, 1), (FEW - 1, 1), (FEW, 2), (SOME - 1, 2), (SOME, 4), (4 * CHUNK, 4), (4 * CHUNK + 1, 5), (9 * CHUNK, 9)],
)
@pytest.mark.parametrize("every", [None, 1, 7, 50, 250])
def test_chunks_cover_every_frame_once(total: int, count: int, every: int | None) -> None:
    found = chunks_of(named(total, tuple(range(0, total, every)) if every else ()))
    assert (found[0][0], found[-1][1], len(found)) == (0, total, count)
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert all(start < stop for start, stop in found)


def test_chunks_begin_at_key_frames_that_are_near() -> None:
    assert chunks_of(named(100, (0, 30, 62, 90))) == ((0, 62), (62, 100))
    assert chunks_of(named(100, (0, 99))) == ((0, 50), (50, 100))
    assert chunks_of(named(400, (0, 110, 190, 230, 290))) == ((0, 110), (110, 190), (190, 290), (290, 400))


def test_written_down_and_read_it_is_the_same(clip: Path) -> None:
    order = ordered(clip, way=Way((32, 24), None, 7, True, 0.3, 64), coding=Coding("h265", 30.0), container="mov")
    again = Commission.read(json.loads(json.dumps(order.said())))
    assert again.said() == order.said()
    assert again.key == order.key
    assert (again.way, again.coding, again.chunks) == (order.way, order.coding, order.chunks)
    assert again.track.at(0.37).z.equal(order.track.at(0.37).z)
    assert order.frames == 30


CHANGES: list[dict[str, Any]] = [
    {"digest": "0"},
    {"way": Way((64, 48), seed=1)},
    {"way": Way((64, 48), stability=0.7)},
    {"way": Way((64, 48), keep_colors=True)},
    {"way": Way((64, 48), work=None)},
    {"way": Way((32, 24))},
    {"coding": Coding("h265")},
    {"coding": Coding(crf=30)},
    {"device": "cuda:0"},
    {"precision": "bf16"},
    {"threads": 2},
    {"chunks": ((0, 30),), "container": "mov"},
    {"chunks": ((0, 15), (15, 30))},
    {"track": Track.still(Style(torch.ones(1, 64)))},
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda change: "+".join(change))
def test_another_film_has_another_key(clip: Path, changes: dict[str, Any]) -> None:
    order = ordered(clip)
    assert replace(order).key == order.key
    assert replace(order, **changes).key != order.key


def test_every_engine_makes_a_film_of_its_own(clip: Path) -> None:
    pytest.importorskip("openvino")
    order = ordered(clip)
    assert len({replace(order, way=replace(order.way, engine=engine)).key for engine in ENGINES}) == len(ENGINES)


def test_the_key_does_not_depend_on_where_the_clip_lies_but_on_the_weights(clip: Path, home: Path) -> None:
    order = ordered(clip)
    moved = home / "elsewhere" / "other.mp4"
    moved.parent.mkdir()
    shutil.copy(clip, moved)
    assert ordered(moved).key == order.key
    network = weights.load("tiny")
    network.presets.neg_()  # type: ignore[union-attr, operator]
    weights.save(network, home / "home/data/weights/tiny.safetensors", weights.card("tiny"))
    assert order.key != ordered(moved).key


def shown(path: Path) -> list[np.ndarray]:
    return [pixels for _, pixels in decoded(path)]


def test_a_chunk_is_what_a_painter_paints_that_began_a_few_frames_before(clip: Path, home: Path) -> None:
    order = ordered(clip, chunks=((0, 20), (20, 30)), coding=EXACT)
    source, counted = probe(clip), []
    order.paint(1, home / "chunk.mp4", lambda: counted.append(1))
    assert len(counted) == 10 + WARM_UP
    assert [at for at, _ in decoded(home / "chunk.mp4")] == list(source.pts[20:])
    painter = FramePainter(Stylizer.from_pretrained("tiny", device="cpu", precision="fp32"), order.track, order.way)
    with computing_with(1):
        painted = [painter(frame, source.seconds(20 - WARM_UP + n)) for n, frame in enumerate(frames(source, 20 - WARM_UP))]
    for wanted, made in zip(painted[WARM_UP:], shown(home / "chunk.mp4"), strict=True):
        assert np.array_equal(rgb_of(yuv_of(frame_of(wanted), "yuv420p")), made)


def test_without_stability_nothing_is_painted_before_a_chunk(clip: Path, home: Path) -> None:
    counted: list[int] = []
    order = ordered(clip, chunks=((0, 20), (20, 30)), way=Way((64, 48), stability=0))
    order.paint(1, home / "chunk.mp4", lambda: counted.append(1))
    assert len(counted) == 10


def test_painting_again_makes_the_same_bytes_and_leaves_threads_alone(clip: Path, home: Path) -> None:
    order, before = ordered(clip), torch.get_num_threads()
    with computing_with(2):
        for name in ("a.mp4", "b.mp4"):
            order.paint(0, home / name)
            assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before
    assert (home / "a.mp4").read_bytes() == (home / "b.mp4").read_bytes()


def test_a_clip_that_was_replaced_or_is_gone_is_refused(clip: Path, home: Path) -> None:
    order = ordered(clip, chunks=((0, 15), (15, 30)))
    order.paint(0, home / "0.mp4")
    film(clip, pan(30, seed=4), options=OPEN)
    with pytest.raises(UsageError, match="another clip"):
        order.paint(1, home / "1.mp4")
    clip.unlink()
    with pytest.raises(UnreadableInput, match="does not exist"):
        order.paint(1, home / "1.mp4")
    assert not (home / "1.mp4").exists()


def test_a_chunk_that_is_stopped_is_not_there(clip: Path, home: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    place = home / "chunks"
    with pytest.raises(KeyboardInterrupt):
        ordered(clip).paint(0, place / "0.mp4", stop)
    assert list(place.iterdir()) == []


# ---- the folder ----


@pytest.fixture
def folder(clip: Path, home: Path) -> Folder:
    folder = Folder.of(home / "film.mp4")
    folder.begin(ordered(clip, chunks=((0, 10), (10, 20), (20, 30))))
    return folder


def test_the_plan_in_a_folder_is_the_commission(clip: Path, folder: Folder) -> None:
    assert folder.path.name == ".film.mp4.chunks"
    assert folder.commission().key == folder.key()
    assert folder.missing(folder.commission()) == [0, 1, 2]
    folder.chunk(1).touch()
    assert folder.missing(folder.commission()) == [0, 2]


def test_a_new_plan_does_not_inherit_chunks(clip: Path, folder: Folder) -> None:
    folder.chunk(1).touch()
    folder.begin(ordered(clip))
    assert [path.name for path in folder.path.iterdir()] == [Folder.MANIFEST]


def test_clearing_takes_away_what_killed_workers_left(folder: Folder) -> None:
    (folder.path / ".00001.ab12cd34.mp4").touch()
    (folder.path / ".manifest.ab12cd34.json").touch()
    folder.clear()
    assert not folder.path.exists()
    assert folder.key() is None
    folder.clear()


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", "{}", '{"key": "a"}', "\0\0"])
def test_a_damaged_plan_is_refused(folder: Folder, damage: str) -> None:
    (folder.path / Folder.MANIFEST).write_text(damage)
    with pytest.raises(UnreadableInput, match="missing or damaged"):
        folder.commission()
    assert folder.is_damaged() == (damage != '{"key": "a"}')


@pytest.mark.parametrize(
    ("name", "value"),
    [("track", [{"start": 0}]), ("way", {}), ("way", {"size": None, "stability": 9}), ("chunks", [[1]])],
)
def test_a_plan_with_damaged_parts_is_refused(folder: Folder, name: str, value: object) -> None:
    file = folder.path / Folder.MANIFEST
    file.write_text(json.dumps({**json.loads(file.read_text()), name: value}))
    with pytest.raises(MapstoError):
        folder.commission().track.at(0)
