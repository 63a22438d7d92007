"""A request to an address that somebody else has named, and that may be meant for another.

Whoever may name an address for a callback could name one that only this machine can reach: a
router, a database, the metadata of a cloud. So the name is looked up once, every address that it
has must lie on the open internet, and the connection goes to what was looked up.

Source: OWASP, `Server-Side Request Forgery Prevention Cheat Sheet
<https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html>`_.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Event, Timer
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT: Final = 5.0
"""Seconds after which a receiver has had its chance, from look-up to status."""

_READ_AT_MOST: Final = 64 * 1024
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
_PORTS: Final = {"http": 80, "https": 443}
_CLOSED: Final = tuple(
    ip_network(text)
    for text in (
        *("192.0.0.0/24", "192.88.99.0/24", "::/96", "::ffff:0:0:0/96"),
        *("64:ff9b:1::/48", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)
"""What is not on the open internet, though ``is_global`` of one Python or another says so.

Source: IANA, `Special-Purpose Address Registry
<https://www.iana.org/assignments/iana-ipv6-special-registry>`_; RFC 3879, 4291 and 7526 for what
was given up.
"""


class NotDelivered(Exception):
    """Nobody has said that it arrived; the text says why."""


class Forbidden(NotDelivered):
    """The address is none that may be called."""


class Target(NamedTuple):
    """What there is to know of an address before its name is looked up."""

    scheme: str
    host: str
    port: int
    path: str


def parsed(url: str) -> Target:
    """Take an address apart.

    :raises Forbidden: It is none, or of another kind than ``http`` and ``https``, or names a user.

    >>> parsed("http://example.com/answers?for=me")
    Target(scheme='http', host='example.com', port=80, path='/answers?for=me')
    >>> parsed("file:///etc/passwd")
    Traceback (most recent call last):
      ...
    crowdflower.sandbox.webhooks.outbound.Forbidden: an address begins with http:// or https://
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, AttributeError):
        raise Forbidden("this is no address") from None
    if parts.scheme not in _PORTS or not host:
        raise Forbidden("an address begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise Forbidden("an address names no user")
    return Target(
        parts.scheme, host, _PORTS[parts.scheme] if port is None else port, _path_of(parts)
    )


def post(
    url: str,
    body: bytes,
    content_type: str,
    *,
    allow_loopback: bool = False,
    timeout: float = TIMEOUT,
) -> None:
    """Post a body once; redirects are not followed, the answer is not looked at.

    :param allow_loopback: Whether the receiver may be on this machine.
    :param timeout: Seconds for all of it, however slowly the receiver answers.
    :raises Forbidden: The address may not be called; nothing was sent.
    :raises NotDelivered: Nobody answered with a status of success.
    """
    target = parsed(url)
    connection = _connection(target, _looked_up(target, allow_loopback=allow_loopback), timeout)
    # A time limit on each read alone would let a receiver that sends byte by byte hold us for long.
    is_late = Event()
    watch = Timer(timeout, _hang_up, [connection, is_late])
    watch.daemon = True
    watch.start()
    try:
        headers = {"Content-Type": content_type, "Connection": "close"}
        connection.request("POST", target.path, body, headers)
        answer = connection.getresponse()
        status = answer.status
        if is_late.is_set():
            raise TimeoutError  # what was cut off looks like a whole head to the library
        with suppress(OSError, HTTPException):
            answer.read(_READ_AT_MOST)
    except (OSError, HTTPException) as error:
        raise NotDelivered(_said(error, timeout, is_late=is_late.is_set())) from None
    finally:
        watch.cancel()
        connection.close()
    if status not in range(200, 300):
        raise NotDelivered(f"the receiver answered with status {status}")


def is_open(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address lies on the open internet, also one that wraps another.

    >>> [is_open(ip_address(text)) for text in ("93.184.216.34", "10.0.0.1", "::ffff:10.0.0.1")]
    [True, False, False]
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_open(inner)
    closed = address.is_multicast or any(address in network for network in _CLOSED)
    return address.is_global and not closed


def _looked_up(target: Target, *, allow_loopback: bool) -> list[str]:
    """Look a name up, once.

    :raises Forbidden: Any of its addresses may not be called.
    :raises NotDelivered: It has none.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError:
        raise NotDelivered(f"the name {target.host} cannot be found") from None
    addresses = list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))
    for text in addresses:
        address = ip_address(text)
        if not (is_open(address) or (allow_loopback and address.is_loopback)):
            raise Forbidden(f"{target.host} is {text}, which is not on the open internet")
    return addresses


def _connection(target: Target, addresses: list[str], timeout: float) -> HTTPConnection:
    """Make a connection to what was looked up, under the name that it was looked up by."""
    if target.scheme == "https":
        return _SecureDirect(target, addresses, timeout)
    return _Direct(target, addresses, timeout)


class _Direct(HTTPConnection):
    """A connection that looks no name up."""

    def __init__(self, target: Target, addresses: list[str], timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self._addresses = addresses

    def connect(self) -> None:
        """Connect to the first address that answers."""
        self.sock = _connected(self._addresses, self.port, self.timeout or TIMEOUT)


class _SecureDirect(HTTPSConnection):
    """The same, with a certificate for the name."""

    def __init__(self, target: Target, addresses: list[str], timeout: float) -> None:
        self._trusted = ssl.create_default_context()
        super().__init__(target.host, target.port, timeout=timeout, context=self._trusted)
        self._addresses = addresses

    def connect(self) -> None:
        """Connect to the first address that answers, and look at its certificate."""
        plain = _connected(self._addresses, self.port, self.timeout or TIMEOUT)
        self.sock = self._trusted.wrap_socket(plain, server_hostname=self.host)


def _connected(addresses: list[str], port: int, timeout: float) -> socket.socket:
    *others, last = addresses
    for address in _tried(others, port, timeout):
        return address
    return socket.create_connection((last, port), timeout)


def _tried(addresses: list[str], port: int, timeout: float) -> Iterator[socket.socket]:
    for address in addresses:
        with suppress(OSError):
            yield socket.create_connection((address, port), timeout)


def _hang_up(connection: HTTPConnection, is_late: Event) -> None:
    is_late.set()  # before the one who reads can notice
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _said(error: Exception, timeout: float, *, is_late: bool) -> str:
    if isinstance(error, TimeoutError) or is_late:
        return f"the receiver took longer than {timeout:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return f"the connection broke ({type(error).__name__})"


def _path_of(parts: SplitResult) -> str:
    """Write path and query as a request line takes them."""
    query = f"?{parts.query}" if parts.query else ""
    return quote((parts.path or "/") + query, safe="/?=&%:@!$'()*+,;~-._")
