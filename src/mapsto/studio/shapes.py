"""What a page may ask for: every value with its range, and nothing else."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Name = Annotated[str, StringConstraints(pattern=r"^\w[\w-]{0,63}$")]
"""Of a style, a model or an instrument. Anything else could be a path, and is none of a page's business."""

Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Styles = Annotated[dict[Name, Weight], Field(min_length=1, max_length=16)]
"""Names of styles, or ids of pictures to paint like, and their weights."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]
Part = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Moment = Annotated[float, Field(ge=0, le=14_400, allow_inf_nan=False)]
"""Seconds into a clip or a timeline."""

Side = Annotated[int, Field(ge=16, le=8192)]
Fps = Annotated[float, Field(ge=1, le=120, allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
View = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Mask = Annotated[str, StringConstraints(max_length=4_000_000)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f/\\]+$")]
PictureFormat = Literal["png", "jpg", "webp", "tif"]
FilmFormat = Literal["mp4", "webm", "mov", "mkv", "webp", "gif", "png"]
Prior = Literal["flow", "gan", "gaussian"]
Quality = Annotated[int, Field(ge=1, le=100)]
Bars = Annotated[int, Field(ge=1, le=512)]


class Shape(BaseModel):
    """Nothing but what is named, and no guessing of types."""

    model_config = ConfigDict(extra="forbid")


# ---- painting ----


class Painting(Shape):
    """How something is painted, apart from what."""

    styles: Styles
    strength: Part = 1.0
    keep_colours: bool = False
    seed: Seed = 0


class StyleSettings(Painting):
    """Pictures in a style: `image`, or `images`."""

    image: Id | None = None
    images: Annotated[list[Id], Field(max_length=500)] = []
    size: Side | None = None
    method: Literal["fast", "optimize"] = "fast"
    steps: Annotated[int, Field(ge=1, le=2000)] = 300
    mask: Mask | None = None
    format: PictureFormat | None = None
    quality: Quality = 95

    @model_validator(mode="after")
    def _has_pictures(self) -> StyleSettings:
        if not self.sources:
            raise ValueError("no picture is named")
        return self

    @property
    def sources(self) -> list[str]:
        """All pictures, each once."""
        return list(dict.fromkeys([*([self.image] if self.image else []), *self.images]))


class Key(Shape):
    """A style on a timeline; without styles the picture itself."""

    styles: Annotated[dict[Name, Weight], Field(max_length=16)] = {}
    at: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] | None = None
    until: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] | None = None


Keys = Annotated[list[Key], Field(min_length=2, max_length=64)]
Easing = Literal["linear", "smooth", "ease-in", "ease-out", "ease-in-out"]


class Way(Shape):
    """A way through styles over a picture or a clip."""

    image: Id
    keys: Keys
    seconds: Seconds | None = None
    easing: Easing = "linear"
    loop: bool = False
    keep_colours: bool = False
    seed: Seed = 0


class MorphSettings(Way):
    """A film of a way through styles."""

    fps: Fps = 25.0
    size: Side | None = None
    format: FilmFormat = "mp4"
    stability: Part = 0.8


class ClipSettings(Painting):
    """A clip in a style."""

    video: Id
    size: Side | None = None
    stability: Part = 0.8
    format: Literal["mp4", "webm", "mov", "mkv"] = "mp4"


# ---- pictures that a model draws ----


class Drawing(Shape):
    """How a model draws."""

    model: Name = "portrait"
    truncation: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 1.0
    prior: Prior | None = None
    label: Label | None = None
    steps: Annotated[int, Field(ge=1, le=200)] = 20
    guidance: Annotated[float, Field(ge=0, le=20, allow_inf_nan=False)] = 1.0
    pag: Annotated[float, Field(ge=0, le=20, allow_inf_nan=False)] | None = None


class Other(Shape):
    """Some layers of another picture."""

    seed: Seed
    layers: Literal["coarse", "middle", "fine"] = "coarse"


Sliders = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f=]+$")],
        Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)],
    ],
    Field(max_length=64),
]


class GenerateSettings(Drawing):
    """New pictures; one of them with sliders turned, or with layers of another."""

    n: Annotated[int, Field(ge=1, le=256)] = 1
    seed: Seed = 0
    sliders: Sliders = {}
    mix: Other | None = None
    scale: Annotated[int, Field(ge=1, le=64)] = 1
    transparent: bool = False
    sheet: bool = False
    format: PictureFormat = "png"

    @model_validator(mode="after")
    def _goes_together(self) -> GenerateSettings:
        if (self.sliders or self.mix) and self.n > 1:
            raise ValueError("sliders and mix are for one picture")
        if self.sliders and self.mix:
            raise ValueError("sliders and mix do not go together")
        return self


class ReconstructSettings(Shape):
    """What a model makes of a picture."""

    image: Id
    model: Name = "portrait"
    side_by_side: bool = False
    refine: Annotated[int, Field(ge=0, le=2000)] = 0
    scale: Annotated[int, Field(ge=1, le=64)] = 1


class WalkSettings(Drawing):
    """A film from picture to picture."""

    seeds: Annotated[list[Seed], Field(min_length=2, max_length=64)]
    seconds: Seconds = 8.0
    fps: Fps = 25.0
    loop: bool = True
    scale: Annotated[int, Field(ge=1, le=64)] = 1
    format: FilmFormat = "mp4"


class PaintSettings(Shape):
    """New pictures, painted large."""

    model: Name = "portrait"
    styles: Styles
    n: Annotated[int, Field(ge=1, le=64)] = 1
    seed: Seed = 0
    size: Side = 1024
    strength: Part = 1.0
    keep_colours: bool = False
    truncation: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 1.0
    prior: Prior | None = None
    label: Label | None = None


# ---- music ----


class Stop(Shape):
    """A style of music, and the bar at which it is reached."""

    style: Name
    bar: Annotated[int, Field(ge=1, le=512)] | None = None


class Composing(Shape):
    """A piece: in a style or several, along a path, or from pieces that are there."""

    styles: Annotated[dict[Name, Weight], Field(max_length=16)] = {}
    path: Annotated[list[Stop], Field(max_length=32)] = []
    bars: Bars = 16
    key: Annotated[str, StringConstraints(pattern=r"^[A-G][#b]?m?$")] | None = None
    meter: Literal["4/4", "3/4", "6/8"] | None = None
    tempo_bpm: Annotated[float, Field(ge=10, le=400, allow_inf_nan=False)] | None = None
    density: Annotated[float, Field(ge=0.5, le=64, allow_inf_nan=False)] | None = None
    blend: Literal["product", "mixture"] = "product"
    voices: Annotated[dict[Literal["bass", "tenor", "alto", "melody"], Name], Field(max_length=4)] = {}
    form: Literal["free", "aaba", "abab", "pairs"] | None = None
    temperature: Annotated[float, Field(ge=0, le=3, allow_inf_nan=False)] = 1.0
    guidance: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = 2.0
    seed: Seed = 0
    model: Name = "scores"


class ComposeSettings(Composing):
    """A piece as files."""

    continued: Id | None = None
    variation: Id | None = None
    amount: Part = 0.3
    morph: Annotated[list[Id], Field(min_length=2, max_length=2)] | None = None
    wav: bool = True
    score: bool = False


Players = Annotated[dict[Annotated[str, StringConstraints(pattern=r"^(\*|\w[\w -]{0,63})$")], Styles], Field(max_length=32)]
"""By track, or * for all: instruments and their weights."""


class PlaySettings(Shape):
    """A score as sound."""

    score: Id
    instruments: Players = {}
    seed: Seed = 0
    room: Part = 0.15


class SoundSettings(Shape):
    """One note."""

    timbre: Annotated[dict[Name, Weight], Field(max_length=16)] = {}
    path: Annotated[list[Name], Field(max_length=16)] = []
    pitch: Annotated[float, Field(ge=0, le=127, allow_inf_nan=False)] = 69.0
    seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 2.0
    velocity: Part = 0.7
    seed: Seed = 0
    room: Part = 0.0

    @model_validator(mode="after")
    def _has_one(self) -> SoundSettings:
        if bool(self.timbre) == bool(self.path):
            raise ValueError("either timbre or path")
        return self


# ---- learning ----


class TrainSettings(Shape):
    """A model from a folder."""

    dataset: Id
    kind: Literal["vae", "flow", "gan", "music"] = "flow"
    name: Name
    size: Annotated[int, Field(ge=16, le=512)] | None = None
    preset: Literal["tiny", "small", "base"] = "small"
    hours: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None
    steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    batch: Annotated[int, Field(ge=1, le=1024)] | None = None
    flip: bool = False
    transparent: bool = False
    labels: bool = False
    licence: Text | None = None
    overwrite: bool = False
    seed: Seed = 0

    @model_validator(mode="after")
    def _one_length(self) -> TrainSettings:
        if self.hours is not None and self.steps is not None:
            raise ValueError("either hours or steps")
        return self


class AdaptSettings(Shape):
    """A model made one's own: from a folder, or a style from one painting (`image`)."""

    model: Name
    dataset: Id | None = None
    image: Id | None = None
    name: Name
    strength: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | Literal["auto"] = "auto"
    preset: Literal["tiny", "small", "base"] = "small"
    steps: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    minutes: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] | None = None
    flip: bool = False
    scratch: bool = False
    licence: Text | None = None
    overwrite: bool = False
    seed: Seed = 0

    @model_validator(mode="after")
    def _has_one(self) -> AdaptSettings:
        if (self.dataset is None) == (self.image is None):
            raise ValueError("either dataset or image")
        return self


# ---- previews ----


class Preview(Shape):
    """What all previews have: of a view, only the newest request is answered."""

    view: View
    sequence: Annotated[int, Field(ge=0, lt=2**53)]
    background: bool = False


class StylePreview(Preview, Painting):
    """A small picture in a style; of a clip the frame `at` seconds."""

    image: Id
    side: Annotated[int, Field(ge=32, le=1024)] = 256
    mask: Mask | None = None
    at: Moment = 0.0


class MorphPreview(Preview, Way):
    """One moment of a morph, `at` seconds; of a clip its own frame.

    With `sketch` the answer comes at once: where the way has not been measured yet, which takes seconds, its keys are faded.
    """

    at: Moment = 0.0
    sketch: bool = False
    side: Annotated[int, Field(ge=32, le=1024)] = 256


class LatentPreview(Preview, Drawing):
    """A picture that a model draws."""

    seed: Seed = 0
    sliders: Sliders = {}
    mix: Other | None = None


class ScorePreview(Preview, Composing):
    """A few bars, as notes."""

    bars: Annotated[int, Field(ge=1, le=64)] = 4


class SoundPreview(Preview):
    """One note of a mixture of instruments."""

    timbre: Styles
    pitch: Annotated[float, Field(ge=0, le=127, allow_inf_nan=False)] = 69.0
    seconds: Annotated[float, Field(gt=0, le=8, allow_inf_nan=False)] = 1.0
    velocity: Part = 0.7
    seed: Seed = 0


# ---- the rest ----


class Placing(Shape):
    """A picture that is to be a style."""

    image: Id


class FilePatch(Shape):
    """Star a file, or take its star."""

    favourite: bool


class Export(Shape):
    """Files to pack."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=2000)]


class NewDataset(Shape):
    """A folder to learn from."""

    name: Text = "pictures"


class Nothing(Shape):
    """Nothing."""
