"""Pagination: numbered pages, with lookahead."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from crowdflower.exceptions import PageChanged, PageLoop, PaginationWarning, ServerError
from crowdflower.http.pagination import (
    MIN_WAIT,
    MIN_WAIT_RATIO,
    Cost,
    end_marker,
    pages,
    verify_count,
)

LOOKAHEADS = pytest.mark.parametrize("lookahead", [1, 2, 8])

FAR = Cost(waiting=0.1, cpu=0.001)
"""Time of a page on a slow network, where lookahead helps."""

NEAR = Cost(waiting=0.0005, cpu=0.001)
"""Time of a page of a service on the same machine."""


def timings(*costs: Cost) -> Callable[[Callable[[int], Any], int], tuple[Any, Cost]]:
    """Return a function that gives these times page by page, then the last one."""
    return lambda fetch, number: (fetch(number), costs[min(number, len(costs)) - 1])


def is_empty(page: list[int]) -> bool:
    return not page


class RecordedPages:
    """Numbered pages, with a list of the requested ones."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes
        self.asked: list[int] = []
        self.threads: set[str] = set()

    def __call__(self, number: int) -> list[int]:
        self.asked.append(number)
        self.threads.add(threading.current_thread().name)
        size = self.sizes[number - 1] if number <= len(self.sizes) else 0
        return [number * 1000 + item for item in range(size)]

    @property
    def items(self) -> list[int]:
        return [n * 1000 + item for n, size in enumerate(self.sizes, 1) for item in range(size)]


@LOOKAHEADS
@pytest.mark.parametrize(
    "sizes", [(), (3,), (10,), (10, 10), (10, 10, 3), (10, 4, 10, 4), (1,) * 25]
)
@pytest.mark.parametrize("known", [True, False])
def test_every_item_is_yielded_once_and_in_order_for_any_page_sizes(
    lookahead: int, sizes: tuple[int, ...], known: bool
) -> None:
    fetch_page = RecordedPages(*sizes)
    hints: dict[str, Any] = {"size": 10, "expected": len(sizes)} if known else {}

    found = [
        item
        for page in pages(
            fetch_page, is_end=is_empty, measure=timings(FAR), lookahead=lookahead, **hints
        )
        for item in page
    ]

    assert found == fetch_page.items


@LOOKAHEADS
def test_a_list_may_start_at_a_later_page(lookahead: int) -> None:
    fetch_page = RecordedPages(2, 2, 2, 2)

    found = list(
        pages(fetch_page, first=3, is_end=is_empty, measure=timings(FAR), lookahead=lookahead)
    )

    assert found == [[3000, 3001], [4000, 4001]]
    assert min(fetch_page.asked) == 3


@LOOKAHEADS
def test_no_page_is_fetched_before_iteration_starts(lookahead: int) -> None:
    fetch_page = RecordedPages(2)

    pages(fetch_page, is_end=is_empty, measure=timings(FAR), lookahead=lookahead)

    assert fetch_page.asked == []


@LOOKAHEADS
def test_a_list_of_one_page_costs_one_more_request_and_no_thread(lookahead: int) -> None:
    fetch_page = RecordedPages(2)

    list(pages(fetch_page, is_end=is_empty, measure=timings(FAR), lookahead=lookahead, size=10))

    assert fetch_page.asked == [1, 2]
    assert fetch_page.threads == {threading.current_thread().name}


def test_without_lookahead_pages_are_fetched_sequentially() -> None:
    fetch_page = RecordedPages(2, 2, 2)

    first, second = islice(pages(fetch_page, is_end=is_empty, lookahead=1), 2)

    assert (first, second) == ([1000, 1001], [2000, 2001])
    assert fetch_page.asked == [1, 2]


@pytest.mark.parametrize("lookahead", [2, 8])
def test_the_lookahead_limits_concurrent_fetches(lookahead: int) -> None:
    fetch_page = RecordedPages(*[10] * 40)
    seen = []

    for count, _ in enumerate(
        pages(fetch_page, is_end=is_empty, measure=timings(FAR), lookahead=lookahead, size=10), 1
    ):
        seen.append(max(fetch_page.asked) - count)
        if count == 20:
            break

    assert max(seen) <= lookahead


@pytest.mark.parametrize("known", [True, False])
def test_pages_of_a_near_service_are_fetched_in_the_calling_thread(known: bool) -> None:
    fetch_page = RecordedPages(*[10] * 40)
    hints: dict[str, Any] = {"expected": 41} if known else {}

    source = pages(
        fetch_page, is_end=is_empty, measure=timings(NEAR), lookahead=8, size=10, **hints
    )
    begun = [next(source) for _ in range(10)]
    fetch_page.threads.clear()
    rest = list(source)

    assert [page[0] // 1000 for page in begun + rest] == [*range(1, 41)]
    assert fetch_page.threads == {threading.current_thread().name}
    assert sorted(fetch_page.asked) == [*range(1, 42)]


@pytest.mark.parametrize(
    ("cost", "ahead"),
    [
        (NEAR, False),
        (FAR, True),
        (Cost(waiting=MIN_WAIT, cpu=0.0), False),
        (Cost(waiting=0.004, cpu=0.003), True),
        (Cost(waiting=0.003, cpu=0.004), False),
    ],
)
def test_the_time_of_a_single_fetch_decides_on_lookahead(cost: Cost, ahead: bool) -> None:
    fetch_page = RecordedPages(*[10] * 20)

    list(pages(fetch_page, is_end=is_empty, measure=timings(NEAR, cost), lookahead=4, size=10))

    assert (len(fetch_page.threads) > 1) == ahead


def test_contention_of_threads_does_not_count_as_network_latency() -> None:
    crowded = Cost(waiting=MIN_WAIT_RATIO * 0.001, cpu=0.001)
    fetch_page = RecordedPages(*[10] * 20)

    list(
        pages(
            fetch_page,
            is_end=is_empty,
            measure=timings(*[crowded] * 4, NEAR),
            lookahead=4,
            size=10,
            expected=21,
        )
    )

    assert sorted(fetch_page.asked) == [*range(1, 22)]
    assert fetch_page.asked[4:] == [*range(5, 22)]
    assert threading.current_thread().name in fetch_page.threads


def test_the_next_pages_are_fetched_while_one_is_consumed() -> None:
    second_is_fetched = threading.Event()

    def fetch(number: int) -> list[int]:
        if number == 3:
            second_is_fetched.set()
        return [number]

    source = pages(fetch, is_end=is_empty, measure=timings(FAR), lookahead=4, size=1)
    next(source)
    next(source)

    assert second_is_fetched.wait(timeout=60)
    source.close()  # type: ignore[attr-defined]


@LOOKAHEADS
def test_an_error_is_raised_in_place_of_its_page(lookahead: int) -> None:
    def fetch(number: int) -> list[int]:
        if number == 3:
            raise LookupError("page three")
        return [number]

    source = pages(fetch, is_end=is_empty, measure=timings(FAR), lookahead=lookahead, size=1)

    assert [next(source), next(source)] == [[1], [2]]
    with pytest.raises(LookupError, match="page three"):
        next(source)


@LOOKAHEADS
def test_a_repeated_page_is_a_loop(lookahead: int) -> None:
    fetched = []

    def fetch(number: int) -> list[int]:
        fetched.append(number)
        return [7]

    with pytest.raises(PageLoop, match="page 2 equals page 1") as caught:
        list(pages(fetch, is_end=is_empty, measure=timings(FAR), lookahead=lookahead, size=10))

    assert caught.value.page == 2
    assert len(fetched) <= 2


@pytest.mark.parametrize("nothing", [[], {}, None, "", 0])
def test_without_a_sentinel_an_empty_page_is_the_end(nothing: object) -> None:
    assert end_marker(None)(nothing)
    assert not end_marker(None)([nothing])


@pytest.mark.parametrize(
    ("sentinel", "end", "other"),
    [
        ([], [], [1]),
        ({"done": True}, {"done": True}, {"done": False}),
        ("end", "end", ""),
        (0, 0, 1),
        (lambda page: len(page) < 2, [1], [1, 2]),
    ],
)
def test_a_sentinel_is_a_value_or_a_predicate(
    sentinel: object | Callable[[Any], bool], end: object, other: object
) -> None:
    assert end_marker(sentinel)(end)
    assert not end_marker(sentinel)(other)


@LOOKAHEADS
@pytest.mark.parametrize("length", [1, 2, 3, 7])
@pytest.mark.parametrize("kind", ["list", "ids", "units"])
def test_a_cycle_of_pages_is_a_loop(lookahead: int, length: int, kind: str) -> None:
    fetched = []

    def fetch(number: int) -> Any:
        fetched.append(number)
        place = number % length
        if kind == "list":
            return [place, number // 100]
        if kind == "ids":
            return [{"id": place, "seen": number}]
        return {str(place): {"seen": number}}

    with pytest.raises(PageLoop) as caught:
        list(pages(fetch, is_end=is_empty, measure=timings(FAR), lookahead=lookahead, size=10))

    assert caught.value.page == length + 1
    assert max(fetched) <= length + 1 + lookahead


def test_objects_that_are_not_pages_of_units_may_repeat_keys() -> None:
    fetch_page = [{"results": [1]}, {"results": [2]}, {}]

    found = list(pages(lambda number: fetch_page[number - 1], is_end=lambda page: not page))

    assert found == fetch_page[:2]


@LOOKAHEADS
@pytest.mark.parametrize("first", [1, 4])
def test_the_error_of_a_page_has_the_page_to_resume_from(lookahead: int, first: int) -> None:
    def fetch(number: int) -> list[int]:
        if number == first + 2:
            raise ServerError("out of order")
        return [number, -number]

    source = pages(
        fetch, first=first, is_end=is_empty, measure=timings(FAR), lookahead=lookahead, size=2
    )
    with pytest.raises(ServerError) as caught:
        list(source)

    assert (caught.value.page, caught.value.items_seen) == (first + 2, 4)


@pytest.mark.parametrize("count", [None, 0, 2, 3])
def test_as_many_items_as_expected_or_more_are_not_a_loss(count: int | None) -> None:
    verify_count(3, count, strict=True)


def test_missing_items_give_a_warning() -> None:
    with pytest.warns(PaginationWarning, match="the list had 3 items instead of 4"):
        verify_count(3, 4, strict=False)


def test_in_strict_mode_missing_items_are_an_error() -> None:
    with pytest.raises(PageChanged, match="3 items"):
        verify_count(3, 4, strict=True)
