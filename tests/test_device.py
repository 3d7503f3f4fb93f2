import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mapsto import device
from mapsto.errors import UsageError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _nothing_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))
    device._faster.cache_clear()


@pytest.fixture
def races(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """Races that were run; bf16 wins all of them."""
    run: list[torch.device] = []

    def race(where: torch.device) -> tuple[float, float]:
        run.append(where)
        return 2.0, 1.0

    monkeypatch.setattr(device, "race", race)
    return run


def test_auto_is_the_first_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, best in (({"cpu": 1, "mps": 1, "cuda": 2}, "cuda"), ({"cpu": 1, "mps": 1, "cuda": 0}, "mps")):
        monkeypatch.setattr(device, "_count", there.__getitem__)
        assert device.pick("auto") == torch.device(best)
    monkeypatch.setattr(device, "_count", lambda kind: kind == "cpu")
    assert device.pick() == device.pick("CPU") == CPU


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_count", {"cpu": 1, "mps": 0, "cuda": 2}.__getitem__)
    assert device.pick("cuda:1") == torch.device("cuda:1")
    for wanted in ("cuda:2", "mps", "cpu:1", "cuda:x", "cuda:-1"):
        with pytest.raises(UsageError, match=f"no device {wanted} .* There is: cpu, cuda"):
            device.pick(wanted)


@pytest.mark.parametrize(("cards", "rank", "taken"), [(0, "1", []), (1, "1", []), (4, None, [0]), (4, "3", [3]), (2, "3", [1])])
def test_processes_of_one_machine_share_its_cards_out(
    monkeypatch: pytest.MonkeyPatch, cards: int, rank: str | None, taken: list[int]
) -> None:
    took: list[int] = []
    monkeypatch.setattr(device, "_count", {"cuda": cards}.__getitem__)
    monkeypatch.setattr(torch.cuda, "set_device", took.append)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    device.take_own_card()
    assert took == taken


@pytest.mark.parametrize(("wrong", "right"), [("cdua", "cuda"), ("autto", "auto"), ("gpu", "cpu"), ("", "auto")])
def test_an_unknown_device_offers_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(UsageError, match=rf"no device called '{wrong}'.* Perhaps .*{right}"):
        device.pick(wrong)


def test_a_precision_can_be_named() -> None:
    assert device.precision(CPU, "fp32") == torch.float32
    assert device.precision(CPU, "bf16") == torch.bfloat16
    with pytest.raises(UsageError, match="bf16"):
        device.precision(CPU, "bf61")


def test_precision_is_measured_once_and_remembered(races: list[torch.device], tmp_path: Path) -> None:
    for _ in range(3):
        assert device.precision(CPU) == torch.bfloat16
    device._faster.cache_clear()  # as in another process
    assert device.precision(CPU) == torch.bfloat16
    assert races == [CPU]
    assert list(json.loads((tmp_path / "home/cache/precision.json").read_text()).values()) == ["bf16"]


def test_another_machine_is_measured_anew(races: list[torch.device], monkeypatch: pytest.MonkeyPatch) -> None:
    device.precision(CPU)
    device._faster.cache_clear()
    monkeypatch.setattr(device, "name", lambda where: "another CPU behind the same home folder")
    device.precision(CPU)
    assert races == [CPU, CPU]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"cpu": 7}', "\xff"])
def test_a_damaged_memory_only_means_measuring_again(races: list[torch.device], tmp_path: Path, content: str) -> None:
    memory = tmp_path / "home/cache/precision.json"
    memory.parent.mkdir(parents=True)
    memory.write_text(content, encoding="latin-1")
    assert device.precision(CPU) == torch.bfloat16
    assert races == [CPU]


def test_a_memory_that_cannot_be_written_does_not_matter(races: list[torch.device], tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    assert device.precision(CPU) == torch.bfloat16


def test_bf16_has_to_be_clearly_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    for fp32, bf16, best in ((1.0, 0.95, torch.float32), (1.0, 1.5, torch.float32), (1.0, 0.5, torch.bfloat16)):
        monkeypatch.setattr(device, "race", lambda where, fp32=fp32, bf16=bf16: (fp32, bf16))
        monkeypatch.setattr(device, "_read", lambda file: {})
        device._faster.cache_clear()
        assert device.precision(CPU) == best


def test_the_race_is_short_and_says_seconds() -> None:
    start = time.perf_counter()
    fp32, bf16 = device.race(CPU)
    assert 0 < fp32 < 10
    assert 0 < bf16 < 10
    assert time.perf_counter() - start < 20  # a tenth of a second where bf16 is built in


def test_threads_are_set_and_counted() -> None:
    before = torch.get_num_threads()
    try:
        assert device.set_threads(2) == torch.get_num_threads() == 2
        assert device.set_threads() == torch.get_num_threads() == device.cores() >= 1
    finally:
        torch.set_num_threads(before)
    for count in (0, -1):
        with pytest.raises(UsageError, match="threads"):
            device.set_threads(count)


def test_a_seed_gives_the_same_numbers_and_leaves_the_global_ones() -> None:
    before = torch.random.get_rng_state()
    one, again, other = (torch.randn(5, generator=device.generator(seed)) for seed in (7, 7, 8))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(UsageError, match="seed"):
        device.generator(seed)
    device.generator(2**63 - 1)


def test_the_machine_can_be_asked() -> None:
    assert device.name(CPU)
    free = device.free_memory(CPU)
    assert free is None or 1 << 20 < free < 1 << 50
    device.synchronize(CPU)


def test_reseeding_is_seeding() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        wanted = torch.rand(3)
        device.reseed(CPU, 7)
        assert torch.equal(torch.rand(3), wanted)


def test_the_most_memory_that_was_held_does_not_fall() -> None:
    before = device.peak_memory(CPU)
    torch.ones(1 << 24)
    after = device.peak_memory(CPU)
    if before is not None and after is not None:
        assert after >= before > 1 << 24


def test_algorithms_that_repeat_are_asked_of_a_gpu_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    with device.repeatable(torch.device("cuda")):
        assert torch.are_deterministic_algorithms_enabled()
        assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == (True, False)
    assert not torch.are_deterministic_algorithms_enabled()
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == before


def test_no_other_file_of_the_package_speaks_to_cuda() -> None:
    speaks = re.compile(r"torch\.(cuda|mps)|\.cuda\(|is_cuda")
    package = Path(device.__file__).parent
    assert [path.name for path in sorted(package.rglob("*.py")) if speaks.search(path.read_text())] == ["device.py"]


FAULTS = """
import resource, torch
from mapsto import device
kept = device.pick("cpu") and device.keep_memory()
for _ in range(4):
    torch.ones(12_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(16):
    torch.ones(12_000_000)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
"""Arrays of 48 MB come and go; says whether memory is kept, and how many pages the system had to empty."""


@pytest.mark.skipif(not sys.platform.startswith("linux") or not device.keep_memory(), reason="no glibc")
def test_memory_that_was_freed_is_used_again_unless_the_user_says_otherwise() -> None:
    def ran(**own: str) -> tuple[str, int]:
        done = subprocess.run([sys.executable, "-c", FAULTS], env={**os.environ, **own}, capture_output=True, text=True)
        kept, faults = done.stdout.split()
        return kept, int(faults)

    (kept, few), (left, many) = ran(), ran(MALLOC_MMAP_THRESHOLD_="131072")
    assert (kept, left) == ("True", "False")
    assert few < many / 2


GIVEN = """
from pathlib import Path
import torch
from mapsto import device
device.keep_memory()
held = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * 4096
arrays = [torch.ones(2_500_000) for _ in range(20)]
pinned = arrays[-1]
del arrays
before = held()
device.return_memory()
print(before - held())
"""
"""200 MB of arrays are free, but below one that is not."""


@pytest.mark.skipif(not sys.platform.startswith("linux") or not device.keep_memory(), reason="no glibc")
def test_memory_below_what_is_still_used_can_be_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", GIVEN], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 150e6
