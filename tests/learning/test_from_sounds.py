from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bells import folder, network
from mapsto.errors import UsageError
from mapsto.learning import from_sounds
from mapsto.learning.from_sounds import LEVEL_DB, extended, judged, level_of, moved, notes_of, split, struck
from mapsto.sound.analysis import GRID_SECONDS, RATE_HZ
from mapsto.sound.learn import timbre_of
from mapsto.sound.samples import Recordings, read_samples


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    return read_samples(folder(tmp_path_factory.mktemp("wavs"), ("A3", "E4")))


def test_notes_are_brought_to_one_level_and_shown_at_three_velocities(recordings: Recordings) -> None:
    notes = notes_of(recordings, 7)
    assert notes.who.tolist() == [7] * 6
    assert notes.velocity.tolist() == pytest.approx([0.7, 0.4, 1.0] * 2)
    assert notes.pitch.tolist() == pytest.approx([57] * 3 + [64] * 3, abs=0.02)
    assert notes.range.tolist() == [[pytest.approx(57, abs=0.01), pytest.approx(64, abs=0.01)]] * 6
    power = notes.audio[:, :RATE_HZ].float().square().sum(1) / RATE_HZ
    usual = 10 * torch.log10(power[[0, 3]])
    assert float(usual.median()) == pytest.approx(LEVEL_DB, abs=1)
    louder = 10 * torch.log10(power[2] / power[0])
    assert float(louder) == pytest.approx(40 * math.log10(1 / 0.7), abs=1)


def test_a_velocity_that_a_name_tells_counts_as_it_is(recordings: Recordings) -> None:
    named = replace(recordings, notes=tuple(replace(note, velocity=0.5) for note in recordings.notes))
    notes = notes_of(named, 0)
    assert notes.velocity.tolist() == [0.5, 0.5]
    assert level_of(named) == pytest.approx(level_of(recordings) + float(struck(0.5, np.array([1000.0]))[0]))


def test_harder_is_louder_and_brighter() -> None:
    hz = np.array([500.0, 1000.0, 4000.0])
    assert struck(0.7, hz).tolist() == [0, 0, 0]
    soft = struck(0.35, hz)
    assert soft[:2] == pytest.approx([40 * math.log10(0.5)] * 2)
    assert soft[2] < soft[1] - 4


def test_levels_after_the_end_of_a_recording_go_on_as_they_went(recordings: Recordings) -> None:
    notes = notes_of(recordings, 0)
    assert notes.partials_db.shape[1] == len(GRID_SECONDS)
    late = [int(np.searchsorted(GRID_SECONDS, at)) for at in (0.4, 0.6, 1.4)]
    levels = notes.partials_db[0, late, 0]
    slopes = [float(levels[1] - levels[0]) / 0.2, float(levels[2] - levels[1]) / 0.8]
    assert slopes == pytest.approx([-40, -40], rel=0.15)


@pytest.mark.parametrize(
    ("count", "part", "held"), [(1, None, 0), (11, None, 0), (12, None, 2), (30, None, 5), (4, 0.25, 1), (2, 0.5, 0)]
)
def test_held_out_notes_lie_between_others(recordings: Recordings, count: int, part: float | None, held: int) -> None:
    many = Recordings(tuple(recordings.notes[0] for _ in range(count)))
    learned, out = split(many, part)
    assert len(out) == held
    assert sorted(learned + out) == list(range(count))
    assert not {0, count - 1} & set(out)


def test_a_new_instrument_begins_where_its_notes_are_and_changes_no_other(recordings: Recordings) -> None:
    start, notes = network(), notes_of(recordings, 2)
    wide = extended(start, "bells", notes)
    assert wide.names == ("saw", "square", "bells")
    assert torch.allclose(wide.points[2], timbre_of(start, notes)[0].mean(0))
    assert moved(wide, start) == 0
    with pytest.raises(UsageError, match="called 'saw' already"):
        extended(start, "saw", notes)


def test_a_network_is_judged_by_notes_it_is_compared_with(recordings: Recordings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_sounds, "Instruments", Echo)
    gain = 10 ** (level_of(recordings) / 20)
    Echo.sound = torch.tensor(recordings.notes[0].samples * gain).float()
    assert judged(network(), recordings, [0]) == {"log_spectral_distance_db": 0, "heard_only_db": 0}
    Echo.sound = 0.5 * Echo.sound
    assert judged(network(), recordings, [0])["heard_only_db"] == pytest.approx(6, abs=0.7)


class Echo:
    """Plays what it is told to."""

    sound: torch.Tensor

    def __init__(self, network: object) -> None: ...

    def notes(self, timbre: object, asked: object) -> list[torch.Tensor]:
        return [self.sound]


def test_the_card_tells_whose_notes_they_are(recordings: Recordings, tmp_path: Path) -> None:
    card = from_sounds.card_of(recordings, "wavs", "CC0", "by hand", {"data": "others", "licence": "Apache-2.0"})
    assert card["data"] == f"wavs: 2 notes, sha256 {recordings.digest[:16]}; licence CC0; and others"
    assert card["licence"] == "CC0; and Apache-2.0"
