"""Every kind of attack that servers of this kind have known, and a walk over all routes."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import corpus
from atelier import JSON, Studio, opened
from darkroom import photo
from mapsto.cli.app import run
from mapsto.studio import guard, routes_files, routes_learn, routes_work
from mapsto.studio.guard import Rules
from mapsto.studio.server import bare

SOME_ID = "0123456789abcdef" * 2
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def routes() -> list[tuple[str, str]]:
    """Every method and path that there is."""
    paths = bare(None).openapi()["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    places = {"{stage}": "vae", "{step}": "1", "{name}": "nobody"}
    filled = [(method, re.sub(r"\{\w+\}", lambda place: places.get(place[0], SOME_ID), path)) for method, path in found]
    return [*filled, ("GET", "/"), ("GET", "/api/openapi.json"), ("GET", "/app.js"), ("GET", "/api/nothing")]


def test_the_walk_knows_all_routes() -> None:
    """What is described is all that there is, beside the page: nothing hides from the walk."""
    routers = (routes_files.router, routes_learn.router, routes_work.router)
    there = {f"/api{route.path}" for router in routers for route in router.routes}  # type: ignore[attr-defined]
    assert there == set(bare(None).openapi()["paths"])
    assert len(there) > 30


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_is_guarded(studio: Studio, method: str, path: str) -> None:
    """By its name (DNS rebinding), by who asks (forgery), and by what a form can send."""

    def status(**headers: str) -> int:
        kind = {} if method == "GET" else {"Content-Type": "application/json"}
        with studio.web.stream(method, path, headers={**kind, **headers}) as answer:
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src" in answer.headers["content-security-policy"]
            return answer.status_code

    assert status(Host="evil.example") == 421
    assert status(Host=f"evil.example:{studio.port}") == 421
    assert status(Host="127.0.0.1:1") == 421
    assert status(Origin="https://evil.example") == 403
    assert status(Origin="null") == 403
    assert status(Origin=f"http://127.0.0.1:{studio.port + 1}") == 403
    if path != "/":  # a link on another page may lead here
        assert status(**{"Sec-Fetch-Site": "cross-site"}) == 403
    if method != "GET":
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
            assert status(**{"Content-Type": kind}) == 415


@pytest.fixture(scope="module")
def locked(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAPSTO_HOME", str(tmp_path_factory.mktemp("locked")))
        patch.setattr("mapsto.studio.previews.Previews._warm", _never)
        running = opened(small, token="correct-horse-battery", origins=("http://localhost:5500",))
        studio = running.__enter__()
    yield studio
    running.__exit__(None, None, None)


async def _never(self: object) -> None:
    import asyncio

    await asyncio.sleep(3600)


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_asks_for_the_token(locked: Studio, method: str, path: str) -> None:
    headers = {} if method == "GET" else JSON
    locked.server.config.app.wrong.clear()  # type: ignore[union-attr]
    with httpx.Client(base_url=locked.address, trust_env=False) as stranger:
        for shown in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Cookie": "mapsto-studio=wrong"},
            {"Authorization": "Basic eA=="},
        ):
            answer = stranger.request(method, path, headers={**headers, **shown})
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no-token")


def test_the_address_with_the_token_gives_a_cookie_that_scripts_cannot_read(locked: Studio) -> None:
    locked.server.config.app.wrong.clear()  # type: ignore[union-attr]
    with httpx.Client(base_url=locked.address, trust_env=False) as person:
        answer = person.get("/", params={"token": "correct-horse-battery"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "correct-horse" not in cookie
        assert person.get("/api/health").status_code == 200
    assert locked.get("/health").status_code == 200


def test_guessing_is_slowed_down(locked: Studio) -> None:
    with httpx.Client(base_url=locked.address, trust_env=False) as stranger:
        seen = [stranger.get("/api/health", headers={"Authorization": f"Bearer {n}"}).status_code for n in range(40)]
    assert seen[:5] == [401] * 5
    assert seen[-1] == 429
    locked.server.config.app.wrong.clear()  # type: ignore[union-attr]


def test_only_a_named_origin_may_read_from_elsewhere(locked: Studio) -> None:
    asked = {"Origin": "http://localhost:5500", "Access-Control-Request-Method": "POST"}
    with httpx.Client(base_url=locked.address, trust_env=False) as page:
        allowed = page.options("/api/jobs", headers=asked)
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, "http://localhost:5500")
        assert "access-control-allow-credentials" not in allowed.headers
        assert page.options("/api/jobs", headers={**asked, "Origin": "http://localhost:5501"}).status_code == 403


@pytest.mark.parametrize(
    ("host", "port", "rules", "ours"),
    [
        ("127.0.0.1:8123", 8123, Rules(), True),
        ("localhost:8123", 8123, Rules(), True),
        ("[::1]:8123", 8123, Rules(), True),
        ("LOCALHOST:8123", 8123, Rules(), True),
        ("127.0.0.1", 8123, Rules(), False),
        ("localhost.evil.example:8123", 8123, Rules(), False),
        ("127.0.0.1.nip.io:8123", 8123, Rules(), False),
        ("192.168.1.5:8123", 8123, Rules(), False),
        ("192.168.1.5:8123", 8123, Rules("0.0.0.0", token="t" * 16), True),
        ("evil.example:8123", 8123, Rules("0.0.0.0", token="t" * 16), False),
        ("studio.local:8123", 8123, Rules("studio.local", token="t" * 16), True),
        ("user@127.0.0.1:8123", 8123, Rules(), False),
        ("127.0.0.1:8123:8123", 8123, Rules(), False),
        ("", 8123, Rules(), False),
    ],
)
def test_names_that_are_ours(host: str, port: int, rules: Rules, ours: bool) -> None:
    assert rules.port == port
    assert rules.names_us(host) is ours


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "studio.local"])
def test_other_interfaces_need_a_token(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["studio", "--host", host, "--no-browser"]) == 2
    assert "--token" in capsys.readouterr().err
    assert run(["studio", "--host", host, "--no-browser", "--token", "short"]) == 2


# ---- one attack of each kind that is known ----


def raw(studio: Studio, content: bytes, seconds: float = 10) -> bytes:
    """What is answered to bytes."""
    with socket.create_connection(("127.0.0.1", studio.port), timeout=seconds) as ear:
        ear.sendall(content)
        found = b""
        try:
            while chunk := ear.recv(65536):
                found += chunk
        except (TimeoutError, ConnectionError):
            pass
        return found


def request(studio: Studio, line: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [line, f"Host: 127.0.0.1:{studio.port}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


TRAVERSALS = [
    "/../pyproject.toml",
    "/..%2f..%2fpyproject.toml",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/static/../../server.py",
    "//etc/passwd",
    "/..\\..\\server.py",
    "/api/files/..%2f..%2fstudio.sqlite",
    f"/api/files/{SOME_ID}%2f..%2f..%2fstudio.sqlite",
    "/api/files/%2e%2e",
    f"/api/jobs/{SOME_ID}/samples/..%2f..%2f/1",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_traversal_leads_nowhere(studio: Studio, path: str) -> None:
    answer = raw(studio, request(studio, f"GET {path} HTTP/1.1"))
    assert re.match(rb"HTTP/1.1 (4\d\d)", answer), answer[:200]
    assert b"root:" not in answer
    assert b"SQLite" not in answer


HARMFUL_NAMES = ["../x", "/etc/passwd", "a/b", "..", "http://evil.example/x.png", "file:///etc/passwd", "ink;rm", "-o", "C:\\x"]


@pytest.mark.parametrize("name", HARMFUL_NAMES)
def test_no_name_is_a_path_an_address_or_an_option(studio: Studio, tmp_path: Path, name: str) -> None:
    image = studio.photo(tmp_path)
    asked = [
        ("/jobs", {"kind": "style", "settings": {"image": image, "styles": {name: 1}}}),
        ("/jobs", {"kind": "generate", "settings": {"model": name}}),
        ("/jobs", {"kind": "style", "settings": {"image": name, "styles": {"ink": 1}}}),
        ("/jobs", {"kind": "adapt", "settings": {"model": name, "image": image, "name": "x"}}),
        ("/jobs", {"kind": "train", "settings": {"dataset": SOME_ID, "name": name}}),
        ("/preview", {"view": "v", "sequence": 1, "image": image, "styles": {name: 1}}),
        ("/preview/latent", {"view": "v", "sequence": 1, "model": name}),
    ]
    for path, body in asked:
        answer = studio.post(path, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad-request"), (path, answer.text)


def test_a_word_that_is_a_file_somewhere_is_no_style(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = studio.photo(tmp_path)
    (tmp_path / "secret").write_bytes((tmp_path / "photo.jpg").read_bytes())
    monkeypatch.chdir(tmp_path)
    for path, body in (
        ("/jobs", {"kind": "style", "settings": {"image": image, "styles": {"secret": 1}}}),
        ("/preview", {"view": "v", "sequence": 2, "image": image, "styles": {"secret": 1}}),
    ):
        assert studio.post(path, body).json()["error"]["code"] == "unknown-style"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("drawing.svg", SVG, "image/svg+xml"),
        ("drawing.png", SVG, "image/png"),
        ("page.html", b"<!DOCTYPE html><script>alert(1)</script>", "image/png"),
        ("weights.safetensors", b"\x08\0\0\0\0\0\0\0{}      ", "application/octet-stream"),
        ("model.pth", b"PK\x03\x04" + bytes(60), "application/octet-stream"),
        ("model.pkl", b"\x80\x04cos\nsystem\n(S'id'\ntR.", "application/octet-stream"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://evil.example/x.ts\n", "video/mp4"),
        ("list.txt", b"ffconcat version 1.0\nfile /etc/passwd\n", "video/mp4"),
        ("script.py", b"import os\nos.system('id')\n", "application/octet-stream"),
    ],
)
def test_nothing_that_can_act_is_taken(studio: Studio, tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    answer = studio.upload(tmp_path / name, kind)
    assert answer.status_code in (415, 422), answer.text
    assert not any(item["name"] == name for item in studio.get("/library").json()["items"])


@pytest.mark.parametrize("make", [corpus.bomb_png, corpus.bomb_webp, corpus.bomb_gif, corpus.bomb_tiff, corpus.bomb_text])
def test_bombs_are_seen_before_they_go_off(studio: Studio, tmp_path: Path, make: Any) -> None:
    (tmp_path / "bomb.png").write_bytes(make())
    answer = studio.upload(tmp_path / "bomb.png", "image/png")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unreadable-input")


def test_what_is_read_in_a_process_stays_within_its_memory(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that wants more than there is for it ends, and the next upload is read by another."""
    import subprocess
    import sys

    program = "from mapsto.studio import reader; reader.limit_memory(); bytearray(4 << 30)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "MemoryError" in done.stderr


def test_a_body_longer_than_it_may_be_is_not_read(studio: Studio) -> None:
    said = request(studio, "POST /api/jobs HTTP/1.1", "Content-Type: application/json", "Content-Length: 99999999999")
    assert raw(studio, said).startswith(b"HTTP/1.1 413")
    head = request(studio, "POST /api/datasets HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert raw(studio, head + chunk * 40 + b"0\r\n\r\n").startswith(b"HTTP/1.1 413")


def test_two_lengths_are_one_too_many(studio: Studio) -> None:
    """Request smuggling."""
    said = request(studio, "POST /api/datasets HTTP/1.1", *JSON_LINES, "Content-Length: 2", "Content-Length: 44", body=b"{}")
    assert raw(studio, said).startswith(b"HTTP/1.1 400")


JSON_LINES = ("Content-Type: application/json",)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"{",
        b"\xff\xfe",
        b"null",
        b'{"name": NaN}',
        b"1e999",
        b'{"name": "a", "__proto__": {}}',
    ],
)
def test_broken_json_is_refused(studio: Studio, body: bytes) -> None:
    answer = studio.web.post("/api/datasets", content=body, headers=JSON)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"]["code"] in ("bad-request",)


def test_headers_are_bounded(studio: Studio) -> None:
    answer = studio.get("/health", headers={"X-Long": "x" * 40_000})
    assert answer.status_code == 431


def test_there_are_no_websockets(studio: Studio) -> None:
    said = request(
        studio,
        "GET /api/events HTTP/1.1",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ).replace(b"Connection: close", b"Connection: Upgrade")
    with socket.create_connection(("127.0.0.1", studio.port), timeout=5) as ear:
        ear.sendall(said)
        assert b" 101 " not in ear.recv(4096)


def test_streams_of_news_are_bounded(studio: Studio) -> None:
    from mapsto.studio.hub import STREAMS

    with httpx.Client(base_url=studio.address, trust_env=False, limits=httpx.Limits(max_connections=200)) as pages:
        open_streams = [pages.stream("GET", "/api/events") for _ in range(STREAMS)]
        answers = [each.__enter__() for each in open_streams]
        try:
            assert all(answer.status_code == 200 for answer in answers)
            refused = pages.get("/api/events")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
        finally:
            for each in open_streams:
                each.__exit__(None, None, None)


def test_a_file_that_is_opened_by_itself_may_do_nothing(studio: Studio, tmp_path: Path) -> None:
    answer = studio.get(f"/files/{studio.photo(tmp_path)}")
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_thousand_ranges_are_no_work(studio: Studio, tmp_path: Path) -> None:
    ranges = "bytes=" + ",".join(["0-1"] * 4000)
    answer = studio.get(f"/files/{studio.photo(tmp_path)}", headers={"Range": ranges}, timeout=20)
    assert answer.status_code in (200, 206, 400, 416)
    assert len(answer.content) < 1_000_000


def test_a_stream_too_many_at_the_same_moment_ends_at_once() -> None:
    import asyncio

    from mapsto.studio.hub import STREAMS, Hub

    async def crowd() -> list[int]:
        hub = Hub()
        streams = [hub.listen(None) for _ in range(STREAMS + 3)]
        begun = [await anext(stream, b"") for stream in streams]
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        return [sum(1 for each in begun if each), len(hub.streams)]

    assert asyncio.run(crowd()) == [STREAMS, 0]


def test_a_header_cannot_be_made_of_a_name(studio: Studio, tmp_path: Path) -> None:
    told = studio.upload(photo(tmp_path / "p.jpg"), name='x"\r\nSet-Cookie: a=b\r\n\r\n<script>.jpg').json()
    answer = studio.get(f"/files/{told['id']}", params={"download": True})
    assert "set-cookie" not in answer.headers
    assert "\n" not in answer.headers["content-disposition"]


def test_errors_tell_no_paths(studio: Studio, tmp_path: Path) -> None:
    for name, (make, _) in corpus.BAD.items():
        if name in ("truncated png", "text", "bomb ppm"):
            answer = studio.upload(make(tmp_path), "image/png")
            assert str(studio.home) not in answer.text
            assert "/" not in answer.json()["error"]["message"].replace("×", "")


def test_a_table_is_not_spoken_to_in_its_language(studio: Studio) -> None:
    """SQL injection."""
    for query in ("'; DROP TABLE files; --", "%' OR '1'='1", '" UNION SELECT 1'):
        assert studio.get("/library", params={"query": query}).json()["items"] == []
    assert studio.get("/library", params={"kind": "x' OR 1"}).status_code == 422
    assert studio.get("/library").status_code == 200


def test_limits_by_what_is_sent() -> None:
    from starlette.datastructures import Headers

    def limit(path: str, kind: str) -> int:
        return guard.limit_of(path, Headers({"content-type": kind}))

    assert limit("/api/files", "image/jpeg") == guard.MOST_PICTURE
    assert limit("/api/files", "video/mp4") == guard.MOST_FILE
    assert limit("/api/jobs", "application/json") == guard.MOST_MASK
    assert limit("/api/datasets", "application/json") == guard.MOST_JSON
    assert limit(f"/api/datasets/{SOME_ID}/files", "application/zip") == guard.MOST_FILE


def test_a_sluggish_upload_is_given_up(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SILENCE", 0.3)
    said = request(studio, "POST /api/files HTTP/1.1", "Content-Type: image/jpeg", "Content-Length: 1000", body=b"slow")
    assert raw(studio, said).startswith(b"HTTP/1.1 408")


def test_an_upload_that_breaks_off_leaves_nothing(studio: Studio) -> None:
    said = request(studio, "POST /api/files HTTP/1.1", "Content-Type: image/jpeg", "Content-Length: 1000", body=b"only this")
    with socket.create_connection(("127.0.0.1", studio.port), timeout=5) as ear:
        ear.sendall(said)
    for _ in range(100):
        if not list((studio.shop.store.root / "incoming").iterdir()):
            break
        import time

        time.sleep(0.05)
    assert not list((studio.shop.store.root / "incoming").iterdir())
    assert studio.get("/health").status_code == 200


def test_a_zip_within_a_dataset_cannot_unpack_anywhere(studio: Studio, tmp_path: Path) -> None:
    """Zip slip: nothing is unpacked at all."""
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("../../../evil.jpg", photo(tmp_path / "a.jpg").read_bytes())
        packed.writestr("/etc/evil.jpg", photo(tmp_path / "a.jpg").read_bytes())
    dataset = studio.post("/datasets", {"name": "slip"}).json()["id"]
    studio.web.post(f"/api/datasets/{dataset}/files", content=buffer.getvalue(), headers={"Content-Type": "application/zip"})
    assert not list(studio.home.rglob("evil.jpg"))
    assert not Path("/etc/evil.jpg").exists()
