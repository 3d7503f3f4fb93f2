import pytest
import torch

from mapsto import weights
from mapsto.errors import UsageError, WeightsError
from mapsto.sound.analysis import RATE_HZ
from mapsto.sound.instrument import HELD_SECONDS, Asked, Instruments, parts_of
from mapsto.sound.timbre import TimbreVAE


@pytest.fixture(scope="module")
def band() -> Instruments:
    return Instruments.from_pretrained()


def level_db(x: torch.Tensor) -> float:
    return float(10 * torch.log10(x.square().mean() + 1e-14))


def test_there_are_twelve_instruments_and_more(band: Instruments) -> None:
    assert len(band.names) >= 12
    assert {"piano", "harpsichord", "guitar", "violin", "cello", "flute", "oboe", "clarinet", "trumpet", "horn"} <= {
        *band.names
    }
    assert {"organ", "accordion", "vibraphone", "choir"} <= {*band.names}


def test_the_card_tells_data_and_distances() -> None:
    card = weights.card("instruments")
    assert "MIT" in card["data"]
    assert card["scores"]["median_db"] <= 8


def test_a_mixture_is_the_mean_of_timbres_by_weight(band: Instruments) -> None:
    flute, violin = band.timbre("flute"), band.timbre("violin")
    assert torch.allclose(band.timbre("flute:3,violin:1"), 0.75 * flute + 0.25 * violin, atol=1e-6)
    assert torch.equal(band.timbre({"flute": 0.5, "violin": 0.5}), band.timbre("flute, violin"))


def test_the_same_seed_gives_the_same_samples(band: Instruments) -> None:
    violin = band.timbre("violin")
    first, same, other = (band.note(violin, pitch=64, seconds=0.5, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_a_note_made_among_others_is_the_same(band: Instruments) -> None:
    timbre = band.timbre("oboe")
    asked = [Asked(60, 0.3), Asked(72, 0.5, seed=2), Asked(65, 0.4)]
    together = band.notes(timbre, asked)
    alone = band.note(timbre, pitch=72, seconds=0.5, seed=2)
    assert (together[1] - alone).abs().max() < 1e-4


@pytest.mark.parametrize("name", ["piano", "violin", "flute", "clarinet", "guitar", "organ"])
@pytest.mark.parametrize("seconds", [0.05, 0.7])
def test_notes_begin_and_end_without_a_click(band: Instruments, name: str, seconds: float) -> None:
    note = band.note(band.timbre(name), pitch=69, seconds=seconds)
    assert note[:2].abs().max() < 1e-3
    assert note[-2:].abs().max() < 1e-5
    jumps = note.diff().abs()
    let_go = round(seconds * RATE_HZ)
    assert jumps[let_go - 20 : let_go + 20].max() <= 1.2 * jumps[: let_go - 20].max()


@pytest.mark.parametrize("name", ["piano", "violin", "cello", "harp"])
def test_nothing_is_heard_after_a_note(band: Instruments, name: str) -> None:
    note = band.note(band.timbre(name), pitch=60, seconds=0.5)
    assert level_db(note[-RATE_HZ // 50 :]) < level_db(note[: RATE_HZ // 2]) - 50


@pytest.mark.parametrize("pitch", [57.0, 69.0, 69.5, 76.0])
@pytest.mark.parametrize("name", ["piano", "flute", "trumpet", "violin"])
def test_a_note_has_the_pitch_asked_for(band: Instruments, name: str, pitch: float) -> None:
    note = band.note(band.timbre(name), pitch=pitch, seconds=1.5)[: round(1.5 * RATE_HZ)]
    spectrum = torch.fft.rfft(note * torch.hann_window(len(note)), 1 << 18).abs()
    hz = torch.fft.rfftfreq(1 << 18, 1 / RATE_HZ)
    wanted = 440 * 2 ** ((pitch - 69) / 12)
    near = (hz - wanted).abs() < 0.03 * wanted
    middle = float((hz * spectrum.square())[near].sum() / spectrum.square()[near].sum())
    assert abs(1200 * torch.log2(torch.tensor(middle / wanted))) < 6


def test_harder_is_louder(band: Instruments) -> None:
    piano = band.timbre("piano")
    soft, hard = (band.note(piano, pitch=60, velocity=velocity) for velocity in (0.3, 0.9))
    assert level_db(hard) > level_db(soft) + 8


def test_a_piano_fades_and_a_flute_does_not_even_when_held_longer_than_any_it_was_taught(band: Instruments) -> None:
    piano, flute = (band.note(band.timbre(name), pitch=67, seconds=8.0) for name in ("piano", "flute"))
    parts = [slice(at * RATE_HZ, (at + 1) * RATE_HZ) for at in (1, 3, 7)]
    falling, steady = ([level_db(note[part]) for part in parts] for note in (piano, flute))
    assert falling[0] > falling[1] + 3 > falling[2] + 6
    assert max(steady) - min(steady) < 3


def test_a_morph_begins_like_the_first_and_ends_like_the_last(band: Instruments) -> None:
    way = band.between([band.timbre("flute"), band.timbre("trumpet")], pitch=65)
    assert torch.allclose(way(0.0), band.timbre("flute"), atol=1e-5)
    assert torch.allclose(way(1.0), band.timbre("trumpet"), atol=1e-5)
    steps = [band.distance(way(i / 8), way((i + 1) / 8), pitch=65, moments=(HELD_SECONDS,)) for i in range(8)]
    assert max(steps) < 1.5 * min(steps)


def test_the_distance_of_timbres_is_a_metric_of_sorts(band: Instruments) -> None:
    flute, oboe = band.timbre("flute"), band.timbre("oboe")
    assert band.distance(flute, flute) == pytest.approx(0, abs=1e-4)
    assert band.distance(flute, oboe) == pytest.approx(band.distance(oboe, flute), rel=1e-4)
    assert band.distance(flute, oboe) < band.distance(flute, band.timbre("piano"))


def test_unknown_instruments_come_with_the_nearest_names(band: Instruments) -> None:
    with pytest.raises(UsageError, match="flute"):
        band.timbre("fluet")


@pytest.mark.parametrize("text", ["", " , ", "flute:-1", "flute:nan", "flute:loud", "flute:0"])
def test_mixtures_that_make_no_sense_are_refused(band: Instruments, text: str) -> None:
    with pytest.raises(UsageError):
        band.timbre(text)


@pytest.mark.parametrize(
    "values", [{"pitch": 128}, {"pitch": -1}, {"seconds": 0}, {"seconds": 61}, {"velocity": 1.1}, {"pitch": float("nan")}]
)
def test_notes_that_cannot_be_played_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Asked(**values)  # type: ignore[arg-type]


def test_a_timbre_of_another_size_is_refused(band: Instruments) -> None:
    with pytest.raises(UsageError, match="timbre"):
        band.note(torch.zeros(3))


def test_weights_of_something_else_are_refused() -> None:
    with pytest.raises(WeightsError, match="TimbreVAE"):
        Instruments.from_pretrained("drums")


def test_parts_are_added_up() -> None:
    assert parts_of("a:1,b:2,a:3", ["a", "b"]) == {"a": 4.0, "b": 2.0}


def test_a_fresh_network_plays_every_pitch_and_length() -> None:
    network = TimbreVAE(("toy",))
    for pitch in (0.0, 127.0):
        note = Instruments(network).note(torch.zeros(16), pitch=pitch, seconds=0.01)
        assert torch.isfinite(note).all()
