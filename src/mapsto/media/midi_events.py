"""The bytes of a Standard MIDI File → its messages, each with its time.

Messages are mido's. How they lie in the file is read here: mido forgets the time of meta messages it does not know, and gives
up at a key that cannot be, or at chunks of other kinds, all of which there are in files that people have.
Source: MIDI Manufacturers Association, "Standard MIDI Files 1.0" (RP-001).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mido import Message
from mido.midifiles.meta import KeySignatureError, build_meta_message

from mapsto.errors import UnreadableInput

MOST_EVENTS = 1_000_000
"""In one file: about ten hours of piano."""

Timed: TypeAlias = "tuple[int, Any]"
"""When, in ticks of the file from its beginning, and a message of mido's."""

_AGAIN = "Copy, download or export it again."


@dataclass
class MidiFile:
    """What a file holds.

    Args:
        type: 0, 1 or 2.
        division: Ticks a quarter note.
        chunks: Messages of every track, in order.
        ends: The last tick of every track.
    """

    type: int
    division: int
    chunks: list[list[Timed]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)


def events_of(content: bytes, name: str) -> MidiFile:
    """All notes, programs, sustain pedals and meta messages of a file; what else a keyboard sends is passed over.

    Args:
        content: The file.
        name: What to call it.

    Raises:
        UnreadableInput: no MIDI, damaged, cut off, timed by film frames, or more than `MOST_EVENTS`.
    """
    if not content.startswith(b"MThd"):
        raise UnreadableInput(f"{name} is no MIDI file.", "Name a file of notes, such as programs for music export.")
    try:
        found = _header(content, name)
        for track in _tracks(content, name):
            left = MOST_EVENTS - sum(map(len, found.chunks))
            messages, last = _messages(track, left, name)
            found.chunks.append(messages)
            found.ends.append(last)
    except (IndexError, ValueError) as error:  # of reading on where nothing is, and of mido
        if isinstance(error, UnreadableInput):
            raise
        raise _broken(name, str(error)) from error
    if not found.chunks:
        raise UnreadableInput(f"{name} has no tracks.", _AGAIN)
    return found


def _broken(name: str, why: str) -> UnreadableInput:
    return UnreadableInput(f"{name} is cut off or damaged: {why}.", _AGAIN)


def _header(content: bytes, name: str) -> MidiFile:
    if len(content) < 14:
        raise _broken(name, "its header ends early")
    kind, division = int.from_bytes(content[8:10], "big"), int.from_bytes(content[12:14], "big")
    if division >= 0x8000:
        raise UnreadableInput(f"{name} counts frames of a film, not beats.", "Export it with a division in ticks a quarter.")
    if division == 0 or kind > 2:
        raise _broken(name, f"it says it is of type {kind}, with {division} ticks a quarter note")
    return MidiFile(kind, division)


def _tracks(content: bytes, name: str) -> Iterator[bytes]:
    """The bytes of each track; chunks of other kinds are skipped."""
    at = 8 + int.from_bytes(content[4:8], "big")
    announced, found = int.from_bytes(content[10:12], "big"), 0
    while at + 8 <= len(content) and found < announced:
        start, size = at + 8, int.from_bytes(content[at + 4 : at + 8], "big")
        at = start + size
        if content[start - 8 : start - 4] != b"MTrk":
            continue
        if at > len(content):
            raise _broken(name, "its last track ends early")
        found += 1
        yield content[start:at]
    if found < announced:
        raise _broken(name, f"of {announced} tracks {found} are there")


def _messages(track: bytes, most: int, name: str) -> tuple[list[Timed], int]:
    """The messages of a track, and the tick at which it ends.

    Raises:
        IndexError: it ends in the middle of a message.
        ValueError: there is something in it that cannot be.
    """
    found: list[Timed] = []
    at, now, running = 0, 0, 0  # the last status byte of a channel holds until there is another
    while at < len(track):
        delta, at = _number(track, at)
        now += delta
        status, at = (track[at], at + 1) if track[at] >= 0x80 else (running, at)
        running = status if status < 0xF0 else running
        message, at = _message(track, at, status)
        if message is not None:
            found.append((now, message))
            if len(found) > most:
                raise UnreadableInput(f"{name} has more than {MOST_EVENTS:,} events.", "Cut it into several files.")
            if message.type == "end_of_track":
                break
    return found, now


def _number(content: bytes, at: int) -> tuple[int, int]:
    """A number of one to four bytes, seven bits each, and where the next thing begins."""
    value = 0
    for place in range(at, at + 4):
        value = value << 7 | content[place] & 0x7F
        if content[place] < 0x80:
            return value, place + 1
    raise ValueError("a number has more than four bytes")


_SIZES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
"""Bytes after the status byte, by its upper half."""

_USED = {
    0x80: ("note_off", "note", "velocity"),
    0x90: ("note_on", "note", "velocity"),
    0xB0: ("control_change", "control", "value"),
    0xC0: ("program_change", "program"),
}
"""What mido calls a message, and its bytes."""

PEDAL = 64
"""The controller of the sustain pedal, the only one that is used."""


def _message(track: bytes, at: int, status: int) -> tuple[Any, int]:
    """The message after a status byte, None for what is not used here, and where the next begins."""
    if status == 0xFF:
        size, start = _number(track, at + 1)
        return _meta(track[at], _taken(track, start, size)), start + size
    if status in (0xF0, 0xF7):
        size, start = _number(track, at)
        return None, start + size
    kind = status & 0xF0
    if kind not in _SIZES:
        raise ValueError(f"a message begins with {status:#04x}" if status else "a message has no beginning")
    data = _taken(track, at, _SIZES[kind])
    if max(data) > 127:
        raise ValueError(f"a value of {max(data)}, where 127 is the most")
    if kind not in _USED or (kind == 0xB0 and data[0] != PEDAL):
        return None, at + len(data)
    name, *values = _USED[kind]
    said = dict(zip(values, data, strict=True))
    return Message(name, skip_checks=True, channel=status & 0xF, **said), at + len(data)  # they were checked above


def _taken(track: bytes, at: int, size: int) -> bytes:
    if at + size > len(track):
        raise IndexError("a track ends in the middle of a message")
    return track[at : at + size]


def _meta(kind: int, data: bytes) -> Any:
    """mido's meta message; None where what it says cannot be."""
    with suppress(KeySignatureError, IndexError, ValueError, LookupError):
        return build_meta_message(kind, list(data))
    return None
