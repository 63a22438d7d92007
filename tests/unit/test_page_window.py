"""How many pages of a list are fetched at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from crowdflower.exceptions import ServerError
from crowdflower.http.pagination import Cost, pages
from crowdflower.http.rate_limit import (
    FAR,
    IN_TIME,
    SLOW_DOWN_INTERVAL,
    AdaptiveReadAhead,
    PageWindow,
)

SIZE = 10
"""Items on a full page."""


def waiting(seconds: float) -> Cost:
    return Cost(seconds, cpu=0.001)


def read(read_ahead: AdaptiveReadAhead, seconds: Callable[[int], float], number: int) -> list[int]:
    """Learn full pages that take a time for each number of pages at once; return those numbers."""
    widths = []
    start = read_ahead._pages + 1
    for page in range(start, start + number):
        width = read_ahead.limit
        widths.append(width)
        read_ahead.learn(page, SIZE, waiting(seconds(max(1, width))), max(0, width - 1))
    return widths


def far(window: PageWindow, count: int | None = 100_000, **hints: Any) -> AdaptiveReadAhead:
    return AdaptiveReadAhead(window, SIZE, count, latency=0.05, **hints)


# The window of a client


def test_the_window_halves_down_to_one_page_and_grows_one_by_one() -> None:
    window = PageWindow(16)

    halved = [window.size]
    for _ in range(5):
        window.halve()
        halved.append(window.size)
    grown = []
    for _ in range(17):
        window.grow()
        grown.append(window.size)

    assert halved == [16, 8, 4, 2, 1, 1]
    assert grown == [*range(2, 17), 16, 16]


def test_refusals_of_one_burst_halve_the_window_once() -> None:
    window = PageWindow(16)

    for delay in (0, 0.01, SLOW_DOWN_INTERVAL / 2):
        window.refuse(100 + delay)
    once = window.size
    window.refuse(100 + SLOW_DOWN_INTERVAL)

    assert (once, window.size) == (8, 4)


# The first pages of a list


def test_a_list_of_unknown_length_begins_with_two_pages_one_by_one() -> None:
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE)

    limits = read(read_ahead, lambda _: 0.05, 4)

    assert limits == [0, 0, 4, 4]


def test_a_list_of_known_length_begins_with_eight_pages_if_the_service_is_far() -> None:
    begun = AdaptiveReadAhead(PageWindow(), SIZE, 1000, latency=FAR).limit
    near = AdaptiveReadAhead(PageWindow(), SIZE, 1000, latency=FAR * 0.9).limit

    assert (begun, near) == (8, 0)


@pytest.mark.parametrize("latency", [0, 0.05])
def test_one_full_page_in_time_opens_the_whole_window(latency: float) -> None:
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE, 1000, latency=latency)

    read(read_ahead, lambda _: IN_TIME, 1)

    assert read_ahead.limit == 16


@pytest.mark.parametrize(("items", "seconds"), [(SIZE, IN_TIME * 1.01), (SIZE - 1, 0.05)])
def test_a_late_or_a_short_page_does_not_open_it(items: int, seconds: float) -> None:
    read_ahead = far(PageWindow())

    read_ahead.learn(1, items, waiting(seconds), 7)

    assert read_ahead.limit == 8


def test_pages_of_a_near_service_are_read_one_by_one() -> None:
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE, 1000, latency=0.001)

    assert read(read_ahead, lambda _: 0.0005, 20) == [0] * 20


def test_no_more_threads_are_used_than_wait_for_the_network() -> None:
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE, 1000)

    read_ahead.learn(1, SIZE, Cost(waiting=0.006, cpu=0.002), 0)

    assert read_ahead.limit == 5


def test_the_window_of_the_client_limits_every_list() -> None:
    window = PageWindow()
    window.halve()
    window.halve()

    read_ahead = far(window)

    assert read(read_ahead, lambda _: 0.05, 3) == [4, 4, 4]


# The end of a list


def test_a_known_number_of_items_ends_the_pages_read_ahead() -> None:
    assert far(PageWindow(), 95).last == 11
    assert far(PageWindow(), 100).last == 11
    assert far(PageWindow(), 101).last == 12


def test_a_list_that_has_grown_goes_on_as_one_of_unknown_length() -> None:
    read_ahead = far(PageWindow(), 25)

    read(read_ahead, lambda _: 0.05, 4)

    assert (read_ahead.last, read_ahead.limit) == (float("inf"), 4)


def test_a_list_of_unknown_length_is_read_ahead_as_far_as_it_was_read() -> None:
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE)

    limits = read(read_ahead, lambda _: 0.05, 40)

    assert limits == [0, 0, 4, 4, *range(4, 16), *[16] * 24]


def test_a_number_that_is_the_most_allows_eight_pages_and_then_as_many_as_were_read() -> None:
    read_ahead = far(PageWindow(), is_most=True)

    limits = read(read_ahead, lambda _: 0.05, 20)

    assert limits == [*[8] * 9, *range(9, 16), *[16] * 4]


def test_where_other_responses_are_fast_one_late_page_proves_nothing() -> None:
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE, 1000, latency=0.0005)
    limits = []

    for page, seconds in enumerate([0.0005, 0.2, 0.0005, 0.2, 0.2], 1):
        read_ahead.learn(page, SIZE, waiting(seconds), 0)
        limits.append(read_ahead.limit)

    assert limits == [0, 0, 0, 0, 16]


def test_pages_that_only_wait_for_each_other_are_read_one_by_one_again() -> None:
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE, 1000)
    read_ahead.learn(1, SIZE, Cost(0.006, cpu=0.002), 0)
    limits = []

    for page in range(2, 8):
        read_ahead.learn(page, SIZE, Cost(waiting=0.003, cpu=0.002), 4)
        limits.append(read_ahead.limit)

    assert limits == [5, 5, 5, 5, 0, 0]


def test_a_first_page_beside_others_shows_a_near_service() -> None:
    read_ahead = far(PageWindow())

    read_ahead.learn(1, SIZE, Cost(waiting=0.012, cpu=0.002), 7)

    assert read_ahead.limit == 0


@pytest.mark.parametrize("hints", [{"count": None}, {"is_most": True}])
def test_after_a_shorter_page_nothing_more_is_read_ahead_if_the_end_is_unknown(
    hints: dict[str, Any],
) -> None:
    read_ahead = far(PageWindow(), **hints)
    read(read_ahead, lambda _: 0.05, 3)
    before = read_ahead.limit

    read_ahead.learn(4, SIZE - 1, waiting(0.05), 3)

    assert (before, read_ahead.limit) == (8 if hints.get("is_most") else 4, 0)


def test_after_a_shorter_page_before_the_last_one_a_list_has_lost_items() -> None:
    lost, last = far(PageWindow(), 95), far(PageWindow(), 95)
    for each, short in ((lost, 5), (last, 10)):
        read(each, lambda _: 0.05, short - 1)
        each.learn(short, SIZE - 1, waiting(0.05), 7)

    assert (lost.limit, last.limit) == (0, 16)


def test_pages_that_the_service_makes_smaller_are_read_ahead_too() -> None:
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE)

    for page in range(1, 20):
        read_ahead.learn(page, SIZE // 2, waiting(0.05), 0 if page < 3 else 3)

    assert read_ahead.limit == 8


def test_the_number_of_items_is_asked_for_once_after_a_second_page() -> None:
    asked = []

    def ask() -> int:
        asked.append(1)
        return 95

    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE, ask=ask)
    answers = []
    for page in range(1, 5):
        answers.append(read_ahead.ask_count())
        read_ahead.learn(page, SIZE, waiting(0.05), 0)

    assert answers == [False, False, True, False]
    assert asked == [1]
    assert (read_ahead.last, read_ahead.limit) == (11, 16)


def test_a_number_that_nobody_knows_is_not_asked_for_again() -> None:
    answers: Iterator[None] = iter([None])
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE, ask=lambda: next(answers))
    read(read_ahead, lambda _: 0.05, 2)

    assert [read_ahead.ask_count(), read_ahead.ask_count()] == [False, False]
    assert read_ahead.limit == 4


# A service that slows down


def test_a_service_that_takes_one_request_at_a_time_gets_few_at_a_time() -> None:
    read_ahead = AdaptiveReadAhead(PageWindow(), SIZE, 100_000)

    widths = read(read_ahead, lambda width: 0.03 * width, 300)

    assert widths[:2] == [0, 16]
    assert max(widths[100:]) <= 4


def test_a_service_that_takes_all_requests_at_once_gets_the_whole_window() -> None:
    widths = read(far(PageWindow()), lambda _: 0.05, 100)

    assert widths[1:] == [16] * 99


def test_a_slowdown_that_ends_lets_the_window_grow_back_by_one_a_round() -> None:
    window = PageWindow()
    read_ahead = far(window)

    read(read_ahead, lambda _: 0.05, 20)
    read(read_ahead, lambda width: 0.05 if width < 16 else 0.2, 32)
    halved = window.size
    recovering = read(read_ahead, lambda _: 0.05, 8 + 9)
    read(read_ahead, lambda _: 0.05, 200)

    assert halved == 8
    assert recovering[-1] <= 10
    assert window.size == 16


def test_pages_that_take_longer_whatever_the_window_do_not_shrink_it_for_ever() -> None:
    window = PageWindow()
    read_ahead = far(window)

    read(read_ahead, lambda _: 0.05, 20)
    slow = read(read_ahead, lambda _: 0.2, 300)

    assert min(slow) == 8
    assert window.size == 16


def test_a_few_slow_pages_among_fast_ones_change_nothing() -> None:
    window = PageWindow()
    read_ahead = far(window)

    seconds = iter([0.05, *[0.05, 0.5, 0.5] * 67])
    read(read_ahead, lambda _: next(seconds), 200)

    assert window.size == 16


def test_pages_of_a_near_service_never_change_the_window() -> None:
    window = PageWindow()
    seconds = iter([0.0001, *[0.2] * 50])

    read_ahead = AdaptiveReadAhead(window, SIZE, 1000)
    for page in range(1, 50):
        read_ahead.learn(page, SIZE, Cost(next(seconds), cpu=1.0), 0)

    assert window.size == 16


# Pages


class Service:
    """Full pages up to a number; records what is requested, and how much of it at a time."""

    def __init__(self, last: int, refuse: int = 0) -> None:
        self.asked: list[int] = []
        self.most = 0
        self._last = last
        self._refuse = refuse
        self._lock = threading.Lock()
        self._now = 0

    def __call__(self, number: int) -> list[int]:
        with self._request(number):
            if number == self._refuse:
                raise ServerError("out of order")
            return [number * 100 + item for item in range(SIZE)] if number <= self._last else []

    @contextmanager
    def _request(self, number: int) -> Iterator[None]:
        with self._lock:
            self.asked.append(number)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1


def far_pages(service: Service, **hints: Any) -> Iterator[list[int]]:
    return pages(
        service,
        is_end=lambda page: not page,
        read_ahead=AdaptiveReadAhead(PageWindow(), SIZE, **hints),
        measure=lambda fetch, number: (fetch(number), waiting(0.05)),
    )


@pytest.mark.parametrize("last", [0, 1, 2, 3, 17, 40])
@pytest.mark.parametrize("known", [True, False])
def test_every_page_comes_once_and_in_order(last: int, known: bool) -> None:
    service = Service(last)

    found = list(far_pages(service, count=last * SIZE if known else None, latency=0.05))

    assert [page[0] // 100 for page in found] == [*range(1, last + 1)]
    assert len(service.asked) == len({*service.asked})


@pytest.mark.parametrize("last", [1, 2, 5, 40])
@pytest.mark.parametrize("latency", [0, 0.05])
def test_a_list_of_known_length_costs_one_more_request(last: int, latency: float) -> None:
    service = Service(last)

    list(far_pages(service, count=last * SIZE, latency=latency))

    assert sorted(service.asked) == [*range(1, last + 2)]


def test_a_full_page_that_is_the_only_one_costs_one_more_request() -> None:
    service = Service(1)

    list(far_pages(service))

    assert service.asked == [1, 2]


@pytest.mark.parametrize("last", [2, 3, 8, 20, 100])
def test_a_list_of_unknown_length_is_not_read_far_past_its_end(last: int) -> None:
    service = Service(last)

    list(far_pages(service))

    assert max(service.asked) <= last + min(16, max(4, last))


def test_with_a_number_that_can_be_asked_for_nothing_is_read_past_the_end() -> None:
    service = Service(40)

    list(far_pages(service, ask=lambda: 40 * SIZE))

    assert sorted(service.asked) == [*range(1, 42)]


def test_a_slow_reader_pauses_the_reading_ahead() -> None:
    service = Service(100)
    source = far_pages(service, count=100 * SIZE, latency=0.05)
    ahead = []

    for number in range(1, 41):
        next(source)
        ahead.append(max(service.asked) - number)
    source.close()  # type: ignore[attr-defined]

    assert max(ahead) <= 32
    assert service.most <= 16


def test_a_late_page_does_not_halt_the_others() -> None:
    others_came = threading.Event()
    asked = []

    def fetch(number: int) -> list[int]:
        asked.append(number)
        if number == 2:
            assert others_came.wait(timeout=60)
        if number == 33:
            others_came.set()
        return [number * 100 + item for item in range(SIZE)] if number <= 60 else []

    found = list(
        pages(
            fetch,
            is_end=lambda page: not page,
            read_ahead=far(PageWindow(), 60 * SIZE),
            measure=lambda fetch, number: (fetch(number), waiting(0.05)),
        )
    )

    assert [page[0] // 100 for page in found] == [*range(1, 61)]
    assert max(asked[: asked.index(33) + 1]) <= 34


def test_a_list_of_unknown_length_is_not_read_further_past_its_end_for_a_late_page() -> None:
    read_ahead = far(PageWindow(), None)

    read(read_ahead, lambda _: 0.05, 3)

    assert (read_ahead.limit, read_ahead.most_waiting) == (4, 4)


def test_a_failure_comes_in_its_place_while_later_pages_were_read() -> None:
    service = Service(40, refuse=20)
    found = []

    with pytest.raises(ServerError) as caught:
        found.extend(far_pages(service, count=40 * SIZE, latency=0.05))

    assert (len(found), caught.value.page, caught.value.items_seen) == (19, 20, 190)


def test_a_reader_that_stops_leaves_the_rest_unread() -> None:
    service = Service(1000)
    source = far_pages(service, count=1000 * SIZE, latency=0.05)

    for _ in zip(count(), range(3), source):
        pass
    source.close()  # type: ignore[attr-defined]

    assert max(service.asked) <= 4 + 16
