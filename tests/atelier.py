"""A studio that runs on this machine, asked over real connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from darkroom import photo
from mapsto.studio.running import Place, Server, made
from mapsto.studio.shop import Choices

JSON = {"Content-Type": "application/json"}
ENDED = ("done", "failed", "cancelled", "paused", "interrupted")


class Studio:
    """A running studio, and the ways to ask it."""

    def __init__(self, server: Server, port: int, home: Path, token: str | None = None) -> None:
        self.server, self.port, self.home = server, port, home
        self.shop = server.shop
        self.address = f"http://127.0.0.1:{port}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.web = httpx.Client(base_url=self.address, headers=headers, timeout=120, trust_env=False)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.web.get(f"/api{path}", **more)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.web.post(f"/api{path}", json={} if body is None else body, **more)

    def upload(self, path: Path, kind: str = "image/jpeg", name: str | None = None) -> httpx.Response:
        return self.web.post(
            "/api/files", params={"name": name or path.name}, content=path.read_bytes(), headers={"Content-Type": kind}
        )

    def photo(self, folder: Path, seed: int = 0, size: tuple[int, int] = (48, 32), name: str = "photo.jpg") -> str:
        answer = self.upload(photo(folder / name, size, seed))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def job(self, kind: str, /, **settings: Any) -> dict[str, Any]:
        answer = self.post("/jobs", {"kind": kind, "settings": settings})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def wait(self, job_id: str, states: tuple[str, ...] = ENDED, seconds: float = 120) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.get(f"/jobs/{job_id}").json()
            if found["state"] in states:
                return dict(found)
            time.sleep(0.02)
        raise AssertionError(f"{job_id} is still {found}")

    def done(self, kind: str, /, **settings: Any) -> dict[str, Any]:
        return self.wait(self.job(kind, **settings)["id"])


@contextmanager
def opened(home: Path, token: str | None = None, origins: tuple[str, ...] = (), host: str = "127.0.0.1") -> Iterator[Studio]:
    """A studio over a home, ended in good order."""
    server, ear = made(Place(host, 0, token, origins, browser=False), Choices("tiny", "cpu", "fp32"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [ear]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    studio = Studio(server, ear.getsockname()[1], home, token)
    try:
        yield studio
    finally:
        studio.web.close()
        server.should_exit = True
        thread.join(20)
        ear.close()
        assert not thread.is_alive()
