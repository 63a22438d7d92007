"""Attribute-style paths: ``client.jobs[123].units.pages()``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Protocol

from crowdflower._types import JSON
from crowdflower.http.encoding import segment
from crowdflower.models.display import refuse_probes
from crowdflower.models.endpoints import ENDPOINTS, max_page_size


class ClientLike(Protocol):
    """What sends the requests; a :class:`~crowdflower.client.Client` does."""

    def call(self, path: str, *args: Any, **kwargs: Any) -> JSON:
        """Send one request."""

    def paged_call(self, *args: Any, **kwargs: Any) -> Iterator[JSON]:
        """Yield pages."""


class PathFactory:
    """A path of the API, built by attribute and item; calling it sends a request.

    It reaches every endpoint, those included that this library has no method for.

    :param client: What sends the requests.
    :param name: The segments so far.

    >>> client.jobs[job.id].units.ping()["done"]
    True
    >>> client.jobs[job.id].tags(data={"tags": "spring"}, method="post", _suffix=None)
    {'success': '1 tags added'}
    """

    def __init__(self, client: ClientLike, name: tuple[str, ...] = ()) -> None:
        self._client = client
        self._name = name

    def __getattr__(self, name: str) -> PathFactory:
        if name.startswith("_"):
            # Pickle, copy and notebooks probe for such names, and must not find them.
            raise AttributeError(name)
        return self[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *ENDPOINTS.names_below(self._name)})

    # Otherwise __getitem__ would make a path an endless sequence.
    __iter__ = None
    __contains__ = None

    def __getitem__(self, name: int | str) -> PathFactory:
        return PathFactory(self._client, (*self._name, segment(name)))

    def __call__(
        self,
        *args: Any,
        _suffix: str | None = ".json",
        **kwargs: Any,
    ) -> JSON:
        """Send a request to this path; the arguments are those of :meth:`Client.call`.

        :param _suffix: What is appended to the path; ``None`` appends nothing, as a few endpoints
            require.
        """
        refuse_probes(sys._getframe(1))  # noqa: SLF001 - as the standard library does
        return self._client.call(self._path(_suffix), *args, **kwargs)

    def pages(
        self,
        *args: Any,
        _suffix: str | None = ".json",
        **kwargs: Any,
    ) -> Iterator[JSON]:
        """Yield the pages of this path; the arguments are those of :meth:`Client.paged_call`.

        Without a ``limit``, units and judgments come in the largest pages that the API allows.

        >>> [len(page) for page in client.jobs[job.id].units.pages()]
        [10]
        >>> [len(page) for page in client.jobs[job.id].units.pages(limit=5)]
        [5, 5]
        """
        path = self._path(_suffix)
        if (limit := max_page_size(path)) is not None:
            kwargs.setdefault("limit", limit)
        return self._client.paged_call(path, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<PathFactory {self._path(None)}>"

    def _path(self, suffix: str | None) -> str:
        return "/".join(self._name) + (suffix or "")
