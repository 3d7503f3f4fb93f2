"""`mapsto style --with-music`: a photo becomes a moving picture with a tune of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mapsto.cli.composition import Composition, composition_of
from mapsto.cli.footage import Footage
from mapsto.cli.order import File, settings_of
from mapsto.cli.plan import Job
from mapsto.cli.voice import Voice
from mapsto.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from mapsto.cli.painting import Painter, Photo
    from mapsto.image.living import Life
    from mapsto.image.points import Style
    from mapsto.media.audio import Sound
    from mapsto.media.picture import Picture
    from mapsto.sound.composer import Composer
    from mapsto.sound.score import Score

MOST_BARS = 256
"""About ten minutes."""

FPS = 25
USUAL_SIDE = 720
"""Shorter side of a film where nothing is said; of a smaller photo, its own."""

CRF = 20.0
"""Of H.264 where nothing is said: strokes that move slowly take many bits."""

CEILING_DB = -1.5
"""True peak of the sound before it is encoded, which moves peaks up by some tenths."""

COMPOSER, BAND, KIT = "scores", "instruments", "drums"

Tell = Callable[[float, str], object]
"""Told how much is done, in [0, 1], and what is being done."""


@dataclass(frozen=True)
class Card:
    """What is asked for.

    Args:
        bars: Of the tune.
        music: Its styles, as "ragtime:0.6,lied:0.4"; None where the painting decides.
    """

    bars: int
    music: str | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no film."""
        if not 1 <= self.bars <= MOST_BARS:
            raise UsageError(f"{self.bars} bars make no moving picture.", f"Ask for 1 to {MOST_BARS}, as --with-music 8.")


def check(jobs: list[Job], card: Card, shot: Footage, *, overwrite: bool) -> tuple[Path, Path]:
    """The photo and the film, after finding out before anything is painted what would go wrong.

    Raises:
        UsageError: several photos, a clip, no film's name, an unknown style of music, or PyAV is not installed.
        MapstoError: a photo that cannot be read, a place that cannot be written, or weights that are missing.
    """
    from mapsto import weights
    from mapsto.cli.batch import check_target
    from mapsto.media.clip import is_clip
    from mapsto.media.containers import FORMATS, need_av
    from mapsto.sound.blends import row_of

    if len(jobs) != 1 or jobs[0].source.root is not None:
        raise UsageError(f"--with-music makes one moving picture, and {len(jobs)} were given.", "Name one photo.")
    source, target = jobs[0].source.path, jobs[0].target
    if source is None or target is None:
        raise UsageError("A moving picture is made of a file, and into a file.", "Name a photo, and a film with -o.")
    if is_clip(source):
        raise UsageError(f"{source} moves already.", "Leave --with-music out to paint it, or name a photo.")
    if not is_clip(target) or target.suffix.lower() not in FORMATS:
        raise UsageError(f"{target} holds no moving picture with sound.", f"Let -o end in {', '.join(FORMATS)}.")
    need_av()
    if card.music is not None:
        row_of(card.music, weights.card(COMPOSER)["arguments"]["styles"])
    for name in (COMPOSER, BAND):
        weights.resolve(name)
    shot.check(target)
    check_target(target, overwrite, moving=True)
    return source, target


class Cinema:
    """A photo, a painter and a composer: all that a card is made of.

    Args:
        painter: Has the network and the style.
        photo: What is painted.
        shot: How the film is encoded.
        file: How to write.
        voice: Where to tell.
    """

    def __init__(self, painter: Painter, photo: Photo, shot: Footage, file: File, voice: Voice) -> None:
        from mapsto.media.pixels import target_size

        self.painter, self.photo, self.shot, self.file, self.voice = painter, photo, shot, file, voice
        order = painter.order
        given = photo.picture(file.max_pixels)
        found = given.on_white()
        wide, high = target_size(found.size, order.size or min(USUAL_SIDE, *found.size))
        self.size = wide + wide % 2, high + high % 2
        laid = () if given.alpha is None else ("A film holds no transparency: the picture was laid on white.",)
        self.picture, self.notes = found, (*given.notes, *laid)
        self.tile: int | str = order.tile

    def prepare(self, bars: int) -> tuple[Life, Style]:
        """The life of the picture, and its style; the photo is made as large as the nearest view needs it."""
        from mapsto.cli.filming import shortened
        from mapsto.image.living import Life, neighbour_of, opening_of, places_of_interest

        painter, order = self.painter, self.painter.order
        style = painter.vector
        style = shortened(style, painter.stylizer.paced(self.picture, style, order.strength))
        targets = places_of_interest(self.picture)
        _, neighbour = neighbour_of(painter.stylizer, self.picture, style)
        neighbour = shortened(neighbour, order.strength)
        life = Life(bars, opening_of(painter.stylizer, self.picture, style), neighbour, targets)
        scale = 1 + life.nearer
        self.picture = self.picture.resized((math.ceil(self.size[0] * scale), math.ceil(self.size[1] * scale)))
        self.tile = painter.stylizer.tile_for(self.picture, cast(Any, order.tile))
        return life, style

    def painted(self, style: Style) -> Picture:
        """The photo in a style."""
        if style.is_photo:
            return self.picture
        order = self.painter.order
        done = self.painter.stylizer(
            self.picture, style, keep_colors=order.keep_colors, seed=order.seed, tile=cast(Any, self.tile)
        )
        return cast("Picture", done)

    def _alike(self) -> list[tuple[str, float]]:
        """The presets that the style is made of, and for its pictures and learned hands those that are like them."""
        from mapsto.image.living import likeness

        stylizer, found = self.painter.stylizer, []
        for part in self.painter.style:
            named = isinstance(part.thing, str) and part.thing in stylizer.base.names
            near = [(str(part.thing), 1.0)] if named else likeness(stylizer, stylizer.style_of([(part.thing, 1.0)]))
            found += [(name, part.weight * share) for name, share in near]
        return found

    def tune(self, card: Card, composer: Composer, painting: Picture) -> tuple[Composition, str]:
        """What is composed, and why."""
        from mapsto.sound.accompaniment import look_of, mood_of, music_for

        mood = mood_of(look_of(painting))
        music, why = (card.music, "as asked for") if card.music is not None else music_for(self._alike())
        tempo, notes = composer.habits(music)
        order = self.painter.order
        tempo, notes = float(round(tempo * mood.faster)), round(notes * mood.denser, 1)
        return Composition("blend", music, card.bars, order.seed, key=mood.key, tempo_bpm=tempo, density=notes), why

    def film(self, target: Path, life: Life, sound: Sound, score: Score, settings: dict[str, Any], on_part: Tell) -> int:
        """Write all frames with the sound; → how many there are."""
        from mapsto.image.living import Reel
        from mapsto.media.audio import Sound
        from mapsto.media.video import FilmWriter

        reel, count = Reel(life, self.painted, self.size), math.ceil(sound.seconds * FPS - 1e-6)
        bar_seconds = score.seconds / score.bars
        rest = round(count * sound.rate_hz / FPS) - sound.samples.shape[1]
        heard = Sound(_longer(sound.samples, rest), sound.rate_hz)
        said = None if self.file.strip else settings
        coding = self.shot.coding(target)
        coding = replace(coding, crf=CRF) if coding.crf is None and coding.codec == "h264" else coding
        with FilmWriter(
            target, self.size, time_base=Fraction(1, FPS), fps=Fraction(FPS), coding=coding, settings=said, sound=heard
        ) as film:
            for number in range(count):
                on_part(number / count, f"frame {number + 1} of {count}")
                film.add(reel.frame(min(number / FPS / bar_seconds, life.bars)).pixels, number)
        return count


def _longer(samples: Any, rest: int) -> Any:
    import numpy as np

    return np.pad(samples, ((0, 0), (0, max(0, rest))))


def make(target: Path, cinema: Cinema, voice: Voice, card: Card, asked: Composition | None = None) -> dict[str, Any]:
    """Compose, play, paint and write; → what the film says of itself.

    Args:
        target: The film.
        cinema: Has all that is needed.
        voice: Where to tell.
        card: What is asked for.
        asked: The tune, where it is known already, as when a film is made again.
    """
    from mapsto import weights
    from mapsto.cli.bar import Bar
    from mapsto.sound.composer import Composer

    since = time.monotonic()
    with Bar(hidden=voice.quiet or voice.json) as bar:
        bar.show(0, "looking at the photo")
        composer = Composer.from_pretrained(COMPOSER)
        life, style = cinema.prepare(card.bars)
        tune, why = (asked, "") if asked else cinema.tune(card, composer, cinema.painted(style))
        score = tune.composed(composer, [], lambda done, of: bar.show(0.02 + 0.08 * done / of, f"bar {done} of {of}"))
        bar.show(0.1, "playing")
        sound = _played(score, tune.seed)
        names = (COMPOSER, BAND, *((KIT,) if any(track.drums for track in score.tracks) else ()))
        settings = _settings(cinema, card, tune, {name: weights.digest(name) for name in names})
        count = cinema.film(target, life, sound, score, settings, lambda part, text: bar.show(0.15 + 0.85 * part, text))
    _tell(target, cinema, voice, time.monotonic() - since, score, count)
    if why:
        voice.note(f"Its tune is {tune.styles} in {score.key} at {score.tempo_bpm:g}: {why}.")
    voice.data["tune"] = {"styles": tune.styles, "why": why, "key": score.key, "tempo_bpm": score.tempo_bpm, "bars": score.bars}
    return settings


def _played(score: Score, seed: int) -> Sound:
    from mapsto.sound.loudness import normalised
    from mapsto.sound.render import render

    return normalised(render(score, seed=seed), ceiling_db=CEILING_DB)


def _settings(cinema: Cinema, card: Card, tune: Composition, music: dict[str, str]) -> dict[str, Any]:
    import torch

    painter, shot = cinema.painter, cinema.shot
    own = settings_of(
        replace(painter.order, tile=cast(Any, cinema.tile)),
        style=painter.style,
        weights={**painter.weights, **music},
        quality=cinema.file.quality,
        torch=torch.__version__,
        source=cinema.photo.said,
    )
    coding = {"codec": shot.codec, "crf": shot.crf}
    return {**own, "card": {**coding, **{name: value for name, value in asdict(tune).items() if value is not None}}}


def _tell(target: Path, cinema: Cinema, voice: Voice, seconds: float, score: Score, count: int) -> None:
    from mapsto.cli.batch import tell

    for line in cinema.notes:
        voice.warn(line)
    note = f"{count / FPS:.1f} s, {score.bars} bars of {score.meter}, seed {cinema.painter.order.seed}"
    tell(voice, target, cinema.size, seconds, seed=cinema.painter.order.seed, note=note, frames=count)


def card_of(settings: dict[str, Any]) -> tuple[Card, Composition, Footage]:
    """What settings tell of. They come from a file, so nothing is taken for granted.

    Raises:
        UnreadableInput: they are damaged.
    """
    said = settings.get("card")
    broken = UnreadableInput("The settings in this file are damaged.", "Only files made by Mapsto can be repeated.")
    if not isinstance(said, dict):
        raise broken
    tune = composition_of({name: said[name] for name in {each.name for each in fields(Composition)} & set(said)})
    codec, crf = said.get("codec"), said.get("crf")
    if tune.way != "blend" or not isinstance(codec, str | None) or type(crf) not in (int, float, type(None)):
        raise broken
    return Card(tune.bars, tune.styles), tune, Footage(codec=codec, crf=crf)
