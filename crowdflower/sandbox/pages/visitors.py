"""Contributors who work in a browser, recognized by a secret token in a cookie."""

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

MAX_NAME_LENGTH: Final = 100


def register(tx: Transaction, name: str, ip: str | None) -> str:
    """Create a contributor, on the requester's own channel.

    :param name: What they call themselves; the requester sees it.
    :returns: The token for their cookie.
    :raises Invalid: The name is empty, too long, or has control characters.
    """
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise Invalid(f"Please enter your name, with at most {MAX_NAME_LENGTH} characters.")
    token = tx.clock.token()
    created = workers.join(tx, channel=INTERNAL, display_name=name, ip=ip)
    tx.run(update(worker).where(worker.c.id == created.id).values(token_hash=_digest(token)))
    return token


def find(tx: Transaction, token: str | None) -> Row[Any] | None:
    """Return the contributor with this token, if there is one."""
    if not token:
        return None
    found: Row[Any] | None = tx.one(select(worker).where(worker.c.token_hash == _digest(token)))
    return found


def take_unread_messages(tx: Transaction, worker_id: int) -> Sequence[str]:
    """Return a contributor's unread messages, and mark them as read."""
    unread = (message.c.worker_id == worker_id, message.c.read_at.is_(None))
    texts = [row.text for row in tx.all(select(message).where(*unread).order_by(message.c.id))]
    if texts:
        tx.run(update(message).where(*unread).values(read_at=tx.clock.now()))
    return texts


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
