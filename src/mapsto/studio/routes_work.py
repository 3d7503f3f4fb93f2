"""Routes of what there is, previews, jobs and news."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.responses import Response, StreamingResponse

import mapsto
from mapsto.studio import answers, forgetting, kinds, shapes
from mapsto.studio.refusals import Refusal
from mapsto.studio.routes_files import InShop
from mapsto.studio.shapes import Id, Name, Nothing
from mapsto.studio.shop import Shop
from mapsto.studio.tongues import Language, spoken

router = APIRouter()


@router.get("/health", response_model=answers.Health)
async def health(shop: InShop) -> Any:
    """How the studio is."""
    previews = shop.previews
    return {"version": mapsto.__version__, "ready": previews.ready, "queue": shop.queue.state(), "device": previews.device}


@router.get("/styles", response_model=answers.Styles)
async def styles(shop: InShop) -> Any:
    """Styles with a name, and their places on the map."""
    return {"styles": await shop.styles(), "weights": shop.choices.weights}


@router.post("/styles/place", response_model=answers.Spot)
async def place(shop: InShop, request: Request, wish: shapes.Placing) -> Any:
    """Where a picture of one's own lies on the map of styles."""
    question = {"do": "place", "path": str(shop.picture(wish.image))}
    told, _ = await shop.previews.ask(f"place {wish.image}", 0, question, False, request.is_disconnected)
    return told


@router.delete("/styles/{name}", response_model=answers.Forgotten)
async def forget_style(shop: InShop, name: Name) -> Any:
    """Forget a style of one's own: it goes into the trash, and is deleted after 30 days."""
    return forgetting.forget(shop.store, "style", name)


@router.post("/styles/{name}/restore", response_model=answers.Forgotten)
async def recall_style(shop: InShop, name: Name, _: Nothing | None = None) -> Any:
    """Take a style of one's own out of the trash."""
    return forgetting.recall(shop.store, "style", name)


@router.delete("/models/{name}", response_model=answers.Forgotten)
async def forget_model(shop: InShop, name: Name) -> Any:
    """Forget a model of one's own: it goes into the trash, and is deleted after 30 days."""
    if name == shop.choices.weights:
        raise Refusal(409, "in-use", f"The studio paints with {name}.", "Start it with other weights first.", name=name)
    return forgetting.forget(shop.store, "model", name)


@router.post("/models/{name}/restore", response_model=answers.Forgotten)
async def recall_model(shop: InShop, name: Name, _: Nothing | None = None) -> Any:
    """Take a model of one's own out of the trash."""
    return forgetting.recall(shop.store, "model", name)


@router.get("/models", response_model=list[answers.ModelCard])
async def models(shop: InShop) -> Any:
    """Weights, and what their cards say."""
    return await shop.cards("models")


@router.get("/composers", response_model=list[answers.ComposerCard])
async def composers(shop: InShop) -> Any:
    """Who composes, in which styles."""
    return await shop.cards("composers")


@router.get("/instruments", response_model=list[answers.InstrumentCard])
async def instruments(shop: InShop) -> Any:
    """Instruments, and their places on the map of timbres."""
    return await shop.cards("instruments")


# ---- previews ----

WEBP: dict[int | str, dict[str, Any]] = {200: {"content": {"image/webp": {}}, "description": "A picture"}}
WAV: dict[int | str, dict[str, Any]] = {200: {"content": {"audio/wav": {}}, "description": "A sound"}}


async def _asked(shop: Shop, request: Request, wish: shapes.Preview, question: dict[str, Any], kind: str) -> Response:
    told, content = await shop.previews.ask(wish.view, wish.sequence, question, wish.background, request.is_disconnected)
    more = {"X-Seconds": str(told["seconds"])} if "seconds" in told else {}
    more |= {"X-Sketch": "1"} if told.get("sketch") else {}
    return Response(content, media_type=kind, headers={"X-Sequence": str(wish.sequence), **more})


@router.post("/preview", response_class=Response, responses=WEBP)
async def preview(shop: InShop, request: Request, wish: shapes.StylePreview) -> Response:
    """A small picture in a style. Of a view only the newest request is answered, others get 409."""
    from mapsto.studio.orders import mask_bytes

    question = {
        "do": "style",
        "path": str(shop.picture(wish.image, "image", "video")),
        "side": wish.side,
        "styles": await shop.parts(wish.styles),
        "strength": wish.strength,
        "keep": wish.keep_colours,
        "seed": wish.seed,
        "mask": None,
        "at": wish.at,
    }
    if wish.mask:
        mask_bytes(wish.mask)
        question["mask"] = wish.mask.removeprefix("data:image/png;base64,")
    return await _asked(shop, request, wish, question, "image/webp")


@router.post("/preview/morph", response_class=Response, responses=WEBP)
async def preview_morph(shop: InShop, request: Request, wish: shapes.MorphPreview) -> Response:
    """A moment of a morph; the header X-Seconds says how long it is in all, X-Sketch that it is a sketch."""
    keys = [(await shop.parts(key.styles) if key.styles else [], key.at, key.until) for key in wish.keys]
    question = {
        "do": "morph",
        "path": str(shop.picture(wish.image, "image", "video")),
        "side": wish.side,
        "keys": keys,
        "at": wish.at,
        "sketch": wish.sketch,
        "seconds": wish.seconds,
        "easing": wish.easing,
        "loop": wish.loop,
        "keep": wish.keep_colours,
        "seed": wish.seed,
    }
    return await _asked(shop, request, wish, question, "image/webp")


@router.post("/preview/latent", response_class=Response, responses=WEBP)
async def preview_latent(shop: InShop, request: Request, wish: shapes.LatentPreview) -> Response:
    """A picture that a model draws."""
    how = wish.model_dump(include={"truncation", "prior", "label", "steps", "guidance", "pag"})
    question = {
        "do": "latent",
        "model": wish.model,
        "seed": wish.seed,
        "sliders": wish.sliders,
        "mix": wish.mix.model_dump() if wish.mix else None,
        "how": how,
    }
    return await _asked(shop, request, wish, question, "image/webp")


@router.post("/preview/score")
async def preview_score(shop: InShop, request: Request, wish: shapes.ScorePreview) -> dict[str, Any]:
    """A few bars, as notes by tracks; times in quarter notes."""
    how = wish.model_dump(include={"key", "meter", "tempo_bpm", "density", "blend", "temperature", "guidance"})
    how |= {"voices": wish.voices or None, **({"form": wish.form} if wish.form else {})}
    path = ", ".join(stop.style + (f"@{stop.bar}" if stop.bar else "") for stop in wish.path) or None
    question = {
        "do": "score",
        "model": wish.model,
        "styles": wish.styles,
        "path": path,
        "bars": wish.bars,
        "seed": wish.seed,
        "how": how,
    }
    told, _ = await shop.previews.ask(wish.view, wish.sequence, question, wish.background, request.is_disconnected)
    return {**told, "sequence": wish.sequence}


@router.post("/preview/sound", response_class=Response, responses=WAV)
async def preview_sound(shop: InShop, request: Request, wish: shapes.SoundPreview) -> Response:
    """One note of a mixture of instruments."""
    question = {"do": "sound", **wish.model_dump(include={"timbre", "pitch", "velocity", "seed"}), "seconds": wish.seconds}
    return await _asked(shop, request, wish, question, "audio/wav")


# ---- jobs ----


@router.post("/jobs", status_code=202, response_model=answers.JobCard)
async def submit(shop: InShop, order: kinds.JobOrder) -> Any:
    """Put a job into the queue: 503 with Retry-After where it is full."""
    settings = order.settings
    styles = [getattr(settings, "styles", {}), *(key.styles for key in getattr(settings, "keys", ()))]
    if order.kind != "compose":
        await shop.check_styles(name for each in styles for name in each)
    return shop.queue.submit(order.kind, settings.model_dump(exclude_defaults=True))


@router.get("/jobs", response_model=list[answers.JobCard])
async def jobs(shop: InShop, language: Language) -> Any:
    """The last 200 jobs, the newest first."""
    return spoken(shop.queue.all(), language)


@router.get("/jobs/{job_id}", response_model=answers.JobCard)
async def job(shop: InShop, language: Language, job_id: Id) -> Any:
    """A job."""
    return spoken(shop.queue.told(job_id), language)


@router.post("/jobs/{job_id}/cancel", response_model=answers.JobCard)
async def cancel(shop: InShop, job_id: Id, _: Nothing | None = None) -> Any:
    """End a job; what is done of it is kept."""
    return await shop.queue.cancel(job_id)


@router.post("/jobs/{job_id}/pause", response_model=answers.JobCard)
async def pause(shop: InShop, job_id: Id, _: Nothing | None = None) -> Any:
    """Let a training rest."""
    return await shop.queue.pause(job_id)


@router.post("/jobs/{job_id}/resume", response_model=answers.JobCard)
async def resume(shop: InShop, job_id: Id, _: Nothing | None = None) -> Any:
    """Go on with a job that is paused or was interrupted."""
    return shop.queue.resume(job_id)


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(shop: InShop, last_event_id: Annotated[str | None, Header(max_length=20)] = None) -> Response:
    """News as they come: `job`, `file`, `ready`; `reset` where some were missed."""
    shop.hub.check()
    last = int(last_event_id) if last_event_id and last_event_id.isdecimal() else None
    return StreamingResponse(shop.hub.listen(last), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
