"""Numbered pages as an iterable, the next few fetched while one is consumed."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sized
from concurrent.futures import Future
from functools import partial
from itertools import count
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Generic, NamedTuple, TypeVar

from crowdflower.exceptions import ApiError, PageChanged, PageLoop, PaginationWarning, warn

Page = TypeVar("Page")
Items = TypeVar("Items", bound=Sized)

CROWDED: Final = 6
"""How many times as long as it was worked on a page is waited for, among other threads, where that
is surely the network's doing: without any, it was measured to be up to 5.6 times."""

A_MOMENT: Final = 0.001
"""Seconds of waiting that no thread is worth."""


class Took(NamedTuple):
    """What a page cost, in seconds."""

    waited: float
    worked: float


def timed(fetch: Callable[[int], Page], number: int) -> tuple[Page, Took]:
    """Fetch a page, and tell what it cost: working is what this thread did."""
    began, worked = time.perf_counter(), time.thread_time()
    page = fetch(number)
    worked = time.thread_time() - worked
    return page, Took(time.perf_counter() - began - worked, worked)


def pages(
    fetch: Callable[[int], Page],
    *,
    first: int = 1,
    is_end: Callable[[Page], bool],
    lookahead: int = 1,
    size: int | None = None,
    expected: int | None = None,
    timed: Callable[[Callable[[int], Page], int], tuple[Page, Took]] = timed,
) -> Iterator[Page]:
    """Yield page after page until the end marker, which is not yielded.

    A short page is not the end: the server may cap a page below the size that was asked for.

    Nothing is fetched before the first page is asked for. Where the number of pages is not known,
    threads start once a page was full, or followed a short one: a list of one page costs none. Nor
    do they go on where pages are worked on for longer than they are waited for. They work at most
    ``lookahead`` pages ahead of the consumer, wait when it is slow, and stop when it stops. A page
    that cannot be fetched raises when its turn comes, after all pages before it; its error says in
    ``page`` and ``items_seen`` where to go on.

    :param fetch: Returns the page of a number, counted from 1; called from several threads.
    :param is_end: Tells the marker that follows the last page.
    :param lookahead: Pages fetched at a time; 1 is strictly one after the other.
    :param size: Items on a full page, where that is known.
    :param expected: How many pages there should be, end marker included, where that is known: these
        are fetched ahead from the start, and what follows them one by one.
    :param timed: Fetches a page and tells what it cost.
    :raises PageLoop: A page came before: the server ignores the page number, or goes in circles.

    >>> shelf = {1: ["a", "b"], 2: ["c"]}
    >>> list(pages(lambda number: shelf.get(number, []), is_end=lambda page: not page))
    [['a', 'b'], ['c']]
    """
    seen: dict[int, int] = {}
    items = 0
    source = (
        _looking_ahead(partial(timed, fetch), first, lookahead, size, expected)
        if lookahead > 1
        else (fetch(number) for number in count(first))
    )
    number = first
    try:
        for number, page in enumerate(source, first):
            if is_end(page):
                return
            earlier = seen.setdefault(_fingerprint(page), number)
            if earlier != number:
                raise PageLoop(
                    f"page {number} is page {earlier} once more; the server seems to ignore `page`",
                    page=number,
                )
            yield page
            items += len(page) if isinstance(page, Sized) else 1
            number += 1  # noqa: PLW2901 - the one that may fail
    except ApiError as error:
        if error.page is None:
            error.page = number
        error.items_seen = items
        raise
    finally:
        source.close()


def _fingerprint(page: Any) -> int:
    """Return what two pages share only if they hold the same things; their content may differ.

    Only this is kept of a page. Ids, by which it is keyed or which are in its items, cost a
    hundredth of what its whole content would.
    """
    if isinstance(page, dict) and all(map(str.isdecimal, map(str, page))):
        return hash(tuple(page))
    if isinstance(page, list) and all(isinstance(item, dict) and "id" in item for item in page):
        return hash(tuple([str(item["id"]) for item in page]))
    return hash(repr(page))


def counted(pages: Iterator[Items], count: int | None, *, strict: bool) -> Iterator[Items]:
    """Yield pages, and say so at the end where their items were fewer than there should have been.

    A list that loses items while it is read moves others to pages that were read already. More
    items than there were before are none that are lacking.

    :param count: How many there were before; ``None`` where nobody knows.
    :param strict: Raise rather than warn.
    :raises PageChanged: They were fewer, and that is not put up with.
    """
    seen = 0
    for page in pages:
        seen += len(page)
        yield page
    if count is not None and seen < count:
        problem = (
            f"{seen} items came where there were {count}: some were removed since they were"
            " counted, or others were missed because of that; read the list again"
        )
        if strict:
            raise PageChanged(problem)
        warn(problem, PaginationWarning)


def _looking_ahead(
    fetch: Callable[[int], tuple[Page, Took]],
    first: int,
    window: int,
    size: int | None,
    expected: int | None,
) -> Generator[Page, None, None]:
    """Yield pages in order and without end, a window of them in the making where that pays.

    Where the service is so near that a page is worked on for longer than it is waited for, threads
    gain nothing, and get into each other's way: a list of a hundred thousand units then takes half
    as long again. A page that is fetched alone tells; one that others crowd does so only where the
    network takes far longer than all of them together.
    """
    number = first - 1
    ahead: deque[Future[tuple[Page, Took]]] = deque()
    readers = _Readers(fetch)
    process = os.getpid()
    pays = is_long = expected is not None

    def fill() -> None:
        nonlocal number
        while pays and is_long and len(ahead) < window:
            if expected is not None and number >= expected:
                break
            number += 1
            ahead.append(readers.begin(number, len(ahead) + 1))

    try:
        while True:
            if os.getpid() != process:  # after a fork, what is under way is the parent's
                number -= len(ahead)
                ahead.clear()
                readers, process = _Readers(fetch), os.getpid()
            fill()
            if ahead:
                page, took = ahead.popleft().result()
                if number - len(ahead) == first:
                    pays = took.waited > CROWDED * took.worked
                fill()  # the consumer has work now, and so have the threads
            else:
                number += 1
                page, took = fetch(number)
                pays = took.waited > max(took.worked, A_MOMENT)
                # A list of one page ends with the next; a longer one goes on.
                is_full = size is not None and isinstance(page, Sized) and len(page) >= size
                is_long = is_long or is_full or number > first
            yield page
    finally:
        for unread in ahead:
            unread.cancel()
        readers.end()


class _Readers(Generic[Page]):
    """Threads that fetch pages, kept from one page to the next: a new one would cost more memory.

    Nobody waits for them: who stops early is not held up by a page on its way. They are not in a
    pool of the standard library, whose threads Python waits for when it ends.
    """

    def __init__(self, fetch: Callable[[int], Page]) -> None:
        self._fetch = fetch
        self._wanted: SimpleQueue[tuple[int, Future[Page]] | None] = SimpleQueue()
        self._count = 0

    def begin(self, number: int, at_once: int) -> Future[Page]:
        """Have a page fetched.

        :param at_once: How many pages are wanted by now, this one included.
        """
        page: Future[Page] = Future()
        self._wanted.put((number, page))
        if self._count < at_once:
            self._count += 1
            name = f"crowdflower-pages-{self._count}"
            Thread(target=self._read, name=name, daemon=True).start()
        return page

    def end(self) -> None:
        """Let the threads end, each after the page that it is at."""
        for _ in range(self._count):
            self._wanted.put(None)

    def _read(self) -> None:
        while wanted := self._wanted.get():
            number, page = wanted
            if not page.set_running_or_notify_cancel():
                continue
            try:
                page.set_result(self._fetch(number))
            except BaseException as error:  # noqa: BLE001 - raised where the page is asked for
                page.set_exception(error)


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
