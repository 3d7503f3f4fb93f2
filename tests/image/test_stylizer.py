import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

import mapsto
from mapsto import weights
from mapsto.errors import NoSpace, OutOfMemory, UnreadableInput, UsageError, WeightsError
from mapsto.image import hands, tiles
from mapsto.image.colour import keep_chroma
from mapsto.image.encoder import StyleEncoder
from mapsto.image.features import PerceptualNetwork
from mapsto.image.learn import LearnReport, learn_hand
from mapsto.image.points import Style
from mapsto.image.slow import learn_parts, optimized
from mapsto.image.stylize import StyleNetwork
from mapsto.image.stylizer import Progress, Stylizer, style_tensor
from mapsto.image.targets import mixed, target_of
from mapsto.learning.measure import psnr
from mapsto.media.picture import Picture


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    torch.manual_seed(0)
    network = StyleNetwork(names=("starry-night", "great-wave"), width=8, deep=8, deep_blocks=1, fine_blocks=1)
    network.presets.copy_(torch.randn(2, 64))
    network.presets[:, 0] = 1.0
    encoder = StyleEncoder(components=8, hidden=8)
    features = PerceptualNetwork().requires_grad_(False)
    return Stylizer(network.eval().requires_grad_(False), encoder.eval().requires_grad_(False), features.eval())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))


@pytest.fixture
def cat() -> np.ndarray:
    return np.ascontiguousarray(data.chelsea()[40:168, 100:260])


def test_list_in_list_out_and_the_same_type(stylizer: Stylizer, cat: np.ndarray) -> None:
    pil, array = Image.fromarray(cat), cat
    tensor = torch.from_numpy(cat).permute(2, 0, 1) / 255
    out = stylizer([pil, array, tensor, Picture.of(cat)], "great-wave")
    assert [type(o) for o in out] == [Image.Image, np.ndarray, torch.Tensor, Picture]
    assert np.array_equal(np.asarray(out[0]), out[1])
    assert np.array_equal(out[1], out[3].pixels)
    assert torch.allclose(out[2], torch.from_numpy(out[1]).permute(2, 0, 1) / 255)
    assert isinstance(stylizer(pil, "great-wave"), Image.Image)


def test_a_batch_paints_what_single_pictures_get(stylizer: Stylizer, cat: np.ndarray) -> None:
    pictures = [cat, np.ascontiguousarray(cat[:, ::-1]), np.ascontiguousarray(cat[:100])]
    together = stylizer(pictures, "great-wave", batch_size=2)
    alone = [stylizer(p, "great-wave") for p in pictures]
    for a, b in zip(together, alone, strict=True):
        assert a.shape == b.shape
        assert np.abs(a.astype(int) - b.astype(int)).max() <= 1


def test_strength_zero_is_the_photo_and_it_grows_evenly(stylizer: Stylizer, cat: np.ndarray) -> None:
    assert np.array_equal(stylizer(cat, "great-wave", strength=0.0), cat)
    full = stylizer(cat, "great-wave")
    assert np.array_equal(stylizer(cat, "great-wave", strength=1.0), full)
    distances = [np.abs(stylizer(cat, "great-wave", strength=s).astype(float) - cat).mean() for s in (0.1, 0.3, 0.5, 0.7, 0.9)]
    assert distances == sorted(distances)


def test_one_seed_one_picture(stylizer: Stylizer, cat: np.ndarray) -> None:
    assert np.array_equal(stylizer(cat, "great-wave", seed=5), stylizer(cat, "great-wave", seed=5))
    assert not np.array_equal(stylizer(cat, "great-wave", seed=5), stylizer(cat, "great-wave", seed=6))


def test_a_mixture_is_the_barycentre_of_its_parts(stylizer: Stylizer) -> None:
    a, b = (stylizer.style_of(name).z for name in ("starry-night", "great-wave"))
    assert torch.allclose(stylizer.style_of("starry-night:3,great-wave:1").z, 0.75 * a + 0.25 * b, atol=1e-6)


def test_a_picture_is_a_style_by_path_and_in_memory(stylizer: Stylizer, cat: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(cat).save(tmp_path / "cat.png")
    assert torch.equal(stylizer.style_of(tmp_path / "cat.png").z, stylizer.style_of(cat).z)
    assert torch.equal(stylizer.style_of(str(tmp_path / "cat.png")).z, stylizer.style_of(Image.fromarray(cat)).z)


def test_a_style_that_is_no_picture_is_unreadable(stylizer: Stylizer, cat: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("this is no painting")
    with pytest.raises(UnreadableInput):
        stylizer(cat, tmp_path / "text.jpg")


@pytest.mark.parametrize(
    "wrong", [{"strength": 1.2}, {"strength": -0.1}, {"batch_size": 0}, {"seed": -1}, {"tile": 8}, {"tile": "512"}]
)
def test_impossible_options_are_refused(stylizer: Stylizer, cat: np.ndarray, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        stylizer(cat, "great-wave", **wrong)


@pytest.mark.parametrize("wrong", [{"method": "slow"}, {"method": "optimize", "learn": 60}, {"learn": 0}, {"learn": math.nan}])
def test_ways_that_lead_nowhere_are_refused(
    stylizer: Stylizer, cat: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    monkeypatch.setattr("mapsto.image.stylizer.loaded", lambda *_: stylizer)
    Image.fromarray(cat).save(tmp_path / "p.png")
    with pytest.raises(UsageError):
        mapsto.style(cat, tmp_path / "p.png", **wrong)


def test_optimising_knows_no_other_strengths_either(stylizer: Stylizer, cat: np.ndarray) -> None:
    with pytest.raises(UsageError, match="strength"):
        optimized(stylizer, Picture.of(cat), cat, steps=1, strength=-1)


class Narrow:
    """Memory for pictures of so many pixels, and no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pixels: int) -> None:
        self.pixels, self.run = pixels, tiles.run
        monkeypatch.setattr(tiles, "run", self)

    def __call__(self, network: StyleNetwork, photo: torch.Tensor, *rest: Any) -> torch.Tensor:
        if photo[:, 0].numel() > self.pixels:
            raise MemoryError
        return self.run(network, photo, *rest)


def test_where_memory_runs_out_tiles_become_smaller(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = np.random.default_rng(0).integers(0, 255, (16, 1500, 3), dtype=np.uint8)
    Narrow(monkeypatch, 16 * 850)
    told: list[Progress] = []
    painted = stylizer(wide, "great-wave", tile=1000, on_progress=told.append)
    assert painted.shape == wide.shape
    assert told[-1].tile == 504  # half of it, and a multiple of 8
    with pytest.raises(OutOfMemory):
        Narrow(monkeypatch, 0)
        stylizer(wide, "great-wave")


def test_a_batch_too_large_for_memory_is_painted_one_by_one(
    stylizer: Stylizer, cat: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Progress] = []
    Narrow(monkeypatch, cat[..., 0].size)
    together = stylizer([cat, cat], "great-wave", batch_size=2, on_progress=told.append)
    assert [progress.done for progress in told] == [1, 2]
    assert all(np.array_equal(one, stylizer(cat, "great-wave")) for one in together)


def test_colours_can_be_kept(stylizer: Stylizer, cat: np.ndarray) -> None:
    x = torch.from_numpy(cat).permute(2, 0, 1)[None] / 255
    painted = keep_chroma(0.5 * x + 0.2, x)
    inside = ((painted > 0.001) & (painted < 0.999)).all(1)
    for a, b in ((0, 1), (1, 2)):  # differences of R, G and B are chroma
        error = ((painted[:, a] - painted[:, b]) - (x[:, a] - x[:, b])).abs()[inside]
        assert float(error.max()) < 1e-5
    kept = stylizer(cat, "great-wave", keep_colors=True).astype(float)
    full = stylizer(cat, "great-wave").astype(float)
    chroma = lambda p: p[..., 0] - p[..., 2]  # noqa: E731
    assert np.abs(chroma(kept) - chroma(cat.astype(float))).mean() < np.abs(chroma(full) - chroma(cat.astype(float))).mean()


def test_alpha_stays(stylizer: Stylizer, cat: np.ndarray) -> None:
    alpha = np.arange(cat.shape[0] * cat.shape[1], dtype=np.uint32).reshape(cat.shape[:2]).astype(np.uint8)
    out = stylizer(replace(Picture.of(cat), alpha=alpha), "great-wave")
    assert np.array_equal(out.alpha, alpha)


def test_size_is_the_shorter_side(stylizer: Stylizer, cat: np.ndarray) -> None:
    assert stylizer(cat, "great-wave", size=64).shape == (64, 80, 3)


def test_progress_counts_pictures(stylizer: Stylizer, cat: np.ndarray) -> None:
    told: list[Progress] = []
    stylizer([cat, cat, cat], "great-wave", on_progress=told.append)
    assert [(p.done, p.total) for p in told] == [(1, 3), (2, 3), (3, 3)]


def test_a_style_picture_is_looked_at_in_one_size() -> None:
    wide = Picture.of(np.zeros((100, 900, 3), np.uint8))
    assert style_tensor(wide).shape == (1, 3, 320, 640)
    assert style_tensor(Picture.of(np.zeros((2000, 1000, 3), np.uint8))).shape == (1, 3, 640, 320)


def test_targets_mix_like_numbers(cat: np.ndarray) -> None:
    torch.manual_seed(0)
    network = PerceptualNetwork().requires_grad_(False)
    x = torch.from_numpy(cat).permute(2, 0, 1)[None] / 255
    a, b = target_of(x, network), target_of(1 - x, network)
    half = mixed([a, b], [0.5, 0.5])
    for name, value in half.grams.items():
        assert torch.allclose(value, (a.grams[name] + b.grams[name]) / 2)
    assert torch.allclose(half.colours, (a.colours + b.colours) / 2)


def learned(stylizer: Stylizer, cat: np.ndarray, reports: list[LearnReport], **options: Any) -> StyleNetwork:
    painting = torch.from_numpy(data.astronaut()[:160, :160].copy()).permute(2, 0, 1)[None] / 255
    z = stylizer.base.presets[:1]
    options = {"steps": 24, **options}
    return learn_hand(stylizer.base, z, painting, stylizer.features, name="mine", on_report=reports.append, **options)


def test_learning_comes_nearer_to_the_painting(stylizer: Stylizer, cat: np.ndarray) -> None:
    reports: list[LearnReport] = []
    network = learned(stylizer, cat, reports)
    first, last = (np.mean([r.style for r in part]) for part in (reports[:4], reports[-4:]))
    assert last < 0.8 * first
    assert network.names == ("mine",)
    x = torch.from_numpy(cat).permute(2, 0, 1)[None] / 255
    noise = torch.zeros(1, 3, x.shape[2] // 4, x.shape[3] // 4)
    assert torch.equal(network(x, style=torch.zeros(1, 64), noise=noise), x)


def test_learning_follows_its_seed_and_no_other(stylizer: Stylizer, cat: np.ndarray) -> None:
    torch.manual_seed(1)
    one = learned(stylizer, cat, [], steps=3)
    torch.manual_seed(2)
    other = learned(stylizer, cat, [], steps=3)
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


def test_one_piece_stays_below_two_gigabytes(stylizer: Stylizer) -> None:
    half = Stylizer(stylizer.base, stylizer.encoder, stylizer.features, dtype=torch.bfloat16)
    sizes = {megapixels: Picture.of(np.zeros((1, megapixels * 10**6, 3), np.uint8)) for megapixels in (5, 8, 12, 14)}
    tiled = [[s._tile(sizes[m], "auto", 1) is not None for m in (5, 8, 12, 14)] for s in (stylizer, half)]
    assert tiled == [[False, True, True, True], [False, False, False, True]]  # measured: fp32 241, bf16 125 bytes a pixel


def test_a_tight_leash_stays_near_the_start(stylizer: Stylizer, cat: np.ndarray) -> None:
    def moved(leash: float) -> float:
        network = learned(stylizer, cat, [], steps=8, leash=leash)
        start = stylizer.base.state_dict()
        return sum(float((v - start[k]).square().sum()) for k, v in network.state_dict().items() if k != "presets")

    assert moved(3e4) < 0.5 * moved(0.0)


def test_a_learned_hand_is_kept_named_and_instant(stylizer: Stylizer, cat: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(data.coffee()[:200, :200]).save(tmp_path / "My Painting.png")
    style = str(tmp_path / "My Painting.png")
    assert learn_parts(stylizer, style, seconds=0.5) == ["my-painting"]
    assert "my-painting" in stylizer.names
    by_name, by_file = stylizer(cat, "my-painting"), stylizer(cat, style)
    assert np.array_equal(by_name, by_file)
    changed = hands.path_of("my-painting").stat().st_mtime_ns
    assert learn_parts(stylizer, style, seconds=60) == ["my-painting"]
    assert hands.path_of("my-painting").stat().st_mtime_ns == changed
    assert weights.card(hands.path_of("my-painting"))["hand"]["title"] == "My Painting"
    half = stylizer.style_of("my-painting:1,great-wave:1")
    assert half.hands == (("my-painting", 0.5),)
    stylizer(cat, half)
    hands.forget("my-painting")
    assert "my-painting" not in stylizer.names


def test_a_learned_hand_moves_the_network_by_its_share(stylizer: Stylizer, tmp_path: Path) -> None:
    Image.fromarray(data.coffee()[:200, :200]).save(tmp_path / "p.png")
    learn_parts(stylizer, tmp_path / "p.png", seconds=1)
    base, hand = stylizer.base.state_dict(), hands.load("p").state_dict()
    moved = stylizer.network_for(Style(torch.zeros(1, 64), (("p", 0.25),))).state_dict()
    for key in ("stem.weight", "paint.weight"):
        assert torch.allclose(moved[key], base[key] + 0.25 * (hand[key] - base[key]), atol=1e-6)


def test_a_name_that_is_taken_is_not_learned_again(stylizer: Stylizer, tmp_path: Path) -> None:
    Image.fromarray(data.coffee()[:100, :100]).save(tmp_path / "p.png")
    with pytest.raises(UsageError, match="already"):
        learn_parts(stylizer, tmp_path / "p.png", seconds=1, name="great-wave")
    with pytest.raises(UsageError, match="nothing to learn"):
        learn_parts(stylizer, "great-wave", seconds=1)


def test_a_hand_learned_anew_under_its_old_name_is_the_new_one(stylizer: Stylizer) -> None:
    style = Style(torch.zeros(1, 64), (("p", 1.0),))
    for value in (1.0, 2.0):
        network = StyleNetwork(**{**stylizer.base.config, "names": ["p"]})
        network.load_state_dict({**stylizer.base.state_dict(), "presets": torch.zeros(1, 64)})
        torch.nn.init.constant_(network.stem.weight, value)
        hands.keep("p", network, {})
        assert float(stylizer.network_for(style).stem.weight.mean()) == pytest.approx(value)
        hands.forget("p")


def test_a_damaged_hand_is_listed_and_can_be_forgotten(stylizer: Stylizer) -> None:
    hands.path_of("torn").parent.mkdir(parents=True)
    hands.path_of("torn").write_bytes(b"xx")
    with pytest.raises(WeightsError):
        stylizer.style_of("torn")
    hands.forget("torn")
    assert hands.names() == []
    with pytest.raises(UsageError, match="no learned style"):
        hands.forget("torn")


def test_a_long_file_name_still_makes_a_name(tmp_path: Path) -> None:
    long = tmp_path / f"{'a' * 200}.png"
    first = hands.free_name(long, [])
    for name in (first, hands.free_name(long, [first])):
        hands.check_name(name)


def test_nothing_is_learned_that_cannot_be_kept(
    stylizer: Stylizer, cat: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(cat).save(tmp_path / "p.png")
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "p.png"))  # a file is no folder, not even for root
    with pytest.raises(NoSpace) as caught:
        learn_parts(stylizer, tmp_path / "p.png", seconds=600)
    assert "MAPSTO_HOME" in caught.value.hint


def test_several_paintings_do_not_get_one_name(stylizer: Stylizer, cat: np.ndarray, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(cat).save(tmp_path / name)
    with pytest.raises(UsageError, match="one by one"):
        learn_parts(stylizer, [(tmp_path / "a.png", 1), (tmp_path / "b.png", 1)], seconds=1, name="mine")


def test_a_painting_twice_in_a_style_is_learned_once(stylizer: Stylizer, cat: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(cat).save(tmp_path / "a.png")
    assert learn_parts(stylizer, [(tmp_path / "a.png", 1), (tmp_path / "a.png", 2)], seconds=0.1) == ["a", "a"]


def test_bf16_paints_the_same_picture(stylizer: Stylizer, cat: np.ndarray) -> None:
    half = Stylizer(stylizer.base, stylizer.encoder, stylizer.features, dtype=torch.bfloat16)
    a, b = (torch.from_numpy(s(cat, "great-wave")).double() / 255 for s in (stylizer, half))
    assert psnr(a, b) > 32


def test_a_hand_learned_on_other_weights_says_so(stylizer: Stylizer, tmp_path: Path) -> None:
    Image.fromarray(data.coffee()[:100, :100]).save(tmp_path / "p.png")
    parts = (stylizer.base, stylizer.encoder, stylizer.features)
    one, other = Stylizer(*parts, digest="one"), Stylizer(*parts, digest="other")
    learn_parts(one, tmp_path / "p.png", seconds=0.2)
    assert one.style_of(tmp_path / "p.png").hands == (("p", 1.0),)
    assert other.style_of(tmp_path / "p.png").hands == ()  # the picture still is a style, through the encoder
    with pytest.raises(WeightsError, match="other weights"):
        other.style_of("p")
