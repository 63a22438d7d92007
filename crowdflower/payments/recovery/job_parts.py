"""The copies of a job that take the rows it has no room for: found by their alias, or created once.

An alias is unique in an account. The service makes a copy without one, so a process that is killed
at that moment leaves a job that its alias does not show. A journal file says which job was the
newest before; without one, a copy that nobody has changed yet is recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from crowdflower._types import JSONObject
from crowdflower.exceptions import (
    ApiError,
    InvalidInput,
    JournalLocked,
    NotAcceptable,
    NotFound,
    NotSentError,
    OutcomeUnknown,
    RefusedError,
    ResponseError,
    UploadIncomplete,
)
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.http.polling import poll
from crowdflower.models import shapes
from crowdflower.payments.accounts import Account
from crowdflower.payments.recovery.creations import Creation, Creations
from crowdflower.payments.recovery.job_creation import BUSY_DELAYS, LOST_DELAYS, MAX_PAGES

MAX_TITLE: Final = 255

_PART: Final = re.compile(r"job-(?P<base>[0-9]+)-part-(?P<number>[0-9]+)", re.IGNORECASE)
_UNCLEAR: Final = (OutcomeUnknown, NotAcceptable, ResponseError)
"""Errors after which the copy may have been made."""


class JobParts:
    """A job and the copies of it that continue its rows.

    Part 2 of job 7 has the alias ``job-7-part-2``, and the title of job 7 with ``(part 2)``.

    :param account: The account, and the journal in whose file creations are recorded.
    :param base: The JSON of the first job.
    :param gold: Whether copies get the test questions of the first job.
    """

    def __init__(
        self, client: BaseClient, account: Account, base: JSONObject, *, gold: bool
    ) -> None:
        self._client = client
        self._account = account
        self._base = base
        self._gold = gold
        self._last = 1
        self._newest_id: int = base["id"]

    @property
    def expected_units(self) -> int:
        """How many test questions a copy gets."""
        return _golds(self._base) if self._gold else 0

    def find(self) -> list[JSONObject]:
        """Return the first job and its copies, in order; one that was deleted is left out.

        :raises InvalidInput: A job with such an alias is a copy of another job.
        """
        jobs, missing = [self._base], 0
        for number in count(2):
            job = self._find(self._alias(number))
            if job is None:
                missing += 1
                if missing > 1:
                    return jobs
                continue
            missing = 0
            jobs.append(job)
            self._learn(number, job)
        return jobs

    def create(self, *, may_exist: bool) -> JSONObject:
        """Return the next copy; create it if it does not exist.

        :param may_exist: Whether an earlier process may have made it without its alias.
        :raises JournalLocked: Another process is creating it.
        :raises OutcomeUnknown: A response was lost, and the copy is not found.
        """
        number = self._last + 1
        journal = self._account.journal
        if journal.path is None:
            job = self._find(self._alias(number))
            if job is None and may_exist:
                job = self._find_copy(self._newest_id, is_recorded=False)
            if job is None:
                job = self._rename_new(self._copy(None, number), number)
            else:
                job = self._rename(job, number)
        else:
            job = self._create_recorded(Creations(journal, self._account.name()), number)
        self._learn(number, job)
        return job

    def _create_recorded(self, creations: Creations, number: int) -> JSONObject:
        alias = self._alias(number)
        begun = self._claim(creations, number)
        try:
            job = self._find(alias) or self._find_begun(begun)
            if job is None:
                new = self._copy(creations, number, begun.newest_id)
                job = self._rename_new(new, number)
            else:
                job = self._rename(job, number)
            creations.finish(alias)
        finally:
            creations.release(alias)
        return job

    def _learn(self, number: int, job: JSONObject) -> None:
        self._last = number
        self._newest_id = max(self._newest_id, job["id"])

    # Names

    def _alias(self, number: int) -> str:
        return f"job-{self._base['id']}-part-{number}"

    def _names(self, number: int) -> JSONObject:
        ending = f" (part {number})"
        title = self._base.get("title") or f"Job {self._base['id']}"
        return {
            "title": f"{title[: MAX_TITLE - len(ending)]}{ending}",
            "alias": self._alias(number),
        }

    # Looking

    def _find(self, alias: str) -> JSONObject | None:
        """Return the job with an alias."""
        try:
            job = self._read(alias)
        except NotFound:
            return None
        origin = job.get("copied_from")
        if origin not in {None, self._base["id"]} or job["id"] == self._base["id"]:
            raise InvalidInput(
                f"job {job['id']} has the alias {alias!r}, but is not a copy of job"
                f" {self._base['id']}: give it another alias"
            )
        return job

    def _find_begun(self, begun: Creation) -> JSONObject | None:
        """Return the copy that an interrupted process made, by what the journal says."""
        if begun.job_id is not None:
            try:
                return self._read(begun.job_id)
            except NotFound:
                return None
        if begun.newest_id is None:
            return None
        return self._find_copy(begun.newest_id, is_recorded=True)

    def _find_copy(self, newest_id: int, *, is_recorded: bool) -> JSONObject | None:
        """Return the oldest copy without an alias that nobody has changed.

        :param newest_id: The newest job before it.
        :param is_recorded: Whether a copy is known to have been begun then.
        """
        title = self._base.get("title")
        copies = [
            job
            for job in self._newer_jobs(newest_id)
            if self._is_copy(job)
            and not job.get("alias")
            and job.get("state") in {None, "unordered"}
            and (job.get("units_count") or 0)
            <= max(self.expected_units, job.get("golds_count") or 0)
            and (is_recorded or job.get("title") == title)
        ]
        return min(copies, key=lambda job: job["id"], default=None)

    def _is_copy(self, job: JSONObject) -> bool:
        origin, title = job.get("copied_from"), self._base.get("title")
        if origin is not None:
            return bool(origin == self._base["id"])
        return "copied_from" not in job and title is not None and job.get("title") == title

    def _newer_jobs(self, newest_id: int) -> Iterator[JSONObject]:
        for number in range(1, MAX_PAGES + 1):
            page = self._client.request(
                "GET", "jobs.json", query={"page": number}, shape=shapes.job_page
            ).body
            jobs = [job for job in page if "id" in job]
            yield from (job for job in jobs if job["id"] > newest_id)
            if not page or any(job["id"] <= newest_id for job in jobs):
                return

    def _read(self, job_id: int | str) -> JSONObject:
        path = f"jobs/{segment(job_id)}.json"
        job: JSONObject = self._client.request("GET", path, shape=shapes.a_job).body
        return job

    # Creating

    def _claim(self, creations: Creations, number: int) -> Creation:
        """Wait until no other process is at this copy, and take it over."""
        alias = self._alias(number)
        for _ in poll(self._client.clock, BUSY_DELAYS):
            begun = creations.claim(alias, self._names(number))
            if begun is not None:
                return begun
        raise JournalLocked(
            f"another process is creating the job {alias!r}, as the journal"
            f" {self._account.journal.path} says; call again when it has ended"
        )

    def _copy(
        self, creations: Creations | None, number: int, newest_id: int | None = None
    ) -> JSONObject:
        alias = self._alias(number)
        if newest_id is None:
            newest_id = next((job["id"] for job in self._newer_jobs(0)), 0)
        if creations:
            creations.begin_request(alias, self._names(number), newest_id)
        path = f"jobs/{segment(self._base['id'])}/copy.json"
        query: dict[str, Any] = {"gold": True} if self._gold else {}
        try:
            job: JSONObject = self._client.request(
                "GET", path, query=query, shape=shapes.a_job
            ).body
        except _UNCLEAR as error:
            job = self._find_lost(newest_id, error)
        except (RefusedError, NotSentError):
            if creations:
                creations.finish(alias)
            raise
        if creations:
            creations.set_job(alias, job["id"])
        return job

    def _find_lost(self, newest_id: int, error: ApiError) -> JSONObject:
        """Return the copy whose creation got no usable response."""
        for _ in poll(self._client.clock, LOST_DELAYS):
            job = self._find_copy(newest_id, is_recorded=True)
            if job is not None:
                return job
        raise error

    def _rename_new(self, job: JSONObject, number: int) -> JSONObject:
        """Name a copy that was just made; if another process was faster, delete it, and use that.

        :returns: The copy that has the alias.
        """
        try:
            return self._rename(job, number)
        except RefusedError:
            other = self._find(self._alias(number))
            if other is None or other["id"] == job["id"]:
                raise
        self._client.request("DELETE", f"jobs/{segment(job['id'])}.json")
        return other

    def _rename(self, job: JSONObject, number: int) -> JSONObject:
        """Give a copy its title and alias, if it does not have them."""
        names = self._names(number)
        alias = names["alias"]
        if _has_alias(job, alias):
            return job
        path = f"jobs/{segment(job['id'])}.json"
        changed: JSONObject = self._client.request(
            "PUT", path, data={"job": names}, shape=shapes.a_job
        ).body
        if not _has_alias(changed, alias):
            raise UploadIncomplete(
                f"job {job['id']}, a copy of job {self._base['id']}, did not keep the alias"
                f" {alias!r}, by which its rows are found again: set title, instructions and cml"
                " of both jobs, give the copy this alias, and repeat the call",
                resume=None,
            )
        return changed


def base_of(job: JSONObject) -> int:
    """Return the id of the first of the jobs that a job belongs to.

    >>> base_of({"id": 9, "alias": "job-7-part-2"}), base_of({"id": 7, "alias": "reviews"})
    (7, 7)
    """
    found = _PART.fullmatch(str(job.get("alias")))
    return int(found["base"]) if found else int(job["id"])


def _has_alias(job: JSONObject, alias: str) -> bool:
    shown = job.get("alias")
    return isinstance(shown, str) and shown.casefold() == alias.casefold()


def _golds(job: JSONObject) -> int:
    count = job.get("golds_count")
    return count if isinstance(count, int) else 0
