"""Which notes are rendered for the instruments, and which are held out."""

import importlib
import io
from pathlib import Path
from types import ModuleType

import mido
import pytest

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(RECIPES))
    return importlib.import_module("instruments")


@pytest.fixture
def rendering(recipe: ModuleType) -> ModuleType:
    return importlib.import_module("soundfont_notes")


def test_the_file_that_is_rendered_has_one_note_in_each_slot(rendering: ModuleType) -> None:
    notes = [rendering.Asked(60, 100), rendering.Asked(61, 40, 1.0), rendering.Asked(127, 1, 0.5)]
    played, now = [], 0.0
    for message in mido.MidiFile(file=io.BytesIO(rendering.midi_of(73, notes, 0))):
        now += message.time
        if message.type == "program_change":
            assert message.program == 73
        if message.type == "note_on":
            played.append((round(now, 6), message.note, message.velocity))
    assert played == [
        (round(i * rendering.SLOT_SECONDS + rendering.LEAD_SECONDS, 6), note.pitch, note.velocity)
        for i, note in enumerate(notes)
    ]
    assert abs(now - 3 * rendering.SLOT_SECONDS) < 1e-6


def test_no_pitch_is_both_learned_and_held_out(recipe: ModuleType) -> None:
    for name, (_, low, high) in recipe.PROGRAMS.items():
        notes = recipe.wanted(name)
        held_out = {note.pitch for note in notes if recipe.is_held_out(name, note.pitch)}
        assert 4 <= len(held_out) <= (high - low + 6) // 6
        assert {note.pitch for note in notes} == set(range(low, high + 1))
        assert all((note.velocity in recipe.HELD_OUT_VELOCITIES) == (note.pitch in held_out) for note in notes)
