"""Rows of an account's jobs, and the judgments about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final

from crowdflower._types import JSON, JSONObject, Row, Rows, a_type
from crowdflower.account import (
    A_JOB,
    NOTHING,
    Account,
    counted,
    identified,
)
from crowdflower.exceptions import InvalidInput, MalformedResponse
from crowdflower.http import encoding, pagination
from crowdflower.http.messages import an_object, objects
from crowdflower.job import Job
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.models.job_fields import JobFields
from crowdflower.models.paths import AGGREGATES_PER_PAGE, ID, UNITS_PER_PAGE, number, segment
from crowdflower.models.resource import a_row
from crowdflower.rows import upload_source
from crowdflower.unit import Unit, UnitPromise

if TYPE_CHECKING:
    from os import PathLike


class AccountUnits(Account):
    """What an account does with rows and judgments."""

    def upload_job(self, data: Rows, job_id: int | None = None, force: bool = False) -> Job:
        """Upload rows to a job, or to a new one.

        Calls ``PUT /jobs/{id}/upload``, or ``POST /jobs/upload``. The rows are encoded to a
        temporary file as they are consumed, and sent once all of them are known to be good.

        :param data: Any iterable of dicts from column to JSON value.
        :param force: Take rows whose columns differ from those of the first upload.
        :raises InvalidInput: A row cannot be sent; its ``row`` says which, and none was.
        :raises OutcomeUnknown: The answer was lost; :meth:`Job.upload` with a ``key`` can look.

        >>> client.upload_job({"text": text} for text in ["Good!", "Bad."]).units_count
        2
        """
        with upload_source.spool_rows(data) as body:
            return self._upload(body, upload_source.JSON_LINES, job_id, force)

    def upload_job_file(
        self,
        file: str | PathLike[str] | IO[Any],
        type_: str | None = None,
        job_id: int | None = None,
        force: bool = False,
    ) -> Job:
        """Upload the rows of a file to a job, or to a new one.

        Calls ``PUT /jobs/{id}/upload``, or ``POST /jobs/upload``.

        :param file: A path, or an open file of bytes or text.
        :param type_: ``csv``, ``json`` (an object a line), another ending or a MIME type; guessed
            from the file's name by default.
        :param force: Take rows whose columns differ from those of the first upload.
        :raises ValueError: The type cannot be guessed.
        :raises InvalidInput: It is not UTF-8, or a CSV without header; its ``row`` says where.

        >>> client.upload_job_file("more.csv").units_count
        2
        """
        with upload_source.open_file(file, type_) as (body, content_type):
            return self._upload(body, content_type, job_id, force)

    def _upload(self, body: IO[bytes], content_type: str, job_id: int | None, force: bool) -> Job:
        path = self.jobs if job_id is None else self.jobs[job_id]
        answer = path.upload(
            data=body,
            headers={"Content-Type": content_type},
            query={"force": True} if force else NOTHING,
            method="post" if job_id is None else "put",
            shape=A_JOB if job_id is None else _taken,
        )
        if job_id is None or "id" in answer:
            return self._job(answer)
        job = Job(self._client, id=job_id)  # a service of today says no more than that it has begun
        job._look("job", "uploaded", self.jobs[job_id])  # noqa: SLF001 - one of ours
        return job

    def get_unit(self, job: JobFields | int, unit_id: int) -> Unit:
        """Fetch one unit with its results.

        Calls ``GET /jobs/{job_id}/units/{id}``.

        :raises NotFound: There is none in this job, or it was deleted.

        >>> client.get_unit(job, unit.id).data == unit.data
        True
        """
        job = self._as_job(job)
        return Unit(job, self._client).absorb(
            self.jobs[job.id].units[number(unit_id)](shape=A_UNIT)
        )

    def get_units(
        self, job: JobFields | int, *, start_page: int = 1, strict: bool = False
    ) -> Iterator[UnitPromise]:
        """Yield all units of a job with their data; a thousand a request.

        Calls ``GET /jobs/{job_id}/units``. Where fewer come than the job had when it was read, a
        :class:`~crowdflower.exceptions.PaginationWarning` says so at the end.

        :param start_page: Where to go on, after an error that named its ``page``.
        :param strict: Raise in place of that warning.
        :raises PageChanged: Units were removed meanwhile, and this is ``strict``.
        :raises PageLoop: The service sends the same page again.

        >>> [unit.data["review"] for unit in client.get_units(job)][0]
        'Works as it should, every single day.'
        """
        job = self._as_job(job)
        count = counted(job)
        path = f"jobs/{segment(job.id)}/units.json"
        pages = self._pages(path, UNITS_PER_PAGE, count, shape=_by_unit, first=start_page)
        pages = pagination.counted(pages, count if start_page == 1 else None, strict=strict)
        client = self._client
        for page in pages:
            for unit_id, data in page.items():
                yield UnitPromise(job, client, id=unit_id, data=data)

    def add_unit(self, job: JobFields | int, data: Row, golden: bool = False) -> Unit:
        """Add one row to a job.

        Calls ``POST /jobs/{job_id}/units``. Where the job orders by itself, this spends money.

        :param data: Column to JSON value.
        :param golden: Make it a test question; ``data`` then has its answers as ``{field}_gold``.
        :raises OutcomeUnknown: The answer was lost: the unit may be there.

        >>> client.add_unit(job, {"review": "It hums."}).data
        {'review': 'It hums.'}
        """
        job = self._as_job(job)
        body = {"unit": {"data": a_row(data), **({"golden": True} if golden else {})}}
        answer = self.jobs[job.id].units(data=encoding.encode(body), method="post", shape=A_UNIT)
        return Unit(job, self._client).absorb(answer)

    def unit_from_json(self, data: Mapping[str, Any]) -> Unit:
        """Return a unit from its JSON, as a webhook or a report brings it; sends nothing.

        :raises InvalidInput: It is no object, or a text that is still to be decoded.

        >>> client.unit_from_json({"id": 698757970, "job_id": job.id, "state": "new"})
        <Unit 698757970 new>
        """
        if not isinstance(data, Mapping):
            advice = "; json.loads() makes one of it" if isinstance(data, (str, bytes)) else ""
            raise InvalidInput(f"a unit's JSON is an object, not {a_type(data)}{advice}")
        return Unit(Job(self._client, id=data.get("job_id")), self._client).absorb(data)

    def copy_unit(
        self, unit: Unit, job: JobFields | int | None = None, data: Row | None = None
    ) -> Unit:
        """Add a unit with the same data, to the same job or to another.

        Calls ``POST /jobs/{job_id}/units/{id}/copy``.

        :param job: Where to; by default the unit's own job.
        :param data: Columns whose values are to differ.
        :raises OutcomeUnknown: The answer was lost: there may be a copy.

        >>> client.copy_unit(job.units[-1]).data["review"]
        'Never again.'
        """
        target = self._as_job(unit.job if job is None else job)
        asked: JSONObject = {} if job is None else {"job_id": target.id}
        if data is not None:
            asked["data"] = a_row(data)
        answer = (
            self.jobs[unit.job.id]
            .units[number(unit.id)]
            .copy(data=encoding.encode({"unit": asked}), method="post", shape=A_UNIT)
        )
        return Unit(target, self._client).absorb(answer)

    def cancel_unit(self, job_id: int, unit_id: int) -> None:
        """Take a unit out of its job; there is no refund.

        Calls ``POST /jobs/{job_id}/units/{id}/cancel``.

        :raises RefusedError: Somebody has answered it, or it is in another job.

        >>> client.cancel_unit(job.id, job.units[-1].id)
        """
        self.jobs[job_id].units[number(unit_id)].cancel(method="post")

    # Judgments

    def get_judgmentaggregates(
        self, job: JobFields | int, *, start_page: int = 1
    ) -> Iterator[JudgmentAggregate]:
        """Yield the units that have judgments, with the answers put together; a hundred a request.

        Calls ``GET /jobs/{job_id}/judgments``.

        :param start_page: Where to go on, after an error that named its ``page``.

        >>> next(client.get_judgmentaggregates(job)).get_fields()
        {'sentiment': 'positive'}
        """
        job = self._as_job(job)
        count = counted(job)
        path = f"jobs/{segment(job.id)}/judgments.json"
        for page in self._pages(path, AGGREGATES_PER_PAGE, count, shape=_by_unit, first=start_page):
            for unit_id, entry in page.items():
                yield JudgmentAggregate(job, self._client).absorb({**entry, "_unit_id": unit_id})

    def get_unit_judgments(self, job: JobFields | int, unit_id: int) -> list[Judgment]:
        """Fetch all judgments of one unit, those of contributors who lost trust included.

        Calls ``GET /jobs/{job_id}/units/{id}/judgments``.

        >>> len(client.get_unit_judgments(job, unit.id))
        3
        """
        job = self._as_job(job)
        answer = (
            self.jobs[job.id]
            .units[number(unit_id)]
            .judgments(shape=partial(objects, kind="judgment"))
        )
        return [Judgment(job, self._client).absorb(data) for data in answer]

    def get_judgment(self, job: JobFields | int, judgment_id: int) -> Judgment:
        """Fetch one judgment.

        Calls ``GET /jobs/{job_id}/judgments/{id}``.

        :raises NotFound: There is none in this job.

        >>> client.get_judgment(job, judgment.id).worker_id == judgment.worker_id
        True
        """
        job = self._as_job(job)
        shape = partial(identified, kind="judgment")
        return Judgment(job, self._client).absorb(
            self.jobs[job.id].judgments[number(judgment_id)](shape=shape)
        )


def _taken(answer: JSON) -> JSONObject:
    """Return what is said about rows that a job was given: it, or no more than a word."""
    data = an_object(answer, "job")
    return A_JOB(data) if "id" in data else data


def _by_unit(page: JSON) -> dict[int, JSONObject]:
    """Return a page that is keyed by the ids of units; the last may be an empty list."""
    if page == []:
        return {}
    if not isinstance(page, dict):
        raise MalformedResponse(f"expected a page keyed by unit id, got {a_type(page)}")
    # All at one go, since units come by the hundred thousand; one by one to say which is none.
    if not all(map(_is_id, page)) or not set(map(type, page.values())) <= {dict}:
        stray = next(key for key in page if not (_is_id(key) and isinstance(page[key], dict)))
        raise MalformedResponse(f"expected a page keyed by unit id, got {stray!r:.80} in it")
    return {int(key): entry for key, entry in page.items()}


A_UNIT: Final = partial(identified, kind="unit")
"""The shape of an answer that is a unit."""

_is_id: Final = re.compile(ID).fullmatch
