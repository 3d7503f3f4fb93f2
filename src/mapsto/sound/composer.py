"""New music: composed in a style, between styles, after a piece of one's own, or from one piece to another.

    from mapsto import Composer

    composer = Composer.from_pretrained("scores")
    song = composer.blend({"ragtime": 0.6, "lied": 0.4}, bars=16, seed=1)
    song.save("tune.mid")

Inside, all music is in C major or A minor, where it was learned; it is transposed on the way in and out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mapsto import weights
from mapsto.errors import UsageError
from mapsto.sound.blends import curve_of, row_of
from mapsto.sound.composing import Plan, Recall, composed, latents_of
from mapsto.sound.habits import busyness, playing
from mapsto.sound.manner import FORMS, How, check_bars, check_seed, kept, meter_of
from mapsto.sound.melody import HOLD_TOKEN, METERS, PHRASE, STEPS_OF_BAR, ScoreNetwork, grid_of, tokens_of
from mapsto.sound.score import FASTEST, REST, SLOWEST, STEP, VOICES, Blend, Grid, Meter, Score, Track
from mapsto.sound.tonality import estimated, is_minor, key_of, named, semitones_from_home

OnBar = Callable[[int, int], object]
"""Told after every bar how many are done, of how many."""

FAITH = 3.0
"""Where a part t of a given piece is to change, its notes' odds grow by t^-FAITH: not at all at 1, beyond all doubt at 0."""


class Composer:
    """Style × Latent → Score, for people.

    Args:
        network: Composes.
        name: Under which it was found.
        card: What is told of its weights; "tempos", "meters", "instruments", "spread" and "textures" of the styles are used.
    """

    def __init__(self, network: ScoreNetwork, name: str = "scores", card: Mapping[str, Any] | None = None) -> None:
        self.network, self.name, self.card = network.eval().requires_grad_(False), name, dict(card or {})

    @classmethod
    def from_pretrained(cls, name: str | Path = "scores") -> Composer:
        """A composer by the name of its weights, or their file.

        Raises:
            WeightsError: unknown, damaged, or weights of something else.
        """
        network = weights.load(name, expect="ScoreNetwork")
        assert isinstance(network, ScoreNetwork)
        return cls(network, Path(name).stem, weights.card(name))

    @property
    def styles(self) -> tuple[str, ...]:
        """Their names."""
        return self.network.styles

    def habits(self, styles: str | Mapping[str, float]) -> tuple[float, float]:
        """What styles are used to: quarter notes a minute, and notes in a bar of the meter that the strongest mostly has.

        Raises:
            UsageError: as for `blend`.
        """
        row = self._row(styles)
        meter = meter_of(str(self._told("meters").get(self.styles[int(row.argmax())], "4/4")))
        notes = float((row * self.network.usual).sum()) * STEPS_OF_BAR[meter] / STEPS_OF_BAR[0]
        return self._tempo(row.expand(1, len(VOICES), -1), How()), notes

    # ---- ways of composing ----

    def blend(
        self,
        styles: str | Mapping[str, float],
        bars: int = 16,
        *,
        seed: int = 0,
        on_bar: OnBar | None = None,
        **how: Any,
    ) -> Score:
        """A piece in a style, or in several at once.

        Args:
            styles: A name, "ragtime:0.6,lied:0.4", or weights by name.
            bars: How many.
            seed: Of all that is drawn.
            on_bar: Told after every bar.
            how: See `How`.

        Raises:
            UsageError: an unknown style, weights that make no sense, or no bars.
        """
        check_bars(bars)
        curve = self._row(styles).expand(bars, len(VOICES), -1)
        return self._composed(curve, How(**how), seed, on_bar)

    def path(
        self,
        path: str | Sequence[Any],
        bars: int = 16,
        *,
        seed: int = 0,
        on_bar: OnBar | None = None,
        **how: Any,
    ) -> Score:
        """A piece whose style changes over its bars.

        Args:
            path: "lied@1, ragtime@9, polish-dance@16": styles with the bars at which they are reached; without bars evenly.
            bars: How many.
            seed: Of all that is drawn.
            on_bar: Told after every bar.
            how: See `How`.

        Raises:
            UsageError: as for `blend`, bars that do not rise, or one past the end.
        """
        check_bars(bars)
        rows = self.curve(path, bars)
        return self._composed(rows[:, None].expand(-1, len(VOICES), -1), How(**how), seed, on_bar)

    def curve(self, path: str | Sequence[Any], bars: int) -> Tensor:
        """Weights of the styles in every bar, [bars, S], straight from key to key; see `path`."""
        return curve_of(path, bars, self.styles)

    def continued(
        self,
        score: Score,
        bars: int = 8,
        style: str | Mapping[str, float] | None = None,
        *,
        seed: int = 0,
        on_bar: OnBar | None = None,
        **how: Any,
    ) -> Score:
        """A piece, and more of it: all its tracks stay as they are, and its voices go on in tracks called after them.

        Args:
            score: What is there.
            bars: How many more.
            style: Of what follows; as the piece goes where it is None.
            seed: Of all that is drawn.
            on_bar: Told after every bar.
            how: See `How`, but for meter, key and tempo, which are those of the piece.

        Raises:
            UsageError: nothing to go on from, or a meter that is not known.
        """
        check_bars(bars)
        home = self._home(score)
        asked = kept(how, None if style is not None else home.notes)
        curve = self._voiced(self._rows(style, bars), asked)
        done = self._drawn(curve, asked, home, seed, home.tokens, on_bar)
        more = self._score(done, home, self._blends(curve), _band(score))
        held = [sum(1 for _ in takewhile(HOLD_TOKEN.__eq__, voice)) for voice in done.tolist()]
        before = score.styles or ((),) * score.bars
        styles = (*before, *(more.styles or ((),) * bars)) if score.styles or more.styles else ()
        return replace(more, tracks=_after(score, more, held), bars=score.bars + bars, styles=styles)

    def variation(
        self,
        score: Score,
        amount: float = 0.3,
        style: str | Mapping[str, float] | None = None,
        *,
        seed: int = 0,
        on_bar: OnBar | None = None,
        **how: Any,
    ) -> Score:
        """A piece, changed.

        Args:
            score: What is there.
            amount: 0 leaves it (but for what four voices cannot say), 1 keeps little but its course.
            style: In which it is changed.
            seed: Of all that is drawn.
            on_bar: Told after every bar.
            how: See `How`, but for meter, key and tempo, which are those of the piece.

        Raises:
            UsageError: an amount outside [0, 1], or as for `continued`.
        """
        if not 0 <= amount <= 1:
            raise UsageError(f"A variation by {amount:g} makes no sense.", "It goes from 0, the piece, to 1.")
        home = self._home(score)
        asked = kept(how, None if style is not None else home.notes)
        curve = self._voiced(self._rows(style, home.bars), asked)
        latents = latents_of(self.network, home.tokens, home.meter)
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
        z = (1 - amount**2) ** 0.5 * latents + amount * noise
        recall = Recall(home.tokens, _faith(torch.full((home.tokens.shape[1],), float(amount))))
        done = self._drawn(curve, asked, home, seed, None, on_bar, z=z, recall=(recall,))
        changed = self._score(done, home, self._blends(curve), _band(score))
        return replace(changed, tracks=changed.tracks + tuple(track for track in score.tracks if track.drums))

    def morph(self, a: Score, b: Score, bars: int = 12, *, seed: int = 0, on_bar: OnBar | None = None, **how: Any) -> Score:
        """A piece that begins as one and ends as another.

        Args:
            a: The first; where it is shorter than what is asked for, it begins anew.
            b: The second.
            bars: How many.
            seed: Of all that is drawn.
            on_bar: Told after every bar.
            how: See `How`, but for meter, key and tempo, which are those of the first.

        Raises:
            UsageError: two meters, or as for `continued`.
        """
        check_bars(bars)
        first, second = self._home(a), self._home(b)
        asked = kept(how, (first.notes + second.notes) / 2)
        if first.meter != second.meter:
            raise UsageError(f"One piece is in {a.meter}, the other in {b.meter}.", "Morph pieces of one meter.")
        steps = bars * STEPS_OF_BAR[first.meter]
        from_a, from_b = (home.tokens[:, torch.arange(steps) % home.tokens.shape[1]] for home in (first, second))
        t = torch.linspace(0, 1, bars).repeat_interleave(STEPS_OF_BAR[first.meter])
        phrase = torch.linspace(0, 1, -(-bars // PHRASE))[:, None]
        z_a, z_b = (latents_of(self.network, tokens, first.meter) for tokens in (from_a, from_b))
        z = torch.lerp(z_a, z_b, phrase)
        recalls = tuple(Recall(tokens, _faith(far)) for tokens, far in ((from_a, t), (from_b, 1 - t)))
        curve = self._voiced(self._rows(None, bars), asked)
        done = self._drawn(curve, asked, first, seed, None, on_bar, z=z, recall=recalls)
        return self._score(done, first, self._blends(curve), _band(a))

    # ---- inside ----

    def _composed(self, curve: Tensor, how: How, seed: int, on_bar: OnBar | None) -> Score:
        check_seed(seed)
        curve = self._voiced(curve, how)
        strongest = self.styles[int(curve.mean((0, 1)).argmax())]
        generator = np.random.default_rng(seed)
        minor_drawn, tone = bool(generator.random() < 0.35), int(generator.integers(12))
        minor = minor_drawn if how.key is None else is_minor(how.key)
        key = named(how.key) if how.key is not None else key_of(tone, minor=minor)
        meter = how.meter or str(self._told("meters").get(strongest, "4/4"))
        home = _Home(torch.empty(len(VOICES), 0, dtype=torch.int64), meter_of(meter), key, self._tempo(curve, how))
        whole, *bars = (
            dict(zip(self.styles, shares, strict=True)) for shares in (curve.mean((0, 1)).tolist(), *curve.mean(1).tolist())
        )
        busy = busyness(self._told("spread"), whole, generator)
        # A voice that somebody asks a style of is there, whatever is drawn.
        asked = sum(1 << VOICES.index(voice) for voice in how.voices or {})
        voices = tuple(drawn and drawn | asked for drawn in playing(self._told("textures"), bars, generator))
        done = self._drawn(curve, how, home, seed, on_bar=on_bar, busy=busy, voices=voices)
        return self._score(done, home, self._blends(curve), self._instruments(curve))

    def _drawn(
        self,
        curve: Tensor,
        how: How,
        home: _Home,
        seed: int,
        given: Tensor | None = None,
        on_bar: OnBar | None = None,
        **more: Any,
    ) -> Tensor:
        """Tokens [4, T] of all bars."""
        check_seed(seed)
        form = FORMS[how.form]
        plan = Plan(
            curve,
            home.meter,
            int(not is_minor(home.key)),
            notes=how.density,
            blend=how.blend,
            guidance=how.guidance,
            temperature=how.temperature,
            form=[form[bar % len(form)] for bar in range(len(curve))] if form else (),
            seed=seed,
            **more,
        )
        bars = []
        for tokens in composed(self.network, plan, self.network.usual, given):
            bars.append(tokens)
            if on_bar is not None:
                on_bar(len(bars), len(curve))
        return torch.cat(bars, 1)

    def _score(self, tokens: Tensor, home: _Home, styles: Sequence[Blend], band: Mapping[str, str] | None = None) -> Score:
        grid = grid_of(tokens).numpy()
        grid = np.where(grid >= 0, grid + home.semitones, grid)
        told = styles if any(styles) else ()
        return Score.of_grid(
            grid, Meter(*METERS[home.meter]), tempo_bpm=home.tempo_bpm, key=home.key, instruments=band, styles=told
        )

    def _home(self, score: Score) -> _Home:
        """A piece as the network knows music.

        Raises:
            UsageError: a meter that was not learned, or nothing but drums and silence.
        """
        meter, grid = meter_of(str(score.meter)), score.grid()
        check_bars(score.bars)
        if not (grid >= 0).any():
            raise UsageError("There are no notes in this piece but drums.", "Give one with a melody.")
        length = STEPS_OF_BAR[meter]
        grid = np.pad(grid, ((0, 0), (0, -grid.shape[1] % length)), constant_values=REST)
        key = score.key if "mapsto" in score.settings else estimated(grid)  # what other programs say of keys is often C
        return _Home(tokens_of(torch.from_numpy(moved_home(grid, key))), meter, key, score.tempo_bpm)

    def _rows(self, style: str | Mapping[str, float] | None, bars: int) -> Tensor:
        """[bars, V, S]; zeros where no style is asked for."""
        row = torch.zeros(len(self.styles)) if style is None else self._row(style)
        return row.expand(bars, len(VOICES), -1)

    def _blends(self, curve: Tensor) -> tuple[Blend, ...]:
        """What the score says of every bar [bars, V, S]."""
        return tuple(_blend(self.styles, row) for row in curve.mean(1))

    def _row(self, styles: str | Mapping[str, float]) -> Tensor:
        """Weights [S]."""
        return row_of(styles, self.styles)

    def _voiced(self, curve: Tensor, how: How) -> Tensor:
        """With the styles of single voices."""
        curve = curve.clone()
        for voice, style in (how.voices or {}).items():
            curve[:, VOICES.index(voice)] = self._row(style)
        return curve

    def _tempo(self, curve: Tensor, how: How) -> float:
        if how.tempo_bpm is not None:
            return how.tempo_bpm
        tempos = self._told("tempos")
        usual = torch.tensor([float(tempos.get(style, 96.0)) for style in self.styles]).clamp(SLOWEST, FASTEST).log()
        return float(round(float((curve.mean((0, 1)) @ usual).exp())))

    def _instruments(self, curve: Tensor) -> dict[str, str]:
        """Of every voice, those of its strongest style."""
        bands = self._told("instruments")
        strongest = [self.styles[int(weight)] for weight in curve.mean(0).argmax(1)]
        return {v: bands[style][v] for v, style in zip(VOICES, strongest, strict=True) if v in bands.get(style, {})}

    def _told(self, what: str) -> dict[str, Any]:
        """What the card tells of styles, by their names."""
        found = self.card.get(what)
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, eq=False)
class _Home:
    """A piece in C or a, and where it came from."""

    tokens: Tensor
    meter: int
    key: str
    tempo_bpm: float

    @property
    def notes(self) -> float:
        """In a bar, in all voices."""
        return float((self.tokens > HOLD_TOKEN).sum()) / self.bars

    @property
    def semitones(self) -> int:
        """From home to where it was."""
        return semitones_from_home(self.key)

    @property
    def bars(self) -> int:
        """How many."""
        return self.tokens.shape[1] // STEPS_OF_BAR[self.meter]


def moved_home(grid: Grid, key: str) -> Grid:
    """A piece in a key → in C major or A minor; a note that would leave MIDI stays an octave nearer.

    Args:
        grid: [4, T].
        key: One of `FIFTHS`.
    """
    moved = grid - semitones_from_home(key)
    moved = np.where(moved < 0, moved + 12, np.where(moved > 127, moved - 12, moved))
    return np.where(grid >= 0, moved, grid)


def _faith(change: Tensor) -> Tensor:
    """Nats by which the notes of a given piece are likelier, by the part of it that is to change."""
    return -FAITH * change.log()


def _band(score: Score) -> dict[str, str]:
    """Who plays the voices: the tracks called after them, or whoever plays all."""
    played = {track.name: track.instrument for track in score.tracks if not track.drums}
    alone = dict.fromkeys(VOICES, *set(played.values())) if len(set(played.values())) == 1 else {}
    return {**alone, **{name: instrument for name, instrument in played.items() if name in VOICES}}


def _after(score: Score, more: Score, held: Sequence[int]) -> tuple[Track, ...]:
    """The tracks of a piece and of what follows it; those of a voice's name are one.

    Args:
        score: The piece.
        more: What follows.
        held: For how many steps the last note of each voice goes on.
    """
    later = {track.name: tuple(replace(n, start=n.start + score.ticks) for n in track.notes) for track in more.tracks}
    tracks, names = [], [track.name for track in score.tracks]
    for track in score.tracks:
        notes = track.notes
        if track.name in VOICES and not track.drums and names.count(track.name) == 1:
            on = STEP * held[VOICES.index(track.name)]
            notes = tuple(replace(note, length=note.length + on * (note.end == score.ticks)) for note in notes)
            notes += later.pop(track.name, ())
        tracks.append(replace(track, notes=notes))
    return (*tracks, *(replace(track, notes=later[track.name]) for track in more.tracks if track.name in later))


def _blend(styles: Sequence[str], row: Tensor) -> Blend:
    """Names and weights, the strongest first."""
    found = [(style, round(float(weight), 4)) for style, weight in zip(styles, row, strict=True) if weight > 0]
    return tuple(sorted(found, key=lambda each: -each[1]))
