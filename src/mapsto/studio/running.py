"""From a command to a running server: the socket, the address, the browser, and an end in good order."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import webbrowser
from contextlib import suppress
from dataclasses import dataclass

import uvicorn

from mapsto.cli.voice import Voice
from mapsto.errors import UsageError
from mapsto.studio.guard import Rules, is_local
from mapsto.studio.server import studio
from mapsto.studio.shop import Choices, Shop

CONNECTIONS = 512
"""At once; more are answered 503."""


@dataclass(frozen=True)
class Place:
    """Where the studio is found.

    Args:
        host: Interface.
        port: There; 0 for any.
        token: To be shown; None for nobody.
        origins: Of other pages that may ask.
        browser: Open the page.
    """

    host: str
    port: int
    token: str | None
    origins: tuple[str, ...]
    browser: bool


class Server(uvicorn.Server):
    """A server whose streams of news end when it should.

    Args:
        config: Of uvicorn.
        shop: Behind it.
    """

    def __init__(self, config: uvicorn.Config, shop: Shop) -> None:
        super().__init__(config)
        self.shop = shop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the pages go, which would listen for ever; then end."""
        self.shop.hub.close()
        await super().shutdown(sockets)


def made(place: Place, choices: Choices) -> tuple[Server, socket.socket]:
    """A server, and the socket it will listen at.

    Raises:
        UsageError: the port is taken, or another studio works in the same folder.
    """
    ear = _ear(place.host, place.port)
    port = ear.getsockname()[1]
    shop = Shop(choices)
    try:
        shop.store.alone()
    except OSError as error:
        ear.close()
        shop.store.close()
        raise UsageError(
            "A studio is running already for this user.", "Use that one, or set MAPSTO_HOME to another folder."
        ) from error
    rules = Rules(place.host, port, place.token, place.origins)
    config = uvicorn.Config(
        studio(shop, rules),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=5,
        proxy_headers=False,
        h11_max_incomplete_event_size=64 << 10,
        http="h11",
    )
    return Server(config, shop), ear


def run(place: Place, choices: Choices, voice: Voice) -> None:
    """Serve until Ctrl-C.

    Raises:
        UsageError: as `made`.
    """
    server, ear = made(place, choices)
    port = ear.getsockname()[1]
    shown = "127.0.0.1" if place.host in ("0.0.0.0", "::", "localhost") else place.host
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/" + (f"?token={place.token}" if place.token else "")
    voice.result(f"Mapsto Studio: {address}")
    if not is_local(place.host):
        voice.note("Others on this network who know the address can use it. What they send is not encrypted.")
    voice.note("Ctrl-C ends it; jobs that wait go on when it is started again.")
    if place.browser:
        threading.Timer(0.3, webbrowser.open, [address]).start()
    if sys.platform == "win32":
        asyncio.set_event_loop_policy(asyncio.WindowsProactorEventLoopPolicy())
    try:
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
            server.run(sockets=[ear])
    finally:
        ear.close()


def _ear(host: str, port: int) -> socket.socket:
    """A socket that is bound, so that the port is known and ours before anything is said."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ear = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        ear.bind((host.strip("[]"), port))
        ear.listen(256)  # who comes before all is ready waits, and is not turned away
    except OSError as error:
        ear.close()
        reason = error.strerror or "it is taken"
        raise UsageError(f"Port {port} of {host} cannot be used: {reason}.", "Say --port 0 for any that is free.") from error
    return ear
