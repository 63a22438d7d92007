"""Unexpected JSON; pages that fail, and endless pages."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from leaks import leaks
from server import Fault, Request, Server, hang_up, respond

from crowdflower._types import describe_type
from crowdflower.exceptions import (
    ApiError,
    MalformedResponse,
    PageLoop,
    PaginationWarning,
    ServerError,
)
from crowdflower.job import Job
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from crowdflower.client import Client

WRONG = [None, True, 7, 1.5, "error", [], {}, [7], ["error"], [[]], [{}], {"id": None}, {"id": {}}]
WRONG += [{"id": 7, "units_count": each} for each in ("many", 1e300, [], {}, -5)]
WRONG += [{"1": 7}, {"one": {}}, {"\u0661": {}}, {"9" * 5000: {}}, {"id": "9" * 5000}]
WRONG += [{"id": each} for each in (1.0, True, "7.0", " 7", "-7", "")]

NAMED = re.compile(r"(GET|PUT|POST|DELETE) /(account|jobs)[a-z0-9/]*(\.json)?: ")
"""Start of an error that names the request."""

VERBS: dict[str, Callable[[Client], object]] = {
    "get_job": lambda client: client.get_job(7),
    "get_jobs": lambda client: list(client.get_jobs()),
    "get_unit": lambda client: client.get_unit(7, 3),
    "get_units": lambda client: [unit.data for unit in client.get_units(7)],
    "get_judgment": lambda client: client.get_judgment(7, 4),
    "get_judgmentaggregates": lambda client: list(client.get_judgmentaggregates(7)),
    "get_job_tags": lambda client: client.get_job_tags(7),
    "get_account": lambda client: client.get_account(),
    "get_unit_judgments": lambda client: client.get_unit_judgments(7, 3),
    "add_unit": lambda client: client.add_unit(7, {"a": "b"}),
    "copy_unit": lambda client: client.copy_unit(Unit(Job(client, id=7), client, id=3)),
    "reload": lambda client: Job(client, id=7).reload(),
    "reload_unit": lambda client: Unit(Job(client, id=7), client, id=3).reload(),
    "get_order": lambda client: client.get_order(7, 5),
    "create_job": lambda client: client.create_job({"title": "A"}),
    "update_job": lambda client: client.update_job(7, {"title": "A"}),
    "copy_job": lambda client: client.copy_job(7, all_units=True, gold=False),
    "delete_job": lambda client: client.delete_job(7),
    "upload_job": lambda client: client.upload_job([{"a": "b"}], 7),
    "upload": lambda client: client.upload_job([{"a": "b"}]),
    "debit_order": lambda client: client.debit_order(7, 5, ["on_demand"]),
    "pause": lambda client: client.get_job(7).pause(),
    "units": lambda client: client.get_job(7).units,
    "aggregates": lambda client: client.get_job(7).judgment_aggregates,
    "tags": lambda client: client.get_job(7).tags,
    "channels": lambda client: client.get_job(7).channels,
    "ping": lambda client: client.get_job(7).ping(),
}


@pytest.mark.row("C1", "C2")
@pytest.mark.parametrize("verb", VERBS)
def test_json_of_the_wrong_shape_raises_api_errors_only(
    server: Server, client: Client, verb: str
) -> None:
    shown: list[str] = []
    nameless: list[str] = []

    for wrong in WRONG:
        server.plan(Fault(respond(json.dumps(wrong).encode())))
        try:
            VERBS[verb](client)
        except ApiError as error:
            shown += leaks(error)
            nameless += [str(error)] if not NAMED.match(str(error)) else []

    assert shown == []
    assert nameless == []


@pytest.mark.row("C1")
@pytest.mark.filterwarnings("ignore::crowdflower.exceptions.PaginationWarning")
@pytest.mark.filterwarnings("ignore:paused, but the job cannot be read again:UserWarning")
@pytest.mark.parametrize("verb", VERBS)
def test_wrong_json_after_a_valid_job_raises_api_errors_only(
    server: Server, client: Client, verb: str
) -> None:
    job = Fault(respond(b'{"id": 7, "units_count": 3, "title": "A"}'))
    shown: list[str] = []
    nameless: list[str] = []

    for wrong in WRONG:
        server.plan(job, Fault(respond(json.dumps(wrong).encode())))
        try:
            VERBS[verb](client)
        except ApiError as error:
            shown += leaks(error)
            nameless += [str(error)] if not NAMED.match(str(error)) else []

    assert shown == []
    assert nameless == []


@pytest.mark.row("C1")
@pytest.mark.parametrize("wrong", [None, True, 7, "error", []])
def test_the_error_names_the_type_received_instead_of_a_job(
    server: Server, client: Client, wrong: object
) -> None:
    server.plan(Fault(respond(json.dumps(wrong).encode())))

    with pytest.raises(
        MalformedResponse, match=f"expected the JSON of a job, got {describe_type(wrong)}"
    ):
        client.get_job(7)


@pytest.mark.row("C2")
@pytest.mark.parametrize(("given", "taken"), [(7, 7), ("7", 7), (2**63, 2**63)])
def test_an_id_is_a_number_or_its_digits(
    server: Server, client: Client, given: object, taken: int
) -> None:
    server.plan(Fault(respond(json.dumps({"id": given}).encode())))

    assert client.get_job(7).id == taken


# Pages


def pages(server: Server, contents: dict[int, Any], *, end: object, broken: set[int]) -> None:
    """Serve pages by number; each broken page fails once."""

    def choose(request: Request) -> Fault:
        number = int(request.target.partition("page=")[2].partition("&")[0])
        if number in broken:
            broken.remove(number)
            return Fault(hang_up)
        return Fault(respond(json.dumps(contents.get(number, end)).encode()))

    server.answer(choose)


PAGES = {number: {str(10 * number + item): {} for item in range(3)} for number in range(1, 6)}
IDS = [10 * number + item for number in range(1, 6) for item in range(3)]


@pytest.fixture(params=[1, 4])
def reader(
    request: pytest.FixtureRequest, server: Server, connect: Callable[..., Client]
) -> Client:
    return connect(server.url, lookahead=request.param)


def ids(client: Client) -> Iterator[int]:
    return (unit.id for unit in client.get_units(7))


@pytest.mark.row("C9")
@pytest.mark.parametrize("end", [{}, []])
def test_a_list_ends_at_an_empty_page_not_at_a_short_one(
    server: Server, reader: Client, end: object
) -> None:
    pages(server, {**PAGES, 3: {"30": {}}}, end=end, broken=set())

    assert list(ids(reader)) == [each for each in IDS if each not in {31, 32}]


@pytest.mark.row("C9")
@pytest.mark.parametrize("end", [None, 0, False, ""])
def test_an_empty_body_does_not_end_a_list(server: Server, reader: Client, end: object) -> None:
    pages(server, PAGES, end=end, broken=set())
    seen = []

    with pytest.raises(MalformedResponse):
        seen.extend(ids(reader))
    with pytest.raises(MalformedResponse):
        list(reader.get_jobs())


@pytest.mark.row("C10")
def test_a_server_that_ignores_the_page_number_is_a_page_loop(
    server: Server, reader: Client
) -> None:
    server.plan(Fault(respond(json.dumps(PAGES[1]).encode())))

    with pytest.raises(PageLoop) as caught:
        list(ids(reader))

    assert caught.value.page == 2
    assert len(server.log) <= 2 + reader._lookahead


@pytest.mark.row("C11")
def test_a_page_that_fails_once_causes_no_gap_and_no_duplicate(
    server: Server, reader: Client
) -> None:
    pages(server, PAGES, end={}, broken={1, 3, 5})

    assert list(ids(reader)) == IDS


@pytest.mark.row("C12")
def test_a_failing_page_raises_after_all_items_before_it(server: Server, reader: Client) -> None:
    def choose(request: Request) -> Fault:
        number = int(request.target.partition("page=")[2])
        page = json.dumps(PAGES.get(number, {})).encode()
        return Fault(respond(status="500 Oh") if number == 3 else respond(page))

    server.answer(choose)
    seen = []

    with pytest.raises(ServerError) as caught:
        seen.extend(ids(reader))

    assert seen == IDS[:6]
    assert caught.value.page == 3
    assert leaks(caught.value) == []


@pytest.mark.row("C13")
def test_a_list_that_shrinks_while_it_is_read_warns(server: Server, reader: Client) -> None:
    pages(server, PAGES, end={}, broken=set())
    job = Job(reader, id=7, units_count=16)

    with pytest.warns(PaginationWarning, match="the list had 15 items instead of 16"):
        assert len(list(reader.get_units(job))) == 15


@pytest.mark.row("C16")
@pytest.mark.parametrize("size", [1 << 16, 1 << 20])
def test_a_large_cell_is_read_and_the_global_limit_is_restored(
    server: Server, client: Client, size: int
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("f7.csv", f"a,b\n{'x' * size},2\n")
    server.plan(Fault(respond(archive.getvalue(), kind="application/zip")))
    before = csv.field_size_limit()

    rows = client.get_report(7, "full")

    assert len(rows[0]["a"]) == size
    assert csv.field_size_limit() == before


# One line

HOSTILE = "no\n2026-11-30 INFO paid \x1b[2J\r\u2028x\u202etxt\x85\x9b5\u2066\x00"
"""What would be several lines of a log, or change what a terminal shows (CWE-117)."""


def shown_safely(text: str) -> bool:
    return len(text.splitlines()) == 1 and text.isprintable()


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        ("422 X", {"error": {"message": HOSTILE}}, ()),
        ("200 OK", {"error": [HOSTILE]}, ()),
        ("500 X", {"errors": {HOSTILE: HOSTILE}}, ()),
        ("409 X", {"message": HOSTILE}, ()),
        ("503 X", HOSTILE, ()),
        ("200 OK", HOSTILE, ()),
        ("403 for\x1b[2Jbidden\x85\x9b", {}, ()),
        ("200 OK", "page", ("Content-Type: text/\x1b[2Jhtml\x85",)),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_a_server_says_is_one_line_without_control_characters(
    server: Server, client: Client, status: str, body: Any, headers: tuple[str, ...], method: str
) -> None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    server.answer(
        lambda _: Fault(respond(content, status=status, headers=headers, kind="text/plain"))
    )

    with pytest.raises(ApiError) as caught:
        client.call("jobs/7/orders.json", method=method)

    assert shown_safely(str(caught.value)), ascii(str(caught.value))
    assert shown_safely(getattr(caught.value, "evidence", "known"))


def test_a_warning_is_one_line_without_control_characters(server: Server, client: Client) -> None:
    created = {"id": 5, "message": {"error": HOSTILE}}
    server.answer(lambda _: Fault(respond(json.dumps(created).encode())))

    with pytest.warns(UserWarning, match="no 2026-11-30 INFO paid") as caught:
        client.call("jobs/7/units.json", method="post")

    assert all(shown_safely(str(each.message)) for each in caught)


def test_words_with_joiners_stay_whole(server: Server, client: Client) -> None:
    """Joiners are format characters too, and part of words in Persian and Hindi."""
    said = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645, \u0915\u094d\u200d\u0937"
    server.plan(Fault(respond(json.dumps({"error": said}).encode(), status="422 X")))

    with pytest.raises(ApiError, match=said):
        client.get_job(7)
