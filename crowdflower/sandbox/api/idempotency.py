"""Idempotency keys: a request that is sent twice takes effect once.

A client that does not know whether a request arrived sends it again under the same
``Idempotency-Key``. Key, effect and response are committed in one transaction, so either all of
them are stored and the response is replayed, or none is and the request is handled now. Keys expire
after a day; after that the same request takes effect again.

Sources: Stripe, `Idempotent requests <https://docs.stripe.com/api/idempotent_requests>`_, on keys
that may be removed once they are 24 hours old; IETF, `The Idempotency-Key HTTP Header Field
<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>`_. The hosted service
is not known to support them; :data:`SUPPORT_HEADER` tells clients which server does.
"""

from __future__ import annotations

import io
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, delete, insert, select

from crowdflower.sandbox.api.request_context import ApiResponse
from crowdflower.sandbox.errors import BadRequest, Invalid
from crowdflower.sandbox.store.column_types import encode
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.outbox import kept_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.sandbox.api.request_context import RequestContext, Result

HEADER: Final = "Idempotency-Key"

SUPPORT_HEADER: Final = ("X-CrowdFlower-Idempotency", "1")
"""On every response: this server supports idempotency keys."""

REPLAY_HEADER: Final = ("Idempotent-Replayed", "true")
"""On a response that is replayed."""

MAX_KEY_LENGTH: Final = 255

LIFETIME: Final = 24 * 60 * 60.0
"""Seconds until a key expires."""

_FIRST_ERROR: Final = 400
_BLOCK: Final = 256 * 1024


class HashingReader(io.RawIOBase):
    """Reads a file and computes the digest of its content.

    >>> file = HashingReader(io.BytesIO(b"a row"))
    >>> file.read(), file.digest() == sha256(b"a row").hexdigest()
    (b'a row', True)
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = sha256()

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read into the buffer, and add what was read to the digest."""
        block = self._file.read(len(buffer))
        self._hash.update(block)
        buffer[: len(block)] = block
        return len(block)

    def digest(self) -> str:
        """Read to the end, and return the digest of the whole file."""
        while self.read(_BLOCK):
            pass
        return self._hash.hexdigest()


def handle_once(
    context: RequestContext,
    key: str,
    endpoint: str,
    body: HashingReader,
    handle: Callable[[], Result],
) -> Result:
    """Handle a request that has an idempotency key, or replay its response.

    A refused request changed nothing, so its response is not stored: the same request may succeed
    the next time.

    :param endpoint: Verb and path.
    :param body: The body of the request; read to its end.
    :param handle: Handles the request.
    :raises BadRequest: The key is too long or has characters that are not visible ASCII.
    :raises Invalid: The key was used for another request.
    """
    _check_key(key)
    # Without the lock, a repeat that arrives before the first request is committed would find no
    # response and take effect as well.
    locks.lock_name(context.tx, f"key {context.account.id} {key}")
    stored = _find(context, key)
    if stored is None:
        response = _response(handle())
        if response.status < _FIRST_ERROR:
            context.tx.run(delete(kept_answer).where(_has_expired(context)))
            _store(context, key, _digest(context, endpoint, body), response)
        return response
    if stored.request != _digest(context, endpoint, body):
        raise Invalid(f"This {HEADER} was used for another request. Use a new one for each.")
    for warning in stored.warnings:
        context.tx.warn(warning)
    headers = {**stored.headers, REPLAY_HEADER[0]: REPLAY_HEADER[1]}
    return ApiResponse(stored.text, stored.kind, stored.status, headers)


def is_kept(context: RequestContext, key: str) -> bool:
    """Return whether a response is kept under a key, so that the request needs no work.

    :raises BadRequest: The key is too long or has characters that are not visible ASCII.
    """
    _check_key(key)
    return _find(context, key) is not None


def _check_key(key: str) -> None:
    if len(key) > MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise BadRequest(f"{HEADER} has to be 1 to {MAX_KEY_LENGTH} visible ASCII characters.")


def _find(context: RequestContext, key: str) -> Any:
    same_key = (kept_answer.c.account_id == context.account.id, kept_answer.c.key == key)
    return context.tx.one(select(kept_answer).where(*same_key, ~_has_expired(context)))


def _has_expired(context: RequestContext) -> ColumnElement[bool]:
    return kept_answer.c.created_at <= context.tx.clock.now() - LIFETIME


def _digest(context: RequestContext, endpoint: str, body: HashingReader) -> str:
    values = encode(_sort_keys(context.parameters.values))
    request = f"{endpoint}\n{context.content_type}\n{values}\n{body.digest()}"
    return sha256(request.encode()).hexdigest()


def _sort_keys(value: Any) -> Any:
    """Sort the keys of mappings, since their order means nothing."""
    if isinstance(value, dict):
        return {name: _sort_keys(value[name]) for name in sorted(value)}
    return [_sort_keys(each) for each in value] if isinstance(value, list) else value


def _response(result: Result) -> ApiResponse:
    return result if isinstance(result, ApiResponse) else ApiResponse(encode(result))


def _store(context: RequestContext, key: str, digest: str, response: ApiResponse) -> None:
    row = {
        "account_id": context.account.id,
        "key": key,
        "request": digest,
        "status": response.status,
        "kind": response.content_type,
        "text": response.text,
        "headers": dict(response.headers),
        "warnings": context.tx.warnings,
        "created_at": context.tx.clock.now(),
    }
    context.tx.run(insert(kept_answer), row)
