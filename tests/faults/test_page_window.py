"""Lists from a service that refuses or slows down: fewer pages are fetched at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from server import Act, Fault, Request, Server, Wire, respond

from crowdflower.client import Client
from crowdflower.exceptions import RateLimited
from crowdflower.http.rate_limit import MOST_PAGES
from crowdflower.job import Job

Connect = Callable[..., Client]
Adaptive = Callable[["Units"], Client]

SIZE = 1000
"""Units on a full page."""

BUSY = respond(b'{"error": {"message": "Too many requests"}}', status="429 Too Many Requests")
OVERLOADED = respond(b"", status="503 Service Unavailable", headers=("Retry-After: 1",))


class Units:
    """Full pages of units; counts the requests, and how many are served at a time.

    :param refusals: What is answered first, by the number of the page.
    :param delay: Seconds that a response takes.
    :param one_by_one: Whether a request waits for those before it.
    :param together: Requests, except for page 1, that wait for each other at the beginning.
    """

    def __init__(
        self,
        last: int,
        refusals: dict[int, list[Act]] | None = None,
        *,
        delay: float = 0.0,
        one_by_one: bool = False,
        together: int = 1,
    ) -> None:
        self.last = last
        self.job = respond(json.dumps({"id": 7, "units_count": last * SIZE}).encode())
        self.asked: list[int] = []
        self.jobs = 0
        self.now: list[int] = []
        self._serving = 0
        self._refusals = refusals or {}
        self._delay = delay
        self._lock = threading.Lock()
        self._turn = threading.Semaphore(1 if one_by_one else 1000)
        self._together = together
        self._are_together = threading.Event()

    def __call__(self, wire: Wire, request: Request) -> None:
        if "units" not in request.target:
            self.jobs += 1
            return self.job(wire, request)
        page = int(parse_qs(urlsplit(request.target).query)["page"][0])
        with self._lock:
            self.asked.append(page)
            self._serving += 1
            self.now.append(self._serving)
            refusals = self._refusals.get(page, [])
            act = refusals.pop(0) if refusals else _page(page, self.last)
        if page > 1 and self._serving >= self._together:
            self._are_together.set()
        elif page > 1:
            self._are_together.wait(20)
        if self._delay:
            with self._turn:
                wire.ending.wait(self._delay)
        with self._lock:
            self._serving -= 1
        return act(wire, request)


def _page(page: int, last: int) -> Act:
    numbers = range(page * SIZE, (page + 1) * SIZE) if page <= last else range(0)
    return respond(json.dumps({str(number): {"n": number} for number in numbers}).encode())


@pytest.fixture
def adaptive(server: Server, connect: Connect) -> Iterator[Callable[[Units], Client]]:
    """Connect clients with the default settings, whose last response took long."""

    def build(units: Units) -> Client:
        server.answer(lambda _: Fault(units))
        client = connect(server.url, lookahead=None, timeout=(10, 20))
        client._latency = 1.0
        return client

    yield build
    for thread in threading.enumerate():
        if thread.name.startswith("crowdflower-page"):
            thread.join(60)


def read(client: Client, **known: Any) -> list[int]:
    return [unit.id for unit in client.get_units(Job(client, id=7, **known))]


def ids(last: int) -> list[int]:
    return [*range(SIZE, (last + 1) * SIZE)]


def test_a_list_of_known_length_costs_one_more_request(adaptive: Adaptive) -> None:
    units = Units(20)

    found = read(adaptive(units), units_count=20 * SIZE)

    assert found == ids(20)
    assert sorted(units.asked) == [*range(1, 22)]
    assert units.jobs == 0


def test_a_far_service_gets_sixteen_requests_at_a_time(adaptive: Adaptive) -> None:
    units = Units(20, together=MOST_PAGES, delay=0.05)

    found = read(adaptive(units), units_count=20 * SIZE)

    assert found == ids(20)
    assert max(units.now) == MOST_PAGES


def test_a_service_that_slows_down_gets_fewer_requests_at_a_time(adaptive: Adaptive) -> None:
    units = Units(60, delay=0.01, one_by_one=True)
    client = adaptive(units)
    found, sizes = [], []

    for unit in client.get_units(Job(client, id=7, units_count=60 * SIZE)):
        found.append(unit.id)
        sizes.append(client._page_window.size)

    assert found == ids(60)
    assert min(sizes) <= MOST_PAGES // 2


@pytest.mark.parametrize("refusal", [BUSY, OVERLOADED])
def test_a_refusal_halves_the_window_and_loses_nothing(adaptive: Adaptive, refusal: Act) -> None:
    units = Units(6, {3: [refusal]})
    client = adaptive(units)

    found = read(client, units_count=6 * SIZE)

    assert found == ids(6)
    assert sorted(units.asked) == [1, 2, 3, 3, 4, 5, 6, 7]
    assert client._page_window.size == MOST_PAGES // 2


def test_the_next_list_begins_with_the_window_that_is_left(adaptive: Adaptive) -> None:
    units = Units(6, {1: [BUSY]})
    client = adaptive(units)
    read(client, units_count=6 * SIZE)
    client._page_window.halve()
    client._page_window.halve()
    units.now.clear()

    found = read(client, units_count=6 * SIZE)

    assert found == ids(6)
    assert max(units.now) <= 3  # two, and one more where a round is over


def test_other_errors_leave_the_window_as_it_is(adaptive: Adaptive) -> None:
    units = Units(6, {3: [respond(status="502 Bad Gateway")]})
    client = adaptive(units)

    found = read(client, units_count=6 * SIZE)

    assert found == ids(6)
    assert client._page_window.size == MOST_PAGES


def test_a_page_that_is_refused_for_good_raises_in_its_place(adaptive: Adaptive) -> None:
    units = Units(6, {3: [BUSY] * 9})
    client = adaptive(units)
    found: list[int] = []

    with pytest.raises(RateLimited) as caught:
        found.extend(unit.id for unit in client.get_units(Job(client, id=7, units_count=6 * SIZE)))

    assert found == ids(2)
    assert (caught.value.page, caught.value.items_seen) == (3, 2 * SIZE)
    assert client._page_window.size < MOST_PAGES


def test_a_fixed_lookahead_stays_what_it_is(server: Server, connect: Connect) -> None:
    units = Units(12, {9: [BUSY]}, together=2)
    server.answer(lambda _: Fault(units))
    client = connect(server.url, lookahead=3, timeout=(10, 20))

    found = read(client, units_count=12 * SIZE)

    assert found == ids(12)
    assert 2 <= max(units.now) <= 3


@pytest.mark.parametrize(("last", "jobs"), [(1, 0), (2, 1), (8, 1)])
def test_a_job_that_was_not_read_is_read_once_if_a_list_has_two_full_pages(
    adaptive: Adaptive, last: int, jobs: int
) -> None:
    units = Units(last, delay=0.02)

    found = read(adaptive(units))

    assert found == ids(last)
    assert units.jobs <= jobs
    assert len(units.asked) <= last + 4


def test_a_job_that_cannot_be_read_costs_the_list_nothing(adaptive: Adaptive) -> None:
    units = Units(8, delay=0.02)
    client = adaptive(units)
    units.job = respond(status="404 Not Found")

    assert read(client) == ids(8)
