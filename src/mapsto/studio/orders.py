"""From the settings of a job to a command line: the verb, its options, and links to the files it is about.

Inputs lie under their own names in `in/` of the job's folder, results come into `out/`; the command is run there. So what a
file says of its making names files as the user does, and `mapsto redo` finds them beside it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mapsto.studio import shapes
from mapsto.studio.refusals import Refusal
from mapsto.studio.store import Store, is_id

OUT = "out"
LEARNING = ("train", "adapt")
"""Kinds of jobs that can be paused: they go on from a checkpoint."""

MASK = "mask.png"


class Bench:
    """The folder of a job, and what is laid ready in it.

    Args:
        store: Where files are.
        job_id: Whose folder.
    """

    def __init__(self, store: Store, job_id: str) -> None:
        self.store, self.folder = store, store.job_folder(job_id)
        for name in ("in", OUT):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def file(self, file_id: str, *kinds: str, plain: bool = False) -> str:
        """A file as the command names it.

        Args:
            file_id: Which.
            kinds: What it may be.
            plain: Under a name that can be part of a mixture of styles.

        Raises:
            Refusal: there is none, or it is of another kind.
        """
        about, path = self.store.file(file_id), self.store.path(file_id)
        if about["kind"] not in kinds:
            raise Refusal(
                422,
                "wrong-kind",
                f"{about['name']} is of the kind {about['kind']}; {' or '.join(kinds)} is wanted.",
                "Choose another file.",
                id=file_id,
                kind=about["kind"],
            )
        name = re.sub(r"[^\w.-]+", "-", path.name) if plain else path.name
        target = self.folder / "in" / name
        number = 2
        while target.exists() and not target.samefile(path):
            target = self.folder / "in" / f"{Path(name).stem}-{number}{path.suffix}"
            number += 1
        if not target.exists():
            _link(path, target)
        return f"in/{target.name}"

    def style(self, styles: Mapping[str, float], between: str = ",") -> str:
        """A mixture of styles, as the command spells it."""
        parts = {self.part(name): weight for name, weight in styles.items() if weight > 0}
        if not parts:
            raise Refusal(422, "no-weight", "The weights of the styles sum to nothing.", "Give one a weight above 0.")
        if len(parts) == 1:
            return next(iter(parts))
        return between.join(f"{name}:{weight:.6g}" for name, weight in parts.items())

    def part(self, name: str) -> str:
        """A style by name, or the picture of that id."""
        return self.file(name, "image", plain=True) if is_id(name) else name

    def mask(self, data: str) -> str:
        """A mask as a file; only its first bytes are looked at here."""
        (self.folder / "in" / MASK).write_bytes(mask_bytes(data))
        return f"in/{MASK}"

    def dataset(self, dataset_id: str) -> str:
        """A folder to learn from."""
        folder, _, entries = self.store.dataset(dataset_id)
        if not any(entry["error"] is None for entry in entries):
            raise Refusal(
                422, "empty-dataset", "There is nothing to learn from in this folder.", "Add pictures.", id=dataset_id
            )
        (inner,) = folder.iterdir()
        return str(inner)


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # a disk without links
        shutil.copyfile(path, target)


def mask_bytes(data: str) -> bytes:
    """A PNG out of base64, with or without what a page puts before it.

    Raises:
        Refusal: none.
    """
    try:
        content = base64.b64decode(data.removeprefix("data:image/png;base64,"), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise Refusal(422, "bad-mask", "The mask is no PNG in base64.", "Send the PNG of a canvas.")
    return content


def command_of(kind: str, settings: Any, bench: Bench, again: bool = False) -> list[str]:
    """The verb and its arguments.

    Args:
        kind: Of the job.
        settings: Of the kind's shape.
        bench: Where files are laid ready.
        again: Go on with what was begun.

    Raises:
        Refusal: a file that is not there, or of another kind.
    """
    return _COMMANDS[kind](settings, bench, again)


def option(name: str, value: object) -> list[str]:
    """An option in one word, so that no value can be taken for another option; none for None and False."""
    if value is None or value is False:
        return []
    return [f"--{name}"] if value is True else [f"--{name}={f'{value:.9g}' if isinstance(value, float) else value}"]


def options(**values: object) -> list[str]:
    """Options by name, `_` for `-`."""
    return [word for name, value in values.items() for word in option(name.replace("_", "-"), value)]


def _style(s: shapes.StyleSettings, bench: Bench, again: bool) -> list[str]:
    photos = [bench.file(each, "image") for each in s.sources]
    how = options(
        strength=s.strength,
        keep_colors=s.keep_colours,
        size=s.size,
        seed=s.seed,
        method=s.method,
        steps=s.steps if s.method == "optimize" else None,
        format=s.format,
        quality=s.quality,
        mask=bench.mask(s.mask) if s.mask else None,
        skip_existing=again,
    )
    return ["style", *how, f"--output={OUT}/", "--", *photos, bench.style(s.styles)]


def _morph(s: shapes.MorphSettings, bench: Bench, again: bool) -> list[str]:
    source = bench.file(s.image, "image", "video")
    is_clip = bench.store.file(s.image)["kind"] == "video"
    how = options(
        path=", ".join(spelled(key, bench) for key in s.keys),
        seconds=s.seconds,
        easing=s.easing,
        loop=s.loop,
        keep_colors=s.keep_colours,
        size=s.size,
        seed=s.seed,
        fps=None if is_clip else s.fps,
        stability=s.stability if is_clip else None,
        resume=again and is_clip,
    )
    return ["morph", *how, f"--output={OUT}/{Path(source).stem}.morph.{s.format}", "--", source]


def spelled(key: shapes.Key, bench: Bench) -> str:
    """A key of a timeline, as `mapsto.image.timeline` reads it."""
    style = bench.style(key.styles, "+") if key.styles else "photo"
    if key.at is None:
        return style
    return f"{style}@{key.at:.3f}s" + (f"..{key.until:.3f}s" if key.until is not None else "")


def _clip(s: shapes.ClipSettings, bench: Bench, again: bool) -> list[str]:
    source = bench.file(s.video, "video")
    how = options(
        strength=s.strength, keep_colors=s.keep_colours, size=s.size, seed=s.seed, stability=s.stability, resume=again
    )
    return ["style", *how, f"--output={OUT}/{Path(source).stem}.painted.{s.format}", "--", source, bench.style(s.styles)]


def _drawing(s: shapes.Drawing) -> list[str]:
    return options(truncation=s.truncation, prior=s.prior, label=s.label, steps=s.steps, guidance=s.guidance, pag=s.pag)


def _generate(s: shapes.GenerateSettings, bench: Bench, again: bool) -> list[str]:
    how = [*_drawing(s), *options(scale=s.scale, transparent=s.transparent, format=s.format)]
    if s.sliders:
        turned = [f"--slider={name}={amount:.6g}" for name, amount in s.sliders.items()]
        return ["edit", *how, *options(seed=s.seed), *turned, f"--output={OUT}/", "--", s.model]
    if s.mix is not None:
        seeds = options(seeds=f"{s.seed},{s.mix.seed}", layers=s.mix.layers)
        return ["mix", *how, *seeds, f"--output={OUT}/", "--", s.model]
    where = f"{OUT}/" if s.sheet else f"{OUT}/{{model}}.{{seed}}.{{ext}}"
    return ["generate", *how, *options(seed=s.seed, count=s.n), f"--output={where}", "--", s.model]


def _reconstruct(s: shapes.ReconstructSettings, bench: Bench, again: bool) -> list[str]:
    how = options(model=s.model, side_by_side=s.side_by_side, refine=s.refine, scale=s.scale)
    return ["reconstruct", *how, f"--output={OUT}/", "--", bench.file(s.image, "image")]


def _walk(s: shapes.WalkSettings, bench: Bench, again: bool) -> list[str]:
    way = options(seeds=",".join(map(str, s.seeds)), seconds=s.seconds, fps=s.fps, loop=s.loop, scale=s.scale)
    return ["walk", *_drawing(s), *way, f"--output={OUT}/{s.model}.walk.{s.format}", "--", s.model]


def _paint(s: shapes.PaintSettings, bench: Bench, again: bool) -> list[str]:
    how = options(
        scene=s.model,
        style=bench.style(s.styles),
        count=s.n,
        seed=s.seed,
        size=s.size,
        strength=s.strength,
        keep_colors=s.keep_colours,
        truncation=s.truncation,
        prior=s.prior,
        label=s.label,
    )
    return ["paint", *how, f"--output={OUT}/{{model}}.{{seed}}.painted.{{ext}}"]


def _compose(s: shapes.ComposeSettings, bench: Bench, again: bool) -> list[str]:
    given = [f"--{name}={bench.file(piece, 'midi')}" for name, piece in _pieces(s) if piece]
    if s.morph is not None:
        given += ["--morph", *(bench.file(piece, "midi") for piece in s.morph)]
    how = options(
        path=", ".join(stop.style + (f"@{stop.bar}" if stop.bar else "") for stop in s.path) or None,
        bars=None if s.variation else s.bars,  # a variation is as long as the piece
        amount=s.amount if s.variation else None,
        key=s.key,
        meter=s.meter,
        tempo=s.tempo_bpm,
        density=s.density,
        blend=s.blend,
        voices=",".join(f"{voice}={style}" for voice, style in s.voices.items()) or None,
        form=s.form,
        temperature=s.temperature,
        guidance=s.guidance,
        seed=s.seed,
        model=s.model,
        wav=s.wav,
        score=s.score,
    )
    styles = ",".join(f"{name}:{weight:.6g}" for name, weight in s.styles.items() if weight > 0)
    stem = "-".join(name for name in (*s.styles, *(stop.style for stop in s.path)))[:60] or "piece"
    return ["compose", *how, f"--output={OUT}/{stem}.{s.seed}.mid", *given, *(["--", styles] if styles else [])]


def _pieces(s: shapes.ComposeSettings) -> list[tuple[str, str | None]]:
    return [("continue", s.continued), ("variation", s.variation)]


def _play(s: shapes.PlaySettings, bench: Bench, again: bool) -> list[str]:
    score = bench.file(s.score, "midi")
    cast = ",".join(("" if track == "*" else f"{track}=") + mixture(timbre) for track, timbre in s.instruments.items())
    how = options(instruments=cast or None, seed=s.seed, room=s.room)
    return ["play", *how, f"--output={OUT}/{Path(score).stem}.wav", "--", score]


def mixture(weights: Mapping[str, float]) -> str:
    """Instruments and their weights, as they are spelled."""
    return ",".join(f"{name}:{weight:.6g}" for name, weight in weights.items() if weight > 0)


def _sound(s: shapes.SoundSettings, bench: Bench, again: bool) -> list[str]:
    how = options(
        path=", ".join(s.path) or None, pitch=s.pitch, seconds=s.seconds, velocity=s.velocity, seed=s.seed, room=s.room
    )
    stem = "-".join(s.timbre or s.path)[:60]
    return ["sound", *how, f"--output={OUT}/{stem}.{s.pitch:.4g}.wav", *(["--", mixture(s.timbre)] if s.timbre else [])]


def _train(s: shapes.TrainSettings, bench: Bench, again: bool) -> list[str]:
    from mapsto.image import own_models

    how = options(
        name=s.name,
        size=s.size,
        preset=s.preset,
        hours=s.hours,
        steps=s.steps,
        batch=s.batch,
        flip=s.flip,
        transparent=s.transparent,
        labels="folders" if s.labels and s.kind != "music" else None,
        styles="folders" if s.labels and s.kind == "music" else None,
        licence=s.licence,
        overwrite=s.overwrite,
        seed=s.seed,
        resume=again and any(own_models.run_of(s.name).rglob("config.json")),
    )
    return ["train", *how, "--", s.kind, bench.dataset(s.dataset)]


def _adapt(s: shapes.AdaptSettings, bench: Bench, again: bool) -> list[str]:
    how = options(name=s.name)
    if s.image is not None:
        return ["adapt", *how, *options(minutes=s.minutes), "--", s.model, bench.file(s.image, "image")]
    how += options(strength=s.strength, preset=s.preset, steps=s.steps, flip=s.flip, licence=s.licence, seed=s.seed)
    how.append("--scratch" if s.scratch else "--no-scratch")
    assert s.dataset is not None
    return ["adapt", *how, "--", s.model, bench.dataset(s.dataset)]


_COMMANDS: dict[str, Callable[[Any, Bench, bool], list[str]]] = {
    "style": _style,
    "batch": _style,
    "morph": _morph,
    "clip": _clip,
    "generate": _generate,
    "reconstruct": _reconstruct,
    "walk": _walk,
    "paint": _paint,
    "compose": _compose,
    "play": _play,
    "sound": _sound,
    "train": _train,
    "adapt": _adapt,
}


def source_of(settings: Mapping[str, Any]) -> str | None:
    """The file that a job is mostly about."""
    for name in ("image", "video", "score", "continued", "variation"):
        if isinstance(settings.get(name), str):
            return str(settings[name])
    images = settings.get("images")
    return str(images[0]) if isinstance(images, list) and len(images) == 1 else None
