"""Make payments at most once: record each in the journal, send it once, look it up if needed.

A payment whose outcome is unknown stays open in the journal until the account shows it, or a person
resolves it. Only :meth:`Operations.repeat` sends it a second time, to a service that recognises it
by its idempotency key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any, Final, Literal, TypeVar
from uuid import uuid4

from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    InvalidInput,
    JournalError,
    NotAcceptable,
    NotSentError,
    OutcomeUnknown,
    OverBudget,
    RefusedError,
    ServiceWarning,
    TransportError,
    warn,
)
from crowdflower.http.base_client import BaseClient, Clock
from crowdflower.http.encoding import is_encodable
from crowdflower.http.polling import delays_until, poll
from crowdflower.http.responses import MAX_MESSAGE
from crowdflower.http.transport import IDEMPOTENCY_KEY
from crowdflower.models.arguments import check_cents
from crowdflower.payments.accounts import Account
from crowdflower.payments.journal import Journal, check_same, duplicate
from crowdflower.payments.kinds import KINDS, Launch
from crowdflower.payments.launch_problems import find_problems
from crowdflower.payments.payment import Payment
from crowdflower.payments.pricing import pick
from crowdflower.payments.records import (
    PENDING,
    Applied,
    DryRun,
    Finding,
    Operation,
    PaymentPattern,
    State,
    recorded_finding,
)
from crowdflower.payments.recovery.earlier_payments import finish_earlier

T = TypeVar("T")

POLL_DELAYS: Final = (1, 2, 4, 8, 15, 30, 60)
"""Seconds between two reads in :meth:`Operations.reconcile`, the last one repeated: the counts of
the service are updated with a delay."""


class Operations:
    """The payments of a client: makes them, and finds out whether they were made.

    :param journal: Where they are recorded.
    :param max_spend_cents: What this client may spend in all, in US cents; each payment counts with
        what it costs at most.
    """

    def __init__(
        self, client: BaseClient, journal: Journal, *, max_spend_cents: int | None = None
    ) -> None:
        if max_spend_cents is not None:
            check_cents("max_spend_cents", max_spend_cents, ConfigError)
        self.journal = journal
        self._client = client
        self.account = Account(client, journal)
        """The account, as the journal names it."""
        self._max_spend_cents = max_spend_cents
        self._spent = 0
        self._lock = Lock()

    def pay(
        self, payment: Payment[T], *, key: str | None = None, max_cost_cents: int | None = None
    ) -> T:
        """Make a payment: record it, then send one request.

        :param payment: One of :mod:`crowdflower.payments.kinds`.
        :param key: Your name for this payment, which is made at most once (an idempotency key).
        :param max_cost_cents: What it may cost at most, in US cents.
        :raises DuplicateOperation: A payment with this key was started before.
        :raises OverBudget: The payment may cost more than ``max_cost_cents``, or than this client
            may still spend.
        :raises JournalError: The journal cannot be written; nothing was sent.
        :raises OutcomeUnknown: The request was sent, and the payment may have been made.
        :raises TransportError: A read before the payment failed; nothing was sent.
        """
        if key is not None:
            _check_key(key)
        if max_cost_cents is not None:
            check_cents("max_cost_cents", max_cost_cents)
        operation = self.journal.prepare(self._new_operation(payment, key), payment.pattern)
        try:
            before = self.read_fields(type(payment), payment.path)
            problems = find_problems(payment, before)
            for problem in problems:
                warn(problem)
            cents = self._reserve(payment, before, max_cost_cents)
        except BaseException as error:
            self._settle(operation, "rejected", f"not sent, {type(error).__name__}")
            raise
        try:
            operation = self.journal.send(operation.op_id, before, cents)
        except JournalError:
            self._spend(-(cents or 0))
            raise
        return self._send(payment, operation, problems)

    def preview(self, payment: Payment[Any]) -> DryRun:
        """Return the request of a payment; sends and records nothing."""
        request = self._client.transport.prepare(
            payment.method, payment.path, body=payment.body, headers=payment.headers
        )
        return DryRun(
            payment.method, str(request.url), dict(request.headers), payment.body.decode("ascii")
        )

    # An earlier payment with the same key

    def find_earlier(
        self, key: str, pattern: PaymentPattern, on_duplicate: str = "raise"
    ) -> Operation | None:
        """Return the payment that was made under a key; ``None`` if the key is free.

        :param on_duplicate: ``return`` finds out first whether it was made.
        :raises InvalidInput: The key names another payment.
        :raises DuplicateOperation: The key is in use, with ``raise``.
        :raises OutcomeUnknown: It was sent, and whether it was made is unknown, with ``return``.
        """
        _check_key(key)
        found = self.journal.find(self.account.name(), key) if self.journal.exists else None
        if found is None:
            return None
        check_same(found, pattern)
        if on_duplicate == "raise":
            raise duplicate(found)
        return finish_earlier(self, found)

    def repeat(self, operation: Operation) -> Operation:
        """Send a launch again whose outcome is unknown; only if the service remembers its key."""
        launch = Launch.of(operation)
        # Its cost was reserved by the process that sent it first.
        self._send(launch, replace(operation, cents=None), is_repeat=True)
        return self.journal.get(operation.op_id)

    @property
    def left_to_spend(self) -> int | None:
        """What this client may still spend, in US cents; ``None`` without a limit."""
        return None if self._max_spend_cents is None else self._max_spend_cents - self._spent

    @property
    def remembers_keys(self) -> bool:
        """Whether the service has announced that it remembers idempotency keys."""
        return self._client.transport.honours_keys

    @property
    def clock(self) -> Clock:
        """The clock of the client."""
        return self._client.clock

    # After a lost response or a crash

    def pending(self) -> list[Operation]:
        """Return payments of this account whose outcome is unknown.

        Their response was lost, or the process ended before it could be recorded: check them after
        a restart. A payment made with an earlier key of the account is one of them.

        >>> client.operations.pending()
        []
        """
        return [each for each in self.journal.pending() if self.account.owns(each)]

    def reconcile(self, op_id: str, wait: float = 120) -> Finding:
        """Poll the service until it shows whether a pending payment was made; pays nothing.

        :class:`~crowdflower.payments.records.Applied` is recorded in the journal. Any other finding
        leaves the payment pending, for :meth:`resolve`.

        :param wait: Seconds to wait for the effect of the payment.
        :raises InvalidInput: No operation has this id, or it is a payment of another account.
        """
        operation = self.journal.get(op_id)
        self.account.check(operation)
        kind = KINDS[operation.name]
        clock = self._client.clock
        after: Mapping[str, Any] = {}
        for _ in poll(clock, delays_until(clock, clock.monotonic() + wait, POLL_DELAYS)):
            operation = self.journal.get(op_id)  # another process may wait for its response
            if operation.result is not None and operation.state in PENDING:
                operation = self.journal.settle(op_id, "applied", "the service had answered")
            if operation.state not in {"sent", "unknown"}:
                return recorded_finding(operation)
            try:
                after = self.read_fields(kind, operation.path)
            except TransportError:
                after = {}
            others = self.journal.beside(operation, anywhere=kind.account_wide)
            finding = kind.judge(operation, after, alone=not others)
            if isinstance(finding, Applied):
                self.journal.settle(op_id, "applied", finding.evidence)
            if finding is not None:
                return finding
        return kind.judge_timeout(operation, after)

    def resolve(
        self, op_id: str, outcome: Literal["applied", "not_applied"], *, note: str = ""
    ) -> Operation:
        """Record what you found out about a pending payment.

        :param outcome: ``not_applied`` frees its key: it may be paid again.
        :param note: How you know.
        :raises InvalidInput: No operation has this id, it is not pending, or it is a payment of
            another account.
        """
        self.account.check(self.journal.get(op_id))
        return self.journal.resolve(op_id, outcome, note)

    # One request

    def _send(
        self,
        payment: Payment[T],
        operation: Operation,
        told: Iterable[str] = (),
        *,
        is_repeat: bool = False,
    ) -> T:
        """Send a payment once, and record its outcome.

        The warnings of the service come last, and say that the payment was made: they may be
        exceptions. Those in ``told`` were issued before.

        What is not caught here, such as an interrupt, leaves it as ``sent`` in the journal.
        """
        answer = None
        try:
            answer = self._client.request(
                payment.method,
                payment.path,
                payment.expected,
                data=payment.body,
                headers={**payment.headers, IDEMPOTENCY_KEY: operation.op_id},
                warns=False,  # a warning may be an exception, and the journal comes first
            )
            result, status = payment.read(answer), answer.response.status_code
        except OutcomeUnknown as error:
            lost = error
        except NotAcceptable as error:  # some services pay, and then cannot render the response
            lost = OutcomeUnknown(
                f"{error}. The change may have been made all the same",
                evidence="answered with status 406, NotAcceptable",
                phase="answered",
                request=error.request,
                response=error.response,
            )
        except (NotSentError, RefusedError, InvalidInput) as error:
            if not is_repeat or isinstance(error, RefusedError):  # else the first one is open
                self._spend(-(operation.cents or 0))
                self._settle(operation, "rejected", f"{type(error).__name__}: {error}")
            raise
        else:
            self._settle(operation, "applied", f"status {status}", result)
            topics = set(map(_topic, told))
            done = payment.describe_done(result)
            for text in answer.warnings:
                if _topic(text) not in topics:
                    warn(f"{text.rstrip('.')[:MAX_MESSAGE]}; {done}", ServiceWarning)
            return result
        answer = None  # a traceback shows local variables, and the response may contain the key
        raise self._record_unknown(operation, lost)

    def _record_unknown(self, operation: Operation, lost: OutcomeUnknown) -> OutcomeUnknown:
        """Record that the outcome is unknown; return the error that can reconcile it."""
        if lost.response is not None:
            self._client.transport.reader.conceal(lost.response)
        operation = self._settle(operation, "unknown", lost.evidence)
        unknown = OutcomeUnknown(
            f"{lost}. It may have been paid: error.reconcile() looks, and does not pay"
            f" ({operation.name}, operation {operation.op_id})",
            evidence=lost.evidence,
            phase=lost.phase,
            operation=operation,
            request=lost.request,
            response=lost.response,
        )
        unknown._reconciler = partial(self.reconcile, operation.op_id)  # noqa: SLF001 - set here only
        return unknown

    def _new_operation(self, payment: Payment[Any], key: str | None) -> Operation:
        return Operation(
            payment.idempotency_key or str(uuid4()),
            payment.name,
            self.account.name(),
            payment.method,
            payment.path,
            payment.body.decode("ascii"),
            key,
        )

    def _settle(
        self, operation: Operation, state: State, evidence: str, result: object = None
    ) -> Operation:
        """Record an outcome; if that fails, warn: the journal then knows less, never wrong."""
        try:
            if isinstance(result, dict):
                shown = self._client.transport.key.mask_json(result)
                self.journal.keep_result(operation.op_id, shown)
            return self.journal.settle(operation.op_id, state, evidence)
        except JournalError as error:
            warn(
                f"{operation.name} {operation.op_id} is {state}, but the journal could not record"
                f" that: {error}",
            )
            return operation

    # Effect and cost

    def read_fields(self, kind: type[Payment[Any]], path: str) -> dict[str, Any]:
        """Read the fields that a payment changes; what the service does not show is left out."""
        fields: dict[str, Any] = {}
        for place, names in kind.fields_to_read(path).items():
            try:
                body = self._client.request("GET", place).body
            except TransportError:
                raise
            except ApiError:
                continue
            if isinstance(body, dict):
                fields |= pick(body, names)
        return fields

    def _reserve(
        self, payment: Payment[Any], before: Mapping[str, Any], max_cost_cents: int | None
    ) -> int | None:
        """Count the price of a payment as spent, if the limits allow it; return the price."""
        try:
            cents = payment.price(before)
        except InvalidInput as error:
            if max_cost_cents is None and self._max_spend_cents is None:
                return None
            problem = f"{error}; so it may cost more than is allowed"
        else:
            if max_cost_cents is None or cents <= max_cost_cents:
                self._spend(cents)
                return cents
            problem = (
                f"{payment.name} may cost {cents} cents, and max_cost_cents is {max_cost_cents}"
            )
        raise OverBudget(f"{problem}; nothing was sent")

    def _spend(self, cents: int) -> None:
        with self._lock:
            limit = self._max_spend_cents
            if limit is not None and self._spent + cents > limit:
                problem = (
                    f"it may cost {cents} cents after {self._spent} that were spent, and"
                    f" max_spend_cents is {limit}; nothing was sent"
                )
            else:
                self._spent += cents
                return
        raise OverBudget(problem)


def _topic(problem: str) -> str:
    """Return what a problem is, without its details: the service may know more of them.

    >>> _topic("No contributor will be tested: the job has 4 test questions.")
    'no contributor will be tested'
    """
    return problem.partition(":")[0].rstrip(".").lower()


def _check_key(key: object) -> None:
    if not isinstance(key, str) or not key or not is_encodable(key):
        raise InvalidInput(
            f"a key must be a non-empty string such as 'bonus:may:5', not {key!r:.80}"
        )
