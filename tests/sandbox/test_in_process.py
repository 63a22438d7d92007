"""The in-process adapter: responses are the same as over a socket."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from flask import Flask, Response, make_response, redirect, request

from crowdflower.sandbox.server.in_process import (
    ORIGIN,
    OutsideSandbox,
    SandboxAdapter,
    session_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class CountingBody:
    """Blocks of a response body; records whether it was closed."""

    def __init__(self, blocks: int) -> None:
        self.left = blocks
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        while self.left:
            self.left -= 1
            yield b"x" * 1000

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def app() -> Flask:
    """An application that returns the request as JSON."""
    app = Flask(__name__)

    @app.route("/echo/<path:rest>", methods=["GET", "POST", "PUT", "DELETE"])
    def echo(rest: str) -> dict[str, Any]:
        return {
            "path": rest,
            "query": request.query_string.decode(),
            "body": request.get_data().decode(),
            "length": request.content_length,
            "headers": dict(request.headers),
            "terminated": request.environ["wsgi.input_terminated"],
        }

    @app.route("/set")
    def set_cookies() -> Response:
        response = redirect("/cookies")
        response.set_cookie("first", "1")
        response.set_cookie("second", "2")
        return response  # type: ignore[return-value]

    @app.route("/cookies")
    def cookies() -> dict[str, str]:
        return dict(request.cookies)

    @app.route("/broken")
    def broken() -> str:
        raise LookupError("a bug")

    @app.route("/teapot")
    def teapot() -> Response:
        return make_response("short and stout", "418 Short And Stout")

    return app


@pytest.fixture
def session(app: Flask) -> Iterator[requests.Session]:
    with session_for(app) as session:
        yield session


def test_path_and_query_are_decoded(session: requests.Session) -> None:
    answer = session.get(f"{ORIGIN}/echo/caf%C3%A9/a%2Fb%20c", params={"job[title]": "ü & ?"})

    assert answer.json()["path"] == "café/a/b c"
    assert answer.json()["query"] == "job%5Btitle%5D=%C3%BC+%26+%3F"


@pytest.mark.parametrize(
    ("body", "length"),
    [
        (b"caf\xc3\xa9", 5),
        ("café", 5),
        (io.BytesIO(b"caf\xc3\xa9"), 5),
        (io.StringIO("café"), None),
    ],
)
def test_a_body_of_any_type_arrives_complete(
    session: requests.Session, body: Any, length: int | None
) -> None:
    received = session.post(f"{ORIGIN}/echo/x", data=body).json()

    assert received["body"] == "café"
    assert length is None or received["length"] == length


def test_a_generator_is_a_body_without_a_length(session: requests.Session) -> None:
    received = session.put(
        f"{ORIGIN}/echo/x", data=(part for part in (b"one ", b"", b"two"))
    ).json()

    assert received["body"] == "one two"
    assert received["length"] is None
    assert received["terminated"]


def test_a_generator_may_call_the_same_application(session: requests.Session) -> None:
    def body() -> Iterator[bytes]:
        yield session.get(f"{ORIGIN}/teapot").content

    received = session.post(f"{ORIGIN}/echo/x", data=body()).json()

    assert received["body"] == "short and stout"


def test_a_generator_that_raises_sends_nothing(
    session: requests.Session,
) -> None:
    def body() -> Iterator[bytes]:
        yield b"one"
        raise KeyError("row 2")

    with pytest.raises(KeyError, match="row 2"):
        session.post(f"{ORIGIN}/echo/x", data=body())


def test_a_body_too_large_for_memory_arrives_complete(session: requests.Session) -> None:
    block = b"0123456789" * 100_000

    received = session.post(f"{ORIGIN}/echo/x", data=(block for _ in range(3))).json()

    assert received["body"].encode() == block * 3


def test_delete_may_have_a_body(session: requests.Session) -> None:
    received = session.delete(f"{ORIGIN}/echo/x", data={"tags": "a"}).json()

    assert received["body"] == "tags=a"
    assert received["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_header_may_be_bytes(session: requests.Session) -> None:
    received = session.get(f"{ORIGIN}/echo/x", headers={"X-Marker": b"as bytes"}).json()

    assert received["headers"]["X-Marker"] == "as bytes"


def test_cookies_of_a_redirect_stay_in_the_session(session: requests.Session) -> None:
    answer = session.get(f"{ORIGIN}/set")

    assert answer.json() == {"first": "1", "second": "2"}
    assert [step.status_code for step in answer.history] == [302]
    assert answer.url == f"{ORIGIN}/cookies"


def test_a_redirect_is_not_followed_on_request(session: requests.Session) -> None:
    answer = session.get(f"{ORIGIN}/set", allow_redirects=False)

    assert answer.is_redirect
    assert answer.headers["Location"] == "/cookies"


def test_status_and_reason_are_those_of_the_application(session: requests.Session) -> None:
    answer = session.get(f"{ORIGIN}/teapot")

    assert (answer.status_code, answer.reason) == (418, "Short And Stout")
    assert answer.encoding == "utf-8"


def test_head_has_headers_and_no_body(session: requests.Session) -> None:
    answer = session.head(f"{ORIGIN}/teapot")

    assert answer.headers["Content-Length"] == "15"
    assert answer.content == b""


def test_a_stream_that_is_not_read_to_its_end_is_closed() -> None:
    blocks = CountingBody(1000)
    session = session_for(lambda _, start: start("200 OK", []) and blocks)

    with session.get(f"{ORIGIN}/", stream=True) as answer:
        first = next(answer.iter_content(500))

    assert len(first) == 500
    assert blocks.closed
    assert blocks.left > 990


def test_a_stream_that_is_read_to_its_end_is_closed() -> None:
    blocks = CountingBody(7)
    session = session_for(lambda _, start: start("200 OK", []) and blocks)

    content = session.get(f"{ORIGIN}/").content

    assert len(content) == 7000
    assert blocks.closed


def test_an_application_may_write_before_it_returns() -> None:
    def app(_: object, start: Any) -> list[bytes]:
        write = start("200 OK", [("Content-Type", "text/plain")])
        write(b"first ")
        return [b"then"]

    assert session_for(app).get(f"{ORIGIN}/").text == "first then"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.appen.com/v1/jobs.json?key=s3cret",
        "http://sandbox.invalid/v1",
        "https://sandbox.invalid:8443/v1",
        "https://user:s3cret@sandbox.invalid/v1",
    ],
)
def test_any_other_url_is_an_error_without_the_key(session: requests.Session, url: str) -> None:
    with pytest.raises(OutsideSandbox, match=r"reaches only https://sandbox\.invalid") as caught:
        session.get(url)

    assert "s3cret" not in str(caught.value)


def test_proxies_of_the_environment_are_ignored(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    assert session.get(f"{ORIGIN}/teapot").text == "short and stout"


def test_an_exception_of_the_application_is_raised() -> None:
    def app(*_: object) -> list[bytes]:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        session_for(app).get(f"{ORIGIN}/")


def test_without_raise_errors_an_exception_is_a_status_500(app: Flask) -> None:
    session = requests.Session()
    session.mount(ORIGIN, SandboxAdapter(app, raise_errors=False))

    assert session.get(f"{ORIGIN}/broken").status_code == 500


def test_many_threads_get_their_own_answers(session: requests.Session) -> None:
    def call(number: int) -> str:
        answer = session.post(f"{ORIGIN}/echo/{number}", data=json.dumps(number))
        return f"{answer.json()['path']} {answer.json()['body']}"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(call, range(200)))

    assert results == [f"{number} {number}" for number in range(200)]
