"""`mapsto demo`: a photo in six styles, on a page that compares before and after."""

from __future__ import annotations


def demo() -> None:
    """To come."""
