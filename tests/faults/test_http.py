"""Unexpected HTTP: statuses, redirects, sizes."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from catalogue import (
    KEY,
    MUCH_LATER,
    NO_RETRY_AFTER,
    OK,
    RETRY_AFTER,
    Endpoint,
    busy,
)
from leaks import leaks
from server import Act, Fault, Request, Server, Wire, hang_up, redirect, reset, respond

from crowdflower.exceptions import (
    ApiError,
    NotFound,
    NotSentError,
    OutcomeUnknown,
    PaymentRequired,
    RateLimited,
    ReportNotReady,
    ResponseTooLarge,
    UnexpectedRedirect,
)

if TYPE_CHECKING:
    from conftest import FastClock

    from crowdflower.client import Client

ORDER = Endpoint("POST", "jobs/7/orders.json", "N", body=b"{}")


def order(client: Client) -> object:
    return client.call(ORDER.path, ORDER.body, method=ORDER.method)


# Waiting


@pytest.mark.row("H3")
@pytest.mark.parametrize(("after", "seconds"), RETRY_AFTER.items())
def test_retry_after_in_seconds_is_obeyed(
    server: Server, client: Client, clock: FastClock, after: str, seconds: float
) -> None:
    server.plan(busy(after), OK)

    assert client.get_job(7).id == 7

    assert clock.slept == [seconds]


@pytest.mark.row("H3")
def test_retry_after_as_a_date_is_obeyed(server: Server, client: Client, clock: FastClock) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    server.plan(busy(format_datetime(soon, usegmt=True)), OK)

    client.get_job(7)

    assert len(clock.slept) == 1
    assert 25 < clock.slept[0] <= 30


@pytest.mark.row("H4")
@pytest.mark.parametrize("after", NO_RETRY_AFTER)
def test_an_invalid_retry_after_is_ignored(
    server: Server, client: Client, clock: FastClock, after: str
) -> None:
    server.plan(busy(after), OK)

    client.get_job(7)

    assert len(clock.slept) == 1
    assert 0 <= clock.slept[0] <= 2


@pytest.mark.row("H4")
@pytest.mark.parametrize("after", MUCH_LATER)
def test_a_long_retry_after_is_an_error_at_once(
    server: Server, client: Client, clock: FastClock, after: str
) -> None:
    server.plan(busy(after), OK)

    with pytest.raises(RateLimited) as caught:
        client.get_job(7)

    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60
    assert clock.slept == []


@pytest.mark.row("H2")
def test_retry_after_of_a_503_is_obeyed(server: Server, client: Client, clock: FastClock) -> None:
    server.plan(Fault(respond(status="503 Busy", headers=("Retry-After: 5",))), OK)

    client.get_job(7)

    assert clock.slept == [5]


@pytest.mark.row("H6")
def test_the_message_of_a_402_is_in_the_error(server: Server, client: Client) -> None:
    text = b'{"error": {"message": "You need $ 12.50 more."}}'
    server.plan(Fault(respond(text, status="402 Payment Required")))

    with pytest.raises(PaymentRequired, match=r"You need \$ 12\.50 more"):
        order(client)


# After a lost attempt


@pytest.mark.row("H8")
@pytest.mark.parametrize("lost", [hang_up, reset, respond(status="502 Bad")])
def test_a_404_after_a_lost_deletion_is_success(
    server: Server, client: Client, lost: Callable[..., None]
) -> None:
    server.plan(Fault(lost, applies=True), Fault(respond(status="404 Not Found")))

    client.delete_job(7)

    assert (len(server.log), len(server.ledger)) == (2, 1)


@pytest.mark.row("H8")
def test_a_404_for_a_first_deletion_is_not_found(server: Server, client: Client) -> None:
    server.plan(busy("0"), Fault(respond(status="404 Not Found")))

    with pytest.raises(NotFound):
        client.delete_job(7)


@pytest.mark.row("H7", "N10")
@pytest.mark.parametrize(
    "then",
    [
        respond(b'{"error": "It is canceled."}'),
        respond(b'{"error": "It is canceled."}', status="409 Conflict"),
        respond(status="429 Too Many", headers=("Retry-After: 99",)),
    ],
)
def test_a_refusal_after_a_lost_response_is_outcome_unknown(
    server: Server, client: Client, then: Callable[..., None]
) -> None:
    server.plan(Fault(hang_up, applies=True), Fault(then))

    with pytest.raises(OutcomeUnknown) as caught:
        client.call("jobs/7/cancel.json")

    assert caught.value.evidence == "sent, ConnectionLost"
    assert len(server.ledger) == 1


@pytest.mark.row("N1", "N10")
def test_a_refused_connection_after_a_lost_response_is_outcome_unknown(
    server: Server, client: Client
) -> None:
    def dies(wire: Wire, request: Request) -> None:
        server._listener.shutdown(socket.SHUT_RDWR)
        hang_up(wire, request)

    server.plan(Fault(dies, applies=True))

    with pytest.raises(OutcomeUnknown) as caught:
        client.call("jobs/7/cancel.json")

    assert not isinstance(caught.value, NotSentError)
    assert len(server.ledger) == 1


# Orders


def answer_orders(server: Server, placed: Act) -> None:
    """Answer an order with this fault, and all other requests normally."""
    job = Fault(respond(b'{"id": 7, "state": "unordered"}'))
    server.answer(lambda asked: Fault(placed, applies=True) if asked.method == "POST" else job)


@pytest.mark.row("H10")
def test_an_order_that_redirects_to_itself_was_placed(server: Server, client: Client) -> None:
    answer_orders(server, redirect(f"{server.url}/jobs/7/orders/99"))

    assert client.debit_order(7, 5, ["on_demand"]).id == 99

    assert len(server.ledger) == 1
    assert "GET /jobs/7/orders/99" not in [request.line for request in server.log]


@pytest.mark.row("H11")
def test_an_order_that_redirects_to_a_login_is_outcome_unknown(
    server: Server, client: Client
) -> None:
    answer_orders(server, redirect("/login?next=/jobs/7/orders/99"))

    with pytest.raises(OutcomeUnknown, match="may have been placed"):
        client.debit_order(7, 5, ["on_demand"])

    assert len(server.ledger) == 1


# Redirects


@pytest.mark.row("H12", "S8")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_body_is_never_sent_to_another_host(
    server: Server, other: Server, client: Client, status: int, as_json: bool
) -> None:
    server.plan(Fault(redirect(f"{other.url}/steal", f"{status} There")))
    other.plan(OK)

    with nullcontext() if not as_json else pytest.raises(OutcomeUnknown):
        client.call("jobs/7/orders.json", b'{"secret": 1}', method="post", as_json=as_json)

    assert (len(server.log), len(other.log)) == (1, 0)


@pytest.mark.row("H13", "S8", "S9")
def test_a_report_on_another_host_is_fetched_without_key_and_headers(
    server: Server,
    other: Server,
    connect: Callable[..., Client],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path_factory.mktemp("netrc") / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    headers = (f"Location: {other.url}/7.zip?signature=x%2By", "Set-Cookie: a=b; Domain=localhost")
    server.plan(Fault(respond(status="302 Found", headers=headers)))
    other.plan(Fault(respond(b"zip", kind="application/zip")))

    response = connect(server.url).call("jobs/7.csv", headers={"X-Mine": "1"}, as_json=False)

    assert response.content == b"zip"
    assert server.log[0].headers["authorization"] == f"Token token={KEY}"
    assert other.log[0].target == "/v1/7.zip?signature=x%2By"
    assert other.log[0].headers.keys() <= {"host", "accept-encoding", "user-agent"}


@pytest.mark.row("H13", "S8")
def test_a_redirect_back_from_another_host_gets_no_key(
    server: Server, other: Server, client: Client
) -> None:
    server.plan(Fault(redirect(f"{other.url}/7.zip")), OK)
    other.plan(Fault(redirect(f"{server.url}/jobs/7/cancel.json")))

    client.call("jobs/7.csv", as_json=False)

    assert ["authorization" in request.headers for request in server.log] == [True, False]


@pytest.mark.row("H14", "S8")
@pytest.mark.parametrize("spelling", ["?key={}", "/{}", "?auth=Token%20{}#{}"])
def test_a_redirect_with_the_key_in_its_url_is_neither_followed_nor_shown(
    server: Server, other: Server, client: Client, spelling: str
) -> None:
    server.plan(Fault(redirect(other.url + spelling.format(KEY, KEY))))
    other.plan(OK)

    with pytest.raises(UnexpectedRedirect) as caught:
        client.call("jobs/7.csv", as_json=False)

    assert leaks(caught.value) == []
    assert other.log == []


@pytest.mark.row("H15")
@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "file:///etc/passwd",
        "ftp://127.0.0.1/7.zip",
        "http://user:password@127.0.0.1/7.zip",
        "http://[half/7.zip",
        "http://127.0.0.1:port/7.zip",
        "http://127.0.0.1:99999/7.zip",
        "//",
        "javascript:alert(1)",
        "http://\xe4\xf6\xfc\xff.invalid\x7f/",
        "http://" + "a" * 300 + "/",
        "http://a..b/",
    ],
)
def test_a_redirect_to_an_invalid_address_is_not_followed(
    server: Server, client: Client, location: str | None
) -> None:
    server.plan(Fault(redirect(location)))

    with pytest.raises(ApiError) as caught:
        client.call("jobs/7.csv", as_json=False)

    assert len(server.log) == (4 if location in {"", "//"} else 1)
    assert leaks(caught.value) == []


@pytest.mark.row("H15")
@pytest.mark.usefixtures("trusted")
def test_a_redirect_from_https_to_http_is_not_followed(
    secure: Server, other: Server, connect: Callable[..., Client]
) -> None:
    secure.plan(Fault(redirect(f"{other.url}/7.zip")))
    other.plan(OK)

    with pytest.raises(UnexpectedRedirect, match="from https: to http:"):
        connect(secure.url).call("jobs/7.csv", as_json=False)

    assert other.log == []


@pytest.mark.row("H15")
def test_a_loop_of_redirects_ends_after_three(server: Server, client: Client) -> None:
    server.plan(Fault(redirect("/v1/jobs/7.csv")))

    with pytest.raises(UnexpectedRedirect, match="more than 3 redirects"):
        client.call("jobs/7.csv", as_json=False)

    assert len(server.log) == 4


# Reports


@pytest.mark.row("H16")
def test_a_report_that_is_never_ready_times_out(
    server: Server, client: Client, clock: FastClock
) -> None:
    notice = b'{"notice": {"message": "Try again in 600 seconds."}}'
    server.plan(Fault(respond(notice, status="202 Accepted")))

    with pytest.raises(ReportNotReady):
        client.get_report(7, "full")

    assert clock.slept == [600, 600]


@pytest.mark.row("H16")
def test_an_endless_not_ready_response_is_not_read_to_its_end(
    server: Server, client: Client
) -> None:
    def endless(wire: Wire, _: Request) -> None:
        wire.send(b"HTTP/1.1 202 Accepted\r\nContent-Type: text/plain\r\n\r\n")
        while wire.is_open and not wire.ending.is_set():
            wire.send(b"Try again in 600 seconds. " * 1000)

    server.plan(Fault(endless))
    started = time.monotonic()

    with pytest.raises(ReportNotReady):
        client.get_report(7, "full")

    assert time.monotonic() - started < 20


@pytest.mark.row("H16", "N19")
@pytest.mark.parametrize(
    "broken", [respond(b"PK", kind="application/zip", length=99), hang_up, reset]
)
def test_a_truncated_report_is_downloaded_again(
    server: Server, client: Client, broken: Callable[..., None]
) -> None:
    empty_archive = b"PK\5\6" + b"\0" * 18
    whole = Fault(respond(empty_archive, kind="application/zip"))
    server.plan(Fault(broken), whole)

    with pytest.raises(ApiError, match="holds no file"):
        client.get_report(7, "full")

    assert len(server.log) == 2


# Size


@pytest.mark.row("H21")
@pytest.mark.parametrize("as_json", [True, False])
def test_a_compressed_response_over_the_size_limit_is_refused(
    server: Server, client: Client, as_json: bool
) -> None:
    packed = gzip.compress(b" " * (80 << 20))
    server.plan(Fault(respond(packed, headers=("Content-Encoding: gzip",)), applies=True))

    with pytest.raises(ResponseTooLarge, match="over 64 MB"):
        client.call("jobs/7.json", as_json=as_json)
    with pytest.raises(OutcomeUnknown):
        order(client)

    assert len(server.log) == 2


@pytest.mark.row("H21")
def test_a_decompression_bomb_takes_limited_memory(server: Server, client: Client) -> None:
    packed = gzip.compress(b" " * (300 << 20), 1)
    server.plan(Fault(respond(packed, headers=("Content-Encoding: gzip",))))

    tracemalloc.start()
    try:
        with pytest.raises(ResponseTooLarge):
            client.call("jobs/7.json")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 100 << 20


@pytest.mark.row("H23")
def test_cookies_are_not_sent_back(server: Server, client: Client) -> None:
    headers = ("Set-Cookie: session=1; Path=/; Expires=Fri, 01 Jan 2099 00:00:00 GMT",)
    server.plan(Fault(respond(b'{"id": 7}', headers=headers)))

    client.get_job(7)
    client.get_job(7)

    assert "cookie" not in server.log[1].headers


@pytest.mark.row("H20")
def test_an_order_with_an_unknown_status_is_outcome_unknown(server: Server, client: Client) -> None:
    server.plan(Fault(respond(b'{"id": 7}', status="600 Hm"), applies=True))

    with pytest.raises(OutcomeUnknown):
        order(client)

    assert len(server.ledger) == 1
