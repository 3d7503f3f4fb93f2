from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from mapsto import weights
from mapsto.errors import UsageError
from mapsto.image.image_model import ImageModel
from mapsto.image.own_models import CRITIC
from mapsto.learning.choices import check_size
from mapsto.learning.data import PictureData
from mapsto.learning.fit import Plan
from mapsto.learning.from_pictures import Workshop
from mapsto.learning.latents import encoded_once
from mapsto.learning.watch import kept

PLAN = Plan(steps=4, batch=8, device="cpu", precision="fp32", threads=1, checkpoint_every=2, samples=4, rows=2)


def blobs(count: int = 24, size: tuple[int, int] = (16, 16), channels: int = 3, *, seed: int = 0) -> PictureData:
    """Smooth pictures; with alpha, some of it is seen through."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 4, 4, generator=generator)
    x = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")
    pixels = (255 * x).byte().permute(0, 2, 3, 1).contiguous().numpy()
    return PictureData(pixels, tuple(f"{i}.png" for i in range(count)), digest=f"blobs {seed} {count}")


def workshop(kind: str, run: Path, data: PictureData | None = None, **options: object) -> Workshop:
    given = {"preset": "tiny", "plan": PLAN, **options}
    return Workshop(kind, blobs() if data is None else data, run, **given)  # type: ignore[arg-type]


def run_all(shop: Workshop, *, resume: bool = False) -> ImageModel:
    for stage in shop.stages(resume=resume):
        for _ in stage.reports:
            pass
    return shop.model


def same(a: ImageModel, b: ImageModel) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize(("kind", "stages"), [("vae", ("vae",)), ("flow", ("vae", "flow")), ("gan", ("vae", "gan"))])
def test_a_folder_becomes_a_model_that_draws(tmp_path: Path, kind: str, stages: tuple[str, ...]) -> None:
    shop = workshop(kind, tmp_path / "run", held_out=blobs(8, seed=1))
    assert shop.names == stages
    model = run_all(shop)
    assert tuple(shop.done) == stages
    assert {path.name for path in (tmp_path / "run").iterdir()} >= set(stages)
    rows = map(json.loads, (tmp_path / "run" / stages[0] / "log.jsonl").read_text().splitlines())
    assert any(row.get("held_out", {}).keys() == row["train"].keys() != set() for row in rows if "train" in row)
    assert model.priors[0] == {"vae": "gaussian"}.get(kind, kind)
    weights.save(model, tmp_path / "mine.safetensors", shop.card("blobs"))
    loaded = weights.load(tmp_path / "mine.safetensors", expect="ImageModel")
    assert isinstance(loaded, ImageModel)
    noise = torch.randn(2, *loaded.centre.shape) if kind != "gan" else torch.randn(2, 128)
    x = loaded(loaded.sample(noise, prior=loaded.priors[0], steps=2))
    assert (x.shape, bool(x.isfinite().all())) == ((2, 3, 16, 16), True)


def test_the_latents_a_prior_learns_have_mean_0_and_variance_1(tmp_path: Path) -> None:
    shop = workshop("flow", tmp_path)
    model = run_all(shop)
    found = encoded_once(tmp_path / "latents.safetensors", model, shop.data)
    drawn = found.means.float().square().mean() + found.deviations.float().square().mean()
    assert found.means.float().mean().item() == pytest.approx(0, abs=1e-2)
    assert drawn.item() == pytest.approx(1, abs=2e-2)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_gan_paints_pixels_without_a_vae(tmp_path: Path, channels: int) -> None:
    shop = workshop("gan", tmp_path, blobs(channels=channels), space="pixels")
    model = run_all(shop)
    assert (shop.names, model.vae, model.priors) == (("gan",), None, ("gan",))
    x = model(model.sample(torch.randn(2, 128), prior="gan"))
    assert x.shape == (2, channels, 16, 16)


def test_the_critic_is_kept_for_adapting(tmp_path: Path) -> None:
    shop = workshop("gan", tmp_path)
    run_all(shop)
    critic = kept(tmp_path / CRITIC, _holder(shop))["critic"]
    assert any(float(weight.abs().sum()) > 0 for weight in critic.parameters())


def _holder(shop: Workshop) -> object:
    game = shop.game_of("gan")
    game.averaged = ("critic",)
    return game


@pytest.mark.parametrize("stopped", ["vae", "gan"])
def test_a_run_goes_on_in_the_stage_it_stopped_in(tmp_path: Path, stopped: str) -> None:
    """Reports stop coming after two steps of one stage, as if the process had been killed; new objects go on from the files."""
    whole = run_all(workshop("gan", tmp_path / "whole"))
    shop = workshop("gan", tmp_path / "cut")
    for stage in shop.stages():
        reports = stage.reports
        if stage.name == stopped:
            list(islice((report for report in reports if report.step >= 2), 1))
            reports.close()  # type: ignore[attr-defined]
            break
        list(reports)
    assert same(run_all(workshop("gan", tmp_path / "cut"), resume=True), whole)


def test_a_finished_run_is_the_same_again(tmp_path: Path) -> None:
    first = run_all(workshop("flow", tmp_path))
    assert same(run_all(workshop("flow", tmp_path), resume=True), first)


def test_a_prior_learns_over_a_vae_that_is_there(tmp_path: Path) -> None:
    start = run_all(workshop("vae", tmp_path / "vae"))
    shop = workshop("flow", tmp_path / "flow", blobs(seed=3), start=start)
    assert shop.names == ("flow",)
    model = run_all(shop)
    for name, tensor in start.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_hours_are_shared_out(tmp_path: Path) -> None:
    plan = Plan(steps=0, batch=8, hours=2.0)
    both, alone = workshop("flow", tmp_path, plan=plan), workshop("vae", tmp_path, plan=plan)
    assert both.plan_of("vae").hours + both.plan_of("flow").hours == pytest.approx(2)  # type: ignore[operator]
    assert alone.plan_of("vae").hours == 2
    assert workshop("gan", tmp_path, plan=plan, space="pixels").plan_of("gan").hours == 2


def test_classes_are_learned_and_kept(tmp_path: Path) -> None:
    from dataclasses import replace

    data = replace(blobs(), labels=np.arange(24) % 2, classes=("day", "night"))
    model = run_all(workshop("gan", tmp_path, data))
    assert model.classes == ("day", "night")
    assert model.gan is not None
    assert model.gan.classes == 2


@pytest.mark.parametrize(
    ("size", "pixels", "nearest"),
    [
        ((65, 65), False, ("64", "72")),
        ((64, 100), False, ("96x64", "104x72")),
        ((42, 42), False, ("40", "44")),
        ((33, 33), True, ("32", "40")),
    ],
)
def test_sizes_that_cannot_be_halved_come_with_the_nearest_that_can(
    size: tuple[int, int], pixels: bool, nearest: tuple[str, str]
) -> None:
    with pytest.raises(UsageError) as caught:
        check_size(*size, pixels=pixels)
    assert all(f" {one}" in caught.value.hint for one in nearest)


@pytest.mark.parametrize("size", [(64, 64), (160, 96), (44, 48), (16, 16)])
def test_sizes_that_can_are_let_through(size: tuple[int, int]) -> None:
    check_size(*size)


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("vea", {}, "vae"),
        ("flow", {"preset": "tinny"}, "tiny"),
        ("gan", {"loss": "hinged"}, "hinge"),
        ("gan", {"augment": "sometimes"}, "auto"),
        ("flow", {"space": "pixels"}, "Only a GAN"),
        ("vae", {"data": blobs(1)}, "One picture is too few"),
        ("vae", {"data": blobs(3)}, "3 pictures are too few"),
        ("vae", {"data": blobs(size=(8, 16))}, "too small"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_learned(
    tmp_path: Path, kind: str, options: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        workshop(kind, tmp_path, **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
