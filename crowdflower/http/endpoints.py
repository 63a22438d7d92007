"""A table of endpoints: what a client must know of an API to call it safely.

The HTTP method says nothing about safety in the API that this package is for: ``GET`` pauses,
copies and splits, ``PUT`` appends rows. So everything is looked up per endpoint, and an endpoint
that is not in the table is never sent twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

from crowdflower._types import JSON
from crowdflower.http import encoding
from crowdflower.http.retry import RetryRule, Safety

SentFields: TypeAlias = Mapping[str, list[str]]
"""Bracketed parameter name to its values: strings in lower case, sorted."""


class Visibility(Enum):
    """What can be seen of a change."""

    MADE = "shown as it was sent"
    NOT_MADE = "shown with another value"
    NOT_SHOWN = "not shown, so its outcome stays unknown"


@dataclass(frozen=True)
class Change:
    """Where a change shows after it was made.

    :param path: What to read with GET; placeholders as in :attr:`Endpoint.path`, filled from left
        to right with the segments of the request's own path.
    :param compare: Compares what was sent with the JSON that was read.
    """

    path: str
    compare: Callable[[SentFields, JSON], Visibility]


NEVER_AGAIN: Final = RetryRule(Safety.NEVER, retries_429=False, read_timeout=120)
"""The rule of endpoints that are not in a table: payments, messages to people, the unknown."""


@dataclass(frozen=True)
class Endpoint:
    """One row of the table.

    :param methods: HTTP methods, separated by ``|``.
    :param path: What follows the base URL, without suffix. ``{}`` stands for an id or an alias,
        ``{#}`` for a number, ``(a|b)`` for either word.
    :param retry: Whether it may be sent again, and how long it may take.
    :param page_size: Items on a full page of a list.
    :param takes_limit: Whether ``limit`` can ask for smaller pages.
    :param change: Where its effect shows; ``None`` where it does not.
    """

    methods: str
    path: str
    retry: RetryRule
    page_size: int | None = None
    takes_limit: bool = False
    change: Change | None = None


class Route(NamedTuple):
    """An endpoint, found for one request."""

    endpoint: Endpoint
    change_path: str | None = None
    """Where the change of this request shows; ``None`` where it does not."""


class EndpointTable:
    """Finds the endpoint of a request.

    Rows are tried from top to bottom. A row without placeholders owns its path: other methods on
    the same path are unknown, even where a later row with placeholders would match.

    >>> table = EndpointTable(
    ...     Endpoint("POST", "jobs/upload", RetryRule(Safety.CHANGE)),
    ...     Endpoint("GET", "jobs/{}", RetryRule(Safety.READ)),
    ... )
    >>> table.find("GET", "jobs/7.json").endpoint.retry.safety.name
    'READ'
    >>> table.find("GET", "jobs/upload.json").endpoint.retry.safety.name
    'NEVER'
    """

    def __init__(self, *rows: Endpoint) -> None:
        self._rows = [(frozenset(row.methods.split("|")), _compile(row.path), row) for row in rows]

    def __iter__(self) -> Iterator[Endpoint]:
        return iter([row for _, _, row in self._rows])

    def find(self, method: str, path: str) -> Route:
        """Return the endpoint of a request; an unknown one may never be repeated.

        :param path: What follows the base URL; the suffixes ``.json`` and ``.csv`` do not matter.
        """
        plain = _SUFFIX.sub("", path)
        is_owned = False
        for methods, pattern, row in self._rows:
            found = pattern.fullmatch(plain)
            if not found or (is_owned and row.path != plain):
                continue
            if method in methods:
                if row.change is None:
                    return Route(row)
                where = _fill(row.change.path, found.groups())
                return Route(row, where + path[len(plain) :])
            is_owned = is_owned or row.path == plain
        return Route(Endpoint(method, plain, NEVER_AGAIN))

    def names_below(self, path: Sequence[str]) -> set[str]:
        """Return the words that may follow the first segments of a path.

        >>> table = EndpointTable(Endpoint("GET", "jobs/{}/(ping|tags)", RetryRule(Safety.READ)))
        >>> sorted(table.names_below(["jobs", "7"]))
        ['ping', 'tags']
        """
        names: set[str] = set()
        for row in self:
            *start, word = row.path.split("/")[: len(path) + 1]
            if len(start) == len(path) and all(
                part in (given, "{}", "{#}") for part, given in zip(start, path, strict=True)
            ):
                names.update(re.findall(r"\w+", word))
        return names


_SUFFIX: Final = re.compile(r"\.(json|csv)$")


def _compile(path: str) -> re.Pattern[str]:
    pattern = path.replace("(", "(?:").replace("{#}", "([0-9]+)").replace("{}", "([^/]+)")
    return re.compile(pattern)


def _fill(path: str, segments: Iterable[str]) -> str:
    """Put segments in place of the placeholders of a path."""
    for segment in segments:
        path = re.sub(r"\{#?\}", segment.replace("\\", r"\\"), path, count=1)
    return path


def read_fields(body: object, content_type: str) -> SentFields:
    """Read the parameters back from an encoded body; none from a stream or another content type.

    >>> read_fields(b"job%5Btitle%5D=Spring", "application/x-www-form-urlencoded")
    {'job[title]': ['spring']}
    """
    if not isinstance(body, bytes):
        return {}
    try:
        if "json" in content_type:
            decoded = encoding.decode_json(body)
            pairs = encoding.flatten(decoded) if isinstance(decoded, dict) else []
        else:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True)
    except ValueError:
        return {}
    return group_fields(pairs)


def group_fields(pairs: Iterable[tuple[str, str]]) -> SentFields:
    """Group the values of parameters by name, for a comparison that ignores case and order.

    >>> group_fields([("tags[]", "B"), ("tags[]", "a")])
    {'tags[]': ['a', 'b']}
    """
    groups: dict[str, list[str]] = {}
    for name, text in pairs:
        groups.setdefault(name, []).append(text.lower())
    return {name: sorted(texts) for name, texts in groups.items()}
