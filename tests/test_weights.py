import errno
import json
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as pack
from torch import nn

from mapsto import weights
from mapsto.errors import NoSpace, WeightsError
from toys import Decode, Encode, Scale

STORY = {"recipe": "none, drawn at random", "data": "none", "licence": "CC0-1.0"}


@pytest.fixture(autouse=True)
def _toys_are_architectures_and_home_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "ARCHITECTURES", {name: f"toys:{name}" for name in ("Encode", "Scale")})
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))


@pytest.fixture
def encode() -> Encode:
    torch.manual_seed(0)
    return Encode(3, widths=(4, 2))


@pytest.fixture
def saved(encode: Encode, tmp_path: Path) -> Path:
    path = tmp_path / "e.safetensors"
    weights.save(encode, path, STORY)
    return path


def header(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    found: dict[str, Any] = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    return found


def tamper(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite the header of a file and leave its tensors."""
    content, found = path.read_bytes(), header(path)
    tensors = content[8 + struct.unpack("<Q", content[:8])[0] :]
    change(found)
    packed = json.dumps(found).encode()
    path.write_bytes(struct.pack("<Q", len(packed)) + packed + tensors)


def tamper_card(path: Path, **changes: Any) -> None:
    def change(found: dict[str, Any]) -> None:
        card = {**json.loads(found["__metadata__"]["mapsto"]), **changes}
        found["__metadata__"]["mapsto"] = json.dumps(card)

    tamper(path, change)


def test_what_was_saved_is_loaded(encode: Encode, saved: Path) -> None:
    again = weights.load(saved)
    assert type(again) is Encode
    assert again.config == {"channels": 3, "widths": [4, 2]}
    assert not again.training
    for name, tensor in encode.state_dict().items():
        found = again.state_dict()[name]
        assert found.dtype == tensor.dtype
        assert torch.equal(found, tensor.half().to(tensor.dtype))
    assert torch.equal(again.mean, encode.mean)  # what the constructor makes and the file does not hold


def test_saving_twice_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    weights.save(weights.load(saved), tmp_path / "again.safetensors", STORY)
    assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()


def test_loading_leaves_the_global_random_state(saved: Path) -> None:
    before = torch.random.get_rng_state()
    weights.load(saved)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_card_tells_what_the_weights_are(saved: Path) -> None:
    assert weights.card(saved) == {
        **STORY,
        "architecture": "Encode",
        "arguments": {"channels": 3, "widths": [4, 2]},
        "spaces": {
            "source": {"kind": "Image", "channels": 3, "height": None, "width": None},
            "target": {"kind": "Latent", "channels": 3, "height": None, "width": None},
            "sides": {},
        },
    }


def test_a_card_can_say_more_but_not_otherwise(encode: Encode, tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    weights.save(encode, path, {**STORY, "scores": {"psnr_db": 31.5}, "architecture": "Scale"})
    assert weights.card(path)["scores"] == {"psnr_db": 31.5}
    assert weights.card(path)["architecture"] == "Encode"


def test_reading_a_card_does_not_import_torch(saved: Path) -> None:
    program = f"import sys; from mapsto import weights; weights.card({str(saved)!r}); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("key", STORY)
def test_weights_without_their_story_are_not_kept(encode: Encode, tmp_path: Path, key: str) -> None:
    with pytest.raises(WeightsError, match=key):
        weights.save(encode, tmp_path / "e.safetensors", {name: text for name, text in STORY.items() if name != key})
    assert not (tmp_path / "e.safetensors").exists()


def test_only_known_architectures_are_saved(tmp_path: Path) -> None:
    class Scale(nn.Module):
        pass

    for module in (Decode(), Decode() >> Encode(), Scale()):
        with pytest.raises(WeightsError, match="architecture"):
            weights.save(module, tmp_path / "d.safetensors", STORY)


@pytest.mark.parametrize("value", [1e6, float("nan"), float("inf")])
def test_numbers_that_fp16_cannot_hold_are_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(WeightsError, match="factor"):
        weights.save(Scale(value), tmp_path / "s.safetensors", STORY)


def test_what_could_not_be_loaded_again_is_not_kept(encode: Encode, tmp_path: Path) -> None:
    encode.layers.append(nn.Conv2d(3, 3, 1))
    with pytest.raises(WeightsError, match=r"e\.safetensors: layers\.3\.bias is not part"):
        weights.save(encode, tmp_path / "e.safetensors", STORY)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_weights(encode: Encode, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(NoSpace):
        weights.save(encode, saved, STORY)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_truncated_file_is_refused_wherever_it_ends(saved: Path) -> None:
    content = saved.read_bytes()
    for end in [0, 1, 7, 8, 9, 100, *range(200, len(content), 97), len(content) - 1]:
        saved.write_bytes(content[:end])
        with pytest.raises(WeightsError, match="damaged"):
            weights.load(saved)
        with pytest.raises(WeightsError, match="damaged"):
            weights.card(saved)


def test_a_file_with_something_behind_it_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"more")
    with pytest.raises(WeightsError, match="damaged"):
        weights.load(saved)


def test_a_header_that_lies_about_its_length_is_refused(saved: Path) -> None:
    for length in (2**63, 2**40, 5):
        saved.write_bytes(struct.pack("<Q", length) + saved.read_bytes()[8:])
        with pytest.raises(WeightsError, match="damaged"):
            weights.load(saved)


def test_a_missing_an_extra_and_a_renamed_tensor_are_refused(saved: Path) -> None:
    original = saved.read_bytes()

    def rename(found: dict[str, Any]) -> None:
        found["layers.0.wait"] = found.pop("layers.0.weight")

    tamper(saved, rename)
    with pytest.raises(WeightsError, match=r"layers\.0\.wait is not part of the architecture"):
        weights.load(saved)
    saved.write_bytes(original)
    tensors = {name: tensor.half() for name, tensor in Encode(3, (4, 2)).state_dict().items() if name != "layers.2.bias"}
    saved.write_bytes(pack(tensors, header(saved)["__metadata__"]))
    with pytest.raises(WeightsError, match=r"layers\.2\.bias is missing"):
        weights.load(saved)


def test_a_wrong_shape_is_refused(saved: Path) -> None:
    tamper(saved, lambda found: found["layers.0.weight"].update(shape=[3, 4, 3, 3]))
    with pytest.raises(WeightsError, match=r"layers\.0\.weight should be of shape \(4, 3, 3, 3\), and is \(3, 4, 3, 3\)"):
        weights.load(saved)


@pytest.mark.parametrize("dtype", ["I16", "BF16"])
def test_a_wrong_number_type_is_refused(saved: Path, dtype: str) -> None:
    tamper(saved, lambda found: found["layers.0.weight"].update(dtype=dtype))
    with pytest.raises(WeightsError, match=rf"layers\.0\.weight should be stored as F16 or F32, and is {dtype}"):
        weights.load(saved)


def test_a_shape_that_does_not_fit_the_bytes_is_refused(saved: Path) -> None:
    tamper(saved, lambda found: found["layers.0.weight"].update(shape=[4, 3, 3, 4]))
    with pytest.raises(WeightsError, match="damaged"):
        weights.load(saved)


def test_overlapping_tensors_are_refused(saved: Path) -> None:
    def overlap(found: dict[str, Any]) -> None:
        found["layers.1.weight"]["data_offsets"] = found["layers.1.bias"]["data_offsets"]

    tamper(saved, overlap)
    with pytest.raises(WeightsError, match="damaged"):
        weights.load(saved)


@pytest.mark.parametrize("name", ["Decode", "os:system", "toys:Encode", ""])
def test_an_architecture_that_is_not_in_the_table_is_refused(saved: Path, name: str) -> None:
    tamper_card(saved, architecture=name)
    with pytest.raises(WeightsError, match="no architecture called"):
        weights.load(saved)


@pytest.mark.parametrize(
    "arguments",
    [
        {"channels": 10**9},
        {"channels": 3, "widths": [2] * 10_000},
        {"channels": {"deep": 1}},
        {"colour": 3},
        {"channels": "three"},
        {"channels": -3},
        {"channels": 3, "widths": []},
        {"channels": 3, "widths": None},
    ],
)
def test_arguments_that_make_no_sense_are_refused(saved: Path, arguments: dict[str, Any]) -> None:
    tamper_card(saved, arguments=arguments)
    with pytest.raises(WeightsError, match=r"too large|does not describe a Encode"):
        weights.load(saved)


def test_other_arguments_mean_other_shapes(saved: Path) -> None:
    tamper_card(saved, arguments={"channels": 5, "widths": [4, 2]})
    with pytest.raises(WeightsError, match=r"layers\.2\.\w+ should be of shape"):
        weights.load(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"architecture": 3, "arguments": {}}', "[" * 100_000])
def test_a_card_that_is_none_is_refused(saved: Path, text: str) -> None:
    tamper(saved, lambda found: found["__metadata__"].update(mapsto=text))
    for read in (weights.load, weights.card):
        with pytest.raises(WeightsError, match="card"):
            read(saved)


def test_safetensors_of_others_have_no_card(tmp_path: Path) -> None:
    (tmp_path / "other.safetensors").write_bytes(pack({"x": torch.zeros(1)}))
    with pytest.raises(WeightsError, match="no card"):
        weights.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_pickle_is_never_opened(tmp_path: Path, name: str) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return (Path.touch, (tmp_path / "exploded",))  # type: ignore[return-value]

    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    for read in (weights.load, weights.card):
        with pytest.raises(WeightsError):
            read(tmp_path / name)
    assert not (tmp_path / "exploded").exists()


def test_the_wanted_architecture_can_be_named(saved: Path) -> None:
    weights.load(saved, expect="Encode")
    with pytest.raises(WeightsError, match="holds a Encode, and a Scale is wanted"):
        weights.load(saved, expect="Scale")


def test_the_catalogue_has_what_the_user_learned(saved: Path, tmp_path: Path) -> None:
    mine = tmp_path / "home" / "data" / "weights" / "my-hand.safetensors"
    assert "my-hand" not in weights.catalogue()
    mine.parent.mkdir(parents=True)
    mine.write_bytes(saved.read_bytes())
    assert weights.catalogue()["my-hand"] == weights.resolve("my-hand") == mine
    assert list(weights.catalogue()) == sorted(weights.catalogue())
    assert weights.card("my-hand") == weights.card(saved)
    assert weights.digest("my-hand") == weights.digest(saved) != weights.digest(_changed(saved))


def _changed(path: Path) -> Path:
    tamper_card(path, licence="another")
    return path


def test_an_embedded_name_cannot_be_taken(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package"
    for folder in (package / "embedded", tmp_path / "home" / "data" / "weights"):
        folder.mkdir(parents=True)
        (folder / "e.safetensors").write_bytes(saved.read_bytes())
    monkeypatch.setattr(weights, "__file__", str(package / "weights.py"))
    assert weights.catalogue() == {"e": package / "embedded" / "e.safetensors"}


def test_an_unknown_name_offers_the_nearest(saved: Path, tmp_path: Path) -> None:
    mine = tmp_path / "home" / "data" / "weights" / "my-hand.safetensors"
    weights.save(weights.load(saved), mine, STORY)
    with pytest.raises(WeightsError, match="my-hand"):
        weights.resolve("my-hnd")
    with pytest.raises(WeightsError, match="no weights at"):
        weights.resolve("nowhere/my-hand.safetensors")
    with pytest.raises(WeightsError, match="no weights at"):
        weights.resolve(tmp_path / "my-hand")


def test_every_architecture_in_the_table_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    needed = {"ImageModel": {"height": 8, "width": 8, "vae": {}}, "ScoreNetwork": {"styles": ["lied"]}}
    for name in weights.ARCHITECTURES:
        module = weights._build(Path("test"), name, needed.get(name, {}))
        assert f"{type(module).__module__}:{type(module).__name__}" == weights.ARCHITECTURES[name]


def test_every_embedded_file_loads_and_tells_its_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for path in (Path(weights.__file__).parent / "embedded").glob("*.safetensors"):
        weights.load(path)
        assert {*weights.WRITTEN_BY_HAND, "scores"} <= weights.card(path).keys()


def test_loading_imports_no_compiler() -> None:
    # Drawing first weights on the meta device does, and takes more than a second of every command.
    said = "import sys; from mapsto import weights; weights.load('style-s'); print('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.strip() == "False"
