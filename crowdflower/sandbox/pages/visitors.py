"""Who it is that comes back: a contributor is known by a cookie that nobody can guess."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.store.tables import message, worker
from crowdflower.states import INTERNAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

LONGEST_NAME: Final = 100


def welcome(tx: Transaction, name: str, address: str | None) -> str:
    """Let somebody in who was never here; they come from the requester's own channel.

    :param name: What they call themselves; the requester sees it.
    :param address: Of their machine.
    :returns: What their browser shows from now on to be known.
    :raises Invalid: That is no name.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid(f"Say who you are, in {LONGEST_NAME} characters at most.")
    token = tx.clock.token()
    joined = workers.join(tx, channel=INTERNAL, display_name=name, ip=address)
    tx.run(update(worker).where(worker.c.id == joined.id).values(token_hash=_digest(token)))
    return token


def known(tx: Transaction, token: str | None) -> Row[Any] | None:
    """Find the contributor whose browser shows this, if there is one."""
    if not token:
        return None
    found: Row[Any] | None = tx.one(select(worker).where(worker.c.token_hash == _digest(token)))
    return found


def unread(tx: Transaction, worker_id: int) -> Sequence[str]:
    """Give the messages that a contributor has not seen yet; now they have."""
    theirs = (message.c.worker_id == worker_id, message.c.read_at.is_(None))
    texts = [row.text for row in tx.all(select(message).where(*theirs).order_by(message.c.id))]
    if texts:
        tx.run(update(message).where(*theirs).values(read_at=tx.clock.now()))
    return texts


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
