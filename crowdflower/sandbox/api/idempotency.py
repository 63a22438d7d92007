"""A request that was sent twice happens once: what it was answered is kept beside what it did.

A sender who does not know whether a request arrived sends it again under the same
``Idempotency-Key``. Key, effect and answer are committed together, so either all of them are there,
or none is and the request happens now. A day later the key is forgotten, and the same request would
happen anew.

Sources: Stripe, `Idempotent requests <https://docs.stripe.com/api/idempotent_requests>`_, on keys
that may be thrown away once they are 24 hours old; IETF, `The Idempotency-Key HTTP Header Field
<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>`_. The hosted service
is not known to honour it; a client learns from the header :data:`ANNOUNCEMENT` who does.
"""

from __future__ import annotations

import io
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select

from crowdflower.sandbox.api.call import Reply
from crowdflower.sandbox.errors import BadRequest, Invalid
from crowdflower.sandbox.store.column_types import encode
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.outbox import kept_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.sandbox.api.call import Answer, Call

HEADER: Final = "Idempotency-Key"

ANNOUNCEMENT: Final = ("X-CrowdFlower-Idempotency", "1")
"""What every answer says, so that clients know that they may repeat."""

REPEATED: Final = ("Idempotent-Replayed", "true")
"""What an answer says that was given before."""

LONGEST: Final = 255
"""Characters of a key."""

KEPT: Final = 24 * 60 * 60.0
"""Seconds for which an answer is repeated."""

_SUCCESS: Final = 400
_BLOCK: Final = 256 * 1024


class Digested(io.RawIOBase):
    """Reads a file, and knows afterwards what it was.

    >>> file = Digested(io.BytesIO(b"a row"))
    >>> file.read(), file.digest() == sha256(b"a row").hexdigest()
    (b'a row', True)
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._seen = sha256()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read some of it."""
        block = self._file.read(len(buffer))
        self._seen.update(block)
        buffer[: len(block)] = block
        return len(block)

    def digest(self) -> str:
        """Read the rest, and name the whole."""
        while self.read(_BLOCK):
            pass
        return self._seen.hexdigest()


def answer(call: Call, key: str, asked: str, body: Digested, do: Callable[[], Answer]) -> Answer:
    """Do what is asked under a key, or repeat what it was answered.

    A refusal did nothing, so it is not kept: the same request may succeed the next time.

    :param key: What the sender calls this request.
    :param asked: Verb and path.
    :param body: What ``call.body`` reads from.
    :param do: Does it.
    :raises BadRequest: The key is too long, or not made of visible characters.
    :raises Invalid: The key belongs to another request.
    """
    if len(key) > LONGEST or not key.isascii() or not key.isprintable():
        raise BadRequest(f"{HEADER} has to be 1 to {LONGEST} visible ASCII characters.")
    # Who comes second, before the first is through, would find no answer and act on what it left.
    locks.lock_name(call.tx, f"key {call.account.id} {key}")
    is_it = (kept_answer.c.account_id == call.account.id, kept_answer.c.key == key)
    forgotten = kept_answer.c.created_at <= call.tx.clock.now() - KEPT
    kept = call.tx.one(select(kept_answer).where(*is_it, ~forgotten))
    if kept is None:
        reply = _reply(do())
        if reply.status < _SUCCESS:
            call.tx.run(delete(kept_answer).where(forgotten))
            _keep(call, key, _request(call, asked, body), reply)
        return reply
    if kept.request != _request(call, asked, body):
        raise Invalid(f"This {HEADER} was used for another request. Use a new one for each.")
    for warning in kept.warnings:
        call.tx.warn(warning)
    return Reply(kept.text, kept.kind, kept.status, {**kept.headers, REPEATED[0]: REPEATED[1]})


def _request(call: Call, asked: str, body: Digested) -> str:
    values = encode(_sorted(call.asked.values))
    return sha256(f"{asked}\n{call.content_type}\n{values}\n{body.digest()}".encode()).hexdigest()


def _sorted(value: Any) -> Any:
    """Put names in order: which comes first means nothing."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def _reply(given: Answer) -> Reply:
    return given if isinstance(given, Reply) else Reply(encode(given))


def _keep(call: Call, key: str, request: str, reply: Reply) -> None:
    line = {
        "account_id": call.account.id,
        "key": key,
        "request": request,
        "status": reply.status,
        "kind": reply.kind,
        "text": reply.text,
        "headers": dict(reply.headers),
        "warnings": call.tx.warnings,
        "created_at": call.tx.clock.now(),
    }
    call.tx.run(insert(kept_answer), line)
