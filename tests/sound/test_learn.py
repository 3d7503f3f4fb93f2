import math

import pytest
import torch

from mapsto.sound.analysis import BANDS, DETUNED, FLUTTERS, GRID_SECONDS, PARTIALS, RATE_HZ
from mapsto.sound.learn import (
    Notes,
    blended,
    learn_parts,
    level_losses,
    sounded,
    timbre_of,
    traits_loss,
)
from mapsto.sound.timbre import TimbreVAE, Traits, features_of, frequencies

TIMES = GRID_SECONDS[:80]


def toy_notes(count: int = 12) -> Notes:
    """Two instruments: one whose partials fall by 3 dB each, one whose even partials are 15 dB weaker."""
    generator = torch.Generator().manual_seed(4)
    who = torch.arange(count) % 2
    pitch = torch.randint(50, 75, (count,), generator=generator).float()
    k = torch.arange(1, PARTIALS + 1)
    partials = (
        torch.where(who[:, None] == 1, -3.0 * k - 15.0 * (k % 2 == 0), -3.0 * k)[:, None]
        - 20
        - 5 * torch.tensor(TIMES)[:, None]
    )
    traits = Traits(
        torch.zeros(count),
        torch.full((count,), 200.0),
        torch.zeros(count),
        torch.full((count,), 5.5),
        torch.full((count, FLUTTERS), math.nan),
        torch.full((count, FLUTTERS), math.nan),
        torch.zeros(count, DETUNED),
    )
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    noise = torch.full((count, len(TIMES), BANDS), -90.0)
    hz = frequencies(f0, traits.stiffness, traits.detune_cents)
    partials = partials.float().clamp_min(-110)
    audio = sounded(partials, noise, torch.tensor(TIMES).float(), hz, 128 * 500, generator).half()
    return Notes(
        who=who,
        pitch=pitch,
        velocity=torch.full((count,), 0.7),
        partials_db=partials,
        noise_db=noise,
        trusted=torch.ones(count, len(TIMES), dtype=torch.bool),
        f0_hz=f0,
        traits=traits,
        audio=audio,
        seconds=torch.full((count,), audio.shape[1] / RATE_HZ),
        range=torch.tensor([[50.0, 75.0]]).expand(count, 2),
        features=features_of(partials, noise, hz),
    )


def test_partials_of_a_stiff_string_are_stretched() -> None:
    hz = frequencies(torch.tensor([100.0]), torch.tensor([1e-3]), torch.zeros(1, DETUNED))[0]
    assert hz[9].item() == pytest.approx(1000 * math.sqrt(1.1), rel=1e-6)


def test_partials_of_a_bell_are_detuned_where_it_is_known_by_how_much() -> None:
    cents = torch.tensor([[0.0, 1200.0, math.nan]])
    hz = frequencies(torch.tensor([100.0]), torch.zeros(1), cents)[0]
    assert hz[:5].tolist() == pytest.approx([100, 400, 300, 400, 500])


def test_the_truth_is_at_no_distance_from_itself() -> None:
    notes = toy_notes()
    losses = level_losses(notes.partials_db, notes.noise_db, notes, torch.arange(len(TIMES)))
    assert {name: float(value) for name, value in losses.items()} == {"partials": 0.0, "noise": 0.0}


def test_what_is_not_heard_does_not_count() -> None:
    notes = toy_notes()
    lower = torch.where(notes.partials_db < -105, -200.0, notes.partials_db)
    assert float(level_losses(lower, notes.noise_db, notes, torch.arange(len(TIMES)))["partials"]) == 0.0


def test_unknown_traits_do_not_count() -> None:
    truth = toy_notes().traits
    told = Traits(**{**vars(truth), "flutter_db": torch.ones(12, FLUTTERS), "flutter_hz": torch.ones(12, FLUTTERS)})
    assert float(traits_loss(told, truth)) == pytest.approx(0, abs=1e-6)


def test_between_two_levels_loudness_goes_straight() -> None:
    quiet, loud = torch.tensor([-60.0]), torch.tensor([0.0])
    assert blended(quiet, loud, torch.tensor(0.0)).item() == pytest.approx(-60, abs=1e-3)
    assert blended(quiet, loud, torch.tensor(1.0)).item() == pytest.approx(0, abs=1e-3)
    middle = blended(quiet, loud, torch.tensor(0.5)).item()
    assert 10 ** (0.4 * middle / 20) == pytest.approx((10 ** (-1.2) + 1) / 2, rel=1e-4)


def test_a_small_network_learns_two_toy_instruments_apart() -> None:
    notes = toy_notes()
    torch.manual_seed(0)
    model = TimbreVAE(("saw", "square"), latent=4, width=64)
    steps = list(learn_parts(model, notes, steps=500, batch=12, rate=3e-3))
    assert steps[-1].terms["partials"] < 0.3 * steps[0].terms["partials"]
    with torch.no_grad():
        mean, _ = timbre_of(model, notes)
        begun = model.begin(mean, notes.pitch, notes.velocity)
        levels, _ = model.partials(begun, torch.tensor([0.1]), notes.hz)
    even = levels[:, 0, 1:8:2].mean(1) - levels[:, 0, 0:8:2].mean(1)
    assert even[notes.who == 1].max() < even[notes.who == 0].min() - 5


def test_the_same_seed_learns_the_same() -> None:
    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        model = TimbreVAE(("saw", "square"), latent=4, width=64)
        losses.append([step.terms["partials"] for step in learn_parts(model, toy_notes(4), steps=3, batch=4, seed=9)])
    assert losses[0] == losses[1]
