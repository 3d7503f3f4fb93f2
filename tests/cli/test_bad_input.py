from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import corpus
from darkroom import Command, photo
from filming import film, noise
from mapsto.cli import options, style
from mapsto.errors import WeightsError


def clean(error: str) -> bool:
    """Whether an error is one line that says what, and what to do."""
    return error.startswith("mapsto: ") and error.count("\n") == 1 and "Traceback" not in error


@pytest.mark.parametrize("name", corpus.BAD)
def test_a_bad_file_is_one_clear_line_and_no_result(mapsto: Command, tmp_path: Path, name: str) -> None:
    make, says = corpus.BAD[name]
    bad = make(tmp_path)
    done = mapsto("style", bad, "ink", "-o", "out/")
    assert done.code == 4
    assert clean(done.err)
    assert says.lower() in done.err.lower()
    assert not list(Path().glob("out/*"))


CLIPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (Path.touch, "is empty"),
    "text": (lambda path: path.write_text("just some words\n" * 99), "no film"),
    "a photo": (lambda path: path.write_bytes(Path("photo.jpg").read_bytes()), "no film"),
    "a playlist": (lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\nfile.ts\n"), "no film"),
    "only sound": (lambda path: _sound(path), "holds no pictures"),
    "cut off": (lambda path: _cut(path), "clip"),
    "a folder": (Path.mkdir, "is a folder"),
    "missing": (lambda path: None, "does not exist"),
}


def _sound(path: Path) -> None:
    import av

    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        container.mux(track.encode(frame))
        container.mux(track.encode(None))


def _cut(path: Path, faststart: bool = False) -> None:
    import av

    film(path, noise(20))
    if faststart:
        with av.open(str(path)) as source, av.open("fast.mp4", "w", options={"movflags": "+faststart"}) as output:
            track = output.add_stream_from_template(source.streams.video[0], opaque=True)
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = track
                    output.mux(packet)
        Path("fast.mp4").replace(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


@pytest.mark.parametrize("verb", ["style", "morph", "preview"])
@pytest.mark.parametrize("name", CLIPS)
def test_a_bad_clip_is_one_clear_line_and_no_result(
    mapsto: Command, name: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av")
    make, says = CLIPS[name]
    make(Path("clip.mp4"))
    monkeypatch.setattr("mapsto.cli.painting.load", None)  # would break
    done = mapsto(verb, "clip.mp4", *(["--path", "ink, mosaic"] if verb == "morph" else ["ink"]))
    assert (done.code, done.out) == (4, "")
    assert clean(done.err), done.err
    assert says in done.err
    assert [path.name for path in Path().iterdir() if path.name != "clip.mp4"] == ["photo.jpg"]


def test_of_a_clip_that_is_cut_off_what_is_there_is_painted_and_said(mapsto: Command) -> None:
    video = pytest.importorskip("mapsto.media.video")
    _cut(Path("clip.mp4"), faststart=True)
    done = mapsto("style", "clip.mp4", "ink", "-o", "out.mp4")
    assert done.code == 3
    assert clean(done.err), done.err
    assert "cut off" in done.err
    assert 0 < video.about("out.mp4").frames < 20


@pytest.mark.parametrize("name", ["empty", *list(corpus.BAD)[:3]])
def test_a_bad_style_picture_is_told_before_anything_is_painted(mapsto: Command, tmp_path: Path, name: str) -> None:
    bad = corpus.BAD[name][0](tmp_path) if name in corpus.BAD else _empty(tmp_path)
    done = mapsto("style", "photo.jpg", bad)
    assert done.code == (4 if bad.exists() else 2)
    assert clean(done.err)


def _empty(folder: Path) -> Path:
    (folder / "empty.png").touch()
    return folder / "empty.png"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["style"], 2, "Nothing was given"),
        (["style", "photo.jpg"], 2, "photo.jpg alone is not enough"),
        (["style", "photo.jpg", "starry-nigth"], 2, "Perhaps starry-night"),
        (["style", "ink", "photo.jpg"], 2, "ink is a style"),
        (["style", "photo.jpg", "ink:0,mosaic:0"], 2, "sum to nothing"),
        (["style", "photo.jpg", "ink:-1"], 2, "weight -1"),
        (["style", "photo.jpg", ","], 2, "No style"),
        (["style", "photo.jpg", "nowhere/painting.png"], 2, "no file called"),
        (["style", "photo.jpg", "ink", "--strength", "1.5"], 2, "strength 1.5"),
        (["style", "photo.jpg", "ink", "--strength", "much"], 2, "--strength"),
        (["style", "photo.jpg", "ink", "--strength", "nan"], 2, "strength nan"),
        (["style", "photo.jpg", "ink", "--size", "big"], 2, "'big' is not a size"),
        (["style", "photo.jpg", "ink", "--tile", "7"], 2, "'7' is no size of tiles"),
        (["style", "photo.jpg", "ink", "--seed", "-1"], 2, "seed -1"),
        (["style", "photo.jpg", "ink", "--quality", "101", "-o", "out.jpg"], 2, "quality of 101"),
        (["style", "photo.jpg", "ink", "--device", "gpu"], 2, "gpu"),
        (["style", "photo.jpg", "ink", "--precision", "fp8"], 2, "fp8"),
        (["style", "photo.jpg", "ink", "--method", "best"], 2, "best"),
        (["style", "photo.jpg", "ink", "--method", "optimize"], 2, "needs a picture"),
        (["style", "photo.jpg", "ink", "--name", "mine"], 2, "--learn"),
        (["style", "photo.jpg", "ink", "--preview-every", "5"], 2, "--method optimize"),
        (["style", "photo.jpg", "ink", "--learn", "0"], 2, "--learn"),
        (["style", "photo.jpg", "ink", "--max-pixels", "lots"], 2, "'lots'"),
        (["style", "photo.jpg", "ink", "--max-pixels", "1000"], 4, "limit"),
        (["style", "photo.jpg", "ink", "--brush", "3"], 2, "--brush"),
        (["style", "photo.jpg", "ink", "--stability", "7"], 2, "stability of 7"),
        (["style", "photo.jpg", "ink", "--workers", "0"], 2, "0 workers"),
        (["style", "photo.jpg", "ink", "-o", "out.xyz"], 2, ".xyz"),
        (["style", "photo.jpg", "ink", "-o", "out"], 2, "no extension"),
        (["style", "photo.jpg", "ink", "--format", "heic"], 2, "heic"),
        (["style", "photo.jpg", "ink", "-o", "photo.jpg/out.png"], 7, "not a folder"),
        (["style", "photo.jpg", "ink", "--weights", "nothing"], 5, "nothing"),
        (["style", ".", "ink"], 4, "-r"),
        (["draw", "photo.jpg"], 2, "draw"),
        (["info", "missing.png"], 4, "does not exist"),
        (["redo", "photo.jpg"], 4, "does not say how it was painted"),
        (["styles", "--forget", "ink"], 2, "ink"),
        (["demo", "missing.jpg"], 4, "does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(mapsto: Command, arguments: list[str], code: int, says: str) -> None:
    done = mapsto(*arguments)
    assert (done.code, done.out) == (code, "")
    assert clean(done.err), done.err
    assert says in done.err
    assert [path.name for path in Path().iterdir()] == ["photo.jpg"]


def test_programs_get_the_same_as_an_object(mapsto: Command) -> None:
    done = mapsto("style", "photo.jpg", "starry-nigth", "--json")
    said = json.loads(done.out)
    assert (said["ok"], said["command"], said["outputs"]) == (False, "style", [])
    assert said["error"] == {
        "code": 2,
        "message": "There is no style and no file called 'starry-nigth'.",
        "hint": "Perhaps starry-night?",
    }
    said = json.loads(mapsto("style", "photo.jpg", "ink", "--brush", "3", "--json").out)
    assert (said["command"], said["error"]["code"]) == ("style", 2)
    said = json.loads(mapsto("style", "photo.jpg", "ink", "-o", "-", "--json").out)
    assert "standard output" in said["error"]["message"]


def test_damaged_weights_are_told(mapsto: Command, tmp_path: Path) -> None:
    file = tmp_path / "bad.safetensors"
    file.write_bytes(b"not weights at all")
    done = mapsto("style", "photo.jpg", "ink", "--weights", file)
    assert done.code == WeightsError.exit_code
    assert clean(done.err)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told_before_painting(mapsto: Command) -> None:
    Path("locked").mkdir(mode=0o500)
    done = mapsto("style", "photo.jpg", "ink", "-o", "locked/")
    assert done.code == 7
    assert clean(done.err)


def test_the_unexpected_is_one_line_and_a_traceback_only_when_wanted(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("three\nlines\nhere")

    monkeypatch.setattr(style, "_run", broken)
    done = mapsto("style", "photo.jpg", "ink")
    assert done.code == 1
    assert clean(done.err)
    assert "ZeroDivisionError: three lines here — This is a fault of Mapsto; please report it" in done.err
    assert "Traceback" in mapsto("style", "photo.jpg", "ink", "-v").err


def test_running_out_of_memory_has_its_own_code(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(style, "_run", greedy)
    done = mapsto("style", "photo.jpg", "ink")
    assert done.code == 6
    assert "--size" in done.err


def test_names_that_are_no_text_do_not_stop_anything(mapsto: Command) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    photo(name)
    done = mapsto("style", name, "ink")
    assert done.code == 0
    assert "caf\ufffd.ink.png" in done.out
    assert Path(os.fsdecode(b"caf\xe9.ink.png")).is_file()


def test_completion_offers_names(place: Path) -> None:
    assert list(options.style_names("s")) == [] or "starry-night" in options.style_names("s")
