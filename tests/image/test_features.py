import math

import pytest
import torch
from skimage import data
from torch import Tensor
from torch.nn import functional as F

from mapsto import weights
from mapsto.errors import UsageError, WeightsError
from mapsto.image.features import ImageNetNorm, PerceptualNetwork, from_squeezenet, perceptual
from mapsto.learning import losses

CHANNELS = {"relu1": 96, "fire2": 128, "fire3": 128, "fire4": 256, "fire5": 256, "fire6": 384, "fire7": 384, "fire8": 512}
TEXTURES = ("brick", "grass", "gravel")


@pytest.fixture(scope="module")
def network() -> PerceptualNetwork:
    found = perceptual()
    assert isinstance(found, PerceptualNetwork)
    return found


def random_network() -> PerceptualNetwork:
    torch.manual_seed(0)
    return PerceptualNetwork().eval().requires_grad_(False)


def squeezenet_state(network: PerceptualNetwork) -> dict[str, Tensor]:
    """The same weights under torchvision's names."""
    numbers = {"conv1": 0, "fire2": 3, "fire3": 4, "fire4": 5, "fire5": 7, "fire6": 8, "fire7": 9, "fire8": 10}
    inner = {"squeeze": "squeeze", "expand1": "expand1x1", "expand3": "expand3x3"}
    found = {}
    for key, value in network.state_dict().items():
        block, *rest = key.split(".")
        found[".".join(["features", str(numbers[block]), *(inner.get(part, part) for part in rest)])] = value
    return found


def pooled(side: int) -> int:
    """Windows of 3, stride 2, a partial one counted if it begins inside."""
    count = math.ceil((side - 3) / 2) + 1
    return count - 1 if (count - 1) * 2 >= side else count


@pytest.mark.parametrize(("height", "width"), [(19, 19), (20, 33), (64, 47), (65, 48), (66, 99), (101, 21)])
def test_every_size_gives_squeezenets_shapes(height: int, width: int) -> None:
    found = random_network()(torch.rand(2, 3, height, width))
    first = [(side - 7) // 2 + 1 for side in (height, width)]
    second = [pooled(side) for side in first]
    third = [pooled(side) for side in second]
    sizes = dict.fromkeys(CHANNELS, third) | {"relu1": first} | dict.fromkeys(("fire2", "fire3", "fire4"), second)
    assert {tap: list(f.shape) for tap, f in found.items()} == {tap: [2, CHANNELS[tap], *sizes[tap]] for tap in CHANNELS}


def test_normalisation_takes_the_mean_to_zero_and_one_deviation_to_one() -> None:
    normalise = ImageNetNorm()
    assert torch.equal(normalise(normalise.mean.expand(1, 3, 2, 2)), torch.zeros(1, 3, 2, 2))
    torch.testing.assert_close(normalise(normalise.mean + normalise.std), torch.ones(1, 3, 1, 1))


def test_the_first_tap_is_the_convolution_of_the_normalised_picture() -> None:
    network, x = random_network(), torch.rand(1, 3, 24, 24)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    wanted = F.relu(F.conv2d((x - mean) / std, network.conv1.weight, network.conv1.bias, stride=2))
    torch.testing.assert_close(network(x, ["relu1"])["relu1"], wanted)


def test_fewer_taps_are_the_same_taps_and_nothing_is_computed_beyond() -> None:
    network, x = random_network(), torch.rand(1, 3, 40, 40)
    everything = network(x)
    del network.fire6, network.fire7, network.fire8
    found = network(x, ["fire5", "relu1"])
    assert list(found) == ["fire5", "relu1"]
    assert all(torch.equal(found[tap], everything[tap]) for tap in found)


@pytest.mark.parametrize("taps", [["fire9"], []])
def test_unknown_taps_are_refused(taps: list[str]) -> None:
    with pytest.raises(UsageError, match="relu1, fire2"):
        random_network()(torch.rand(1, 3, 32, 32), taps)


def test_squeezenet_under_torchvisions_names_is_the_same_network() -> None:
    network, x = random_network(), torch.rand(1, 3, 40, 40)
    ours, theirs = network(x), from_squeezenet(squeezenet_state(network))(x)
    assert all(torch.equal(ours[tap], theirs[tap]) for tap in ours)


def test_other_weights_are_not_taken_for_squeezenet() -> None:
    state = squeezenet_state(random_network())
    with pytest.raises(WeightsError, match=r"features\.4\.squeeze\.bias is missing"):
        from_squeezenet({key: value for key, value in state.items() if key != "features.4.squeeze.bias"})
    with pytest.raises(WeightsError, match=r"features\.0\.weight is of shape \(64, 3, 3, 3\)"):
        from_squeezenet(state | {"features.0.weight": torch.zeros(64, 3, 3, 3)})


def test_blocks_in_a_row_are_the_network() -> None:
    network, x = random_network(), torch.rand(1, 3, 40, 40)
    wanted = network(x)
    for tap in network.style_taps:
        x = F.relu(network.linear(tap, x))
        assert torch.equal(x, wanted[tap])


def test_the_embedded_network_is_small_fixed_and_tells_its_story(network: PerceptualNetwork) -> None:
    assert weights.resolve("features-s").stat().st_size <= 3_000_000
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    scores = weights.card("features-s")["scores"]
    assert min(scores["r2"].values()) > 0.9
    assert scores["style_spearman"] > 0.98
    assert scores["content_spearman"] > 0.98


def test_two_pieces_of_one_texture_are_nearer_than_pieces_of_two(network: PerceptualNetwork) -> None:
    grams = {}
    for name in TEXTURES:
        x = torch.from_numpy(getattr(data, name)() / 255.0).float().expand(1, 3, -1, -1)
        grams[name] = [losses.grams(network(x[..., :256, place : place + 256].contiguous())) for place in (0, 256)]
    for name in TEXTURES:
        same = losses.style_loss(*grams[name])
        assert all(same < 0.5 * losses.style_loss(grams[name][0], grams[other][1]) for other in TEXTURES if other != name)


def test_unknown_features_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="vgg19"):
        perceptual("vgg")
