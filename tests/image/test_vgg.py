import hashlib
import pickle
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from torch import nn

from mapsto.errors import UsageError, WeightsError
from mapsto.image import vgg
from mapsto.image.features import ImageNetNorm, perceptual
from mapsto.image.vgg import VGG19

NAME = "vgg19-dcbb9e9d.pth"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(vgg, "URL", "http://127.0.0.1:9/vgg19-dcbb9e9d.pth")  # nobody listens there
    return tmp_path / "home" / "cache"


@pytest.fixture
def reference() -> nn.Sequential:
    """The layers as torchvision numbers them, with 2 channels where the real ones have 64."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    channels = 3
    for item in (1, 1, 0, 2, 2, 0, 4, 4, 4, 4, 0, 8, 8, 8, 8, 0, 8, 8, 8, 8, 0):
        if item:
            layers += [nn.Conv2d(channels, 2 * item, 3, padding=1), nn.ReLU()]
            channels = 2 * item
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers).half().float()


@pytest.fixture
def published(reference: nn.Sequential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small file as it might be published, on a server of its own."""
    folder = tmp_path / "served"
    folder.mkdir()
    torch.save({f"features.{key}": value for key, value in reference.state_dict().items()}, folder / NAME)
    monkeypatch.setattr(vgg, "DIGEST", hashlib.sha256((folder / NAME).read_bytes()).hexdigest()[:8])
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr(vgg, "URL", f"http://127.0.0.1:{server.server_port}/{NAME}")
    yield folder / NAME
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_is_fetched_checked_converted_and_kept(published: Path, reference: nn.Sequential, home: Path) -> None:
    network = perceptual("vgg19")
    x = torch.rand(1, 3, 37, 50)
    after = dict(zip(network.style_taps, (2, 7, 12, 21, 30), strict=True))  # layers up to and with that ReLU
    for tap, f in network(x).items():
        torch.testing.assert_close(f, reference[: after[tap]](ImageNetNorm()(x)))
    assert [path.name for path in home.iterdir()] == ["vgg19-relu5_1.safetensors"]
    published.unlink()
    assert perceptual("vgg19").config == {"width": 2}


def test_a_file_put_there_by_hand_is_used_and_left(published: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg, "URL", "http://127.0.0.1:9/none")
    home.mkdir(parents=True)
    by_hand = home / f"vgg19-{vgg.DIGEST}.pth"
    by_hand.write_bytes(published.read_bytes())
    assert isinstance(perceptual("vgg19"), VGG19)
    assert by_hand.exists()


def test_offline_says_what_to_do(home: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot be fetched from http.*there yourself: .*dcbb9e9d\.pth"):
        perceptual("vgg19")
    assert not list(home.iterdir())


@pytest.mark.parametrize("content", [b"", b"something else", None])
def test_what_is_not_the_published_file_is_not_kept(content: bytes | None, published: Path, home: Path) -> None:
    published.write_bytes(published.read_bytes()[:-100] if content is None else content)
    with pytest.raises(WeightsError, match="is not the published VGG-19"):
        perceptual("vgg19")
    assert not list(home.iterdir())


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run!",)


@pytest.mark.parametrize("state", [Bomb(), {"features.0.weight": torch.zeros(2, 3, 3, 3)}, [1], {}])
def test_a_file_with_the_right_digest_is_still_not_trusted(
    state: object, published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published.write_bytes(pickle.dumps(state, protocol=2)) if isinstance(state, Bomb) else torch.save(state, published)
    monkeypatch.setattr(vgg, "DIGEST", hashlib.sha256(published.read_bytes()).hexdigest()[:8])
    with pytest.raises(WeightsError, match="does not hold a VGG-19"):
        perceptual("vgg19")
    assert capsys.readouterr().out == ""


def test_fewer_taps_are_the_same_taps_and_unknown_ones_are_refused() -> None:
    torch.manual_seed(0)
    network, x = VGG19(2), torch.rand(1, 3, 32, 32)
    everything = network(x)
    found = network(x, ["relu2_1"])
    assert list(found) == ["relu2_1"]
    assert torch.equal(found["relu2_1"], everything["relu2_1"])
    assert [f.shape[1:] for f in everything.values()] == [(2, 32, 32), (4, 16, 16), (8, 8, 8), (16, 4, 4), (16, 2, 2)]
    with pytest.raises(UsageError, match="relu1_1, relu2_1"):
        network(x, ["relu6_1"])


def test_its_full_size_is_vggs() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in VGG19().parameters()) == 12_944_960
