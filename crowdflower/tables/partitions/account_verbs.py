"""A client, as far as partitions need it: this layer cannot import the class itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, cast

from crowdflower._types import JSON, RowSource, describe_type
from crowdflower.exceptions import InvalidInput
from crowdflower.http.base_client import BaseClient


class Account(Protocol):
    """The verbs of :class:`~crowdflower.client.Client` that read, stage and end a write."""

    @property
    def max_requests_per_second(self) -> float | None:
        """The rate limit."""

    def with_rate_limit(self, max_requests_per_second: float | None) -> BaseClient:
        """Return a client with a lower rate limit."""

    def get_job(self, job_id: int | str) -> Any:
        """Fetch a job."""

    def get_jobs(self, *, tags: Iterable[str] = ()) -> Iterator[Any]:
        """Yield the jobs with some tags."""

    def create_job(self, attrs: Mapping[str, Any]) -> Any:
        """Create a job."""

    def delete_job(self, job_id: int) -> None:
        """Delete a job."""

    def get_job_tags(self, job_id: int) -> list[str]:
        """Fetch the tags of a job."""

    def add_job_tag(self, job_id: int, tag: str) -> None:
        """Add a tag to a job."""

    def remove_job_tags(self, job_id: int, tags: Iterable[str]) -> None:
        """Remove tags from a job."""

    def upload_job(self, data: RowSource, job_id: int | None = None) -> Any:
        """Upload rows to a job."""

    def get_units(self, job: int, *, start_page: int = 1) -> Iterator[Any]:
        """Yield the units of a job."""

    def _pages(
        self,
        path: str,
        size: int,
        count: int | None = None,
        query: Mapping[str, Any] = ...,
        shape: Callable[[JSON], JSON] | None = None,
        first: int = 1,
    ) -> Iterator[Any]:
        """Yield the pages of a list."""


def account(client: BaseClient) -> Account:
    """Return a client with its verbs.

    :raises InvalidInput: The value is not a :class:`~crowdflower.client.Client`.

    >>> account(client) is client
    True
    """
    if not isinstance(client, BaseClient) or not hasattr(client, "with_rate_limit"):
        raise InvalidInput(f"client must be a crowdflower.Client, not {describe_type(client)}")
    return cast("Account", client)
