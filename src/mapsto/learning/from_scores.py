"""Folders of MIDI files → pieces to learn from → a composer of one's own, from nothing or from one that is trained.

    songs = read_songs(Path("my_midis"), "mine")
    for report in fit(game_of(songs), songs.data(), plan, run): ...

Every piece is reduced to four voices and moved to C major or A minor. What cannot be read, or is in a meter that is not
learned, is skipped and told.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from mapsto.errors import MapstoError, UnreadableInput, UsageError, nearest
from mapsto.files import below, sha256
from mapsto.learning.adapt import FEW, MANY, Adapted, adapt
from mapsto.learning.arms import Arm, OnReport
from mapsto.learning.plans import Plan
from mapsto.learning.scores import Piece, ScoreData, ScoreGame
from mapsto.learning.shelf import TWIN, rank
from mapsto.learning.watch import HeldOutLoss
from mapsto.sound.composer import moved_home
from mapsto.sound.manner import spelled
from mapsto.sound.melody import METERS, MODES, STEPS_OF_BAR, ScoreNetwork
from mapsto.sound.score import REST, Grid, Score
from mapsto.sound.tonality import estimated, is_minor

SUFFIXES = (".mid", ".midi")

FEWEST = 4
"""Pieces below which nothing is learned."""

FEWEST_BARS = 2
"""Of a piece."""

GROUPED = {"2/4": "4/4", "3/8": "6/8", "12/8": "6/8"}
"""Meters whose bars are taken in pairs, or in halves, as bars of another."""

PACE = 0.25
"""Learning rate of adapting, as part of that of learning from nothing."""

PRESETS: dict[str, tuple[dict[str, int], int]] = {
    "tiny": ({"width": 24, "layers": 1, "heads": 2, "condition": 8, "latent": 4, "reader": 8}, 4),
    "small": ({}, 16),
    "base": ({"width": 256, "layers": 6, "heads": 8, "condition": 128}, 16),
}
"""Arguments of the `ScoreNetwork`, and windows of a step."""

Progress = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class Songs:
    """Pieces of a folder.

    Args:
        pieces: In C or a; their styles are places in `styles`.
        styles: Names.
        tempos_bpm: Of every piece.
        skipped: Names of files that are not learned from, and why.
    """

    pieces: tuple[Piece, ...]
    styles: tuple[str, ...]
    tempos_bpm: tuple[float, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def digest(self) -> str:
        """What tells these pieces from others."""
        return self.data().digest

    def data(self, *, balance: float = 0.5, before: int = 0, styles: int | None = None) -> ScoreData:
        """Windows to learn from.

        Args:
            balance: See `ScoreData`.
            before: Styles of a network that come before these.
            styles: How many it has in all.
        """
        pieces = [replace(piece, style=piece.style + before) for piece in self.pieces]
        return ScoreData(pieces, styles or before + len(self.styles), balance)

    def split(self, count: int, seed: int = 0) -> tuple[Songs, Songs]:
        """These without some of them, and those: by their names, so that a new file moves no other."""
        order = sorted(range(len(self)), key=lambda index: rank(self.pieces[index].name, seed))
        return self._some(sorted(order[count:])), self._some(sorted(order[:count]))

    def _some(self, indices: Sequence[int]) -> Songs:
        pieces = tuple(self.pieces[index] for index in indices)
        return replace(self, pieces=pieces, tempos_bpm=tuple(self.tempos_bpm[index] for index in indices))

    def of(self, style: int) -> Songs:
        """Those of one style."""
        return self._some([index for index, piece in enumerate(self.pieces) if piece.style == style])

    @property
    def usual(self) -> Tensor:
        """[S], notes in a bar of 4/4."""
        return torch.tensor([_usual(self.of(style).pieces) for style in range(len(self.styles))])

    def told(self) -> dict[str, dict[str, Any]]:
        """What a card tells of the styles: their tempos and meters."""
        own = {name: self.of(style) for style, name in enumerate(self.styles)}
        meters = {name: Counter(piece.meter for piece in songs.pieces) for name, songs in own.items() if len(songs)}
        return {
            "tempos": {name: round(statistics.median(songs.tempos_bpm), 1) for name, songs in own.items() if len(songs)},
            "meters": {name: spelled(METERS[count.most_common(1)[0][0]]) for name, count in meters.items()},
        }


def read_songs(folder: Path, name: str, *, by_folder: bool = False, on_progress: Progress | None = None) -> Songs:
    """The pieces in a folder and all its folders.

    Args:
        folder: Of MIDI files.
        name: Of the one style that all are of.
        by_folder: Every folder in it is a style of its own instead; what lies beside them is of the style `name`.
        on_progress: Told how many files were read, of how many.

    Raises:
        UnreadableInput: no folder, or not one piece in it.
    """
    paths = _files(folder)
    found: list[tuple[str, Piece, float]] = []
    skipped: list[tuple[str, str]] = []
    first: dict[str, str] = {}
    for done, path in enumerate(paths, 1):
        told = path.relative_to(folder).as_posix()
        style = _plain(path.relative_to(folder).parts[0]) if by_folder and path.parent != folder else name
        try:
            piece, tempo = _piece(path, told)
        except MapstoError as error:
            skipped.append((told, error.what))
            continue
        finally:
            if on_progress is not None:
                on_progress(done, len(paths))
        twin = first.setdefault(sha256(piece.grid.tobytes()), told)
        if twin == told:
            found.append((style, piece, tempo))
        else:
            skipped.append((told, f"{TWIN} {twin}."))
    if not found:
        raise UnreadableInput(f"Not one of {len(skipped)} files can be used.", f"The first: {skipped[0][1]}")
    styles = sorted({style for style, _, _ in found})
    pieces = tuple(replace(piece, style=styles.index(style)) for style, piece, _ in found)
    return Songs(pieces, tuple(styles), tuple(tempo for _, _, tempo in found), tuple(skipped))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise UnreadableInput(f"{folder} {what}.", "Name a folder of MIDI files.")
    found = below(folder, SUFFIXES)
    if not found:
        raise UnreadableInput(f"There is no MIDI file in {folder}.", f"Looked for {' '.join(SUFFIXES)}.")
    return found


def _piece(path: Path, name: str) -> tuple[Piece, float]:
    """A file as it is learned from, and its tempo.

    Raises:
        MapstoError: it cannot be learned from.
    """
    score = Score.read(path)
    meter, known = GROUPED.get(str(score.meter), str(score.meter)), [spelled(each) for each in METERS]
    if meter not in known:
        raise UsageError(f"Music in {meter} is not learned.")
    place, grid = known.index(meter), score.grid()
    if not (grid >= 0).any():
        raise UsageError("It has no notes but drums.")
    grid = np.pad(grid, ((0, 0), (0, -grid.shape[1] % STEPS_OF_BAR[place])), constant_values=REST)
    key = estimated(grid)
    piece = Piece(moved_home(grid, key), place, MODES.index("minor" if is_minor(key) else "major"), 0, name)
    if piece.bars < FEWEST_BARS:
        raise UsageError("It is shorter than two bars.")
    return piece, score.tempo_bpm


def _plain(folder: str) -> str:
    return re.sub(r"[^\w]+", "-", folder.lower()).strip("-") or "other"


def _usual(pieces: Sequence[Piece]) -> float:
    notes, steps = (sum(counts) for counts in ([_notes(p.grid) for p in pieces], [p.grid.shape[1] for p in pieces]))
    return float(notes) / max(1, steps) * STEPS_OF_BAR[0]


def _notes(grid: Grid) -> int:
    return int((grid >= 0).sum())


# ---- from nothing ----


def check_preset(preset: str) -> None:
    """Refuse an unknown preset.

    Raises:
        UsageError: it is none.
    """
    if preset not in PRESETS:
        near = nearest(preset, list(PRESETS)) or list(PRESETS)
        raise UsageError(f"There is no preset called {preset!r}.", f"Perhaps {' or '.join(near)}?")


def check_count(count: int) -> None:
    """Refuse to learn from next to nothing.

    Raises:
        UsageError: too few pieces.
    """
    if count < FEWEST:
        what = "One piece is" if count == 1 else f"{count} pieces are"
        raise UsageError(f"{what} too few to learn from.", f"Give {FEWEST} or more.")


def game_of(songs: Songs, preset: str = "small", seed: int = 0) -> ScoreGame:
    """What is played to learn from nothing: weights by the seed, of a size by the preset."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ScoreNetwork(songs.styles, **PRESETS[preset][0])
    network.usual.copy_(songs.usual)
    return ScoreGame(network)


def judged(network: ScoreNetwork, songs: Songs, most: int = 64) -> dict[str, float]:
    """What a composer makes of pieces it did not learn from: see `ScoreGame.probe`."""
    data = songs.data(balance=1.0)
    chosen = np.arange(len(data))[:: max(1, len(data) // most)]
    parts = np.array_split(chosen, -(-len(chosen) // 8))
    found = [ScoreGame(network).probe(data.batch(part, torch.Generator().manual_seed(0))) for part in parts]
    return {name: round(statistics.fmean(each[name] for each in found), 4) for name in found[0]}


# ---- from what a composer knows ----


def extended(start: ScoreNetwork, styles: Sequence[str], usual: Tensor) -> ScoreNetwork:
    """A composer with more styles, which begin as any style.

    Args:
        start: The composer.
        styles: Their names.
        usual: [S], notes in a bar of 4/4 that they are used to.

    Raises:
        UsageError: it has such a style already.
    """
    for style in styles:
        if style in start.styles:
            raise UsageError(f"There is a style called {style!r} already.", "Choose another name.")
    wide = ScoreNetwork(**{**start.config, "styles": [*start.styles, *styles]})
    count, state = len(start.styles), dict(start.state_dict())
    old, known = state["style.weight"], state["usual"]
    state["style.weight"] = torch.cat([old[:, :count], old[:, count:].expand(-1, len(styles)), old[:, count:]], 1)
    state["usual"] = torch.cat([known, usual])
    wide.load_state_dict(state)
    return wide


@dataclass(frozen=True)
class AdaptedComposer:
    """What adapting came to: the composer, how it was judged, and by how many pieces."""

    network: ScoreNetwork
    found: Adapted
    learned: int
    judged_by: int
    note: str


def adapted(
    start: ScoreNetwork,
    songs: Songs,
    run: Path,
    *,
    plan: Plan,
    strength: float | Literal["auto"] = "auto",
    frozen: tuple[str, ...] = (),
    scratch: bool = True,
    on_report: OnReport | None = None,
) -> AdaptedComposer:
    """A composer that has learned new styles on a leash, beside its start and one that learned from nothing.

    Args:
        start: Whom to begin with.
        songs: Of the new styles.
        run: A folder, made if it is not there.
        plan: Of each training.
        strength: Of the leash, or "auto"; see `learning.adapt`.
        frozen: Layers that stay.
        scratch: Learn from nothing too.
        on_report: Told the name of a training and its reports.

    Raises:
        UsageError: a style that is there already, too few pieces, or as for `learning.adapt.adapt`.
        KeyboardInterrupt: interrupted; the same call goes on.
    """
    check_count(len(songs))
    wide = extended(start, songs.styles, songs.usual)
    before, styles = len(start.styles), len(wide.styles)
    learn, check, proof, note = _parts(songs, plan.seed)

    def make() -> ScoreGame:
        network = ScoreNetwork(**wide.config)
        network.load_state_dict({**network.state_dict(), **{name: wide.state_dict()[name] for name in FREE}})
        return ScoreGame(network)

    def judge(part: Songs) -> HeldOutLoss:
        return HeldOutLoss(part.data(balance=1.0, before=before, styles=styles), rounds=2, batch=8)

    found = adapt(
        make,
        {f"network.{name}": tensor for name, tensor in wide.state_dict().items() if name not in FREE},
        learn.data(before=before, styles=styles),
        plan,
        run,
        judge=judge(proof),
        check=judge(check) if check is not None else None,
        strength=strength,
        arm=Arm("adapted", frozen=frozen, pace=PACE),
        scratch=scratch,
        on_report=on_report,
    )
    network = found.average["network"]
    assert isinstance(network, ScoreNetwork)
    return AdaptedComposer(network, found, len(learn), len(proof), note)


FREE = ("style.weight", "usual")
"""What is no part of the start, so that no leash holds it: here the new styles are."""


def _parts(songs: Songs, seed: int) -> tuple[Songs, Songs | None, Songs, str]:
    """Pieces to learn from; to search and stop by, if there are enough; to judge by; and what the judgement is worth."""
    if len(songs) >= MANY:
        rest, proof = songs.split(round(0.15 * len(songs)), seed)
        learn, check = rest.split(len(proof), seed + 1)
        return learn, check, proof, f"Judged by {len(proof)} pieces that nothing was learned from or chosen by."
    if len(songs) >= FEW:
        learn, proof = songs.split(max(2, round(0.2 * len(songs))), seed)
        return learn, None, proof, f"Judged by {len(proof)} pieces that nothing was learned from."
    note = f"Judged by the {len(songs)} pieces it learned from, which proves nothing: give {FEW} or more."
    return songs, None, songs, note


def card_of(songs: Songs, name: str, licence: str, recipe: str, start: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The story that goes with the weights.

    Args:
        songs: All that was learned from.
        name: Of their folder.
        licence: Of the pieces.
        recipe: How.
        start: Card of the composer that it began with.
    """
    data = f"{name}: {len(songs)} pieces, sha256 {songs.digest[:16]}; licence {licence}"
    told: dict[str, Any] = {**songs.told()}
    if start is None:
        return {"recipe": recipe, "data": data, "licence": licence, "scores": {}, **told}
    for what in ("tempos", "meters", "instruments"):
        before = start.get(what)
        told[what] = {**(before if isinstance(before, dict) else {}), **told.get(what, {})}
    data, licence = f"{data}; and {start.get('data')}", f"{licence}; and {start.get('licence')}"
    return {"recipe": recipe, "data": data, "licence": licence, "scores": {}, **told}
