"""What every request has to pass before anything is done with it, and what every answer says to browsers.

Other pages that a person has open can send requests to this machine too. They are told apart by the name they call us by (Host:
DNS rebinding), where they come from (Origin, Sec-Fetch-Site: cross-site forgery), and by a type of content that a form cannot
send. On other interfaces than this machine's own a token is needed as well.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mapsto.studio.refusals import Refusal
from mapsto.studio.tongues import language_of, spoken

COOKIE: Final = "mapsto-studio"
LOCAL: Final = ("localhost", "127.0.0.1", "::1")
CALM: Final = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""

MOST_JSON = 1 << 20
"""Bytes of a request in JSON."""

MOST_MASK = 5 << 20
"""Bytes of one that may hold a mask."""

MOST_PICTURE, MOST_FILE = 256 << 20, 4 << 30
"""Bytes of an upload: a picture, a sound or a score; a film or a zip."""

MOST_HEADERS = 32 << 10
SILENCE = 30.0
"""Seconds without a byte after which an upload is given up."""

TRIES, IN_SECONDS = 20, 60.0
"""So many wrong tokens in so many seconds, then everybody waits."""

UPLOADS = re.compile(r"/api/files|/api/datasets/[0-9a-f]{32}/files")
UPLOAD_TYPES = re.compile(r"(image|video|audio)/[\w.+-]+|application/(zip|x-zip-compressed|octet-stream|ogg)")
LARGE_TYPES = re.compile(r"video/.*|application/(zip|x-zip-compressed|octet-stream)")
MASKED = re.compile(r"/api/(preview|jobs)")

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), payment=()",
}


@dataclass(frozen=True)
class Rules:
    """Who may ask.

    Args:
        host: The interface that is listened on.
        port: There.
        token: To be shown with every request; None on this machine alone.
        origins: Pages of other origins that may ask all the same, as "http://localhost:5500".
    """

    host: str = "127.0.0.1"
    port: int = 8123
    token: str | None = None
    origins: tuple[str, ...] = ()

    def names_us(self, host: str) -> bool:
        """Whether a Host header is one of our names. A name that somebody else has made point here is not."""
        name, port = _name_and_port(host)
        if port != self.port and not (port is None and self.port in (80, 443)):
            return False
        if name in LOCAL or name == self.host.lower():
            return True
        return self.token is not None and not is_local(self.host) and _is_address(name)

    def is_ours(self, origin: str, host: str) -> bool:
        """Whether a page of that origin may ask."""
        return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}") or origin in self.origins

    def cookie(self) -> str:
        """What a browser keeps instead of the token."""
        return hmac.new((self.token or "").encode(), b"mapsto studio", hashlib.sha256).hexdigest()


def is_local(host: str) -> bool:
    """Whether an interface is this machine's own."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name_and_port(host: str) -> tuple[str, int | None]:
    """A Host header in two: [::1]:80 → ("::1", 80)."""
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?", host)
    if match is None:
        return "", -1
    return match[1].strip("[]").lower(), int(match[2]) if match[2] else None


class Guard:
    """Stands before the application.

    Args:
        app: What is guarded.
        rules: Who may ask.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules = app, rules
        self.wrong: deque[float] = deque(maxlen=TRIES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it pass, or answer why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        headers, sending = Headers(scope=scope), self._dressed(scope, send)
        try:
            answer = self._checked(scope, headers)
            if answer is None:
                limit = limit_of(scope["path"], headers)
                declared = headers.get("content-length", "0")
                if not declared.isdecimal() or int(declared) > limit:
                    raise too_large(limit)
                body = _Body(receive, limit)
                await self.app(scope, body.receive, body.instead(scope, sending))
                return
        except Refusal as refusal:
            answer = answer_of(refusal, language_of(headers.get("accept-language", "")))
        await answer(scope, receive, sending)

    def _checked(self, scope: Scope, headers: Headers) -> Response | None:
        """None where it may pass.

        Raises:
            Refusal: it may not.
        """
        rules, method, path = self.rules, scope["method"], scope["path"]
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADERS:
            raise Refusal(431, "too-large", "The headers are too long.")
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not rules.names_us(hosts[0]):
            raise Refusal(421, "wrong-host", "This is not the name of this studio.", f"Open http://{LOCAL[1]}:{rules.port}/.")
        origin = headers.get("origin")
        if origin is not None and not rules.is_ours(origin, hosts[0]):
            raise Refusal(403, "wrong-origin", "Pages of other sites may not ask here.", "See --allow-origin.")
        if origin is None and headers.get("sec-fetch-site") in ("cross-site", "same-site") and path != "/":
            raise Refusal(403, "wrong-origin", "Pages of other sites may not ask here.", "See --allow-origin.")
        if method == "OPTIONS" and origin in rules.origins:
            return Response(status_code=204)
        if rules.token is not None and (answer := self._known(scope, headers)) is not None:
            return answer
        if method not in (*CALM, "POST", "PATCH", "DELETE"):
            raise Refusal(405, "method-not-allowed", "This method is not used here.")
        if method not in CALM:
            _check_type(path, headers)
        return None

    def _known(self, scope: Scope, headers: Headers) -> Response | None:
        """None for who shows the token; who brings it in the address of the page gets a cookie and comes again."""
        rules, now = self.rules, time.monotonic()
        assert rules.token is not None
        if len(self.wrong) == TRIES and now - self.wrong[0] < IN_SECONDS:
            raise Refusal(429, "too-many-tries", "Too many wrong tokens.", "Wait a minute.", retry_after=60)
        shown = headers.get("authorization", "")
        if shown.startswith("Bearer ") and _same(shown.removeprefix("Bearer "), rules.token):
            return None
        if _same(_cookie(headers), rules.cookie()):
            return None
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and given and _same(given, rules.token):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, rules.cookie(), httponly=True, samesite="strict", path="/", max_age=30 * 86400)
            return answer
        if shown or given:
            self.wrong.append(now)
        raise Refusal(
            401, "no-token", "This studio is open to those who have its token.", "Open the address it printed when it began."
        )

    def _dressed(self, scope: Scope, send: Send) -> Send:
        """An answer with what it should say to browsers."""
        origin = Headers(scope=scope).get("origin")
        more = dict(HEADERS)
        if origin in self.rules.origins and origin is not None:
            more |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
                "Access-Control-Allow-Headers": "Content-Type, Authorization, Last-Event-ID",
                "Access-Control-Expose-Headers": "X-Sequence, Retry-After, Content-Disposition",
                "Cross-Origin-Resource-Policy": "cross-origin",
                "Vary": "Origin",
            }
        return _with_headers(send, more, {"/api/": "no-store"} if scope["path"].startswith("/api/") else {})


def _with_headers(send: Send, more: Mapping[str, str], unless_said: Mapping[str, str]) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(key, value) for key, value in message.get("headers", []) if key.lower() != b"server"]
            said = {key.lower() for key, _ in kept}
            kept += [(key.lower().encode(), value.encode()) for key, value in more.items() if key.lower().encode() not in said]
            if unless_said and b"cache-control" not in said:
                kept.append((b"cache-control", b"no-store"))
            message = {**message, "headers": kept}
        await send(message)

    return dressed


def _check_type(path: str, headers: Headers) -> None:
    """Refuse what a form of another page could send."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if UPLOADS.fullmatch(path):
        if kind == "image/svg+xml" or not UPLOAD_TYPES.fullmatch(kind):
            raise Refusal(
                415, "wrong-type", f"Files of the type {kind or 'nothing'} are not taken.", "Send image/*, video/* or audio/*."
            )
    elif kind != "application/json":
        raise Refusal(415, "wrong-type", "Only application/json is understood here.", "Set the header Content-Type.")


def limit_of(path: str, headers: Headers) -> int:
    """Bytes that a request may have."""
    if UPLOADS.fullmatch(path):
        return (
            MOST_FILE
            if LARGE_TYPES.fullmatch(headers.get("content-type", "").partition(";")[0].strip().lower())
            else MOST_PICTURE
        )
    return MOST_MASK if MASKED.match(path) else MOST_JSON


def too_large(limit: int) -> Refusal:
    """Why it is not read any further."""
    return Refusal(413, "too-large", f"That is more than {limit / (1 << 20):.0f} MB.", "Send something smaller.", limit=limit)


class _Body:
    """The body, as long as it keeps to its limit and goes on coming; else that is the answer, whatever is made of it inside.

    Args:
        coming: Where it comes from.
        limit: In bytes.
    """

    def __init__(self, coming: Receive, limit: int) -> None:
        self.coming, self.limit = coming, limit
        self.seen, self.ended, self.answered = 0, False, False
        self.refusal: Refusal | None = None

    async def receive(self) -> Message:
        """The next part of it.

        Raises:
            Refusal: too much, or nothing for too long.
        """
        if self.ended:  # then only the end of the connection is waited for
            return await self.coming()
        try:
            message = await asyncio.wait_for(self.coming(), SILENCE)
        except (asyncio.TimeoutError, TimeoutError):
            self.refusal = Refusal(408, "too-slow", f"Nothing came for {SILENCE:g} s.", "Send it again.")
            raise self.refusal from None
        self.seen += len(message.get("body", b""))
        self.ended = not message.get("more_body", False)
        if self.seen > self.limit:
            self.refusal = too_large(self.limit)
            raise self.refusal
        return message

    def instead(self, scope: Scope, send: Send) -> Send:
        """Sends the refusal, if there is one, instead of what else would be answered."""

        async def sending(message: Message) -> None:
            if self.refusal is None:
                await send(message)
            elif not self.answered:
                self.answered = True
                language = language_of(Headers(scope=scope).get("accept-language", ""))
                await answer_of(self.refusal, language)(scope, self.coming, send)

        return sending


def answer_of(refusal: Refusal, language: str = "en") -> JSONResponse:
    """A refusal as an answer, in a language."""
    more: dict[str, Any] = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    if refusal.status in (408, 413):  # the rest of the body is not read
        more["Connection"] = "close"
    return JSONResponse({"error": spoken(refusal.said(), language)}, refusal.status, headers={**refusal.headers(), **more})


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _cookie(headers: Headers) -> str:
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""
