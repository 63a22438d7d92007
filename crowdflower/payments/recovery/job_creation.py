"""Find a job by its alias or create it: one job, whatever is lost or killed in between.

An alias is unique in an account, so that a service which takes it with a new job cannot create two.
Some services take it only when a job is changed. There, the journal file says what was begun: the
job is then found again among those that are newer, by its title, and gets its alias.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final

from crowdflower._types import JSONObject
from crowdflower.exceptions import (
    ApiError,
    InvalidInput,
    JournalLocked,
    MalformedResponse,
    NotAcceptable,
    NotFound,
    NotSentError,
    OutcomeUnknown,
    RefusedError,
    ResponseError,
    warn,
)
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.http.polling import poll
from crowdflower.models import shapes
from crowdflower.models.job_differences import Difference, find_differences, select_attributes
from crowdflower.models.job_fields import JobFields
from crowdflower.payments.accounts import Account
from crowdflower.payments.recovery.creations import Creation, Creations

BUSY_DELAYS: Final = (0.05, 0.1, 0.2, 0.5, *(1.0,) * 30)
"""Seconds between two looks at a creation that another process is at."""

LOST_DELAYS: Final = (1, 2, 4)
"""Seconds between two looks for a job whose creation got no response."""

MAX_PAGES: Final = 20
"""Pages of the list of jobs that are searched, ten jobs each."""

_UNCLEAR: Final = (OutcomeUnknown, NotAcceptable, ResponseError)
"""Errors after which the job may have been created."""


class JobCreation:
    """The search for one job, and its creation.

    :param account: The account, and the journal in whose file creations are recorded.
    :param attributes: What the job is to have, in normal form.
    """

    def __init__(
        self, client: BaseClient, account: Account, alias: str, attributes: Mapping[str, Any]
    ) -> None:
        self._client = client
        self._account = account
        self._alias = alias
        self._attributes = {**attributes, "alias": alias}

    def find_or_create(self, *, update: bool) -> JSONObject:
        """Return the JSON of the job.

        :param update: Send attributes that differ from those of a job that was there before.
        """
        job = self._find()
        journal = self._account.journal
        if journal.path is None:
            return self._adjust(job, update=update) if job else self._create(update=update)
        if job and Creations(journal, self._account.known_name()).find(self._alias) is None:
            return self._adjust(job, update=update)
        creations = Creations(journal, self._account.name())
        begun = self._claim(creations)
        try:
            return self._continue(creations, begun, update=update)
        finally:
            creations.release(self._alias)

    def _claim(self, creations: Creations) -> Creation:
        """Wait until no other process is at this creation, and take it over."""
        for _ in poll(self._client.clock, BUSY_DELAYS):
            begun = creations.claim(self._alias, self._attributes)
            if begun is not None:
                return begun
        raise JournalLocked(
            f"another process is creating the job {self._alias!r}, as the journal"
            f" {self._account.journal.path} says; call again when it has ended"
        )

    # With a journal file

    def _continue(self, creations: Creations, begun: Creation, *, update: bool) -> JSONObject:
        """Finish what this or an earlier process began; if there is nothing yet, create the job."""
        job = self._find()
        was_sent = begun.newest_id is not None
        if job is None and was_sent:
            job = self._find_without_alias(begun)
        if job is None:
            return self._create(creations, begun, update=update)
        if not was_sent:  # another process created it after this one had looked for it
            creations.finish(self._alias)
            return self._adjust(job, update=update)
        try:
            job = self._complete(job, {**begun.attributes, **self._attributes})
        except NotFound:  # deleted, but still shown
            creations.set_job(self._alias, None)
            return self._create(creations, begun, update=update)
        creations.finish(self._alias)
        return job

    def _find_without_alias(self, begun: Creation) -> JSONObject | None:
        """Return the job that an interrupted creation may have made, if it is among the newest."""
        if begun.job_id is not None:
            try:
                return self._read(begun.job_id)
            except NotFound:
                return None
        found = [
            job
            for job in self._newer_jobs(begun.newest_id or 0)
            if not job.get("alias") and not job.get("units_count") and _is_unordered(job)
        ]
        title = begun.attributes.get("title")
        same = [job for job in found if title and not _differs(job, title)]
        candidates = same or [job for job in found if not job.get("title")]
        if len(candidates) > 1:
            ids = " and ".join(str(job["id"]) for job in candidates)
            raise OutcomeUnknown(
                f"the creation of the job {self._alias!r}, which began at"
                f" {begun.started_at:%Y-%m-%d %H:%M} UTC, may have made one of the jobs {ids}:"
                " they have no alias; give one of them this alias, then call again",
                evidence=f"the jobs {ids} are new, and have the title or none",
                phase="sent",
            )
        return candidates[0] if candidates else None

    def _newer_jobs(self, newest_id: int) -> Iterator[JSONObject]:
        for number in count(1):
            query = {"page": number}
            page = self._client.request("GET", "jobs.json", query=query, shape=shapes.job_page).body
            jobs = [job for job in page if "id" in job]
            yield from (job for job in jobs if job["id"] > newest_id)
            is_last = not page or any(job["id"] <= newest_id for job in jobs)
            if is_last or number == MAX_PAGES:
                return

    # Requests

    def _create(
        self,
        creations: Creations | None = None,
        begun: Creation | None = None,
        *,
        update: bool,
    ) -> JSONObject:
        """Create the job; if it exists by now, adjust it.

        :param begun: What the journal says; an earlier request may still arrive.
        """
        earlier_id = begun.newest_id if begun else None
        if creations:
            newest_id = earlier_id
            if newest_id is None:
                newest_id = next((job["id"] for job in self._newer_jobs(0)), 0)
            creations.begin_request(self._alias, self._attributes, newest_id)
        try:
            job: JSONObject = self._client.request(
                "POST", "jobs.json", data={"job": self._attributes}, shape=shapes.a_job
            ).body
        except _UNCLEAR as error:
            job = self._find_lost(creations, error)
        except (RefusedError, NotSentError, InvalidInput) as error:
            if creations and earlier_id is None:
                creations.finish(self._alias)
            found = self._find() if isinstance(error, RefusedError) else None
            if found is None:
                raise
            return self._adjust(found, update=update)
        if creations:
            creations.set_job(self._alias, job["id"])
        job = self._complete(job, self._attributes)
        if creations:
            creations.finish(self._alias)
        return job

    def _find_lost(self, creations: Creations | None, error: ApiError) -> JSONObject:
        """Return the job whose creation got no usable response."""
        begun = creations.find(self._alias) if creations else None
        for _ in poll(self._client.clock, LOST_DELAYS):
            job = self._find() or (self._find_without_alias(begun) if begun else None)
            if job is not None:
                return job
        raise error

    def _find(self) -> JSONObject | None:
        """Return the job with the alias."""
        try:
            job = self._read(self._alias)
        except NotFound:
            return None
        shown = job.get("alias")
        if isinstance(shown, str) and shown.casefold() != self._alias.casefold():
            raise MalformedResponse(
                f"GET /jobs/{self._alias}: the service sent job {job['id']}, whose alias is"
                f" {shown!r:.80}"
            )
        return job

    def _read(self, job_id: int | str) -> JSONObject:
        path = f"jobs/{segment(job_id)}.json"
        job: JSONObject = self._client.request("GET", path, shape=shapes.a_job).body
        return job

    def _adjust(self, job: JSONObject, *, update: bool) -> JSONObject:
        """Send the attributes that differ, or warn of them."""
        if update:
            return self._complete(job, self._attributes)
        differences = _find_differences(job, self._attributes)
        if differences:
            warn(
                f"job {job['id']} {self._alias!r} differs from the arguments: {_join(differences)};"
                " pass update=True to send them"
            )
        return job

    def _complete(self, job: JSONObject, attributes: Mapping[str, Any]) -> JSONObject:
        """Send the attributes that differ; warn of those that the service does not keep."""
        differences = _find_differences(job, attributes)
        if not differences:
            return job
        changes = select_attributes(attributes, differences)
        changed: JSONObject = self._client.request(
            "PUT", f"jobs/{segment(job['id'])}.json", data={"job": changes}, shape=shapes.a_job
        ).body
        if lost := _find_differences(changed, changes):
            warn(
                f"job {job['id']} {self._alias!r}: the service did not keep what was sent:"
                f" {_join(lost)}"
            )
        return changed


def _find_differences(job: JSONObject, attributes: Mapping[str, Any]) -> list[Difference]:
    return find_differences(JobFields(None, **job), attributes)


def _differs(job: JSONObject, title: object) -> bool:
    return bool(_find_differences(job, {"title": title}))


def _is_unordered(job: JSONObject) -> bool:
    return job.get("state") in {None, "unordered"}


def _join(differences: list[Difference]) -> str:
    return "; ".join(map(str, differences))
