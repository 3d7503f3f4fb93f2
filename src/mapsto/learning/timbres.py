"""Learning instruments by ear: notes are sounded, and their spectra compared with those of recordings; a critic may join in.

spectra    distance of spectrograms at several scales, of notes told by their instrument's timbre
levels     of partials and noise, and the traits, as they were measured
kept       where a network learns one instrument more: what it says of the others stays as the teacher says it
between    halfway between two timbres should sound halfway

With a critic there are two players, who take turns as those of any GAN; then the network also minimises how differently the
critic's layers see its notes and the recordings (feature matching: Larsen et al., arXiv 1512.09300).

B batch   N samples   T times   Z size of a timbre
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mapsto.learning.adversarial import objective
from mapsto.learning.games import Batch, Game, Moment
from mapsto.sound.analysis import GRID_SECONDS, RATE_HZ
from mapsto.sound.critic import SpectrogramCritic, apart
from mapsto.sound.learn import FLUTTER_HZ, Notes, blend_loss, level_losses, sounded, traits_loss
from mapsto.sound.spectrum import log_spectral_distance, spectral_loss, spectrogram
from mapsto.sound.synthesis import HOP
from mapsto.sound.timbre import TimbreVAE, frequencies

NEARBY = 0.1
"""Standard deviation of what is added to a timbre while it is learned, so that those around it sound alike."""

SHOWN = 6
"""Notes of a sample grid."""

SHOWN_SECONDS = 2.0
KEPT_NOTES, KEPT_WEIGHT = 16, 2.0
FADE_SECONDS = 0.01


class NoteData:
    """Which notes are shown: batches hold their numbers, [B, 1]. Instruments with few notes come as often as those with many.

    Args:
        notes: Of all instruments.
        chosen: Numbers of those that are shown; all by default.
    """

    def __init__(self, notes: Notes, chosen: Sequence[int] | None = None) -> None:
        numbers = np.arange(len(notes)) if chosen is None else np.asarray(chosen, np.int64)
        who = notes.who.numpy()[numbers]
        groups = [numbers[who == each] for each in np.unique(who)]
        most = max(map(len, groups), default=0)
        self.chosen: NDArray[np.int64] = np.concatenate([np.resize(group, most) for group in groups]) if groups else numbers
        hashed = hashlib.sha256(self.chosen.tobytes())
        for column in (notes.who, notes.pitch, notes.velocity, notes.partials_db, notes.noise_db):
            hashed.update(column.contiguous().numpy().tobytes())
        self.digest = hashed.hexdigest()

    def __len__(self) -> int:
        return len(self.chosen)

    def batch(self, indices: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """Numbers of notes [B, 1], int64."""
        return Batch(torch.from_numpy(self.chosen[indices])[:, None])


class TimbreGame(Game):
    """One player, the network; or two, after the critic. The encoder stays as it is; timbres of instruments move.

    Args:
        network: What learns; `points` are where its instruments begin.
        notes: All that batches name by number. They stay on the CPU, and so must the game.
        teacher: The network as it was before it was given one instrument more, the last; None where all are learned.
        critic: Who judges, for an adversarial term.
        adversarial: Weight of that term.
        matching: Weight of how differently the critic's layers see ours and the recording.
        wait: Part of the run in which the critic learns alone.
        seconds: Of a note that are heard.
        rate: Learning rate; the critic's is five times as high.
    """

    averaged = ("network",)
    betas = (0.8, 0.99)

    def __init__(
        self,
        network: TimbreVAE,
        notes: Notes,
        *,
        teacher: TimbreVAE | None = None,
        critic: SpectrogramCritic | None = None,
        adversarial: float = 0.05,
        matching: float = 0.5,
        wait: float = 0.15,
        seconds: float = 1.3,
        rate: float = 3e-4,
    ) -> None:
        super().__init__()
        self.network, self.critic = network, critic
        self.network.encoder.requires_grad_(False)
        self.players = ("network",) if critic is None else ("critic", "network")
        self.rates = {"network": rate, "critic": 5 * rate}
        self._notes = [notes]  # in lists, so that nothing in them is taken for a part of the game
        self._teacher = [teacher.eval().requires_grad_(False) if teacher is not None else None]
        self.adversarial, self.matching, self.wait, self.seconds = adversarial, matching, wait, seconds
        self._noted: dict[str, Tensor] = {}

    @property
    def notes(self) -> Notes:
        """All notes."""
        return self._notes[0]

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """What a player minimises."""
        notes = self.notes[batch.x[:, 0]]
        return self._criticise(notes, moment) if player == "critic" else self._play(notes, moment)

    def _play(self, notes: Notes, moment: Moment) -> dict[str, Tensor]:
        generator = moment.generator
        timbre = self._timbres(notes, generator)
        begun = self.network.begin(timbre, notes.pitch, notes.velocity)
        times = torch.tensor(GRID_SECONDS[: notes.partials_db.shape[1]]).float()
        partials, noise = self.network.partials(begun, times, notes.hz)
        levels = level_losses(partials, noise, notes, torch.arange(len(times)))
        sound, recorded = self._heard(partials, noise, times, notes, generator)
        terms = {
            "spectra": spectral_loss(sound, recorded),
            "partials": 0.6 * levels["partials"],
            "noise": 0.3 * levels["noise"],
            "traits": traits_loss(self.network.told(begun), notes.traits),
            "range": 0.02 * F.smooth_l1_loss(self.network.pitches(timbre), notes.range),
            **self._among_others(notes, generator),
        }
        if self.critic is not None and moment.part >= self.wait:
            terms |= self._judged(sound, recorded)
        return terms

    def _timbres(self, notes: Notes, generator: torch.Generator) -> Tensor:
        points = self.network.points[notes.who]
        return points + NEARBY * torch.randn(points.shape, generator=generator)

    def _heard(
        self, partials: Tensor, noise: Tensor, times: Tensor, notes: Notes, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """[B, N] of levels, and the recordings; both end where a recording does."""
        samples = round(self.seconds * RATE_HZ) // (2 * HOP) * 2 * HOP
        recorded = notes.audio[:, :samples].float()
        samples = recorded.shape[1] // (2 * HOP) * 2 * HOP
        left = notes.seconds[:, None] - torch.arange(samples) / RATE_HZ
        there = (left / FADE_SECONDS).clamp(0, 1)
        sound = sounded(partials, noise, times, notes.hz, samples, generator)
        return sound * there, recorded[:, :samples] * there

    def _among_others(self, notes: Notes, generator: torch.Generator) -> dict[str, Tensor]:
        """That the other instruments stay what they are, and what is between two of them is between."""
        (teacher,) = self._teacher
        count = max(1, len(notes) // 2)
        first = self.network.points[notes.who].detach()
        if teacher is None:
            half = torch.arange(count)
            others, ranges = first[count : 2 * count], notes.range[count : 2 * count]
            if len(others) < count:
                return {}
            return {"between": 0.3 * blend_loss(self.network, (first[:count], others), ranges, notes[half], generator)}
        chosen = torch.randint(len(teacher.points), (count,), generator=generator)
        others = teacher.points[chosen]
        between = blend_loss(
            self.network, (first[:count], others), teacher.pitches(others), notes[torch.arange(count)], generator
        )
        return {"kept": KEPT_WEIGHT * kept_loss(self.network, teacher, KEPT_NOTES, generator), "between": 0.3 * between}

    # ---- with a critic ----

    def _criticise(self, notes: Notes, moment: Moment) -> dict[str, Tensor]:
        assert self.critic is not None
        with torch.no_grad():
            begun = self.network.begin(self._timbres(notes, moment.generator), notes.pitch, notes.velocity)
            times = torch.tensor(GRID_SECONDS[: notes.partials_db.shape[1]]).float()
            levels = self.network.partials(begun, times, notes.hz)
            sound, recorded = self._heard(*levels, times, notes, moment.generator)
        top = recorded.abs().amax(1)
        real, fake = (self.critic(x, top)[0] for x in (recorded, sound))
        self._noted |= {"logit_real": real.detach().mean(), "logit_fake": fake.detach().mean()}
        return {"critic": objective("relativistic").critic(real, fake)}

    def _judged(self, sound: Tensor, recorded: Tensor) -> dict[str, Tensor]:
        assert self.critic is not None
        top = recorded.abs().amax(1)
        fake, seen = self.critic(sound, top)
        with torch.no_grad():
            real, target = self.critic(recorded, top)
        return {
            "adversarial": self.adversarial * objective("relativistic").generator(real, fake),
            "matching": self.matching * apart(seen, target),
        }

    # ---- what is told ----

    @torch.no_grad()
    def probe(self, batch: Batch) -> dict[str, float]:
        """Log-spectral distance in dB of notes by the timbres of their instruments: seen and held out."""
        notes = self.notes[batch.x[:, 0]]
        sound, recorded = self._sounded(self.network, notes, notes.audio.shape[1] / RATE_HZ)
        return {"distance_db": float(log_spectral_distance(sound, recorded).mean())}

    def _sounded(self, network: TimbreVAE, notes: Notes, seconds: float) -> tuple[Tensor, Tensor]:
        kept, self.seconds = self.seconds, seconds
        try:
            begun = network.begin(network.points[notes.who], notes.pitch, notes.velocity)
            times = torch.tensor(GRID_SECONDS[: notes.partials_db.shape[1]]).float()
            return self._heard(*network.partials(begun, times, notes.hz), times, notes, torch.Generator().manual_seed(0))
        finally:
            self.seconds = kept

    @torch.no_grad()
    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        """Spectrograms of notes as they were recorded, each beside ours: [2·n, 3, H, W] in [0, 1]."""
        network = average["network"]
        assert isinstance(network, TimbreVAE)
        some = torch.linspace(0, len(self.notes) - 1, min(SHOWN, len(self.notes), max(1, count // 2))).long()
        pairs = zip(*self._sounded(network, self.notes[some], SHOWN_SECONDS), strict=True)
        pages = [spectrogram(x, RATE_HZ, columns=240) for ours, recorded in pairs for x in (recorded, ours)]
        return torch.stack(pages)

    def noted(self) -> dict[str, float]:
        """Mean logits, where there is a critic."""
        return {name: float(value) for name, value in self._noted.items()}

    def settings(self) -> dict[str, Any]:
        """What changes what is learned."""
        found: dict[str, Any] = {"network": self.network.config, "seconds": self.seconds, "rate": self.rates["network"]}
        found["teacher"] = len(self._teacher[0].names) if self._teacher[0] is not None else None
        if self.critic is not None:
            found |= {name: getattr(self, name) for name in ("adversarial", "matching", "wait")}
            found["critic"] = self.critic.config
        return found


def kept_loss(network: TimbreVAE, teacher: TimbreVAE, count: int, generator: torch.Generator) -> Tensor:
    """How far a network is from its teacher on instruments of that, and between them, in units of 10 dB.

    Args:
        network: Whose first instruments are the teacher's.
        teacher: Which stays.
        count: Notes that are drawn.
        generator: Draws them.
    """
    ends = teacher.points[torch.randint(len(teacher.points), (2, count), generator=generator)]
    share = torch.rand(count, 1, generator=generator) * (torch.rand(count, 1, generator=generator) < 0.5)
    timbre = torch.lerp(ends[0], ends[1], share)
    timbre = timbre + NEARBY * torch.randn(timbre.shape, generator=generator)
    seconds = (3.2 * torch.rand(12, generator=generator) ** 2.5).sort().values
    velocity = 0.25 + 0.75 * torch.rand(count, generator=generator)
    place = torch.rand(count, generator=generator)
    with torch.no_grad():
        low, high = teacher.pitches(timbre).unbind(1)
        pitch = torch.lerp(low, high.maximum(low), place)
        begun = teacher.begin(timbre, pitch, velocity)
        truth = teacher.told(begun)
        measured = replace(truth, flutter_hz=truth.flutter_hz - FLUTTER_HZ)
        hz = frequencies(440 * 2 ** ((pitch - 69) / 12), truth.stiffness, torch.zeros(count, 1))
        wanted = teacher.partials(begun, seconds, hz)
        limits = teacher.pitches(timbre)
    begun = network.begin(timbre, pitch, velocity)
    found = network.partials(begun, seconds, hz)
    losses = [F.smooth_l1_loss(a.clamp_min(-100), b.clamp_min(-100), beta=2.0) / 10 for a, b in zip(found, wanted, strict=True)]
    told = traits_loss(network.told(begun), measured) + 0.02 * F.smooth_l1_loss(network.pitches(timbre), limits)
    return losses[0] + 0.5 * losses[1] + told


def joined(first: Notes, second: Notes) -> Notes:
    """Both, one after the other."""
    columns = {
        field.name: torch.cat([getattr(first, field.name), getattr(second, field.name)])
        for field in fields(Notes)
        if field.name != "traits"
    }
    traits = {
        field.name: torch.cat([getattr(first.traits, field.name), getattr(second.traits, field.name)])
        for field in fields(first.traits)
    }
    return Notes(**columns, traits=replace(first.traits, **traits))
