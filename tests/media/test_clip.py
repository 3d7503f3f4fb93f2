from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filming import HEIGHT, OPEN, TICK, WIDTH, decoded, film, noise, turned
from mapsto.errors import UnreadableInput, UsageError
from mapsto.media import clip as clips
from mapsto.media.clip import Clip, frames, is_clip, probe
from mapsto.media.containers import said_length

av = pytest.importorskip("av")

LONG = {"g": "250", "bf": "3"}
H265 = {"x265-params": "log-level=none:open-gop=1:keyint=10:min-keyint=10:bframes=4:b-adapt=0:scenecut=0"}
REFRESH = {"x264-params": "intra-refresh=1:keyint=8:bframes=0"}
UNEVEN = [0, 400, 1100, 1101, 3000, 3512, 4024, 9999, 10000, 10512, 11024, 12000, 12345, 12857, 13400, 14000, 15000, 16000]


def same_from_everywhere(path: Path) -> Clip:
    """Hold every start against decoding the whole film."""
    wanted = decoded(path)
    clip = probe(path)
    for start in range(len(clip)):
        stop = min(start + 2, len(clip))
        found = list(frames(clip, start, stop))
        assert len(found) == stop - start
        for index, pixels in zip(range(start, stop), found, strict=True):
            assert np.array_equal(pixels, wanted[index][1]), (start, index)
    return clip


@pytest.mark.parametrize(
    ("name", "codec", "options", "keys"),
    [
        ("long.mp4", "libx264", LONG, [0]),
        ("open.mp4", "libx264", OPEN, [0, 10]),
        ("open.mkv", "libx264", OPEN, [0, 10]),
        ("open265.mp4", "libx265", H265, [0, 10]),
        ("refresh.mkv", "libx264", REFRESH, None),
        ("vp9.webm", "libvpx-vp9", {"g": "10"}, [0, 10]),
        ("a.avi", "mpeg4", {"g": "8"}, [0, 8, 16]),
        ("b.avi", "libx264", {"g": "10", "bf": "0"}, [0, 10]),
        ("c.avi", "mjpeg", {"strict": "-1"}, [*range(20)]),
        ("d.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "8", "g": "8"}, [0, 8, 16]),
    ],
)
def test_any_frame_is_that_of_decoding_it_all(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], keys: list[int] | None
) -> None:
    path = film(tmp_path / name, noise(20), codec=codec, options=options)
    clip = same_from_everywhere(path)
    assert [at for at, _ in decoded(path)] == list(clip.pts)
    assert keys is None or list(clip.keys) == keys


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_frames_whose_times_are_guessed_are_counted(tmp_path: Path, codec: str) -> None:
    options = {"bf": "2", "g": "8"}
    clip = same_from_everywhere(film(tmp_path / "a.avi", noise(20), codec=codec, options=options, time_base=Fraction(1, 25)))
    assert (len(clip), clip.counted, clip.keys) == (20, True, (0,))
    assert np.abs(np.diff(clip.pts) * clip.time_base - Fraction(1, 25)).max() <= Fraction(1, 1000)


def test_uneven_times_and_a_late_start_are_kept(tmp_path: Path) -> None:
    late = [at + 54321 for at in UNEVEN]
    clip = same_from_everywhere(film(tmp_path / "a.mp4", noise(len(late)), late, options=OPEN))
    assert (list(clip.pts), clip.time_base) == (late, TICK)
    assert clip.seconds(4) == 3000 / 12800
    assert clip.duration == clip.seconds(len(clip)) > clip.seconds(17) == 16000 / 12800
    assert abs(clip.fps - Fraction(17 * 12800, 16000)) < 1


def cut(path: Path, target: Path, by: int) -> Path:
    """Copy a film without its first `by` frames, which decoding still needs: an edit list cuts them away."""
    with av.open(str(path)) as source, av.open(str(target), "w") as output:
        track = output.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - 512 * by, packet.dts - 512 * by, track
                output.mux(packet)
    return target


@pytest.mark.parametrize("by", [3, 12])
def test_what_an_edit_list_cuts_away_is_no_frame(tmp_path: Path, by: int) -> None:
    path = cut(film(tmp_path / "a.mp4", noise(20), options=OPEN), tmp_path / "b.mp4", by)
    clip = same_from_everywhere(path)
    assert list(clip.pts) == [at for at, _ in decoded(path)]
    assert len(clip) == 20 - by
    assert clip.keys == tuple(at - by for at in (0, 10) if at >= by)


MATRICES = {(0, False): (1, 0, 0, 1), (90, False): (0, 1, -1, 0), (180, False): (-1, 0, 0, -1), (270, False): (0, -1, 1, 0)}
MIRRORED = {(0, True): (-1, 0, 0, 1), (90, True): (0, 1, 1, 0), (180, True): (1, 0, 0, -1), (270, True): (0, -1, -1, 0)}


@pytest.mark.parametrize(("turn", "matrix"), (MATRICES | MIRRORED).items())
def test_frames_are_upright(tmp_path: Path, turn: tuple[int, bool], matrix: tuple[int, int, int, int]) -> None:
    stored = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    stored[8, 20] = stored[4:12, 16:24] = 255  # its middle is at (20, 8)
    path = turned(film(tmp_path / "a.mp4", [stored], options={"crf": "1", "x264-params": "sar=4/3"}), matrix)
    clip = probe(path)
    assert (clip.turn, clip.mirrored) == turn
    (shown,) = frames(clip)
    assert clip.size == shown.shape[1::-1] == ((HEIGHT, WIDTH) if turn[0] % 180 else (WIDTH, HEIGHT))
    assert clip.aspect == (Fraction(3, 4) if turn[0] % 180 else Fraction(4, 3))
    a, b, c, d = matrix
    x, y = a * (20 - 31.5) + c * (8 - 23.5), b * (20 - 31.5) + d * (8 - 23.5)  # the display matrix, about the middle
    rows, columns = np.nonzero(shown[..., 0] > 128)
    assert abs(columns.mean() - (clip.size[0] - 1) / 2 - x) < 1.5
    assert abs(rows.mean() - (clip.size[1] - 1) / 2 - y) < 1.5


COLOURS = np.array([[200, 40, 40], [40, 180, 60], [50, 60, 220], [128, 128, 128], [240, 240, 240], [20, 20, 20]], np.uint8)
EXACT = {"crf": "1", "preset": "ultrafast"}


def patches(rows: int = HEIGHT) -> np.ndarray:
    return np.tile(COLOURS.repeat(16, 0), (rows, 1, 1))


@pytest.mark.parametrize(
    ("matrix", "number", "rows", "full", "pixels"),
    [
        ("ITU709", 1, HEIGHT, False, "yuv420p"),
        ("ITU601", 6, HEIGHT, False, "yuv420p"),
        ("ITU601", 5, 720, False, "yuv420p"),
        ("BT2020", 9, HEIGHT, False, "yuv420p"),
        ("ITU709", 1, HEIGHT, True, "yuv420p"),
        ("ITU601", 6, HEIGHT, True, "yuvj420p"),
        ("ITU709", 1, HEIGHT, False, "yuv420p10le"),
        ("ITU709", 1, HEIGHT, True, "yuv420p10le"),
        ("ITU601", 2, HEIGHT, False, "yuv420p"),
        ("ITU709", 2, 720, False, "yuv420p"),
    ],
)
def test_colours_follow_matrix_and_range(tmp_path: Path, matrix: str, number: int, rows: int, full: bool, pixels: str) -> None:
    tags = {"colorspace": number}
    path = film(tmp_path / "a.mp4", [patches(rows)], matrix=matrix, full=full, pixels=pixels, tags=tags, options=EXACT)
    clip = probe(path)
    (shown,) = frames(clip)
    assert clip.depth == (10 if "10" in pixels else 8)
    assert np.abs(shown[20, 8::16].astype(int) - COLOURS).max() <= 4


@pytest.mark.parametrize(
    ("tags", "says"),
    [({"color_trc": 16}, "high dynamic range"), ({"color_trc": 18}, "high dynamic range"), ({"color_primaries": 9}, "BT.2020")],
)
def test_colours_that_will_look_pale_are_told(tmp_path: Path, tags: dict[str, int], says: str) -> None:
    (note,) = probe(film(tmp_path / "a.mp4", noise(1), tags=tags)).notes
    assert says in note


def test_interlacing_is_told(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", noise(3), options={"x264-params": "interlaced=1"})
    assert ["interlaced" in note for note in probe(path).notes] == [True]
    assert probe(film(tmp_path / "b.mp4", noise(3))).notes == ()


def test_the_digest_is_that_of_the_pictures(tmp_path: Path) -> None:
    first = probe(film(tmp_path / "a.mp4", noise(6)))
    shutil.copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert probe(tmp_path / "b.mp4").digest == first.digest
    assert probe(film(tmp_path / "c.mp4", noise(6), sounds=["aac"])).digest == first.digest
    assert probe(film(tmp_path / "d.mp4", noise(7)[1:])).digest != first.digest
    assert probe(film(tmp_path / "e.mp4", noise(6), [0, 512, 1024, 1536, 2048, 2600])).digest != first.digest


def test_tracks_are_named(tmp_path: Path) -> None:
    clip = probe(film(tmp_path / "a.mkv", noise(3), sounds=["aac", "flac"], texts=["subrip"]))
    assert (clip.sounds, len(clip.subtitles)) == (("aac", "flac"), 1)
    assert is_clip("A.MKV")
    assert not is_clip("a.png")


CONCAT = b"ffconcat version 1.0\nfile real.mp4\n"
HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.mp4\n#EXT-X-ENDLIST\n"
SUBTITLES = b"1\n00:00:00,000 --> 00:00:01,000\nnot a film\n\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CONCAT, "perhaps a playlist"),
        (HLS, "damaged or no film"),
        (SUBTITLES, "damaged or no film|playlist"),
        (b"no film at all\n" * 99, "damaged or no film"),
        (b"", "empty"),
        (None, "does not exist"),
    ],
)
def test_what_is_no_film_is_refused_whatever_it_is_called(tmp_path: Path, content: bytes | None, says: str) -> None:
    film(tmp_path / "real.mp4", noise(2))
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableInput, match=says):
        probe(path)


def test_a_playlist_would_be_opened_without_the_whitelist(tmp_path: Path) -> None:
    film(tmp_path / "real.mp4", noise(2))
    (tmp_path / "a.mp4").write_bytes(CONCAT)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.format.name == "concat"


def test_folders_and_sound_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="is a folder"):
        probe(tmp_path)
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        track = container.add_stream("aac", rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        sound.sample_rate = 48000
        container.mux([*track.encode(sound), *track.encode(None)])
    with pytest.raises(UnreadableInput, match="holds no pictures"):
        probe(tmp_path / "a.mp4")


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("share", [0.67, 0.7, 0.75, 0.8, 0.85, 0.9, 0.97])
def test_of_a_film_cut_off_in_the_middle_what_is_there_counts(tmp_path: Path, fast: bool, share: float) -> None:
    path = film(tmp_path / "a.mp4", noise(20))
    if fast:
        with av.open(str(path)) as source, av.open(str(tmp_path / "b.mp4"), "w", options={"movflags": "faststart"}) as output:
            track = output.add_stream_from_template(source.streams.video[0], opaque=True)
            for packet in source.demux(video=0):
                packet.stream = track
                output.mux([packet] if packet.dts is not None else [])
        path = tmp_path / "b.mp4"
    content = path.read_bytes()
    whole = list(frames(probe(path)))
    path.write_bytes(content[: int(len(content) * share)])
    if not fast:  # its index was at the end
        with pytest.raises(UnreadableInput, match=r"cut off|damaged|cannot decode"):
            probe(path)
        return
    clip = probe(path)
    found = list(frames(clip))
    assert "cut off" in clip.cut
    assert 0 < len(clip) == len(found) < len(whole)
    assert all(np.array_equal(a, b) for a, b in zip(found[:2], whole, strict=False))


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.webm", "libvpx-vp9")])
@pytest.mark.parametrize("share", [1, 0.6])
def test_a_cut_off_matroska_file_says_how_long_it_was(tmp_path: Path, name: str, codec: str, share: float) -> None:
    path = film(tmp_path / name, noise(20), codec=codec, sounds=["libopus"])
    content = path.read_bytes()
    assert said_length(path) == len(content)
    path.write_bytes(content[: int(len(content) * share)])
    clip = probe(path)
    there = path.stat().st_size
    cut = f"{path} is cut off: it says it has {len(content):,} bytes and holds {there:,}."
    assert clip.cut == ("" if share == 1 else cut)
    assert 0 < len(clip) == len(list(frames(clip)))


def test_a_matroska_file_that_was_written_as_it_came_says_no_length(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w", options={"live": "1"}) as output:
        track = output.add_stream("libx264", rate=25)
        track.width, track.height, track.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in noise(4):
            output.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(track.encode(None))
    assert (said_length(path), probe(path).cut) == (0, "")
    path.write_bytes(b"\x1a\x45\xdf\xa3")
    assert said_length(path) == 0


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "says"),
    [
        ("a.mkv", "libx264", "yuv420p10le", ["10 bits a colour"]),
        ("a.mov", "prores_ks", "yuva444p10le", ["bits a colour", "transparent"]),
        ("a.webm", "libvpx-vp9", "yuva420p", ["transparent"]),
        ("a.mkv", "libx264", "yuv420p", []),
    ],
)
def test_what_painting_leaves_out_is_told(tmp_path: Path, name: str, codec: str, pixels: str, says: list[str]) -> None:
    notes = probe(film(tmp_path / name, noise(2), codec=codec, pixels=pixels)).notes
    assert len(notes) == len(says)
    assert all(word in note for word, note in zip(says, notes, strict=True))


def test_damage_is_told_with_its_time_and_not_before(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", noise(20), codec="libvpx-vp9", options={"g": "5", "lag-in-frames": "0"})
    clip = probe(path)
    with av.open(str(path)) as container:
        bad = next(packet for packet in container.demux(video=0) if packet.pts == clip.pts[12])
        start = path.read_bytes().index(bytes(bad))
    content = bytearray(path.read_bytes())
    content[start : start + 1] = b"\0"  # no VP9 frame begins so
    path.write_bytes(content)
    wanted = noise(20)
    found = []
    with pytest.raises(UnreadableInput, match=r"damaged near 0:00\.(4|5|6)"):
        for pixels in frames(clip):
            found.append(pixels)
    assert 4 <= len(found) <= 12
    assert len(list(frames(clip, 15, 20))) == len(wanted[15:20])


def dropping(lost: set[int], clip: Clip) -> Any:
    real = clips.decoded_from
    times = {clip.pts[index] for index in lost}

    def some(*arguments: Any) -> Iterator[Any]:
        yield from (frame for frame in real(*arguments) if frame.pts not in times)

    return some


def test_for_a_frame_that_the_decoder_leaves_out_the_one_before_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "a.mp4", noise(20), options=OPEN)
    clip, whole = probe(path), list(frames(probe(path)))
    monkeypatch.setattr(clips, "decoded_from", dropping({7, 8, 19}, clip))
    shown = [*range(7), 6, 6, *range(9, 19), 18]
    assert all(np.array_equal(a, whole[b]) for a, b in zip(frames(clip), shown, strict=True))
    assert all(np.array_equal(a, whole[b]) for a, b in zip(frames(clip, 8, 10), (6, 9), strict=True))
    monkeypatch.setattr(clips, "decoded_from", dropping({0}, clip))
    with pytest.raises(UnreadableInput, match=r"0:00\.00 cannot be decoded"):
        next(frames(clip))


def test_a_second_of_frames_that_do_not_come_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = probe(film(tmp_path / "a.mp4", noise(40)))
    monkeypatch.setattr(clips, "decoded_from", dropping(set(range(5, 40)), clip))
    found = frames(clip)
    with pytest.raises(UnreadableInput, match=r"the frame at 0:01\.\d\d cannot"):
        for _ in range(40):
            next(found)


def test_only_parts_of_the_clip_can_be_asked_for(tmp_path: Path) -> None:
    clip = probe(film(tmp_path / "a.mp4", noise(3)))
    assert list(frames(clip, 3)) == list(frames(clip, 1, 1)) == []
    for start, stop in ((-1, 2), (0, 4), (2, 1)):
        with pytest.raises(UsageError, match="no part of"):
            frames(clip, start, stop)


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files")
def test_nothing_stays_open(tmp_path: Path) -> None:
    clip = probe(film(tmp_path / "a.mp4", noise(20)))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    found = frames(clip, 3)
    next(found)
    assert len(os.listdir("/proc/self/fd")) > before  # noqa: PTH208
    found.close()  # type: ignore[attr-defined]
    for taken in (1, 20):
        dropped = frames(clip)
        for _ in range(taken):
            next(dropped)
        del dropped
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert not any(thread.name.startswith("mapsto-") for thread in threading.enumerate())
