"""Single notes of a General MIDI soundfont, rendered dry by FluidSynth: what recipes/instruments.py learns from."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 44_100
SLOT_SECONDS = 5.5
"""From the beginning of one note to that of the next."""

LEAD_SECONDS = 0.05
"""Silence before every note, so that its beginning is whole."""

DRUM_CHANNEL = 9


@dataclass(frozen=True)
class Asked:
    """A note to render.

    Args:
        pitch: MIDI number.
        velocity: 1 to 127.
        seconds: Held.
    """

    pitch: int
    velocity: int
    seconds: float = 3.5


def rendered(soundfont: Path, program: int, notes: Sequence[Asked], *, drums: bool = False) -> NDArray[np.float32]:
    """[N, SLOT_SECONDS · RATE_HZ]: each note by itself, without reverb and chorus; the left channel, for both together comb."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "notes.mid", Path(folder) / "notes.wav"
        midi.write_bytes(midi_of(program, notes, DRUM_CHANNEL if drums else 0))
        command = ["fluidsynth", "-q", "-n", "-i", "-R", "0", "-C", "0", "-g", "0.5", "-r", str(RATE_HZ), "-O", "float"]
        subprocess.run([*command, "-T", "wav", "-F", str(wav), str(soundfont), str(midi)], check=True, capture_output=True)
        sound, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    slot = round(SLOT_SECONDS * RATE_HZ)
    padded = np.zeros((len(notes) * slot, 2), np.float32)
    padded[: min(len(sound), len(padded))] = sound[: len(padded)]
    return padded[:, 0].reshape(len(notes), slot)


def midi_of(program: int, notes: Sequence[Asked], channel: int) -> bytes:
    """A Standard MIDI File of one track, one tick a millisecond, one note in each slot."""
    events = [(0, bytes([0xC0 | channel, program]))]
    for number, note in enumerate(notes):
        start = round(1000 * (number * SLOT_SECONDS + LEAD_SECONDS))
        events.append((start, bytes([0x90 | channel, note.pitch, note.velocity])))
        events.append((start + round(1000 * note.seconds), bytes([0x80 | channel, note.pitch, 64])))
    events.append((round(1000 * len(notes) * SLOT_SECONDS), b"\xff\x2f\x00"))
    body = b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big")
    last = 0
    for tick, message in events:
        body += _variable(tick - last) + message
        last = tick
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 1000) + b"MTrk" + struct.pack(">I", len(body)) + body


def _variable(value: int) -> bytes:
    """MIDI's variable length: seven bits a byte, the highest set on all but the last."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(0x80 | value & 0x7F)
    return bytes(reversed(found))
