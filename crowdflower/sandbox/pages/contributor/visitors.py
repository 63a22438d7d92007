"""Contributors who work in a browser, recognized by a secret token in a cookie.

A person may use several browsers: the token of the first one is that of the contributor, each
other one is a device, signed in by a link. Only hashes of tokens are stored.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import delete, select, update

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.store.contributor_tables import device
from crowdflower.sandbox.store.tables import worker
from crowdflower.states import INTERNAL

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

MAX_NAME_LENGTH: Final = 100


class Visitor(NamedTuple):
    """A contributor in one of their browsers."""

    worker: Row[Any]

    form_token: str
    """Secret of this browser, which the forms on its pages send back."""

    @property
    def name(self) -> str:
        """What they call themselves."""
        return str(self.worker.display_name or self.worker.id)


def register(tx: Transaction, name: str, ip: str | None) -> str:
    """Create a contributor, on the requester's own channel.

    :param name: What they call themselves; the requester sees it.
    :returns: The token for their cookie.
    :raises Invalid: The name is empty, too long, or has control characters.
    """
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        text = gettext("Please enter your name, with at most %(number)d characters.")
        raise Invalid(text % {"number": MAX_NAME_LENGTH})
    token = tx.clock.token()
    created = workers.join(tx, channel=INTERNAL, display_name=name, ip=ip)
    tx.run(update(worker).where(worker.c.id == created.id).values(token_hash=digest(token)))
    return token


def find(tx: Transaction, token: str | None) -> Visitor | None:
    """Return the contributor whose browser has this token, if there is one."""
    if not token:
        return None
    hashed = digest(token)
    found: Row[Any] | None = tx.one(select(worker).where(worker.c.token_hash == hashed))
    if found is None:
        of_device = select(worker).join(device, device.c.worker_id == worker.c.id)
        found = tx.one(of_device.where(device.c.token_hash == hashed))
    return None if found is None else Visitor(found, digest(f"forms of {token}"))


def sign_out(tx: Transaction, token: str) -> None:
    """Make the token of a browser worthless; other browsers of the person stay signed in."""
    hashed = digest(token)
    tx.run(update(worker).where(worker.c.token_hash == hashed).values(token_hash=None))
    tx.run(delete(device).where(device.c.token_hash == hashed))


def digest(token: str) -> str:
    """Return the hash of a token, as it is stored."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()
