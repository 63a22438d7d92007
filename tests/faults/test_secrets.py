"""The key is not shown, even if everything fails and the server echoes it."""

from __future__ import annotations

import copy
import logging
import pickle
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from traceback import TracebackException
from typing import TYPE_CHECKING

import pytest
import requests
from catalogue import KEY, OK
from claims import FAULTS
from leaks import Log, leaks, shows_the_key
from server import Fault, Request, Server, Wire, redirect, respond, send_raw

from crowdflower.cli.local.serve import serve
from crowdflower.exceptions import ApiError, ConfigError, OutcomeUnknown
from crowdflower.job import Job

if TYPE_CHECKING:
    from crowdflower.client import Client


def echo_request(wire: Wire, request: Request) -> None:
    """Echo the whole request, including the key, in every part of the response."""
    key = request.headers["authorization"]
    body = f'{{"error": "{key}", "key": "{key}"}}'.encode()
    respond(body, status=f"422 {key}", headers=(f"X-Key: {key}", f"Location: /{key}"))(
        wire, request
    )


def echo_as_page(wire: Wire, request: Request) -> None:
    respond(b"<html>" + request.raw + b"</html>", kind="text/html")(wire, request)


def echo_as_garbage(wire: Wire, request: Request) -> None:
    send_raw(request.raw)(wire, request)


def echo_as_redirect(wire: Wire, request: Request) -> None:
    redirect(f"/{request.headers['authorization']}")(wire, request)


ECHOES = (echo_request, echo_as_page, echo_as_garbage, echo_as_redirect)


@pytest.mark.row("S1", "S2", "S3", "S7")
@pytest.mark.parametrize("act", ECHOES)
@pytest.mark.parametrize(
    ("path", "method"), [("jobs/7.json", "get"), ("jobs/7/orders.json", "post")]
)
def test_a_key_in_the_response_is_not_in_the_error(
    server: Server, client: Client, act: Callable[..., None], path: str, method: str
) -> None:
    server.plan(Fault(act))

    with pytest.raises(ApiError) as caught:
        client.call(path, method=method)

    assert shows_the_key(server.log[0].raw.decode())
    assert leaks(caught.value) == []


def echo_as_string(wire: Wire, request: Request) -> None:
    body = f'"{request.headers["authorization"]}"'.encode()
    respond(body, headers=(f"X-Key: {request.headers['authorization']}",))(wire, request)


@pytest.mark.row("S1", "S2", "S3", "S7")
@pytest.mark.parametrize("act", [echo_as_string, echo_as_page, echo_as_redirect])
@pytest.mark.parametrize(
    "pay",
    [lambda job: job.launch(5), lambda job: job.get_worker(5).bonus(5)],
    ids=["launch", "bonus"],
)
def test_a_payment_with_the_key_in_its_response_is_outcome_unknown_without_it(
    server: Server, client: Client, act: Callable[..., None], pay: Callable[[Job], object]
) -> None:
    job = Fault(respond(b'{"id": 7, "state": "unordered"}'))
    server.answer(lambda asked: Fault(act) if asked.method == "POST" else job)

    with pytest.raises(OutcomeUnknown) as caught:
        pay(Job(client, id=7))

    assert leaks(caught.value) == []


@pytest.mark.row("S4", "S5")
def test_the_key_is_not_logged(server: Server, client: Client, log: Log) -> None:
    server.plan(OK, Fault(echo_request), *[Fault(echo_as_garbage)] * 2, OK)
    logging.getLogger("http.client").setLevel(logging.DEBUG)

    client.get_job(7)
    for _ in range(2):
        with pytest.raises(ApiError):
            client.get_job(7)

    assert any("urllib3" in line for line in log.lines)
    assert not [line for line in log.lines if shows_the_key(line)]


PRIVATE = "pr1vate-0123"
EVERY_FAULT = (*FAULTS, *map(Fault, ECHOES))


@pytest.mark.parametrize("number", range(len(EVERY_FAULT)))
def test_the_package_logs_neither_bodies_nor_queries_nor_what_came_back(
    server: Server, client: Client, log: Log, number: int
) -> None:
    server.answer(lambda _: EVERY_FAULT[number])

    for method, path in (("get", "jobs/7.json"), ("post", "jobs/7/orders.json")):
        with suppress(ApiError):
            client.call(
                path,
                None if method == "get" else {"row": PRIVATE},
                query={"password": PRIVATE},
                headers={"X-Private": PRIVATE},
                method=method,
            )

    lines = [line for line in log.lines if line.startswith("crowdflower.")]
    assert any(
        line.startswith("crowdflower.http.call_log DEBUG GET /jobs/7.json") for line in lines
    )
    assert [line for line in lines if PRIVATE in line or not line.isprintable()] == []


@pytest.mark.row("S6")
def test_a_client_does_not_show_its_key(client: Client) -> None:
    for shown in (repr(client), str(client), f"{vars(client)}", f"{vars(client.transport)}"):
        assert not shows_the_key(shown)
    with pytest.raises(TypeError):
        pickle.dumps(client)
    assert not shows_the_key(repr(copy.copy(client)))


@pytest.mark.row("S7")
def test_a_raw_response_is_pickled_without_the_key(server: Server, client: Client) -> None:
    server.plan(OK)

    response = client.call("jobs/7.json", as_json=False)

    assert not shows_the_key(pickle.dumps(response).decode("latin-1"))


@pytest.mark.row("S9")
def test_a_netrc_file_does_not_replace_the_key(
    server: Server,
    connect: Callable[..., Client],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path_factory.mktemp("netrc") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.plan(OK)

    connect(server.url).get_job(7)

    assert server.log[0].headers["authorization"] == f"Token token={KEY}"


@pytest.mark.row("S1")
@pytest.mark.parametrize("url", [KEY, f"ftp://{KEY}", f"http://{KEY}@host/", f"https://h/?{KEY}"])
def test_a_base_url_that_contains_the_key_is_not_shown(url: str) -> None:
    from crowdflower import Client  # noqa: PLC0415 - the name is for types alone above

    with pytest.raises(ConfigError) as caught:
        Client("another", url)

    assert not shows_the_key(str(caught.value))


@pytest.mark.row("S11")
def test_a_key_on_the_command_line_prints_a_warning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serve.make_context("serve", ["--key", KEY]).params["key"] == KEY
    shown = capsys.readouterr()

    monkeypatch.setenv("CROWDFLOWER_SANDBOX_KEY", KEY)
    assert serve.make_context("serve", []).params["key"] == KEY
    kept = capsys.readouterr()

    assert "can read --key in the list of processes" in shown.err
    assert not shows_the_key(shown.out + shown.err)
    assert kept == ("", "")


# Proxies

PASSWORD = "pr0xy-pa55word"
BASIC = b64encode(f"user:{PASSWORD}".encode()).decode()


def shows_password(error: BaseException) -> bool:
    """Return whether a traceback with local variables, its pickle or its text has the password."""
    trace = TracebackException.from_exception(error, capture_locals=True)
    shown = "".join(trace.format()) + repr(vars(error)) + str(error)
    if isinstance(error, ApiError):
        shown += pickle.dumps(error).decode("latin-1")
    return PASSWORD in shown or BASIC in shown


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:{password}@{host}",
        "HTTP://user:{password}@{host}",
        "user:{password}@{host}",
        "https://user:{password}@{host}",
        "http://user:{password}@{host}:bad",
        "odd://user:{password}@{host}",
    ],
)
@pytest.mark.parametrize("url", ["http://api.example.com/v1", "https://api.example.com/v1"])
@pytest.mark.parametrize("by_session", [False, True])
def test_no_error_shows_the_password_of_the_proxy(
    server: Server,
    connect: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    proxy: str,
    url: str,
    by_session: bool,
) -> None:
    address = proxy.format(password=PASSWORD, host=server.url.split("/")[2])
    session = requests.Session()
    if by_session:
        session.proxies = {"http": address, "https": address}
    else:
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("HTTPS_PROXY", address)
    server.answer(lambda _: Fault(respond(status="407 Proxy Authentication Required")))
    del address
    client = connect(url, allow_insecure=True, **({"session": session} if by_session else {}))

    with pytest.raises(ApiError) as caught:
        client.get_job(7)

    # This test has the address in its parameters as a template only.
    assert not shows_password(caught.value)


def test_an_interrupt_shows_no_password_of_the_proxy(
    server: Server, connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames of the libraries hold the headers for the proxy while they read."""
    monkeypatch.setenv("HTTP_PROXY", server.url.replace("//", f"//user:{PASSWORD}@"))
    client = connect("http://api.example.com/v1", allow_insecure=True)
    server.plan(OK)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("http.client.HTTPResponse.begin", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        client.get_job(7)

    client.close()
    server.settle()
    assert BASIC in server.log[0].raw.decode()
    assert not shows_password(caught.value)
