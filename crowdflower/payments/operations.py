"""A payment at most once: journalled, sent once, and looked for where its answer was lost.

No payment is ever begun again here. What is not known stays open in the journal until a look at the
account, or a person, settles it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain, repeat
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
    TransportError,
    warn,
)
from crowdflower.http.base_client import Caller
from crowdflower.http.encoding import can_be_written
from crowdflower.http.responses import Answer
from crowdflower.http.transport import KEY, Expected
from crowdflower.payments.journal import Journal, Operation, State
from crowdflower.payments.kinds import DryRun, Payment
from crowdflower.payments.records import Applied, Finding, NotSeen, judged, places, unseen

T = TypeVar("T")

SETTLING: Final = (1, 2, 4, 8, 15, 30, 60)
"""Seconds between two looks: counts lag behind what they count."""


class Operations:
    """The payments of a client: made here, and found again here.

    :param journal: Where they are written down.
    :param max_spend_cents: What this client may spend in all, estimates included.
    """

    def __init__(
        self, caller: Caller, journal: Journal, *, max_spend_cents: int | None = None
    ) -> None:
        if max_spend_cents is not None:
            _check_limit("max_spend_cents", max_spend_cents, ConfigError)
        self.journal = journal
        self._caller = caller
        self._most = max_spend_cents
        self._spent = 0
        self._lock = Lock()

    def pay(
        self,
        payment: Payment,
        read: Callable[[Answer], T],
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
    ) -> T:
        """Make a payment: one request, written down before it is sent.

        :param read: Makes of the answer what the caller returns.
        :param key: The caller's name for this payment; there is never a second one of it.
        :param max_cost_cents: What it may cost at most.
        :raises DuplicateOperation: A payment of this name was begun before.
        :raises OverBudget: It may cost more than it or this client may.
        :raises JournalError: It cannot be written down; nothing was sent.
        :raises OutcomeUnknown: It was sent, and may have been paid.
        :raises TransportError: Nothing was sent.
        """
        if key is not None and not _is_name(key):
            raise InvalidInput(f"a key is a name, such as 'bonus:may:5', not {key!r:.80}")
        if max_cost_cents is not None:
            _check_limit("max_cost_cents", max_cost_cents, InvalidInput)
        operation = self.journal.prepare(self._operation(payment, key))
        try:
            before = self._look(operation)
            cents = self._reserved(payment, before, max_cost_cents)
        except BaseException as error:
            self._settle(operation, "rejected", f"not sent, {type(error).__name__}")
            raise
        try:
            operation = self.journal.send(operation.op_id, before, cents)
        except JournalError:
            self._spend(-(cents or 0))
            raise
        return self._sent(payment, operation, read)

    def preview(self, payment: Payment) -> DryRun:
        """Return the request of a payment as it would be sent; sends and writes nothing."""
        request = self._caller.transport.prepared(
            payment.method, payment.path, body=payment.body, headers=payment.headers
        )
        return DryRun(
            payment.method, str(request.url), dict(request.headers), payment.body.decode("ascii")
        )

    # Afterwards

    def pending(self) -> list[Operation]:
        """Return the payments of this account of which it is open whether they were made.

        Beside those whose answer was lost, these are the ones that a process left behind when it
        was ended: look at them after a restart.

        >>> client.operations.pending()
        []
        """
        return self.journal.pending(self._caller.transport.account)

    def reconcile(self, op_id: str, wait: float = 120) -> Finding:
        """Look whether an open payment was made, as often as it takes; pays nothing.

        An :class:`~crowdflower.payments.records.Applied` is written down. All else leaves the
        payment open, for :meth:`resolve`.

        :param wait: Seconds after which what was not seen counts as not seen.
        :raises InvalidInput: There is no such operation.
        """
        operation = self.journal.get(op_id)
        if operation.state == "prepared":
            return NotSeen("it was not sent: the journal would say so")
        if operation.state in {"applied", "rejected", "not_applied"}:
            kind = Applied if operation.state == "applied" else NotSeen
            return kind(operation.evidence or operation.note or operation.state)
        clock = self._caller.clock
        over = clock.monotonic() + wait
        for pause in chain(SETTLING, repeat(SETTLING[-1])):
            after = self._seen(operation)
            beside = self.journal.beside(operation, anywhere=operation.name == "bonus")
            finding = judged(operation, after, alone=not beside)
            if isinstance(finding, Applied):
                self.journal.settle(op_id, "applied", finding.evidence)
            if finding is not None:
                return finding
            left = over - clock.monotonic()
            if left <= 0:
                break
            clock.sleep(min(pause, left))
        return unseen(operation, after)

    def resolve(
        self, op_id: str, outcome: Literal["applied", "not_applied"], *, note: str = ""
    ) -> Operation:
        """Write down what you found out about an open payment.

        :param outcome: ``not_applied`` makes its key free: it may be paid again.
        :param note: How you know.
        :raises InvalidInput: There is no such operation, or it is not open.
        """
        return self.journal.resolve(op_id, outcome, note)

    # One request

    def _sent(self, payment: Payment, operation: Operation, read: Callable[[Answer], T]) -> T:
        # What is not caught here, such as an interrupt, leaves the journal saying "sent".
        try:
            result, status = self._made(payment, operation, read)
        except OutcomeUnknown as error:
            lost = error
        except NotAcceptable as error:  # some services pay, and then find no form for the answer
            lost = OutcomeUnknown(
                f"{error}. The change may have been made all the same",
                evidence="answered with status 406, NotAcceptable",
                phase="answered",
                request=error.request,
                response=error.response,
            )
        except (NotSentError, RefusedError, InvalidInput) as error:
            self._spend(-(operation.cents or 0))
            self._settle(operation, "rejected", _evidence(error))
            raise
        else:
            self._settle(operation, "applied", f"status {status}")
            return result
        if lost.response is not None:
            self._caller.transport.conceal(lost.response)
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
        unknown._reconciler = partial(self.reconcile, operation.op_id)  # noqa: SLF001 - its maker
        raise unknown

    def _made(
        self, payment: Payment, operation: Operation, read: Callable[[Answer], T]
    ) -> tuple[T, int]:
        answer = self._caller.request(
            payment.method,
            payment.path,
            payment.expected,
            body=payment.body,
            headers={**payment.headers, KEY: operation.op_id},
        )
        return read(answer), answer.response.status_code

    def _operation(self, payment: Payment, key: str | None) -> Operation:
        return Operation(
            str(uuid4()),
            payment.name,
            self._caller.transport.account,
            payment.method,
            payment.path,
            payment.body.decode("ascii"),
            key,
        )

    def _settle(self, operation: Operation, state: State, evidence: str) -> Operation:
        """Write down what became of it; where that fails, what is written says too little, only."""
        try:
            return self.journal.settle(operation.op_id, state, evidence)
        except JournalError as error:
            warn(
                f"{operation.name} {operation.op_id} is {state}, which the journal does not know:"
                f" {error}",
            )
            return operation

    # What it changes, and what it costs

    def _look(self, operation: Operation) -> dict[str, Any]:
        """Read what a payment will change; what the server does not show is left out."""
        seen: dict[str, Any] = {}
        for path, names in places(operation).items():
            try:
                body = self._caller.request(
                    "GET", path, Expected(), headers={"Accept": "application/json"}
                ).body
            except TransportError:
                raise
            except ApiError:
                continue
            if isinstance(body, dict):
                seen |= {name: body[name] for name in names if name in body}
        return seen

    def _seen(self, operation: Operation) -> dict[str, Any]:
        try:
            return self._look(operation)
        except TransportError:
            return {}

    def _reserved(
        self, payment: Payment, before: Mapping[str, Any], max_cost_cents: int | None
    ) -> int | None:
        """Count what it may cost as spent, if it may be spent; return it."""
        try:
            cents = payment.price(before)
        except InvalidInput as error:
            if max_cost_cents is None and self._most is None:
                return None
            problem = f"{error}; so it may cost more than was allowed"
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
            if self._most is not None and self._spent + cents > self._most:
                problem = (
                    f"it may cost {cents} cents after {self._spent} that were spent, and"
                    f" max_spend_cents is {self._most}; nothing was sent"
                )
            else:
                self._spent += cents
                return
        raise OverBudget(problem)


def _evidence(error: ApiError) -> str:
    return f"{type(error).__name__}: {error}"


def _is_name(key: object) -> bool:
    return isinstance(key, str) and bool(key) and can_be_written(key)


def _check_limit(name: str, value: object, kind: type[ApiError]) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise kind(f"{name} is a whole number of US cents, not {value!r}")
