"""`mapsto studio`: Mapsto in a browser, on one's own machine."""

from __future__ import annotations

from typing import Annotated

from mapsto.cli import options
from mapsto.cli.options import option
from mapsto.cli.order import pixels_of
from mapsto.cli.voice import speaking
from mapsto.errors import UsageError

SHORTEST = 12
"""Letters of a token."""


def studio(
    port: Annotated[int, option("--port", help="Where to listen; 0 takes any that is free.")] = 8123,
    host: Annotated[str, option("--host", help="On which interface; any but this machine's own needs --token.")] = "127.0.0.1",
    token: Annotated[
        str | None, option("--token", help="What must be shown to be let in; new makes one up.", env="studio_token")
    ] = None,
    browser: Annotated[bool, option("--browser/--no-browser", help="Open the page.")] = True,
    allow_origin: Annotated[
        list[str] | None,
        option("--allow-origin", help="Let pages of this origin ask too; may be said again.", metavar="URL"),
    ] = None,
    max_pixels: Annotated[
        str, option("--max-pixels", help="Refuse larger uploads; 60M is 60 megapixels.", metavar="N")
    ] = "24M",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    weights: options.Weights = "style-s",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Open Mapsto in a browser. Nothing leaves this machine.

    mapsto studio

    mapsto studio --host 0.0.0.0 --token new
    """
    with speaking("studio", quiet=quiet, verbose=verbose) as voice:
        token = checked(host, port, token)
        origins = tuple(map(origin_of, allow_origin or ()))
        _need_extra()
        from mapsto import weights as known

        file = known.resolve(weights)
        network = str(file.absolute()) if weights not in known.catalogue() else weights
        from mapsto.studio import running
        from mapsto.studio.shop import Choices

        running.run(
            running.Place(host, port, token, origins, browser),
            Choices(network, device, precision, pixels_of(max_pixels)),
            voice,
        )


def checked(host: str, port: int, token: str | None) -> str | None:
    """The token, or one that is made up.

    Raises:
        UsageError: none where others could come in, or one that could be guessed.
    """
    import ipaddress
    import secrets

    if not 0 <= port <= 65535:
        raise UsageError(f"There is no port {port}.", "Ports go from 0 to 65535.")
    if token == "new":
        token = secrets.token_urlsafe(24)
    if token is not None and (len(token) < SHORTEST or not token.isascii() or any(letter.isspace() for letter in token)):
        raise UsageError(f"A token of {len(token)} letters is not safe.", f"Take {SHORTEST} or more, or --token new.")
    try:
        is_local = host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        is_local = False
    if not is_local and token is None:
        raise UsageError(f"On {host} others could come in.", "Say --token new too, and give the address to those who may.")
    return token


def origin_of(text: str) -> str:
    """An origin, as browsers spell it.

    Raises:
        UsageError: it is none.
    """
    import re

    if not re.fullmatch(r"https?://[\w.-]+(:\d{1,5})?", text.rstrip("/")):
        raise UsageError(f"{text!r} is no origin.", "Write it as http://localhost:5500.")
    return text.rstrip("/").lower()


def _need_extra() -> None:
    try:
        import fastapi
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "The studio needs FastAPI and uvicorn, which are not installed.", "pip install 'mapsto[studio]'"
        ) from error
    del fastapi
