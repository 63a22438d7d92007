"""Errors of the database. Except for ``Unconfirmed``, the transaction was rolled back.

.. code-block:: text

    StoreFailure
    ├── Busy          503   another transaction held a lock for longer than the timeout
    ├── Full          507   the disk is full or refuses writes
    ├── Unusable      503   the data is missing, damaged, read-only or not the sandbox's
    ├── Unreachable   503   the database server does not respond
    └── Unconfirmed   500   the connection was lost during the commit
"""

from __future__ import annotations


class StoreFailure(RuntimeError):
    """The database failed; the message says what to do.

    Unlike a refusal (:mod:`crowdflower.sandbox.errors`), it ends the transaction: a rule that
    catches it cannot go on.
    """

    status = 503
    """HTTP status of the response."""

    retry_after: int | None = None
    """Seconds to wait before a retry; ``None`` when a retry does not help."""


class Busy(StoreFailure):
    """Another transaction held a lock for longer than the timeout."""

    retry_after = 5


class Full(StoreFailure):
    """The disk is full, or refuses writes."""

    status = 507


class Unusable(StoreFailure):
    """The data is missing, damaged, read-only, or not the sandbox's."""


class SchemaMismatch(Unusable):
    """The tables are not those of this version of the sandbox; they were not changed."""


class Unreachable(StoreFailure):
    """The database server does not respond, or closed the connection."""

    retry_after = 5


class Unconfirmed(StoreFailure):
    """The connection was lost during the commit, so it is unknown whether it happened.

    A request with an idempotency key may be sent again; for any other, check the data first.
    """

    status = 500

    def __init__(self) -> None:
        super().__init__(
            "The connection to the database was lost during the commit, so it is unknown whether"
            " this was done. Check before you send it again, or send it with an Idempotency-Key."
        )
