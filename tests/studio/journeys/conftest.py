"""A browser for all journeys, a fresh visitor for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from atelier import Studio
from browsing import Visitor, launched


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One for a file of tests; others may want an event loop of their own in this process."""
    with launched() as found:
        yield found


@pytest.fixture
def visit(browser: Any, studio: Studio) -> Iterator[Callable[..., Visitor]]:
    """Lets visitors in; when they leave, nothing may have gone wrong with them."""
    there: list[Visitor] = []

    def enter(**how: Any) -> Visitor:
        there.append(Visitor(browser, studio.address, **how))
        return there[-1]

    yield enter
    for visitor in there:
        visitor.leave()
