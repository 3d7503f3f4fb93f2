"""The application: its beginning and end, its page, and how errors are told. Imports neither torch nor numpy."""

from __future__ import annotations

import mimetypes
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import mapsto
from mapsto.studio import routes_files, routes_learn, routes_work
from mapsto.studio.answers import Problem
from mapsto.studio.guard import Guard, Rules, answer_of
from mapsto.studio.refusals import Refusal, refusal_of
from mapsto.studio.shop import Shop
from mapsto.studio.tongues import language_of

PAGE = Path(__file__).with_name("static")

ABOUT = """Mapsto Studio on one's own machine: what its page uses, and programs can.

Errors are `{"error": {"code", "message", "hint", "values", "language"}}`; sentences are in English or in Chinese, as
`Accept-Language` likes better, and `language` says which. What changes something is sent as `application/json`; files are sent
as they are, with their own type. With a token: `Authorization: Bearer TOKEN`."""


class Page(StaticFiles):
    """The page; a browser asks each time whether it has changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file of it."""
        answer = await super().get_response(path, scope)
        answer.headers.setdefault("Cache-Control", "no-cache")
        return answer


def studio(shop: Shop, rules: Rules) -> Guard:
    """The application behind its guard.

    Args:
        shop: Does the work.
        rules: Who may ask.
    """
    app = bare(shop)
    return Guard(app, rules)


def bare(shop: Shop | None) -> FastAPI:
    """The application without its guard; without a shop it can only be described."""

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        assert shop is not None
        await shop.begin()
        try:
            yield
        finally:
            await shop.end()

    app = FastAPI(
        title="Mapsto Studio",
        version=mapsto.__version__,
        description=ABOUT,
        lifespan=living,
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses={"default": {"model": Problem, "description": "Not done, and why"}},
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.shop = shop
    for routes in (routes_work.router, routes_files.router, routes_learn.router):
        app.include_router(routes, prefix="/api")
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _misspelled)
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(Exception, _broken)
    mimetypes.add_type("text/javascript", ".js")  # what a system says of these, differs
    mimetypes.add_type("image/webp", ".webp")
    mimetypes.add_type("image/avif", ".avif")
    mimetypes.add_type("image/svg+xml", ".svg")
    app.mount("/", Page(directory=PAGE, html=True, check_dir=False), name="page")
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _answer(request, error)


def _answer(request: Request, refusal: Refusal) -> Response:
    return answer_of(refusal, language_of(request.headers.get("accept-language", "")))


async def _misspelled(request: Request, error: Exception) -> Response:
    """The first thing that is wrong with a request."""
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = next(iter(error.errors()), {})
    place = ".".join(str(part) for part in first.get("loc", ())[1:])
    message = f"{place}: {first.get('msg', 'not understood')}" if place else str(first.get("msg", "not understood"))
    return _answer(request, Refusal(422, "bad-request", message[:500], "See /api/openapi.json.", field=place))


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "not-found", 405: "method-not-allowed", 400: "bad-request"}
    return _answer(request, Refusal(error.status_code, codes.get(error.status_code, "failed"), str(error.detail)))


async def _broken(request: Request, error: Exception) -> Response:
    print(f"{request.method} {request.url.path}: {type(error).__name__}", file=sys.stderr)  # noqa: T201
    return _answer(request, refusal_of(error))
