"""Making again what a model drew, what was painted of it, morphs and clips."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mapsto.cli import film, former
from mapsto.cli.bar import Bar
from mapsto.cli.former import Wish
from mapsto.cli.order import order_of
from mapsto.cli.spots import spot
from mapsto.cli.timing import timing_of
from mapsto.cli.voice import Voice, check_stdout
from mapsto.cli.work import Generate, Walk
from mapsto.cli.work_settings import work_of
from mapsto.errors import UsageError


def make_again(wish: Wish, voice: Voice) -> None:
    """Draw, rebuild, walk, mix or edit once more."""
    from mapsto.cli.making import Maker
    from mapsto.cli.painting import Photo

    work = work_of(wish.settings)
    photo = _photo(wish, needed=work.needs_picture)
    is_film = isinstance(work, Walk) and work.frame is None
    target = _target(wish, voice, moving=is_film)
    maker = Maker(former.where_it_was(work, wish.settings, wish.device, voice), wish.file, voice)
    used, since = maker.used(work), time.monotonic()
    former.warn_of_changes(maker.weights, used.precision, wish.settings, voice)
    source = Photo(photo) if photo is not None else None
    frames = used.frames(maker.generator, source.picture(wish.file.max_pixels) if source is not None else None)
    if is_film and target is not None:
        from mapsto.cli.walk import write_film

        assert isinstance(used, Walk)
        write_film(used, frames, target, since, maker)
    else:
        maker.write(
            used,
            next(frames),
            target,
            since,
            source.said if source is not None else None,
            seed=getattr(used, "seed", None),
            note=work.command,
        )
    _compare(wish, photo, target, voice)


def paint_again(wish: Wish, voice: Voice) -> None:
    """Draw and paint once more."""
    from mapsto.cli.easel import Easel, scene_of
    from mapsto.cli.making import Maker
    from mapsto.cli.painting import Painter

    scene = scene_of(wish.settings)
    order, work = order_of(wish.settings), work_of(scene)
    assert isinstance(work, Generate)
    _photo(wish, needed=False)
    target = _target(wish, voice)
    order = former.where_it_was(order, wish.settings, wish.device, voice)
    style = former.repeated(wish.settings["style"], [Path(), wish.made.parent], wish.file.max_pixels)
    maker, since = Maker(work, wish.file, voice), time.monotonic()
    easel = Easel(maker, Painter(order, style), str(scene.get("size", "")))
    former.warn_of_changes({**easel.painter.weights, **maker.weights}, order.precision, wish.settings, voice)
    used = maker.used(work)
    painting = easel.again(used)
    maker.put(easel.settings(used), [(painting, 0.0)], target, since, size=painting.size, seed=order.seed)
    former.compare(wish.made, target, voice)


def morph_again(wish: Wish, voice: Voice) -> None:
    """Let styles turn into each other once more."""
    from mapsto.cli.painting import Painter, Photo
    from mapsto.cli.reel import Reel

    order, timing = order_of(wish.settings), timing_of(wish.settings)
    photo = _photo(wish, needed=True)
    target = _target(wish, voice, moving=True)
    order = former.where_it_was(order, wish.settings, wish.device, voice)
    assert photo is not None
    style = former.repeated(wish.settings["style"], [Path(), wish.made.parent, photo.parent], wish.file.max_pixels)
    painter = Painter(order, style)
    former.warn_of_changes(painter.weights, painter.order.precision, wish.settings, voice)
    assert target is not None
    Reel(painter, Photo(photo), timing, wish.file, voice).write(film.Target(target), overwrite=wish.overwrite)
    _compare(wish, photo, target, voice)


def film_again(wish: Wish, voice: Voice) -> None:
    """Paint a clip once more."""
    from mapsto.cli.filming import Filming, still_track, track_along
    from mapsto.cli.footage import Hands, footage_of, frame_of
    from mapsto.cli.painting import Painter
    from mapsto.media.clip import probe

    settings, source = wish.settings, _photo(wish, needed=True)
    order, shot, only = order_of(settings), footage_of(settings), frame_of(settings)
    target = _target(wish, voice, moving=True)
    order = former.where_it_was(order, settings, wish.device, voice)
    assert source is not None
    assert target is not None
    if target.resolve() == source.resolve():
        raise UsageError(f"{target} would replace what it is made from.", "Choose another name with -o.")
    style = former.repeated(settings["style"], [Path(), wish.made.parent, source.parent], wish.file.max_pixels)
    painter = Painter(order, style)
    former.warn_of_changes(painter.weights, painter.order.precision, settings, voice)
    timing = timing_of(settings) if settings.get("command") == "morph" else None
    track, more = (track_along(timing), timing.said()) if timing else (still_track, {"command": "style"})
    filming = Filming(painter, track, shot, Hands(resume=True), wish.file, voice, more, overwrite=wish.overwrite)
    with Bar(hidden=voice.quiet or voice.json) as bar:
        if only is None:
            filming.paint(source, film.Target(target), bar.show)
        else:
            filming.paint_one(probe(source), only[0], target, first=only[1])
    _compare(wish, source, target, voice)


def card_again(wish: Wish, voice: Voice) -> None:
    """Make a moving picture with its tune once more."""
    from mapsto.cli.card import Cinema, card_of, make
    from mapsto.cli.painting import Painter, Photo
    from mapsto.files import sha256

    settings, source = wish.settings, _photo(wish, needed=True)
    order, (card, tune, shot) = order_of(settings), card_of(settings)
    target = _target(wish, voice, moving=True)
    assert source is not None
    assert target is not None
    shot.check(target)
    order = former.where_it_was(order, settings, wish.device, voice)
    style = former.repeated(settings["style"], [Path(), wish.made.parent, source.parent], wish.file.max_pixels)
    painter = Painter(order, style)
    former.warn_of_changes({**painter.weights, **_music_weights(settings)}, painter.order.precision, settings, voice)
    make(target, Cinema(painter, Photo(source), shot, wish.file, voice), voice, card, tune)
    _compare(wish, source, target, voice)
    if voice.data.get("identical") and sha256(target) == sha256(wish.made):
        voice.note("So is its sound.")


def _music_weights(settings: dict[str, Any]) -> dict[str, str]:
    """Digests, as they are now, of the composer and the instruments that settings name."""
    from mapsto import weights
    from mapsto.cli.card import BAND, COMPOSER, KIT

    named = settings.get("weights")
    return {name: weights.digest(name) for name in (COMPOSER, BAND, KIT) if isinstance(named, dict) and name in named}


def _compare(wish: Wish, photo: Path | None, target: Path | None, voice: Voice) -> None:
    if photo is None or former.is_file(photo, former.source_in(wish.settings)[1]):
        former.compare(wish.made, target, voice)
    else:
        voice.note(f"{photo} is another picture than then: the same settings, other pixels.")


def _photo(wish: Wish, *, needed: bool) -> Path | None:
    """What it is made from.

    Raises:
        UsageError: it is not there, or there is nothing that it is made from.
    """
    if not needed and wish.photo is not None:
        raise UsageError(f"{wish.made} was not made from a picture.", f"Leave {wish.photo} out.")
    return (wish.photo or former.source_of(wish.settings, wish.made)) if needed else None


def _target(wish: Wish, voice: Voice, *, moving: bool = False) -> Path | None:
    from mapsto.cli.batch import check_target

    stem, extension = wish.made.stem, wish.made.suffix[1:]
    if wish.output is None:
        target: Path | None = wish.made.with_name(f"{stem}.redo.{extension}")
    else:
        target = spot(wish.output, f"{stem}.redo", {"stem": stem, "ext": extension})
    if target is None:
        if moving:
            raise UsageError("A film cannot go to standard output.", "Give a file name with -o.")
        check_stdout(voice)
    elif target.resolve() == wish.made.resolve():
        raise UsageError(f"{target} would replace what it is compared with.", "Choose another name with -o.")
    check_target(target, wish.overwrite, moving=moving)
    return target
