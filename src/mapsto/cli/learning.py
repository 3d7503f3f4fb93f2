"""The slow verbs of `mapsto style`: learning a hand first, and what there is to see of optimising."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mapsto.cli.bar import Bar
from mapsto.cli.plan import Job
from mapsto.cli.voice import Voice
from mapsto.errors import UnreadableInput
from mapsto.media.picture import Picture

if TYPE_CHECKING:
    from mapsto.image.learn import LearnReport
    from mapsto.image.styles import Part
    from mapsto.image.stylizer import Stylizer

PHOTOS = 8
"""So many of the pictures to paint are learned on; more do not make it better."""


def learn_hands(
    stylizer: Stylizer,
    parts: Sequence[Part],
    jobs: Sequence[Job],
    voice: Voice,
    *,
    seconds: float,
    name: str | None,
    max_pixels: int,
) -> None:
    """Learn the hand of every picture in a style, and tell the name it is kept under.

    Args:
        stylizer: Whose network learns.
        parts: The style.
        jobs: What will be painted; some of it is learned on.
        voice: Where to tell.
        seconds: For each painting.
        name: For the new hand, if there is one.
        max_pixels: Largest picture that is read.
    """
    from mapsto.image.slow import learn_parts

    known = set(stylizer.names)
    photos = readable((job.source.path for job in jobs if job.source.path is not None), PHOTOS, max_pixels)
    with watched(voice, seconds) as told:
        found = learn_parts(stylizer, list(parts), seconds=seconds, photos=photos, name=name, on_progress=told)
    for hand in found:
        learned = f"Learned {hand}: it is a style of that name now." if hand not in known else f"{hand} is known already."
        voice.note(f"{learned} `mapsto styles --forget {hand}` forgets it.")
    voice.data["learned"] = [hand for hand in found if hand not in known]


@contextmanager
def watched(voice: Voice, seconds: float) -> Iterator[Callable[[LearnReport], None]]:
    """Show how learning a hand goes, by what is yielded."""
    with Bar(seconds, hidden=voice.quiet or voice.json) as bar:
        bar.show(0, "learning the hand")
        yield lambda report: bar.show(
            report.seconds, f"learning the hand: style {report.style:.2f}, content {report.content:.2f}"
        )


def readable(paths: Iterable[Path], most: int, max_pixels: int) -> list[Picture]:
    """The first pictures that can be read, small enough to learn on; what cannot be read is passed over here."""
    from mapsto.image.slow import small_enough

    found: list[Picture] = []
    for path in paths:
        if len(found) < most:
            with suppress(UnreadableInput):
                found.append(small_enough(Picture.of(path, max_pixels)))
    return found
