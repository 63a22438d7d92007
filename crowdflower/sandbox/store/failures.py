"""What a database may fail at. Nothing of the transaction happened then, but for the last of these.

.. code-block:: text

    StoreFailure
    ├── Busy          503   somebody else is writing, for longer than anybody waits
    ├── Full          507   there is no room for what was to be written
    ├── Unusable      503   the data is not where it was, or not what it was
    ├── Unreachable   503   the server of the database does not answer
    └── Unconfirmed   500   it went away before it said whether it did what it was told
"""

from __future__ import annotations


class StoreFailure(RuntimeError):
    """The database could not do it; the message says what to do.

    It is no refusal: rules may go on after one of those, and after this there is no transaction.
    """

    status = 503
    """What a server answers with."""

    retry_after: int | None = None
    """Seconds after which it may be worth to try again, if it may be."""


class Busy(StoreFailure):
    """Somebody else is writing, and did not finish while anybody would wait."""

    retry_after = 5


class Full(StoreFailure):
    """The disk is full, or does not take what is written."""

    status = 507


class Unusable(StoreFailure):
    """The data is gone, damaged, somebody else's, or may not be changed."""


class SchemaMismatch(Unusable):
    """The data was not made by this version of the sandbox; it is left as it is."""


class Unreachable(StoreFailure):
    """The server of the database does not answer, or ended the connection."""

    retry_after = 5


class Unconfirmed(StoreFailure):
    """The connection was lost during the commit: all of it happened, or nothing.

    Who sent it under a key may send it again; others have to look.
    """

    status = 500

    def __init__(self) -> None:
        super().__init__(
            "The connection to the database was lost before it said whether this was done. Look"
            " before you send it again, or send it under an Idempotency-Key."
        )
