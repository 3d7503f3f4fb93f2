"""How well two perceptual networks agree: features, the losses made of them, and the gradients of those losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mapsto.image.features import PerceptualNetwork
from mapsto.learning import losses

TAPS = PerceptualNetwork.style_taps


@torch.no_grad()
def feature_scores(student: PerceptualNetwork, teacher: PerceptualNetwork, pictures: Sequence[Tensor]) -> dict[str, Any]:
    """By tap: R² (share of the teacher's variance explained, channels pooled after scaling) and mean cosine at a position."""
    kept: dict[str, list[tuple[Tensor, Tensor]]] = {tap: [] for tap in TAPS}
    for x in pictures:
        ours, theirs = student(x), teacher(x)
        for tap in TAPS:
            t, s = theirs[tap][0].flatten(1), ours[tap][0].flatten(1)
            sums = torch.stack([(s - t).square().mean(1), t.mean(1), t.square().mean(1)])
            kept[tap].append((sums, F.cosine_similarity(s, t, dim=0).mean()))
    found: dict[str, Any] = {"r2": {}, "cosine": {}}
    for tap, rows in kept.items():
        error, mean, square = torch.stack([sums for sums, _ in rows]).mean(0)
        variance = square - mean.square()
        found["r2"][tap] = round(float(1 - (error / variance.clamp(min=1e-3 * float(variance.mean()))).mean()), 4)
        found["cosine"][tap] = round(float(torch.stack([cosine for _, cosine in rows]).mean()), 4)
    return found


@torch.no_grad()
def loss_scores(student: PerceptualNetwork, teacher: PerceptualNetwork, pictures: Sequence[Tensor]) -> dict[str, float]:
    """Over all ordered pairs: how the style and content distances of the two networks agree."""
    table: dict[str, list[list[float]]] = {"style": [], "content": []}
    for network in (student, teacher):
        seen = [network(x) for x in pictures]
        grams = [losses.grams(f) for f in seen]
        content = [{tap: f[tap] for tap in network.content_taps} for f in seen]
        pairs = [(a, b) for a in range(len(pictures)) for b in range(len(pictures)) if a != b]
        table["style"].append([float(losses.style_loss(grams[a], grams[b])) for a, b in pairs])
        table["content"].append([float(losses.content_loss(content[a], content[b])) for a, b in pairs])
    found = {}
    for name, (ours, theirs) in table.items():
        found[f"{name}_pearson"] = round(float(np.corrcoef(ours, theirs)[0, 1]), 4)
        found[f"{name}_spearman"] = round(float(np.corrcoef(rank(ours), rank(theirs))[0, 1]), 4)
        found[f"{name}_ratio"] = round(float(np.median(np.array(ours) / np.array(theirs))), 4)
    return found


def rank(values: Sequence[float]) -> np.ndarray:
    """The place of every value in their order."""
    return np.argsort(np.argsort(values))


def gradient_score(student: PerceptualNetwork, teacher: PerceptualNetwork, pictures: Sequence[Tensor]) -> float:
    """Mean cosine between the gradients of the two style losses with respect to the picture, over neighbouring pairs."""
    cosines = []
    for x, style in zip(pictures[::2], pictures[1::2], strict=False):
        gradients = []
        for network in (student, teacher):
            free = x.clone().requires_grad_()
            losses.style_loss(losses.grams(network(free)), losses.grams(network(style))).backward()
            gradients.append(free.grad.flatten())
        cosines.append(float(F.cosine_similarity(*gradients, dim=0)))
    return round(float(np.mean(cosines)), 4)
