"""One request out, one checked answer back; the only importer of requests.

Nothing above this module knows a status code, nothing in it knows a job. What comes back has been
checked: every failure is an :class:`~crowdflower.exceptions.ApiError`, and none of them, nor the
request and response that they carry, shows the key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final, TypeAlias
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from crowdflower._types import MISSING
from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    InvalidInput,
    ResponseTooLarge,
    UnexpectedRedirect,
)
from crowdflower.http import connections, encoding, failures
from crowdflower.http.connections import Exchange, Phase
from crowdflower.http.credentials import Secret, checked_address, origin
from crowdflower.http.failures import Diagnosis
from crowdflower.http.responses import Answer, Reader

Request: TypeAlias = requests.PreparedRequest
"""A request, ready to be sent."""

Response: TypeAlias = requests.Response
"""The raw answer, as :meth:`Client.call` returns it with ``as_json=False``."""

Session: TypeAlias = requests.Session
"""What requests are sent through: connections, proxies, certificates."""

Body: TypeAlias = bytes | IO[bytes] | Iterable[bytes] | None

CONNECT: Final = 5.0
"""Seconds to wait for a connection, where nobody says otherwise."""

MAX_REDIRECTS: Final = 3

LARGEST_ANSWER: Final = 64 << 20
"""Bytes, unpacked, of the largest answer that is read into memory."""

TOO_LARGE: Final = Diagnosis(ResponseTooLarge, f"the answer is more than {LARGEST_ANSWER >> 20} MB")

KEY: Final = "Idempotency-Key"
"""The header by which a server knows a request that it was sent before."""

ANNOUNCEMENT: Final = "X-CrowdFlower-Idempotency"
"""The header by which a server says that it goes by that key: the value is 1."""

CHUNK: Final = 1 << 16


@dataclass(frozen=True)
class Expected:
    """What kind of answer a request is to have."""

    as_json: bool = True
    """It must be JSON."""

    stream: bool = False
    """Leave the body of a good one unread, for :meth:`Transport.chunks`."""

    follow: bool = False
    """Follow redirects; the key goes along as long as they stay where it was sent first."""

    redirects: bool = False
    """A redirect is an answer too, and is not followed."""


class _Adapter(HTTPAdapter):
    """Connections that know how far a request got; nothing is sent twice down here."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = connections.POOLS

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        connections.begun()
        return super().get_connection_with_tls_context(*args, **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = connections.POOLS
        return manager


class Transport:
    """Sends requests for one key to one address, each of them once.

    :param key: The account's API key; a :class:`~crowdflower.http.credentials.NoSecret` for a
        service that asks for none.
    :param base_url: Address up to and including the version, such as ``https://api.appen.com/v1``.
    :param session: Where to send; its proxies, certificates, headers and adapters are respected,
        and it stays the caller's to close. By default a new one, closed by :meth:`close`. Deadlines
        hold to the second only on connections of our own, and adapters with ``max_retries`` are
        refused.
    :param connect: Seconds to wait for a connection.
    :param connections: How many are kept open.
    :param allow_insecure: Send the key over plain HTTP to another machine.
    """

    base_url = "without address"

    def __init__(
        self,
        key: str | Secret | None,
        base_url: str,
        *,
        session: Session | None = None,
        connect: float = CONNECT,
        connections: int = 10,
        allow_insecure: bool = False,
    ) -> None:
        self._secret = key if isinstance(key, Secret) else Secret(key)
        self.base_url = checked_address(base_url, allow_insecure=allow_insecure)
        self._reader = Reader(self._secret, self.base_url)
        self._connect = connect
        self._connections = connections
        self._owns_session = session is None
        self._session = session if session is not None else requests.Session()
        if any(_repeats(adapter) for adapter in self._session.adapters.values()):
            raise ConfigError(
                "the session repeats requests by itself (max_retries of an adapter), which can pay"
                " twice; mount adapters without it, the client repeats what is safe to repeat"
            )
        self.honours_keys = False
        """Whether this server has said that it does once what it is sent under one key."""
        self._start()

    def __repr__(self) -> str:
        return f"<Transport {self.base_url}>"

    @property
    def secret(self) -> Secret:
        """The key, which shows itself to nobody."""
        return self._secret

    @property
    def account(self) -> str:
        """A fingerprint of the address and the key: the same for the same account."""
        return self._secret.fingerprint(self.base_url)

    def close(self) -> None:
        """Give the connections back; a session that the caller brought stays open."""
        if self._owns_session:
            self._session.close()

    def prepared(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Body = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        """Make a request, without the key.

        :raises InvalidInput: The parts make none.
        """
        try:
            prepared = requests.Request(
                method,
                f"{self.base_url}/{path}",
                headers={**self._session.headers, **(headers or {})},
                data=body,
                files=files,
                params=encoding.bracketed(query or {}),
            ).prepare()
            _see_that_it_can_be_written(prepared)
        except InvalidInput:
            raise
        except ValueError as error:
            problem = self._secret.mask(str(error))
        else:
            return prepared
        raise InvalidInput(f"{method} /{path} cannot be sent: {problem}")

    def answer(self, prepared: Request, exchange: Exchange, expected: Expected) -> Answer:
        """Send a request, once, and return its checked answer.

        :param exchange: The limits in time; afterwards, how far the request got.
        """
        response = self._sent(prepared, exchange, stream=expected.stream, authorized=True)
        self.honours_keys = self.honours_keys or response.headers.get(ANNOUNCEMENT) == "1"
        if expected.follow:
            response = self._followed(response, exchange, stream=expected.stream)
        if expected.stream and _is_left_unread(response):
            exchange.deadline = None  # from here on only silence ends it
            return Answer(response, MISSING)
        return self._reader.checked(
            response, as_json=expected.as_json, redirects=expected.redirects
        )

    def rewound(self, prepared: Request, exchange: Exchange) -> bool:
        """Make a request ready to be sent once more, where its body can be read again."""
        if prepared.body is None or isinstance(prepared.body, (str, bytes)):
            return True
        if prepared._body_position is None:  # noqa: SLF001 - where requests keeps it
            return exchange.phase == Phase.CONNECTING
        try:
            requests.utils.rewind_body(prepared)
        except requests.exceptions.UnrewindableBodyError:
            return False
        return True

    def chunks(self, response: Response, size: int = CHUNK) -> Iterator[bytes]:
        """Yield the body of an answer that was asked for with ``stream``, and close it."""
        with response:
            try:
                yield from response.iter_content(size)
            except (requests.RequestException, OSError) as error:
                found = self._diagnosis(error, Exchange(phase=Phase.ANSWERED), response.url)
            except ValueError:
                found = failures.NO_HTTP
            else:
                return
        raise self._reader.error(found.kind, response, found.problem)

    def failure(self, found: Diagnosis, prepared: Request) -> ApiError:
        """Make the error of a request that got no answer."""
        failure = found.kind(f"{self._reader.named(prepared)}: {found.problem}", request=prepared)
        vars(failure).update(found.traits)
        return failure

    def error(self, kind: type[ApiError], response: Response, problem: str) -> ApiError:
        """Make an error that names the request and shows no key, whoever wrote the problem."""
        return self._reader.error(kind, response, problem)

    def conceal(self, response: Response) -> None:
        """Mask what an answer must not show that somebody else makes an error of."""
        self._reader.conceal(response)

    def _sent(
        self,
        prepared: Request,
        exchange: Exchange,
        *,
        stream: bool,
        authorized: bool,
    ) -> Response:
        url = str(prepared.url)
        if os.getpid() != self._pid:
            self._start_over()
        settings = self._settings(url)
        if authorized:
            self._secret.authorize(prepared)
        # A failure is raised below, outside of the handler: an error that has another one as its
        # context takes the frames of the libraries along, and with them the header with the key.
        try:
            with connections.observed(exchange):
                # Session.send would keep cookies, and prepare what a redirect asks for, with key.
                connect = max(exchange.within(self._connect), connections.AT_LEAST)
                response = self._session.get_adapter(url).send(
                    prepared, timeout=(connect, exchange.read), **settings
                )
                if stream and _is_left_unread(response):
                    return response
                if _loaded(response):
                    return response
            found = TOO_LARGE
        except (requests.RequestException, OSError) as error:
            found = self._diagnosis(error, exchange, url)
        except ValueError as error:
            if exchange.phase not in {Phase.CONNECTING, Phase.ANSWERED}:
                raise  # of whoever makes the body
            is_answered = exchange.phase == Phase.ANSWERED
            found = failures.NO_HTTP if is_answered else self._diagnosis(error, exchange, url)
        finally:
            self._secret.conceal(prepared)
            if not isinstance(prepared.body, (str, bytes)):
                prepared.body = None  # a stream that was read cannot be read again, nor pickled
        raise self.failure(found, prepared)

    def _followed(self, response: Response, exchange: Exchange, *, stream: bool) -> Response:
        hops, home = 0, True
        while response.is_redirect:
            response.close()
            hops += 1
            if hops > MAX_REDIRECTS:
                raise self.error(UnexpectedRedirect, response, f"more than {MAX_REDIRECTS} hops")
            try:
                target = urljoin(response.url, response.headers["Location"])
                problem = self._objection(response.url, target)
                prepared = requests.Request("GET", target).prepare()
                # Not again on the way back: a strange host would choose what is asked with the key,
                # and a GET cancels a job in this API.
                home = home and origin(target) == origin(self.base_url)
            except ValueError:
                problem = "a redirect to what is no address"
            if problem:
                target = ""  # it may hold the key, and reporters of errors show variables
                raise self.error(UnexpectedRedirect, response, f"{problem} is not followed")
            response = self._sent(prepared, exchange, stream=stream, authorized=home)
        return response

    def _objection(self, url: str, target: str) -> str:
        """Tell why a redirect must not be followed; an empty text means that it may."""
        source, parts = urlsplit(url), urlsplit(target)
        downgraded = source.scheme == "https" and parts.scheme != "https"
        if parts.scheme not in {"http", "https"} or downgraded:
            return f"a redirect from {source.scheme}: to {parts.scheme}:"
        if parts.username or parts.password:
            return "a redirect that names a user"
        if self._secret.mask(target) != target:
            return "a redirect that carries the API key"
        return ""

    def _diagnosis(self, error: Exception, exchange: Exchange, url: str) -> Diagnosis:
        return failures.diagnosed(error, exchange, urlsplit(url).netloc, self._connect)

    # Connections

    def _start(self) -> None:
        """Begin, in this process, with connections that nobody else has."""
        self._pid = os.getpid()
        self._environment: dict[tuple[str, str | None, int | None], Any] = {}
        if self._owns_session:
            for prefix in ("https://", "http://"):
                self._session.mount(prefix, _Adapter(pool_maxsize=self._connections))

    def _start_over(self) -> None:
        """Leave the connections to the process that this one was forked from.

        A socket shared with it would deal out its answers to both.
        """
        for adapter in self._session.adapters.values():
            adapter.close()
        self._start()

    def _settings(self, url: str) -> Any:
        """Return proxies and certificates for a URL; the environment is asked once a server."""
        where = origin(url)
        if where not in self._environment:
            self._environment[where] = self._session.merge_environment_settings(
                url, {}, True, None, None
            )
        return self._environment[where]


def _see_that_it_can_be_written(prepared: Request) -> None:
    """Find what requests takes and :mod:`http.client` refuses, when the connection is there.

    :raises ValueError: Something is no part of HTTP.
    """
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", prepared.method or ""):
        raise ValueError("the method is none")
    for name, value in prepared.headers.items():
        for part in (name, value):
            if isinstance(part, str):
                part.encode("latin-1")


def _repeats(adapter: object) -> bool:
    """Tell whether an adapter sends requests again on its own; 0 and ``False`` are never."""
    retries = getattr(adapter, "max_retries", None)
    return retries is not None and getattr(retries, "total", 0) != 0


def _is_left_unread(response: Response) -> bool:
    """Tell the answer that a caller wants as a stream from one that is a message about it."""
    kind = response.headers.get("Content-Type", "")
    return response.ok and not response.is_redirect and "json" not in kind


def _loaded(response: Response) -> bool:
    """Read a body into memory unless it is too large: a small archive may unpack to any size."""
    pieces, size = [], 0
    with response:  # its connection is of no more use, if it is not read to the end
        for piece in response.iter_content(CHUNK):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_ANSWER:
                return False
    response._content = b"".join(pieces)  # noqa: SLF001 - as Response.content does it
    return True
