"""The operator's folder of pictures, sounds and films: who may load them, what, and how."""

from __future__ import annotations

import os
import socket
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.pages.media.media_folder import MediaFolder, is_served
from crowdflower.sandbox.server.sockets import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from crowdflower.job import Job

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))
FILES = "/label/files"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a few files, beside one that nobody may read."""
    folder = tmp_path / "media"
    (folder / "cats").mkdir(parents=True)
    (folder / "a.png").write_bytes(PNG)
    (folder / "cats" / "Über Katzen.jpg").write_bytes(b"jpeg")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return folder


@pytest.fixture
def box(folder: Path) -> Iterator[Sandbox]:
    with Sandbox(seed=5, files=folder) as box:
        yield box


@pytest.fixture
def job(box: Sandbox) -> Job:
    job = box.client().upload_job([{"picture": "files/a.png"} for _ in range(5)])
    cml = '<img src="{{ picture }}" alt="A cat">'
    cml += '<cml:text label="What is it?" name="what" validates="required"/>'
    settings = {"title": "Cats and dogs", "instructions": "Look.", "cml": cml}
    job.client.update_job(job.id, settings)
    job.launch(5, channels=["cf_internal"])
    return job


@pytest.fixture
def browser(box: Sandbox, job: Job) -> FlaskClient:
    """The browser of a contributor."""
    browser = box.app.test_client()
    browser.post(page_path(box, job), data={"name": "Ada"})
    return browser


def load(
    browser: FlaskClient, path: str, headers: dict[str, str] | None = None, verb: str = "GET"
) -> TestResponse:
    """Load a file, and close it, as a server does."""
    return browser.open(f"{FILES}/{path}", method=verb, headers=headers, buffered=True)


def page_path(box: Sandbox, job: Job) -> str:
    url = urlsplit(box.work_url(job))
    return f"{url.path}?{url.query}"


def test_a_row_names_a_file_and_the_page_shows_it(
    box: Sandbox, job: Job, browser: FlaskClient
) -> None:
    html = browser.get(page_path(box, job)).text

    picture = load(browser, "a.png")

    assert '<a class="zoom" href="files/a.png"' in html
    assert '<img src="files/a.png" alt="A cat" loading="lazy">' in html
    assert (picture.status_code, picture.data, picture.content_type) == (200, PNG, "image/png")
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    assert picture.headers["Content-Security-Policy"].startswith("sandbox;")
    assert "Content-Disposition" not in picture.headers
    assert load(browser, "cats/%C3%9Cber%20Katzen.jpg").data == b"jpeg"


def test_only_contributors_load_files(box: Sandbox, job: Job, browser: FlaskClient) -> None:
    stranger = box.app.test_client()
    secret = {"job": job.id, "secret": job.secret}

    assert load(stranger, "a.png").status_code == 404
    assert load(stranger, f"a.png?{urlencode(secret | {'secret': 'x'})}").status_code == 404
    assert load(stranger, f"a.png?{urlencode(secret | {'job': 'x'})}").status_code == 404
    assert load(stranger, f"a.png?{urlencode(secret)}").data == PNG, "a frame has no cookies"
    assert load(browser, "a.png").data == PNG
    assert load(browser, "a.png", verb="POST").status_code == 404


def test_without_a_folder_no_file_is_served() -> None:
    with Sandbox(seed=5) as box:
        job = box.client().create_job({"title": "Cats and dogs"})
        secret = urlencode({"job": job.id, "secret": job.secret})

        assert load(box.app.test_client(), f"a.png?{secret}").status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        *("../secret.png", "..%2Fsecret.png", "%2e%2e/secret.png", "cats/../../secret.png"),
        *("..\\secret.png", "..%5Csecret.png", "%2Fetc/passwd.txt", "/secret.png"),
        *("a.png%00.png", "a.png%00", "%00a.png", "C:%5Ca.png", "a.png:stream.png"),
        *(".hidden.png", ".git/a.png", "cats/.hidden.png", "outside.png", "outside/secret.png"),
        *("page.html", "program.js", "data.json", "noending", "a.png.html", "", "cats", "cats.png"),
        *("pipe.png", "socket.png", "loop.png", "renamed.png", "hiding.png", "nowhere.png"),
        *("con.png", "NUL.png", "lpt1.png", "a.png.", "a.png%20", "%FF.png", "a" * 5000 + ".png"),
        *("%252e%252e/secret.png", "%C0%AE%C0%AE/secret.png", "....//secret.png", "cats/./x.png"),
    ],
)
def test_nothing_else_is_served(
    browser: FlaskClient, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for hidden in (folder / ".git", folder / "cats.png"):
        hidden.mkdir()
    texts = ("page.html", "program.js", "data.json", "noending", ".hidden.png", "cats/.hidden.png")
    for text in (*texts, ".git/a.png", "con.png"):
        (folder / text).write_text("x", encoding="utf-8")
    (folder / "outside.png").symlink_to(folder.parent / "secret.png")
    (folder / "outside").symlink_to(folder.parent)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "renamed.png").symlink_to(folder / "page.html")
    (folder / "hiding.png").symlink_to(folder / ".hidden.png")
    os.mkfifo(folder / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(folder)  # the address of a socket must be short
        listener.bind("socket.png")

        response = load(browser, f"{name}")

    assert response.status_code == 404
    assert b"secret" not in response.data


def test_a_link_inside_the_folder_is_followed(browser: FlaskClient, folder: Path) -> None:
    (folder / "b.png").symlink_to(folder / "a.png")

    assert load(browser, "b.png").data == PNG


def test_a_file_is_not_listed_but_its_type_is_known() -> None:
    assert all(map(is_served, ["a.jpg", "a.JPEG", "a.webp", "a.avif", "a.gif", "a/b.mp3", "a.ogg"]))
    assert all(map(is_served, ["a.wav", "a.m4a", "a.flac", "a.mp4", "a.webm", "a.ogv", "a b.txt"]))
    assert not any(map(is_served, ["a.htm", "a.xml", "a.exe", "a.svgz", "a.swf", "a.css", "a"]))


@pytest.mark.parametrize("name", ["drawing.svg", "paper.pdf"])
def test_what_may_contain_scripts_is_saved_instead_of_opened(
    browser: FlaskClient, folder: Path, name: str
) -> None:
    (folder / name).write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")

    response = load(browser, f"{name}")

    assert response.headers["Content-Disposition"] == "attachment"
    assert response.headers["Content-Security-Policy"].startswith("sandbox;")


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, PNG[:10]),
        ("bytes=100-", 206, PNG[100:]),
        ("bytes=-8", 206, PNG[-8:]),
        ("bytes=0-999999", 206, PNG),
        ("bytes=0-", 206, PNG),
        ("bytes=5-5", 206, PNG[5:6]),
        ("bytes=0-1,4-5", 200, PNG),
        ("rows=0-1", 200, PNG),
        ("bytes=x", 200, PNG),
        ("bytes=9-3", 200, PNG),
        ("bytes=108-", 416, b""),
    ],
)
def test_a_part_of_a_file_can_be_loaded(
    browser: FlaskClient, asked: str, status: int, part: bytes
) -> None:
    response = load(browser, "a.png", {"Range": asked})

    assert (response.status_code, response.data) == (status, part)
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Content-Length"] == str(len(part))
    if status == 206:
        start = PNG.index(part)
        assert response.headers["Content-Range"] == f"bytes {start}-{start + len(part) - 1}/108"
    elif status == 416:
        assert response.headers["Content-Range"] == "bytes */108"


def test_a_file_that_did_not_change_is_not_sent_again(browser: FlaskClient, folder: Path) -> None:
    first = load(browser, "a.png")
    etag = first.headers["ETag"]

    again = load(browser, "a.png", {"If-None-Match": etag})
    by_time = {"If-Modified-Since": first.headers["Last-Modified"]}
    rest = {"Range": "bytes=4-", "If-Range": etag}

    assert (again.status_code, again.data) == (304, b"")
    assert load(browser, "a.png", by_time).status_code == 304
    assert load(browser, "a.png", rest).data == PNG[4:]
    (folder / "a.png").write_bytes(b"another")
    changed = load(browser, "a.png", rest)
    assert (changed.status_code, changed.data) == (200, b"another")
    assert load(browser, "a.png", {"If-None-Match": etag}).status_code == 200


def test_the_head_of_a_file_has_its_size(browser: FlaskClient) -> None:
    response = load(browser, "a.png", verb="HEAD")

    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Content-Length"] == str(len(PNG))
    assert response.headers["Content-Type"] == "image/png"


def test_an_empty_file_is_served(browser: FlaskClient, folder: Path) -> None:
    (folder / "empty.txt").touch()

    assert load(browser, "empty.txt").data == b""
    assert load(browser, "empty.txt", {"Range": "bytes=0-"}).data == b""


def test_a_large_film_is_sent_in_parts_over_a_socket(box: Sandbox, job: Job, folder: Path) -> None:
    size = 3 * 1024 * 1024
    film = os.urandom(1024) * (size // 1024)
    (folder / "film.mp4").write_bytes(film)
    path = f"{FILES}/film.mp4?{urlencode({'job': job.id, 'secret': job.secret})}"
    with Server(box.app, kind_of=box.app.kind_of) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)

        def load(verb: str = "GET", **headers: str) -> tuple[int, str | None, bytes]:
            connection.request(verb, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers["Content-Range"], response.read()

        assert load() == (200, None, film)
        assert load("HEAD") == (200, None, b"")
        middle = load(Range="bytes=1000000-1999999")
        assert middle == (206, f"bytes 1000000-1999999/{size}", film[1_000_000:2_000_000])
        assert load(Range=f"bytes={size}-")[:2] == (416, f"bytes */{size}")
        connection.close()

    assert box.app.kind_of("GET", path.partition("?")[0]) == "read"


@pytest.mark.parametrize("name", ["nowhere", "a.png", "with\0zero"])
def test_what_is_not_a_folder_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"does not exist|is not a folder"):
        MediaFolder(folder / name)


def test_a_sandbox_without_its_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere does not exist"):
        Sandbox(files=tmp_path / "nowhere", database=tmp_path / "labels.db")
