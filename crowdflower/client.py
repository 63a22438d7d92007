"""One account of the service: its paths, its verbs."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from shutil import copyfileobj
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, Final, Literal, overload

from crowdflower import envelopes, paging, report, serialization, upload
from crowdflower._types import JSON, JSONObject, Row, Rows
from crowdflower.base import channel_names, names, whole
from crowdflower.caller import Caller
from crowdflower.download import downloaded, new_file
from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    InvalidInput,
    MalformedResponse,
    NotAcceptable,
    OutcomeUnknown,
    StaleReportWarning,
)
from crowdflower.job import Job
from crowdflower.job_fields import JobFields
from crowdflower.journal import Journal
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.operations import Operations
from crowdflower.order import Order, order_of, placed_order
from crowdflower.paths import PathFactory, segment
from crowdflower.states import REPORT_TYPES, JobState, ReportType, TableType
from crowdflower.transport import CONNECT, Expected, Session, Transport
from crowdflower.unit import Unit, UnitPromise

if TYPE_CHECKING:
    from os import PathLike

    from typing_extensions import Self

__all__ = ["ApiError", "Client", "PathFactory"]

DEFAULT_BASE_URL: Final = "https://api.appen.com/v1"
JOBS_PER_PAGE: Final = 10
UNITS_PER_PAGE: Final = 1000
AGGREGATES_PER_PAGE: Final = 100
"""The most that the service puts on a page; each is its default too."""

ID: Final = "[0-9]{1,20}"
"""What an id looks like."""

JSON_ONLY: Final = "application/json"

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Client:
    """One account.

    :param key: The API key; ``CROWDFLOWER_API_KEY`` by default.
    :param base_url: Where the service is, version included; ``CROWDFLOWER_API_URL`` by default, and
        ``https://api.appen.com/v1`` without that.
    :param timeout: Seconds to wait for a connection and for each piece of an answer: a pair, or one
        number for both; by default 5 and 30, or 120 where the service is known to take its time.
    :param deadline: Seconds that a call may take, repeated attempts included; by default 90 for
        reading, 180 for changing, 600 for an upload.
    :param retries: How often a call that failed may be repeated at most, where that is safe.
    :param lookahead: Pages of a list that are fetched while one is consumed; 1 fetches one after
        the other.
    :param session: A :class:`requests.Session` to send through, with its proxies and certificates;
        it stays yours to close.
    :param allow_insecure: Send the key over plain HTTP to another machine.
    :param journal: The file in which payments are written down before they are sent, so that none
        is made twice; ``CROWDFLOWER_JOURNAL`` by default, and without that it is in memory, and
        ends with this client.
    :param max_spend_cents: What this client may spend in all, in US cents, estimates included.
    :raises ConfigError: The key, the address or a limit cannot be used.

    A client may be shared between threads, and is its own context manager:

    >>> with Client("a-key", base_url="http://localhost:8000/v1") as client:
    ...     client
    <Client http://localhost:8000/v1>
    """

    API_URL = DEFAULT_BASE_URL + "/{path}"
    """Where a path is found; on an instance, with its own address."""

    def __init__(
        self,
        key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float | tuple[float, float] | None = None,
        deadline: float | None = None,
        retries: int = 3,
        lookahead: int = 8,
        session: Session | None = None,
        allow_insecure: bool = False,
        journal: str | PathLike[str] | Journal | None = None,
        max_spend_cents: int | None = None,
    ) -> None:
        if isinstance(lookahead, bool) or not isinstance(lookahead, int) or lookahead < 1:
            raise ConfigError(f"lookahead is a number of pages from 1 on, not {lookahead!r}")
        self._lookahead = lookahead
        connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        self._transport = Transport(
            key if key is not None else os.environ.get("CROWDFLOWER_API_KEY"),
            base_url or os.environ.get("CROWDFLOWER_API_URL") or DEFAULT_BASE_URL,
            session=session,
            connect=connect or CONNECT,
            connections=max(10, lookahead + 1),
            allow_insecure=allow_insecure,
        )
        self._caller = Caller(self._transport, read=read, deadline=deadline, retries=retries)
        self.operations = Operations(
            self._caller,
            journal
            if isinstance(journal, Journal)
            else Journal(journal or os.environ.get("CROWDFLOWER_JOURNAL") or None),
            max_spend_cents=max_spend_cents,
        )
        """The payments: those that are open after a lost answer or a crash."""
        self.API_URL = self._transport.base_url + "/{path}"

    @classmethod
    def from_env(cls) -> Self:
        """Return a client for ``CROWDFLOWER_API_KEY``, at ``CROWDFLOWER_API_URL`` if that is set.

        :raises ConfigError: There is no key in the environment.
        """
        return cls()

    def __repr__(self) -> str:
        return f"<Client {self._transport.base_url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back; later calls open new ones."""
        self._transport.close()

    def get_account(self) -> JSONObject:
        """Return the account: ``id``, ``email``, ``balance`` in US cents and more.

        Calls ``GET /account``.

        >>> client.get_account()["email"]
        'owner@example.com'
        """
        return _identified(self.call("account.json"), "account")

    # Any call

    @property
    def jobs(self) -> PathFactory:
        """The root of all paths of jobs.

        >>> client.jobs[job.id].ping()["all_units"]
        10
        """
        return PathFactory(self, ("jobs",))

    def call(
        self,
        path: str,
        data: str | bytes | Mapping[str, Any] | Iterable[bytes] | None = None,
        headers: Mapping[str, str] = _NOTHING,
        query: Mapping[str, Any] = _NOTHING,
        method: str = "get",
        files: Mapping[str, Any] | None = None,
        as_json: bool = True,
    ) -> Any:
        """Send one request.

        :param path: What follows the address of the API, suffix included: ``jobs/7.json``.
        :param data: The body: a text (sent as UTF-8) or bytes, a dict (sent as a form, nested ones
            as ``job[title]``), or an iterable of bytes, which is streamed. What is no form goes as
            JSON, unless ``headers`` says otherwise.
        :param query: Parameters of the URL; dicts and lists become bracketed names here too.
        :param method: With ``get`` and a body it becomes ``post``.
        :param files: Name to file, sent as multipart, together with ``data`` as a dict.
        :param as_json: Decode the answer. Otherwise return it raw, as a
            :class:`requests.Response`, redirects followed as far as the key is safe.
        :raises ApiError: The request failed, or the answer, in whatever status, is a refusal.

        >>> client.call("jobs/upload.json", '{"text": "hi"}', method="post")["units_count"]
        1
        """
        verb = method.upper()
        if verb == "GET" and (data is not None or files):
            verb = "POST"
        sent, content_type = serialization.body(data, multipart=bool(files))
        raw = not as_json
        answer = self._caller.request(
            verb,
            path,
            Expected(as_json=as_json, follow=raw and verb == "GET", redirects=raw),
            query=query,
            body=sent,
            files=files,
            headers={"Accept": "*/*" if raw else JSON_ONLY, **content_type, **headers},
        )
        return answer.body if as_json else answer.response

    def paged_call(
        self,
        *args: Any,
        page: int = 1,
        limit: int = 100,
        sentinel: object = None,
        **kwargs: Any,
    ) -> Iterator[JSON]:
        """Yield the pages of :meth:`call`, which takes the other arguments.

        :param page: Number of the first page, from 1.
        :param limit: Items on a page; the service caps it.
        :param sentinel: What follows the last page: a value, or a function of a page. By default,
            an empty page.
        :raises PageLoop: The server sends the same page again.

        >>> [len(page) for page in client.paged_call(f"jobs/{job.id}/units.json", limit=4)]
        [4, 4, 2]
        """
        if page < 1 or limit < 1:
            raise InvalidInput(f"page and limit count from 1; got page {page}, limit {limit}")
        query = dict(kwargs.pop("query", _NOTHING))

        def fetch(number: int) -> JSON:
            kwargs["query"] = {**query, "page": number, "limit": limit}
            return self.call(*args, **kwargs)

        return paging.pages(
            fetch,
            first=page,
            is_end=paging.end_marker(sentinel),
            lookahead=self._lookahead,
            size=limit,
        )

    # Jobs

    def create_job(self, attrs: Mapping[str, Any]) -> Job:
        """Create a job.

        Calls ``POST /jobs``, and ``PUT /jobs/{id}`` where the answer shows other values than these:
        not every service takes all attributes on creation.

        :param attrs: Attributes of :class:`Job`; nested dicts become ``job[options][x]``.

        >>> client.create_job({"title": "Sentiment", "options": {"front_load": True}}).state
        'unordered'
        """
        job = self._job(self.jobs(data={"job": attrs}, method="post"))
        if not _shows(job.json, attrs):
            job.absorb(self.update_job(job.id, attrs))
        return job

    def update_job(self, job_id: int, attrs: Mapping[str, Any]) -> JSONObject:
        """Change attributes of a job; return its JSON.

        Calls ``PUT /jobs/{id}``. :meth:`Job.update` does it with fewer surprises.

        >>> client.update_job(job.id, {"payment_cents": 12})["payment_cents"]
        12
        """
        path = self.jobs[job_id]
        try:
            answer: JSONObject = path(data={"job": attrs}, method="put")
        except (NotAcceptable, OutcomeUnknown) as error:
            unclear = error
        else:
            return answer
        # Some services make the change, and answer with a page or the way to one.
        with suppress(ApiError):
            answer = path()
            if _shows(answer, attrs):
                return answer
        raise unclear

    def get_job(self, job_id: int) -> Job:
        """Fetch a job by its id, or by its alias.

        Calls ``GET /jobs/{id}``.

        >>> client.get_job(job.id).title
        'Sentiment of reviews'
        """
        return self._job(self.jobs[job_id]())

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
        :param start_page: Where to go on, after an error that named its ``page``.

        >>> next(client.get_jobs(state="running")).title
        'Sentiment of reviews'
        """
        filters = {
            "state": state,
            "tags": ",".join(names("tags", tags)) or None,
            "created_at_greater_equal": created_since and created_since.strftime("%Y-%m-%d"),
            "created_at_less_equal": created_until and created_until.strftime("%Y-%m-%d"),
            "team_id": team_id,
        }
        query = {name: value for name, value in filters.items() if value is not None}
        pages = self._pages(
            "jobs.json", JOBS_PER_PAGE, query=query, shape=_listed, first=start_page
        )
        for page in pages:
            for item in page:
                errors = envelopes.complaints(item)
                if errors and "id" not in item:
                    warnings.warn(f"a job shows only errors: {'; '.join(errors)}", stacklevel=2)
                else:
                    yield self._job(item)

    def delete_job(self, job_id: int) -> None:
        """Delete a job; a running one must be canceled first.

        Calls ``DELETE /jobs/{id}``.

        >>> client.delete_job(client.create_job({"title": "A draft"}).id)
        """
        self.jobs[job_id](method="delete")

    def copy_job(
        self, job_id: int, all_units: bool, gold: bool, *, only_new_and_judgable: bool = False
    ) -> Job:
        """Copy a job, with all its rows, with some of them, or with none.

        Calls ``GET /jobs/{id}/copy``. The rows follow in the background.

        >>> client.copy_job(job.id, all_units=False, gold=True).copied_from == job.id
        True
        """
        asked = {
            "all_units": all_units,
            "gold": gold,
            "only_new_and_judgable": only_new_and_judgable,
        }
        return self._job(
            self.jobs[job_id].copy(query={name: True for name, value in asked.items() if value})
        )

    # Rows

    def upload_job(self, data: Rows, job_id: int | None = None, force: bool = False) -> Job:
        """Upload rows to a job, or to a new one.

        Calls ``PUT /jobs/{id}/upload``, or ``POST /jobs/upload``. The rows are encoded to a
        temporary file as they are consumed, and sent once all of them are known to be good.

        :param data: Any iterable of dicts from column to JSON value.
        :param force: Take rows whose columns differ from those of the first upload.
        :raises InvalidInput: A row cannot be sent; its ``row`` says which, and none was.

        >>> client.upload_job({"text": text} for text in ["Good!", "Bad."]).units_count
        2
        """
        with upload.spooled_rows(data) as body:
            return self._upload(body, upload.JSON_LINES, job_id, force)

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
        with upload.opened_file(file, type_) as (body, content_type):
            return self._upload(body, content_type, job_id, force)

    def _upload(self, body: IO[bytes], content_type: str, job_id: int | None, force: bool) -> Job:
        path = self.jobs if job_id is None else self.jobs[job_id]
        answer = path.upload(
            data=body,
            headers={"Content-Type": content_type},
            query={"force": True} if force else _NOTHING,
            method="post" if job_id is None else "put",
        )
        if job_id is not None and isinstance(answer, dict) and "id" not in answer:
            return self.get_job(job_id)  # a service of today says no more than that it has begun
        return self._job(answer)

    def get_unit(self, job: JobFields | int, unit_id: int) -> Unit:
        """Fetch one unit with its results.

        Calls ``GET /jobs/{job_id}/units/{id}``.

        >>> client.get_unit(job, unit.id).data == unit.data
        True
        """
        job = self._as_job(job)
        return Unit(job, self).absorb(_identified(self.jobs[job.id].units[unit_id](), "unit"))

    def get_units(
        self, job: JobFields | int, *, start_page: int = 1, strict: bool = False
    ) -> Iterator[UnitPromise]:
        """Yield all units of a job with their data; a thousand a request.

        Calls ``GET /jobs/{job_id}/units``. Where fewer come than the job had when it was read, a
        :class:`~crowdflower.exceptions.PaginationWarning` says so at the end.

        :param start_page: Where to go on, after an error that named its ``page``.
        :param strict: Raise in place of that warning.
        :raises PageChanged: Units were removed meanwhile, and this is ``strict``.

        >>> [unit.data["review"] for unit in client.get_units(job)][0]
        'Works as it should, every single day.'
        """
        job = self._as_job(job)
        count = _counted(job)
        path = f"jobs/{segment(job.id)}/units.json"
        pages = self._pages(path, UNITS_PER_PAGE, count, shape=_by_unit, first=start_page)
        units = (
            UnitPromise(job, self, id=unit_id, data=data)
            for page in pages
            for unit_id, data in page.items()
        )
        yield from paging.counted(units, count if start_page == 1 else None, strict=strict)

    def add_unit(self, job: JobFields | int, data: Row, golden: bool = False) -> Unit:
        """Add one row to a job.

        Calls ``POST /jobs/{job_id}/units``. Where the job orders by itself, this spends money.

        :param data: Column to JSON value.
        :param golden: Make it a test question; ``data`` then has its answers as ``{field}_gold``.

        >>> client.add_unit(job, {"review": "It hums."}).data
        {'review': 'It hums.'}
        """
        job = self._as_job(job)
        body = {"unit": {"data": dict(data), **({"golden": True} if golden else {})}}
        answer = self.jobs[job.id].units(data=serialization.encode(body), method="post")
        return Unit(job, self).absorb(_identified(answer, "unit"))

    def unit_from_json(self, data: Mapping[str, Any]) -> Unit:
        """Return a unit from its JSON, as a webhook or a report brings it; sends nothing.

        >>> client.unit_from_json({"id": 698757970, "job_id": job.id, "state": "new"})
        <Unit 698757970 new>
        """
        return Unit(Job(self, id=data.get("job_id")), self).absorb(data)

    def copy_unit(
        self, unit: Unit, job: JobFields | int | None = None, data: Row | None = None
    ) -> Unit:
        """Add a unit with the same data, to the same job or to another.

        Calls ``POST /jobs/{job_id}/units/{id}/copy``.

        :param job: Where to; by default the unit's own job.
        :param data: Columns whose values are to differ.

        >>> client.copy_unit(job.units[-1]).data["review"]
        'Never again.'
        """
        target = self._as_job(unit.job if job is None else job)
        asked: JSONObject = {} if job is None else {"job_id": target.id}
        if data is not None:
            asked["data"] = dict(data)
        answer = (
            self.jobs[unit.job.id]
            .units[unit.id]
            .copy(data=serialization.encode({"unit": asked}), method="post")
        )
        return Unit(target, self).absorb(_identified(answer, "unit"))

    def cancel_unit(self, job_id: int, unit_id: int) -> None:
        """Take a unit out of its job; there is no refund.

        Calls ``POST /jobs/{job_id}/units/{id}/cancel``.

        >>> client.cancel_unit(job.id, job.units[-1].id)
        """
        self.jobs[job_id].units[unit_id].cancel(method="post")

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
        count = _counted(job)
        path = f"jobs/{segment(job.id)}/judgments.json"
        for page in self._pages(path, AGGREGATES_PER_PAGE, count, shape=_by_unit, first=start_page):
            for unit_id, entry in page.items():
                yield JudgmentAggregate(job, self).absorb({**entry, "_unit_id": unit_id})

    def get_unit_judgments(self, job: JobFields | int, unit_id: int) -> list[Judgment]:
        """Fetch all judgments of one unit, those of contributors who lost trust included.

        Calls ``GET /jobs/{job_id}/units/{id}/judgments``.

        >>> len(client.get_unit_judgments(job, unit.id))
        3
        """
        job = self._as_job(job)
        answer = self.jobs[job.id].units[unit_id].judgments()
        if not isinstance(answer, list):
            raise MalformedResponse(f"expected a list of judgments, got a {type(answer).__name__}")
        return [Judgment(job, self).absorb(data) for data in answer]

    def get_judgment(self, job: JobFields | int, judgment_id: int) -> Judgment:
        """Fetch one judgment.

        Calls ``GET /jobs/{job_id}/judgments/{id}``.

        >>> client.get_judgment(job, judgment.id).worker_id == judgment.worker_id
        True
        """
        job = self._as_job(job)
        answer = self.jobs[job.id].judgments[judgment_id]()
        return Judgment(job, self).absorb(_identified(answer, "judgment"))

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
        tags = self.jobs[job_id].tags(_suffix=None)
        if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
            raise MalformedResponse("expected a list of tags, each an object with a name")
        return [tag["name"] for tag in tags if "name" in tag]

    def add_job_tag(self, job_id: int, tag: str) -> None:
        """File a job under one more name.

        Calls ``POST /jobs/{id}/tags``.

        >>> client.add_job_tag(job.id, "spring")
        """
        self.jobs[job_id].tags(data={"tags": [tag]}, method="post", _suffix=None)

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
        :raises PaymentRequired: The balance does not cover it.
        :raises OutcomeUnknown: The order may have been placed.

        >>> draft = job.copy(all_units=True)
        >>> client.debit_order(draft, 8, ["cf_internal"]).type
        'Debit'
        """
        job = self._as_job(job)
        payment = order_of(job.id, units_count, channels)
        placed = self.operations.pay(
            payment,
            lambda answer: placed_order(answer.response),
            key=key,
            max_cost_cents=max_cost_cents,
        )
        return Order(job, self).absorb(placed)

    def get_order(self, job: JobFields | int, order_id: int) -> Order:
        """Fetch an order.

        Calls ``GET /jobs/{job_id}/orders/{id}``.

        >>> client.get_order(job, order.id).amount_in_cents
        0
        """
        job = self._as_job(job)
        return Order(job, self).absorb(self.jobs[job.id].orders[order_id]())

    # Reports

    @overload
    def get_report(self, job: JobFields | int, type_: Literal["json"] = "json") -> list[Unit]: ...
    @overload
    def get_report(self, job: JobFields | int, type_: TableType) -> list[JSONObject]: ...
    @overload
    def get_report(
        self, job: JobFields | int, type_: ReportType
    ) -> list[Unit] | list[JSONObject]: ...
    def get_report(
        self, job: JobFields | int, type_: ReportType = "json"
    ) -> list[Unit] | list[JSONObject]:
        """Download a report, unpack it and return its rows.

        Calls ``GET /jobs/{job_id}.csv``, as long as the service says that it is still being built.

        :param type_: ``json`` for units with their judgments; the others are tables, and come as a
            dict from column to text a row.
        :raises ReportNotReady: It was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> [row["sentiment"] for row in client.get_report(job, "full")][2:4]
        ['positive', 'negative']
        """
        if type_ == "json":
            return list(self.stream_report(job))
        return list(self._report_rows(job, type_))

    def stream_report(
        self, job: JobFields | int, *, largest: int = report.LARGEST
    ) -> Iterator[Unit]:
        """Yield the units of the JSON report one at a time, read from a temporary file.

        Where it holds fewer judgments than the job had when it was read, a
        :class:`~crowdflower.exceptions.StaleReportWarning` says so at the end;
        :meth:`regenerate_report` has it built anew.

        :param largest: Bytes to which the report may unpack.

        >>> next(client.stream_report(job)).id == job.units[0].id
        True
        """
        job = self._as_job(job)
        known, held = job.json.get("judgments_count"), 0
        for row in self._report_rows(job, "json", largest):
            unit = Unit(job, self).absorb(row)
            held += unit.judgments_count or 0
            yield unit
        if held and known and held < known:
            warnings.warn(
                f"the report holds {held} judgments of {known}: it is older than the latest of"
                " them; regenerate it and download it once more",
                StaleReportWarning,
                stacklevel=2,
            )

    def download_report(
        self,
        job: JobFields | int,
        type_: ReportType,
        path: str | PathLike[str],
        overwrite: bool = False,
        *,
        spreadsheet_safe: bool = False,
        largest: int = report.LARGEST,
    ) -> Path:
        """Download a report to a file, which is there as a whole or not at all.

        Calls ``GET /jobs/{job_id}.csv``, as long as the service says that it is still being built.
        The file is written beside its place and takes its name at the end. Its owner alone may read
        it: contributors' addresses stand in it.

        :param path: Where to. A name that ends in ``.zip`` gets the archive as it came, any other
            what is in it.
        :param overwrite: Take the place of a file that is there.
        :param spreadsheet_safe: Put ``'`` before each cell of a table that a spreadsheet would take
            for a formula. Negative numbers are such cells too.
        :param largest: Bytes to which the report may unpack.
        :returns: The path.
        :raises FileExistsError: There is a file already; nothing was asked for.
        :raises ReportNotReady: It was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> path = client.download_report(job, "full", "answers.csv")
        >>> path.read_text(encoding="utf-8").split(",")[0]
        '_unit_id'
        """
        _check_report_type(type_)
        job, target = self._as_job(job), Path(path)
        packed = target.suffix.lower() == ".zip"
        if spreadsheet_safe and (packed or type_ == "json"):
            raise InvalidInput("spreadsheet_safe is for tables, in a file that is no archive")
        with (
            new_file(target, overwrite=overwrite) as (file, folder),
            downloaded(self._caller, job.id, type_, largest=largest, folder=folder) as archive,
        ):
            if packed:
                copyfileobj(archive, file)
            elif spreadsheet_safe:
                file.writelines(report.harmless(archive, largest))
            else:
                file.writelines(report.content(archive, largest))
        return target

    def regenerate_report(self, job: JobFields | int, type_: ReportType = "json") -> None:
        """Have a report built anew; the next download waits for it.

        Calls ``POST /jobs/{job_id}/regenerate``.

        >>> client.regenerate_report(job, "full")
        """
        _check_report_type(type_)
        job = self._as_job(job)
        self.jobs[job.id].regenerate(
            query={"type": type_}, method="post", as_json=False, _suffix=None
        )

    def convert_job_test_questions(self, job_id: int) -> None:
        """Turn the rows whose ``_golden`` column is true into test questions.

        Calls ``PUT /jobs/{id}/gold``; the service does it in the background.

        >>> client.convert_job_test_questions(job.id)
        """
        self.jobs[job_id].gold(method="put")

    def _report_rows(
        self, job: JobFields | int, type_: ReportType, largest: int = report.LARGEST
    ) -> Iterator[JSONObject]:
        _check_report_type(type_)
        with downloaded(self._caller, self._as_job(job).id, type_, largest=largest) as archive:
            yield from report.rows(archive, type_, largest)

    # What the verbs above have in common

    def _pages(
        self,
        path: str,
        size: int,
        count: int | None = None,
        query: Mapping[str, Any] = _NOTHING,
        shape: Callable[[JSON], JSON] = lambda page: page,
        first: int = 1,
    ) -> Iterator[JSON]:
        """Yield pages of the size that the service prefers, which is the largest it has.

        :param count: Items in all, as far as is known.
        :param shape: Makes of an answer what the page is, or says that it is none.
        """
        return paging.pages(
            lambda number: shape(self.call(path, query={**query, "page": number})),
            first=whole("start_page", first),
            is_end=lambda page: page in ({}, []),
            lookahead=self._lookahead,
            size=size,
            expected=-(-count // size) + 1 if count else None,
        )

    def _job(self, answer: JSON) -> Job:
        return Job(self).absorb(_identified(answer, "job"))

    def _as_job(self, job: JobFields | int) -> Job:
        if isinstance(job, Job):
            return job
        return Job(self, id=job.id if isinstance(job, JobFields) else job)


def _check_report_type(type_: str) -> None:
    if type_ not in REPORT_TYPES:
        raise InvalidInput(f"no report {type_!r}; there are: {', '.join(REPORT_TYPES)}")


def _identified(answer: JSON, kind: str) -> JSONObject:
    """Return the JSON of one thing, and see that it has the id by which all else is done."""
    if not isinstance(answer, dict):
        raise MalformedResponse(f"expected a {kind}, got a {type(answer).__name__}")
    if not re.fullmatch(ID, str(answer.get("id"))):
        raise MalformedResponse(f"expected a {kind}, got an object without a usable id")
    return {**answer, "id": int(answer["id"])}


def _listed(page: JSON) -> JSON:
    """Return a page that is a list; the last may be an empty object."""
    if not isinstance(page, list) and page != {}:
        raise MalformedResponse(f"expected a list of jobs, got a {type(page).__name__}")
    return page


def _counted(job: JobFields) -> int | None:
    """Return how many rows a job has, as far as it says so in a number."""
    count = job.json.get("units_count")
    return count if isinstance(count, int) and count > 0 else None


def _by_unit(page: JSON) -> dict[int, JSONObject]:
    """Return a page that is keyed by the ids of units; the last may be an empty list."""
    if page == []:
        return {}
    if not isinstance(page, dict):
        raise MalformedResponse(f"expected a page keyed by unit id, got a {type(page).__name__}")
    for key, entry in page.items():
        if not re.fullmatch(ID, key) or not isinstance(entry, dict):
            raise MalformedResponse(f"expected a page keyed by unit id, got {key!r:.80} in it")
    return {int(key): entry for key, entry in page.items()}


def _shows(shown: JSON, asked: object) -> bool:
    """Tell whether a value can be what was asked for, in the server's spelling of it.

    What is not shown is believed. A title may have gained capitals, a number have become a text,
    a code of a country an object.
    """
    if isinstance(asked, Mapping) and isinstance(shown, Mapping):
        return all(_shows(shown.get(name, value), value) for name, value in asked.items())
    if isinstance(asked, (str, int, float)):
        return str(shown).lower() == str(asked).lower()
    return bool(shown) or not asked
