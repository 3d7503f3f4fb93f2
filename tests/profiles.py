"""Colour profiles made from their published numbers, and the same conversions written out as arithmetic to compare with.

Primaries and white points: IEC 61966-2-1 (sRGB), SMPTE EG 432-1 (Display P3), Adobe RGB (1998) Color Image Encoding.
Layout of the files: ICC.1:2001-04.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

D50 = np.array([0.9642, 1.0, 0.8249])
_D65 = (0.3127, 0.3290)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True)
class Primaries:
    """An RGB space: chromaticities of red, green and blue, and the tone curve (a gamma, or 0 for sRGB's)."""

    name: str
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    gamma: float = 0.0


SRGB = Primaries("sRGB", (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3 = Primaries("Display P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE = Primaries("Adobe RGB", (0.64, 0.33), (0.21, 0.71), (0.15, 0.06), gamma=563 / 256)
SPACES = {"none": None, "srgb": SRGB, "p3": P3, "adobe": ADOBE}


def to_linear(values: Floats, gamma: float = 0.0) -> Floats:
    """Encoded [0, 1] → light [0, 1]."""
    if gamma:
        return values**gamma
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_encoded(light: Floats, gamma: float = 0.0) -> Floats:
    """Light → encoded, both clipped to [0, 1]."""
    light = np.clip(light, 0, 1)
    if gamma:
        return light ** (1 / gamma)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


@cache
def matrix(space: Primaries) -> Floats:
    """Linear RGB → XYZ relative to D50, [3, 3]."""
    columns = np.array([_xyz(each) for each in (space.red, space.green, space.blue)]).T
    white = _xyz(_D65)
    columns = columns * np.linalg.solve(columns, white)
    scale = (_BRADFORD @ D50) / (_BRADFORD @ white)
    return np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ columns


def _xyz(chromaticity: tuple[float, float]) -> Floats:
    x, y = chromaticity
    return np.array([x / y, 1.0, (1 - x - y) / y])


def converted(values: Floats, source: Primaries | None, target: Primaries | None) -> Floats:
    """Encoded RGB [..., 3] in [0, 1] of one space → another, clipped; None is sRGB."""
    source, target = source or SRGB, target or SRGB
    xyz = to_linear(np.asarray(values, float), source.gamma) @ matrix(source).T
    return to_encoded(xyz @ np.linalg.inv(matrix(target)).T, target.gamma)


def srgb_of_lab(lab: tuple[float, float, float]) -> Floats:
    """CIE Lab (D50) → encoded sRGB, clipped."""
    middle = (lab[0] + 16) / 116
    f = np.array([middle + lab[1] / 500, middle, middle - lab[2] / 200])
    xyz = D50 * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return to_encoded(np.linalg.inv(matrix(SRGB)) @ xyz)


# --- files ------------------------------------------------------------------------------------------------------------------


def rgb(space: Primaries | None) -> bytes | None:
    """An ICC v2 display profile of three primaries and one curve; None for None."""
    if space is None:
        return None
    curve = _gamma(space.gamma) if space.gamma else _curve(to_linear(np.linspace(0, 1, 1024)))
    columns = matrix(space).T
    tags = {f"{c}XYZ".encode(): _xyz_tag(column) for c, column in zip("rgb", columns, strict=True)}
    tags |= {f"{c}TRC".encode(): curve for c in "rgb"}
    return _profile(b"mntr", b"RGB ", b"XYZ ", space.name, tags)


def grey(gamma: float) -> bytes:
    """An ICC v2 profile of one grey channel."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", "grey", {b"kTRC": _gamma(gamma)})


def cmyk(corners: dict[tuple[int, int, int, int], tuple[float, float, float]]) -> bytes:
    """An ICC v2 printer profile: Lab at full inks, linear in between; corners that are not named are black."""
    ends = itertools.product((0, 1), repeat=4)
    return _profile(
        b"prtr", b"CMYK", b"Lab ", "inks", {b"A2B0": _table(4, [corners.get(end, (0.0, 0.0, 0.0)) for end in ends])}
    )


def scanner(corners: dict[tuple[int, int, int], tuple[float, float, float]]) -> bytes:
    """An ICC v2 RGB profile that can only be read from: Lab at the corners of the cube, linear in between."""
    ends = itertools.product((0, 1), repeat=3)
    return _profile(
        b"scnr", b"RGB ", b"Lab ", "scanner", {b"A2B0": _table(3, [corners.get(end, (0.0, 0.0, 0.0)) for end in ends])}
    )


def _table(channels: int, nodes: list[tuple[float, float, float]]) -> bytes:
    ramp = struct.pack(">HH", 0, 65535)
    identity = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    head = b"mft2\0\0\0\0" + bytes([channels, 3, 2, 0]) + identity + struct.pack(">HH", 2, 2)
    return head + ramp * channels + b"".join(_lab16(node) for node in nodes) + ramp * 3


def _profile(kind: bytes, space: bytes, connection: bytes, name: str, tags: dict[bytes, bytes]) -> bytes:
    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz_tag(D50),
        **tags,
    }
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += tag + struct.pack(">II", at + len(body), len(data))
        body += data
    head = bytearray(128)
    struct.pack_into(
        ">I4sI4s4s4s6H4s",
        head,
        0,
        at + len(body),
        b"\0\0\0\0",
        0x02400000,
        kind,
        space,
        connection,
        2026,
        1,
        1,
        0,
        0,
        0,
        b"acsp",
    )
    struct.pack_into(">3i", head, 68, *(round(v * 65536) for v in D50))
    return bytes(head) + table + body


def _xyz_tag(value: Floats) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(v) * 65536) for v in value))


def _gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def _curve(values: Floats) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *(round(float(v) * 65535) for v in values))


def _lab16(lab: tuple[float, float, float]) -> bytes:
    return struct.pack(">3H", round(lab[0] * 652.8), round((lab[1] + 128) * 256), round((lab[2] + 128) * 256))
