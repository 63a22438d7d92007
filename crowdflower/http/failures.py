"""What it means that no answer came: by how far the request got, not by an exception's name.

The libraries wrap the same failure in many ways, and call many failures the same; their own texts
may hold the whole URL, and with it what is nobody's business.
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


CUT_SHORT: Final = Problem(TruncatedResponse, "the answer ended before it was complete")
NOT_HTTP: Final = Problem(MalformedResponse, "the answer is no HTTP that can be read")
NO_STATUS: Final = Problem(
    MalformedResponse, "the answer does not begin as HTTP does", {"garbage": True}
)


def classify(error: Exception, exchange: Exchange, host: str, connect: float) -> Problem:
    """Name a failure.

    :param host: Who was asked.
    :param connect: Seconds that were waited for a connection.
    """
    causes = [*_causes(error)]

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    refused = caused_by(ConnectTimeout, NewConnectionError, InvalidURL, InvalidSchema)
    if exchange.phase == Phase.CONNECTING or (exchange.phase == Phase.UNSEEN and refused):
        return _not_sent(caused_by, host, connect)
    if exchange.is_over:
        problem = f"{host} took too long; the call ran into its deadline"
        return Problem(DeadlineExceeded, problem)
    silent = Problem(RequestTimeout, f"{host} kept silent for {exchange.read:g} s")
    hung_up = Problem(ConnectionLost, f"{host} closed the connection without an answer")
    for kinds, diagnosis in (
        ((Timeout, TimeoutError), silent),
        ((DecodeError,), Problem(MalformedResponse, "the answer cannot be unpacked")),
        ((IncompleteRead, http.client.IncompleteRead), CUT_SHORT),
        ((http.client.RemoteDisconnected,), hung_up),
        ((http.client.BadStatusLine,), NO_STATUS),
        ((http.client.HTTPException, InvalidHeader), NOT_HTTP),
    ):
        if caused_by(*kinds):
            return diagnosis
    if exchange.phase == Phase.ANSWERED:
        return CUT_SHORT
    unseen = exchange.phase == Phase.UNSEEN and caused_by(SSLError)
    hint = "; is its certificate valid?" if unseen else ""
    problem = f"the connection to {host} broke ({type(error).__name__}){hint}"
    return Problem(ConnectionLost, problem)


def _not_sent(caused_by: Callable[..., bool], host: str, connect: float) -> Problem:
    """Say why there was no connection."""
    problem, traits = f"nothing answers at {host}; is the address right, the server up?", {}
    if caused_by(SSLError):
        problem = f"no secure connection to {host}; is its certificate valid?"
        traits = {"tls": True}
    elif caused_by(InvalidURL, InvalidSchema):
        problem = f"the proxy that is set for {host} has an address that cannot be used"
        traits = {"proxy": True}
    elif caused_by(LocationValueError):
        problem = f"{host} is no name that a host can have"
    elif not caused_by(HTTPError, RequestException):
        problem = f"the certificates that are set for {host} cannot be read; is their path right?"
        traits = {"tls": True}
    elif caused_by(ProxyError):
        problem = f"the proxy did not let us through to {host}; is it up, does it know us?"
        traits = {"proxy": True}
    elif caused_by(NameResolutionError):
        problem = f"there is no host of the name {host}; is the address right, the network up?"
        traits = {"dns": True}
    elif caused_by(Timeout, TimeoutError):
        problem = f"{host} did not take the connection in {connect:g} s"
    return Problem(NotSentError, problem, traits)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it was made of, however the libraries wrapped it."""
    waiting, seen = [error], set()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        parts = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        waiting += [part for part in parts if isinstance(part, BaseException)]
