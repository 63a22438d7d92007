"""POST requests to URLs that users choose, protected against server-side request forgery (SSRF).

A user could choose a callback URL that only this machine can reach: a router, a database, the
metadata service of a cloud. So the host is resolved once, all its IP addresses must be public, and
the connection goes to one of those addresses.

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
"""Deadline in seconds, from the DNS lookup to the status of the response."""

_MAX_READ: Final = 64 * 1024
_NAT64: Final = IPv6Network("64:ff9b::/96")
_PORTS: Final = {"http": 80, "https": 443}
_NOT_PUBLIC: Final = tuple(
    ip_network(text)
    for text in (
        *("192.0.0.0/24", "192.88.99.0/24", "::/96", "::ffff:0:0:0/96"),
        *("64:ff9b:1::/48", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)
"""Networks that are not public, though ``is_global`` says so in some versions of Python.

Source: IANA, `Special-Purpose Address Registry
<https://www.iana.org/assignments/iana-ipv6-special-registry>`_; RFC 3879, 4291 and 7526 for
deprecated networks.
"""


class DeliveryError(Exception):
    """The delivery failed; the message says why."""


class ForbiddenURL(DeliveryError):
    """The URL may not be called."""


class ParsedURL(NamedTuple):
    """The parts of a URL that a request needs."""

    scheme: str
    host: str
    port: int
    path: str


def parse_url(url: str) -> ParsedURL:
    """Split a URL into the parts that a request needs.

    :raises ForbiddenURL: The URL is invalid, contains a user name, or is not ``http`` or ``https``.

    >>> parse_url("http://example.com/answers?for=me")
    ParsedURL(scheme='http', host='example.com', port=80, path='/answers?for=me')
    >>> parse_url("file:///etc/passwd")
    Traceback (most recent call last):
      ...
    crowdflower.sandbox.webhooks.outbound.ForbiddenURL: the URL must begin with http:// or https://
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, AttributeError):
        raise ForbiddenURL("the URL is invalid") from None
    if parts.scheme not in _PORTS or not host:
        raise ForbiddenURL("the URL must begin with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenURL("the URL must not contain a user name or password")
    return ParsedURL(
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
    """Post a body once; redirects are not followed, and the body of the response is ignored.

    :param allow_loopback: Whether the receiver may be on this machine.
    :param timeout: Deadline for the whole request, in seconds, however slowly the response arrives.
    :raises ForbiddenURL: The URL may not be called; nothing was sent.
    :raises DeliveryError: No response with a 2xx status came.
    """
    target = parse_url(url)
    connection = _connection(target, _resolve(target, allow_loopback=allow_loopback), timeout)
    # A socket timeout applies to each read: a receiver could send one byte at a time, forever.
    is_late = Event()
    timer = Timer(timeout, _shut_down, [connection, is_late])
    timer.daemon = True
    timer.start()
    try:
        headers = {"Content-Type": content_type, "Connection": "close"}
        connection.request("POST", target.path, body, headers)
        response = connection.getresponse()
        status = response.status
        if is_late.is_set():
            raise TimeoutError  # http.client takes a truncated head for a complete one
        with suppress(OSError, HTTPException):
            response.read(_MAX_READ)
    except (OSError, HTTPException) as error:
        raise DeliveryError(_reason(error, timeout, is_late=is_late.is_set())) from None
    finally:
        timer.cancel()
        connection.close()
    if status not in range(200, 300):
        raise DeliveryError(f"the receiver answered with status {status}")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an IP address is public, also one that embeds another address.

    >>> [is_public(ip_address(text)) for text in ("93.184.216.34", "10.0.0.1", "::ffff:10.0.0.1")]
    [True, False, False]
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    excluded = address.is_multicast or any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not excluded


def _resolve(target: ParsedURL, *, allow_loopback: bool) -> list[str]:
    """Resolve the host of a URL to IP addresses, in one DNS lookup.

    :raises ForbiddenURL: One of its addresses may not be called.
    :raises DeliveryError: The host has no address.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError:
        raise DeliveryError(f"the host {target.host} cannot be resolved") from None
    addresses = list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))
    for text in addresses:
        address = ip_address(text)
        if not (is_public(address) or (allow_loopback and address.is_loopback)):
            raise ForbiddenURL(f"{target.host} resolves to {text}, which is not a public address")
    return addresses


def _connection(target: ParsedURL, addresses: list[str], timeout: float) -> HTTPConnection:
    """Return a connection to the resolved addresses that sends the original host name."""
    if target.scheme == "https":
        return _PinnedHTTPS(target, addresses, timeout)
    return _PinnedHTTP(target, addresses, timeout)


class _PinnedHTTP(HTTPConnection):
    """An HTTP connection to known IP addresses: it does no DNS lookup."""

    def __init__(self, target: ParsedURL, addresses: list[str], timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self._addresses = addresses

    def connect(self) -> None:
        """Connect to the first address that accepts the connection."""
        self.sock = _connect(self._addresses, self.port, self.timeout or TIMEOUT)


class _PinnedHTTPS(HTTPSConnection):
    """The same over TLS; the certificate must match the host name."""

    def __init__(self, target: ParsedURL, addresses: list[str], timeout: float) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(target.host, target.port, timeout=timeout, context=self._tls)
        self._addresses = addresses

    def connect(self) -> None:
        """Connect to the first address that accepts the connection, and verify its certificate."""
        plain = _connect(self._addresses, self.port, self.timeout or TIMEOUT)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def _connect(addresses: list[str], port: int, timeout: float) -> socket.socket:
    *others, last = addresses
    for address in _try_all(others, port, timeout):
        return address
    return socket.create_connection((last, port), timeout)


def _try_all(addresses: list[str], port: int, timeout: float) -> Iterator[socket.socket]:
    for address in addresses:
        with suppress(OSError):
            yield socket.create_connection((address, port), timeout)


def _shut_down(connection: HTTPConnection, is_late: Event) -> None:
    is_late.set()  # before the reading thread sees the closed socket
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception, timeout: float, *, is_late: bool) -> str:
    if isinstance(error, TimeoutError) or is_late:
        return f"the receiver took longer than {timeout:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    return f"the connection broke ({type(error).__name__})"


def _path_of(parts: SplitResult) -> str:
    """Return path and query, quoted for a request line."""
    query = f"?{parts.query}" if parts.query else ""
    return quote((parts.path or "/") + query, safe="/?=&%:@!$'()*+,;~-._")
