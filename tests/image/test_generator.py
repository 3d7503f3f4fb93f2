from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from mapsto import weights
from mapsto.errors import UsageError, WeightsError
from mapsto.image.generator import Generator, pictures_of
from mapsto.image.image_model import ImageModel
from mapsto.image.models import names
from mapsto.media.picture import Picture

VAE = {"base": 8, "factor": 4, "latent": 2, "decoder_blocks": 1}
GAN = {"channels": 2, "height": 4, "width": 6, "z_size": 8, "w_size": 8, "base": 8, "blocks": 3}
FLOW = {"channels": 2, "height": 4, "width": 6, "base": 32, "blocks": 1, "embedding": 32, "classes": 2}
CARD = {"recipe": "r", "data": "d", "licence": "l"}


@pytest.fixture(scope="module")
def model() -> ImageModel:
    torch.manual_seed(0)
    made = ImageModel(16, 24, vae=VAE, flow=FLOW, gan=GAN, classes=("hill", "sea"), axes=8).eval()
    for parameter in made.flow.parameters():  # a fresh flow is the identity
        torch.nn.init.normal_(parameter, std=0.1)
    made.gan.mean_w.normal_()
    made.measure(torch.randn(50, 2, 4, 6, generator=torch.Generator().manual_seed(1)))
    return made


@pytest.fixture
def generator(model: ImageModel) -> Generator:
    return Generator(model, "toy", torch.device("cpu"), torch.float32)


def same(a: Picture, b: Picture) -> bool:
    return bool(np.abs(a.numpy().astype(int) - b.numpy().astype(int)).max() <= 1)


def test_every_picture_has_a_seed_of_its_own(generator: Generator) -> None:
    four = generator(4, seed=7, batch_size=3)
    assert [picture.size for picture in four] == [(24, 16)] * 4
    assert same(four[3], generator(1, seed=10)[0])
    assert not same(four[0], four[1])


def test_truncation_leads_to_one_mean_picture(generator: Generator) -> None:
    ways = [generator(2, seed=3, truncation=t) for t in (1.0, 0.3, 0.0)]
    apart = [np.abs(a.numpy().astype(float) - b.numpy()).mean() for a, b in ways]
    assert apart[0] > apart[1] > apart[2] == 0


def test_classes_change_the_picture_and_unknown_ones_are_named(generator: Generator) -> None:
    hill, sea = (generator(seed=1, label=name)[0] for name in ("hill", "sea"))
    assert not same(hill, sea)
    with pytest.raises(UsageError, match=r"no class called 'moon'") as caught:
        generator(label="moon")
    assert "hill, sea" in caught.value.hint


def test_a_model_says_how_it_is_guided_and_can_be_asked_otherwise(model: ImageModel, generator: Generator) -> None:
    guided = ImageModel(**{**model.config, "pag": 3.0}).eval()
    guided.load_state_dict(model.state_dict())
    calm = Generator(guided, "toy", torch.device("cpu"), torch.float32)
    assert not same(calm(seed=1)[0], generator(seed=1)[0])
    assert same(calm(seed=1)[0], generator(seed=1, pag=3.0)[0])
    assert same(calm(seed=1, pag=0.0)[0], generator(seed=1)[0])
    for prior in ("gan", "gaussian"):  # which have no attention
        assert same(calm(seed=1, prior=prior)[0], generator(seed=1, prior=prior)[0])


def test_priors_that_are_not_there_are_refused(generator: Generator) -> None:
    with pytest.raises(UsageError, match="no prior called 'magic'") as caught:
        generator(prior="magic")
    assert caught.value.hint == "It has flow and gan and gaussian."
    with pytest.raises(UsageError, match="0 pictures"):
        generator(0)


def test_there_and_back(generator: Generator) -> None:
    picture = Picture.of(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8))
    z = generator.encode(picture)
    assert z.shape == (1, 2, 4, 6)
    assert same(generator.reconstruct(picture), generator.decode(z)[0])


def test_a_walk_begins_at_its_first_seed_and_closes(generator: Generator) -> None:
    frames = list(generator.walk([1, 5, 9], 12))
    assert same(frames[0], generator(seed=1)[0])
    steps = [np.abs(a.numpy().astype(float) - b.numpy()).mean() for a, b in pairwise([*frames, frames[0]])]
    assert max(steps) < 3 * np.mean(steps)
    with pytest.raises(UsageError, match="somewhere to somewhere"):
        next(generator.walk([1], 4))


def test_an_open_walk_ends_at_its_last_seed(generator: Generator) -> None:
    frames = list(generator.walk([1, 5], 5, loop=False, prior="gaussian"))
    assert same(frames[-1], generator(seed=5, prior="gaussian")[0])


@pytest.mark.parametrize("prior", ["flow", "gan", "gaussian"])
def test_mixing_takes_all_there_is_in_three_parts(generator: Generator, prior: str) -> None:
    one, other = (generator(seed=seed, prior=prior)[0] for seed in (3, 8))
    assert same(generator.mix(3, 3, "middle", prior=prior), one)
    parts = [generator.mix(3, 8, part, prior=prior) for part in ("coarse", "middle", "fine")]
    assert all(not same(part, one) and not same(part, other) for part in parts)


def test_styles_of_layers_are_mixed_as_the_paper_does(generator: Generator) -> None:
    gan = generator.model.gan
    w, v = (gan.mapping(generator.noise([seed], "gan")) for seed in (3, 8))
    styles = torch.stack([v[0], w[0], w[0]])[None]
    assert same(generator.mix(3, 8, "coarse", prior="gan"), generator.decode(gan.synthesize(styles))[0])


def test_a_slider_moves_latents_along_its_axis(generator: Generator) -> None:
    model = generator.model
    expected = generator.latents([4]) + 1.5 * model.spread[1] * model.axes[1] - model.spread[0] * model.axes[0]
    assert same(generator.edit(4, {"2": 1.5, "1": -1.0}), generator.decode(expected)[0])
    assert same(generator.edit(4, {}), generator(seed=4)[0])
    assert same(generator.edit(4, {}, prior="gan", truncation=0.5), generator(seed=4, prior="gan", truncation=0.5)[0])
    with pytest.raises(UsageError, match="no slider called '99'"):
        generator.edit(4, {"99": 1})


def test_a_picture_is_edited_where_it_lies(generator: Generator) -> None:
    picture = Picture.of(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8))
    assert same(generator.edit(picture, {}, prior="gan"), generator.reconstruct(picture))
    assert not same(generator.edit(picture, {"1": 2.0}), generator.reconstruct(picture))


def test_projection_never_leaves_the_guess_for_anything_worse(generator: Generator) -> None:
    own = generator(seed=2, prior="gaussian")[0]

    def error(picture: Picture) -> float:
        return float(np.abs(picture.numpy().astype(float) - own.numpy()).mean())

    assert error(generator.reconstruct(own, refine=30)) < 0.9 * error(generator.reconstruct(own))
    assert torch.allclose(generator.project(own, steps=0).at, generator.encode(own), atol=1e-6)


def test_a_fourth_channel_is_alpha() -> None:
    x = torch.tensor([0.5, 0.25, 0.0, 0.5]).view(1, 4, 1, 1)
    picture = pictures_of(x)[0]
    assert picture.pixels[0, 0].tolist() == [128, 64, 0]
    assert picture.alpha is not None
    assert picture.alpha[0, 0] == 128


def test_from_a_file_and_back(model: ImageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path))
    weights.save(model, tmp_path / "data/weights/toys.safetensors", CARD)
    assert "toys" in names()
    assert "style-s" not in names()
    found = Generator.from_pretrained("toys", device="cpu", precision="fp32")
    again = Generator.from_pretrained(found.save_pretrained(tmp_path / "copy.safetensors"), device="cpu", precision="fp32")
    assert same(found(seed=2)[0], again(seed=2)[0])
    with pytest.raises(WeightsError, match="toyz") as caught:
        Generator.from_pretrained("toyz")
    assert "toys" in caught.value.hint
    with pytest.raises(WeightsError, match="ImageModel is wanted"):
        Generator.from_pretrained("features-s")
