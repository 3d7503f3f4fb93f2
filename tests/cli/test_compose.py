from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from composers import STYLES, network, piece
from darkroom import Command
from mapsto import __version__, weights
from mapsto.cli import compose as verb
from mapsto.cli.app import run
from mapsto.cli.composition import Composition, _played_by, composition_of, voices_of
from mapsto.errors import UnreadableInput, UsageError
from mapsto.files import sha256
from mapsto.media import picture
from mapsto.sound.composer import Composer
from mapsto.sound.manner import How
from mapsto.sound.score import Meter, Note, Score, Track
from tunes import midi, strokes

BAND = ("--model", "band")


@pytest.fixture(autouse=True)
def band(place: Path) -> Path:
    """A composer called band, in this test's home; and two pieces to begin with."""
    card: dict[str, Any] = {"recipe": "random", "data": "none", "licence": "none", "meters": {"polish-dance": "3/4"}}
    path = place.parent / "home/data/weights/band.safetensors"
    weights.save(network(), path, card)
    for seed, name in enumerate(("a.mid", "b.mid")):
        Score.of_grid(piece(2, seed=seed), key="C").save(name)
    return path


def clean(error: str) -> bool:
    """Whether an error is one line that says what, and what to do."""
    return error.startswith("mapsto: ") and error.count("\n") == 1 and "Traceback" not in error


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir() if path.name not in ("photo.jpg", "a.mid", "b.mid"))


# ---- every way of composing ----


def test_a_style_becomes_a_piece_that_says_how_it_was_made(mapsto: Command) -> None:
    done = mapsto("compose", "ragtime:0.6,lied:0.4", "--bars", 2, "--seed", 3, "--key", "d", "--tempo", 100, *BAND)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ragtime-lied.3.mid  2 bars in D, 4/4  ")
    assert done.out.endswith(" s  seed 3\n")
    song = Score.read("ragtime-lied.3.mid")
    assert (song.bars, song.key, song.tempo_bpm) == (2, "D", 100)
    assert song.styles == ((("ragtime", 0.6), ("lied", 0.4)),) * 2
    settings = dict(song.settings)
    assert settings.pop("torch")
    assert settings == {
        "mapsto": __version__,
        "command": "compose",
        "way": "blend",
        "styles": "ragtime:0.6,lied:0.4",
        "bars": 2,
        "seed": 3,
        "amount": 0.3,
        "model": "band",
        "meter": None,
        "key": "d",
        "tempo_bpm": 100.0,
        "blend": "product",
        "temperature": 1.0,
        "guidance": 2.0,
        "density": None,
        "voices": None,
        "form": None,
        "instruments": None,
        "drums": None,
        "sources": [],
        "weights": {"band": weights.digest("band")},
    }


def test_the_command_gives_what_python_gives(mapsto: Command) -> None:
    composer = Composer.from_pretrained("band")
    given, other = Score.read("a.mid"), Score.read("b.mid")
    wanted = {
        ("lied", "--meter", "6/8", "--density", "9"): composer.blend("lied", bars=2, seed=1, meter="6/8", density=9.0),
        ("--path", "lied, ragtime@2"): composer.path("lied, ragtime@2", bars=2, seed=1),
        ("lied", "--continue", "a.mid"): composer.continued(given, 2, "lied", seed=1),
        ("--continue", "a.mid"): composer.continued(given, 2, seed=1),
        ("--variation", "a.mid", "--amount", "0.6"): composer.variation(given, 0.6, seed=1),
        ("--morph", "a.mid", "b.mid"): composer.morph(given, other, 2, seed=1),
        (
            "lied",
            "--blend",
            "mixture",
            "--voices",
            "bass=ragtime",
            "--temperature",
            "1.2",
            "--guidance",
            "2",
            "--form",
            "pairs",
        ): (
            composer.blend(
                "lied", bars=2, seed=1, blend="mixture", voices={"bass": "ragtime"}, temperature=1.2, guidance=2.0, form="pairs"
            )
        ),
    }
    for number, (arguments, song) in enumerate(wanted.items()):
        length = () if "--variation" in arguments else ("--bars", 2)
        done = mapsto("compose", *arguments, *length, "--seed", 1, "-o", f"{number}.mid", *BAND)
        assert done.code == 0, done.err
        made = Score.read(f"{number}.mid")
        assert (made.tracks, made.meter, made.key, made.tempo_bpm) == (song.tracks, song.meter, song.key, song.tempo_bpm)
        assert made.styles == song.styles


def test_pieces_are_named_after_what_they_came_from(mapsto: Command) -> None:
    for arguments in (["lied"], ["--path", "lied@1,ragtime@2"], ["--continue", "a.mid"], ["--variation", "a.mid"]):
        length = () if "--variation" in arguments else ("--bars", 2)
        assert mapsto("compose", *arguments, *length, *BAND).code == 0
    assert names() == ["a.continue.0.mid", "a.variation.0.mid", "lied-ragtime.0.mid", "lied.0.mid"]


@pytest.mark.parametrize("suffix", [".mid", ".midi", ".musicxml", ".png", ".svg"])
def test_every_format_is_written_and_read_again(mapsto: Command, suffix: str) -> None:
    done = mapsto("compose", "lied", "--bars", 1, "-o", f"tune{suffix}", *BAND)
    assert done.code == 0, done.err
    assert names() == [f"tune{suffix}"]
    content = Path(f"tune{suffix}").read_bytes()
    start = {".png": b"\x89PNG", ".svg": b"<", ".musicxml": b"<?xml"}.get(suffix, b"MThd")
    assert content.startswith(start)


def test_a_score_is_drawn_beside_the_piece(mapsto: Command) -> None:
    done = mapsto("compose", "lied", "--bars", 1, "-o", "tune.mid", "--score", "--json", *BAND)
    assert done.code == 0, done.err
    assert names() == ["tune.mid", "tune.png"]
    outputs = json.loads(done.out)["outputs"]
    assert [each["path"] for each in outputs] == ["tune.mid", "tune.png"]
    for each in outputs:
        assert each["sha256"] == sha256(Path(each["path"]))
        assert {"bars", "notes", "key", "meter", "tempo_bpm", "seed", "seconds"} < set(each)
    assert (picture.settings("tune.png") or {})["command"] == "compose"
    assert mapsto("compose", "lied", "--bars", 1, "-o", "tune.png", "--score", *BAND).code == 0  # once is enough


def test_a_wav_is_played_beside_the_piece(mapsto: Command, monkeypatch: pytest.MonkeyPatch, band: Path) -> None:
    import numpy as np

    import mapsto.sound.render as renderer
    from mapsto.media.audio import Sound

    monkeypatch.setattr(verb, "INSTRUMENTS", "band")
    played: list[Score] = []

    def silence(score: Score, *given: Any, **more: Any) -> Sound:
        played.append(score)
        return Sound(np.zeros((2, 4410), np.float32), 44100)

    monkeypatch.setattr(renderer, "render", silence)
    done = mapsto("compose", "lied", "--bars", 1, "-o", "tune.mid", "--wav", *BAND)
    assert done.code == 0, done.err
    assert names() == ["tune.mid", "tune.wav"]
    assert played[0].tracks == Score.read("tune.mid").tracks


def test_one_says_who_plays(mapsto: Command) -> None:
    done = mapsto("compose", "lied", "--bars", 1, "--instruments", "melody=oboe,bass=cello", "-o", "tune.mid", *BAND)
    assert done.code == 0, done.err
    song = Score.read("tune.mid")
    players = {track.name: track.instrument for track in song.tracks}
    assert (players["melody"], players["bass"]) == ("oboe", "cello")
    assert song.settings["instruments"] == "melody=oboe,bass=cello"
    assert mapsto("redo", "tune.mid").err == "It is identical to tune.mid.\n"
    for bad, says in (("melody=obo", "oboe"), ("nobody=flute", "nobody")):
        done = mapsto("compose", "lied", "--bars", 1, "--instruments", bad, "-o", "other.mid", *BAND)
        assert (done.code, says in done.err, Path("other.mid").exists()) == (2, True, False)


def test_players_of_voices_that_are_silent_in_this_piece_are_not_missed() -> None:
    tune = Score((Track("melody", (Note(0, 12, 60, 90),)),), Meter(4, 4))
    played = _played_by(tune, "melody=oboe,bass=cello")
    assert [(track.name, track.instrument) for track in played.tracks] == [("melody", "oboe")]
    with pytest.raises(UsageError, match="no track called 'bas'"):
        _played_by(tune, "bas=cello")


def test_without_instruments_nothing_is_composed_that_could_not_be_played(mapsto: Command, monkeypatch: Any) -> None:
    monkeypatch.setattr(verb, "INSTRUMENTS", "nobody")
    done = mapsto("compose", "lied", "--bars", 1, "-o", "tune.mid", "--wav", *BAND)
    assert (done.code, names()) == (5, [])
    assert "no weights called 'nobody'" in done.err


def test_drums_play_beside_the_piece_in_every_file(mapsto: Command) -> None:
    assert mapsto("compose", "lied", "--bars", 2, "--seed", 3, "-o", "plain.mid", *BAND).code == 0
    done = mapsto(
        "compose", "lied", "--bars", 2, "--seed", 3, "--drums", "rock:0.7,funk:0.3", "-o", "tune.mid", "--score", *BAND
    )
    assert done.code == 0, done.err
    song, plain = Score.read("tune.mid"), Score.read("plain.mid")
    assert song.tracks[:-1] == plain.tracks
    assert song.tracks[-1].drums
    assert song.settings["drums"] == "rock:0.7,funk:0.3"
    assert set(song.settings["weights"]) == {"band", "drummer"}
    assert mapsto("redo", "tune.mid").err == "It is identical to tune.mid.\n"
    assert mapsto("compose", "lied", "--bars", 2, "--drums", "rock", "-o", "tune.musicxml", *BAND).code == 0
    assert "<unpitched>" in Path("tune.musicxml").read_text("utf-8")


def test_drums_begin_where_a_piece_is_gone_on_from(mapsto: Command) -> None:
    given = Score.read("a.mid")
    assert mapsto("compose", "--continue", "a.mid", "--bars", 2, "--drums", "rock", "-o", "on.mid", *BAND).code == 0
    (drums,) = [track for track in Score.read("on.mid").tracks if track.drums]
    assert min(note.start for note in drums.notes) >= given.ticks
    done = mapsto("compose", "--variation", "on.mid", "--drums", "rock", "-o", "again.mid", *BAND)
    assert (done.code, clean(done.err)) == (2, True)
    assert "There are drums in this piece already" in done.err


# ---- redo ----


@pytest.mark.parametrize(
    "arguments",
    [
        ["lied:0.5,ragtime:0.5"],
        ["--path", "lied, ragtime@2"],
        ["lied", "--continue", "a.mid"],
        ["--variation", "a.mid", "--amount", "0.5"],
        ["--morph", "a.mid", "b.mid"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_piece_made_again_is_identical(mapsto: Command, arguments: list[str]) -> None:
    length = () if "--variation" in arguments else ("--bars", 2)
    assert mapsto("compose", *arguments, *length, "--seed", 4, "-o", "tune.mid", *BAND).code == 0
    done = mapsto("redo", "tune.mid")
    assert done.code == 0, done.err
    assert done.err == "It is identical to tune.mid.\n"
    assert Path("tune.redo.mid").read_bytes() == Path("tune.mid").read_bytes()


def test_a_piano_roll_is_enough_to_have_the_piece_again(mapsto: Command) -> None:
    assert mapsto("compose", "lied", "--bars", 1, "-o", "tune.mid", "--score", *BAND).code == 0
    assert mapsto("redo", "tune.png", "-o", "again.mid").code == 0
    assert Path("again.mid").read_bytes() == Path("tune.mid").read_bytes()


def test_a_source_that_is_gone_or_another_is_told(mapsto: Command) -> None:
    mapsto("compose", "--variation", "a.mid", "-o", "tune.mid", *BAND)
    Path("a.mid").write_bytes(Path("b.mid").read_bytes())
    done = mapsto("redo", "tune.mid")
    assert (done.code, clean(done.err)) == (2, True)
    assert "a.mid, which it was made from, is not beside tune.mid" in done.err


def test_other_weights_are_told(mapsto: Command, band: Path) -> None:
    mapsto("compose", "lied", "--bars", 1, "-o", "tune.mid", *BAND)
    weights.save(network(seed=1), band, {"recipe": "other", "data": "none", "licence": "none"})
    done = mapsto("redo", "tune.mid")
    assert "The weights band are not those of then: notes will differ." in done.err
    assert "It is not identical to tune.mid." in done.err


SETTINGS: dict[str, Any] = {"mapsto": "0", "command": "compose", "way": "blend", "styles": "lied", "bars": 1, "model": "band"}


@pytest.mark.parametrize(
    "damage",
    [
        {"way": "jump"},
        {"way": None},
        {"bars": "many"},
        {"bars": True},
        {"bars": 2.5},
        {"seed": None},
        {"amount": "much"},
        {"temperature": None},
        {"density": "x"},
        {"styles": ["lied"]},
        {"model": 5},
        {"key": {"a": 1}},
        {"voices": 3},
        {"form": False},
    ],
    ids=str,
)
def test_damaged_settings_are_no_crash(mapsto: Command, damage: dict[str, Any]) -> None:
    with pytest.raises(UnreadableInput, match="are damaged"):
        composition_of({**SETTINGS, **damage})
    Score.of_grid(piece(1), settings={**SETTINGS, **damage}).save("tune.mid")
    done = mapsto("redo", "tune.mid")
    assert (done.code, clean(done.err), names()) == (4, True, ["tune.mid"])


@pytest.mark.parametrize("sources", ["a.mid", [1], [{"name": 1}], {"name": "a.mid"}], ids=str)
def test_damaged_sources_are_no_crash(mapsto: Command, sources: Any) -> None:
    settings = {**SETTINGS, "way": "variation", "sources": sources}
    Score.of_grid(piece(1), settings=settings).save("tune.mid")
    done = mapsto("redo", "tune.mid")
    assert done.code in (2, 4)
    assert "Traceback" not in done.err
    assert "unexpected" not in done.err
    assert names() == ["tune.mid"]


@pytest.mark.parametrize("way", ["continue", "variation", "morph"])
def test_settings_without_the_pieces_they_need_are_damaged(mapsto: Command, way: str) -> None:
    Score.of_grid(piece(1), settings={**SETTINGS, "way": way, "sources": []}).save("tune.mid")
    done = mapsto("redo", "tune.mid")
    assert (done.code, clean(done.err)) == (4, True)


def test_settings_come_back_as_they_were() -> None:
    work = Composition("path", "lied, ragtime", 8, 3, tempo_bpm=90.0, voices="bass=lied", form="free")
    assert composition_of(json.loads(json.dumps(work.settings([], {})))) == work
    with pytest.raises(UnreadableInput, match="not complete"):
        composition_of({"way": "blend"})


# ---- what cannot be ----


def _drums(path: Path) -> None:
    Score((Track("d", (Note(0, 3, 36),), "drums", drums=True),)).save(path)


def _five(path: Path) -> None:
    Score((Track("x", (Note(0, 12, 60),)),), Meter(5, 8)).save(path)


def _cut(path: Path) -> None:
    path.write_bytes(Path("a.mid").read_bytes()[:-40])


def _silent(path: Path) -> None:
    path.write_bytes(midi(strokes()))


BAD: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "empty": (Path.touch, 4, "is empty"),
    "text": (lambda path: path.write_text("la la la\n"), 4, "is no MIDI file"),
    "a photo": (lambda path: path.write_bytes(Path("photo.jpg").read_bytes()), 4, "is no MIDI file"),
    "cut off": (_cut, 4, "is cut off or damaged"),
    "no notes": (_silent, 4, "holds no notes"),
    "a folder": (Path.mkdir, 4, "is a folder"),
    "missing": (lambda path: None, 4, "does not exist"),
    "drums only": (_drums, 2, "no notes in this piece but drums"),
    "another meter": (_five, 2, "Music in 5/8 was not learned"),
}


@pytest.mark.parametrize("way", [["--continue"], ["--variation"], ["--morph", "a.mid"]], ids=lambda way: way[0])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_piece_is_one_clear_line_and_no_result(mapsto: Command, name: str, way: list[str]) -> None:
    make, code, says = BAD[name]
    make(Path("bad.mid"))
    before = names()
    length = () if "--variation" in way else ("--bars", 2)
    done = mapsto("compose", *way, "bad.mid", *length, "-o", "out.mid", *BAND)
    assert (done.code, clean(done.err)) == (code, True), done.err
    assert says in done.err
    assert names() == before


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, f"A style is needed — As in: mapsto compose ragtime. There are {', '.join(STYLES)}."),
        (["rag-time"], 2, "no musical style called 'rag-time' — Perhaps ragtime?"),
        (["jazz"], 2, f"There are: {', '.join(STYLES)}"),
        (["lied:-1"], 2, "cannot have the weight -1"),
        (["lied:0"], 2, "sum to nothing"),
        (["lied", "--bars", "0"], 2, "0 bars cannot be composed"),
        (["lied", "--bars", "10001"], 2, "10001 bars cannot be composed"),
        (["lied", "--bars", "10000", "-o", "tune.wav"], 2, "at most 20 minutes are played"),
        (["--variation", "a.mid", "--bars", "4"], 2, "A variation is as long as the piece"),
        (["lied", "--drums", "rok"], 2, "'rok' — Perhaps rock?"),
        (["lied", "--drums", "rock:-1"], 2, "cannot have the weight -1"),
        (["lied", "--drums", "rock:0"], 2, "sum to nothing"),
        (["lied", "--drums", "rock", "--meter", "6/8"], 2, "There are no drums in 6/8"),
        (["lied", "--instruments", "flote"], 2, "no instrument called 'flote' — Perhaps flute"),
        (["lied", "--instruments", "soprano=flute"], 2, "no track called 'soprano' — There are bass, tenor, alto, melody"),
        (["lied", "--seed", "-1"], 2, "seed -1 is out of range"),
        (["lied", "--key", "H"], 2, "no key 'H'"),
        (["lied", "--meter", "7/8"], 2, "no meter '7/8'"),
        (["lied", "--form", "rondo"], 2, "no form 'rondo'"),
        (["lied", "--blend", "sum"], 2, "no blend 'sum'"),
        (["lied", "--tempo", "0"], 2, "tempo 0 is out of range"),
        (["lied", "--tempo", "nan"], 2, "tempo nan is out of range"),
        (["lied", "--temperature", "9"], 2, "temperature 9 is out of range"),
        (["lied", "--density", "0"], 2, "density 0 is out of range"),
        (["lied", "--voices", "bass"], 2, "does not say which voice has which style"),
        (["lied", "--voices", "soprano=lied"], 2, "no voice 'soprano'"),
        (["lied", "--voices", "bass=jazz"], 2, "no musical style called 'jazz'"),
        (["--path", "lied"], 2, "goes from one style to another"),
        (["--path", "lied@1,ragtime@99"], 2, "wanted in bar 99, and there are 16"),
        (["lied", "--path", "lied,ragtime"], 2, "cannot be a style and --path at once"),
        (["lied", "--morph", "a.mid", "b.mid"], 2, "cannot be a style and --morph at once"),
        (["--path", "lied,ragtime", "--variation", "a.mid"], 2, "cannot be --path and --variation at once"),
        (["--continue", "a.mid", "--variation", "a.mid"], 2, "cannot be --continue and --variation at once"),
        (["--variation", "a.mid", "--amount", "1.5"], 2, "variation by 1.5 makes no sense"),
        (["--continue", "a.mid", "--key", "D"], 2, "The key is that of the piece"),
        (["--variation", "a.mid", "--tempo", "90"], 2, "The tempo is that of the piece"),
        (["lied", "-o", "tune.mp3"], 2, "cannot be written as .mp3"),
        (["lied", "-o", "tune"], 2, "cannot be written as a file without a suffix"),
        (["lied", "-o", "photo.jpg/tune.mid"], 7, "Cannot write"),
        (["lied", "--model", "nobody"], 5, "no weights called 'nobody'"),
        (["lied", "--model", "hills"], 5, "holds a ImageModel, and a ScoreNetwork is wanted"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_one_clear_line_and_no_result(mapsto: Command, arguments: list[str], code: int, says: str) -> None:
    model = () if "--model" in arguments else BAND
    output = () if "-o" in arguments else ("-o", "tune.mid")
    done = mapsto("compose", *arguments, *model, *output)
    assert (done.code, clean(done.err)) == (code, True), done.err
    assert says in done.err
    assert names() == []


def test_files_of_others_stay_unless_one_says_so(mapsto: Command) -> None:
    Path("tune.mid").write_bytes(Path("a.mid").read_bytes())
    done = mapsto("compose", "lied", "--bars", 1, "-o", "tune.mid", *BAND)
    assert (done.code, clean(done.err)) == (2, True)
    assert "tune.mid is there already, and Mapsto did not make it" in done.err
    assert Path("tune.mid").read_bytes() == Path("a.mid").read_bytes()
    assert mapsto("compose", "lied", "--bars", 1, "-o", "tune.mid", "--overwrite", *BAND).code == 0
    assert mapsto("compose", "lied", "--bars", 1, "--seed", 2, "-o", "tune.mid", *BAND).code == 0  # now it is ours
    Path("tune.png").write_bytes(Path("photo.jpg").read_bytes())
    before = Path("tune.mid").read_bytes()
    assert mapsto("compose", "lied", "--bars", 1, "--seed", 3, "-o", "tune.mid", "--score", *BAND).code == 2
    assert Path("tune.mid").read_bytes() == before


def test_a_piece_is_not_replaced_by_what_is_made_from_it(mapsto: Command) -> None:
    before = Path("a.mid").read_bytes()
    done = mapsto("compose", "--variation", "a.mid", "-o", "./a.mid", "--overwrite", *BAND)
    assert (done.code, clean(done.err)) == (2, True)
    assert "would be replaced by what is made from it" in done.err
    assert Path("a.mid").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_told_before_composing(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mapsto.sound.composing.Composing.bars", lambda self: pytest.fail("it was composed"))
    Path("closed").write_text("a file, not a folder")
    done = mapsto("compose", "lied", "-o", "closed/tune.mid", *BAND)
    assert (done.code, clean(done.err)) == (7, True)


def test_ctrl_c_leaves_nothing_half_written(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from mapsto.sound.composing import Composing

    kept = Composing.bars

    def stopping(self: Composing) -> Any:
        for number, bar in enumerate(kept(self)):
            if number == 1:
                raise KeyboardInterrupt
            yield bar

    monkeypatch.setattr(Composing, "bars", stopping)
    done = mapsto("compose", "lied", "--bars", 3, "-o", "tune.mid", "--score", *BAND)
    assert (done.code, done.err) == (130, "mapsto: Stopped.\n")
    assert names() == []


def test_ctrl_c_while_writing_leaves_whole_files(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from mapsto.media.picture import Picture

    def stopping(self: Picture, *given: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Picture, "save", stopping)
    assert mapsto("compose", "lied", "--bars", 1, "-o", "tune.mid", "--score", *BAND).code == 130
    assert names() == ["tune.mid"]
    assert Score.read("tune.mid").bars == 1


def test_defaults_are_those_of_python() -> None:
    defaults = {name: each.default for name, each in inspect.signature(verb.compose).parameters.items()}
    for name in ("blend", "temperature", "guidance", "density", "key", "meter"):
        assert defaults[name] == getattr(How, name)
    assert verb.BARS == inspect.signature(Composer.blend).parameters["bars"].default == Composition("blend", None).bars
    assert defaults["amount"] == inspect.signature(Composer.variation).parameters["amount"].default
    work = {each: getattr(Composition("blend", None), each) for each in ("amount", "temperature", "guidance", "blend")}
    assert all(defaults[name] == value for name, value in work.items())
    assert run(["compose", "--help"]) == 0


def test_guidance_as_usual_of_earlier_files_is_the_usual_one() -> None:
    settings = asdict(Composition("blend", "lied"))
    assert composition_of({**settings, "guidance": None}) == Composition("blend", "lied")
    with pytest.raises(UnreadableInput, match="damaged"):
        composition_of({**settings, "temperature": None})


def test_voices_are_spelled_as_pairs() -> None:
    assert voices_of("bass=lied, alto = ragtime") == {"bass": "lied", "alto": "ragtime"}
    assert voices_of(None) is None
    for text in ("bass", "bass=", "=lied", ""):
        with pytest.raises(UsageError):
            voices_of(text)


# ---- what is told of a piece ----


def test_info_tells_what_a_piece_is_and_how_it_was_made(mapsto: Command) -> None:
    mapsto("compose", "--path", "lied, ragtime@3", "--bars", 4, "--key", "Bb", "--tempo", 120, "-o", "tune.mid", *BAND)
    done = mapsto("info", "tune.mid")
    lines = done.out.splitlines()
    song = Score.read("tune.mid")
    assert done.code == 0
    assert "  music       4 bars of 4/4 in Bb" in lines
    assert "  length      8.0 s at 120 quarter notes a minute" in lines
    assert f"  track       melody (piano), {len(song.tracks[0].notes):,} notes" in lines
    assert "  bars 1      lied 100%" in lines
    assert "  bars 3-4    ragtime 100%" in lines
    assert f"  weights     band {weights.digest('band')[:12]}…" in lines
    assert lines[-1] == "  again       mapsto redo tune.mid"
    said = json.loads(mapsto("info", "tune.mid", "--json").out)["data"]
    assert (said["bars"], said["meter"], said["key"], said["tempo_bpm"], said["seconds"]) == (4, "4/4", "Bb", 120.0, 8.0)
    assert said["notes"] == sum(each["notes"] for each in said["tracks"]) == sum(len(track.notes) for track in song.tracks)
    assert said["styles"][1] == {"lied": 0.5, "ragtime": 0.5}
    assert said["settings"]["command"] == "compose"


def test_info_tells_of_pieces_of_others_too(mapsto: Command) -> None:
    Score((Track("tune", (Note(0, 12, 67), Note(12, 12, 71), Note(24, 12, 74), Note(36, 12, 67))),), key="F").save("tune.mid")
    lines = mapsto("info", "tune.mid").out.splitlines()
    assert "  music       1 bar of 4/4 in F, which sounds like G" in lines
    assert "  track       tune (piano), 4 notes" in lines
    assert lines[-1] == "  settings    none: not made by Mapsto, or with --strip"
    Path("bad.mid").write_text("no")
    done = mapsto("info", "bad.mid")
    assert (done.code, clean(done.err)) == (4, True)


def test_of_a_source_its_name_and_digest_are_told(mapsto: Command) -> None:
    mapsto("compose", "--morph", "a.mid", "b.mid", "--bars", 2, "-o", "tune.mid", *BAND)
    digests = [sha256(Path(name))[:12] for name in ("a.mid", "b.mid")]
    wanted = f"  from        a.mid (sha256 {digests[0]}…), b.mid (sha256 {digests[1]}…)"
    assert wanted in mapsto("info", "tune.mid").out.splitlines()
