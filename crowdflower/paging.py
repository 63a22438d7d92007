"""Numbered pages as an iterable, the next few fetched while one is consumed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any, TypeVar

from crowdflower.exceptions import PageLoop

Page = TypeVar("Page")


def pages(
    fetch: Callable[[int], Page],
    *,
    first: int = 1,
    is_end: Callable[[Page], bool],
    lookahead: int = 1,
    size: int | None = None,
    expected: int | None = None,
) -> Iterator[Page]:
    """Yield page after page until the end marker, which is not yielded.

    A short page is not the end: the server may cap a page below the size that was asked for.

    Nothing is fetched before the first page is asked for. Where the number of pages is not known,
    threads start once a page was full, or followed a short one: a list of one page costs none.
    They work at most ``lookahead`` pages ahead of the consumer, wait when it is slow, and stop when
    it stops. A page that cannot be fetched raises when its turn comes, after all pages before it.

    :param fetch: Returns the page of a number, counted from 1; called from several threads.
    :param is_end: Tells the marker that follows the last page.
    :param lookahead: Pages fetched at a time; 1 is strictly one after the other.
    :param size: Items on a full page, where that is known.
    :param expected: How many pages there should be, end marker included, where that is known: these
        are fetched ahead from the start, and what follows them one by one.
    :raises PageLoop: A page equals the one before it: the server ignores the page number.

    >>> shelf = {1: ["a", "b"], 2: ["c"]}
    >>> list(pages(lambda number: shelf.get(number, []), is_end=lambda page: not page))
    [['a', 'b'], ['c']]
    """
    before: Page | None = None
    source = (
        _looking_ahead(fetch, first, lookahead, size, expected)
        if lookahead > 1
        else (fetch(number) for number in count(first))
    )
    try:
        for number, page in enumerate(source, first):
            if is_end(page):
                return
            if page == before:
                raise PageLoop(
                    f"page {number} is page {number - 1} once more;"
                    " the server seems to ignore `page`",
                    page=number,
                )
            yield page
            before = page
    finally:
        source.close()


def _looking_ahead(
    fetch: Callable[[int], Page], first: int, window: int, size: int | None, expected: int | None
) -> Generator[Page, None, None]:
    """Yield pages in order and without end, a window of them in the making."""
    number = first - 1
    if expected is None:
        number += 1
        page = fetch(number)
        yield page
        if size is None or not isinstance(page, Sized) or len(page) < size:
            number += 1
            yield fetch(number)
    pool = ThreadPoolExecutor(window, thread_name_prefix="crowdflower-page")
    try:
        ahead: deque[Future[Page]] = deque()
        while True:
            while not ahead or (len(ahead) < window and (expected is None or number < expected)):
                number += 1
                ahead.append(pool.submit(fetch, number))
            yield ahead.popleft().result()
    finally:
        # What is under way ends by itself; to wait for it would hold up whoever stopped early.
        pool.shutdown(wait=False, cancel_futures=True)


def end_marker(sentinel: object) -> Callable[[Any], bool]:
    """Return what tells the end: a function as it is, a value by comparison, ``None`` by emptiness.

    >>> (
    ...     end_marker(None)({}),
    ...     end_marker("done")("done"),
    ...     end_marker(lambda page: len(page) < 10)([]),
    ... )
    (True, True, True)
    """
    if sentinel is None:
        return lambda page: not page
    if callable(sentinel):
        return sentinel
    return lambda page: bool(page == sentinel)
