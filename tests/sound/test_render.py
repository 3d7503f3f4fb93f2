import numpy as np
import pytest
import torch

from mapsto.errors import UsageError
from mapsto.media.audio import Sound
from mapsto.sound.analysis import RATE_HZ
from mapsto.sound.instrument import Asked, Instruments
from mapsto.sound.loudness import loudness, true_peak_db
from mapsto.sound.render import NOTE_LUFS, balance, cast, render
from mapsto.sound.score import DRUMS, Meter, Note, Score, Track
from mapsto.sound.timbre import TimbreVAE
from tunes import MAMAN, MINUET


@pytest.fixture(scope="module")
def band() -> Instruments:
    return Instruments.from_pretrained()


def rms(sound: Sound, begin: float, end: float) -> float:
    return float(np.sqrt((sound.samples[:, round(begin * RATE_HZ) : round(end * RATE_HZ)].astype(np.float64) ** 2).mean()))


def test_a_piece_is_as_loud_as_music_and_does_not_clip(band: Instruments) -> None:
    for score in (MINUET, MAMAN):
        sound = render(score, {"*": "guitar"}, band=band)
        assert sound.samples.shape[0] == 2
        assert loudness(sound) == pytest.approx(-16, abs=0.5)
        assert true_peak_db(sound) <= -1
        assert score.seconds - 0.2 < sound.seconds < score.seconds + 5


def test_the_same_seed_gives_the_same_samples(band: Instruments) -> None:
    first, same, other = (render(MAMAN, seed=seed, band=band).samples for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_notes_sound_where_they_are_written_and_there_is_silence_between(band: Instruments) -> None:
    notes = (Note(0, 6, 60), Note(48, 6, 60))  # quarter notes of half a second: 0 to 0.25 s, 2 to 2.25 s
    sound = render(Score((Track("melody", notes, "clarinet"),), Meter(4, 4), tempo_bpm=120), room=0, band=band)
    assert rms(sound, 0.05, 0.2) > 1000 * rms(sound, 1.0, 1.95)
    assert rms(sound, 2.05, 2.2) > 0.5 * rms(sound, 0.05, 0.2)


def test_a_track_is_the_sum_of_its_notes(band: Instruments) -> None:
    """Each note made by itself, and added where it begins: the slow reference of making alike notes once."""
    notes = (Note(0, 12, 60), Note(12, 12, 60), Note(24, 12, 60), Note(12, 24, 64))
    score = Score((Track("bass", notes, "oboe"),), tempo_bpm=120)
    slow = torch.zeros(4 * RATE_HZ)
    for note, take in zip(sorted(notes), (0, 1, 0, 0), strict=True):
        asked = Asked(float(note.pitch), note.length / 24, note.velocity / 127, 131 * take + note.pitch)
        sound, at = band.notes(band.timbre("oboe"), [asked])[0], round(note.start / 24 * RATE_HZ)
        slow[at : at + len(sound)] += sound
    fast = torch.from_numpy(render(score, room=0, band=band).samples[0])
    size = min(len(fast), 2 * RATE_HZ)
    ratio = fast[:size].norm() / slow[:size].norm()
    assert (fast[:size] / ratio - slow[:size]).abs().max() < 0.02 * slow.abs().max()


def test_a_closed_hat_ends_an_open_one() -> None:
    def hats(*more: Note) -> Sound:
        strokes = (Note(0, 3, DRUMS["open hat"], 100), Note(24, 3, DRUMS["kick"], 1), *more)
        return render(Score((Track("drums", strokes, drums=True),), tempo_bpm=120), room=0, band=Instruments(TimbreVAE()))

    rings, ends = hats(), hats(Note(6, 3, DRUMS["closed hat"], 1))
    assert rms(ends, 0.4, 0.6) / rms(ends, 0.02, 0.2) < 0.5 * rms(rings, 0.4, 0.6) / rms(rings, 0.02, 0.2)


def test_an_empty_score_is_silence() -> None:
    sound = render(Score(bars=1), band=Instruments(TimbreVAE()))
    assert sound.peak_db == -np.inf
    assert sound.seconds > 2


def test_a_quiet_and_a_loud_instrument_are_balanced(band: Instruments) -> None:
    levels = []
    for name in ("choir", "oboe", "marimba", "trumpet"):
        timbre = band.timbre(name)
        low, high = band.network.pitches(timbre[None])[0].tolist()
        note = balance(band, timbre) * band.note(timbre, pitch=(low + high) / 2, seconds=1.0)
        levels.append(loudness(Sound(note[None].numpy())))
    assert levels == pytest.approx([NOTE_LUFS] * 4, abs=0.1)


def test_everybody_plays_who_is_asked_to() -> None:
    score = Score((Track("melody", (), "flute"), Track("bass", (), "theremin"), Track("drums", drums=True)))
    known = ["piano", "flute", "cello"]
    assert cast(score, {}, known) == {"melody": "flute", "bass": "piano"}
    assert cast(score, {"*": "cello"}, known) == {"melody": "cello", "bass": "cello"}
    assert cast(score, {"melody": "flute:1,cello:1", "*": "piano"}, known) == {"melody": "flute:1,cello:1", "bass": "piano"}


@pytest.mark.parametrize(("wanted", "said"), [({"melodie": "flute"}, "melody"), ({"melody": "fluet"}, "flute")])
def test_unknown_tracks_and_instruments_come_with_the_nearest(wanted: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        cast(Score((Track("melody"),)), wanted, ["piano", "flute"])


def test_hours_of_music_are_refused() -> None:
    with pytest.raises(UsageError, match="minutes"):
        render(Score(bars=3000), band=Instruments(TimbreVAE()))
