"""Who plays what nobody here can play: for an instrument of General MIDI that we lack, the one that sounds most like it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapsto.sound.score import Score

DEFAULT = "piano"

ALIKE: Mapping[str, tuple[str, ...]] = {
    "accordion": ("harmonica", "harmonium", "bagpipe"),
    "bass": ("bass guitar", "double bass", "timpani"),
    "celesta": ("glockenspiel", "music box", "bells"),
    "flute": ("piccolo", "pan flute"),
    "guitar": ("electric guitar", "banjo", "sitar", "shamisen"),
    "harp": ("koto",),
    "harpsichord": ("clavinet", "dulcimer"),
    "horn": ("brass",),
    "marimba": ("xylophone", "kalimba", "percussion"),
    "oboe": ("english horn",),
    "piano": ("electric piano",),
    "recorder": ("shakuhachi", "whistle", "ocarina"),
    "strings": ("synth",),
    "trombone": ("tuba",),
    "vibraphone": ("steel drum",),
}
"""Ours, and what they stand in for."""

SPELLED_ALIKE = 0.75
"""Of `difflib`: a name that is as near to one of ours as this is taken for it."""


@dataclass(frozen=True)
class StandIn:
    """A track that is not played by whom it asks for.

    Args:
        track: Its name.
        wanted: Whom it asks for.
        taken: Who plays.
    """

    track: str
    wanted: str
    taken: str

    def __str__(self) -> str:
        track = f"track {self.track!r}" if self.track else "a track without a name"
        return f"There is no {self.wanted} among the instruments: {self.taken} plays {track}."


def stand_in(instrument: str, known: Sequence[str]) -> str:
    """Who plays an instrument: itself where it is known, else the most similar, and the piano where nothing is."""
    if instrument in known:
        return instrument
    kin = next((ours for ours, others in ALIKE.items() if instrument.casefold() in others and ours in known), None)
    near = difflib.get_close_matches(instrument.casefold(), list(known), n=1, cutoff=SPELLED_ALIKE)
    return kin or (near[0] if near else DEFAULT)


def stand_ins(score: Score, cast: Mapping[str, str]) -> list[StandIn]:
    """The tracks of a score that somebody else plays than they ask for, without anybody having wished it.

    Args:
        score: Says who should play.
        cast: Who was wished for, by track or "*".
    """
    from mapsto.errors import UsageError
    from mapsto.sound import bands
    from mapsto.sound.instrument import parts_of

    known, found = bands.names(), []
    for track in score.tracks:
        if track.drums or not track.notes or track.name in cast or "*" in cast:
            continue
        try:
            parts_of(track.instrument, known)  # a mixture too
        except UsageError:
            found.append(StandIn(track.name, track.instrument or "instrument", stand_in(track.instrument, known)))
    return found
