"""What the server answers, for the description of the API."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel


class Told(BaseModel):
    """Why something is not done."""

    code: str
    message: str
    hint: str
    values: dict[str, Any]
    language: Literal["en", "zh"] = "en"


class Problem(BaseModel):
    """The answer where something is not done."""

    error: Told


class QueueState(BaseModel):
    """How full the queue is."""

    waiting: int
    running: int
    limit: int


class Health(BaseModel):
    """How the studio is; `ready` once previews are warm."""

    version: str
    ready: bool
    queue: QueueState
    device: str


class Title(BaseModel):
    """What something is called, by language."""

    en: str
    zh: str


class StyleCard(BaseModel):
    """A style, and its place on the map, x and y in [0, 1]."""

    name: str
    title: Title
    x: float
    y: float
    source: dict[str, str]
    own: bool


class Spot(BaseModel):
    """A place on the map, x and y in [0, 1]."""

    x: float
    y: float


class Styles(BaseModel):
    """All styles of a network."""

    styles: list[StyleCard]
    weights: str


class ModelCard(BaseModel):
    """Weights that somebody may want to know of; of models of pictures also what they can do."""

    name: str
    kind: Literal["image", "music", "instruments", "style"]
    licence: str
    data: str
    size_bytes: int
    sha256: str
    card: dict[str, Any]
    own: bool
    width: int | None = None
    height: int | None = None
    channels: int | None = None
    priors: list[str] = []
    classes: list[str] = []
    sliders: list[str] = []


class MusicStyle(BaseModel):
    """A style of music, and how it usually goes."""

    name: str
    tempo_bpm: float | None
    meter: str | None
    own: bool


class ComposerCard(BaseModel):
    """Who composes in which styles."""

    name: str
    styles: list[MusicStyle]
    meters: list[str]


class InstrumentCard(BaseModel):
    """An instrument, and its place on the map of timbres."""

    name: str
    x: float
    y: float


class FileCard(BaseModel):
    """A file of the library."""

    id: str
    kind: Literal["image", "video", "audio", "midi"]
    verb: str | None
    name: str
    created: float
    width: int | None
    height: int | None
    seconds: float | None
    bytes: int
    sha256: str
    favourite: bool
    trashed: bool
    settings: dict[str, Any] | None
    source_id: str | None


class LibraryPage(BaseModel):
    """Files, the newest first; `next` is the `before` of the next page."""

    items: list[FileCard]
    next: float | None


class JobCard(BaseModel):
    """A job, and how it goes."""

    id: str
    kind: str
    settings: dict[str, Any]
    state: Literal["waiting", "running", "paused", "done", "failed", "cancelled", "interrupted"]
    part: float
    eta_seconds: float | None
    note: str
    notes: list[str]
    results: list[str]
    data: dict[str, Any]
    error: Told | None
    created: float
    begun: float | None
    ended: float | None


class Sample(BaseModel):
    """How far a training was, and whether it drew a grid of samples then."""

    stage: str
    step: int
    steps: int | None
    samples: str | None
    terms: dict[str, float | None]
    notes: list[str]
    findings: dict[str, str]


class Began(BaseModel):
    """The id of what was begun."""

    id: str


class Forgotten(BaseModel):
    """A model or style of one's own that is forgotten, or was: it can be restored by its name."""

    kind: Literal["model", "style"]
    name: str


class Broken(BaseModel):
    """A file that cannot be used, and why."""

    name: str
    error: Told


class Range(BaseModel):
    """Smallest, middle and largest shorter side, in pixels."""

    least: int
    median: int
    most: int


class DatasetCard(BaseModel):
    """What is in a folder to learn from."""

    id: str
    name: str
    count: int
    broken: list[Broken]
    sizes: Range | None
    kinds: dict[str, int]
    bytes: int
