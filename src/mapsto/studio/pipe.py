"""What the server and its processes say to each other: frames of a JSON object, with bytes behind it.

8 bytes (the lengths of both, big-endian), the object in UTF-8, the bytes.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

HEAD = struct.Struct(">II")
LONGEST = 1 << 28
"""Bytes of a frame."""

Said = dict[str, Any]
Frame = tuple[Said, bytes]


def packed(said: Said, payload: bytes = b"") -> bytes:
    """A frame."""
    text = json.dumps(said, ensure_ascii=False).encode()
    assert len(text) + len(payload) <= LONGEST
    return HEAD.pack(len(text), len(payload)) + text + payload


def read(stream: BinaryIO) -> Frame | None:
    """The next frame; None where there will be none."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    text, payload = (stream.read(length) for length in HEAD.unpack(head))
    return json.loads(text), payload


def ends() -> tuple[BinaryIO, BinaryIO]:
    """Where this process hears and speaks; whatever else is printed here goes to stderr, where it harms nobody."""
    speaking = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, speaking


def serve(answer: Callable[[Said, bytes], Frame]) -> None:
    """Answer questions one after the other, until nobody asks any more.

    Args:
        answer: What is answered; what it raises is answered as an error.
    """
    from mapsto.studio.refusals import refusal_of

    hearing, speaking = ends()
    with suppress(KeyboardInterrupt, BrokenPipeError):
        while (frame := read(hearing)) is not None:
            try:
                told, payload = answer(*frame)
                reply = packed({"ok": True, **told}, payload)
            except Exception as error:
                refusal = refusal_of(error)
                if refusal.code == "unexpected":
                    import traceback

                    traceback.print_exc()
                reply = packed({"ok": False, "error": refusal.said() | {"status": refusal.status}})
            speaking.write(reply)
            speaking.flush()
