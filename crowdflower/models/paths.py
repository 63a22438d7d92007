"""Attribute-style paths: ``client.jobs[123].units.pages()``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from crowdflower._types import JSON
from crowdflower.exceptions import InvalidInput

if TYPE_CHECKING:
    from crowdflower.client import Client

ID: Final = "[0-9]{1,20}"
"""What an id looks like."""

JOBS_PER_PAGE: Final = 10
UNITS_PER_PAGE: Final = 1000
AGGREGATES_PER_PAGE: Final = 100
"""The most that the service puts on a page; each is its default too."""

LARGEST_PAGES: Final = (
    (re.compile(r"jobs/[^/]+/units"), UNITS_PER_PAGE),
    (re.compile(r"jobs/[^/]+/judgments"), AGGREGATES_PER_PAGE),
)
"""The lists whose pages have a size that may be asked for; a page of jobs has ten, whatever one
asks."""


class PathFactory:
    """A path of the API, built by attribute and item, called to send a request.

    Whatever the API has, and this library may not have heard of, is reached this way.

    :param client: Where the call goes.
    :param name: The segments so far.

    >>> client.jobs[job.id].units.ping()["done"]
    True
    >>> client.jobs[job.id].tags(data={"tags": "spring"}, method="post", _suffix=None)
    {'success': '1 tags added'}
    """

    def __init__(self, client: Client, name: tuple[str, ...] = ()) -> None:
        self._client = client
        self._name = name

    def __getattr__(self, name: str) -> PathFactory:
        if name.startswith("_"):
            # Pickle, copy and notebooks probe for such names; a path would look like an answer.
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: int | str) -> PathFactory:
        return PathFactory(self._client, (*self._name, segment(name)))

    def __call__(
        self,
        *args: Any,
        _suffix: str | None = ".json",
        **kwargs: Any,
    ) -> JSON:
        """Send a request to this path; the arguments are those of :meth:`Client.call`.

        :param _suffix: What follows the path; ``None`` leaves it off, as a few endpoints want.
        """
        return self._client.call(self._path(_suffix), *args, **kwargs)

    def pages(
        self,
        *args: Any,
        _suffix: str | None = ".json",
        **kwargs: Any,
    ) -> Iterator[JSON]:
        """Yield the pages of this path; the arguments are those of :meth:`Client.paged_call`.

        Without a ``limit``, units and judgments come in the largest pages that there are.

        >>> [len(page) for page in client.jobs[job.id].units.pages()]
        [10]
        >>> [len(page) for page in client.jobs[job.id].units.pages(limit=5)]
        [5, 5]
        """
        path = self._path(_suffix)
        if (largest := largest_page(path)) is not None:
            kwargs.setdefault("limit", largest)
        return self._client.paged_call(path, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<PathFactory {self._path(None)}>"

    def _path(self, suffix: str | None) -> str:
        return "/".join(self._name) + (suffix or "")


def segment(name: int | str) -> str:
    """Return an id or a name as one segment of a path, percent-encoded.

    :raises InvalidInput: It is empty, no id, or would climb out of its place.

    >>> segment(712034), segment("Über uns/a")
    ('712034', '%C3%9Cber%20uns%2Fa')
    """
    if isinstance(name, int) and not isinstance(name, bool) and name > 0:
        return str(name)
    if isinstance(name, str) and name not in {"", ".", ".."}:
        with suppress(UnicodeEncodeError):
            return quote(name, safe="")
    raise InvalidInput(f"{name!r} is no id; ids are whole numbers from 1 on, or an alias")


def number(id: int | str) -> str:  # noqa: A002
    """Return the id of a unit, a judgment, an order or a contributor, as one segment of a path.

    Unlike a job these have no alias: another word after them would be another endpoint.

    :raises InvalidInput: It is no whole number.

    >>> number(698757970)
    '698757970'
    """
    text = segment(id)
    if not re.fullmatch(ID, text):
        raise InvalidInput(f"{id!r:.80} is no id; ids are whole numbers from 1 on")
    return text


def largest_page(path: str) -> int | None:
    """Return the most items that a page of a list may be asked for; ``None`` where nobody knows.

    >>> largest_page("jobs/7/units.json"), largest_page("jobs/7/judgments"), largest_page("jobs")
    (1000, 100, None)
    """
    plain = path.removesuffix(".json")
    return next((most for pattern, most in LARGEST_PAGES if pattern.fullmatch(plain)), None)
