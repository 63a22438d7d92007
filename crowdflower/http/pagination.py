"""Iterates over numbered pages, fetching the next few while one is consumed."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sized
from concurrent.futures import Future
from functools import partial
from itertools import count
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from crowdflower.exceptions import ApiError, PageChanged, PageLoop, PaginationWarning, warn

Page = TypeVar("Page")

MIN_WAIT_RATIO: Final = 6
"""Ratio of waiting to CPU time from which a page fetched beside others surely waited for the
network: other threads alone were measured to cause a ratio of up to 5.6."""

MIN_WAIT: Final = 0.001
"""Seconds of waiting below which threads do not pay."""


class Cost(NamedTuple):
    """What fetching a page took, in seconds."""

    waiting: float
    cpu: float


def measure(fetch: Callable[[int], Page], number: int) -> tuple[Page, Cost]:
    """Fetch a page; return it with its cost, where CPU time is that of this thread."""
    start, cpu_start = time.perf_counter(), time.thread_time()
    page = fetch(number)
    cpu = time.thread_time() - cpu_start
    return page, Cost(time.perf_counter() - start - cpu, cpu)


def pages(
    fetch: Callable[[int], Page],
    *,
    first: int = 1,
    is_end: Callable[[Page], bool],
    lookahead: int = 1,
    size: int | None = None,
    expected: int | None = None,
    read_ahead: ReadAhead | None = None,
    measure: Callable[[Callable[[int], Page], int], tuple[Page, Cost]] = measure,
) -> Iterator[Page]:
    """Yield page after page until the end marker, which is not yielded.

    A short page is not the end: the server may cap a page below the requested size.

    Nothing is fetched before the first page is requested. If the number of pages is unknown,
    threads start after a full page, or after a second page: a list of one page starts none. They
    stop where fetching costs more CPU time than waiting. They work at most ``lookahead`` pages
    ahead of the consumer, pause while it is slow, and stop when it stops. A page that cannot be
    fetched raises when its turn comes, after all pages before it; the error's ``page`` and
    ``items_seen`` say where to continue.

    :param fetch: Returns the page with a number, from 1; called from several threads.
    :param is_end: Returns whether a page is the marker that follows the last page.
    :param lookahead: Pages fetched at a time; 1 fetches one after the other.
    :param size: Items on a full page, if known.
    :param expected: Number of pages, end marker included, if known: these are fetched ahead from
        the start, any others one by one.
    :param read_ahead: Decides how many pages are fetched at a time, in place of the last three.
    :param measure: Fetches a page and measures its cost.
    :raises PageLoop: A page came before: the server ignores the page number, or repeats itself.

    >>> data = {1: ["a", "b"], 2: ["c"]}
    >>> list(pages(lambda number: data.get(number, []), is_end=lambda page: not page))
    [['a', 'b'], ['c']]
    """
    seen: dict[int, int] = {}
    items = 0
    source = (
        _fetch_ahead(
            partial(measure, fetch), first, read_ahead or FixedReadAhead(lookahead, size, expected)
        )
        if read_ahead or lookahead > 1
        else (fetch(number) for number in count(first))
    )
    number = first
    try:
        for page in source:
            if is_end(page):
                return
            earlier = seen.setdefault(_fingerprint(page), number)
            if earlier != number:
                raise PageLoop(
                    f"page {number} equals page {earlier}; the server seems to ignore `page`",
                    page=number,
                )
            on_page = _count_items(page)
            yield page
            del page  # memory that is used again at once is still in the cache of the processor
            items += on_page
            number += 1  # the one that may fail next
    except ApiError as error:
        if error.page is None:
            error.page = number
        error.items_seen = items
        raise
    finally:
        source.close()


def _fingerprint(page: Any) -> int:
    """Return a hash that two pages share only if they hold the same items, changed or not.

    It is computed from ids where there are any, at a hundredth of the cost of the whole content.
    """
    if isinstance(page, dict) and (
        set(map(type, page)) == {int} or all(map(str.isdecimal, map(str, page)))
    ):
        return hash(tuple(page))
    if isinstance(page, list) and all(isinstance(item, dict) and "id" in item for item in page):
        return hash(tuple([str(item["id"]) for item in page]))
    return hash(repr(page))


def verify_count(total: int, count: int | None, *, strict: bool) -> None:
    """Warn if a list had fewer items than expected.

    A list that loses items while it is read moves others to pages that were read already. More
    items than expected were added meanwhile, and are not a problem.

    :param total: The number of items in all pages.
    :param count: The expected number of items; ``None`` if unknown.
    :param strict: Raise instead of warning.
    :raises PageChanged: The pages had fewer items, with ``strict``.
    """
    if count is not None and total < count:
        problem = (
            f"the list had {total} items instead of {count}: some were removed since they were"
            " counted, and others may have been missed because of that; read the list again"
        )
        if strict:
            raise PageChanged(problem)
        warn(problem, PaginationWarning)


class ReadAhead(Protocol):
    """How far one list is read ahead."""

    @property
    def limit(self) -> int:
        """Pages that may be fetched at a time; 0: the next one, by the reader itself."""

    @property
    def most_waiting(self) -> int:
        """Pages that may be ahead of the reader while it waits for a late one, read or not."""

    @property
    def last(self) -> float:
        """Number of the last page that may be fetched ahead."""

    def learn(self, number: int, items: int, cost: Cost, beside: int) -> None:
        """Take note of the next page, in the order of the list.

        :param number: Its number, from 1.
        :param items: How many it has.
        :param beside: Pages that were fetched at the same time; 0 if the reader waited for it.
        """

    def ask_count(self) -> bool:
        """Ask for the number of items, if that is of use now; return whether it is news.

        It takes a request, and is called while pages are being fetched.
        """


class FixedReadAhead:
    """As many pages ahead as the user said, where threads pay.

    :param width: Pages at a time.
    :param size: Items on a full page, if known.
    :param expected: Number of pages, end marker included, if known.
    """

    def __init__(self, width: int, size: int | None, expected: int | None) -> None:
        self.last = math.inf if expected is None else expected
        self._width = width
        self._size = size
        self._pays = self._is_long = expected is not None
        self._pages = 0

    @property
    def limit(self) -> int:
        """The width, if the list has several pages and the service is far."""
        return self._width if self._pays and self._is_long else 0

    @property
    def most_waiting(self) -> int:
        """The same."""
        return self.limit

    def learn(self, number: int, items: int, cost: Cost, beside: int) -> None:  # noqa: ARG002
        """Find out whether threads pay.

        A page fetched alone shows it; one fetched beside others only if it waits far longer than
        they can cause.
        """
        self._pages += 1
        if not beside:
            self._pays = cost.waiting > max(cost.cpu, MIN_WAIT)
            # After a short first page, the next one tells whether the list goes on.
            is_full = self._size is not None and items >= self._size
            self._is_long = self._is_long or is_full or self._pages > 1
        elif self._pages == 1:
            self._pays = cost.waiting > MIN_WAIT_RATIO * cost.cpu

    def ask_count(self) -> bool:
        """Ask for nothing: the number of items is known, or not of use."""
        return False


def _fetch_ahead(
    fetch: Callable[[int], tuple[Page, Cost]], first: int, read_ahead: ReadAhead
) -> Generator[Page, None, None]:
    """Yield pages in order, endlessly, and fetch the next ones in threads where that pays.

    If a page costs more CPU time than waiting, because the server is near, threads only compete: a
    list of a hundred thousand items then takes half as long again.
    """
    number = first - 1
    ahead: deque[Future[tuple[Page, Cost]]] = deque()
    threads = _Threads(fetch)
    process = os.getpid()

    def fill(most: int) -> None:
        nonlocal number
        while number < read_ahead.last and len(ahead) < most:
            fetching = sum(not page.done() for page in ahead)
            if fetching >= read_ahead.limit:
                break
            number += 1
            ahead.append(threads.submit(number, fetching + 1))

    try:
        while True:
            if os.getpid() != process:  # after a fork, the threads are those of the parent
                number -= len(ahead)
                ahead.clear()
                threads, process = _Threads(fetch), os.getpid()
            fill(read_ahead.limit)
            if ahead and read_ahead.ask_count():
                fill(read_ahead.limit)
            if ahead:
                while not ahead[0].done():  # others take its place, or one late page would halt all
                    threads.wait()
                    fill(read_ahead.most_waiting)
                page, cost = ahead.popleft().result()
                beside = max(1, len(ahead))
                read_ahead.learn(number - len(ahead), _count_items(page), cost, beside)
                fill(read_ahead.limit)  # before the consumer works on this page
            else:
                number += 1
                page, cost = fetch(number)
                read_ahead.learn(number, _count_items(page), cost, 0)
            yield page
            del page
    finally:
        for unread in ahead:
            unread.cancel()
        threads.stop()


def _count_items(page: object) -> int:
    return len(page) if isinstance(page, Sized) else 1


class _Threads(Generic[Page]):
    """Daemon threads that fetch pages, reused from page to page to save memory.

    A consumer that stops early does not wait for pages in flight. For the same reason this is not a
    pool of the standard library: Python waits for its threads on exit.
    """

    def __init__(self, fetch: Callable[[int], Page]) -> None:
        self._fetch = fetch
        self._queue: SimpleQueue[tuple[int, Future[Page]] | None] = SimpleQueue()
        self._fetched: SimpleQueue[None] = SimpleQueue()
        self._count = 0

    def submit(self, number: int, pending: int) -> Future[Page]:
        """Queue a page to be fetched.

        :param pending: Pages that are queued or being fetched, this one included.
        """
        page: Future[Page] = Future()
        self._queue.put((number, page))
        if self._count < pending:
            self._count += 1
            name = f"crowdflower-pages-{self._count}"
            Thread(target=self._work, name=name, daemon=True).start()
        return page

    def wait(self) -> None:
        """Wait until a page was fetched since the last call; or less long, where one was before.

        Takes a tenth of the time of :func:`concurrent.futures.wait`.
        """
        self._fetched.get()

    def stop(self) -> None:
        """Stop the threads, each after its current page."""
        for _ in range(self._count):
            self._queue.put(None)

    def _work(self) -> None:
        while item := self._queue.get():
            number, page = item
            del item
            if page.set_running_or_notify_cancel():
                try:
                    page.set_result(self._fetch(number))
                except BaseException as error:  # noqa: BLE001 - raised to the consumer
                    page.set_exception(error)
                self._fetched.put(None)
            del page  # or it would be kept until the next one


def end_marker(sentinel: object) -> Callable[[Any], bool]:
    """Return a function that recognises the end of a list.

    :param sentinel: A function is used as it is, a value is compared, ``None`` means an empty page.

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
