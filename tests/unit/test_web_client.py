"""The web client's files: what is served, in which form, for how long, and under which policy."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from pingme.edge.http.app import create_app
from pingme.edge.http.services import HttpServices
from pingme.edge.http.static_files import MAX_TOTAL_BYTES, choose_encoding, load_files, media_type_of
from pingme.edge.http.system import SystemInfo, create_system_router
from pingme.edge.http.web_client import create_web_router
from tests.fakes.clock import FakeClock

INFO = SystemInfo(service="Ours", env="development", version="0", python="3", components=dict, not_ready=str)
SCRIPT = b"console.log(1);" * 100
NOTHING: HttpServices = None  # type: ignore[assignment]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A small build, beside a file that must never be served."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "index.html").write_text("<!doctype html><title>web</title>")
    (folder / "sw.js").write_bytes(SCRIPT)
    (folder / "manifest.webmanifest").write_text("{}")
    (folder / "assets" / "main-1a2b.js").write_bytes(SCRIPT)
    (folder / "assets" / "main-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "main-1a2b.js.br").write_bytes(b"brotli, for all that the server knows")
    (folder / "assets" / "main-3c4d.css").write_text("a{}")
    (folder / "assets" / "main-3c4d.css.gz").write_bytes(gzip.compress(b"a{}"))  # larger than the file
    return folder


def app_of(folder: Path) -> FastAPI:
    """Return the application as the server puts it together, with this build."""
    app = create_app(NOTHING, clock=FakeClock())
    web = create_web_router(load_files(folder))
    if web is not None:
        app.include_router(web)
    app.include_router(create_system_router(INFO))
    return app


async def ask(folder: Path, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Ask for a raw path, which httpx leaves as it is."""
    transport = httpx.ASGITransport(app_of(folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://chat.example") as client:
        request = client.build_request(method, "/", headers={"Accept-Encoding": "", **headers})
        request.url = request.url.copy_with(raw_path=path.encode())
        return await client.send(request)


async def test_the_page_is_strict_and_asked_for_again(dist: Path):
    """It runs this server's scripts only, talks to this server only, and is never framed."""
    answer = await ask(dist, "/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))

    assert answer.text.endswith("<title>web</title>")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["worker-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://chat.example wss://chat.example"
    assert policy["img-src"] == "'self' data: blob:"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]


async def test_a_made_up_host_does_not_get_into_the_policy(dist: Path):
    """What is no host name is not repeated."""
    answer = await ask(dist, "/", Host="x; script-src *")

    assert "script-src *" not in answer.headers["Content-Security-Policy"]


async def test_hashed_files_are_kept_for_a_year(dist: Path):
    """Another content has another name."""
    answer = await ask(dist, "/assets/main-1a2b.js")

    assert answer.content == SCRIPT
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in answer.headers


async def test_a_smaller_form_is_sent_to_who_takes_it(dist: Path):
    """Brotli before gzip; a form that is not smaller is not offered."""
    transport = httpx.ASGITransport(app_of(dist))
    async with httpx.AsyncClient(transport=transport, base_url="http://chat.example") as client:
        answer = await client.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "gzip"})
        small = await client.get("/assets/main-3c4d.css", headers={"Accept-Encoding": "gzip, br"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content == SCRIPT
    assert "Content-Encoding" not in small.headers
    assert "Vary" not in small.headers


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br", "br"),
        ("GZIP", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("gzip;q=0", ""),
        ("*", "br"),
        ("br;q=0, *;q=0.1", "gzip"),
        ("identity", ""),
        ("br;q=nonsense", ""),
        ("", ""),
    ],
)
def test_the_coding_is_one_that_the_client_accepts(accepted: str, chosen: str):
    """Weights of zero refuse, a star stands for what is not named."""
    assert choose_encoding(accepted, {"": 1, "br": 1, "gzip": 1}) == chosen


async def test_who_has_the_file_is_not_sent_it_again(dist: Path):
    """The tag names one form of one content; a weakened tag and a star count."""
    first = await ask(dist, "/")
    etag = first.headers["ETag"]

    for named in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await ask(dist, "/", **{"If-None-Match": named})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert "Content-Security-Policy" in answer.headers
    assert (await ask(dist, "/", **{"If-None-Match": '"other"'})).status_code == 200


async def test_head_is_answered(dist: Path):
    """With the length of the body that GET would bring."""
    for path in ("/", "/assets/main-1a2b.js", "/sw.js"):
        got, head = await ask(dist, path), await ask(dist, path, "HEAD")
        assert head.status_code == 200
        assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert (await ask(dist, "/assets/main-1a2b.js", "POST")).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/assets/",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/assets//etc/passwd",
        "/assets/main-1a2b.js.gz",
        "/assets/main-1a2b.js%00",
        "/icon-192.png",
    ],
)
async def test_what_is_not_in_the_build_is_not_found(dist: Path, path: str):
    """Plain text, kept by nobody, and no path leads out of the table of files."""
    answer = await ask(dist, path)

    assert answer.status_code == 404
    assert answer.text == "not found\n"
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_worker_may_fetch_from_here_and_nothing_else(dist: Path):
    """It is asked for again at each start, and has a policy of its own."""
    answer = await ask(dist, "/sw.js")

    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"


async def test_without_a_build_the_first_page_stands_in(tmp_path: Path):
    """It shows how to go on without a browser's help."""
    answer = await ask(tmp_path / "nowhere", "/")

    assert "curl http://chat.example/api/v1/auth/register" in answer.text


def test_an_oversized_build_is_refused(dist: Path):
    """Everything is held in memory, so there is a bound."""
    (dist / "assets" / "large.bin").write_bytes(bytes(MAX_TOTAL_BYTES))

    with pytest.raises(ValueError, match="expected at most"):
        load_files(dist)


def test_types_do_not_hang_on_the_machine():
    """A browser runs a module only as JavaScript; what is not known is bytes."""
    assert media_type_of("a/b.js") == "text/javascript; charset=utf-8"
    assert media_type_of("manifest.webmanifest") == "application/manifest+json"
    assert media_type_of("icon.svg") == "image/svg+xml"
    assert media_type_of("x.unheard") == "application/octet-stream"
