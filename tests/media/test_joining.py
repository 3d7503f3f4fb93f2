from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filming import OPEN, content, decoded, film, noise, turned
from mapsto.errors import MapstoError, NoSpace, UnreadableInput, UsageError
from mapsto.media import joining, video
from mapsto.media.clip import Clip, frames, probe
from mapsto.media.joining import join, verify
from mapsto.media.video import Coding, FilmWriter

av = pytest.importorskip("av")

TICK = Fraction(1, 90000)
UNEVEN = [5000 + at for at in (0, 3000, 6001, 9000, 15000, 15100, 20000, 24000, 27003, 30000, 33000, 40000, 43000, 46000)]
SETTINGS = {"style": "ink", "seeds": [1, 2], "name": "é 漢"}


@pytest.fixture
def source(tmp_path: Path) -> Clip:
    """Fourteen frames at uneven times, the first late, with sound and subtitles."""
    path = tmp_path / "source.mp4"
    return probe(film(path, noise(14), UNEVEN, time_base=TICK, options=OPEN, sounds=["aac"], texts=["mov_text"]))


def parts(clip: Clip, cuts: Sequence[int], coding: Coding = Coding(), suffix: str = ".mp4") -> list[Path]:  # noqa: B008
    """The clip, encoded again in pieces."""
    made = []
    for start, stop in pairwise(cuts):
        made.append(clip.path.with_name(f"{clip.path.stem}-{start}-{stop}{suffix}"))
        with FilmWriter(made[-1], clip.size, time_base=clip.time_base, fps=clip.fps, coding=coding, aspect=clip.aspect) as out:
            for pts, pixels in zip(clip.pts[start:stop], frames(clip, start, stop), strict=True):
                out.add(pixels, pts)
    return made


@pytest.mark.parametrize(
    ("coding", "inner", "suffix"),
    [
        (Coding(), ".mp4", ".mp4"),
        (Coding("h264", crf=30, speed="medium"), ".mkv", ".mov"),
        (Coding("h265"), ".mp4", ".m4v"),
        (Coding("av1", speed="12"), ".mp4", ".mp4"),
    ],
)
def test_times_and_frames_are_those_of_the_parts_to_the_tick(source: Clip, coding: Coding, inner: str, suffix: str) -> None:
    made = parts(source, (0, 5, 6, 14), coding, inner)
    target = source.path.with_name(f"film{suffix}")
    assert join(made, source, target, settings=SETTINGS) == ()
    verify(target, source)
    shown = decoded(target)
    assert [at for at, _ in shown] == list(source.pts)
    apart = [pixels for part in made for _, pixels in decoded(part)]
    assert all(np.array_equal(a, b) for a, (_, b) in zip(apart, shown, strict=True))
    assert probe(target).time_base == source.time_base
    with av.open(str(target)) as container:
        dts = [packet.dts for packet in container.demux(video=0) if packet.dts is not None]
        assert dts == sorted(set(dts))
        context = container.streams.video[0].codec_context
        tags = context.colorspace, context.color_primaries, context.color_trc, context.color_range
        assert (tags, context.codec_tag) == ((1, 1, 1, 1), {"h264": "avc1", "h265": "hvc1", "av1": "av01"}[coding.codec])


@pytest.mark.parametrize(("codec", "suffix"), [("h264", ".mkv"), ("av1", ".webm"), ("vp9", ".mkv"), ("vp9", ".webm")])
def test_matroska_rounds_to_the_nearest_millisecond(source: Clip, codec: str, suffix: str) -> None:
    target = source.path.with_name(f"film{suffix}")
    inner = ".webm" if codec == "vp9" else ".mp4"
    notes = join(parts(source, (0, 5, 14), Coding(codec), inner), source, target, settings=SETTINGS)
    verify(target, source)
    found = [at for at, _ in decoded(target)]
    late = found[0] - round(source.pts[0] * source.time_base * 1000)
    assert late == (0 if suffix == ".webm" else 21)  # AAC begins before zero, which Matroska cannot say
    wanted = [at * source.time_base * 1000 + late for at in source.pts]
    assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= Fraction(1, 2) + (late > 0) * Fraction(1, 2)
    assert video.about(target).settings == SETTINGS
    told = ["subtitles in mov_text"] if suffix == ".mkv" else ["a sound track in aac", "subtitles in mov_text"]
    assert len(notes) == len(told)
    assert all(what in note for what, note in zip(told, notes, strict=True))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_is_copied_byte_for_byte_at_its_time(tmp_path: Path, suffix: str) -> None:
    late = Fraction(1, 8)
    clip = probe(film(tmp_path / "a.mp4", noise(14), UNEVEN, time_base=TICK, sounds=["aac", "ac3"], late=late))
    target = tmp_path / f"film{suffix}"
    assert join(parts(clip, (0, 14)), clip, target, settings=None) == ()
    theirs, ours = content(clip.path, "audio"), content(target, "audio")
    assert [[data for _, data in track] for track in theirs] == [[data for _, data in track] for track in ours]
    begin = decoded(target)[0][0] * probe(target).time_base - clip.pts[0] * clip.time_base
    for a, b in zip(theirs, ours, strict=True):
        assert max(abs(y - begin - x) for (x, _), (y, _) in zip(a, b, strict=True)) <= Fraction(1, 1000)


def test_subtitles_languages_and_title_are_kept(source: Clip) -> None:
    target = source.path.with_name("film.mp4")
    join(parts(source, (0, 14)), source, target, settings=SETTINGS)
    lines = [[(at, data) for at, data in track if len(data) > 2] for track in content(target, "subtitle")]
    assert [[data[2:] for _, data in track] for track in lines] == [[b"Good morning.", b"Good night."]]
    assert [[float(at) for at, _ in track] for track in lines] == [[0.1, 0.5]]
    with av.open(str(target)) as container:
        assert [track.metadata["language"] for track in container.streams] == ["und", "fra", "spa"]
        assert container.metadata["title"] == "A walk"
    join(parts(source, (0, 14)), source, target, settings=SETTINGS, strip=True)
    with av.open(str(target)) as container:
        assert [track.metadata["language"] for track in container.streams] == ["und", "fra", "spa"]
        assert not {"title", "comment"} & set(container.metadata)
    assert video.about(target).settings is None


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".webm"])
def test_settings_come_back_from_every_container(tmp_path: Path, suffix: str) -> None:
    clip = probe(film(tmp_path / "a.mp4", noise(3)))
    coding, inner = (Coding("vp9"), ".webm") if suffix == ".webm" else (Coding(), ".mp4")
    join(parts(clip, (0, 3), coding, inner), clip, tmp_path / f"film{suffix}", settings=SETTINGS)
    assert video.about(tmp_path / f"film{suffix}").settings == SETTINGS


def test_tracks_that_the_container_does_not_hold_are_left_out_aloud(tmp_path: Path) -> None:
    clip = probe(film(tmp_path / "a.mkv", noise(6), sounds=["libopus", "flac"], texts=["subrip"], time_base=Fraction(1, 1000)))
    made = parts(clip, (0, 4, 6))
    (note,) = join(made, clip, tmp_path / "film.mp4", settings=None)
    assert "subtitles" in note
    assert "write .mkv to keep it" in note
    assert len(join(made, clip, tmp_path / "film.mov", settings=None)) == 3
    assert join(made, clip, tmp_path / "film.mkv", settings=None) == ()
    for suffix in (".mp4", ".mov", ".mkv"):
        verify(tmp_path / f"film{suffix}", clip)
    lines = [data for _, data in content(tmp_path / "film.mkv", "subtitle")[0]]
    assert lines == [b"Good morning.", b"Good night."]


def test_sound_of_an_old_film_goes_into_an_mp4(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", noise(10), codec="mpeg4", sounds=["pcm_s16le"], time_base=Fraction(1, 25))
    clip = probe(path)
    assert join(parts(clip, (0, 3, 10)), clip, tmp_path / "film.mp4", settings=None) == ()
    verify(tmp_path / "film.mp4", clip)
    theirs, ours = content(path, "audio"), content(tmp_path / "film.mp4", "audio")
    assert b"".join(data for _, data in theirs[0]) == b"".join(data for _, data in ours[0])


def test_a_piece_begins_with_the_clip_and_has_its_own_sound(source: Clip) -> None:
    target, piece = source.path.with_name("film.mp4"), range(4, 11)
    join(parts(source, (4, 8, 11)), source, target, settings=None, frames=piece)
    verify(target, source, piece)
    moved = source.pts[4] - source.pts[0]
    assert [at for at, _ in decoded(target)] == [at - moved for at in source.pts[4:11]]
    begin, end = source.pts[4] * TICK, source.pts[11] * TICK
    wanted = [data for at, data in content(source.path, "audio")[0] if begin <= at < end]
    assert [data for _, data in content(target, "audio")[0]] == wanted
    with pytest.raises(MapstoError, match="has 7 frames and should have 14"):
        verify(target, source)
    with pytest.raises(MapstoError, match="shows frame"):
        verify(target, source, range(5, 12))


@pytest.mark.parametrize("cuts", [range(15), (0, 1, 2, 14), (0, 13, 14)])
def test_parts_may_be_as_short_as_a_frame(source: Clip, cuts: Sequence[int]) -> None:
    for codec in ("h264", "h265"):
        target = source.path.with_name("film.mp4")
        made = parts(source, cuts, Coding(codec))
        join(made, source, target, settings=None)
        verify(target, source)
        apart = [pixels for part in made for _, pixels in decoded(part)]
        assert all(np.array_equal(a, b) for a, (_, b) in zip(apart, decoded(target), strict=True))


def test_pixels_that_are_not_square_stay_so_when_turned(tmp_path: Path) -> None:
    path = turned(film(tmp_path / "a.mp4", noise(3), options={"x264-params": "sar=4/3"}), (0, 1, -1, 0))
    clip = probe(path)
    assert (clip.size, clip.aspect) == ((48, 64), Fraction(3, 4))
    join(parts(clip, (0, 2, 3)), clip, tmp_path / "film.mp4", settings=None)
    made = probe(tmp_path / "film.mp4")
    assert (made.size, made.aspect, made.turn) == (clip.size, clip.aspect, 0)


def test_the_same_parts_make_the_same_film(source: Clip) -> None:
    made = parts(source, (0, 7, 14))
    for suffix in (".mp4", ".mkv"):
        films = [source.path.with_name(f"{name}{suffix}") for name in "ab"]
        for target in films:
            join(made, source, target, settings=SETTINGS)
        assert films[0].read_bytes() == films[1].read_bytes()


def test_missing_wrong_and_foreign_parts_are_refused(source: Clip, tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    target.write_bytes(b"before")
    a, b, c = parts(source, (0, 5, 9, 14))
    for given, says in (
        ([a, b], "Frames 9 to 13 of .* are in no part"),
        ([a, c], "does not hold the frames of .* from 5 on"),
        ([b, a, c], "does not hold the frames of .* from 0 on"),
        ([a, b, c, c], "does not hold the frames of .* from 14 on"),
        ([a, b, tmp_path / "none.mp4"], "does not exist"),
        ([], "no parts"),
    ):
        with pytest.raises(MapstoError, match=says):
            join(given, source, target, settings=None)
    other = parts(source, (9, 14), Coding("h265"), ".mkv")[0]
    with pytest.raises(MapstoError, match="was encoded in another way"):
        join([a, b, other], source, target, settings=None)
    assert target.read_bytes() == b"before"
    with pytest.raises(UsageError, match="is no film"):
        join([a, b, c], source, tmp_path / "film.avi", settings=None)
    with pytest.raises(UsageError, match="webm does not hold pictures in h264"):
        join(parts(source, (0, 14)), source, tmp_path / "film.webm", settings=None)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.97])
def test_a_truncated_part_is_refused(source: Clip, share: float) -> None:
    a, b = parts(source, (0, 7, 14))
    b.write_bytes(b.read_bytes()[: int(b.stat().st_size * share)])
    with pytest.raises(MapstoError, match=r"damaged|does not hold the frames"):
        join([a, b], source, source.path.with_name("film.mp4"), settings=None)
    assert not source.path.with_name("film.mp4").exists()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_verify_finds_a_truncated_film(source: Clip, share: float) -> None:
    target = source.path.with_name("film.mp4")
    join(parts(source, (0, 14)), source, target, settings=None)
    target.write_bytes(target.read_bytes()[: int(target.stat().st_size * share)])
    with pytest.raises(MapstoError):
        verify(target, source)


def test_verify_finds_other_times_and_other_sound(source: Clip, tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    join(parts(source, (0, 14)), source, target, settings=None)
    later = dataclasses.replace(source, pts=(*source.pts[:9], source.pts[9] + 1, *source.pts[10:]))
    with pytest.raises(MapstoError, match=r"shows frame 9 -0\.011 ms away"):
        verify(target, later)
    sound = next(data for at, data in content(target, "audio")[0][5:])
    damaged = bytearray(target.read_bytes())
    damaged[damaged.index(sound) + len(sound) // 2] ^= 1
    target.write_bytes(damaged)
    with pytest.raises(MapstoError, match=r"Track 1 \(aac\) of .* is not that of"):
        verify(target, source)
    silent = probe(film(tmp_path / "silent.mp4", noise(14), UNEVEN, time_base=TICK))
    join(parts(silent, (0, 14)), silent, target, settings=None)
    with pytest.raises(MapstoError, match="has other tracks"):
        verify(target, source)


def test_a_full_disk_and_a_lost_source_leave_what_was_there(source: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    made, target = parts(source, (0, 14)), source.path.with_name("film.mp4")
    target.write_bytes(b"before")
    there = sorted(source.path.parent.iterdir())

    def full(*_: Any, **__: Any) -> None:
        raise av.error.FFmpegError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(joining, "merge", full)
        with pytest.raises(NoSpace, match="No space left"):
            join(made, source, target, settings=None)
    with pytest.raises(UnreadableInput, match="does not exist"):
        join(made, dataclasses.replace(source, path=source.path.with_name("gone.mp4")), target, settings=None)
    assert target.read_bytes() == b"before"
    assert sorted(source.path.parent.iterdir()) == there
