"""Every endpoint, every fault, and the expected outcome of each pair.

The expected behaviour is stated here independently of the client's own table of endpoints.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import Any, Final

from server import Act, Fault, Request, Wire, hang_up, redirect, reset, respond, send_raw, stall

from crowdflower import exceptions as errors
from crowdflower.exceptions import ApiError

KEY: Final = "c4nary-0123456789abcdef"
"""The key; any text that contains it is a leak."""


@dataclass(frozen=True)
class Endpoint:
    """One verb on one path.

    :param safety: ``R`` reads, ``E`` is idempotent, ``V`` changes something that can be verified,
        ``N`` must never be repeated.
    :param retries_429: Whether a 429 is retried after a delay.
    """

    method: str
    path: str
    safety: str
    retries_429: bool = False
    body: bytes | None = None
    as_json: bool = True
    is_readable: bool = False
    """Its change can be read, and is verified before it is sent again."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def line(self) -> str:
        """The request as in the log of the server."""
        return f"{self.method} /{self.path}"


def _read(path: str) -> Endpoint:
    return Endpoint("GET", path, "R", retries_429=True)


def _same(line: str, *, as_json: bool = True, is_readable: bool = False) -> Endpoint:
    method, path = line.split()
    body = b'{"a": 1}' if method == "PUT" else None
    return Endpoint(
        method, path, "E", retries_429=True, body=body, as_json=as_json, is_readable=is_readable
    )


def _change(line: str, *, retries_429: bool = False, is_readable: bool = False) -> Endpoint:
    method, path = line.split()
    body = None if method == "GET" else b'{"a": 1}'
    return Endpoint(method, path, "V", retries_429=retries_429, body=body, is_readable=is_readable)


def _never(line: str) -> Endpoint:
    method, path = line.split()
    return Endpoint(method, path, "N", body=None if method == "GET" else b'{"a": 1}')


ENDPOINTS: Final = (
    _read("account.json"),
    _read("jobs.json"),
    _read("jobs/7.json"),
    _read("jobs/7/units.json"),
    _read("jobs/7/units/3.json"),
    _read("jobs/7/units/3/judgments.json"),
    _read("jobs/7/judgments.json"),
    _read("jobs/7/judgments/4.json"),
    _read("jobs/7/legend.json"),
    _read("jobs/7/channels"),
    _read("jobs/7/tags"),
    _read("jobs/7/ping.json"),
    _read("jobs/7/units/ping.json"),
    _read("jobs/7/test_questions.json"),
    _read("jobs/7/orders/5.json"),
    Endpoint("GET", "jobs/7.csv", "R", retries_429=True, as_json=False),
    _same("POST jobs/7/regenerate", as_json=False),
    _same("PUT jobs/7.json", is_readable=True),
    _same("PUT jobs/7/tags", is_readable=True),
    _same("PUT jobs/7/channels", is_readable=True),
    _same("PUT jobs/7/units/3.json", is_readable=True),
    _same("PUT jobs/7/workers/5.json"),
    _same("GET jobs/7/pause.json", is_readable=True),
    _same("GET jobs/7/cancel.json", is_readable=True),
    _same("DELETE jobs/7.json"),
    _same("DELETE jobs/7/units/3.json"),
    _same("POST jobs/7/units/3/cancel.json", is_readable=True),
    _change("POST jobs/7/tags", retries_429=True, is_readable=True),
    _change("POST jobs.json", retries_429=True),
    _change("POST jobs/7/units.json", retries_429=True),
    _change("PUT jobs/7/upload.json", retries_429=True),
    _change("POST jobs/7/upload.json", retries_429=True),
    _change("POST jobs/upload.json"),
    _change("GET jobs/7/resume.json", is_readable=True),
    _change("GET jobs/7/copy.json"),
    _change("PUT jobs/7/gold.json"),
    _change("PUT jobs/7/workers/5/reject.json"),
    _never("POST jobs/7/workers/5/notify.json"),
    _never("GET jobs/7/units/split.json"),
    _never("GET jobs/7/units/3/copy.json"),
    _never("GET jobs/7/golds/fire_webhooks.json"),
    _never("POST jobs/7/units/3/request_more_judgments.json"),
    _never("POST jobs/7/orders.json"),
    _never("POST jobs/7/workers/5/bonus.json"),
    _never("POST jobs/7/an/unknown/path.json"),
    _never("GET jobs/7/explode.json"),
)


@dataclass(frozen=True)
class Case:
    """One fault, and its expected outcome.

    :param row: Its row in the fault matrix.
    :param means: ``lost`` (sent, outcome unknown), ``refused``, ``throttled`` (refused for now),
        ``not sent`` or ``fine``.
    :param error: The error that a read finally raises.
    :param is_transient: Whether a retry may succeed.
    :param max_attempts: Maximum number of attempts.
    :param at_deadline: Whether attempts end at the deadline, whatever their number.
    """

    row: str
    name: str
    fault: Fault
    means: str
    error: type[ApiError] | None = None
    is_transient: bool = False
    max_attempts: int = 4
    at_deadline: bool = False
    tls: bool = False
    only_json: bool = False
    is_read_back: bool = False
    """The change may have been made, so it is verified once."""

    def __str__(self) -> str:
        return f"{self.row}-{self.name}"

    @property
    def needs_time(self) -> bool:
        """Whether it shows only after a timeout or the deadline."""
        return self.at_deadline or self.row == "N4"

    def attempts(self, endpoint: Endpoint) -> int:
        """Return the number of requests that must arrive if each of them meets this fault."""
        if self.at_deadline or self.means == "fine":
            return 1
        if self.means == "throttled":
            return 4 if endpoint.retries_429 else 1
        if self.means == "not sent":
            return 4 if self.is_transient else 1
        if self.means == "refused":
            return 2 if self.is_read_back and endpoint.is_readable else 1
        if endpoint.is_readable:  # reading it back fails, so it is not sent again
            return 1 + (self.max_attempts if self.is_transient else 1)
        allowed = {"R": 4, "E": 2}.get(endpoint.safety, 1)
        return min(self.max_attempts, allowed) if self.is_transient else 1

    def raises(self, endpoint: Endpoint) -> type[ApiError] | None:
        """Return the error that the call ends with."""
        # After a 406 the client reads the change back, and that fails too.
        is_unknown = self.is_read_back and endpoint.is_readable
        if is_unknown or (self.means == "lost" and endpoint.safety != "R"):
            return errors.OutcomeUnknown
        return self.error


def _lost(row: str, name: str, act: Act, error: type[ApiError], **more: Any) -> Case:
    """A fault in which a request is sent and gets no valid response."""
    fault = Fault(act, applies=more.pop("applies", False), before="nothing")
    return Case(row, name, fault, "lost", error, **more)


def _drip_body(wire: Wire, _: Request) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n")
    wire.drip(b" " * 400, 0.02)


def _drip_head(wire: Wire, _: Request) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\n")
    wire.drip(b"X-Waiting: yes\r\n" * 80, 0.02)


def _drip_chunks(wire: Wire, _: Request) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.drip(b"1\r\n \r\n" * 80, 0.02)


def _flood(wire: Wire, _: Request) -> None:
    while wire.is_open and not wire.ending.is_set():
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def _head_then_stall(wire: Wire, _: Request) -> None:
    wire.send(b'HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{"id"')
    wire.stall()


def _garbage_beneath_tls(wire: Wire, _: Request) -> None:
    wire.send_beneath(b"this is no TLS at all" * 10)
    wire.close()


def _plain_on_a_tls_port(wire: Wire, _: Request) -> None:
    wire.send_beneath(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    wire.stall()


def _reset_after_the_hello(wire: Wire, _: Request) -> None:
    wire.sock.recv(1 << 12)
    wire.reset()


def _page(status: str) -> Act:
    return respond(b"<html>Bad gateway</html>", status=status, kind="text/html")


def _packed(data: bytes, *encodings: str) -> Act:
    return respond(data, headers=(f"Content-Encoding: {', '.join(encodings)}",))


def _nested(times: int) -> bytes:
    data = b'{"id": 7}'
    for _ in range(times):
        data = gzip.compress(data)
    return data


TRUNCATED: Final = errors.TruncatedResponse
LOST: Final = errors.ConnectionLost
LATE: Final = errors.DeadlineExceeded
MALFORMED: Final = errors.MalformedResponse
CONTENT_TYPE: Final = errors.UnexpectedContentType
STATUS: Final = errors.UnexpectedStatus
REDIRECT: Final = errors.UnexpectedRedirect

OK: Final = Fault(respond(b'{"id": 7}'), applies=True)

NETWORK: Final = (
    _lost("N7", "garbage beneath TLS", _garbage_beneath_tls, LOST, is_transient=True, tls=True),
    _lost("N8", "RST", reset, LOST, is_transient=True),
    _lost("N8", "RST over TLS", reset, LOST, is_transient=True, tls=True),
    _lost("N9", "FIN", hang_up, LOST, is_transient=True),
    _lost("N9", "FIN over TLS", hang_up, LOST, is_transient=True, tls=True),
    _lost("N10", "applied, then FIN", hang_up, LOST, is_transient=True, applies=True),
    _lost("N10", "applied, then RST", reset, LOST, is_transient=True, applies=True),
    _lost("N12", "silent", stall, LATE, at_deadline=True),
    _lost("N12", "silent after the head", _head_then_stall, LATE, at_deadline=True, applies=True),
    _lost("N13", "a body in drops", _drip_body, LATE, at_deadline=True, applies=True),
    _lost("N13", "chunks in drops", _drip_chunks, LATE, at_deadline=True),
    _lost("N14", "a head in drops", _drip_head, LATE, at_deadline=True),
    _lost(
        "N19",
        "cut short",
        respond(b'{"id": 7', length=90),
        TRUNCATED,
        is_transient=True,
        applies=True,
    ),
    _lost(
        "N20",
        "chunks cut short",
        send_raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"id": 7}\r\n'),
        TRUNCATED,
        is_transient=True,
    ),
    _lost(
        "N20",
        "a chunk cut short",
        send_raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n90\r\n{"id": 7}'),
        TRUNCATED,
        is_transient=True,
    ),
    _lost(
        "N20",
        "a chunk of no size",
        send_raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n{"id": 7}'),
        TRUNCATED,
        is_transient=True,
    ),
    _lost(
        "N20",
        "a chunk of less than nothing",
        send_raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{"id": 7}'),
        MALFORMED,
    ),
    _lost("N22", "a header of 100 kB", respond(headers=("X-Long: " + "x" * 100_000,)), MALFORMED),
    _lost("N22", "300 headers", respond(headers=("X-Many: yes",) * 300), MALFORMED),
    _lost("N22", "two lengths", respond(b"{}", headers=("Content-Length: 7",)), MALFORMED),
    *(
        _lost("N23", name, send_raw(data), MALFORMED, is_transient=True, max_attempts=2)
        for name, data in (
            ("a garbage status line", b"GARBAGE GARBAGE\r\n\r\n"),
            ("HTTP/0.9", b'{"id": 7}'),
            ("a status of letters", b"HTTP/1.1 abc OK\r\n\r\n"),
        )
    ),
    _lost("N23", "100 without end", _flood, LATE, at_deadline=True),
)

HANDSHAKES: Final = (
    Case(
        "N4",
        "a handshake that is silent",
        Fault(stall, before="connection"),
        "not sent",
        errors.NotSentError,
        is_transient=True,
        tls=True,
    ),
    Case(
        "N6",
        "no TLS on a TLS port",
        Fault(_plain_on_a_tls_port, before="connection"),
        "not sent",
        errors.NotSentError,
        tls=True,
    ),
    Case(
        "N6",
        "a RST in the handshake",
        Fault(_reset_after_the_hello, before="connection"),
        "not sent",
        errors.NotSentError,
        is_transient=True,
        tls=True,
    ),
)

RETRY_AFTER: Final = {
    "3": 3.0,
    " 7 ": 7.0,
    "1.5": 1.5,
    "0": 0.0,
    "Fri, 01 Jan 2010 00:00:00 GMT": 0.0,
}
"""Values that are obeyed, to the second."""

NO_RETRY_AFTER: Final = (
    "abc",
    "",
    "-5",
    "9e9",
    "5, 7",
    "1.",
    "²",
    "Fri, 99 Jan 2010 00:00:00 GMT",
    f"Fri, 01 Jan {'9' * 20} 00:00:00 GMT",
    f"Fri, 01 Jan 2010 00:00:00 +{'9' * 20}",
)
"""Values that are ignored."""

MUCH_LATER: Final = ("61", "9000000000", "Fri, 01 Jan 2099 00:00:00 GMT", "9" * 400)
"""Valid values that are longer than the client waits."""


def busy(after: str | None) -> Fault:
    """Respond with 429, optionally with Retry-After."""
    headers = () if after is None else (f"Retry-After: {after}",)
    return Fault(respond(b'{"error": "slow down"}', status="429 Too Many", headers=headers))


BY_STATUS: Final = {
    400: errors.ValidationError,
    401: errors.AuthenticationError,
    402: errors.PaymentRequired,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    406: errors.NotAcceptable,
    409: errors.Conflict,
    410: errors.NotFound,
    413: errors.PayloadTooLarge,
    415: errors.ValidationError,
    422: errors.ValidationError,
}
ROW_OF_STATUS: Final = {401: "H5", 402: "H6"}


def _refused(
    row: str, name: str, act: Act, error: type[ApiError], *, is_read_back: bool = False
) -> Case:
    return Case(row, name, Fault(act), "refused", error, is_read_back=is_read_back)


HTTP: Final = (
    *(
        _lost("H1", f"{status} {name}", act, errors.ServerError, is_transient=True)
        for status in (500, 502, 504)
        for name, act in (
            ("as a page", _page(f"{status} Oh")),
            ("empty", respond(status=f"{status} Oh", kind="")),
            ("as JSON", respond(b'{"error": "oh"}', status=f"{status} Oh")),
        )
    ),
    _lost(
        "H1",
        "500, applied",
        respond(status="500 Oh"),
        errors.ServerError,
        is_transient=True,
        applies=True,
    ),
    _lost("H2", "503", respond(status="503 Busy"), errors.ServerError, is_transient=True),
    Case("H3", "429", busy(None), "throttled", errors.RateLimited),
    *(
        Case("H3", f"429 after {after}", busy(after), "throttled", errors.RateLimited)
        for after in RETRY_AFTER
    ),
    *(
        Case("H4", f"429 after {after}", busy(after), "throttled", errors.RateLimited)
        for after in NO_RETRY_AFTER
    ),
    *(
        Case("H4", f"429 after {after[:30]}", busy(after), "refused", errors.RateLimited)
        for after in MUCH_LATER
    ),
    *(
        _refused(
            ROW_OF_STATUS.get(status, "H7"),
            f"{status}",
            respond(b'{"error": "no, and here is why"}', status=f"{status} No"),
            error,
            is_read_back=error is errors.NotAcceptable,
        )
        for status, error in BY_STATUS.items()
    ),
    _lost("H9", "408", respond(status="408 Late"), errors.RequestTimeout, is_transient=True),
    *(
        _lost("H12", f"{status} within the host", redirect("/v1/jobs/8.json", f"{status} X"), kind)
        for status, kind in ((301, REDIRECT), (307, REDIRECT), (308, REDIRECT))
    ),
    _lost("H15", "302 to nowhere", redirect(None), REDIRECT),
    *(
        _refused(
            "H17",
            f"200 with {name}",
            respond(body, kind="text/html" if "page" in name else "application/json"),
            errors.ApplicationError,
        )
        for name, body in (
            ("an error", b'{"error": "No."}'),
            ("errors", b'{"errors": ["No.", "Never."]}'),
            ("an error in an object", b'{"error": {"message": "No."}}'),
            ("an error in a message", b'{"message": {"error": "No."}}'),
            ("an error that calls itself a page", b'{"error": "No."}'),
            ("an error nested deeply", b'{"error": ' + b"[" * 700 + b'"No"' + b"]" * 700 + b"}"),
            ("half a character", b'{"error": "No \\ud800"}'),
        )
    ),
    *(
        Case("H17", f"200 with {name}", Fault(respond(body), applies=True), "fine")
        for name, body in (
            ("no error", b'{"error": null}'),
            ("a notice", b'{"notice": "Done."}'),
            ("a warning", b'{"warning": "Done, but."}'),
        )
    ),
    *(
        _lost("H18", name, act, CONTENT_TYPE, applies=True, only_json=True)
        for name, act in (
            ("a page", respond(b"<html>Please sign in</html>", kind="text/html")),
            ("nothing", respond(kind="")),
            ("OK", respond(b"OK", kind="text/plain")),
            ("a charset that is none", respond(b"OK", kind="text/plain; charset=undefined")),
            ("a charset of half a word", respond(b"OK", kind="text/plain; charset=idna")),
        )
    ),
    *(
        Case("H19", status, Fault(respond(body, status=status), applies=True), "fine")
        for status, body in (("201 Created", b'{"id": 7}'), ("202 Accepted", b"{}"))
    ),
    *(
        _lost("H20", str(status), respond(b"{}", status=f"{status} What"), STATUS)
        for status in (103, 300, 304, 600, 999)
    ),
    *(
        _lost("H20", str(status), respond(b"{}", status=f"{status} What"), errors.RefusedError)
        for status in (418, 425, 499)
    ),
    _lost("H22", "packed a hundred times", _packed(_nested(3), *["gzip"] * 100), MALFORMED),
    _lost("H22", "no gzip", _packed(b'{"id": 7}', "gzip"), MALFORMED),
    _lost(
        "H22",
        "half a gzip",
        _packed(gzip.compress(b'{"id": 7}')[:9], "gzip"),
        MALFORMED,
        only_json=True,
    ),
    _lost("H22", "no deflate", _packed(zlib.compress(b"{}")[::-1], "deflate"), MALFORMED),
    Case(
        "H23",
        "cookies",
        Fault(respond(b"{}", headers=("Set-Cookie: a=b; Path=/", "Set-Cookie: =;;")), applies=True),
        "fine",
    ),
)

CONTENT: Final = tuple(
    _lost(row, name, respond(body), MALFORMED, applies=True, only_json=True)
    for row, name, body in (
        ("C3", "no UTF-8", b'{"title": "\xff"}'),
        ("C3", "UTF-16", '{"title": "Gr\u00f6\u00dfe"}'.encode("utf-16")),
        ("C4", "NaN", b'{"id": NaN}'),
        ("C4", "Infinity", b'{"id": -Infinity}'),
        ("C4", "1e400", b'{"id": 1e400}'),
        ("C5", "a number of 5000 digits", b'{"id": ' + b"9" * 5000 + b"}"),
        ("C6", "brackets 100 000 deep", b"[" * 100_000),
        ("C6", "objects 100 000 deep", b'{"a":' * 100_000),
        ("C6", "closed brackets 100 000 deep", b"[" * 100_000 + b"]" * 100_000),
        ("C1", "half an object", b'{"id": 7, "title"'),
    )
) + tuple(
    Case(row, name, Fault(respond(body), applies=True), "fine")
    for row, name, body in (
        ("C3", "a byte order mark", b'\xef\xbb\xbf{"id": 7}'),
        ("C7", "a key twice", b'{"id": 6, "id": 7}'),
        ("C8", "half a character", b'{"title": "\\ud800"}'),
        ("C14", "what nobody knows", b'{"id": 7, "state": "dreaming", "moods": [1, {}]}'),
        ("C15", "dates of all kinds", b'{"created_at": "yesterday", "updated_at": 7}'),
    )
)

CASES: Final = (*NETWORK, *HANDSHAKES, *HTTP, *CONTENT)


def fitting(case: Case, safety: str) -> list[Endpoint]:
    """Return the endpoints to which a fault applies."""
    needs_json = case.only_json or case.row in {"H12", "H15"}
    return [
        each for each in ENDPOINTS if each.safety == safety and (each.as_json or not needs_json)
    ]
