"""Options that several verbs share. Defaults are those of `mapsto.style`, and a test holds them so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from mapsto.cli.config import variable


def option(*names: str, help: str, env: str | None = None, **more: Any) -> Any:
    """An option; with `env`, its default may also come from the environment."""
    return typer.Option(*names, help=help, envvar=variable(env) if env else None, show_envvar=False, **more)


def style_names(incomplete: str) -> Iterable[str]:
    """Names of styles, for completion in the shell."""
    from mapsto.errors import MapstoError
    from mapsto.image.styles import names

    try:
        return [name for name in names() if name.startswith(incomplete)]
    except MapstoError:
        return []


def model_names(incomplete: str) -> Iterable[str]:
    """Names of models that draw pictures, for completion in the shell."""
    from mapsto.errors import MapstoError
    from mapsto.image.models import names

    try:
        return [name for name in names() if name.startswith(incomplete)]
    except MapstoError:
        return []


Output = Annotated[
    str | None,
    option(
        "-o",
        "--output",
        help="A file, a folder, a template like '{stem}-{style}.{ext}', or - for standard output.",
        metavar="WHERE",
    ),
]
Strength = Annotated[float, option("--strength", help="From 0, the photo, to 1, the full style.", env="strength")]
KeepColors = Annotated[
    bool, option("--keep-colors", help="Keep the photo's colours; take light and strokes.", env="keep_colors")
]
Size = Annotated[
    str | None, option("--size", help="Shorter side in pixels, or a box WxH to fit into.", env="size", metavar="N|WxH")
]
Seed = Annotated[int, option("--seed", help="Of the noise that strokes grow from.", env="seed")]
Method = Annotated[
    str,
    option("--method", help="fast: the network; optimize: slow, and the best there is.", env="method", metavar="fast|optimize"),
]
Steps = Annotated[int, option("--steps", help="Of --method optimize.", env="steps")]
Tile = Annotated[
    str,
    option("--tile", help="Side of tiles in pixels; auto tiles where memory asks for it.", env="tile", metavar="N|auto|off"),
]
Device = Annotated[str, option("--device", help="Where to compute.", env="device", metavar="auto|cpu|cuda|mps")]
Precision = Annotated[
    str,
    option("--precision", help="Of the network; auto takes what measures faster.", env="precision", metavar="auto|fp32|bf16"),
]
Weights = Annotated[str, option("--weights", help="The style network, by name or file.", env="weights", metavar="NAME|FILE")]
Quality = Annotated[int, option("--quality", help="1 to 100, for JPEG, WebP and AVIF.", env="quality")]
Strip = Annotated[bool, option("--strip", help="Leave out EXIF, XMP and the settings.", env="strip")]
MaxPixels = Annotated[
    str, option("--max-pixels", help="Refuse larger pictures; 120M is 120 megapixels.", env="max_pixels", metavar="N")
]
FormatName = Annotated[
    str | None, option("--format", help="Format where -o names no file: png, jpg, webp, tif …", env="format", metavar="EXT")
]
Overwrite = Annotated[bool, option("--overwrite", help="Replace files that Mapsto did not make, too.")]
Json = Annotated[bool, option("--json", help="Say everything in one JSON object on standard output.")]
Quiet = Annotated[bool, option("-q", "--quiet", help="Say nothing but errors.")]
Verbose = Annotated[bool, option("-v", "--verbose", help="Say more; show tracebacks.")]
File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="A picture, a film or a MIDI file.")]

# ---- of the verbs that draw new pictures; defaults are those of `mapsto.Generator` ----

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="By name (`mapsto models` lists them) or file.", autocompletion=model_names),
]
ModelName = Annotated[str, option("--model", help="By name or file.", metavar="MODEL", autocompletion=model_names)]
NewOutput = Annotated[
    str | None,
    option(
        "-o",
        "--output",
        help="A file, a folder, a template like '{model}-{seed}.{ext}', or - for standard output.",
        metavar="WHERE",
    ),
]
Count = Annotated[int, option("-n", "--count", help="How many.")]
FirstSeed = Annotated[int, option("--seed", help="Of the picture; of several, the next has the next.", env="seed")]
Truncation = Annotated[
    float, option("--truncation", help="1 is as varied as what was learned; less is calmer, 0 the mean picture.")
]
Prior = Annotated[str | None, option("--prior", help="What draws; by default the model's best.", metavar="flow|gan|gaussian")]
Label = Annotated[str | None, option("--label", help="A class of the model.", metavar="CLASS")]
Guidance = Annotated[float, option("--guidance", help="How much to lean towards --label; 1 is plain.")]
Pag = Annotated[
    float | None,
    option(
        "--pag",
        help="Perturbed-attention guidance: more is clearer, 0 is as the flow draws; by default as the model says.",
        metavar="N",
    ),
]
FlowSteps = Annotated[int, option("--steps", help="Of the flow.")]
Scale = Annotated[int, option("--scale", help="Make every pixel a crisp square of so many.")]
Transparent = Annotated[bool, option("--transparent", help="Keep transparency; else it is laid on white.")]
Refine = Annotated[int, option("--refine", help="Steps that bring the model's picture nearer to yours.", metavar="STEPS")]
DryRun = Annotated[bool, option("--dry-run", help="Only say what would be made.")]
