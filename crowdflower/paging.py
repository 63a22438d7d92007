"""Numbered pages as an iterable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, TypeVar

from crowdflower.exceptions import PageLoop

Page = TypeVar("Page")


def pages(
    fetch: Callable[[int], Page],
    *,
    first: int = 1,
    is_end: Callable[[Page], bool],
) -> Iterator[Page]:
    """Yield page after page until the end marker, which is not yielded.

    A short page is not the end: the server may cap a page below the size that was asked for.

    :param fetch: Returns the page of a number, counted from 1.
    :param is_end: Tells the marker that follows the last page.
    :raises PageLoop: A page equals the one before it: the server ignores the page number.

    >>> shelf = {1: ["a", "b"], 2: ["c"]}
    >>> list(pages(lambda number: shelf.get(number, []), is_end=lambda page: not page))
    [['a', 'b'], ['c']]
    """
    before: Page | None = None
    for number in count(first):
        page = fetch(number)
        if is_end(page):
            return
        if page == before:
            raise PageLoop(
                f"page {number} is page {number - 1} once more; the server seems to ignore `page`",
                page=number,
            )
        yield page
        before = page


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
