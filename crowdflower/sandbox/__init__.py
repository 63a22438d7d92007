"""A crowd on your own machine that speaks the API of the hosted one.

.. code-block:: text

    server       the WSGI application, over sockets or in process
    api          the API, one module a resource
    ampcrowd     a second service's API onto the same rules
    pages        the contributor's pages
    crowd        simulated and replayed contributors
    reports      rows to report archives
    rules        what may happen, and what follows
    webhooks     delivery of notifications
    control      faults and delays, in Python and over HTTP
    forms        Liquid over CML
    store        tables, transactions, queries
    clock        time, ids and random numbers
    errors       error responses of the service

A request passes from ``server`` to ``api``, ``ampcrowd`` or ``pages``, then to ``rules`` and
``store``.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

try:
    from crowdflower.sandbox.ampcrowd import AccessPolicy, AMPCrowdService
    from crowdflower.sandbox.clock import Clock, Waiting
    from crowdflower.sandbox.control.routes import Control
    from crowdflower.sandbox.pages import work_path
    from crowdflower.sandbox.rules import accounts
    from crowdflower.sandbox.rules.jobs import orders
    from crowdflower.sandbox.server.app import create_app
    from crowdflower.sandbox.server.in_process import ORIGIN, session_for
    from crowdflower.sandbox.server.sockets import Server
    from crowdflower.sandbox.store import Database, Limits
    from crowdflower.sandbox.store.engines import locks
    from crowdflower.sandbox.store.engines.sqlite import MEMORY
    from crowdflower.sandbox.store.outbox import webhook_delivery
    from crowdflower.sandbox.store.tables import account, event, ledger
    from crowdflower.sandbox.webhooks.delivery import Courier, Post
except ModuleNotFoundError as missing:
    if (missing.name or "").startswith("crowdflower"):
        raise
    raise ImportError(
        f"the sandbox needs {missing.name}, which is not installed;"
        " pip install 'crowdflower-client[sandbox]' brings all that it needs"
    ) from missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Table
    from typing_extensions import Self

    from crowdflower.ampcrowd import AMPCrowdClient
    from crowdflower.client import Client
    from crowdflower.sandbox.control.delays import Lags, Transitions
    from crowdflower.sandbox.control.faults import Faults
    from crowdflower.sandbox.crowd import Crowd
    from crowdflower.sandbox.crowd.crowd import HasId
    from crowdflower.sandbox.server.app import Unimplemented
    from crowdflower.sandbox.server.request_log import Recorded
    from crowdflower.sandbox.webhooks.delivery import Attempt, Receiver

__all__ = ["Sandbox"]

BALANCE_CENTS: Final = 100_000
"""What an account begins with: a thousand dollars."""

MOST_CENTS: Final = 10**12
"""What may be put into an account at a time: ten thousand million dollars."""

_KEY_BITS: Final = 160


class Sandbox:
    """The service, small enough for a test: its API, its rules, its money and its crowd.

    :param seed: Decides everything that is left to chance. Two sandboxes with the same seed that
        are asked the same are the same, the key included.
    :param key: The account's API key; by default a new one.
    :param balance_cents: What the account begins with, in US cents.
    :param database: A file to keep everything in, made when it is missing; or the address of a
        database that several sandboxes share, ``postgresql://USER:PASSWORD@HOST/NAME``. By default
        all is in memory and gone in the end.
    :param clock: By default time stands still until ``box.clock.advance(…)`` moves it; with a
        database, it is the machine's time.
    :param limits: What this sandbox allows.
    :param transitions: How long things take until they are seen to be done; see
        :attr:`transitions`.
    :param ampcrowd: Also answer AMPCrowd's API, to programs on this machine; an
        :class:`~crowdflower.sandbox.ampcrowd.service.AccessPolicy` allows others.
    :param control: Also answer ``/_sandbox/``, to who has ``box.control_token``; a text is that
        token, else a new one is made.
    :raises ValueError: The key cannot be one, or the balance is no such number.
    :raises ImportError: When importing this module: something that the sandbox needs is missing.

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
        transitions: Lags | None = None,
        ampcrowd: bool | AccessPolicy = False,
        control: bool | str = False,
    ) -> None:
        if key is not None:
            accounts.check_key(key)
        if not _is_whole(balance_cents) or not 0 <= balance_cents <= MOST_CENTS:
            raise ValueError(
                f"balance_cents is a whole number from 0 to {MOST_CENTS}, not {balance_cents!r}."
            )
        self.clock = clock or Clock(seed, virtual=database is None)
        """The only source of time, ids and chance."""
        self.database = Database(_address(database), self.clock, limits=limits)
        """Everything that has happened."""
        self._balance_cents = balance_cents
        self.key = self._open_account(key)
        """The account's API key."""
        self._ampcrowd: AMPCrowdService | None = None
        if ampcrowd is not False:
            access = AccessPolicy() if ampcrowd is True else ampcrowd
            self._ampcrowd = AMPCrowdService(self.database, self.key, access)
        self.app = create_app(self.database, lags=transitions, ampcrowd=self._ampcrowd)
        """The API, as a WSGI application."""
        self.control_token: str | None = None
        """What programs in other languages need to control the sandbox, if they may."""
        if control:
            self.control_token = self.clock.token() if control is True else control
            self.app.control = Control(self, self.control_token)
        self._courier = Courier(self.database, Post(allow_loopback=True))
        self.clock.alarms.append(self.keep_time)
        self._starting = Lock()
        self._server: Server | None = None
        self._crowd: Crowd | None = None

    def client(self, **settings: Any) -> Client:
        """Make a client of the account that calls this sandbox in process, and nothing else.

        Where it would wait, for a report or before another attempt, it moves ``box.clock`` instead,
        unless that is the machine's.

        :param settings: Of :class:`~crowdflower.client.Client`.

        >>> with Sandbox() as box:
        ...     box.client()
        <Client https://sandbox.invalid/v1>
        """
        from crowdflower.client import Client  # noqa: PLC0415 - a server needs none

        if self.clock.virtual:
            settings = {"clock": Waiting(self.clock), **settings}
        settings = {"session": session_for(self.app), **settings}
        return Client(self.key, f"{ORIGIN}/v1", **settings)

    def ampcrowd_client(self, **settings: Any) -> AMPCrowdClient:
        """Make a client of AMPCrowd's API that calls this sandbox in process, and nothing else.

        :param settings: Of :class:`~crowdflower.ampcrowd.client.AMPCrowdClient`.
        :raises RuntimeError: The sandbox was made without ``ampcrowd=True``.

        >>> with Sandbox(ampcrowd=True) as box:
        ...     box.ampcrowd_client()
        <AMPCrowdClient https://sandbox.invalid>
        """
        from crowdflower.ampcrowd import AMPCrowdClient  # noqa: PLC0415 - a server needs none

        token = self.ampcrowd.access.token
        settings = {"session": session_for(self.app), "token": token, **settings}
        return AMPCrowdClient(ORIGIN, **settings)

    @property
    def ampcrowd(self) -> AMPCrowdService:
        """What AMPCrowd's API has made here: groups, and answers on their way back.

        A run of the crowd posts the answers that are due; ``box.ampcrowd.deliver()`` does so at any
        time.

        :raises RuntimeError: The sandbox was made without ``ampcrowd=True``.
        """
        if self._ampcrowd is None:
            raise RuntimeError("AMPCrowd's API is off: create the Sandbox with ampcrowd=True.")
        return self._ampcrowd

    @property
    def url(self) -> str:
        """Address of the same sandbox over a socket; the server starts when this is first read.

        Only programs on this machine can connect.
        """
        return f"{self._listening.url}/v1"

    @property
    def ampcrowd_url(self) -> str:
        """The same for AMPCrowd's API.

        :raises RuntimeError: The sandbox was made without ``ampcrowd=True``.
        """
        _ = self.ampcrowd
        return self._listening.url

    def work_url(self, job: int | HasId) -> str:
        """Return the address at which people work on a job in a browser on this machine.

        Whoever has it may work; it holds the job's secret.

        :param job: A number, or anything with an ``id``.
        :raises LookupError: There is no such job.
        """
        number = job if isinstance(job, int) else job.id
        with self.database.snapshot() as tx:
            return f"{self._listening.url}{work_path(tx, number)}"

    @property
    def crowd(self) -> Crowd:
        """Contributors who come, work and leave when they are told to."""
        if self._crowd is None:
            from crowdflower.sandbox.crowd import Crowd  # noqa: PLC0415 - not everybody needs one

            afterwards = self._ampcrowd.deliver if self._ampcrowd is not None else None
            self._crowd = Crowd(self.database, afterwards=afterwards)
        return self._crowd

    def keep_time(self) -> None:
        """Do what has become due: order rows that waited for their job's ``auto_order_timeout``.

        ``box.clock.advance(…)`` does so by itself, and so do a crowd at work and ``crowdflower
        serve``; call it where time is the machine's.
        """
        with self.database.snapshot() as tx:
            is_due = orders.due_job_ids(tx)
        if is_due:
            with self.database.transaction() as tx:
                orders.place_due_orders(tx)

    def deliver_webhooks(self, ended: Callable[[], bool] = lambda: False) -> Sequence[Attempt]:
        """Deliver the notifications that are due, each to the ``webhook_uri`` of its job.

        Nothing is sent before this is called. What nobody took is due again after 1, 5, 25, …
        seconds of ``box.clock``; this machine may be called, other private addresses may not.

        :param ended: Asked before every attempt whether to leave the rest for another round: each
            receiver that keeps silent takes its time.
        :returns: What was tried, and why it was not taken if it was not.
        """
        return self._courier.deliver(ended)

    def webhooks(self) -> list[dict[str, Any]]:
        """List every notification, oldest first.

        :returns: ``job_id``, ``signal``, ``payload`` (JSON text), ``signature``, ``state``
            (``pending``, ``sent`` or ``dropped``), ``attempts`` that failed, the ``problem`` of the
            last, ``next_at``, ``sent_at`` and ``created_at`` of each.
        """
        return self._read(webhook_delivery)

    def drop_webhooks(self) -> int:
        """Give up the notifications that have not been delivered, and return how many there were.

        >>> with Sandbox() as box:
        ...     job = box.client().create_job({"title": "A job to be told of"})
        ...     _ = box.client().update_job(job.id, {"webhook_uri": "https://example.com/hook"})
        ...     job.upload([{"text": "a row"}])
        ...     box.drop_webhooks(), [each["state"] for each in box.webhooks()]
        (1, ['dropped'])
        """
        return self._courier.drop()

    def receive_webhooks(self, receiver: Receiver) -> None:
        """Deliver notifications to a function instead of their addresses.

        :param receiver: Takes a :class:`~crowdflower.sandbox.webhooks.delivery.Notification`. What
            it raises means that the notification was not taken.

        >>> with Sandbox() as box:
        ...     box.receive_webhooks(lambda notification: print(notification.signal))
        ...     client = box.client()
        ...     job = client.create_job({"title": "A job to be told of"})
        ...     told = client.update_job(job.id, {"webhook_uri": "https://example.com/hook"})
        ...     job.upload([{"text": "a row"}])
        ...     attempts = box.deliver_webhooks()
        job_data_processed
        """
        self._courier.receiver = receiver

    @property
    def unimplemented(self) -> Sequence[Unimplemented]:
        """What was asked for and answered with 501, oldest first."""
        return tuple(self.app.unimplemented)

    @property
    def faults(self) -> Faults:
        """What is to go wrong: ``box.faults.next(status=503, path="/jobs/*")``.

        >>> with Sandbox() as box:
        ...     box.faults.next(drop=True, path="/jobs", verb="POST", done=True)
        ...     box.client().create_job({"title": "A first job"})
        Traceback (most recent call last):
        crowdflower.exceptions.OutcomeUnknown: ...
        """
        return self.app.watch.faults

    @property
    def requests(self) -> Sequence[Recorded]:
        """The last thousand requests, oldest first, without their keys."""
        return tuple(self.app.watch.requests)

    def forget_requests(self) -> None:
        """Begin the list of requests anew."""
        self.app.watch.requests.clear()

    @property
    def transitions(self) -> Transitions:
        """How long things take until they are seen to be done: ``box.transitions["report"] = 2``.

        A number means so many looks, a :class:`~crowdflower.sandbox.control.delays.Lag` so much
        time
        on the sandbox's clock too. There are ``report``, ``upload``, ``copy``, ``gold``, ``order``,
        ``pause``, ``resume`` and ``cancel``.

        >>> with Sandbox(transitions={"upload": 1}) as box:
        ...     job = box.client().upload_job([{"text": "a row"}])
        ...     [box.client().jobs[job.id].units.ping()["done"] for _ in range(2)]
        [False, True]
        """
        return self.app.transitions

    def events(self) -> list[dict[str, Any]]:
        """List what happened and nobody asked for at that moment: the latest, oldest first.

        :returns: ``kind``, ``job_id``, ``detail`` and ``created_at`` (seconds since 1970 UTC) of
            each, such as ``worker_removed``, ``funds_exhausted``, or ``warning`` for what was
            asked for and not obeyed.
        """
        return self._read(event)

    def ledger(self) -> list[dict[str, Any]]:
        """List every movement of money, oldest first; their sum is the balance.

        :returns: ``kind``, ``amount_mc`` (thousandths of a US cent, below zero when it leaves the
            account), ``account_id``, ``job_id``, ``order_id``, ``note`` and ``created_at`` of each.

        >>> with Sandbox(balance_cents=500) as box:
        ...     [(line["kind"], line["amount_mc"]) for line in box.ledger()]
        [('credit', 500000)]
        """
        return self._read(ledger)

    def credit(self, cents: int, note: str = "") -> int:
        """Put money into the account, as its owner would with a credit card.

        :param cents: How much, in whole US cents.
        :param note: Why, for the ledger.
        :returns: What the account has now, in whole US cents.
        :raises ValueError: It is no such number, or nothing, or more than :data:`MOST_CENTS`.

        >>> with Sandbox(balance_cents=500) as box:
        ...     box.credit(2000, "A second ten rows")
        2500
        """
        if not _is_whole(cents) or not 0 < cents <= MOST_CENTS:
            raise ValueError(f"cents is a whole number from 1 to {MOST_CENTS}, not {cents!r}.")
        with self.database.transaction() as tx:
            ours = accounts.authenticate(tx, self.key)
            assert ours is not None  # noqa: S101 - it was opened with the sandbox
            accounts.credit(tx, ours, cents, note)
            return accounts.balance_cents(tx, ours)

    def openapi(self) -> dict[str, Any]:
        """Describe the API as OpenAPI 3.1; ``/_sandbox/openapi.json`` is the same.

        >>> with Sandbox() as box:
        ...     box.openapi()["paths"]["/v1/jobs/{job}/ping"]["get"]["summary"]
        'Count how far a job has come.'
        """
        from crowdflower.sandbox.api import openapi  # noqa: PLC0415 - not everybody needs it

        return openapi.description()

    def reset(self) -> None:
        """Begin again: the same key and balance, no jobs, the first ids and the first time.

        >>> with Sandbox() as box:
        ...     client = box.client()
        ...     job = client.create_job({"title": "A first job"})
        ...     box.reset()
        ...     list(client.get_jobs())
        []
        """
        self.database.reset()
        self.clock.reset()
        self.app.reset()
        self._crowd = None
        self._open_account(self.key)

    def close(self) -> None:
        """End the server, throw away reports and, unless it is a file, the database."""
        with self._starting:
            if self._server is not None:
                self._server.close()
        if self.keep_time in self.clock.alarms:
            self.clock.alarms.remove(self.keep_time)
        self.app.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sandbox {self.database.name}>"

    def _read(self, table: Table) -> list[dict[str, Any]]:
        with self.database.snapshot() as tx:
            return [dict(row._mapping) for row in tx.all(table.select().order_by(table.c.id))]  # noqa: SLF001 - its public name

    @property
    def _listening(self) -> Server:
        with self._starting:
            if self._server is None:
                self.database.require_open()  # a server that is begun now would never end
                self._server = Server(self.app)
            return self._server

    def _open_account(self, key: str | None) -> str:
        """Open an account, or find the one that the database has; return its key."""
        with self.database.transaction() as tx:
            locks.lock_name(tx, "the first account")
            if key is None:
                there = tx.one(account.select().order_by(account.c.id).limit(1))
            else:
                there = accounts.authenticate(tx, key)
            if there is None:
                there = accounts.open_account(
                    tx,
                    key=self.clock.token(_KEY_BITS) if key is None else key,
                    balance_cents=self._balance_cents,
                )
            return str(there.api_key)


def _is_whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def _address(database: str | Path | None) -> str:
    """Write the address of a database; what has no ``://`` in it is a file."""
    if database is None:
        return MEMORY
    if isinstance(database, str) and "://" in database:
        return database
    return f"sqlite:///{quote(str(Path(database).absolute()))}"
