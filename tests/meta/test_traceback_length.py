"""Tracebacks are short: an error shows the functions on the way of its call, and at most one more.

``test_call_depth`` has the ways. Every exception that is printed counts, causes too, and every
function of the package; those of requests and urllib3 do not.
"""

from __future__ import annotations

import io
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import NewConnectionError, ProtocolError

import crowdflower
from crowdflower import Client, Job, UnitPromise

PACKAGE = Path(crowdflower.__file__).parent

JOB = {
    "id": 7,
    "state": "unordered",
    "title": "Sentiment",
    "instructions": "Read.",
    "cml": "<cml:text label='a'/>",
    "fields": {"a": "agg"},
    "units_count": 10,
    "payment_cents": 5,
    "judgments_per_unit": 3,
    "units_per_assignment": 5,
    "gold_per_assignment": 0,
}

BODIES = {
    "/v1/account.json": {"id": 1},
    "/v1/jobs.json": {"id": 7},
    "/v1/jobs/7.json": JOB,
    "/v1/jobs/7/ping.json": {"ordered_units": 0},
}
"""What is read before the request that fails."""

Failure = Callable[[PreparedRequest], Response]


def respond(status: int, body: bytes, kind: str = "application/json", **headers: str) -> Failure:
    """Return a function that responds to a request."""

    def respond_to(request: PreparedRequest) -> Response:
        response = Response()
        response.status_code, response.request, response.url = status, request, str(request.url)
        response.headers.update({"Content-Type": kind, **headers})
        response.raw = HTTPResponse(io.BytesIO(body), preload_content=False)
        return response

    return respond_to


def fail(error: Exception) -> Failure:
    """Return a function that raises."""

    def raise_error(request: PreparedRequest) -> Response:
        raise error

    return raise_error


def break_off(request: PreparedRequest) -> Response:
    """Respond with a body that ends too early."""

    class Broken(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise ProtocolError("the body ends too early")

    response = respond(200, b"")(request)
    response.raw = HTTPResponse(Broken(), preload_content=False)
    return response


REFUSAL = b'{"error": {"message": "No."}}'
STATUSES = [
    302,
    400,
    401,
    402,
    403,
    404,
    405,
    406,
    409,
    413,
    418,
    422,
    429,
    500,
    501,
    502,
    503,
    504,
]
FAILURES: dict[str, Failure] = {
    **{f"status {status}": respond(status, REFUSAL) for status in STATUSES},
    "200 with an error": respond(200, REFUSAL),
    "200 with errors": respond(200, b'{"errors": ["No.", "And no."]}'),
    "connection lost": fail(
        requests.ConnectionError(ProtocolError("lost", ConnectionResetError()))
    ),
    "not connected": fail(requests.ConnectionError(NewConnectionError(None, "refused"))),  # type: ignore[arg-type]
    "timeout": fail(requests.ReadTimeout("timed out")),
    "broken off": break_off,
    "half of a JSON": respond(200, b'{"id": '),
    "not an object": respond(200, b"[1]"),
    "a string": respond(200, b'"OK"'),
    "an empty body": respond(200, b""),
    "a page": respond(200, b"<html>", "text/html"),
    "a damaged archive": respond(200, b"PK\3\4and more", "application/zip"),
    "a redirect": respond(302, b"", "text/html", Location="http://elsewhere.example/"),
}


class FailingAdapter(HTTPAdapter):
    """Lets one request fail, or all of them; answers the others from :data:`BODIES`."""

    def __init__(self, failure: Failure, only: str) -> None:
        super().__init__()
        self._failure = failure
        self._only = only

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        path = str(request.path_url).partition("?")[0]
        if self._only in {"", f"{request.method} {path.removeprefix('/v1')}"}:
            return self._failure(request)
        return respond(200, repr(BODIES[path]).replace("'", '"').encode())(request)


class Clock:
    """A clock that does not wait."""

    def __init__(self) -> None:
        self._time = 0.0

    def monotonic(self) -> float:
        return self._time

    def sleep(self, seconds: float, /) -> None:
        self._time += seconds


class Case(NamedTuple):
    """A call that fails."""

    call: Callable[[Client], object]
    way: int
    """Functions on its way to the request, as in ``test_call_depth``."""

    only: str = ""
    """The request that fails; all of them by default."""


def update(client: Client) -> None:
    job = Job(client, **JOB)
    job.payment_cents = 7
    job.update()


CASES = {
    "get_job": Case(lambda client: client.get_job(7), 4),
    "create_job": Case(lambda client: client.create_job({"title": "Sentiment"}), 4),
    "call": Case(lambda client: client.call("jobs/7.json"), 4),
    "path": Case(lambda client: client.jobs[7].ping(), 5),
    "reload": Case(lambda client: Job(client, id=7).reload(), 4),
    "pause": Case(lambda client: Job(client, id=7).pause(), 4),
    "update": Case(update, 5),
    "delete": Case(lambda client: Job(client, id=7).delete(), 5),
    "copy": Case(lambda client: Job(client, id=7).copy(), 5),
    "upload": Case(lambda client: Job(client, id=7).upload([{"a": 1}]), 6),
    "upload_job": Case(lambda client: client.upload_job([{"a": 1}]), 5),
    "launch": Case(lambda client: Job(client, **JOB).launch(2), 6),
    "the order of launch": Case(
        lambda client: Job(client, **JOB).launch(2), 6, "POST /jobs/7/orders.json"
    ),
    "bonus": Case(lambda client: Job(client, id=7).get_worker(3).bonus(10), 6),
    "get_report": Case(lambda client: client.get_report(7, "full"), 6),
    "download_report": Case(lambda client: client.download_report(7, "full", "new.csv"), 6),
    "results": Case(lambda client: list(Job(client, **JOB).results()), 8),
    "state of a promise": Case(lambda client: UnitPromise(Job(client, id=7), id=5).state, 7),
    "get_jobs": Case(lambda client: list(client.get_jobs()), 8),
    "get_units": Case(lambda client: list(client.get_units(7)), 8),
}


def printed_functions(error: BaseException) -> list[str]:
    """Return the functions of the package in the traceback that Python prints."""

    def printed(each: traceback.TracebackException) -> Iterator[str]:
        if each.__cause__ is not None:
            yield from printed(each.__cause__)
        elif each.__context__ is not None and not each.__suppress_context__:
            yield from printed(each.__context__)
        yield from (one.name for one in each.stack if Path(one.filename).is_relative_to(PACKAGE))

    return list(printed(traceback.TracebackException.from_exception(error)))


def client_with(adapter: HTTPAdapter) -> Client:
    session = requests.Session()
    session.mount("http://", adapter)
    return Client("a-key", "http://localhost:1/v1", session=session, clock=Clock())


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("case", CASES)
def test_an_error_shows_the_way_of_the_call_and_at_most_one_more(
    case: str, failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, way, only = CASES[case]
    client = client_with(FailingAdapter(FAILURES[failure], only))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(client)
    except crowdflower.ApiError as error:
        functions = printed_functions(error)
    else:
        functions = []  # this answer is a success

    assert len(functions) <= way + 1, functions
    assert functions or failure in {"not an object", "a string"}


INVALID: dict[str, tuple[Callable[[Client], object], int]] = {
    "an id": (lambda client: client.get_job(0), 4),
    "attributes": (lambda client: client.create_job("Sentiment"), 4),  # type: ignore[arg-type]
    "a misspelled attribute": (lambda client: client.create_job({"titel": "Sentiment"}), 4),
    "a value": (lambda client: client.create_job({"title": object()}), 4),
    "a value inside": (lambda client: client.create_job({"options": {"a": [{"b": object()}]}}), 4),
    "a value of an update": (lambda client: client.update_job(7, {"title": object()}), 5),
    "rows": (lambda client: Job(client, id=7).upload(5), 6),  # type: ignore[call-overload]
    "a row": (lambda client: Job(client, id=7).upload([5]), 6),  # type: ignore[list-item]
    "a cell": (lambda client: Job(client, id=7).upload([{"a": object()}]), 6),
    "a number of units": (lambda client: Job(client, **JOB).launch(0), 6),
    "channels": (lambda client: Job(client, **JOB).launch(2, [5]), 6),  # type: ignore[list-item]
    "a limit": (lambda client: Job(client, **JOB).launch(2, max_cost_cents=-1), 6),
    "too small a limit": (lambda client: Job(client, **JOB).launch(2, max_cost_cents=1), 6),
    "a report type": (lambda client: client.get_report(7, "all"), 6),  # type: ignore[call-overload]
    "an index": (lambda client: Job(client, **JOB).preview(1.5), 1),  # type: ignore[arg-type]
    "a key": (lambda _: Client("", "http://localhost:1/v1"), 3),
    "an address": (lambda _: Client("a-key", "ftp://localhost"), 3),
}
"""What is invalid: the call, and the functions on its way."""


@pytest.mark.parametrize("what", INVALID)
def test_an_invalid_argument_shows_no_more_than_a_failed_request(what: str) -> None:
    call, way = INVALID[what]
    client = client_with(FailingAdapter(respond(404, REFUSAL), "no request"))

    with pytest.raises((crowdflower.ApiError, ValueError)) as caught:
        call(client)

    functions = printed_functions(caught.value)
    assert len(functions) <= way + 1, functions


TRICKS = re.compile(r"__tracebackhide__|with_traceback|__traceback__|tb_next|sys\.excepthook")


@pytest.mark.parametrize(
    "path",
    [path for path in PACKAGE.rglob("*.py") if "sandbox" not in path.relative_to(PACKAGE).parts],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_no_function_is_hidden_from_a_traceback(path: Path) -> None:
    assert not TRICKS.search(path.read_text(encoding="utf-8"))
