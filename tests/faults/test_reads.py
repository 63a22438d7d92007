"""Lists whose pages fail, repeat or shrink while they are read."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from server import Act, Fault, Request, Server, Wire, hang_up, respond

from crowdflower.exceptions import (
    MalformedResponse,
    PageChanged,
    PageLoop,
    PaginationWarning,
    ServerError,
)
from crowdflower.job import Job

if TYPE_CHECKING:
    from crowdflower.client import Client

LOOKAHEADS = pytest.mark.parametrize("lookahead", [1, 8])


class PagedUnits:
    """Five pages of three units; a page may fail several times before it succeeds."""

    def __init__(self, failures: dict[int, list[Act]] | None = None, turns: int = 10**9) -> None:
        self.asked: list[int] = []
        self._failures = failures or {}
        self._turns = turns

    def __call__(self, wire: Wire, request: Request) -> None:
        page = int(parse_qs(urlsplit(request.target).query)["page"][0])
        self.asked.append(page)
        if self._failures.get(page):
            return self._failures[page].pop(0)(wire, request)
        numbers = range(3 * page, 3 * page + 3) if page <= 5 or self._turns < 10**9 else range(0)
        units = {str(3 + (number - 3) % (3 * self._turns)): {"n": number} for number in numbers}
        return respond(json.dumps(units).encode())(wire, request)


@pytest.fixture
def listing(server: Server, connect: Callable[..., Client]) -> Iterator[Callable[..., Any]]:
    def units(pages: PagedUnits, lookahead: int = 1, count: int | None = None, **how: Any) -> Any:
        server.answer(lambda _: Fault(pages))
        client = connect(server.url, lookahead=lookahead, timeout=(10, 20))
        return client.get_units(Job(client, id=7, units_count=count), **how)

    yield units
    for thread in threading.enumerate():
        if thread.name.startswith("crowdflower-page"):
            thread.join(60)  # unneeded pages are still being fetched


EVERY = list(range(3, 18))


@pytest.mark.row("C11")
@LOOKAHEADS
@pytest.mark.parametrize("act", [hang_up, respond(status="502 Oh"), respond(b'{"3":', length=90)])
def test_only_the_failed_page_is_requested_again(
    listing: Callable[..., Any], lookahead: int, act: Act
) -> None:
    pages = PagedUnits({3: [act]})

    found = [unit.id for unit in listing(pages, lookahead)]

    assert found == EVERY
    assert pages.asked.count(3) == 2
    assert all(pages.asked.count(page) == 1 for page in (1, 2, 4, 5))


@pytest.mark.row("C12")
@LOOKAHEADS
@pytest.mark.parametrize(
    ("act", "error"),
    [(respond(status="502 Oh"), ServerError), (respond(b'["a"]'), MalformedResponse)],
)
def test_a_failing_page_says_where_to_resume(
    listing: Callable[..., Any], lookahead: int, act: Act, error: type[Exception]
) -> None:
    found: list[int] = []

    with pytest.raises(error) as caught:
        found.extend(unit.id for unit in listing(PagedUnits({3: [act] * 9}), lookahead))
    assert (caught.value.page, caught.value.items_seen) == (3, 6)  # type: ignore[attr-defined]
    found += [unit.id for unit in listing(PagedUnits(), lookahead, start_page=3, count=15)]

    assert found == EVERY


@pytest.mark.row("C10")
@LOOKAHEADS
@pytest.mark.parametrize("turns", [1, 2, 4])
def test_repeated_pages_are_a_page_loop(
    listing: Callable[..., Any], lookahead: int, turns: int
) -> None:
    pages = PagedUnits(turns=turns)

    with pytest.raises(PageLoop) as caught:
        list(islice(listing(pages, lookahead), 1000))

    assert caught.value.page == turns + 1
    assert max(pages.asked) <= turns + 1 + lookahead


@pytest.mark.row("C13")
def test_missing_units_are_reported(listing: Callable[..., Any]) -> None:
    with pytest.warns(PaginationWarning, match="the list had 15 items instead of 16"):
        assert len(list(listing(PagedUnits(), count=16))) == 15
    with pytest.raises(PageChanged):
        list(listing(PagedUnits(), count=16, strict=True))
