"""The kinds of jobs, each with the shape of its settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mapsto.studio.shapes import (
    AdaptSettings,
    ClipSettings,
    ComposeSettings,
    GenerateSettings,
    MorphSettings,
    PaintSettings,
    PlaySettings,
    ReconstructSettings,
    Shape,
    SoundSettings,
    StyleSettings,
    TrainSettings,
    WalkSettings,
)


class _Order(Shape):
    def inner(self) -> Any:
        """The settings."""
        return self.settings  # type: ignore[attr-defined]


class StyleOrder(_Order):
    """Paint pictures."""

    kind: Literal["style"]
    settings: StyleSettings


class BatchOrder(_Order):
    """Paint many pictures."""

    kind: Literal["batch"]
    settings: StyleSettings


class MorphOrder(_Order):
    """Film a morph."""

    kind: Literal["morph"]
    settings: MorphSettings


class ClipOrder(_Order):
    """Paint a clip."""

    kind: Literal["clip"]
    settings: ClipSettings


class GenerateOrder(_Order):
    """Draw pictures."""

    kind: Literal["generate"]
    settings: GenerateSettings


class ReconstructOrder(_Order):
    """Rebuild a picture."""

    kind: Literal["reconstruct"]
    settings: ReconstructSettings


class WalkOrder(_Order):
    """Film a walk."""

    kind: Literal["walk"]
    settings: WalkSettings


class PaintOrder(_Order):
    """Draw and paint."""

    kind: Literal["paint"]
    settings: PaintSettings


class ComposeOrder(_Order):
    """Compose."""

    kind: Literal["compose"]
    settings: ComposeSettings


class PlayOrder(_Order):
    """Play a score."""

    kind: Literal["play"]
    settings: PlaySettings


class SoundOrder(_Order):
    """Play a note."""

    kind: Literal["sound"]
    settings: SoundSettings


class TrainOrder(_Order):
    """Learn from nothing."""

    kind: Literal["train"]
    settings: TrainSettings


class AdaptOrder(_Order):
    """Learn from what is known."""

    kind: Literal["adapt"]
    settings: AdaptSettings


JobOrder = Annotated[
    StyleOrder
    | BatchOrder
    | MorphOrder
    | ClipOrder
    | GenerateOrder
    | ReconstructOrder
    | WalkOrder
    | PaintOrder
    | ComposeOrder
    | PlayOrder
    | SoundOrder
    | TrainOrder
    | AdaptOrder,
    Field(discriminator="kind"),
]

SETTINGS: dict[str, type[Shape]] = {
    "style": StyleSettings,
    "batch": StyleSettings,
    "morph": MorphSettings,
    "clip": ClipSettings,
    "generate": GenerateSettings,
    "reconstruct": ReconstructSettings,
    "walk": WalkSettings,
    "paint": PaintSettings,
    "compose": ComposeSettings,
    "play": PlaySettings,
    "sound": SoundSettings,
    "train": TrainSettings,
    "adapt": AdaptSettings,
}
"""By the kind of a job."""
