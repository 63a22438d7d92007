"""The number of rows of a job: it shows whether a request arrived whose response was lost."""

from __future__ import annotations

from typing import Final

from crowdflower._types import JSON
from crowdflower.exceptions import ApplicationError
from crowdflower.http.base_client import BaseClient
from crowdflower.http.polling import poll

POLL_DELAYS: Final = (1, 2, 4, 8, 15, 30)
"""Seconds between reads of a job that may still be storing rows in the background."""


class RowCount:
    """Reads the number of rows of a job while the service may still be storing some.

    :param path: The path of the job.
    :ivar refusal: Why the service could not read a row of the latest upload, in parentheses.
    """

    def __init__(self, client: BaseClient, path: str) -> None:
        self._client = client
        self._path = path
        self.refusal = ""

    def read(self) -> tuple[bool, int | None]:
        """Return whether the latest upload has been processed, and how many rows the job holds."""
        try:
            answer: JSON = self._client.request("GET", f"{self._path}/units/ping.json").body
        except ApplicationError as error:
            self.refusal = f" ({error})"
            return True, None
        count = answer.get("count") if isinstance(answer, dict) else None
        done = answer.get("done") is not False if isinstance(answer, dict) else True
        return done, count if isinstance(count, int) else None

    def wait_until_processed(self) -> int | None:
        """Return how many rows the job holds when it has processed the latest upload."""
        count = None
        for _ in poll(self._client.clock, POLL_DELAYS):
            done, count = self.read()
            if done:
                break
        return count

    def wait_for(self, expected: int | None) -> bool:
        """Wait for rows whose response was lost; return whether the job reached the row count."""
        for _ in poll(self._client.clock, POLL_DELAYS):
            if self.read() == (True, expected) and expected is not None:
                return True
        return False

    def is_stable(self, before: tuple[bool, int | None]) -> bool:
        """Wait for rows that were given up as lost; return whether none arrived after all."""
        return all(self.read() == before for _ in poll(self._client.clock, POLL_DELAYS))
