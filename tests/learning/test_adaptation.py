from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mapsto.errors import UsageError
from mapsto.image.generator import Generator
from mapsto.image.image_model import ImageModel
from mapsto.image.own_models import CRITIC, run_of
from mapsto.learning import adaptation
from mapsto.learning.adaptation import AdaptedModel, adapt_model
from mapsto.learning.adapted_generator import copy_of, critic_of
from mapsto.learning.data import PictureData
from mapsto.learning.fit import Plan
from mapsto.learning.from_pictures import Workshop

PLAN = Plan(steps=2, batch=8, device="cpu", precision="fp32", threads=1, samples=2, rows=1, samples_every=2)


def blobs(count: int = 12, *, seed: int = 0, warm: bool = False) -> PictureData:
    """Smooth pictures, 16 × 16; the warm ones have no blue."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    x = torch.nn.functional.interpolate(coarse, size=(16, 16), mode="bilinear")
    x[:, 2] *= 1 - warm
    pixels = (255 * x).byte().permute(0, 2, 3, 1).contiguous().numpy()
    return PictureData(pixels, tuple(f"{i}.png" for i in range(count)), digest=f"blobs {seed} {count} {warm}")


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptation, "SAMPLES", 12)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Workshop]:
    """A workshop that is done, by kind and space; each is made once."""
    done: dict[tuple[str, str], Workshop] = {}

    def made(kind: str, space: str = "latents") -> Workshop:
        if (kind, space) not in done:
            shop = Workshop(kind, blobs(), tmp_path_factory.mktemp(kind), preset="tiny", plan=PLAN, space=space)
            for stage in shop.stages():
                list(stage.reports)
            done[kind, space] = shop
        return done[kind, space]

    return made


def adapted(shop: Workshop, run: Path, data: PictureData | None = None, **how: Any) -> AdaptedModel:
    given = {"plan": PLAN, "strength": 1.0, "scratch": False, **how}
    return adapt_model(copy_of(shop.model), blobs(seed=5, warm=True) if data is None else data, run, **given)


def state(model: ImageModel, start: str) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if name.startswith(start)}


def same(a: ImageModel, b: ImageModel, start: str) -> bool:
    return all(torch.equal(tensor, b.state_dict()[name]) for name, tensor in state(a, start).items())


def test_decoder_and_prior_move_and_the_latents_stay(trained: Callable[..., Workshop], tmp_path: Path) -> None:
    shop = trained("flow")
    before = copy_of(shop.model)
    found = adapted(shop, tmp_path, scratch=True)
    for kept in ("vae.encoder.", "shift", "scale"):
        assert same(before, found.model, kept), kept
    for moved in ("vae.decoder.", "flow.", "centre"):
        assert not same(before, found.model, moved), moved
    assert same(before, shop.model, "")
    assert found.decoder is not None
    assert found.prior is not None
    assert [row.name for row in found.decoder.rows] == ["start", "scratch", "adapted"]
    assert [row.name for row in found.prior.rows] == ["start", "new decoder alone", "scratch", "adapted"]
    table = found.table()
    assert table.count("Adapted is ") == 2
    assert found.parts.note in table


def test_a_tight_leash_holds_and_no_leash_does_not(trained: Callable[..., Workshop], tmp_path: Path) -> None:
    shop = trained("flow")

    def moved(strength: float) -> float:
        model = adapted(shop, tmp_path / f"{strength:g}", strength=strength, plan=replace(PLAN, steps=6)).model
        pairs = [(tensor, shop.model.state_dict()[name]) for name, tensor in state(model, "flow.").items()]
        return sum(float((a - b).square().sum()) for a, b in pairs)

    assert moved(1e4) < 0.7 * moved(0.0)


def test_a_decoder_learns_the_new_colours(trained: Callable[..., Workshop], tmp_path: Path) -> None:
    found = adapted(trained("vae"), tmp_path, strength=0.0, plan=replace(PLAN, steps=40, samples_every=40))
    assert found.prior is None
    assert found.decoder is not None
    start, ours = found.decoder.rows
    assert ours.score.value < start.score.value
    assert found.decoder.better


@pytest.mark.parametrize("space", ["latents", "pixels"])
def test_a_gan_is_adapted_with_the_critic_it_learned_from(
    trained: Callable[..., Workshop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, space: str
) -> None:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))
    shop = trained("gan", space)
    run_of("old").mkdir(parents=True)
    (run_of("old") / CRITIC).write_bytes((shop.run / CRITIC).read_bytes())
    found = adapted(shop, tmp_path / "run", critic=critic_of("old"), augment=True, frozen=["critic:0.5"])
    assert (found.notes, found.decoder is None) == ((), space == "pixels")
    assert not same(shop.model, found.model, "gan.")
    assert "begin from nothing" in adapted(shop, tmp_path / "again").notes[0]


def test_one_prior_is_kept_as_the_other_would_draw_the_old_pictures(trained: Callable[..., Workshop], tmp_path: Path) -> None:
    flow, gan = trained("flow").model, trained("gan").model
    both = ImageModel(**{**flow.config, "gan": gan.config["gan"]})
    both.load_state_dict({**both.state_dict(), **flow.state_dict()})
    found = adapt_model(both, blobs(seed=5), tmp_path, plan=PLAN, strength=0.0, scratch=False)
    assert found.model.priors == ("flow", "gaussian")


def test_a_generator_adapts_itself(trained: Callable[..., Workshop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path))
    generator = Generator(copy_of(trained("vae").model), "old", torch.device("cpu"), torch.float32)
    data = blobs(seed=5)
    mine = generator.adapt(data, strength=1.0, steps=2, batch=8, scratch=False, run=tmp_path / "run")
    assert "mapsto adapt old: vae λ = 1" in mine.card["recipe"]
    assert mine.card["scores"]["decoder"]["rows"]["start"]["images"] == 0
    loaded = Generator.from_pretrained(mine.save_pretrained(tmp_path / "mine.safetensors"), device="cpu")
    assert loaded(n=1)[0].size == (16, 16)
    assert generator.model.training is False


def test_several_processes_are_refused(
    trained: Callable[..., Workshop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="one process"):
        adapted(trained("vae"), tmp_path)


@pytest.mark.parametrize(
    ("kind", "how", "says"),
    [
        ("vae", {"data": blobs(1)}, "One picture is too few"),
        ("vae", {"data": blobs(3)}, "3 pictures are too few"),
        ("vae", {"frozen": ["flow.down"]}, "this model has none"),
        ("vae", {"augment": True}, "this model has none"),
        ("vae", {"frozen": ["vae.decodre"]}, "Perhaps vae.decoder"),
        ("flow", {"augment": True}, "no critic"),
        ("flow", {"frozen": ["critic:0.5"]}, "no layers called 'critic'"),
    ],
)
def test_what_cannot_be_adapted_is_told_before_anything_is_learned(
    trained: Callable[..., Workshop], tmp_path: Path, kind: str, how: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        adapted(trained(kind), tmp_path, **how)
    assert not list(tmp_path.iterdir())
