"""Sandbox: the service, its rules, its money and its contributors as one Python object."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from crowdflower.job_files import JobFolder
from crowdflower.sandbox.ampcrowd import AccessPolicy, AMPCrowdService
from crowdflower.sandbox.clock import ClientClock, Clock
from crowdflower.sandbox.control.routes import Control
from crowdflower.sandbox.pages import work_path
from crowdflower.sandbox.pages.invitations import public_address
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.units import job_loading, staging
from crowdflower.sandbox.server.app import create_app
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.server.sockets import LazyServer
from crowdflower.sandbox.store import Database, Limits
from crowdflower.sandbox.store.engines.sqlite import database_url
from crowdflower.sandbox.store.outbox import webhook_delivery
from crowdflower.sandbox.store.tables import event, ledger
from crowdflower.sandbox.webhooks.delivery import HttpReceiver, WebhookSender

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Self

    from sqlalchemy import Table

    from crowdflower.ampcrowd import AMPCrowdClient
    from crowdflower.client import Client
    from crowdflower.sandbox.control.delays import Delays, DelaySettings
    from crowdflower.sandbox.control.faults import Faults
    from crowdflower.sandbox.crowd import Crowd
    from crowdflower.sandbox.crowd.crowd import HasId
    from crowdflower.sandbox.desk import Desk
    from crowdflower.sandbox.server.request_log import LoggedRequest
    from crowdflower.sandbox.server.services import Unimplemented
    from crowdflower.sandbox.webhooks.delivery import Attempt, Receiver

BALANCE_CENTS: Final = 100_000
"""Opening balance of an account, in US cents."""


class Sandbox:
    """A local server for tests and demonstrations: API, rules, money and contributors.

    :param seed: Seed of everything random. Two sandboxes with the same seed that get the same
        requests respond in the same way; even the API key is the same.
    :param key: The account's API key; by default a new one.
    :param balance_cents: Opening balance of the account, in US cents.
    :param database: Path of an SQLite file, created if missing; or the URL of a database that
        several sandboxes share, ``postgresql://USER:PASSWORD@HOST/NAME``. By default all data is in
        memory and lost at the end.
    :param clock: By default time stands still until ``box.clock.advance(…)`` moves it; with a
        database, the system clock is used.
    :param limits: Size limits and other settings.
    :param transitions: How long effects stay hidden; see :attr:`transitions`.
    :param ampcrowd: Also serve the AMPCrowd API, to programs on this machine; an
        :class:`~crowdflower.sandbox.ampcrowd.service.AccessPolicy` admits others.
    :param control: Also serve ``/_sandbox/``, to clients that send ``box.control_token``. A string
        is that token; ``True`` generates one.
    :param strict: Refuse with status 422 each request that would get a warning; it changes nothing.
    :param files: Folder of pictures, sounds and films for contributors, as ``files/NAME``.
    :param desk: Also serve the requester's desk: pages on which a person makes, watches and exports
        the jobs. A string is its password; with ``True`` only :meth:`desk_url` signs in.
    :param public_url: Address at which others reach the server, such as that of a reverse proxy:
        links on pages begin with it.
    :param job_scripts: Run the scripts and styles of jobs and of their forms for contributors, in
        a frame without an origin, whose requests to other sites browsers refuse.
    :param names: Print the names of contributors in reports, which otherwise have numbers only: in
        the column ``_worker_name`` of the full report and of that on contributors, and in each
        judgment of the JSON report.
    :raises ValueError: The key, the balance, the folder or the desk's password is invalid.
    :raises ImportError: While importing this module: a package that the sandbox needs is missing.

    >>> with Sandbox() as box:
    ...     client = box.client()
    ...     client.create_job({"title": "Sentiment of reviews"}).state
    'unordered'
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        key: str | None = None,
        balance_cents: int = BALANCE_CENTS,
        database: str | Path | None = None,
        clock: Clock | None = None,
        limits: Limits | None = None,
        transitions: DelaySettings | None = None,
        ampcrowd: bool | AccessPolicy = False,
        control: bool | str = False,
        strict: bool = False,
        files: str | Path | None = None,
        desk: bool | str = False,
        public_url: str | None = None,
        job_scripts: bool = False,
        names: bool = False,
    ) -> None:
        if key is not None:
            accounts.check_key(key)
        accounts.check_cents("balance_cents", balance_cents, minimum=0)
        self.clock = clock or Clock(seed, virtual=database is None)
        """The only source of time, ids and random numbers."""
        database = database_url(database)
        limits = limits or Limits()
        limits = replace(
            limits,
            strict=strict or limits.strict,
            job_scripts=job_scripts or limits.job_scripts,
            names_in_reports=names or limits.names_in_reports,
        )
        self.database = Database(database, self.clock, limits=limits)
        """All data of the sandbox."""
        staging.discard_abandoned(self.database)
        self._balance_cents = balance_cents
        self.key = self._open_account(key)
        """The account's API key."""
        self.job_ids: list[int] = []
        """Ids of the jobs that were loaded from folders, in their order."""
        self._ampcrowd: AMPCrowdService | None = None
        if ampcrowd is not False:
            access = AccessPolicy() if ampcrowd is True else ampcrowd
            self._ampcrowd = AMPCrowdService(self.database, self.key, access)
        self.app = create_app(self.database, transitions, self._ampcrowd, files=files)
        """The API, as a WSGI application."""
        self.app.extensions[public_address.PUBLIC_URL] = public_url
        self._desk: Desk | None = None
        if desk is not False:
            self._desk = self._open_desk(None if desk is True else desk)
        self.control_token: str | None = None
        """Token for ``/_sandbox/``, which programs in other languages use; ``None`` when off."""
        if control:
            self.control_token = self.clock.token() if control is True else control
            self.app.control = Control(self, self.control_token)
        self._webhooks = WebhookSender(self.database, HttpReceiver(allow_loopback=True))
        self.clock.listeners.append(self.keep_time)
        self._server = LazyServer(self.app, before_start=self.database.require_open)
        self._crowd: Crowd | None = None

    @classmethod
    def load(cls, *folders: str | Path, **settings: Any) -> Self:
        """Return a sandbox with the jobs of folders that ``crowdflower pull`` has written.

        :param folders: One folder a job; see :meth:`load_job`.
        :param settings: Arguments of :class:`Sandbox`.

        >>> paths = job.save_files("reviews", rows=True)
        >>> with Sandbox.load("reviews") as box:
        ...     box.client().get_job(box.job_ids[0]).units_count
        10
        """
        box = cls(**settings)
        try:
            for folder in folders:
                box.load_job(folder)
        except BaseException:
            box.close()
            raise
        return box

    def load_job(self, folder: str | Path) -> int:
        """Create the job of a folder, with its test questions and rows, and return its id.

        It is not launched. If there is a job with its alias, that one stays as it is.

        :raises ValueError: A file cannot be used, or has a value that the sandbox refuses.
        """
        self.job_ids.append(job_loading.load_folder(self.database, self.key, JobFolder(folder)))
        return self.job_ids[-1]

    def client(self, **settings: Any) -> Client:
        """Return a client that calls this sandbox in process and cannot reach the network.

        Instead of waiting, between polls or before a retry, it advances ``box.clock``, unless that
        is the system clock.

        :param settings: Further arguments of :class:`~crowdflower.client.Client`.

        >>> with Sandbox() as box:
        ...     box.client()
        <Client https://sandbox.invalid/v1>
        """
        from crowdflower.client import Client  # noqa: PLC0415 - a server does not need it

        if self.clock.virtual:
            settings = {"clock": ClientClock(self.clock), **settings}
        settings = {"session": session_for(self.app), **settings}
        return Client(self.key, f"{ORIGIN}/v1", **settings)

    def ampcrowd_client(self, **settings: Any) -> AMPCrowdClient:
        """Return a client of the AMPCrowd API that calls this sandbox in process.

        :param settings: Further arguments of :class:`~crowdflower.ampcrowd.client.AMPCrowdClient`.
        :raises RuntimeError: The sandbox was created without ``ampcrowd=True``.

        >>> with Sandbox(ampcrowd=True) as box:
        ...     box.ampcrowd_client()
        <AMPCrowdClient https://sandbox.invalid>
        """
        from crowdflower.ampcrowd import AMPCrowdClient  # noqa: PLC0415 - a server does not need it

        token = self.ampcrowd.access.token
        settings = {"session": session_for(self.app), "token": token, **settings}
        return AMPCrowdClient(ORIGIN, **settings)

    @property
    def ampcrowd(self) -> AMPCrowdService:
        """The AMPCrowd side of the sandbox: its groups and callbacks.

        Callbacks that are due are sent at the end of each run of the crowd, or at any time by
        ``box.ampcrowd.deliver()``.

        :raises RuntimeError: The sandbox was created without ``ampcrowd=True``.
        """
        if self._ampcrowd is None:
            raise RuntimeError("The AMPCrowd API is off: create the Sandbox with ampcrowd=True.")
        return self._ampcrowd

    @property
    def url(self) -> str:
        """Base URL of the API over a socket; reading it starts the server.

        Only programs on this machine can connect.
        """
        return f"{self._server.url}/v1"

    @property
    def ampcrowd_url(self) -> str:
        """Base URL of the AMPCrowd API over a socket; see :attr:`url`.

        :raises RuntimeError: The sandbox was created without ``ampcrowd=True``.
        """
        _ = self.ampcrowd
        return self._server.url

    def work_url(self, job: int | HasId) -> str:
        """Return the URL at which people work on a job in a browser on this machine.

        It contains the job's secret: anyone who has it may work.

        :param job: A job id, or an object with an ``id``.
        :raises LookupError: No job has this id.
        """
        job_id = job if isinstance(job, int) else job.id
        with self.database.snapshot() as tx:
            return f"{self._server.url}{work_path(tx, job_id)}"

    def desk_url(self) -> str:
        """Return a one-time URL that signs a browser on this machine in to the requester's desk.

        :raises RuntimeError: The sandbox was created without ``desk=True``.

        >>> with Sandbox(desk=True) as box:
        ...     "/desk/sign-in?link=" in box.desk_url()
        True
        """
        return f"{self._server.url}{self.desk_path()}"

    def desk_path(self) -> str:
        """Return the path of a one-time URL as :meth:`desk_url` does, for another server.

        :raises RuntimeError: The sandbox was created without ``desk=True``.
        """
        if self._desk is None:
            raise RuntimeError("The desk is off: create the Sandbox with desk=True.")
        return self._desk.link_path()

    @property
    def crowd(self) -> Crowd:
        """The simulated and replayed contributors."""
        if self._crowd is None:
            from crowdflower.sandbox.crowd import Crowd  # noqa: PLC0415 - not always needed

            afterwards = self._ampcrowd.deliver if self._ampcrowd is not None else None
            self._crowd = Crowd(self.database, afterwards=afterwards)
        return self._crowd

    def keep_time(self) -> None:
        """Run timed actions that are due: order rows after their job's ``auto_order_timeout``.

        ``box.clock.advance(…)``, a run of the crowd and ``crowdflower serve`` call it; call it
        yourself only with the system clock.
        """
        with self.database.snapshot() as tx:
            is_due = orders.due_job_ids(tx)
        if is_due:
            with self.database.transaction() as tx:
                orders.place_due_orders(tx)

    def deliver_webhooks(self, ended: Callable[[], bool] = lambda: False) -> Sequence[Attempt]:
        """Deliver the notifications that are due, each to the ``webhook_uri`` of its job.

        Nothing is sent before this is called. A failed delivery is due again after 1, 5, 25, …
        seconds of ``box.clock``. Receivers on this machine are allowed, other private addresses
        are not.

        :param ended: Called before every attempt; when it returns true, the rest is left for the
            next call. A receiver that does not respond takes until its timeout.
        :returns: The attempts, each with the ``problem`` that it had, or ``None``.
        """
        return self._webhooks.deliver(ended)

    def webhooks(self) -> list[dict[str, Any]]:
        """Return all notifications, oldest first.

        :returns: ``job_id``, ``signal``, ``payload`` (JSON), ``signature``, ``state`` (``pending``,
            ``sent`` or ``dropped``), the number of failed ``attempts``, the ``problem`` of the
            last, ``next_at``, ``sent_at`` and ``created_at`` of each.
        """
        return self._read(webhook_delivery)

    def drop_webhooks(self) -> int:
        """Drop the notifications that have not been delivered, and return how many there were."""
        return self._webhooks.drop()

    def receive_webhooks(self, receiver: Receiver) -> None:
        """Deliver notifications to a function instead of over HTTP.

        :param receiver: Called with a
            :class:`~crowdflower.sandbox.webhooks.delivery.Notification`. An exception means that
            the delivery failed.
        """
        self._webhooks.receiver = receiver

    @property
    def unimplemented(self) -> Sequence[Unimplemented]:
        """The requests answered with status 501, oldest first."""
        return tuple(self.app.services.unimplemented)

    @property
    def faults(self) -> Faults:
        """The faults to inject: ``box.faults.next(status=503, path="/jobs/*")``.

        >>> with Sandbox() as box:
        ...     box.faults.next(drop=True, path="/jobs", verb="POST", done=True)
        ...     box.client().create_job({"title": "A first job"})
        Traceback (most recent call last):
        crowdflower.exceptions.OutcomeUnknown: ...
        """
        return self.app.services.request_log.faults

    @property
    def requests(self) -> Sequence[LoggedRequest]:
        """The last thousand requests, oldest first, without their keys."""
        return tuple(self.app.services.request_log.requests)

    def forget_requests(self) -> None:
        """Clear the list of requests."""
        self.app.services.request_log.requests.clear()

    @property
    def transitions(self) -> Delays:
        """How long effects stay hidden, as on the service: ``box.transitions["report"] = 2``.

        An integer is a number of polls; a :class:`~crowdflower.sandbox.control.delays.Delay` adds
        a time on the sandbox's clock. The kinds are ``report``, ``upload``, ``copy``, ``gold``,
        ``order``, ``pause``, ``resume`` and ``cancel``.

        >>> with Sandbox(transitions={"upload": 1}) as box:
        ...     job = box.client().upload_job([{"text": "a row"}])
        ...     [box.client().jobs[job.id].units.ping()["done"] for _ in range(2)]
        [False, True]
        """
        return self.app.services.delays

    def events(self) -> list[dict[str, Any]]:
        """Return the latest events that no request asked for, oldest first.

        :returns: ``kind``, ``job_id``, ``detail`` and ``created_at`` (seconds since 1970 UTC) of
            each. Kinds are ``worker_removed``, ``funds_exhausted``, ``warning`` (a part of a
            request was ignored), and others.
        """
        return self._read(event)

    def ledger(self) -> list[dict[str, Any]]:
        """Return all ledger entries, oldest first; their sum is the balance.

        :returns: ``kind``, ``amount_mc`` (thousandths of a US cent, negative for a debit),
            ``account_id``, ``job_id``, ``order_id``, ``note`` and ``created_at`` of each.
        """
        return self._read(ledger)

    def credit(self, cents: int, note: str = "") -> int:
        r"""Add money to the account, as its owner would with a credit card.

        :param cents: The amount, in US cents.
        :param note: The reason, for the ledger.
        :returns: The new balance, in US cents.
        :raises ValueError: The amount is not an integer from 1 to 10\ :sup:`12`.
        """
        accounts.check_cents("cents", cents, minimum=1)
        with self.database.transaction() as tx:
            account = accounts.authenticate(tx, self.key)
            assert account is not None  # noqa: S101 - opened with the sandbox
            accounts.credit(tx, account, cents, note)
            return accounts.balance_cents(tx, account)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI 3.1 description of the API, as ``/_sandbox/openapi.json`` does."""
        from crowdflower.sandbox.api import openapi  # noqa: PLC0415 - not always needed

        return openapi.description()

    def reset(self) -> None:
        """Start over: the same key and balance, no jobs, ids and time from the beginning."""
        self.database.reset()
        self.clock.reset()
        self.app.services.reset()
        self.job_ids.clear()
        self._crowd = None
        self._open_account(self.key)

    def close(self) -> None:
        """Stop the server and delete the reports and, unless it is stored, the database."""
        self._server.close()
        if self.keep_time in self.clock.listeners:
            self.clock.listeners.remove(self.keep_time)
        self.app.services.reset()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sandbox {self.database.name}>"

    def _read(self, table: Table) -> list[dict[str, Any]]:
        with self.database.snapshot() as tx:
            return [dict(row._mapping) for row in tx.all(table.select().order_by(table.c.id))]  # noqa: SLF001 - public in SQLAlchemy

    def _open_desk(self, password: str | None) -> Desk:
        from crowdflower.sandbox.desk import Desk  # noqa: PLC0415 - not always served
        from crowdflower.sandbox.desk.access import Access  # noqa: PLC0415 - as above

        services = self.app.services
        access = Access(password)
        desk = Desk(self.database, self.key, access, services.reports, services.unimplemented)
        self.app.serve_desk(desk)
        return desk

    def _open_account(self, key: str | None) -> str:
        """Open the account, or find it in the database; return its key."""
        with self.database.transaction() as tx:
            account = accounts.find_or_open(tx, key, balance_cents=self._balance_cents)
            return str(account.api_key)
