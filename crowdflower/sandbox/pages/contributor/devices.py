"""One-time links that sign another browser in as the same contributor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, or_, select, update

from crowdflower.sandbox.pages.contributor.visitors import digest
from crowdflower.sandbox.store.contributor_tables import device, sign_in_link
from crowdflower.sandbox.store.tables import worker

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

LINK_LIFETIME: Final = 600
"""Seconds for which a one-time link can be used."""


def make_link(tx: Transaction, worker_id: int) -> str:
    """Make a one-time link; an earlier one that was not used becomes worthless.

    :returns: Its token, of which only a hash is stored.
    """
    now, token = tx.clock.now(), tx.clock.token()
    is_earlier = (sign_in_link.c.worker_id == worker_id) & sign_in_link.c.used_at.is_(None)
    tx.run(delete(sign_in_link).where(or_(is_earlier, sign_in_link.c.expires_at <= now)))
    values = {"token_hash": digest(token), "worker_id": worker_id}
    tx.run(insert(sign_in_link), {**values, "expires_at": now + LINK_LIFETIME})
    return token


def find_owner(tx: Transaction, token: str) -> Row[Any] | None:
    """Return the contributor who made a link; ``None`` if it cannot be used any more."""
    query = select(worker).join(sign_in_link, sign_in_link.c.worker_id == worker.c.id)
    found: Row[Any] | None = tx.one(query.where(*_is_usable(tx, token)))
    return found


def use_link(tx: Transaction, token: str) -> str | None:
    """Use a link up, and add a browser to those of its contributor.

    :returns: The token for the cookie of that browser; ``None`` if the link cannot be used.
    """
    owner = find_owner(tx, token)
    used = update(sign_in_link).where(*_is_usable(tx, token)).values(used_at=tx.clock.now())
    if owner is None or not tx.run(used):
        return None
    new, now = tx.clock.token(), tx.clock.now()
    values = {"token_hash": digest(new), "worker_id": owner.id, "created_at": now}
    tx.run(insert(device), values)
    return new


def _is_usable(tx: Transaction, token: str) -> tuple[Any, ...]:
    return (
        sign_in_link.c.token_hash == digest(token),
        sign_in_link.c.used_at.is_(None),
        sign_in_link.c.expires_at > tx.clock.now(),
    )
