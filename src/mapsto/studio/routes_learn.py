"""Routes of folders to learn from, and of how a training goes."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, Response

from mapsto.studio import answers, forgetting
from mapsto.studio.refusals import Refusal
from mapsto.studio.routes_files import ALONE, FOR_EVER, UPLOAD, InShop
from mapsto.studio.shapes import Id, Label, NewDataset
from mapsto.studio.shop import Shop, named
from mapsto.studio.store import clean_name
from mapsto.studio.tongues import Language, spoken

router = APIRouter()

MOST_ENTRIES = 20_000
"""Files of a folder to learn from."""

MOST_ROWS = 500
MOST_LOG = 16 << 20
LEARNED = ("image", "midi")


@router.post("/datasets", status_code=201, response_model=answers.Began)
async def new_dataset(shop: InShop, wish: NewDataset) -> Any:
    """Begin a folder to learn from."""
    return {"id": shop.store.add_dataset(clean_name(wish.name, "pictures"))}


@router.post("/datasets/{dataset_id}/files", status_code=201, response_model=answers.DatasetCard, openapi_extra=UPLOAD)
async def add_to_dataset(
    shop: InShop,
    request: Request,
    language: Language,
    dataset_id: Id,
    name: Annotated[str, Query(max_length=500)] = "",
    label: Annotated[Label | None, Query()] = None,
) -> Any:
    """Add a picture or a MIDI file, or a zip of pictures; `label` is the class or the style it belongs to."""
    folder, title, entries = shop.store.dataset(dataset_id)
    if len(entries) >= MOST_ENTRIES:
        raise Refusal(409, "too-many", f"{MOST_ENTRIES:,} files are the limit.", "Train from a folder, by the command line.")
    at = shop.store.incoming()
    thumb = at.with_name(f"{at.name}.webp")
    try:
        await shop.take(request, at)
        with at.open("rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
        if is_zip:
            await _add_zip(shop, dataset_id, folder / f"{title}.zip", at, bool(entries))
        else:
            await _add_file(shop, dataset_id, folder, at, thumb, name, label)
    finally:
        for path in (at, thumb):
            path.unlink(missing_ok=True)
    return spoken(_told(shop, dataset_id), language)


async def _add_file(shop: Shop, dataset_id: str, folder: Path, at: Path, thumb: Path, name: str, label: str | None) -> None:
    _, title, _ = shop.store.dataset(dataset_id)
    if (folder / f"{title}.zip").exists():
        raise Refusal(409, "has-zip", "This folder is a zip already.", "Begin another.")
    inner = clean_name(label) if label else ""
    try:
        about = await shop.described(at, thumb)
        if about["kind"] not in LEARNED:
            raise Refusal(
                422,
                "wrong-kind",
                f"From {about['kind']} nothing is learned.",
                "Send pictures, or MIDI files.",
                kind=about["kind"],
            )
    except Refusal as refusal:
        shop.store.add_entry(dataset_id, f"{inner}/{clean_name(name)}".lstrip("/"), {}, refusal.said())
        raise
    target = folder / title / inner / named(name, about["suffix"])
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 2
    while target.exists():
        target = target.with_name(f"{Path(named(name, about['suffix'])).stem}-{number}.{about['suffix']}")
        number += 1
    at.replace(target)
    shop.store.add_entry(dataset_id, target.relative_to(folder / title).as_posix(), about)


async def _add_zip(shop: Shop, dataset_id: str, target: Path, at: Path, has_entries: bool) -> None:
    if has_entries:
        raise Refusal(409, "has-files", "A zip comes alone, and there are files already.", "Begin another folder.")
    zipped = at.with_name(f"{at.name}.zip")
    at.rename(zipped)
    try:
        told, _ = await shop.reader.ask({"do": "dataset", "path": str(zipped), "most": shop.choices.max_pixels}, patience=300)
        found = told["entries"]
        if len(found) > MOST_ENTRIES:
            raise Refusal(
                422, "too-many", f"{MOST_ENTRIES:,} files are the limit.", "Train from a folder, by the command line."
            )
        zipped.replace(target)
    finally:
        zipped.unlink(missing_ok=True)
    for entry in found:
        error = entry.pop("error")
        full = None if error is None else {"hint": "", "values": {}, **error}
        shop.store.add_entry(dataset_id, entry["name"], entry, full)


@router.get("/datasets", response_model=list[answers.DatasetCard])
async def datasets(shop: InShop, language: Language) -> Any:
    """All folders to learn from, the newest first."""
    return spoken([_told(shop, dataset_id) for dataset_id in shop.store.datasets()], language)


@router.get("/datasets/{dataset_id}", response_model=answers.DatasetCard)
async def dataset(shop: InShop, language: Language, dataset_id: Id) -> Any:
    """What is in a folder to learn from, and what cannot be used."""
    return spoken(_told(shop, dataset_id), language)


@router.delete("/datasets/{dataset_id}", response_model=answers.DatasetCard)
async def delete_dataset(shop: InShop, language: Language, dataset_id: Id) -> Any:
    """Delete a folder to learn from, for good; what was learned from it stays."""
    told = spoken(_told(shop, dataset_id), language)
    forgetting.check_unused(shop.store, dataset_id)
    shop.store.delete_dataset(dataset_id)
    return told


def _told(shop: Shop, dataset_id: str) -> dict[str, Any]:
    folder, title, entries = shop.store.dataset(dataset_id)
    good = [entry for entry in entries if entry["error"] is None]
    sides = sorted(min(entry["width"], entry["height"]) for entry in good if entry["width"])
    kinds: dict[str, int] = {}
    for entry in good:
        kinds[entry["kind"]] = kinds.get(entry["kind"], 0) + 1
    return {
        "id": dataset_id,
        "name": title,
        "count": len(good),
        "broken": [{"name": entry["name"], "error": json.loads(entry["error"])} for entry in entries if entry["error"]],
        "sizes": {"least": sides[0], "median": round(median(sides)), "most": sides[-1]} if sides else None,
        "kinds": kinds,
        "bytes": sum(entry["bytes"] or 0 for entry in good) or sum(each.stat().st_size for each in folder.glob("*.zip")),
    }


# ---- how a training goes ----


@router.get("/jobs/{job_id}/samples", response_model=list[answers.Sample])
async def samples(shop: InShop, language: Language, job_id: Id) -> Any:
    """What a training wrote down, oldest first: steps, losses, notes, and the grids of samples it drew."""
    return spoken([row for stage in _stages(shop, job_id) for row in _rows(stage)], language)


@router.get("/jobs/{job_id}/samples/{stage}/{step}", response_class=FileResponse)
async def sample(shop: InShop, job_id: Id, stage: str, step: int) -> Response:
    """A grid of samples, as PNG."""
    for folder in _stages(shop, job_id):
        found = folder / f"samples-{step:08d}.png"
        if folder.name == stage and found.is_file():
            return FileResponse(found, media_type="image/png", headers={**ALONE, **FOR_EVER})
    raise Refusal(404, "no-samples", "There are no such samples.")


def _stages(shop: Shop, job_id: str) -> list[Path]:
    """Folders of the stages of a training, in their order."""
    from mapsto.image import own_models

    job = shop.store.job(job_id)
    name = job["settings"].get("name")
    if job["kind"] not in ("train", "adapt") or not name:
        raise Refusal(409, "wrong-kind", "This job learns nothing.", kind=job["kind"])
    run = own_models.run_of(name)
    logs = [run, *(each for each in sorted(run.rglob("*")) if each.is_dir())] if run.is_dir() else []
    found = [(each / "log.jsonl").stat().st_mtime for each in logs if (each / "log.jsonl").is_file()]
    folders = [each for each in logs if (each / "log.jsonl").is_file()]
    return [folder for _, folder in sorted(zip(found, folders, strict=True))]


def _rows(folder: Path) -> list[dict[str, Any]]:
    """The log of a stage, thinned out where it is long; every row with samples or notes stays."""
    log, steps = folder / "log.jsonl", None
    with suppress(OSError, ValueError, AttributeError):
        steps = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("plan", {}).get("steps")
    if log.stat().st_size > MOST_LOG:
        return []
    rows = []
    for line in log.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            rows.append(json.loads(line))
    every = max(1, len(rows) // MOST_ROWS)
    kept = [
        row
        for number, row in enumerate(rows)
        if number % every == 0 or row.get("samples") or row.get("notes") or row is rows[-1]
    ]
    return [_row(folder.name, row, steps) for row in kept]


def _row(stage: str, row: dict[str, Any], steps: Any) -> dict[str, Any]:
    number = re.search(r"(\d{8})\.png$", str(row.get("samples") or ""))
    terms = row.get("terms") if isinstance(row.get("terms"), dict) else {}
    plain = {
        str(key): value for key, value in (terms or row).items() if isinstance(value, (int, float)) and math.isfinite(value)
    }
    return {
        "stage": stage,
        "step": int(row.get("step", 0)),
        "steps": steps if isinstance(steps, int) else None,
        "samples": str(int(number[1])) if number else None,
        "terms": {key: float(value) for key, value in plain.items() if key != "step"},
        "notes": [str(note) for note in row.get("notes") or ()],
        "findings": {str(name): str(words) for name, words in (row.get("findings") or {}).items()},
    }
