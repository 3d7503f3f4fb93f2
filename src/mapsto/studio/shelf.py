"""Things that are kept ready because they will be wanted again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Kept = TypeVar("Kept")


class Shelf:
    """The things that were used last, each made once.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self.most, self.things = most, OrderedDict[Hashable, Any]()

    def __contains__(self, key: Hashable) -> bool:
        return key in self.things

    def get(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """The thing of that key."""
        if key not in self.things:
            self.things[key] = make()
        self.things.move_to_end(key)
        while len(self.things) > self.most:
            self.things.popitem(last=False)
        found: Kept = self.things[key]
        return found
