"""One account of the service; fetches, lists, creates and changes its jobs and units."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from datetime import date, timedelta
from functools import partial
from http import HTTPStatus
from os import PathLike
from pathlib import Path
from shutil import copyfileobj
from threading import Lock
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, Final, Literal, Self, TypeVar, overload

from crowdflower._types import JSON, JSONObject, Row, RowSource, describe_type, is_path, masked
from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    InvalidInput,
    NotAcceptable,
    NotFound,
    OutcomeUnknown,
    RefusedError,
    ReportEmpty,
    StaleReportWarning,
    warn,
)
from crowdflower.http import encoding, pagination
from crowdflower.http.base_client import BaseClient, Clock
from crowdflower.http.credentials import mask_key
from crowdflower.http.encoding import numeric_segment, segment
from crowdflower.http.endpoints import Visibility, group_fields
from crowdflower.http.polling import poll
from crowdflower.http.rate_limit import MOST_PAGES, AdaptiveReadAhead, RateLimiter
from crowdflower.http.responses import refusal_messages
from crowdflower.http.transport import Expected, Session
from crowdflower.job import Job
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.models import shapes
from crowdflower.models.arguments import (
    check_alias,
    check_channels,
    check_count,
    check_names,
    check_row,
    join_names,
)
from crowdflower.models.endpoints import (
    AGGREGATES_PER_PAGE,
    DEFAULT_LIMIT,
    ENDPOINTS,
    JOBS_PER_PAGE,
    UNITS_PER_PAGE,
    is_fixed_size,
    max_page_size,
)
from crowdflower.models.job_fields import JobFields, normalize_attributes
from crowdflower.models.paths import PathFactory
from crowdflower.models.refusals import classify_refusal
from crowdflower.models.verification import comparable, compare_attributes
from crowdflower.order import Order
from crowdflower.progress import ProgressOption
from crowdflower.rows import report_archive, upload_source
from crowdflower.rows.new_file import new_file
from crowdflower.rows.report_download import download
from crowdflower.rows.sources.arrow_rows import read_parquet
from crowdflower.rows.sources.cell_values import convert_row
from crowdflower.rows.sources.row_progress import report_rows
from crowdflower.rows.sources.row_sources import rows_in
from crowdflower.rows.votes import judgments_count
from crowdflower.states import REPORT_TYPES, JobState, ReportType, TableType
from crowdflower.unit import Unit, UnitPromise

if TYPE_CHECKING:
    from crowdflower.payments.journal import Journal
    from crowdflower.payments.operations import Operations
    from crowdflower.rows.job_copies.many_uploads import ManyUploads
    from crowdflower.rows.job_folders.folder_comparison import FolderComparison
    from crowdflower.rows.job_folders.job_changes import JobChanges
    from crowdflower.rows.job_folders.job_reader import JobReader
    from crowdflower.rows.recovery.upload_journal import UploadJournal
    from crowdflower.webhook import Webhook
    from crowdflower.webhook_server import WebhookServer

__all__ = ["ApiError", "Client", "PathFactory"]

T = TypeVar("T")

DEFAULT_BASE_URL: Final = "https://api.appen.com/v1"

ALLOW_INSECURE: Final = "CROWDFLOWER_ALLOW_INSECURE"

CONVERSION_DELAYS: Final = (1, 2, 4, 8)
"""Seconds between two polls of a job whose units are being turned into test questions."""

COUNT_DEADLINE: Final = 5.0
"""Seconds for the number of items of a list, which only helps to read it."""

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
NO_JSON: Final = Expected(as_json=False)


class Client(BaseClient):
    """One account.

    :param key: The API key; ``CROWDFLOWER_API_KEY`` by default.
    :param base_url: Base address of the service, version included; ``CROWDFLOWER_API_URL`` by
        default, otherwise ``https://api.appen.com/v1``.
    :param timeout: Seconds to wait for a connection and for each piece of a response: a pair, or
        one number for both; by default 5 and 30, or 120 where the service is known to be slow.
    :param deadline: Seconds for one call, retries included; by default 90 for reading, 180 for
        changing, 600 for an upload.
    :param retries: How often a failed call may be repeated at most, where that is safe.
    :param lookahead: Pages of a list that are fetched while one is consumed; 1 fetches one after
        the other. By default up to 16, as many as the service takes: see
        :ref:`reading-ahead`.
    :param session: A :class:`requests.Session` to send through, with its proxies and certificates;
        you close it.
    :param allow_insecure: Send the key over plain HTTP to another machine; so does
        ``CROWDFLOWER_ALLOW_INSECURE=1``, which `crowdflower serve` prints where it is needed.
    :param journal: The file in which payments are recorded before they are sent, so that none is
        made twice; ``CROWDFLOWER_JOURNAL`` by default. Without a file the journal is in memory and
        ends with this client.
    :param max_spend_cents: What this client may spend in all, in US cents; each payment counts with
        what it costs at most.
    :param max_requests_per_second: Rate limit of this client; after a pause, two seconds' worth of
        requests may leave at once, and each 429 halves the rate for a while. By default none: the
        limits of the service are not published.
    :param clock: The clock to wait by, :mod:`time` by default; tests may bring one that does not
        wait.
    :raises ConfigError: The key, the address or a limit cannot be used.

    A client may be shared between threads. As a context manager it closes its connections:

    >>> with Client("a-key", base_url="http://localhost:8000/v1") as client:
    ...     client
    <Client http://localhost:8000/v1>
    """

    API_URL = DEFAULT_BASE_URL + "/{path}"
    """Template of all URLs; on an instance, with its own base URL."""

    def __init__(
        self,
        key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float | tuple[float, float] | None = None,
        deadline: float | None = None,
        retries: int = 3,
        lookahead: int | None = None,
        session: Session | None = None,
        allow_insecure: bool = False,
        journal: str | PathLike[str] | Journal | None = None,
        max_spend_cents: int | None = None,
        max_requests_per_second: float | None = None,
        clock: Clock = time,
    ) -> None:
        # Error reporters show local variables.
        key = mask_key(os.environ.get("CROWDFLOWER_API_KEY") if key is None else key)
        base_url = masked(base_url or os.environ.get("CROWDFLOWER_API_URL") or DEFAULT_BASE_URL)
        is_number = isinstance(lookahead, int) and not isinstance(lookahead, bool)
        if lookahead is not None and not (is_number and lookahead > 0):
            raise ConfigError(
                f"lookahead must be a positive number of pages, not {lookahead!r};"
                " None means as many as the service takes"
            )
        self._lookahead = lookahead
        super().__init__(
            key,
            base_url,
            endpoints=ENDPOINTS,
            classify_refusal=classify_refusal,
            timeout=timeout,
            deadline=deadline,
            retries=retries,
            max_requests_per_second=max_requests_per_second,
            connections=max(10, (lookahead or MOST_PAGES) + 1),
            session=session,
            allow_insecure=allow_insecure or os.environ.get(ALLOW_INSECURE) == "1",
            clock=clock,
        )
        self._webhook_servers: set[WebhookServer] = set()
        journal = journal or os.environ.get("CROWDFLOWER_JOURNAL") or None
        is_plain = journal is None and max_spend_cents is None
        self._operations = None if is_plain else self._open_operations(journal, max_spend_cents)
        self._operations_lock = Lock()
        self.API_URL = self.transport.base_url + "/{path}"

    @property
    def operations(self) -> Operations:
        """The payments of this account: those whose outcome is unknown, after a crash too.

        >>> client.operations.pending()
        []
        """
        with self._operations_lock:  # two journals in memory could make a payment twice
            if self._operations is None:
                self._operations = self._open_operations()
            return self._operations

    def _open_operations(
        self,
        journal: str | PathLike[str] | Journal | None = None,
        max_spend_cents: int | None = None,
    ) -> Operations:
        # Many a program pays nothing, and loading sqlite3 takes longer than a request.
        from crowdflower.payments.journal import Journal  # noqa: PLC0415
        from crowdflower.payments.operations import Operations  # noqa: PLC0415

        opened = journal if isinstance(journal, Journal) else Journal(journal)
        return Operations(self, opened, max_spend_cents=max_spend_cents)

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """Return a client for ``CROWDFLOWER_API_KEY``, at ``CROWDFLOWER_API_URL`` if that is set.

        :param settings: Any other argument of :class:`Client`, such as ``journal`` or ``timeout``.
        :raises ConfigError: The environment has no key, or a setting cannot be used.

        >>> Client.from_env(journal="reviews.journal", max_spend_cents=50_000).operations.journal
        <Journal ...reviews.journal>
        """
        return cls(None, **settings)

    @property
    def max_requests_per_second(self) -> float | None:
        """The rate limit of this client; ``None`` for none.

        >>> Client("a-key", max_requests_per_second=5).max_requests_per_second
        5
        """
        return None if self._rate_limiter is None else self._rate_limiter.max_rate

    def with_rate_limit(self, max_requests_per_second: float | None) -> Self:
        """Return a client that shares everything with this one, and has a lower rate limit.

        Its requests also count against the rate limit of this client, if it has one.

        :param max_requests_per_second: The limit; ``None`` for no further one.
        :raises ConfigError: The rate is not a positive number.

        >>> client.with_rate_limit(2.5).max_requests_per_second
        2.5
        """
        limited = copy(self)
        if max_requests_per_second is not None:
            limiter = RateLimiter(max_requests_per_second, within=self._rate_limiter)
            limited._rate_limiter = limiter  # noqa: SLF001 - our own class
        return limited

    # Account

    def get_account(self) -> JSONObject:
        """Return the account: ``id``, ``email``, ``balance`` in US cents and more.

        Calls ``GET /account``.

        >>> client.get_account()["email"]
        'owner@example.com'
        """
        shape = partial(shapes.object_with_id, kind="account")
        account: JSONObject = self.request("GET", "account.json", shape=shape).body
        return account

    def webhook(self, *keys: str) -> Webhook:
        """Return a verifier and parser of the notifications to a job's ``webhook_uri``.

        :param keys: What the service signs with, if not the API key of this client: on today's
            service, the webhook token of the account settings.
        :raises ConfigError: One of the keys cannot be a key.

        >>> webhook = client.webhook()
        >>> box.receive_webhooks(lambda notification: print(webhook.receive(notification.body)))
        >>> job.webhook_uri = "https://example.com/crowd"
        >>> job.update()
        >>> job.fire_test_question_webhooks()
        >>> [attempt.problem for attempt in box.deliver_webhooks()]
        UnitEvent(signal='unit_complete', units=(<Unit ... golden, 3 judgments>,))
        UnitEvent(signal='unit_complete', units=(<Unit ... golden, 3 judgments>,))
        [None, None]
        """
        from crowdflower.webhook import Webhook  # noqa: PLC0415 - few clients need it

        keys = tuple(map(mask_key, keys))
        return Webhook(*(keys or (self.transport.key,)), client=self)

    def webhook_server(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        keys: Iterable[str] = (),
        public_url: str | None = None,
        path: str | None = None,
        jobs: Iterable[JobFields | int] = (),
        poll: float | timedelta = 60.0,
        max_events: int = 10_000,
    ) -> WebhookServer:
        """Start a server on this machine that receives notifications, and yields their events.

        Set the ``webhook_uri`` of jobs to its ``url``. For a service on the internet,
        ``public_url`` must be an address that leads to this machine: of a tunnel, or of a reverse
        proxy. The server stops at the end of the ``with`` block.

        Notifications that do not come are found by polling the jobs whose ``webhook_uri`` this
        client sets meanwhile, and those in ``jobs``: calls ``GET /jobs/{id}`` and
        ``GET /jobs/{id}/ping``, and ``GET /jobs/{id}/judgments`` if units are missing.

        :param port: The port to listen on; 0 for any free one.
        :param host: The address of this machine to listen on; only programs on this machine can
            reach the default.
        :param keys: What the service signs with, as for :meth:`webhook`.
        :param public_url: The address by which the service reaches this server, without the path.
        :param path: The path of its ``url``; by default random. Choose one if the server shall have
            the same ``url`` the next time.
        :param jobs: Jobs whose ``webhook_uri`` is its ``url`` already.
        :param poll: Seconds, or a ``timedelta``, between two polls.
        :param max_events: Events that are kept until they are taken; then the service is told to
            send notifications again later.
        :raises InvalidInput: An argument cannot be used.
        :raises OSError: The port is in use.

        >>> with client.webhook_server() as hooks:
        ...     job.webhook_uri = hooks.url
        ...     job.update()
        ...     job.fire_test_question_webhooks()
        ...     attempts = box.deliver_webhooks()  # the service does this by itself
        ...     for event in hooks:
        ...         print(event.signal, event.units[0].data["review"])
        ...         if event.units[0].id == job.units[1].id:
        ...             break
        unit_complete Works as it should, every single day.
        unit_complete Do not buy it, it is dangerous.
        """
        from crowdflower.webhook_server import WebhookServer  # noqa: PLC0415 - few clients need it

        watched = [self._as_job(job) for job in jobs]
        server = WebhookServer(
            self.webhook(*([keys] if isinstance(keys, str) else keys)),
            port=port,
            host=host,
            public_url=public_url,
            path=path,
            poll=poll,
            max_events=max_events,
            ended=self._webhook_servers.discard,
        )
        self._webhook_servers.add(server)
        try:
            for job in watched:
                server.watch(job)
        except BaseException:
            server.close()
            raise
        return server

    def _watch_webhooks(self, job: Job) -> None:
        """Have the server at the ``webhook_uri`` of a job look for notifications that are lost."""
        for server in list(self._webhook_servers):
            if job.webhook_uri == server.url:
                try:
                    server.watch(job)
                except ApiError as error:
                    warn(f"notifications of job {job.id} that are lost will not be found: {error}")

    # Any call

    @property
    def jobs(self) -> PathFactory:
        """The root of all paths below ``/jobs``.

        >>> client.jobs[job.id].ping()["all_units"]
        10
        """
        return PathFactory(self, ("jobs",))

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
        """Send one request to any endpoint.

        :param path: What follows the base URL, suffix included: ``jobs/7.json``. A leading slash is
            ignored.
        :param data: The body: a string (sent as UTF-8) or bytes, a dict (sent as a form, nested
            ones as ``job[title]``), or an iterable of bytes, which is streamed. Anything but a form
            is sent as JSON, unless ``headers`` names another content type.
        :param query: Parameters of the URL; dicts and lists become bracketed names here too.
        :param method: With ``get`` and a body it becomes ``post``.
        :param files: Name to file, sent as multipart, together with ``data`` as a dict.
        :param as_json: Decode the response. Otherwise return the raw :class:`requests.Response`;
            redirects are followed as far as the key is safe.
        :param shape: Checks the decoded response and returns the result. A
            :class:`~crowdflower.exceptions.MalformedResponse` that it raises is raised again with
            the name of the request.
        :raises ApiError: The request failed, or was refused, in whatever status.

        >>> client.call("jobs/upload.json", '{"text": "hi"}', method="post")["units_count"]
        1
        """
        verb = method.upper()
        if verb == "GET" and (data is not None or files):
            verb = "POST"
        is_raw = not as_json
        answer = self.request(
            verb,
            path.lstrip("/"),
            Expected(as_json=as_json, follow=is_raw and verb == "GET", redirects=is_raw),
            data=data,
            query=query,
            files=files,
            headers=headers,
            shape=None if is_raw else shape,
        )
        return answer.response if is_raw else answer.body

    def paged_call(
        self,
        *args: Any,
        page: int = 1,
        limit: int = DEFAULT_LIMIT,
        sentinel: object = None,
        **kwargs: Any,
    ) -> Iterator[JSON]:
        """Yield the pages of :meth:`call`, which takes the other arguments.

        :param page: Number of the first page, from 1.
        :param limit: Items on a page: at most 1000 units, or 100 units with their judgments. A page
            of jobs has ten, whatever the limit, and is not asked for the default of 100.
        :param sentinel: What follows the last page: a value, or a function of a page that returns
            whether it is the end. By default, an empty page.
        :raises InvalidInput: The page or the limit is out of range; nothing was sent.
        :raises PageLoop: The server sends the same page again.

        >>> [len(page) for page in client.paged_call(f"jobs/{job.id}/units.json", limit=4)]
        [4, 4, 2]
        """
        check_count("page", page)
        path = str(args[0] if args else kwargs.get("path", "")).lstrip("/")
        most = max_page_size(path)
        if check_count("limit", limit) > (most or limit):
            raise InvalidInput(f"a page of /{path} has at most {most} items; got limit {limit}")
        query = dict(kwargs.pop("query", NOTHING))
        asked = {} if limit == DEFAULT_LIMIT and is_fixed_size(path) else {"limit": limit}

        def fetch(number: int) -> JSON:
            kwargs["query"] = {**query, "page": number, **asked}
            return self.call(*args, **kwargs)

        return pagination.pages(
            fetch,
            first=page,
            is_end=pagination.end_marker(sentinel),
            **self._read_ahead(limit),
        )

    # Jobs

    def create_job(self, attrs: Mapping[str, Any]) -> Job:
        """Create a job.

        Calls ``POST /jobs``, and ``PUT /jobs/{id}`` if the response shows other values than these:
        not every service accepts all attributes on creation.

        :param attrs: Attributes of :class:`Job`; nested dicts become ``job[options][x]``. For a
            field that :class:`Job` does not have, see :meth:`update_job`.
        :raises UnknownAttribute: A name is misspelled; nothing was sent.
        :raises RefusedError: The service refuses a value. If the second request was refused, the
            job exists, without the attributes.
        :raises OutcomeUnknown: The response was lost: the job may exist.

        >>> client.create_job({"title": "Sentiment", "options": {"front_load": True}}).state
        'unordered'
        """
        attrs = normalize_attributes(attrs)
        created = self.request("POST", "jobs.json", data={"job": attrs}, shape=shapes.a_job)
        job = self._job(created.body)
        sent = group_fields(encoding.flatten({"job": comparable(attrs, created.body)}))
        if compare_attributes("job", sent, created.body) is Visibility.NOT_MADE:
            job.absorb(self.update_job(job.id, attrs))
        elif self._webhook_servers:
            self._watch_webhooks(job)
        return job

    def get_or_create_job(self, alias: str, *, update: bool = False, **attributes: Any) -> Job:
        """Fetch a job by its alias; if there is none, create it with that alias.

        Calls ``GET /jobs/{id}``; to create it, ``POST /jobs``, and ``PUT /jobs/{id}`` if the
        response shows other values. A script may be started again, or killed anywhere: there is one
        job. With a journal file (``Client(journal=PATH)``) this holds even if two processes create
        it at once on a service that takes no alias with a new job: what was begun is recorded in
        the file, found again among the newest jobs, and finished. Without a file it holds as far as
        the alias shows it: on such a service, a lost response raises ``OutcomeUnknown`` in each
        run until you have given the job its alias.

        :param alias: Your name for the job, unique in the account: letters, digits, ``-`` and
            ``_``.
        :param update: Send the attributes that differ from those of the job. By default a warning
            shows them, and nothing is sent. A creation that was interrupted is finished in any
            case.
        :param attributes: Attributes of :class:`Job`. A :class:`~pathlib.Path` as ``cml``, ``css``,
            ``js`` or ``instructions`` is read as a file in UTF-8.
        :raises InvalidInput: The alias cannot be used, or a file cannot be read; nothing was sent.
        :raises UnknownAttribute: A name is misspelled; nothing was sent.
        :raises RefusedError: The service refuses a value, or another account has the alias.
        :raises OutcomeUnknown: The response was lost, and the job is not found.
        :raises JournalLocked: Another process is still creating the job.

        >>> reviews = client.get_or_create_job("reviews", title="What does it say?")
        >>> reviews.state
        'unordered'
        >>> client.get_or_create_job("reviews", title="What does it say?").id == reviews.id
        True
        """
        # Imported here, as the journal is: it loads sqlite3.
        from crowdflower.payments.recovery.job_creation import JobCreation  # noqa: PLC0415

        check_alias(alias)
        wanted = normalize_attributes(attributes)
        encoding.encode_form({"job": wanted})  # a value that cannot be sent is refused at once
        creation = JobCreation(self, self.operations.account, alias, wanted)
        return self._job(creation.find_or_create(update=update))

    def update_job(self, job_id: int, attrs: Mapping[str, Any]) -> JSONObject:
        """Change attributes of a job; return its JSON.

        Calls ``PUT /jobs/{id}``. See :meth:`Job.update`, which checks more before it sends, and
        also sends fields that this library does not know: ``job["new_field"] = 1``.

        :raises UnknownAttribute: A name is misspelled; nothing was sent.
        :raises RefusedError: The service refuses a value; it keeps none of them.
        :raises NotAcceptable: The answer was a web page, and the job shows other values.
        :raises OutcomeUnknown: The response was lost, a web page or a redirect, and the job does
            not show the change.

        >>> client.update_job(job.id, {"payment_cents": 12})["payment_cents"]
        12
        """
        return self._update_job(job_id, normalize_attributes(attrs))

    def get_job(self, job_id: int | str) -> Job:
        """Fetch a job by its id, or by its alias.

        Calls ``GET /jobs/{id}``.

        :raises NotFound: This account has no such job.

        >>> client.get_job(job.id).title
        'Sentiment of reviews'
        """
        return self._job(self.request("GET", _job_path(job_id), shape=shapes.a_job).body)

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
        """Yield all jobs of the account, newest first; ten per request.

        Calls ``GET /jobs``. Items of the list that contain only errors are skipped with a warning.

        :param state: Only jobs in this state.
        :param tags: Only jobs with one of these tags.
        :param created_since: Only jobs created on this day or later.
        :param created_until: Only jobs created on this day or earlier.
        :param team_id: Only jobs of this team of the account.
        :param start_page: Where to continue after an error that named its ``page``.
        :raises ValidationError: The service does not know the state.
        :raises PageLoop: The service sends the same page again.

        >>> next(client.get_jobs(state="running")).title
        'Sentiment of reviews'
        """
        filters = {
            "state": state,
            "tags": join_names("tags", tags) or None,
            "created_at_greater_equal": _iso_date("created_since", created_since),
            "created_at_less_equal": _iso_date("created_until", created_until),
            "team_id": team_id,
        }
        query = {name: value for name, value in filters.items() if value is not None}
        pages = self._pages(
            "jobs.json", JOBS_PER_PAGE, query=query, shape=shapes.job_page, first=start_page
        )
        for page in pages:
            for item in page:
                if shapes.has_only_errors(item):
                    errors = "; ".join(refusal_messages(item)) or "without a message"
                    warn(f"an item of the list of jobs has only errors: {errors}")
                else:
                    yield self._job(item)

    def delete_job(self, job_id: int) -> None:
        """Delete a job. See :meth:`Job.delete`.

        Calls ``DELETE /jobs/{id}``.

        >>> client.delete_job(client.create_job({"title": "A draft"}).id)
        """
        self.request("DELETE", _job_path(job_id))

    def copy_job(
        self,
        job_id: int,
        all_units: bool,
        gold: bool,
        *,
        only_new_and_judgable: bool = False,
        wait: bool | None = None,
        progress: ProgressOption = None,
    ) -> Job:
        """Copy a job. See :meth:`Job.copy`.

        Calls ``GET /jobs/{id}/copy``.

        >>> client.copy_job(job.id, all_units=False, gold=True).copied_from == job.id
        True
        """
        options = {
            "all_units": all_units,
            "gold": gold,
            "only_new_and_judgable": only_new_and_judgable,
        }
        query = {name: True for name, value in options.items() if value}
        path = _job_path(job_id, "copy")
        waits = bool(progress) if wait is None else wait
        total = self._count_to_copy(job_id, all_units=all_units, gold=gold) if waits else None
        copied = self._job(self.request("GET", path, query=query, shape=shapes.a_job).body)
        if waits and query:
            from crowdflower.rows.job_copies.unit_copies import wait_for_units  # noqa: PLC0415 - rarely used

            try:
                wait_for_units(self, copied.id, total, progress)
            except BaseException as error:
                error.add_note(f"the copy is job {copied.id}")
                raise
            copied.expire()
        return copied

    def _count_to_copy(self, job_id: int, *, all_units: bool, gold: bool) -> int | None:
        """Return how many units a copy will have, if the job shows it."""
        job = self.request("GET", _job_path(job_id), shape=shapes.a_job).body
        name = "units_count" if all_units else "golds_count" if gold else ""
        count = job.get(name)
        return count if isinstance(count, int) else None

    def convert_job_test_questions(self, job_id: int) -> None:
        """Turn the units whose ``_golden`` column is true into test questions.

        Calls ``PUT /jobs/{id}/gold``; the service does it in the background. Some services answer
        with a web page; the job is then polled for up to 15 seconds until it has test questions.

        :raises NotAcceptable: The response was a web page, and no test question appeared.
        :raises OutcomeUnknown: The response was lost, or a redirect, and no test question appeared.

        >>> client.convert_job_test_questions(job.id)
        """
        try:
            self.request("PUT", _job_path(job_id, "gold"))
        except (NotAcceptable, OutcomeUnknown) as error:
            response = error.response
            is_page = response is not None and (
                response.is_redirect or response.status_code == HTTPStatus.NOT_ACCEPTABLE
            )
            if not is_page:
                raise
            unknown = error
        else:
            return
        for _ in poll(self.clock, CONVERSION_DELAYS):
            with suppress(ApiError):
                job = self.request("GET", _job_path(job_id), shape=shapes.a_job).body
                if job.get("golds_count"):
                    return
        raise unknown

    # Channels and tags: these endpoints answer 404 to a path with the suffix .json

    def get_job_channels(self, job_id: int) -> JSONObject:
        """Return ``enabled_channels`` and ``available_channels``.

        Calls ``GET /jobs/{id}/channels``.

        >>> client.get_job_channels(job.id)["enabled_channels"]
        ['cf_internal', 'on_demand']
        """
        channels: JSONObject = self.request("GET", _job_path(job_id, "channels", suffix="")).body
        return channels

    def set_job_channels(self, job_id: int, channels: Iterable[str]) -> None:
        """Replace the enabled channels. See :attr:`Job.channels`.

        Calls ``PUT /jobs/{id}/channels``.

        >>> client.set_job_channels(job.id, ["cf_internal"])
        """
        data = {"channels": check_channels(channels)}
        self.request("PUT", _job_path(job_id, "channels", suffix=""), data=data)

    def add_job_channels(self, job_id: int, channels: Iterable[str]) -> None:
        """Enable more channels. See :meth:`Job.add_channels`.

        Calls ``POST /jobs/{id}/channels``.

        >>> client.add_job_channels(job.id, ["clixsense"])
        """
        data = {"channels": check_channels(channels)}
        self.request("POST", _job_path(job_id, "channels", suffix=""), data=data)

    def get_job_tags(self, job_id: int) -> list[str]:
        """Return the tags of a job. See :attr:`Job.tags`.

        Calls ``GET /jobs/{id}/tags``.

        >>> client.get_job_tags(job.id)
        []
        """
        path = _job_path(job_id, "tags", suffix="")
        tags: list[str] = self.request("GET", path, shape=shapes.tag_names).body
        return tags

    def add_job_tag(self, job_id: int, tag: str) -> None:
        """Add a tag to a job. See :meth:`Job.add_tag`.

        Calls ``POST /jobs/{id}/tags``.

        >>> client.add_job_tag(job.id, "spring")
        """
        self._send_tags("POST", job_id, check_names("tag", [tag]))

    def set_job_tags(self, job_id: int, tags: Iterable[str]) -> None:
        """Replace the tags of a job. See :attr:`Job.tags`.

        Calls ``PUT /jobs/{id}/tags``.

        >>> client.set_job_tags(job.id, ["spring", "reviews"])
        """
        self._send_tags("PUT", job_id, check_names("tags", tags))

    def remove_job_tags(self, job_id: int, tags: Iterable[str]) -> None:
        """Remove some tags of a job. See :meth:`Job.remove_tags`.

        Calls ``DELETE /jobs/{id}/tags``.

        >>> client.remove_job_tags(job.id, ["spring"])
        """
        self._send_tags("DELETE", job_id, check_names("tags", tags))

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
        """Order units of a job, which are then shown to contributors and paid for.

        Calls ``POST /jobs/{job_id}/orders``, once. See :meth:`Job.launch` for arguments and errors.

        >>> draft = job.copy(all_units=True)
        >>> client.debit_order(draft, 8, ["cf_internal"]).type
        'Debit'
        """
        job = self._as_job(job)
        job._check_unsent()  # noqa: SLF001 - one family
        payment = job._new_launch(units_count, channels)  # noqa: SLF001
        try:
            order = self.operations.pay(payment, key=key, max_cost_cents=max_cost_cents)
        finally:
            job.expire()
        return Order(job, self).absorb(order)

    def get_order(self, job: JobFields | int, order_id: int) -> Order:
        """Fetch an order.

        Calls ``GET /jobs/{job_id}/orders/{id}``.

        :raises NotFound: The job has no such order.

        >>> client.get_order(job, order.id).amount_in_cents
        0
        """
        job = self._as_job(job)
        path = _job_path(job.id, f"orders/{numeric_segment(order_id)}")
        shape = partial(shapes.json_object, kind="order")
        return Order(job, self).absorb(self.request("GET", path, shape=shape).body)

    # Units

    def upload_job(
        self,
        data: RowSource,
        job_id: int | None = None,
        force: bool = False,
        *,
        progress: ProgressOption = None,
    ) -> Job:
        """Upload rows to a job, or to a new one.

        Calls ``PUT /jobs/{id}/upload``, or ``POST /jobs/upload``. The rows are encoded to a
        temporary file as they are consumed, and sent after all of them were checked.

        :param data: Dicts, a data frame, an Arrow table, a relation of DuckDB, or the path of a
            file; see :meth:`Job.upload`.
        :param force: Accept rows whose columns differ from those of the first upload.
        :param progress: ``True`` draws a bar; a function is called with each
            :class:`~crowdflower.progress.Progress`, in rows that were sent. An exception of the
            function stops the request, and no row is stored.
        :raises InvalidInput: A row cannot be sent; ``error.row`` is its number, and none was sent.
        :raises ImportError: An Arrow table or a Parquet file needs pyarrow, which is not installed.
        :raises OutcomeUnknown: The response was lost. :meth:`Job.upload` with a ``key`` finds out.

        >>> client.upload_job({"text": text} for text in ["Good!", "Bad."]).units_count
        2
        >>> client.upload_job("more.csv", progress=print).units_count
        0 of 2 rows
        2 of 2 rows
        2
        """
        if isinstance(data, (str, PathLike)):
            upload_source.check_path(data)
            return self.upload_job_file(data, None, job_id, force, progress=progress)
        with upload_source.spool_rows(rows_in(data)) as body:
            return self._upload(body, upload_source.JSON_LINES, job_id, force, progress)

    def upload_job_file(
        self,
        file: str | PathLike[str] | IO[Any],
        type_: str | None = None,
        job_id: int | None = None,
        force: bool = False,
        *,
        progress: ProgressOption = None,
    ) -> Job:
        """Upload the rows of a file to a job, or to a new one.

        Calls ``PUT /jobs/{id}/upload``, or ``POST /jobs/upload``.

        :param file: A path, or an open file of bytes or text.
        :param type_: ``csv``, ``json`` (one object per line), ``parquet``, another file extension
            or a MIME type; guessed from the file's name by default. Parquet is sent as JSON.
        :param force: Accept rows whose columns differ from those of the first upload.
        :param progress: As in :meth:`upload_job`; rows of a spreadsheet are not counted.
        :raises ValueError: The type cannot be guessed.
        :raises InvalidInput: The file is not UTF-8, or a CSV without header or with semicolons for
            commas; ``error.row`` is the number of the row.
        :raises ImportError: A Parquet file needs pyarrow, which is not installed.

        >>> client.upload_job_file("more.csv").units_count
        2
        """
        if upload_source.is_parquet(file, type_):
            return self.upload_job(read_parquet(file), job_id, force, progress=progress)
        with upload_source.open_file(file, type_) as (body, content_type):
            return self._upload(body, content_type, job_id, force, progress)

    def upload_many(
        self,
        rows: RowSource,
        *,
        job: JobFields | int | str,
        key: str,
        force: bool = False,
        gold: bool = True,
        max_jobs: int = 10,
        dry_run: bool = False,
        progress: ProgressOption = None,
    ) -> ManyUploads[Job]:
        """Append rows to a job, each exactly once; those it has no room for go to copies of it.

        Calls ``PUT /jobs/{id}/upload``; for each copy ``GET /jobs/{id}/copy`` and ``PUT
        /jobs/{id}``. When the service refuses rows because a job would have too many, the job is
        filled, copied, and the upload goes on in the copy. Part 2 of job 7 has the alias
        ``job-7-part-2``, and the title of job 7 with ``(part 2)``. The same call, or one with more
        rows, finds the copies by their aliases, and sends only rows that none of the jobs holds, to
        the last job. It may be killed anywhere and called again, as with :meth:`Job.upload`, which
        explains what a journal file adds. Nothing is launched, and nothing is paid.

        :param rows: As in :meth:`Job.upload`: dicts, a data frame, Arrow data, a relation of DuckDB
            or the path of a file.
        :param job: The first job; its id, its alias, or one of its copies.
        :param key: The column that identifies a row: a string or an integer, unique among all rows.
        :param force: Accept rows whose columns differ from those of the first upload.
        :param gold: Copy the test questions of the first job into each copy, where they take room.
            They must have been converted before. Channels and tags are not copied.
        :param max_jobs: How many jobs the rows may take in all.
        :param dry_run: Read the jobs, and count the rows that would be sent; nothing is changed.
        :param progress: As in :meth:`Job.upload`, in rows that are known to be in a job.
        :returns: The jobs, counts, and in ``units`` a mapping from each key to its job and unit,
            which is read from the jobs when it is used.
        :raises InvalidInput: A row cannot be sent; ``error.row`` is its number. Or the job orders
            automatically, or is canceled. Nothing was sent.
        :raises UploadIncomplete: The upload had to stop, such as at ``max_jobs``; repeat the call
            to continue.
        :raises UploadLocked: Another process uploads to one of the jobs with the same journal file.

        >>> rows = [{"sku": f"A-{n}", "text": "Fine."} for n in range(3)]
        >>> shoes = client.create_job({"title": "Shoes"})
        >>> uploaded = client.upload_many(rows, job=shoes, key="sku")
        >>> [job.units_count for job in uploaded.jobs], uploaded.rows, uploaded.found
        ([3], 3, 0)
        >>> uploaded.units["A-2"].job_id == uploaded.jobs[0].id
        True
        """
        from crowdflower.payments.recovery.job_parts import JobParts, base_of  # noqa: PLC0415
        from crowdflower.rows import upload_keys  # noqa: PLC0415 - rarely used, loads sqlite3
        from crowdflower.rows.job_copies.many_jobs import ManyJobs, keyed_rows  # noqa: PLC0415
        from crowdflower.rows.job_copies.many_uploads import ManyUploads, UnitMap  # noqa: PLC0415
        from crowdflower.rows.sources.row_progress import report_chunks  # noqa: PLC0415

        upload_keys.check_key(key)
        check_count("max_jobs", max_jobs)
        first = self.get_job(job.id if isinstance(job, JobFields) else job)
        if base_of(first.json) != first.id:
            first = self.get_job(base_of(first.json))
        parts = JobParts(self, self.operations.account, first.json, gold=gold)
        many = ManyJobs(self, parts, self._unit_data, self._upload_journal(), max_jobs)
        with keyed_rows(rows, key, force=force) as source:
            if dry_run:
                counts = many.count(source, key)
            else:
                with report_chunks(source, progress) as (counted, report):
                    counts = many.upload(counted, key, force=force, report=report)
        jobs = tuple(self._job(each) for each in counts.jobs)
        for each in () if dry_run else jobs:
            each._refresh("uploaded")  # noqa: SLF001 - our own class
        return ManyUploads(
            jobs=jobs,
            rows=counts.rows,
            found=counts.found,
            missing=counts.missing,
            resends=counts.resends,
            duplicates_removed=counts.duplicates_removed,
            units=UnitMap((each.id for each in jobs), key, self._unit_data),
        )

    def get_unit(self, job: JobFields | int, unit_id: int) -> Unit:
        """Fetch one unit with its results.

        Calls ``GET /jobs/{job_id}/units/{id}``.

        :raises NotFound: The job has no such unit, or it was deleted.

        >>> client.get_unit(job, unit.id).data == unit.data
        True
        """
        job = self._as_job(job)
        path = _job_path(job.id, f"units/{numeric_segment(unit_id)}")
        return Unit(job, self).absorb(self.request("GET", path, shape=shapes.a_unit).body)

    def get_units(
        self, job: JobFields | int, *, start_page: int = 1, strict: bool = False
    ) -> Iterator[UnitPromise]:
        """Yield all units of a job with their data; a thousand per request.

        Calls ``GET /jobs/{job_id}/units``. If fewer units come than the job had when it was read, a
        :class:`~crowdflower.exceptions.PaginationWarning` is issued at the end.

        :param start_page: Where to continue after an error that named its ``page``.
        :param strict: Raise instead of that warning.
        :raises PageChanged: Units were removed meanwhile, with ``strict``.
        :raises PageLoop: The service sends the same page again.

        >>> [unit.data["review"] for unit in client.get_units(job)][0]
        'Works as it should, every single day.'
        """
        job = self._as_job(job)
        for page in self._unit_pages(job, start_page, strict=strict):
            yield from UnitPromise._of_page(job, self, page)  # noqa: SLF001 - one family
            del page  # before the next one comes: see pagination

    def add_unit(self, job: JobFields | int, data: Row, golden: bool = False) -> Unit:
        """Add one unit to a job. See :meth:`Job.add_unit`.

        Calls ``POST /jobs/{job_id}/units``.

        >>> client.add_unit(job, {"review": "It hums."}).data
        {'review': 'It hums.'}
        """
        job = self._as_job(job)
        unit = {"data": check_row(convert_row(data)), **({"golden": True} if golden else {})}
        job._forget_units()  # noqa: SLF001 - one family
        answer = self.request(
            "POST",
            _job_path(job.id, "units"),
            data=encoding.encode_json({"unit": unit}),
            shape=shapes.a_unit,
        )
        return Unit(job, self).absorb(answer.body)

    def unit_from_json(self, data: Mapping[str, Any]) -> Unit:
        """Return a unit from its JSON, as in a webhook or a report; sends nothing.

        :raises InvalidInput: The value is not a dict.

        >>> client.unit_from_json({"id": 698757970, "job_id": job.id, "state": "new"})
        <Unit 698757970 new>
        """
        if not isinstance(data, Mapping):
            advice = "; decode it with json.loads()" if isinstance(data, (str, bytes)) else ""
            raise InvalidInput(
                f"the JSON of a unit must be a dict, not {describe_type(data)}{advice}"
            )
        return Unit(Job(self, id=data.get("job_id")), self).absorb(data)

    def copy_unit(
        self, unit: Unit, job: JobFields | int | None = None, data: Row | None = None
    ) -> Unit:
        """Add a unit with the same data, to the same job or to another. See :meth:`Unit.copy`.

        Calls ``POST /jobs/{job_id}/units/{id}/copy``.

        >>> client.copy_unit(job.units[-1]).data["review"]
        'Never again.'
        """
        target = self._as_job(unit.job if job is None else job)
        copied: JSONObject = {} if job is None else {"job_id": target.id}
        if data is not None:
            copied["data"] = check_row(convert_row(data))
        target._forget_units()  # noqa: SLF001 - one family
        try:
            answer = self.request(
                "POST",
                _job_path(unit.job.id, f"units/{numeric_segment(unit.id)}/copy"),
                data=encoding.encode_json({"unit": copied}),
                shape=shapes.a_unit,
            )
        except NotFound as error:
            if target.id != unit.job.id:  # only the body names the other job
                missing = f"no unit {unit.id} in job {unit.job.id}"
                error.args = (str(error).replace(missing, f"no job {target.id}, or {missing}"),)
            raise
        target.expire()
        return Unit(target, self).absorb(answer.body)

    def cancel_unit(self, job_id: int, unit_id: int) -> None:
        """Cancel a unit, without refund. See :meth:`Unit.cancel`.

        Calls ``POST /jobs/{job_id}/units/{id}/cancel``.

        >>> client.cancel_unit(job.id, job.units[-1].id)
        """
        self.request("POST", _job_path(job_id, f"units/{numeric_segment(unit_id)}/cancel"))

    # A job as files

    def compare_files(
        self, folder: str | PathLike[str], job: JobFields | int | str | None = None
    ) -> JobChanges:
        """Return how a folder that :meth:`Job.save_files` wrote differs from its job.

        Calls ``GET /jobs/{id}``, and reads its channels, tags and test questions.

        :param folder: The folder.
        :param job: Id or alias of the job; by default the job that was last saved there or pushed
            from there, otherwise the one with the alias in the folder.
        :returns: The differences: true if there are any, and readable as ``str``.
        :raises InvalidInput: A file cannot be used.
        :raises NotFound: The job does not exist.

        >>> paths = job.save_files("reviews")
        >>> bool(client.compare_files("reviews"))
        False
        >>> settings = Path("reviews/job.toml")
        >>> text = settings.read_text(encoding="utf-8")
        >>> length = settings.write_text(text.replace("payment_cents = 10", "payment_cents = 12"))
        >>> print(client.compare_files("reviews"))
        job ... "Sentiment of reviews", running
        job.toml:
          payment_cents  10 -> 12
        """
        from crowdflower.rows.job_folders.job_reader import file_errors  # noqa: PLC0415

        with file_errors():
            comparison = self._comparison(folder, job)
            return comparison.changes(comparison.folder.read())

    def push_files(
        self,
        folder: str | PathLike[str],
        job: JobFields | int | str | None = None,
        *,
        create: bool = False,
        delete: bool = False,
        rows: bool = False,
        force: bool = False,
        confirm: Callable[[JobChanges], bool] | None = None,
    ) -> Job | None:
        """Send to a job what its folder has otherwise; return the job.

        Calls ``PUT /jobs/{id}`` with the settings that differ, then ``POST /jobs/{job_id}/units``
        or ``PUT /jobs/{job_id}/units/{id}`` for each test question that does, then replaces
        channels and tags. What is already there is not sent, so the same call continues after an
        error.

        :param folder: The folder, as :meth:`Job.save_files` writes it.
        :param job: As in :meth:`compare_files`.
        :param create: Create the job if there is none.
        :param delete: Delete the test questions that the folder lacks; otherwise they stay.
        :param rows: Also upload ``rows.jsonl``, to a job without rows.
        :param force: Overwrite what was changed in the job since the last pull or push; send a
            form with mistakes.
        :param confirm: Called with the differences; if it returns false, nothing is sent.
        :returns: The job; ``None`` if ``confirm`` returned false.
        :raises InvalidInput: A file cannot be used, or the service would refuse a change; nothing
            was sent.
        :raises NotFound: The job does not exist; nothing was sent.
        :raises EditConflict: What differs was changed in the job since the last pull or push;
            nothing was sent.
        :raises RefusedError: The service refuses a change; the message says what was sent before.
        :raises OutcomeUnknown: With ``create``, the response was lost: the job may exist.

        >>> paths = job.save_files("reviews")
        >>> form = Path("reviews/form.cml")
        >>> length = form.write_text(form.read_text(encoding="utf-8").replace("Bad", "Poor"))
        >>> "Poor" in client.push_files("reviews").cml
        True
        """
        from crowdflower.rows.job_folders.folder_push import FolderPush  # noqa: PLC0415
        from crowdflower.rows.job_folders.job_reader import file_errors  # noqa: PLC0415

        with file_errors():
            push = FolderPush(
                self._comparison(folder, job, create=create, delete=delete, rows=rows),
                lambda attributes: self.create_job(attributes).json,
                lambda job_id, data: self.upload_job(data, job_id, force=True),
            )
            pushed = push.send(force=force, confirm=confirm)
            return None if pushed is None else self._job(pushed)

    # Judgments

    def get_judgmentaggregates(
        self, job: JobFields | int, *, start_page: int = 1
    ) -> Iterator[JudgmentAggregate]:
        """Yield the units that have judgments, with aggregated answers; a hundred per request.

        Calls ``GET /jobs/{job_id}/judgments``.

        :param start_page: Where to continue after an error that named its ``page``.

        >>> next(client.get_judgmentaggregates(job)).get_fields()
        {'sentiment': 'positive'}
        """
        job = self._as_job(job)
        pages = self._pages(
            _job_path(job.id, "judgments"),
            AGGREGATES_PER_PAGE,
            _units_count(job.json),
            shape=shapes.page_by_unit,
            first=start_page,
            ask=partial(self._ask_units_count, job.id),
            is_most=job.json.get("state") != "finished",  # which has judgments of every unit
        )
        for page in pages:
            for unit_id, entry in page.items():
                entry["_unit_id"] = unit_id
                yield JudgmentAggregate._of(job, self, entry)  # noqa: SLF001 - one family

    def get_unit_judgments(self, job: JobFields | int, unit_id: int) -> list[Judgment]:
        """Fetch all judgments of a unit. See :meth:`Unit.get_judgments`.

        Calls ``GET /jobs/{job_id}/units/{id}/judgments``.

        >>> len(client.get_unit_judgments(job, unit.id))
        3
        """
        job = self._as_job(job)
        path = _job_path(job.id, f"units/{numeric_segment(unit_id)}/judgments")
        shape = partial(shapes.object_list, kind="judgment")
        found = self.request("GET", path, shape=shape).body
        return [Judgment(job, self).absorb(data) for data in found]

    def get_judgment(self, job: JobFields | int, judgment_id: int) -> Judgment:
        """Fetch one judgment.

        Calls ``GET /jobs/{job_id}/judgments/{id}``.

        :raises NotFound: The job has no such judgment.

        >>> client.get_judgment(job, judgment.id).worker_id == judgment.worker_id
        True
        """
        job = self._as_job(job)
        path = _job_path(job.id, f"judgments/{numeric_segment(judgment_id)}")
        shape = partial(shapes.object_with_id, kind="judgment")
        return Judgment(job, self).absorb(self.request("GET", path, shape=shape).body)

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

        Calls ``GET /jobs/{job_id}.csv`` until the report is built.

        :param type_: ``json`` returns units with their judgments; the others are tables, returned
            as one dict per row, from column to string.
        :raises InvalidInput: The report type does not exist; nothing was sent.
        :raises ReportNotReady: The report was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> [row["sentiment"] for row in client.get_report(job, "full")][2:4]
        ['positive', 'negative']
        """
        if type_ == "json":
            job = self._as_job(job)
            return [
                Unit._of(job, self, unit)  # noqa: SLF001 - one family
                for unit, _ in self._report_units(job, None)
            ]
        _check_report_type(type_)
        with download(self, self._as_job(job).id, type_) as archive:
            return list(report_archive.rows(archive, type_))

    def stream_report(
        self,
        job: JobFields | int,
        *,
        largest: int = report_archive.MAX_UNPACKED,
        progress: ProgressOption = None,
    ) -> Iterator[Unit]:
        """Yield the units of the JSON report one at a time, read from a temporary file.

        Calls ``GET /jobs/{job_id}.csv`` until the report is built. If it has fewer judgments than
        the job had when it was read, a :class:`~crowdflower.exceptions.StaleReportWarning` is
        issued at the end; :meth:`regenerate_report` has it rebuilt.

        :param largest: Maximum size of the unpacked report, in bytes.
        :param progress: Reports the bytes of the download; see :meth:`download_report`.
        :raises ReportNotReady: The report was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.
        :raises ReportTooLarge: The report unpacks to more than ``largest``.

        >>> next(client.stream_report(job)).id == job.units[0].id
        True
        """
        job = self._as_job(job)
        for unit, line in self._report_units(job, progress, largest):
            yield Unit._of_report(job, self, unit, line)  # noqa: SLF001 - one family

    def _report_units(
        self,
        job: Job,
        progress: ProgressOption,
        largest: int = report_archive.MAX_UNPACKED,
        *,
        may_be_empty: bool = False,
    ) -> Iterator[tuple[JSONObject, bytes]]:
        """Return the units of the JSON report as plain JSON, each with its line of the report.

        :param may_be_empty: Yield nothing if the report is empty because the job has no units.
        """
        found = 0

        def units(archive: IO[bytes]) -> Iterator[tuple[JSONObject, bytes]]:
            nonlocal found
            for unit, line in report_archive.units(archive, largest):
                found += judgments_count(unit)
                yield unit, line

        return self._read_report(
            job, units, lambda: found, progress, largest, may_be_empty=may_be_empty
        )

    def _read_report(
        self,
        job: Job,
        read: Callable[[IO[bytes]], Iterator[T]],
        count: Callable[[], int],
        progress: ProgressOption = None,
        largest: int = report_archive.MAX_UNPACKED,
        *,
        may_be_empty: bool = True,
    ) -> Iterator[T]:
        """Yield what a function reads from the JSON report.

        :param count: Returns how many judgments were read.
        """
        expected = judgments_count(job.json)
        try:
            with download(self, job.id, "json", largest=largest, progress=progress) as archive:
                yield from read(archive)
        except ReportEmpty:
            if not may_be_empty or job.reload().units_count:
                raise
        found = count()
        if found and found < expected:
            warn(
                f"the report holds {found} of {expected} judgments: it was built before the latest;"
                " regenerate and download it again",
                StaleReportWarning,
            )

    def download_report(
        self,
        job: JobFields | int,
        type_: ReportType,
        path: str | PathLike[str],
        overwrite: bool = False,
        *,
        spreadsheet_safe: bool = False,
        largest: int = report_archive.MAX_UNPACKED,
        progress: ProgressOption = None,
    ) -> Path:
        """Download a report to a file, which appears complete or not at all.

        Calls ``GET /jobs/{job_id}.csv`` until the report is built. The download goes to a temporary
        file beside ``path``, which is renamed at the end. Only its owner may read it, since it
        holds contributors' IP addresses.

        :param path: The target. A name ending in ``.zip`` keeps the archive as it came, any other
            gets its content.
        :param overwrite: Replace an existing file.
        :param spreadsheet_safe: Put ``'`` before each cell of a table that a spreadsheet would
            evaluate as a formula. Negative numbers are among those cells.
        :param largest: Maximum size of the unpacked report, in bytes.
        :param progress: ``True`` draws a bar; a function is called with each
            :class:`~crowdflower.progress.Progress`, in bytes of the archive. The total is known
            when the service names it.
        :returns: The path.
        :raises InvalidInput: The report type does not exist, or ``path`` is not a path.
        :raises FileExistsError: The file exists; nothing was requested.
        :raises ReportNotReady: The report was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> path = client.download_report(job, "full", "answers.csv")
        >>> path.read_text(encoding="utf-8").split(",")[0]
        '_unit_id'
        """
        _check_report_type(type_)
        if not is_path(path):
            raise InvalidInput(
                f"path must be the file to write, a string or a Path, not {describe_type(path)}"
            )
        job, target = self._as_job(job), Path(path)
        packed = target.suffix.lower() == ".zip"
        if spreadsheet_safe and (packed or type_ == "json"):
            raise InvalidInput(
                "spreadsheet_safe works on CSV reports only, not on JSON or archives"
            )
        with (
            new_file(target, overwrite=overwrite) as (file, folder),
            download(
                self, job.id, type_, largest=largest, folder=folder, progress=progress
            ) as archive,
        ):
            if packed:
                copyfileobj(archive, file)
            elif spreadsheet_safe:
                file.writelines(report_archive.escape_formulas(archive, largest))
            else:
                file.writelines(report_archive.content(archive, largest))
        return target

    def regenerate_report(self, job: JobFields | int, type_: ReportType = "json") -> None:
        """Have a report rebuilt; the next download waits for it.

        Calls ``POST /jobs/{job_id}/regenerate``.

        :param type_: One of :data:`~crowdflower.states.REPORT_TYPES`.
        :raises InvalidInput: The report type does not exist; nothing was sent.

        >>> client.regenerate_report(job, "full")
        """
        _check_report_type(type_)
        path = _job_path(self._as_job(job).id, "regenerate", suffix="")
        self.request("POST", path, Expected(as_json=False, redirects=True), query={"type": type_})

    # What the verbs share

    def _pages(
        self,
        path: str,
        size: int,
        count: int | None = None,
        query: Mapping[str, Any] = NOTHING,
        shape: Callable[[JSON], JSON] | None = None,
        first: int = 1,
        **hints: Any,
    ) -> Iterator[Any]:
        """Yield pages of the default size of the service, which is the largest.

        :param count: Number of items, if it is known.
        :param hints: See :class:`~crowdflower.http.rate_limit.AdaptiveReadAhead`.
        """
        return pagination.pages(
            lambda number: (
                self.request("GET", path, query={**query, "page": number}, shape=shape).body
            ),
            first=check_count("start_page", first),
            is_end=lambda page: page in ({}, []),
            **self._read_ahead(size, count, **hints),
        )

    def _read_ahead(self, size: int, count: int | None = None, **hints: Any) -> dict[str, Any]:
        """Return the arguments of :func:`~crowdflower.http.pagination.pages` that say how far."""
        if self._lookahead is not None:
            expected = -(-count // size) + 1 if count else None
            return {"lookahead": self._lookahead, "size": size, "expected": expected}
        window, latency = self._page_window, self._latency
        return {"read_ahead": AdaptiveReadAhead(window, size, count, latency=latency, **hints)}

    def _ask_units_count(self, job_id: int) -> int | None:
        """Return how many units a job has, if the service says so at once."""
        path, deadline = _job_path(job_id), self.clock.monotonic() + COUNT_DEADLINE
        try:
            data = self.request("GET", path, shape=shapes.a_job, deadline=deadline, warns=False)
        except ApiError:
            return None
        return _units_count(data.body)

    def _update_job(self, job_id: int, attributes: JSONObject) -> JSONObject:
        path = f"jobs/{segment(job_id)}.json"
        shape = partial(shapes.json_object, kind="job")
        job: JSONObject = self.request("PUT", path, data={"job": attributes}, shape=shape).body
        if self._webhook_servers:
            self._watch_webhooks(self._job(job))
        return job

    def _upload(
        self,
        body: IO[bytes],
        content_type: str,
        job_id: int | None,
        force: bool,
        progress: ProgressOption,
    ) -> Job:
        is_new = job_id is None
        try:
            with report_rows(body, content_type, progress) as counted:
                answer = self.request(
                    "POST" if is_new else "PUT",
                    "jobs/upload.json" if job_id is None else _job_path(job_id, "upload"),
                    data=counted,
                    headers={"Content-Type": content_type},
                    query={"force": True} if force else NOTHING,
                    shape=shapes.a_job if is_new else shapes.upload_response,
                ).body
        except RefusedError as error:
            if upload_source.is_refused_whole(error):
                upload_source.say_nothing_stored(error)
            raise
        if is_new or "id" in answer:
            return self._job(answer)
        job = Job(self, id=job_id)  # today's service answers only that the upload has begun
        job._refresh("uploaded")  # noqa: SLF001 - our own class
        return job

    def _upload_journal(self) -> UploadJournal | None:
        """Return the record of uploads in the journal file; ``None`` without a file."""
        from crowdflower.rows.recovery.upload_journal import UploadJournal  # noqa: PLC0415

        operations = self.operations
        if operations.journal.path is None:
            return None
        return UploadJournal(
            operations.journal.path, operations.journal.transaction, operations.account.name
        )

    def _unit_pages(
        self, job: Job, start_page: int, *, strict: bool = False
    ) -> Iterator[dict[int, JSONObject]]:
        """Yield the units of a job, a page at a time, by id."""
        count = _units_count(job.json)
        pages = self._pages(
            _job_path(job.id, "units"),
            UNITS_PER_PAGE,
            count,
            shape=shapes.page_by_unit,
            first=start_page,
            ask=partial(self._ask_units_count, job.id),
        )
        total = 0
        for page in pages:
            total += len(page)
            yield page
            del page
        pagination.verify_count(total, count if start_page == 1 else None, strict=strict)

    def _unit_data(self, job_id: int, start_page: int = 1) -> Iterator[tuple[int, JSONObject]]:
        """Yield id and data of all units of a job from a page on, as the service has them now."""
        for page in self._unit_pages(self._as_job(job_id), start_page):
            yield from page.items()
            del page

    def _send_tags(self, method: str, job_id: int, tags: list[str]) -> None:
        self.request(method, _job_path(job_id, "tags", suffix=""), data={"tags": tags})

    def _job_reader(self) -> JobReader:
        from crowdflower.rows.job_folders.job_reader import JobReader  # noqa: PLC0415

        return JobReader(self, self._unit_data)

    def _comparison(
        self, folder: str | PathLike[str], job: JobFields | int | str | None, **how: bool
    ) -> FolderComparison:
        from crowdflower.job_files import JobFolder  # noqa: PLC0415 - rarely used
        from crowdflower.rows.job_folders.folder_comparison import (  # noqa: PLC0415
            FolderComparison,
        )

        reference = job.id if isinstance(job, JobFields) else job
        return FolderComparison(self._job_reader(), JobFolder(folder), reference, **how)

    def _job(self, data: JSONObject) -> Job:
        return Job(self).absorb(data)

    def _as_job(self, job: JobFields | int) -> Job:
        if isinstance(job, Job):
            return job
        return Job(self, id=job.id if isinstance(job, JobFields) else job)


def _job_path(job_id: int | str, rest: str = "", suffix: str = ".json") -> str:
    return f"jobs/{segment(job_id)}{'/' if rest else ''}{rest}{suffix}"


def _iso_date(name: str, day: date | None) -> str | None:
    if day is None:
        return None
    if not isinstance(day, date):
        raise InvalidInput(f"{name} must be a date, not {day!r:.80}")
    return day.strftime("%Y-%m-%d")


def _units_count(job: JSONObject) -> int | None:
    """Return how many units a job has, if its JSON says so."""
    count = job.get("units_count")
    return count if isinstance(count, int) and count > 0 else None


def _check_report_type(type_: str) -> None:
    if type_ not in REPORT_TYPES:
        raise InvalidInput(f"no report type {type_!r}; choose from: {', '.join(REPORT_TYPES)}")
