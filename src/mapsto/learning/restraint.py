"""Games with restraints: the same game, played by the same loop, that may move its weights less freely.

    Leashed(game, strength=3.0)                        another term: λ · distance from the start, for every player
    Frozen(game, ["critic:0.5", "generator.mapping"])  the first half of the critic's layers and a part by name do not move

They can be nested. Submodules and names of weights are the game's own, so that a checkpoint fits with and without.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.errors import UsageError, nearest
from mapsto.learning.games import Batch, Game, Moment
from mapsto.learning.leash import Form, Leash, Unit


class Around(Game):
    """A game that does what another does; the base of those that change one thing about it.

    Args:
        game: The other. Its parameters, buffers and submodules are those of this one, under the same names.
    """

    game: Game

    def __init__(self, game: Game) -> None:
        super().__init__()
        self.__dict__["game"] = game  # not a submodule: its weights would be there twice
        self._parameters, self._buffers, self._modules = game._parameters, game._buffers, game._modules
        self.players, self.averaged, self.rates = game.players, game.averaged, game.rates
        self.betas, self.decay = game.betas, game.decay

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """Those of the game."""
        return self.game.terms(player, batch, moment)

    def noted(self) -> dict[str, float]:
        """What the game notes."""
        return self.game.noted()

    def probe(self, batch: Batch) -> dict[str, float]:
        """What the game measures."""
        return self.game.probe(batch)

    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        """Those of the game."""
        return self.game.samples(average, count)

    def extra_state(self) -> dict[str, Tensor | float | int]:
        """That of the game."""
        return self.game.extra_state()

    def load_extra_state(self, state: Mapping[str, Tensor | float | int]) -> None:
        """Give it back to the game."""
        self.game.load_extra_state(state)

    def betas_at(self, part: float) -> tuple[float, float]:
        """Those of the game."""
        return self.game.betas_at(part)

    def settings(self) -> dict[str, Any]:
        """Those of the game, and of what kind it is."""
        return {"of": type(self.game).__name__, **self.game.settings()}

    def part(self, name: str) -> nn.Module:
        """That of the game."""
        return self.game.part(name)

    def train(self, mode: bool = True) -> Around:
        """Set the mode of both."""
        self.game.train(mode)
        super().train(mode)
        return self

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["game"], name)


class Leashed(Around):
    """A game whose players are pulled back to where they started: one more term, strength × distance.

    In a GAN both players are held, as a critic that forgets takes the generator with it.

    Args:
        game: What is played, with the start's weights in it.
        strength: λ, ≥ 0. At 3 with the defaults, moving all weights by a tenth of their size costs 0.03.
        start: w₀ by the names of `game.state_dict()`; the weights that are in the game now, if not given.
        form: See `Leash`.
        unit: See `Leash`.
        importance: F by name, for EWC; see `mapsto.learning.importance`.
        term: What the term is called in the log.

    Raises:
        UsageError: a negative or infinite strength, an unknown form or unit, or a start of which nothing is in the game.
    """

    def __init__(
        self,
        game: Game,
        *,
        strength: float,
        start: Mapping[str, Tensor] | None = None,
        form: Form = "squared",
        unit: Unit = "tensor",
        importance: Mapping[str, Tensor] | None = None,
        term: str = "leash",
    ) -> None:
        super().__init__(game)
        if not 0 <= strength < float("inf"):
            raise UsageError(f"A leash of strength {strength} holds nothing.", "Give 0 or more: 3 is mild, 300 is tight.")
        start = weights_of(game) if start is None else start
        if not start.keys() & weights_of(game).keys():
            raise UsageError("The start has no weight by the name of any of the game's.", "Give the state of the same game.")
        self.strength, self.term = strength, term
        self.leash = Leash(start, form=form, unit=unit, importance=importance)
        self._key = fingerprint({**self.leash.start, **{f"F.{name}": f for name, f in self.leash.importance.items()}})
        self._moved: dict[str, Tensor] = {}

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """Those of the game, and the leash of the player whose turn it is, in fp32."""
        found = self.game.terms(player, batch, moment)
        with torch.autocast(batch.x.device.type, enabled=False):
            moved = self.leash(weights_of(self.game, player).items())
        self._moved[player] = moved.detach()
        return {**found, self.term: self.strength * moved.to(batch.x.device)}

    def noted(self) -> dict[str, float]:
        """What the game notes, and how far every player is from its start."""
        moved = {f"{self.term}_{player}_moved": float(value) for player, value in self._moved.items()}
        return {**self.game.noted(), **moved}

    def settings(self) -> dict[str, Any]:
        """Those of the game, the strength, and what the weights are held to."""
        held = f"{self.strength:g} {self.leash.form} {self.leash.unit} {self._key}"
        return {**super().settings(), self.term: held}


class Frozen(Around):
    """A game in which some weights stay as they are: they require no gradient, and the loop gives them no optimiser.

    Args:
        game: What is played; its weights are frozen here and now.
        layers: See `names_of`. None freezes nothing.

    Raises:
        UsageError: a name that means nothing, or a player that could not move at all.
    """

    def __init__(self, game: Game, layers: Sequence[str]) -> None:
        super().__init__(game)
        self.names = names_of(game, layers)
        for player in game.players:
            if not weights_of(game, player).keys() - set(self.names):
                raise UsageError(f"All layers of {player} are frozen: it could not learn.", "Freeze fewer.")
        own = weights_of(game)
        for name in self.names:
            own[name].requires_grad_(False)

    def settings(self) -> dict[str, Any]:
        """Those of the game, and what is frozen."""
        frozen = hashlib.sha256(" ".join(self.names).encode()).hexdigest()[:16]
        return {**super().settings(), "frozen": f"{len(self.names)} tensors {frozen}"}


def weights_of(game: Game, player: str | None = None) -> dict[str, nn.Parameter]:
    """The weights of one player, or of all, by their names in `game.state_dict()`."""
    players = game.players if player is None else (player,)
    return {f"{who}.{name}": weight for who in players for name, weight in game.part(who).named_parameters()}


def names_of(game: Game, layers: Iterable[str]) -> list[str]:
    """Names of the weights that descriptions of layers mean, in the order of the game.

    Args:
        game: Whose.
        layers: Each one of: the name of a submodule ("critic.blocks.0"); a pattern of names of weights ("*.bias"); a submodule
            and a part of its layers, counted from where they were made, as "critic:0.5" (the first half: near the picture) or
            "generator:-0.25" (the last quarter). FreezeD (Mo, Cho, Shin, arXiv 2002.10964) is "critic:0.5".

    Raises:
        UsageError: one means nothing.
    """
    known = list(weights_of(game))
    wanted = {name for layer in layers for name in _meant(game, known, layer)}
    return [name for name in known if name in wanted]


def _meant(game: Game, known: list[str], layer: str) -> list[str]:
    stem, colon, part = layer.partition(":")
    inside = [name for name in known if name.startswith(f"{stem}.") or fnmatchcase(name, stem)]
    if not inside:
        modules = [name for name, _ in game.named_modules() if name]
        near = nearest(stem, [*modules, *known]) or modules
        raise UsageError(f"There are no layers called {stem!r}.", f"Perhaps {' or '.join(near[:3])}?")
    return _share(inside, layer, part) if colon else inside


def _share(names: list[str], layer: str, part: str) -> list[str]:
    """The weights of the first part of layers, or of the last where it is negative; a layer owns its weights directly."""
    try:
        share = float(part)
    except ValueError:
        share = float("nan")
    if not -1 <= share <= 1:
        raise UsageError(f"{layer!r} does not say which part of the layers.", "Give -1 to 1, as in critic:0.5.")
    owners = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    count = round(abs(share) * len(owners))
    chosen = set(owners[:count] if share >= 0 else owners[len(owners) - count :])
    return [name for name in names if name.rpartition(".")[0] in chosen]


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Sixteen hexadecimal digits that tell one set of weights from another."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name].detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def begin(game: Game, start: Mapping[str, Tensor]) -> list[str]:
    """Put the start's weights into a game; the names of the game's tensors that had none there stay as they were, and are told.

    Args:
        game: Changed in place.
        start: By the names of `game.state_dict()`; tensors that the game does not have are passed over.

    Raises:
        UsageError: no tensor fits, or one of the same name is of another shape.
    """
    own = game.state_dict()
    for name in sorted(own.keys() & start.keys()):
        if own[name].shape != start[name].shape:
            shapes = f"{tuple(start[name].shape)}, and here it is {tuple(own[name].shape)}"
            raise UsageError(f"{name} of the start is {shapes}.", "Adapt at the size and with the options it was trained with.")
    if not own.keys() & start.keys():
        raise UsageError("Nothing in the start belongs to this game.", "Give weights of the same kind.")
    game.load_state_dict({name: start.get(name, value) for name, value in own.items()})
    return sorted(own.keys() - start.keys())


def state_of(game: Game) -> dict[str, Tensor]:
    """A copy of all tensors of a game, as a start for others."""
    return {name: value.detach().clone() for name, value in game.state_dict().items()}
