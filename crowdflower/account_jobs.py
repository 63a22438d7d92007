"""Jobs of an account: made, changed, found; where contributors come from, and what is ordered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from crowdflower._types import JSON, JSONObject, a_type
from crowdflower.account import A_JOB, Account
from crowdflower.exceptions import (
    ApiError,
    InvalidInput,
    MalformedResponse,
    NotAcceptable,
    OutcomeUnknown,
    warn,
)
from crowdflower.http import messages
from crowdflower.http.messages import an_object
from crowdflower.http.transport import Response
from crowdflower.job import Job
from crowdflower.models.job_fields import JobFields, spelled
from crowdflower.models.paths import JOBS_PER_PAGE, number
from crowdflower.models.resource import channel_names, joined, names
from crowdflower.order import Order
from crowdflower.payments.kinds import Launch
from crowdflower.states import JobState

CONVERTING: Final = (0, 1, 2, 4, 8)
"""Seconds between looks at a job whose rows may be turned into test questions just now."""


class AccountJobs(Account):
    """What an account does with its jobs."""

    def create_job(self, attrs: Mapping[str, Any]) -> Job:
        """Create a job.

        Calls ``POST /jobs``, and ``PUT /jobs/{id}`` where the answer shows other values than these:
        not every service takes all attributes on creation.

        :param attrs: Attributes of :class:`Job`; nested dicts become ``job[options][x]``.
        :raises RefusedError: The service refuses a value. Where it is the second request that ends
            so, the job is there, without the attributes.
        :raises OutcomeUnknown: The answer was lost: there may be a job.

        >>> client.create_job({"title": "Sentiment", "options": {"front_load": True}}).state
        'unordered'
        """
        attrs = spelled(attrs)
        job = self._job(self.jobs(data={"job": attrs}, method="post", shape=A_JOB))
        if not _shows(job.json, attrs):
            job.absorb(self.update_job(job.id, attrs))
        return job

    def update_job(self, job_id: int, attrs: Mapping[str, Any]) -> JSONObject:
        """Change attributes of a job; return its JSON.

        Calls ``PUT /jobs/{id}``. :meth:`Job.update` does it with fewer surprises.

        :raises RefusedError: The service refuses a value; it keeps none of them.
        :raises OutcomeUnknown: The answer was lost, and the job does not show that it was made.

        >>> client.update_job(job.id, {"payment_cents": 12})["payment_cents"]
        12
        """
        path = self.jobs[job_id]
        attrs = spelled(attrs)
        try:
            answer: JSONObject = path(
                data={"job": attrs}, method="put", shape=partial(an_object, kind="job")
            )
        except (NotAcceptable, OutcomeUnknown) as error:
            unclear = error
        else:
            return answer
        # Some services make the change, and answer with a page or the way to one. Where there was
        # no answer at all, what is not shown may not be there.
        response = unclear.response
        is_page = response is not None and _is_a_page(response)
        with suppress(ApiError):
            answer = path()
            if _shows(answer, attrs, unshown=is_page):
                return answer
        raise unclear

    def get_job(self, job_id: int | str) -> Job:
        """Fetch a job by its id, or by its alias.

        Calls ``GET /jobs/{id}``.

        :raises NotFound: There is none, or it is somebody else's.

        >>> client.get_job(job.id).title
        'Sentiment of reviews'
        """
        return self._job(self.jobs[job_id](shape=A_JOB))

    def get_jobs(
        self,
        *,
        state: JobState | None = None,
        tags: Iterable[str] = (),
        created_since: date | None = None,
        created_until: date | None = None,
        team_id: str | None = None,
        start_page: int = 1,
    ) -> Iterator[Job]:
        """Yield all jobs of the account, newest first; ten a request.

        Calls ``GET /jobs``. Items of the list that are nothing but errors are passed over with a
        warning.

        :param state: Only those in this state.
        :param tags: Only those filed under one of these names.
        :param created_since: Only those created on this day or later.
        :param created_until: Only those created on this day or earlier.
        :param team_id: Only those of this team of the account.
        :param start_page: Where to go on, after an error that named its ``page``.
        :raises ValidationError: The service knows no such state.
        :raises PageLoop: It sends the same page again.

        >>> next(client.get_jobs(state="running")).title
        'Sentiment of reviews'
        """
        filters = {
            "state": state,
            "tags": joined("tags", tags) or None,
            "created_at_greater_equal": _day("created_since", created_since),
            "created_at_less_equal": _day("created_until", created_until),
            "team_id": team_id,
        }
        query = {name: value for name, value in filters.items() if value is not None}
        pages = self._pages(
            "jobs.json", JOBS_PER_PAGE, query=query, shape=_listed, first=start_page
        )
        for page in pages:
            for item in page:
                if _shows_only_errors(item):
                    errors = "; ".join(messages.complaints(item)) or "which ones it does not say"
                    warn(f"a job shows only errors: {errors}")
                else:
                    yield self._job(item)

    def delete_job(self, job_id: int) -> None:
        """Delete a job; a running one must be canceled first.

        Calls ``DELETE /jobs/{id}``.

        :raises RefusedError: It is neither unordered nor canceled.

        >>> client.delete_job(client.create_job({"title": "A draft"}).id)
        """
        self.jobs[job_id](method="delete")

    def copy_job(
        self, job_id: int, all_units: bool, gold: bool, *, only_new_and_judgable: bool = False
    ) -> Job:
        """Copy a job, with all its rows, with some of them, or with none.

        Calls ``GET /jobs/{id}/copy``. The rows follow in the background.

        :param all_units: Copy all rows too.
        :param gold: Copy the test questions too.
        :param only_new_and_judgable: Also copy the rows that are not finalized yet.
        :raises OutcomeUnknown: The answer was lost: there may be a copy.

        >>> client.copy_job(job.id, all_units=False, gold=True).copied_from == job.id
        True
        """
        asked = {
            "all_units": all_units,
            "gold": gold,
            "only_new_and_judgable": only_new_and_judgable,
        }
        return self._job(
            self.jobs[job_id].copy(
                query={name: True for name, value in asked.items() if value}, shape=A_JOB
            )
        )

    def convert_job_test_questions(self, job_id: int) -> None:
        """Turn the rows whose ``_golden`` column is true into test questions.

        Calls ``PUT /jobs/{id}/gold``; the service does it in the background. Where it answers with
        a page, as some do, the job is read until it has test questions, for a quarter of a minute.

        >>> client.convert_job_test_questions(job.id)
        """
        try:
            self.jobs[job_id].gold(method="put")
        except (NotAcceptable, OutcomeUnknown) as error:
            if error.response is None or not _is_a_page(error.response):
                raise
            unclear = error
        else:
            return
        for pause in CONVERTING:
            self.clock.sleep(pause)
            with suppress(ApiError):
                if self.jobs[job_id](shape=A_JOB).get("golds_count"):
                    return
        raise unclear

    # Channels and tags: the endpoints that answer 404 when they are given the suffix .json

    def get_job_channels(self, job_id: int) -> JSONObject:
        """Return ``enabled_channels`` and ``available_channels``.

        Calls ``GET /jobs/{id}/channels``.

        >>> client.get_job_channels(job.id)["enabled_channels"]
        ['cf_internal', 'on_demand']
        """
        channels: JSONObject = self.jobs[job_id].channels(_suffix=None)
        return channels

    def set_job_channels(self, job_id: int, channels: Iterable[str]) -> None:
        """Replace the channels from which contributors come.

        Calls ``PUT /jobs/{id}/channels``.

        :raises ApplicationError: The account has no such channel; none is changed.

        >>> client.set_job_channels(job.id, ["cf_internal"])
        """
        self.jobs[job_id].channels(
            data={"channels": channel_names(channels)}, method="put", _suffix=None
        )

    def add_job_channels(self, job_id: int, channels: Iterable[str]) -> None:
        """Let contributors come from more channels.

        Calls ``POST /jobs/{id}/channels``.

        :raises ApplicationError: The account has no such channel; none is changed.

        >>> client.add_job_channels(job.id, ["clixsense"])
        """
        self.jobs[job_id].channels(
            data={"channels": channel_names(channels)}, method="post", _suffix=None
        )

    def get_job_tags(self, job_id: int) -> list[str]:
        """Return the names under which a job is filed.

        Calls ``GET /jobs/{id}/tags``.

        >>> client.get_job_tags(job.id)
        []
        """
        tags: list[str] = self.jobs[job_id].tags(_suffix=None, shape=_tag_names)
        return tags

    def add_job_tag(self, job_id: int, tag: str) -> None:
        """File a job under one more name.

        Calls ``POST /jobs/{id}/tags``.

        >>> client.add_job_tag(job.id, "spring")
        """
        self.jobs[job_id].tags(data={"tags": names("tag", [tag])}, method="post", _suffix=None)

    def set_job_tags(self, job_id: int, tags: Iterable[str]) -> None:
        """Replace the names under which a job is filed.

        Calls ``PUT /jobs/{id}/tags``.

        >>> client.set_job_tags(job.id, ["spring", "reviews"])
        """
        self.jobs[job_id].tags(data={"tags": names("tags", tags)}, method="put", _suffix=None)

    def remove_job_tags(self, job_id: int, tags: Iterable[str]) -> None:
        """Take a job out of some of the names under which it is filed.

        Calls ``DELETE /jobs/{id}/tags``.

        >>> client.remove_job_tags(job.id, ["spring"])
        """
        self.jobs[job_id].tags(data={"tags": names("tags", tags)}, method="delete", _suffix=None)

    # Orders

    def debit_order(
        self,
        job: JobFields | int,
        units_count: int,
        channels: Iterable[str],
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
    ) -> Order:
        """Order units of a job: from now on contributors are shown them, and paid.

        Calls ``POST /jobs/{job_id}/orders``, once. :meth:`Job.launch` is the same, said by the job,
        and says more about it.

        :param units_count: How many units to release, from 1 on; this caps what is spent.
        :param channels: Where contributors come from; replaces the enabled channels.
        :param key: Your name for this payment; there is never a second one of it.
        :param max_cost_cents: US cents; refuse to order if it may cost more.
        :raises OverBudget: It may cost more; nothing was sent.
        :raises PaymentRequired: The balance does not cover it.
        :raises ValidationError: The job is not ready; the text says what it lacks.
        :raises DuplicateOperation: A payment of this name was begun before.
        :raises OutcomeUnknown: The order may have been placed.

        >>> draft = job.copy(all_units=True)
        >>> client.debit_order(draft, 8, ["cf_internal"]).type
        'Debit'
        """
        job = self._as_job(job)
        payment = Launch(job.id, units_count, channels)
        order = self.operations.pay(payment, key=key, max_cost_cents=max_cost_cents)
        return Order(job, self._client).absorb(order)

    def get_order(self, job: JobFields | int, order_id: int) -> Order:
        """Fetch an order.

        Calls ``GET /jobs/{job_id}/orders/{id}``.

        :raises NotFound: There is none in this job.

        >>> client.get_order(job, order.id).amount_in_cents
        0
        """
        job = self._as_job(job)
        found = self.jobs[job.id].orders[number(order_id)](shape=partial(an_object, kind="order"))
        return Order(job, self._client).absorb(found)


def _day(what: str, day: date | None) -> str | None:
    """Write a day as the service reads it."""
    if day is None:
        return None
    if not isinstance(day, date):
        raise InvalidInput(f"{what} is a date, not {day!r:.80}")
    return day.strftime("%Y-%m-%d")


def _is_a_page(response: Response) -> bool:
    """Tell an answer that means a change was made, and shown to a person, by its status."""
    return response.is_redirect or response.status_code == HTTPStatus.NOT_ACCEPTABLE


def _listed(page: JSON) -> JSON:
    """Return a page that is a list of jobs, or of what is wrong with them.

    The last may be an empty object.
    """
    if not isinstance(page, list) and page != {}:
        raise MalformedResponse(f"expected a list of jobs, got {a_type(page)}")
    return [each if _shows_only_errors(each) else A_JOB(each) for each in page]


def _shows_only_errors(item: JSON) -> bool:
    if not isinstance(item, dict) or "id" in item:
        return False
    return "errors" in item or bool(messages.complaints(item))


def _tag_names(tags: JSON) -> list[str]:
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        raise MalformedResponse("expected a list of tags, each an object with a name")
    return [tag["name"] for tag in tags if "name" in tag]


def _shows(shown: JSON, asked: object, *, unshown: bool = True) -> bool:
    """Tell whether a value can be what was asked for, in the server's spelling of it.

    A title may have gained capitals, a number have become a text, a code of a country an object.

    :param unshown: What to believe of a value that is not shown.
    """
    if isinstance(asked, Mapping) and isinstance(shown, Mapping):
        return all(
            _shows(shown[name], value, unshown=unshown) if name in shown else unshown
            for name, value in asked.items()
        )
    if isinstance(asked, (str, int, float)):
        return str(shown).lower() == str(asked).lower()
    return bool(shown) or not asked
