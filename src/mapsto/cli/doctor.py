"""`mapsto doctor`: is everything there, does it work, and how fast."""

from __future__ import annotations

import importlib.util
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mapsto.cli import options
from mapsto.cli.voice import Fault, speaking
from mapsto.errors import MapstoError

EXTRAS = {
    "demo": ("skimage",),
    "video": ("av", "cv2"),
    "studio": ("fastapi", "uvicorn"),
    "fast": ("openvino",),
    "cluster": ("ray",),
}
"""Extras of the package, and the modules that come with them."""

NEEDED = ("features-s", "style-encoder-s", "style-s", "style-video-s")
"""Weights without which nothing is painted."""

SUMS = "SHA256SUMS"
"""Beside the embedded weights, as `sha256sum *.safetensors` writes it."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `ok` is None where nothing can be wrong."""

    name: str
    value: str
    ok: bool | None = None
    hint: str = ""


def doctor(weights: options.Weights = "style-s", json: options.Json = False, verbose: options.Verbose = False) -> None:
    """Check that everything works; say what to do if not."""
    with speaking("doctor", json=json, verbose=verbose) as voice:
        found: list[Check] = []
        for check in checks(weights):
            mark = {True: "ok", False: "BAD", None: "  "}[check.ok]
            hint = f" — {voice.said(check.hint)}" if check.hint else ""
            voice.row(f"{mark:<4}", check.name, 11, f"{voice.said(check.value)}{hint}")
            found.append(check)
        voice.data["checks"] = [asdict(check) for check in found]
        bad = [check.name for check in found if check.ok is False]
        if bad:
            voice.fail(Fault(1, f"Something is wrong with {' and '.join(bad)}.", "See above."))


def checks(weights: str) -> Iterator[Check]:
    """All checks; one that breaks is told and does not keep the others from running."""

    def _painting() -> Iterator[Check]:
        return painting(weights)

    for look in (_versions, _devices, _folders, _weights, _painting, _extras):
        try:
            yield from look()
        except MapstoError as error:
            yield Check(look.__name__[1:], error.what, False, error.hint)
        except Exception as error:  # whatever is wrong here is what a doctor is for
            yield Check(look.__name__[1:], f"{type(error).__name__}: {error}", False)


def _versions() -> Iterator[Check]:
    import numpy
    import PIL
    import torch

    import mapsto

    yield Check("mapsto", f"{mapsto.__version__}, {Path(mapsto.__file__).parent}")
    yield Check("python", f"{platform.python_version()}, {platform.platform(terse=True)}", sys.version_info >= (3, 10))
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2] if part.isdecimal())
    yield Check("torch", torch.__version__, version >= (2, 6), "" if version >= (2, 6) else "pip install -U torch")
    yield Check("libraries", f"numpy {numpy.__version__}, pillow {PIL.__version__}")


def _devices() -> Iterator[Check]:
    import torch

    from mapsto import device

    chosen = device.pick()
    yield Check("device", f"{chosen}: {device.name(chosen)}", True)
    kind = "bf16" if device.precision(chosen) == torch.bfloat16 else "fp32"
    fp32, bf16 = device.race(chosen)
    yield Check("precision", f"{kind}; a convolution takes {1e3 * fp32:.2f} ms in fp32 and {1e3 * bf16:.2f} ms in bf16")
    yield Check("threads", f"{torch.get_num_threads()} on {device.cores()} cores")
    free = device.free_memory(chosen)
    yield Check("memory", "unknown" if free is None else f"{free / 1e9:.1f} GB free", free is None or free > 1e9)


def _folders() -> Iterator[Check]:
    from mapsto.files import cache_dir, data_dir

    for name, folder in (("cache", cache_dir()), ("data", data_dir())):
        trouble = _trouble_writing(folder)
        yield Check(name, f"{folder}{f': {trouble}' if trouble else ''}", not trouble, "Set MAPSTO_HOME." if trouble else "")


def _trouble_writing(folder: Path) -> str:
    """Why nothing can be written into a folder; nothing if it can."""
    from mapsto.files import check_writable

    try:
        check_writable(folder)
    except (MapstoError, OSError) as error:
        return str(error)
    return ""


def _weights() -> Iterator[Check]:
    from mapsto import weights

    embedded = Path(weights.__file__).parent / "embedded"
    sums = expected(embedded / SUMS)
    for name in sorted({*NEEDED, *sums}):
        yield _one_weight(embedded / f"{name}.safetensors", sums.get(name))
    own = [name for name, path in weights.catalogue().items() if path.parent != embedded]
    if own:
        yield Check("own", ", ".join(own))


def _one_weight(path: Path, digest: str | None) -> Check:
    from mapsto import weights

    try:
        weights.load(path)
    except MapstoError as error:
        return Check("weights", f"{path.stem}: {error.what}", False, "Install Mapsto again.")
    found = weights.digest(path)
    if digest not in (None, found):
        return Check("weights", f"{path.stem} is not the file that was shipped", False, "Install Mapsto again.")
    return Check("weights", f"{path.stem}, {path.stat().st_size / 1e6:.1f} MB, sha256 {found[:12]}…", True)


def expected(sums: Path) -> dict[str, str]:
    """Names of weights and their digests, as SHA256SUMS tells them; nothing without that file."""
    if not sums.is_file():
        return {}
    lines = (line.split() for line in sums.read_text().splitlines())
    return {Path(words[1].lstrip("*")).stem: words[0] for words in lines if len(words) == 2}


def painting(weights: str) -> Iterator[Check]:
    """A real painting from end to end: noise, 512 × 512."""
    import numpy as np

    from mapsto.image.stylizer import Stylizer

    picture = np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    cold = time.monotonic()
    stylizer = Stylizer.from_pretrained(weights)
    loaded = time.monotonic() - cold
    paint: Callable[[], object] = lambda: stylizer(picture, stylizer.base.names[0])  # noqa: E731
    paint()  # the first one pays for warming up
    start = time.monotonic()
    paint()
    seconds = time.monotonic() - start
    yield Check("painting", f"512×512 in {seconds:.2f} s, weights loaded in {loaded:.2f} s", True)


def _extras() -> Iterator[Check]:
    for extra, modules in EXTRAS.items():
        there = all(importlib.util.find_spec(module) is not None for module in modules)
        yield Check(extra, "installed" if there else f"not installed: pip install 'mapsto[{extra}]'")
