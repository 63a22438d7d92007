"""Classifies a request that got no complete response.

What counts is how far the request got, not the type of the exception: the libraries wrap the same
failure in many ways, and give different failures the same type. Their messages may contain the
whole URL and private data, so they are not passed on.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from requests import ConnectTimeout, RequestException, Timeout
from requests.exceptions import InvalidHeader, InvalidSchema, InvalidURL, SSLError
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    IncompleteRead,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
)

from crowdflower.exceptions import (
    ApiError,
    ConnectionLost,
    DeadlineExceeded,
    MalformedResponse,
    NotSentError,
    RequestTimeout,
    TruncatedResponse,
)
from crowdflower.http.connections import Exchange, Phase


class Problem(NamedTuple):
    """The error class of a failure, its message and its attributes."""

    kind: type[ApiError]
    text: str
    attributes: Mapping[str, bool] = {}


TRUNCATED: Final = Problem(TruncatedResponse, "the response ended before it was complete")
NOT_HTTP: Final = Problem(MalformedResponse, "the response is not valid HTTP")
NO_STATUS: Final = Problem(
    MalformedResponse, "the response does not start with an HTTP status line", {"garbage": True}
)


def classify(error: Exception, exchange: Exchange, host: str, connect_timeout: float) -> Problem:
    """Return the error class and message for a failed request.

    :param host: Host and port of the server.
    :param connect_timeout: Seconds that a connection was allowed to take.
    """
    causes = [*_causes(error)]

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    refused = caused_by(ConnectTimeout, NewConnectionError, InvalidURL, InvalidSchema)
    if exchange.phase == Phase.CONNECTING or (exchange.phase == Phase.UNSEEN and refused):
        return _classify_not_sent(caused_by, host, connect_timeout)
    if exchange.is_expired:
        return Problem(DeadlineExceeded, f"{host} did not respond within the deadline of the call")
    timed_out = Problem(RequestTimeout, f"{host} sent nothing for {exchange.read_timeout:g} s")
    closed = Problem(ConnectionLost, f"{host} closed the connection without a response")
    for kinds, problem in (
        ((Timeout, TimeoutError), timed_out),
        ((DecodeError,), Problem(MalformedResponse, "the body cannot be decompressed")),
        ((IncompleteRead, http.client.IncompleteRead), TRUNCATED),
        ((http.client.RemoteDisconnected,), closed),
        ((http.client.BadStatusLine,), NO_STATUS),
        ((http.client.HTTPException, InvalidHeader), NOT_HTTP),
    ):
        if caused_by(*kinds):
            return problem
    if exchange.phase == Phase.ANSWERED:
        return TRUNCATED
    may_be_certificate = exchange.phase == Phase.UNSEEN and caused_by(SSLError)
    hint = "; check its certificate" if may_be_certificate else ""
    message = f"the connection to {host} broke ({type(error).__name__}){hint}"
    return Problem(ConnectionLost, message)


def _classify_not_sent(
    caused_by: Callable[..., bool], host: str, connect_timeout: float
) -> Problem:
    """Return why there was no connection."""
    message, traits = f"cannot connect to {host}; check the address, and that the server runs", {}
    if caused_by(SSLError):
        message = f"cannot make a TLS connection to {host}; check its certificate"
        traits = {"tls": True}
    elif caused_by(InvalidURL, InvalidSchema):
        message = f"the proxy for {host} has an invalid address; check the proxy settings"
        traits = {"proxy": True}
    elif caused_by(LocationValueError):
        message = f"{host} is not a valid host name; check the base URL"
    elif not caused_by(HTTPError, RequestException):
        message = f"the certificates configured for {host} cannot be read; check their path"
        traits = {"tls": True}
    elif caused_by(ProxyError):
        message = f"the proxy refused to connect to {host}; check its address and credentials"
        traits = {"proxy": True}
    elif caused_by(NameResolutionError):
        message = f"host name {host} not found; check the address and the network"
        traits = {"dns": True}
    elif caused_by(Timeout, TimeoutError):
        message = f"{host} did not accept the connection within {connect_timeout:g} s"
    return Problem(NotSentError, message, traits)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those inside it, however the libraries wrapped them."""
    waiting, visited = [error], set()
    while waiting:
        cause = waiting.pop()
        if id(cause) in visited:
            continue
        visited.add(id(cause))
        yield cause
        parts = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        waiting += [part for part in parts if isinstance(part, BaseException)]
