"""One account of the service: any call, and any list of pages."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from crowdflower._types import JSON, JSONObject
from crowdflower.exceptions import ConfigError, InvalidInput, MalformedResponse
from crowdflower.http import encoding, pagination
from crowdflower.http.base_client import Caller, Clock, timeouts
from crowdflower.http.messages import an_object
from crowdflower.http.rate_limit import Pace
from crowdflower.http.service import Service
from crowdflower.http.transport import CONNECT, Expected, Session, Transport
from crowdflower.job import Job
from crowdflower.models.job_fields import JobFields
from crowdflower.models.paths import ID, PathFactory, largest_page
from crowdflower.models.resource import whole

if TYPE_CHECKING:
    from os import PathLike

    from typing_extensions import Self

    from crowdflower.client import Client
    from crowdflower.payments.journal import Journal

DEFAULT_BASE_URL: Final = "https://api.appen.com/v1"
JSON_ONLY: Final = "application/json"

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Account(Service):
    """What every verb of a client stands on: a key, an address, and how to call."""

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
        max_requests_per_second: float | None = None,
        clock: Clock = time,
    ) -> None:
        # Imported with the first client: a database is much to load for whoever makes none.
        from crowdflower.payments.journal import Journal  # noqa: PLC0415
        from crowdflower.payments.operations import Operations  # noqa: PLC0415

        if isinstance(lookahead, bool) or not isinstance(lookahead, int) or lookahead < 1:
            raise ConfigError(f"lookahead is a number of pages from 1 on, not {lookahead!r}")
        self._lookahead = lookahead
        connect, read = timeouts(timeout)
        transport = Transport(
            key if key is not None else os.environ.get("CROWDFLOWER_API_KEY"),
            base_url or os.environ.get("CROWDFLOWER_API_URL") or DEFAULT_BASE_URL,
            session=session,
            connect=connect or CONNECT,
            connections=max(10, lookahead + 1),
            allow_insecure=allow_insecure,
        )
        pace = None if max_requests_per_second is None else Pace(max_requests_per_second)
        caller = Caller(
            transport, read=read, deadline=deadline, retries=retries, pace=pace, clock=clock
        )
        super().__init__(transport, caller)
        if not isinstance(journal, Journal):
            journal = Journal(journal or os.environ.get("CROWDFLOWER_JOURNAL") or None)
        self.operations = Operations(caller, journal, max_spend_cents=max_spend_cents)
        """The payments: those that are open after a lost answer or a crash."""
        self.API_URL = transport.base_url + "/{path}"

    @classmethod
    def from_env(cls) -> Self:
        """Return a client for ``CROWDFLOWER_API_KEY``, at ``CROWDFLOWER_API_URL`` if that is set.

        :raises ConfigError: There is no key in the environment.
        """
        return cls()

    def get_account(self) -> JSONObject:
        """Return the account: ``id``, ``email``, ``balance`` in US cents and more.

        Calls ``GET /account``.

        >>> client.get_account()["email"]
        'owner@example.com'
        """
        account: JSONObject = self.call("account.json", shape=partial(identified, kind="account"))
        return account

    # Any call

    @property
    def jobs(self) -> PathFactory:
        """The root of all paths of jobs.

        >>> client.jobs[job.id].ping()["all_units"]
        10
        """
        return PathFactory(self._client, ("jobs",))

    def call(
        self,
        path: str,
        data: str | bytes | Mapping[str, Any] | Iterable[bytes] | None = None,
        headers: Mapping[str, str] = NOTHING,
        query: Mapping[str, Any] = NOTHING,
        method: str = "get",
        files: Mapping[str, Any] | None = None,
        as_json: bool = True,
        *,
        shape: Callable[[JSON], JSON] | None = None,
    ) -> Any:
        """Send one request.

        :param path: What follows the address of the API, suffix included: ``jobs/7.json``. A slash
            before it does no harm.
        :param data: The body: a text (sent as UTF-8) or bytes, a dict (sent as a form, nested ones
            as ``job[title]``), or an iterable of bytes, which is streamed. What is no form goes as
            JSON, unless ``headers`` says otherwise.
        :param query: Parameters of the URL; dicts and lists become bracketed names here too.
        :param method: With ``get`` and a body it becomes ``post``.
        :param files: Name to file, sent as multipart, together with ``data`` as a dict.
        :param as_json: Decode the answer. Otherwise return it raw, as a
            :class:`requests.Response`, redirects followed as far as the key is safe.
        :param shape: Makes of the decoded answer what is returned. A
            :class:`~crowdflower.exceptions.MalformedResponse` that it raises is raised anew, with
            the name of the request.
        :raises ApiError: The request failed, or the answer, in whatever status, is a refusal.

        >>> client.call("jobs/upload.json", '{"text": "hi"}', method="post")["units_count"]
        1
        """
        verb = method.upper()
        if verb == "GET" and (data is not None or files):
            verb = "POST"
        sent, content_type = encoding.body(data, multipart=bool(files))
        raw = not as_json
        answer = self._caller.request(
            verb,
            path.lstrip("/"),
            Expected(as_json=as_json, follow=raw and verb == "GET", redirects=raw),
            query=query,
            body=sent,
            files=files,
            headers={"Accept": "*/*" if raw else JSON_ONLY, **content_type, **headers},
        )
        if not as_json:
            return answer.response
        if shape is None:
            return answer.body
        try:
            return shape(answer.body)
        except MalformedResponse as error:
            problem = str(error)
        raise self._transport.error(MalformedResponse, answer.response, problem)

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
        :param limit: Items on a page: at most 1000 units, or 100 units with their judgments. A page
            of jobs has ten, whatever the limit.
        :param sentinel: What follows the last page: a value, or a function of a page. By default,
            an empty page.
        :raises InvalidInput: These are no such numbers; nothing was sent.
        :raises PageLoop: The server sends the same page again.

        >>> [len(page) for page in client.paged_call(f"jobs/{job.id}/units.json", limit=4)]
        [4, 4, 2]
        """
        whole("page", page)
        path = str(args[0] if args else kwargs.get("path", "")).lstrip("/")
        most = largest_page(path)
        if whole("limit", limit) > (most or limit):
            raise InvalidInput(f"a page of /{path} has at most {most} items; got limit {limit}")
        query = dict(kwargs.pop("query", NOTHING))

        def fetch(number: int) -> JSON:
            kwargs["query"] = {**query, "page": number, "limit": limit}
            return self.call(*args, **kwargs)

        return pagination.pages(
            fetch,
            first=page,
            is_end=pagination.end_marker(sentinel),
            lookahead=self._lookahead,
            size=limit,
        )

    # What verbs have in common

    def _pages(
        self,
        path: str,
        size: int,
        count: int | None = None,
        query: Mapping[str, Any] = NOTHING,
        shape: Callable[[JSON], JSON] | None = None,
        first: int = 1,
    ) -> Iterator[JSON]:
        """Yield pages of the size that the service prefers, which is the largest it has.

        :param count: Items in all, as far as is known.
        :param shape: Makes of an answer what the page is, or says that it is none.
        """
        return pagination.pages(
            lambda number: self.call(path, query={**query, "page": number}, shape=shape),
            first=whole("start_page", first),
            is_end=lambda page: page in ({}, []),
            lookahead=self._lookahead,
            size=size,
            expected=-(-count // size) + 1 if count else None,
        )

    def _job(self, data: JSONObject) -> Job:
        return Job(self._client).absorb(data)

    def _as_job(self, job: JobFields | int) -> Job:
        if isinstance(job, Job):
            return job
        return Job(self._client, id=job.id if isinstance(job, JobFields) else job)

    @property
    def _client(self) -> Client:
        """The client of which this is a part: models are made with the whole of it."""
        return cast("Client", self)


def identified(answer: JSON, kind: str) -> JSONObject:
    """Return the JSON of one thing, and see that it has the id by which all else is done."""
    data = an_object(answer, kind)
    if not re.fullmatch(ID, str(data.get("id"))):
        raise MalformedResponse(f"expected the JSON of one {kind}, got one without a usable id")
    return {**data, "id": int(data["id"])}


A_JOB: Final = partial(identified, kind="job")
"""The shape of an answer that is a job."""


def counted(job: JobFields) -> int | None:
    """Return how many rows a job has, as far as it says so in a number."""
    count = job.json.get("units_count")
    return count if isinstance(count, int) and count > 0 else None
