"""Where clients reach a server: on this machine, and from others."""

from __future__ import annotations

import shlex
import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to recognise them
"""Addresses that stand for all of this machine, and the one by which it reaches itself."""

_ELSEWHERE: Final = {"0.0.0.0": "192.0.2.1", "::": "2001:db8::1"}  # noqa: S104 - as above
"""Addresses that are reserved for documentation: the route to them is that to the internet."""


def local_host(host: str, bound: str) -> str:
    """Return the host by which this machine reaches a server.

    :param host: What the server was told to listen on.
    :param bound: The address that it listens on.

    >>> local_host("0.0.0.0", "0.0.0.0"), local_host("example.org", "192.0.2.7")
    ('127.0.0.1', '192.0.2.7')
    >>> local_host("localhost", "127.0.0.1")
    '127.0.0.1'
    """
    return WILDCARDS.get(bound) or WILDCARDS.get(host) or bound


def outer_host(bound: str) -> str | None:
    """Return the address by which other machines reach a server that listens on all of them.

    Nothing is sent. ``None`` if the server listens on one address, or there is no network.
    """
    target = _ELSEWHERE.get(bound)
    if target is None:
        return None
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((target, 9))
        address: str = probe.getsockname()[0]
        if not ip_address(address).is_loopback:
            return address
    return None


def url(host: str, port: int) -> str:
    """Return the address of a server: scheme, host and port.

    >>> url("::1", 8000)
    'http://[::1]:8000'
    """
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def export_lines(host: str, port: int, key: str) -> str:
    """Return the two lines that configure a client, to paste into a shell.

    A client refuses to send its key to another address over plain HTTP, unless it is told to.

    >>> print(export_lines("127.0.0.1", 8000, "a-key"))
    export CROWDFLOWER_API_URL=http://127.0.0.1:8000/v1
    export CROWDFLOWER_API_KEY=a-key
    >>> print(export_lines("192.0.2.7", 8000, "a key$").splitlines()[0])
    export CROWDFLOWER_API_URL=http://192.0.2.7:8000/v1 CROWDFLOWER_ALLOW_INSECURE=1
    """
    insecure = "" if ip_address(host.partition("%")[0]).is_loopback else _ALLOW_INSECURE
    address = shlex.quote(f"{url(host, port)}/v1")
    return (
        f"export CROWDFLOWER_API_URL={address}{insecure}\n"
        f"export CROWDFLOWER_API_KEY={shlex.quote(key)}"
    )


_ALLOW_INSECURE: Final = " CROWDFLOWER_ALLOW_INSECURE=1"
