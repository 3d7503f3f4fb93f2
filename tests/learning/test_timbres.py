from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bells import folder, network
from mapsto.learning.fit import finished, fit
from mapsto.learning.from_sounds import extended, notes_of
from mapsto.learning.games import Batch, Moment
from mapsto.learning.plans import Plan
from mapsto.learning.timbres import NoteData, TimbreGame, kept_loss
from mapsto.sound.critic import SpectrogramCritic, apart
from mapsto.sound.learn import Notes
from mapsto.sound.samples import read_samples


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Notes:
    """Six notes, of two pitches at three velocities each."""
    return notes_of(read_samples(folder(tmp_path_factory.mktemp("wavs"), ("A3", "E4"))), 2)


def game(notes: Notes, *, critic: bool = False) -> TimbreGame:
    start = network()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        judge = SpectrogramCritic(sizes=(256, 512), width=4) if critic else None
    return TimbreGame(extended(start, "bells", notes), notes, teacher=start, critic=judge, seconds=0.4, rate=3e-3)


def plan(steps: int) -> Plan:
    return Plan(steps=steps, batch=3, seed=1, precision="fp32", device="cpu", threads=1, clip=1.0, checkpoint_every=2)


def moment(step: int = 5, part: float = 0.5) -> Moment:
    return Moment(step, part, 0, torch.Generator().manual_seed(step))


def test_instruments_with_few_notes_come_as_often(notes: Notes) -> None:
    other = Notes(**{**vars(notes), "who": torch.tensor([0, 0, 0, 0, 0, 1])})
    data = NoteData(other)
    assert [int((other.who[torch.from_numpy(data.chosen)] == who).sum()) for who in (0, 1)] == [5, 5]
    assert data.digest != NoteData(notes).digest != NoteData(notes, [0, 1]).digest
    assert NoteData(notes, [4, 5]).batch(torch.tensor([1, 0]).numpy(), torch.Generator()).x.tolist() == [[5], [4]]


def test_a_network_is_at_no_distance_from_itself_and_learns_one_more_without_moving_the_others(notes: Notes) -> None:
    start = network()
    wide = extended(start, "bells", notes)
    with torch.no_grad():
        assert float(kept_loss(wide, start, 8, torch.Generator().manual_seed(0))) == pytest.approx(0, abs=1e-6)
        wide.levels.bias += 0.5
        assert float(kept_loss(wide, start, 8, torch.Generator().manual_seed(0))) > 0.5


def test_what_it_hears_comes_nearer(notes: Notes, tmp_path: Path) -> None:
    played = game(notes)
    batch = Batch(torch.arange(6)[:, None])
    before = played.probe(batch)["distance_db"]
    reports = list(fit(played, NoteData(notes), plan(16), tmp_path))
    assert played.probe(batch)["distance_db"] < 0.9 * before
    assert {"spectra", "partials", "kept", "between"} < set(reports[-1].terms)
    assert (tmp_path / "index.html").is_file()
    assert list(tmp_path.glob("samples-*.png"))


def test_the_encoder_and_other_timbres_stay(notes: Notes, tmp_path: Path) -> None:
    played, start = game(notes), network()
    list(fit(played, NoteData(notes), plan(4), tmp_path))
    after = finished(played, tmp_path)["network"].state_dict()
    for name, tensor in start.state_dict().items():
        if name.startswith("encoder"):
            assert torch.equal(after[name], tensor)
    assert torch.equal(after["points"][:2], start.points)
    assert not torch.equal(after["points"][2], extended(start, "bells", notes).points[2])


@pytest.mark.parametrize("critic", [False, True])
def test_stopped_and_resumed_it_is_the_same(notes: Notes, tmp_path: Path, critic: bool) -> None:
    whole = game(notes, critic=critic)
    list(fit(whole, NoteData(notes), plan(4), tmp_path / "whole"))
    parted = game(notes, critic=critic)
    reports = fit(parted, NoteData(notes), plan(4), tmp_path / "parted")
    while next(reports).step < 2:
        pass
    reports.close()
    again = game(notes, critic=critic)
    list(fit(again, NoteData(notes), plan(4), tmp_path / "parted", resume=True))
    one, other = (game_.state_dict() for game_ in (whole, again))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_critic_plays_against_the_network_after_it_has_learned_alone(notes: Notes) -> None:
    played = game(notes, critic=True)
    assert played.players == ("critic", "network")
    batch = Batch(torch.arange(3)[:, None])
    assert set(played.terms("critic", batch, moment())) == {"critic"}
    assert {"adversarial", "matching"} < set(played.terms("network", batch, moment()))
    assert not {"adversarial", "matching"} & set(played.terms("network", batch, moment(0, 0.0)))
    assert set(played.noted()) == {"logit_real", "logit_fake"}
    assert "adversarial" not in game(notes).settings()


def test_a_critic_learns_to_tell_two_sounds_apart() -> None:
    torch.manual_seed(0)
    judge = SpectrogramCritic(sizes=(256,), width=8)
    optimizer = torch.optim.Adam(judge.parameters(), 5e-3)
    tone = 0.5 * torch.sin(0.3 * torch.arange(4096.0)).expand(4, -1)
    for step in range(40):
        noise = 0.1 * torch.randn(4, 4096, generator=torch.Generator().manual_seed(step))
        real, fake = judge(tone, torch.ones(4))[0], judge(noise, torch.ones(4))[0]
        loss = torch.nn.functional.softplus(fake - real).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float(loss.detach()) < 0.2


@torch.no_grad()
def test_what_a_critic_sees_of_a_sound_is_as_near_as_the_sounds_are() -> None:
    judge = SpectrogramCritic(sizes=(256, 512), width=4)
    x = 0.1 * torch.randn(2, 4096, generator=torch.Generator().manual_seed(0))
    y = 0.1 * torch.randn(2, 4096, generator=torch.Generator().manual_seed(1))
    top = torch.ones(2)
    seen = [judge(each, top)[1] for each in (x, 0.99 * x, y)]
    assert float(apart(seen[0], seen[0])) == 0
    assert float(apart(seen[0], seen[1])) < 0.1 * float(apart(seen[0], seen[2]))
    logits, layers = judge(x, top)
    assert logits.shape[0] == 2
    assert len(layers) == 6
