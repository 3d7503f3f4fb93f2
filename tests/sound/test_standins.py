from __future__ import annotations

import pytest

from mapsto.media.general_midi import PROGRAMS
from mapsto.sound import bands
from mapsto.sound.score import Note, Score, Track
from mapsto.sound.standins import ALIKE, DEFAULT, stand_in, stand_ins

NOTES = (Note(0, 12, 60),)


def test_whoever_is_here_plays_and_others_have_a_stand_in_that_is() -> None:
    known = bands.names()
    assert {stand_in(name, known) for name in known} == set(known)
    assert set(ALIKE) | {DEFAULT} <= set(known)
    others = [other for these in ALIKE.values() for other in these]
    assert len(others) == len(set(others))
    assert not set(others) & set(known)
    named = set(PROGRAMS) - set(known)
    assert named - set(others) == {"effects"}


@pytest.mark.parametrize(
    ("asked", "plays"),
    [("english horn", "oboe"), ("Piccolo", "flute"), ("flutes", "flute"), ("effects", "piano"), ("", "piano"), ("xq", "piano")],
)
def test_the_most_similar_one_stands_in(asked: str, plays: str) -> None:
    assert stand_in(asked, bands.names()) == plays


def test_what_was_taken_instead_is_told_of_tracks_that_nobody_was_wished_for() -> None:
    score = Score(
        (
            Track("tune", NOTES, "banjo"),
            Track("low", NOTES, "tuba"),
            Track("mixed", NOTES, "flute:0.5,oboe:0.5"),
            Track("mute", (), "tuba"),
            Track("beat", (Note(0, 3, 36),), "drums", drums=True),
        )
    )
    told = stand_ins(score, {})
    assert [(each.track, each.taken) for each in told] == [("tune", "guitar"), ("low", "trombone")]
    assert str(told[0]) == "There is no banjo among the instruments: guitar plays track 'tune'."
    assert [each.track for each in stand_ins(score, {"tune": "flute"})] == ["low"]
    assert stand_ins(score, {"*": "flute"}) == []
