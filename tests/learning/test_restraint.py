from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch
from torch import nn

from mapsto.errors import UsageError
from mapsto.learning.fit import Plan, fit
from mapsto.learning.games import Batch, Game, Moment
from mapsto.learning.restraint import Around, Frozen, Leashed, begin, fingerprint, names_of, state_of, weights_of
from toy_games import DotGame, PairGame, Points

CLOUD = torch.randn(20, 2, generator=torch.Generator().manual_seed(3)) + torch.tensor([3.0, -2.0])
BATCH = Batch(CLOUD[:, :, None, None])


def moment(seed: int = 0) -> Moment:
    return Moment(0, 0.0, 0, torch.Generator().manual_seed(seed))


def plan(steps: int) -> Plan:
    return Plan(steps, 20, device="cpu", precision="fp32", threads=1, ema=1e-3, warmup=0, rows=1, samples_every=steps)


def test_all_that_a_game_can_do_is_handed_on() -> None:
    """A method that is added to games and forgotten here would silently be the base class's."""
    public = {name for name, value in vars(Game).items() if inspect.isfunction(value) and not name.startswith("_")}
    assert public <= vars(Around).keys()


def test_what_a_game_says_its_wrapper_says() -> None:
    game = PairGame()
    around = Around(Around(game))
    for name in ("players", "averaged", "rates", "betas", "decay"):
        assert getattr(around, name) == getattr(game, name)
    assert around.state_dict().keys() == game.state_dict().keys()
    assert around.part("critic") is game.critic is around.critic
    one, other = (g.terms("critic", BATCH, moment()) for g in (game, around))
    assert torch.equal(one["adversary"], other["adversary"])
    dot = DotGame()
    around = Around(dot)
    around.load_extra_state({"turns": 5})
    assert (dot.turns, around.extra_state(), around.noted(), around.turns) == (5, {"turns": 5}, {"turns": 5.0}, 5)
    assert around.samples({"dot": dot.dot}, 3).shape == (3, 1, 8, 8)
    with pytest.raises(AttributeError):
        around.nothing_of_that_name  # noqa: B018


def test_both_are_trained_or_judged_together() -> None:
    game = PairGame()
    around = Around(game)
    around.eval()
    assert not any(module.training for module in (around, game, game.generator))
    around.double()
    assert all(weight.dtype == torch.float64 for weight in game.parameters())


def test_the_leash_is_one_more_term() -> None:
    game = PairGame()
    start = {name: value + 1 for name, value in state_of(game).items()}
    leashed = Leashed(game, strength=0.5, start=start, unit="one")
    for player in game.players:
        found = leashed.terms(player, BATCH, moment())
        assert torch.equal(found["adversary"], game.terms(player, BATCH, moment())["adversary"])
        count = sum(weight.numel() for weight in weights_of(game, player).values())
        assert float(found["leash"].detach()) == pytest.approx(0.5 * count)
    assert leashed.noted()["leash_critic_moved"] == pytest.approx(sum(w.numel() for w in game.critic.parameters()))


def test_two_leashes_are_two_terms() -> None:
    game = Leashed(Leashed(DotGame(), strength=1), strength=2, term="ewc")
    assert game.terms("dot", BATCH, moment()).keys() == {"square", "leash", "ewc"}
    assert game.settings().keys() == {"of", "leash", "ewc"}
    assert game.settings()["of"] == "DotGame"


@pytest.mark.parametrize("strength", [0.0, 1.0, 3.0])
def test_the_compromise_of_task_and_leash_is_exact(strength: float) -> None:
    """Minimising (w − mean)² + λ (w − w₀)² ends at (mean + λ w₀) / (1 + λ)."""
    game = DotGame()
    begin(game, {"dot.x": torch.tensor([1.0]), "dot.y": torch.tensor([1.0])})
    leashed = Leashed(game, strength=strength, unit="one")
    optimiser = torch.optim.SGD(game.parameters(), lr=0.1)
    for _ in range(100):
        optimiser.zero_grad()
        sum(leashed.terms("dot", BATCH, moment()).values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    torch.testing.assert_close(game.dot.at().detach(), (CLOUD.mean(0) + strength * 1.0) / (1 + strength))


def test_a_leashed_run_resumes_only_on_the_same_leash(tmp_path: Path) -> None:
    def play(strength: float, x: float) -> None:
        game = DotGame()
        begin(game, {"dot.x": torch.tensor([x]), "dot.y": torch.tensor([0.0])})
        leashed = Leashed(game, strength=strength, start={"dot.x": torch.tensor([x])})
        list(fit(leashed, Points(CLOUD), plan(3), tmp_path, resume=(tmp_path / "config.json").exists()))

    play(1.0, 0.5)
    play(1.0, 0.5)
    for other in ((2.0, 0.5), (1.0, 0.6)):
        with pytest.raises(UsageError, match="leash was 1 squared tensor"):
            play(*other)


def test_frozen_layers_do_not_move_and_the_others_do(tmp_path: Path) -> None:
    game = PairGame()
    before = state_of(game)
    frozen = Frozen(game, ["critic:0.5", "generator.2.bias"])
    assert frozen.names == ["critic.0.weight", "critic.0.bias", "critic.2.weight", "critic.2.bias", "generator.2.bias"]
    list(fit(frozen, Points(CLOUD), plan(3), tmp_path))
    still = {name for name, value in before.items() if torch.equal(value, game.state_dict()[name])}
    assert still == set(frozen.names)


def test_a_frozen_weight_pulls_on_no_leash() -> None:
    game = PairGame()
    start = {name: value + 1 for name, value in state_of(game).items()}
    leashed = Leashed(Frozen(game, ["critic:0.75"]), strength=1, start=start, unit="one")
    assert float(leashed.terms("critic", BATCH, moment())["leash"].detach()) == 4  # weights of the last layer


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        (["generator"], ["0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"]),
        (["generator.1"], ["1.weight", "1.bias"]),
        (["generator.*.bias"], ["0.bias", "1.bias", "2.bias"]),
        (["generator:0.34"], ["0.weight", "0.bias"]),
        (["generator:-0.34"], ["2.weight", "2.bias"]),
        (["generator:0"], []),
        (["generator:-0"], []),
        (["generator.2.weight", "generator.0.weight"], ["0.weight", "2.weight"]),
    ],
)
def test_layers_by_name_and_by_depth(layers: list[str], found: list[str]) -> None:
    assert names_of(PairGame(), layers) == [f"generator.{name}" for name in found]


def test_layers_that_are_not_there() -> None:
    with pytest.raises(UsageError, match=r"'critc'.*Perhaps critic"):
        Frozen(PairGame(), ["critc:0.5"])
    for part in ("half", "1.5", "nan"):
        with pytest.raises(UsageError, match="which part"):
            Frozen(PairGame(), [f"critic:{part}"])
    with pytest.raises(UsageError, match="could not learn"):
        Frozen(PairGame(), ["generator"])


def test_a_leash_that_makes_no_sense() -> None:
    for strength in (-1.0, float("inf"), float("nan")):
        with pytest.raises(UsageError, match="strength"):
            Leashed(DotGame(), strength=strength)
    with pytest.raises(UsageError, match="no weight"):
        Leashed(DotGame(), strength=1, start={"other": torch.zeros(1)})


def test_a_game_begins_with_what_the_start_has() -> None:
    game = PairGame()
    state = {name: value for name, value in state_of(PairGame()).items() if name.startswith("generator")}
    critic = nn.utils.parameters_to_vector(game.critic.parameters()).clone()
    new = begin(game, {**state, "of_another_game": torch.zeros(2)})
    assert new == sorted(f"critic.{name}" for name in game.critic.state_dict())
    assert torch.equal(critic, nn.utils.parameters_to_vector(game.critic.parameters()))
    assert all(torch.equal(game.state_dict()[name], value) for name, value in state.items())


def test_a_start_that_does_not_fit() -> None:
    with pytest.raises(UsageError, match="Nothing in the start"):
        begin(DotGame(), {"other": torch.zeros(1)})
    with pytest.raises(UsageError, match=r"dot\.x of the start is \(3,\), and here it is \(1,\)"):
        begin(DotGame(), {"dot.x": torch.zeros(3)})


def test_fingerprints_tell_names_and_values_apart() -> None:
    one = {"a": torch.zeros(2), "b": torch.ones(2)}
    assert fingerprint(one) == fingerprint(dict(reversed(one.items())))
    others = [{"a": torch.zeros(2)}, {"a": torch.ones(2), "b": torch.zeros(2)}, {"a": torch.zeros(2), "c": torch.ones(2)}]
    assert len({fingerprint(value) for value in [one, *others]}) == 4
