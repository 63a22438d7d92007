"""Find out whether an earlier payment with the same key was made; finish it where that is safe.

A payment that was never sent frees its key. One that was sent is looked for. If it does not show,
it is sent again only to a service that remembers idempotency keys, under its own: there, the second
request pays nothing if the first one has paid.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from crowdflower.exceptions import OutcomeUnknown, RefusedError
from crowdflower.http.encoding import timestamp
from crowdflower.http.polling import poll
from crowdflower.payments.kinds import Launch
from crowdflower.payments.records import PENDING, Applied, Finding, Operation

if TYPE_CHECKING:
    from crowdflower.payments.operations import Operations

LIVE_DELAYS: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5)
"""Seconds between two looks at a payment that another process may be making."""

KEY_LIFETIME: Final = timedelta(hours=23)
"""How long a service certainly remembers an idempotency key: a day, less an hour for clocks."""


def finish_earlier(operations: Operations, operation: Operation) -> Operation | None:
    """Return an earlier payment if it was made; ``None`` if it was not, so that its key is free.

    :raises OutcomeUnknown: It was sent, and neither shows nor may be sent again.
    """
    operation = _wait_for_others(operations, operation)
    if operation.state == "prepared":
        evidence = "not sent: its process ended, or had to make way for another one"
        operation = operations.journal.reject_unsent(operation.op_id, evidence)
    if operation.state in PENDING:
        finding = operations.reconcile(operation.op_id, wait=0)
        may_repeat = operations.remembers_keys and _is_remembered(operations, operation)
        if not isinstance(finding, Applied) and not may_repeat:
            finding = operations.reconcile(operation.op_id)
        operation = operations.journal.get(operation.op_id)
        if operation.state in PENDING:
            if not may_repeat:
                raise _undecided(operations, operation, finding)
            with suppress(RefusedError):  # then the first one was not made either
                return operations.repeat(operation)
            return None
    return operation if operation.state == "applied" else None


def shared_key(operations: Operations, name: str, key: str) -> str:
    """Return the idempotency key by which a service knows a payment of any process.

    :param key: The caller's key.
    """
    text = "\n".join((operations.account.fingerprints[0], name, key))
    return sha256(text.encode()).hexdigest()


def _wait_for_others(operations: Operations, operation: Operation) -> Operation:
    """Wait a moment for a process that may be making the payment right now."""
    for _ in poll(operations.clock, LIVE_DELAYS):
        operation = operations.journal.get(operation.op_id)
        if operation.state not in {"prepared", "sent"}:
            break
    return operation


def _is_remembered(operations: Operations, operation: Operation) -> bool:
    """Return whether the service still knows the idempotency key of a launch, by both clocks."""
    if operation.name != Launch.name or operation.sent_at is None:
        return False
    age = datetime.now(UTC) - operation.sent_at
    ages = [age, _age_by_service(operations, operation)]
    return timedelta() <= age and all(each < KEY_LIFETIME for each in ages)


def _age_by_service(operations: Operations, operation: Operation) -> timedelta:
    """Return how much later the job was changed than before the payment, by the service's clock.

    The clock of a sandbox can be set forward by days.
    """
    times = []
    for fields in (operation.before, operations.read_fields(Launch, operation.path)):
        try:
            times.append(timestamp(str(fields["updated_at"])))
        except (KeyError, ValueError):
            return timedelta()
    return times[1] - times[0]


def _undecided(operations: Operations, operation: Operation, finding: Finding) -> OutcomeUnknown:
    sent_at = "" if operation.sent_at is None else f" at {operation.sent_at:%Y-%m-%d %H:%M} UTC"
    unknown = OutcomeUnknown(
        f"the {operation.name} with the key {operation.key!r} was sent{sent_at}, and whether it was"
        f" paid is not known: {finding.evidence}. It was not sent again; look at the job, then call"
        f" client.operations.resolve({operation.op_id!r}, 'applied'), or 'not_applied' to free the"
        " key",
        evidence=finding.evidence,
        phase="sent",
        operation=operation,
    )
    unknown._reconciler = partial(operations.reconcile, operation.op_id)  # noqa: SLF001 - set here only
    return unknown
