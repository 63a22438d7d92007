"""A page of a long list: lines 51 to 100 of 1,200, with the pages before and after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from crowdflower.sandbox.desk.fields.typed_numbers import find_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

T = TypeVar("T")

PAGE_SIZE: Final = 50
"""Lines on a page of a list."""


@dataclass(frozen=True)
class PageOf(Generic[T]):
    """A page of a list, and where it is in the list."""

    total: int
    number: int
    size: int = PAGE_SIZE
    items: Sequence[T] = ()

    @property
    def offset(self) -> int:
        """Lines before this page."""
        return (self.number - 1) * self.size

    @property
    def first(self) -> int:
        """Number of the first line, from 1."""
        return self.offset + 1

    @property
    def last(self) -> int:
        """Number of the last line."""
        return min(self.offset + self.size, self.total)

    @property
    def previous(self) -> int | None:
        """Number of the page before, if there is one."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """Number of the page after, if there is one."""
        return self.number + 1 if self.last < self.total else None

    def filled(self, items: Sequence[T]) -> PageOf[T]:
        """Return the page with its lines."""
        return replace(self, items=items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)


def read_page_number(args: Mapping[str, str], name: str = "page") -> int:
    """Return the page that an address asks for; the first one if it asks for none.

    >>> read_page_number({"page": "12"}), read_page_number({"page": "x"}), read_page_number({})
    (12, 1, 1)
    """
    return find_whole(args.get(name, "")) or 1


def page_of(total: int, number: int, size: int = PAGE_SIZE) -> PageOf[T]:
    """Return a page without its lines; a number beyond the list means its nearest page.

    >>> page = page_of(120, 3)
    >>> page.first, page.last, page.previous, page.next
    (101, 120, 2, None)
    >>> page_of(120, 99).number
    3
    """
    pages = max(-(-total // size), 1)
    return PageOf(total, min(max(number, 1), pages), size)
