"""What the log of a training says, in words: pure functions of its rows.

A row is what `training.Training` logs: "step", "images", "terms", "noted" and, with a sample grid, "diversity" and what
`Game.probe` measured on pictures it learns from ("train") and on others ("held_out"). What a row lacks it is silent about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

Row = Mapping[str, Any]

LAST = 3
"""Rows a finding must hold for: one alone may be chance."""

BY_HEART = 0.5
"""Overfitting at which a critic is said to know its pictures: held-out ones are half-way to painted ones (r_v of eq. 1)."""

SURE = 0.9
"""r_t at which a critic is sure of its pictures; 0.6 is where arXiv 2006.06676 keeps it."""

WORSE = 1.05
"""How much above its best a held-out error is when learning by heart has begun."""

ALIKE = 0.4
"""Part of their greatest diversity at which samples are called alike."""

COPIES = 0.9
"""Distance of samples to the nearest training picture, over that of held-out pictures, below which they are copies."""

WON = 6.0
"""Lead of real over painted logits, in nats, that leaves the other player next to nothing to learn from."""

EMPTY = 1.0
"""Nats a picture below which latents carry nothing."""

USUAL = {
    "GanGame": (25_000_000, "Karras et al. 2020, arXiv 2006.06676"),
    "FlowGame": (102_400_000, "Ma et al. 2024, arXiv 2401.08740, 400,000 steps of 256"),
}
"""Pictures that a published training of a kind of game saw, and whose."""


def findings(rows: Sequence[Row]) -> dict[str, str]:
    """Everything that can be said at the last row, by a short name, the most urgent first."""
    asked = {
        "collapse": collapse,
        "copies": memorising,
        "by heart": learned_by_heart,
        "critic": critic_overfits,
        "sure": critic_is_sure,
        "won": critic_wins,
        "empty": empty_latents,
        "gradient": wild_gradient,
    }
    return {name: words for name, ask in asked.items() if (words := ask(rows))}


def critic_overfits(rows: Sequence[Row]) -> str | None:
    """By the logits of training, held-out and painted pictures (r_v, Karras et al. 2020, arXiv 2006.06676, eq. 1)."""
    found = []
    for row in rows:
        train, held_out = _at(row, "train", "logit_real"), _at(row, "held_out", "logit_real")
        painted = _at(row, "noted", "logit_fake")
        if train is not None and held_out is not None and painted is not None and train > painted:
            found.append((train - held_out) / (train - painted))
    if len(found) < LAST or fmean(found[-LAST:]) < BY_HEART:
        return None
    return (
        f"The critic knows its pictures by heart: to it, unseen ones are {fmean(found[-LAST:]):.0%} of the way to "
        "painted ones. More pictures or more augmentation would help, more steps will not."
    )


def critic_is_sure(rows: Sequence[Row]) -> str | None:
    """By the signs of its logits (r_t of the same equation)."""
    recent = _recent(rows, "noted", "overfitting")
    if not recent or min(recent) < SURE:
        return None
    return (
        f"The critic is sure of the pictures it learns from (r_t = {recent[-1]:.2f}; 0.6 is healthy). "
        "Augmentation that adapts keeps it from learning them by heart."
    )


def critic_wins(rows: Sequence[Row]) -> str | None:
    """By how far apart real and painted logits are."""
    real, painted = _recent(rows, "noted", "logit_real"), _recent(rows, "noted", "logit_fake")
    if not real or not painted or min(a - b for a, b in zip(real, painted, strict=True)) < WON:
        return None
    return "The critic tells every painted picture from a real one, so the generator learns little: try a larger γ."


def collapse(rows: Sequence[Row]) -> str | None:
    """By how much samples differ from one another, now and at their best."""
    known = [(row["step"], found) for row in rows if (found := row.get("diversity")) is not None]
    if len(known) < 2 * LAST:
        return None
    step, most = max(known[:-LAST], key=lambda pair: pair[1])
    now = fmean(found for _, found in known[-LAST:])
    if max(found for _, found in known[-LAST:]) > ALIKE * most:
        return None
    return (
        f"The samples have become alike: they differ {now / most:.0%} as much as at step {step}. "
        "Go back to before that with a larger γ or a lower rate."
    )


def memorising(rows: Sequence[Row]) -> str | None:
    """By "nearest_ratio", where it is measured: how near samples are to training pictures, over how near held-out ones are."""
    recent = _recent(rows, "noted", "nearest_ratio")
    if not recent or max(recent) > COPIES:
        return None
    return (
        f"The samples copy: they are nearer to training pictures than unseen pictures are (ratio {recent[-1]:.2f}). "
        "Train on more pictures, or for less long."
    )


def learned_by_heart(rows: Sequence[Row]) -> str | None:
    """By probes that are errors (lower is better) or a PSNR: the held-out one past its best while the training one improves."""
    both = [row for row in rows if row.get("train") and row.get("held_out")]
    names = dict.fromkeys(name for row in both for name in row["held_out"] if not name.startswith("logit"))
    for name in names:
        words = _past_its_best(both, name)
        if words:
            return words
    return None


def _past_its_best(rows: Sequence[Row], name: str) -> str | None:
    sign = -1 if "psnr" in name else 1
    known = [
        (row["step"], sign * train, sign * held_out)
        for row in rows
        if (train := _at(row, "train", name)) is not None and (held_out := _at(row, "held_out", name)) is not None
    ]
    if len(known) < 2 * LAST:
        return None
    step, train_then, best = min(known[:-LAST], key=lambda triple: triple[2])
    trains, unseen = zip(*(triple[1:] for triple in known[-LAST:]), strict=True)
    if min(unseen) < best + (WORSE - 1) * abs(best) or fmean(trains) > train_then:
        return None
    return (
        f"It learns its pictures by heart: on held-out ones {name} was best at step {step} ({sign * best:.3g}) and is "
        f"{sign * unseen[-1]:.3g} now, while it still improves on those it learns from."
    )


def empty_latents(rows: Sequence[Row]) -> str | None:
    """By the nats of a VAE."""
    recent = _recent(rows, "noted", "nats")
    if not recent or max(recent) > EMPTY:
        return None
    return f"The latents carry {recent[-1]:.2g} nats a picture, which is nothing: lower β, or allow more free bits."


def wild_gradient(rows: Sequence[Row]) -> str | None:
    """By the length of a player's gradient against its own median."""
    for name in rows[-1]["terms"] if len(rows) >= 10 else ():
        known = [found for row in rows if (found := _at(row, "terms", name)) is not None]
        if name.endswith("gradient") and min(known[-LAST:]) > 10 * median(known) > 0:
            times = known[-1] / median(known)
            return (
                f"The {name.replace('.', ' ')} is {times:.0f} times as long as usual: a lower rate, or clip, would be calmer."
            )
    return None


def budget(kind: str, images: int) -> str | None:
    """What a number of pictures is, beside that of a published training of this kind of game; None from half of it on."""
    usual, whose = USUAL.get(kind, (0, ""))
    if 2 * images >= usual:
        return None
    share = images / usual
    shown = f"{share:.0%}" if share >= 0.1 else f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
    return (
        f"{images:,} pictures will be seen, {shown} of what the paper used ({usual:,}: {whose}). Expect less than its pictures."
    )


def _at(row: Row, *names: str) -> float | None:
    """A number in a row, None where it is not there."""
    found: Any = row
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, int | float) else None


def _recent(rows: Sequence[Row], *names: str) -> list[float]:
    """The newest numbers, nothing if there are too few."""
    known = [found for row in rows if (found := _at(row, *names)) is not None]
    return known[-LAST:] if len(known) >= LAST else []
