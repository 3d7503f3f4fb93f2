"""Routes of files and of the library."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from mapsto.studio import answers, forgetting
from mapsto.studio.shapes import Export, FilePatch, Id, Nothing
from mapsto.studio.shop import Shop

router = APIRouter()

TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "avi": "video/x-msvideo",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mid": "audio/midi",
    "midi": "audio/midi",
}

ALONE = {"Content-Security-Policy": "default-src 'none'; sandbox"}
"""Of a file that is opened by itself: nothing in it may do anything."""

FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""An id stands for one content."""

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of the file; `Content-Type` says what it is.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/*", "video/*", "audio/*")},
    }
}


def shop_of(request: Request) -> Shop:
    """The shop behind the application."""
    found: Shop = request.app.state.shop
    return found


InShop = Annotated[Shop, Depends(shop_of)]


@router.post("/files", status_code=201, response_model=answers.FileCard, openapi_extra=UPLOAD)
async def upload(shop: InShop, request: Request, name: Annotated[str, Query(max_length=500)] = "") -> Any:
    """Upload a picture, a clip, a sound or a MIDI file."""
    return await shop.upload(request, name)


@router.get("/files/{file_id}", response_class=FileResponse)
async def download(shop: InShop, file_id: Id, download: bool = False) -> Response:
    """The bytes of a file."""
    path = shop.store.path(file_id)
    kind = TYPES.get(path.suffix[1:].lower(), "application/octet-stream")
    disposition = "attachment" if download or kind == "application/octet-stream" else "inline"
    return FileResponse(
        path, media_type=kind, filename=path.name, content_disposition_type=disposition, headers={**ALONE, **FOR_EVER}
    )


@router.get("/files/{file_id}/thumbnail", response_class=FileResponse)
async def thumbnail(shop: InShop, file_id: Id, side: Annotated[int, Query(ge=16, le=512)] = 256) -> Response:
    """A small WebP; the longer side is 64, 128, 256 or 512, whichever is next."""
    return FileResponse(await shop.thumbnail(file_id, side), media_type="image/webp", headers={**ALONE, **FOR_EVER})


@router.get("/files/{file_id}/about", response_model=answers.FileCard)
async def about(shop: InShop, file_id: Id) -> Any:
    """What is known of a file."""
    return shop.store.file(file_id)


@router.get("/files/{file_id}/settings")
async def settings(shop: InShop, file_id: Id) -> dict[str, Any] | None:
    """The settings inside a file; null where there are none."""
    found: dict[str, Any] | None = shop.store.file(file_id)["settings"]
    return found


@router.get("/files/{file_id}/notes")
async def notes(shop: InShop, file_id: Id) -> dict[str, Any]:
    """The notes of a MIDI file, by tracks; times in quarter notes."""
    told, _ = await shop.look({"do": "notes", "path": str(shop.picture(file_id, "midi"))})
    return told


@router.delete("/files/{file_id}", response_model=answers.FileCard)
async def to_trash(shop: InShop, file_id: Id) -> Any:
    """Put a file into the trash; it is deleted after 30 days."""
    return shop.changed(shop.store.change_file(file_id, trashed=time.time()))


@router.post("/files/{file_id}/restore", response_model=answers.FileCard)
async def restore(shop: InShop, file_id: Id, _: Nothing | None = None) -> Any:
    """Take a file out of the trash."""
    return shop.changed(shop.store.change_file(file_id, trashed=None))


@router.patch("/files/{file_id}", response_model=answers.FileCard)
async def star(shop: InShop, file_id: Id, patch: FilePatch) -> Any:
    """Star a file, or take its star."""
    return shop.changed(shop.store.change_file(file_id, favourite=int(patch.favourite)))


@router.get("/trash", response_model=list[answers.Forgotten])
async def trash(shop: InShop) -> Any:
    """Models and styles of one's own that are forgotten; files in the trash are in `/api/library?trash=true`."""
    return forgetting.forgotten(shop.store)


@router.post("/trash/empty")
async def empty_trash(shop: InShop, _: Nothing | None = None) -> dict[str, list[str]]:
    """Delete what is in the trash for good."""
    gone = shop.store.empty_trash()
    forgetting.clear(shop.store, 0)
    for file_id in gone:
        shop.hub.tell("file", {"id": file_id, "change": "deleted", "file": None})
    return {"deleted": gone}


@router.get("/library", response_model=answers.LibraryPage)
async def library(
    shop: InShop,
    query: Annotated[str, Query(max_length=200)] = "",
    kind: Literal["", "image", "video", "audio", "midi"] = "",
    favourite: bool = False,
    trash: bool = False,
    before: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
) -> Any:
    """Files, the newest first, 60 at a time; `query` is words in names and settings, or the SHA-256 of a file."""
    items, following = shop.store.library(query, kind, favourite, trash, before)
    return {"items": items, "next": following}


@router.post("/export", response_class=StreamingResponse, responses={200: {"content": {"application/zip": {}}}})
async def export(shop: InShop, wish: Export) -> Response:
    """Some files in one zip, sent while it is packed."""
    files = [(shop.store.path(file_id), shop.store.file(file_id)["name"]) for file_id in dict.fromkeys(wish.ids)]
    head = {"Content-Disposition": f'attachment; filename="mapsto-{time.strftime("%Y%m%d-%H%M%S")}.zip"'}
    return StreamingResponse(packed(files), media_type="application/zip", headers=head)


class _Pipe:
    """A file that is only written to, and handed on bit by bit."""

    def __init__(self) -> None:
        self.held, self.at = bytearray(), 0

    def write(self, content: bytes) -> int:
        self.held += content
        self.at += len(content)
        return len(content)

    def tell(self) -> int:
        return self.at

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        content, self.held = bytes(self.held), bytearray()
        return content


def packed(files: list[tuple[Path, str]]) -> Iterator[bytes]:
    """A zip of files under names that differ; nothing is packed smaller, since pictures are already."""
    pipe, taken = _Pipe(), set[str]()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:  # type: ignore[call-overload]
        for path, name in files:
            named, number = name, 2
            while named.lower() in taken:
                named = f"{Path(name).stem}-{number}{Path(name).suffix}"
                number += 1
            taken.add(named.lower())
            with (
                path.open("rb") as source,
                archive.open(zipfile.ZipInfo(named, time.localtime()[:6]), "w", force_zip64=True) as target,
            ):
                while chunk := source.read(1 << 18):
                    target.write(chunk)
                    yield pipe.taken()
    yield pipe.taken()
