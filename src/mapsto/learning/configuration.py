"""What a run was asked to do, as its config.json tells it, and whether another order asks for the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import mapsto
from mapsto import device
from mapsto.errors import UsageError
from mapsto.learning import checkpoint
from mapsto.learning.games import Game
from mapsto.learning.plans import Plan, Source

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Config = dict[str, Any]

FREE = {"device", "threads", "checkpoint_minutes", "checkpoint_every", "samples_every", "samples", "rows", "tensorboard"}
"""What of a plan may differ when resuming: it does not change what is learned."""


def settled(plan: Plan, place: torch.device, stored: Config | None) -> Plan:
    """A plan with nothing left to choose: what is "auto", or counted in hours, is as in the stored run, or as measured here."""
    before = stored["plan"] if stored else {}
    precision = before.get("precision", "auto") if plan.precision == "auto" else plan.precision
    if precision == "auto":
        precision = "bf16" if device.precision(place) == torch.bfloat16 else "fp32"
    steps = before.get("steps", plan.steps) if plan.hours is not None and plan.hours == before.get("hours") else plan.steps
    return replace(plan, precision=precision, device=str(place), steps=steps)


def configuration(game: Game, source: Source, plan: Plan, fabric: Fabric) -> Config:
    """All that is worth knowing of a run, in values that JSON can hold."""
    return {
        "mapsto": mapsto.__version__,
        "game": {
            "kind": type(game).__name__,
            "rates": dict(game.rates),
            "betas": list(game.betas),
            "decay": game.decay,
            "parameters": {name: sum(p.numel() for p in game.part(name).parameters()) for name in game.players},
            "averaged": list(game.averaged),
            **game.settings(),
        },
        "data": {"digest": source.digest, "pictures": len(source)},
        "plan": asdict(plan),
        "machine": {
            "device": device.name(fabric.device),
            "threads": torch.get_num_threads(),
            "processes": fabric.world_size,
            "torch": torch.__version__,
        },
    }


def refuse_other(run: Path, stored: Config | None, wanted: Config, *, resume: bool) -> list[str]:
    """Check that an order fits what a folder holds; returns what a person should know.

    Raises:
        UsageError: there is nothing to resume, there is something that must not be overwritten, or settings differ.
    """
    if stored is None and resume:
        raise UsageError(f"There is no training to resume in {run}.", "Start it without --resume.")
    if stored is None:
        _refuse_leftovers(run)
        return []
    if not resume:
        raise UsageError(f"There is a training in {run} already.", "Resume it with --resume, or choose another folder or name.")
    others = [
        line for key in ("game", "data", "plan") for line in _differences(_fixed(stored.get(key, {})), _fixed(wanted[key]))
    ]
    if others:
        raise UsageError(
            f"The training in {run} has other settings: {'; '.join(others)}.", "Resume it with its own, or start another."
        )
    moved = _differences(stored.get("machine", {}), wanted["machine"])
    return [f"Not bit for bit the same from here on: {'; '.join(moved)}."] if moved else []


def _refuse_leftovers(run: Path) -> None:
    """A start that was killed leaves a checkpoint of step 0; more than that is somebody's work."""
    if (found := checkpoint.checkpoints(run)) and not found[0].stem.endswith("-00000000"):
        raise UsageError(f"{run} holds checkpoints, but no config.json to resume with.", "Choose another folder or name.")


def _fixed(settings: Mapping[str, Any]) -> Config:
    return {key: value for key, value in settings.items() if key not in FREE}


def _differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """As "batch was 32, is 64"."""
    changed = [key for key in {**stored, **wanted} if _plain(stored.get(key)) != _plain(wanted.get(key))]
    return [f"{key} was {stored.get(key)}, is {wanted.get(key)}" for key in changed]


def _plain(value: Any) -> Any:
    """As it would come back from JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
