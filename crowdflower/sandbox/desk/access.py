"""Who may use the desk: its password, its one-time links, its sessions.

All of it is in memory: a restart ends every session. Times are those of this process, since the
sandbox's own clock may stand still.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.errors import TooManyRequests
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SESSION_SECONDS: Final = 12 * 3600
"""How long a person stays signed in."""

LINK_SECONDS: Final = 24 * 3600
"""How long a one-time link can be used."""

MAX_TRIES: Final = 5
"""Wrong passwords allowed within :data:`TRY_SECONDS` from one address."""

MAX_TRIES_OF_ALL: Final = 100
"""Wrong passwords allowed within :data:`TRY_SECONDS` from all addresses together."""

TRY_SECONDS: Final = 60

_NETWORK_BITS: Final = 64
"""What one customer of a network has: with IPv6, anyone has as many addresses as they want."""

MAX_SESSIONS: Final = 1000
"""How many people can be signed in; the oldest session ends first."""

MAX_ACTS: Final = 1000
"""How many acts of a session are remembered, so that none is carried out twice."""

MIN_PASSWORD: Final = 8
"""Characters of a password."""


@dataclass
class Session:
    """A person who is signed in."""

    ends_at: float
    token: str = field(default_factory=secrets.token_urlsafe)
    """In each form, so that no other site can send it (CSRF)."""
    notices: list[str] = field(default_factory=list)
    """What to say once, on the next page."""
    acts: dict[str, None] = field(default_factory=dict)
    """Keys of acts that were carried out or are running, oldest first."""


class PasswordTries:
    """The wrong passwords of the last minute. Those that had to wait are not among them.

    >>> tries = PasswordTries()
    >>> for _ in range(MAX_TRIES):
    ...     tries.add("192.0.2.1", 0)
    >>> tries.seconds_to_wait("192.0.2.1", 20), tries.seconds_to_wait("192.0.2.2", 20)
    (40, 0)
    """

    def __init__(self) -> None:
        # As many as are allowed: there is never one more, so that none is forgotten too early.
        self._wrong: deque[tuple[float, str]] = deque(maxlen=MAX_TRIES_OF_ALL)

    def add(self, address: str, now: float) -> None:
        """Count a wrong password from an address."""
        self._wrong.append((now, source_of(address)))

    def seconds_to_wait(self, address: str, now: float) -> float:
        """Return how long an address has to wait before its next try."""
        source = source_of(address)
        of_all = [at for at, _ in self._wrong]
        of_source = [at for at, each in self._wrong if each == source]
        waits = (_wait(of_all, MAX_TRIES_OF_ALL, now), _wait(of_source, MAX_TRIES, now))
        return max(waits)


class Access:
    """The password of a desk, its one-time links and its sessions.

    :param password: ``None`` if only one-time links sign in.
    :param now: A monotonic clock, in seconds.
    :raises ValueError: The password is too short.

    >>> access = Access("correct horse")
    >>> access.sign_in("wrong", "192.0.2.1") is None
    True
    >>> cookie = access.sign_in("correct horse", "192.0.2.1")
    >>> access.session(cookie) is not None
    True
    """

    def __init__(
        self, password: str | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        if password is not None and len(password) < MIN_PASSWORD:
            raise ValueError(
                f"the password of the desk needs at least {MIN_PASSWORD} characters;"
                f" it has {len(password)}"
            )
        self._password = None if password is None else _digest(password)
        self._now = now
        self._links: dict[bytes, float] = {}
        self._sessions: dict[bytes, Session] = {}
        self._tries = PasswordTries()
        self._lock = Lock()

    @property
    def has_password(self) -> bool:
        """Whether a password signs in; otherwise only a one-time link does."""
        return self._password is not None

    def new_link_token(self) -> str:
        """Return the token of a new one-time link."""
        token = secrets.token_urlsafe()
        with self._lock:
            self._links[_digest(token)] = self._now() + LINK_SECONDS
        return token

    def is_link(self, token: str) -> bool:
        """Return whether a one-time link can still be used."""
        with self._lock:
            return self._links.get(_digest(token), 0) > self._now()

    def use_link(self, token: str) -> str | None:
        """Sign in by a one-time link; return the cookie, or ``None`` if it cannot be used."""
        with self._lock:
            ends_at = self._links.pop(_digest(token), 0)
            return self._open_session() if ends_at > self._now() else None

    def sign_in(self, password: str, address: str) -> str | None:
        """Sign in by the password; return the cookie, or ``None`` if it is wrong.

        :param address: From where the password was sent. One without any does not count as a try.
        :raises TooManyRequests: There were too many wrong passwords from there, or from everywhere.
        """
        if self._password is None or not password:
            return None
        with self._lock:
            now = self._now()
            if seconds := self._tries.seconds_to_wait(address, now):
                text = gettext("Too many wrong passwords. Try again in %(seconds)s seconds.")
                raise TooManyRequests(text % {"seconds": ceil(seconds)}, seconds)
            if not compare_digest(_digest(password), self._password):
                self._tries.add(address, now)
                return None
            return self._open_session()

    def session(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, unless it has ended."""
        with self._lock:
            found = self._sessions.get(_digest(cookie or ""))
            return found if found is not None and found.ends_at > self._now() else None

    def sign_out(self, cookie: str | None) -> None:
        """End the session of a cookie."""
        with self._lock:
            self._sessions.pop(_digest(cookie or ""), None)

    def begin_act(self, session: Session, key: str) -> bool:
        """Remember the key of an act; return whether it was new."""
        with self._lock:
            if key in session.acts:
                return False
            session.acts[key] = None
            if len(session.acts) > MAX_ACTS:
                del session.acts[next(iter(session.acts))]
            return True

    def forget_act(self, session: Session, key: str) -> None:
        """Allow an act again that was not carried out."""
        with self._lock:
            session.acts.pop(key, None)

    def _open_session(self) -> str:
        cookie = secrets.token_urlsafe()
        self._sessions[_digest(cookie)] = Session(self._now() + SESSION_SECONDS)
        if len(self._sessions) > MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return cookie


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def source_of(address: str) -> str:
    """Return what tries from an address are counted under; of IPv6, its network.

    >>> source_of("192.0.2.1"), source_of("2001:db8::1:2:3:4"), source_of("::ffff:192.0.2.1")
    ('192.0.2.1', '2001:db8::/64', '192.0.2.1')
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:  # of a proxy that writes something else
        return address[:100]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((parsed, _NETWORK_BITS), strict=False))
    return str(parsed)


def _wait(times: Sequence[float], allowed: int, now: float) -> float:
    return max(times[-allowed] + TRY_SECONDS - now, 0) if len(times) >= allowed else 0
