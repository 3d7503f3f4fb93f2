from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mapsto.errors import UsageError
from mapsto.media.midi import read_midi
from mapsto.sound.drummer import D, DrumNetwork
from mapsto.sound.drumming import Drummer, fills_of
from mapsto.sound.score import Meter, Note, Score, Track
from tunes import MAMAN, MINUET, MOONLIGHT

STYLES = ("rock", "jazz")


@pytest.fixture(scope="module")
def drummer() -> Drummer:
    torch.manual_seed(0)
    network = DrumNetwork(STYLES, width=24)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    return Drummer(network)


def test_one_seed_is_one_way_of_playing(drummer: Drummer) -> None:
    one, same, other = (drummer.play("rock", 3, seed=seed) for seed in (1, 1, 2))
    assert one.shape == (D, 48)
    assert one.dtype == np.float32
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert ((one >= 0) & (one <= 1)).all()


def test_style_tempo_and_strokes_are_listened_to(drummer: Drummer) -> None:
    plain = drummer.play("rock", 2)
    for changed in (
        drummer.play("jazz", 2),
        drummer.play("rock:0.5,jazz:0.5", 2),
        drummer.play("rock", 2, tempo_bpm=180),
        drummer.play("rock", 2, strokes=30),
        drummer.play("rock", 2, temperature=0.1),
    ):
        assert not np.array_equal(changed, plain)
    assert np.array_equal(drummer.play({"rock": 3}, 2), plain)


def test_other_meters_leave_beats_out(drummer: Drummer) -> None:
    whole = drummer.play("rock", 2, seed=3).reshape(D, 2, 4, 4)
    assert np.array_equal(drummer.play("rock", 2, Meter(3, 4), seed=3), whole[:, :, [0, 1, 3]].reshape(D, 24))
    assert np.array_equal(drummer.play("rock", 2, Meter(2, 4), seed=3), whole[:, :, [0, 3]].reshape(D, 16))


def test_eighths_and_unknown_styles_are_refused(drummer: Drummer) -> None:
    with pytest.raises(UsageError, match=r"no drums in 6/8.*There are in 4/4, 3/4, 2/4"):
        drummer.play("rock", 1, Meter(6, 8))
    with pytest.raises(UsageError, match=r"'rok'.*Perhaps rock"):
        drummer.play("rok", 1)
    with pytest.raises(UsageError, match="Weights are 0 or more"):
        drummer.play("rock:-1", 1)


def test_phrases_end_with_fills() -> None:
    found = fills_of(400, torch.Generator().manual_seed(0))
    assert all(found[7::8])
    assert not any(fill for bar, fill in enumerate(found) if (bar + 1) % 4)
    assert 0.2 < np.mean(found[3::8]) < 0.5
    assert fills_of(3, torch.Generator()) == [False] * 3


def test_drums_stand_beside_a_piece_that_stays_as_it_is(drummer: Drummer) -> None:
    song = drummer.accompany(MAMAN, "rock", seed=5)
    assert song.tracks[:-1] == MAMAN.tracks
    assert (song.bars, song.tracks[-1].name, song.tracks[-1].drums) == (MAMAN.bars, "drums", True)
    played = drummer.play("rock", MAMAN.bars, tempo_bpm=MAMAN.tempo_bpm, seed=5)
    assert np.array_equal(song.drum_grid() > 0, played > 0)
    assert np.abs(song.drum_grid() - played).max() < 0.01
    assert drummer.accompany(MINUET, "jazz").bars == MINUET.bars


def test_they_begin_where_they_are_asked_to_and_what_was_there_stays(drummer: Drummer) -> None:
    before = Track("kit", (Note(0, 3, 36), Note(24, 3, 38)), "drums", drums=True)
    song = replace(MAMAN, tracks=(*MAMAN.tracks, before))
    more = drummer.accompany(song, "rock", first=2)
    (track,) = [track for track in more.tracks if track.drums]
    bar = song.meter.ticks
    assert [note for note in track.notes if note.start < 2 * bar] == list(before.notes)
    late = [note.start for note in track.notes if note.start >= 2 * bar]
    assert late
    assert max(late) < song.ticks
    with pytest.raises(UsageError, match="drums in this piece already"):
        drummer.accompany(song, "rock")


def test_they_are_written_to_channel_ten_and_come_back(drummer: Drummer, tmp_path: object) -> None:
    from pathlib import Path

    import mido

    song, path = drummer.accompany(MOONLIGHT, "rock", seed=1), Path(str(tmp_path)) / "song.mid"
    song.save(path)
    assert read_midi(path)[0] == song
    channels = {each.channel for chunk in mido.MidiFile(path).tracks[-1:] for each in chunk if each.type == "note_on"}
    assert channels == {9}


@pytest.mark.parametrize("style", ["rock", "latin", "jazz", "funk"])
def test_the_embedded_drummer_knows_its_styles_and_keeps_time(style: str) -> None:
    drummer = Drummer.from_pretrained()
    grid = drummer.play(style, 8, tempo_bpm=float(drummer.card["tempos"][style]), seed=1) > 0
    strokes = grid.sum() / 8
    assert 0.5 < strokes / drummer.card["strokes"][style] < 2
    bars = grid.any(0).reshape(8, 16)
    assert (bars[1:] == bars[:-1]).mean() > 0.6
    backbeat = grid[1].reshape(8, 4, 4)[:, :, 0].mean(0)
    if style in ("rock", "funk"):
        assert backbeat[[1, 3]].mean() > backbeat[[0, 2]].mean()


def test_silence_is_a_piece_too(drummer: Drummer) -> None:
    song = drummer.accompany(Score((), bars=2), "rock")
    assert (song.bars, len(song.tracks)) == (2, 1)
