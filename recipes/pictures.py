"""Pictures for training: read, held out, cropped, recoloured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from presets import Source
from textures import TEXTURES
from torch import Tensor

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def held_out(path: Path) -> bool:
    """A tenth of all files, by name, never trained on."""
    return hashlib.sha1(path.name.encode()).digest()[0] % 10 == 0


def files(folders: Iterable[Path]) -> list[Path]:
    """Pictures below the folders, in a fixed order."""
    return sorted(p for folder in folders for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)


def load(path: Path, side: int) -> Tensor:
    """[3, H, W] uint8 with the shorter side at `side`, the longer at most twice that."""
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    scale = side / min(picture.size)
    width, height = (max(side, round(v * scale)) for v in picture.size)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    if max(width, height) > 2 * side:
        picture = ImageOps.fit(picture, (min(width, 2 * side), min(height, 2 * side)))
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def unit(picture: Tensor) -> Tensor:
    """uint8 → [0, 1], with a batch dimension."""
    return (picture.float() / 255)[None] if picture.dim() == 3 else picture.float() / 255


def preset_picture(source: Source, name: str, folders: list[Path]) -> Tensor:
    """The picture a preset is learned from: [1, 3, H, W] in [0, 1]."""
    if source.file is None:
        drawn = torch.from_numpy(TEXTURES[name]()).permute(2, 0, 1)
        return F.interpolate(unit(drawn), (source.side, source.side), mode="bicubic", antialias=True).clamp(0, 1)
    path = next(p for p in files(folders) if p.name == source.file)
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    left, top, right, bottom = source.crop
    width, height = picture.size
    picture = picture.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))
    scale = source.side / min(picture.size)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    if source.ink:
        picture = ImageOps.autocontrast(picture.convert("L"), cutoff=(1, 12)).convert("RGB")
    return unit(torch.from_numpy(np.array(picture)).permute(2, 0, 1))


def crop(picture: Tensor, size: int, rng: np.random.Generator, zoom: float = 2.0) -> Tensor:
    """A random square of uint8 [3, H, W], shrunk by up to `zoom` → [3, size, size] in [0, 1]; flat ones are drawn again."""
    shorter = min(picture.shape[1:])
    for _ in range(6):
        window = int(size * min(rng.uniform(1, zoom), shorter / size)) if shorter > size else shorter
        top, left = (int(rng.integers(0, side - window + 1)) for side in picture.shape[1:])
        piece = unit(picture[:, top : top + window, left : left + window])
        if window != size:
            piece = F.interpolate(piece, (size, size), mode="bilinear", antialias=True)
        if piece.std() > 0.05:
            break
    return piece[0].flip(-1) if rng.random() < 0.5 else piece[0]


def recolour(x: Tensor, rng: np.random.Generator, contrast: tuple[float, float] = (0.8, 1.3)) -> Tensor:
    """Another palette: colours rotated around the mean, another contrast and brightness; [B, 3, H, W] in [0, 1]."""
    mean = x.mean((2, 3), keepdim=True)
    turn = torch.eye(3) + float(rng.uniform(0, 0.6)) * torch.from_numpy(rng.standard_normal((3, 3))).float()
    matrix = torch.linalg.qr(turn)[0]
    matrix = matrix * torch.sign(torch.diagonal(matrix))[None]
    turned = torch.einsum("ij,bjhw->bihw", matrix, x - mean) * float(rng.uniform(*contrast))
    return (turned + mean + float(rng.uniform(-0.08, 0.08))).clamp(0, 1)
