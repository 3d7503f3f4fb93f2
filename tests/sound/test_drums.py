import numpy as np
import pytest
import torch

from mapsto import weights
from mapsto.errors import UsageError
from mapsto.sound.analysis import RATE_HZ
from mapsto.sound.drums import TIMES, DrumKit, fit
from mapsto.sound.score import DRUMS

SECONDS = np.arange(RATE_HZ) / RATE_HZ


def level_db(x: torch.Tensor, at: float, span: float = 0.02) -> float:
    part = x[round(at * RATE_HZ) : round((at + span) * RATE_HZ)]
    return float(10 * torch.log10(part.square().mean() + 1e-14))


def test_a_ringing_bar_is_found_by_its_modes() -> None:
    """Two modes that fade by 40 and 80 dB a second."""
    bar = 0.4 * np.sin(2 * np.pi * 800 * SECONDS) * 10 ** (-2 * SECONDS)
    bar += 0.2 * np.sin(2 * np.pi * 2310 * SECONDS) * 10 ** (-4 * SECONDS)
    kit = DrumKit(("bar",))
    fit(kit, "bar", bar)
    loudest = kit.modes_db[0, 20].argsort(descending=True)[:2]
    assert sorted(kit.modes_hz[0][loudest].tolist()) == pytest.approx([800, 2310], abs=2)
    made, given = kit.stroke("bar", velocity=1.0), torch.tensor(bar)
    for at in (0.05, 0.2, 0.5):
        assert level_db(made, at, 0.05) == pytest.approx(level_db(given, at, 0.05), abs=1.5)


def test_a_falling_tone_falls() -> None:
    hz = 60 + 90 * np.exp(-SECONDS / 0.05)
    kick = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * 10 ** (-2 * SECONDS)
    kit = DrumKit(("kick",))
    fit(kit, "kick", kick, tone_below_hz=180.0)
    found = kit.tone_hz[0, [int(np.searchsorted(TIMES, t)) for t in (0.05, 0.3)]]
    assert found.tolist() == pytest.approx([60 + 90 * np.exp(-1), 60], rel=0.1)
    assert level_db(kit.stroke("kick", velocity=1.0), 0.1) == pytest.approx(level_db(torch.tensor(kick), 0.1), abs=2)


@pytest.fixture(scope="module")
def kit() -> DrumKit:
    return DrumKit.from_pretrained()


def test_the_embedded_kit_has_the_nine_drums(kit: DrumKit) -> None:
    assert kit.names == tuple(DRUMS)
    assert weights.card("drums")["licence"]


@pytest.mark.parametrize("drum", list(DRUMS))
def test_a_softer_stroke_is_quieter_and_ends_without_a_click(kit: DrumKit, drum: str) -> None:
    hard, soft = kit.stroke(drum, velocity=1.0), kit.stroke(drum, velocity=0.4)
    assert hard.square().mean() > 10 * soft.square().mean()
    assert hard[-1].abs() < 1e-6
    assert hard.abs().max() < 2


def test_the_same_seed_gives_the_same_samples(kit: DrumKit) -> None:
    assert torch.equal(kit.stroke("snare", seed=3), kit.stroke("snare", seed=3))
    assert not torch.equal(kit.stroke("snare", seed=3), kit.stroke("snare", seed=4))


def test_unknown_drums_and_velocities_are_refused(kit: DrumKit) -> None:
    with pytest.raises(UsageError, match="snare"):
        kit.stroke("snear")
    with pytest.raises(UsageError, match="velocity"):
        kit.stroke("snare", velocity=1.5)
