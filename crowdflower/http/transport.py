"""Sends one request and returns its response.

Every failure is an :class:`~crowdflower.exceptions.ApiError`. Neither the errors, nor the requests
and responses that they carry, contain the API key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, TypeAlias
from urllib.parse import urljoin, urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from crowdflower._types import SecretText
from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    InvalidInput,
    ResponseTooLarge,
    UnexpectedRedirect,
)
from crowdflower.http import connections, encoding, failures
from crowdflower.http.connections import Exchange, Phase
from crowdflower.http.credentials import ApiKey, check_base_url, origin
from crowdflower.http.failures import Problem
from crowdflower.http.responses import RefusalClassifier, ResponseReader

Request: TypeAlias = requests.PreparedRequest
"""A request that is ready to be sent."""

Response: TypeAlias = requests.Response
"""The raw response, as :meth:`Client.call` returns it with ``as_json=False``."""

Session: TypeAlias = requests.Session
"""A :class:`requests.Session`: connections, proxies, certificates."""

Body: TypeAlias = bytes | IO[bytes] | Iterable[bytes] | None

CONNECT_TIMEOUT: Final = 5.0
"""Seconds to wait for a connection, by default."""

MAX_REDIRECTS: Final = 3

MAX_RESPONSE: Final = 64 << 20
"""Bytes, unpacked, of the largest response that is read into memory."""

TOO_LARGE: Final = Problem(ResponseTooLarge, f"the response is over {MAX_RESPONSE >> 20} MB")

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
"""The request header by which a server recognises a repeated request."""

HONOURS_KEYS: Final = "X-CrowdFlower-Idempotency"
"""The response header by which a server announces, with value 1, that it honours those keys."""

REPLAYED: Final = "Idempotent-Replayed"
"""The response header that says, with value true, that the request had been handled before."""

CHUNK: Final = 1 << 16


@dataclass(frozen=True)
class Expected:
    """What kind of response counts as success."""

    as_json: bool = True
    """It must be JSON."""

    stream: bool = False
    """Leave the body unread, for :meth:`Transport.chunks`."""

    follow: bool = False
    """Follow redirects; the key is sent along as long as they stay on the same server."""

    redirects: bool = False
    """A redirect counts as success, and is not followed."""


class Transport:
    """Sends requests with one key to one server, each of them once.

    :param key: The account's API key; a :class:`~crowdflower.http.credentials.NoKey` for a server
        that needs none.
    :param base_url: Address up to and including the version, such as ``https://api.appen.com/v1``.
    :param session: A session of the caller, with its proxies, certificates and headers; the
        caller closes it. By default a new one, closed by :meth:`close`. Deadlines are exact only on
        our own connections. Adapters with ``max_retries`` are refused.
    :param connect_timeout: Seconds to wait for a connection.
    :param connections: Idle connections to keep open.
    :param allow_insecure: Send the key over plain HTTP to another machine.
    """

    base_url = "without address"

    def __init__(
        self,
        key: str | ApiKey | None,
        base_url: str,
        *,
        classify_refusal: RefusalClassifier | None = None,
        session: Session | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        connections: int = 10,
        allow_insecure: bool = False,
    ) -> None:
        self.key = key if isinstance(key, ApiKey) else ApiKey(key)
        """The API key, masked wherever it is printed."""
        self.base_url = check_base_url(base_url, allow_insecure=allow_insecure)
        self.reader = ResponseReader(self.key, self.base_url, classify_refusal)
        """Turns responses into results and errors."""
        self.honours_keys = False
        """Whether the server has announced that it honours idempotency keys."""
        self._prefix = _normalized(f"{self.base_url}/")
        self._connect_timeout = connect_timeout
        self._connections = connections
        self._owns_session = session is None
        self._session = session if session is not None else requests.Session()
        if any(_retries(adapter) for adapter in self._session.adapters.values()):
            raise ConfigError(
                "the session repeats requests by itself (max_retries of an adapter), which can pay"
                " twice; mount adapters without it: the client repeats what is safe to repeat"
            )
        self._open()

    def __repr__(self) -> str:
        return f"<Transport {self.base_url}>"

    def close(self) -> None:
        """Close idle connections; a session of the caller stays open."""
        if self._owns_session:
            self._session.close()

    def prepare(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Body = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        """Return a request that is ready to be sent, without the key.

        :raises InvalidInput: The parts do not make a valid request.
        """
        parameters = encoding.flatten(query or {})
        merged = {**self._session.headers, **(headers or {})}
        is_plain = method == "GET" and body is None and not files and self._owns_session
        if is_plain and (headers or {}).keys() <= {"Accept"}:
            url = self._plain_url(path, parameters)
            if url is not None:
                return _prepare_get(url, merged)
        try:
            prepared = requests.Request(
                method,
                f"{self.base_url}/{path}",
                headers=merged,
                data=body,
                files=files,
                params=parameters,
            ).prepare()
            _check_request(prepared)
        except InvalidInput:
            raise
        except ValueError as error:
            problem = self.key.mask(str(error))
        else:
            return prepared
        raise InvalidInput(f"{method} /{path} cannot be sent: {problem}")

    def _plain_url(self, path: str, parameters: Sequence[tuple[str, str]]) -> str | None:
        """Return a URL in which nothing has to be quoted; ``None`` for any other."""
        if self._prefix is None or not _PLAIN_PATH(path):
            return None
        pairs = [f"{name}={value}" for name, value in parameters if _PLAIN(f"{name}{value}")]
        if len(pairs) < len(parameters):
            return None
        return f"{self._prefix}{path}{'?' if pairs else ''}{'&'.join(pairs)}"

    def send(
        self,
        prepared: Request,
        exchange: Exchange,
        *,
        stream: bool = False,
        follow: bool = False,
        authorized: bool = True,
    ) -> Response:
        """Send a request, once, and return its response, whatever its status.

        :param exchange: The time limits; afterwards it says how far the request got.
        :param stream: Leave the body of a successful response unread.
        :param follow: Follow redirects.
        :param authorized: Send the key along.
        :raises ApiError: There was no response, or it is too large.
        """
        url = str(prepared.url)
        if os.getpid() != self._pid:
            self._reopen()
        settings = self._settings(url)
        if authorized:
            self.key.authorize(prepared)
        # The error is raised below, outside of the handler: an error with a context keeps the
        # frames of the libraries alive, and in them the header with the key.
        try:
            with connections.record(exchange):
                # Session.send would keep cookies, and prepare the target of a redirect, with key.
                connect = max(exchange.limit(self._connect_timeout), connections.MIN_TIMEOUT)
                response = self._session.get_adapter(url).send(
                    prepared, timeout=(connect, exchange.read_timeout), **settings
                )
                is_whole = (stream and is_stream(response)) or _load(response)
            problem = None if is_whole else TOO_LARGE
        except (requests.RequestException, OSError) as error:
            problem = self._classify(error, exchange, url)
        except ValueError as error:
            if exchange.phase not in {Phase.CONNECTING, Phase.ANSWERED}:
                raise  # an error of the iterator that makes the body
            is_answered = exchange.phase == Phase.ANSWERED
            problem = failures.NOT_HTTP if is_answered else self._classify(error, exchange, url)
        finally:
            self.key.mask_header(prepared)
            if not isinstance(prepared.body, (str, bytes)):
                prepared.body = None  # a stream that was read cannot be read again, nor pickled
        if problem is not None:
            raise self.failure(problem, prepared)
        if authorized:
            announced = response.headers.get(HONOURS_KEYS) == "1"
            self.honours_keys = self.honours_keys or announced
        return self._follow(response, exchange, stream=stream) if follow else response

    def rewind(self, prepared: Request, exchange: Exchange) -> bool:
        """Rewind the body for another attempt; return whether that is possible."""
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
        """Yield the body of a streamed response in pieces, and close it."""
        with response:
            try:
                yield from response.iter_content(size)
            except (requests.RequestException, OSError) as error:
                problem = self._classify(error, Exchange(phase=Phase.ANSWERED), response.url)
            except ValueError:
                problem = failures.NOT_HTTP
            else:
                return
        raise self.reader.error(problem.kind, response, problem.text)

    def failure(self, problem: Problem, prepared: Request) -> ApiError:
        """Return the error for a request that got no response."""
        text = f"{self.reader.describe(prepared)}: {problem.text}"
        error = problem.kind(text, request=prepared)
        vars(error).update(problem.attributes)
        return error

    def _follow(self, response: Response, exchange: Exchange, *, stream: bool) -> Response:
        hops, is_home = 0, True
        while response.is_redirect:
            response.close()
            hops += 1
            if hops > MAX_REDIRECTS:
                problem = f"more than {MAX_REDIRECTS} redirects"
                raise self.reader.error(UnexpectedRedirect, response, problem)
            try:
                target = urljoin(response.url, response.headers["Location"])
                problem = self._objection(response.url, target)
                prepared = requests.Request("GET", target).prepare()
                # No key after a foreign host, not even back home: it would choose what is
                # requested with the key, and a GET cancels a job in this API.
                is_home = is_home and origin(target) == origin(self.base_url)
            except ValueError:
                problem = "a redirect to an invalid address"
            if problem:
                target = ""  # it may contain the key, and error reporters print local variables
                raise self.reader.error(UnexpectedRedirect, response, f"{problem} is not followed")
            response = self.send(prepared, exchange, stream=stream, authorized=is_home)
        return response

    def _objection(self, url: str, target: str) -> str:
        """Return why a redirect must not be followed; an empty string if it may."""
        source, parts = urlsplit(url), urlsplit(target)
        downgraded = source.scheme == "https" and parts.scheme != "https"
        if parts.scheme not in {"http", "https"} or downgraded:
            return f"a redirect from {source.scheme}: to {parts.scheme}:"
        if parts.username or parts.password:
            return "a redirect with a user name"
        if self.key.mask(target) != target:
            return "a redirect that contains the API key"
        return ""

    def _classify(self, error: Exception, exchange: Exchange, url: str) -> Problem:
        return failures.classify(error, exchange, urlsplit(url).netloc, self._connect_timeout)

    # Connections

    def _open(self) -> None:
        """Start with connections of this process only."""
        self._pid = os.getpid()
        self._environment: dict[Any, Any] = {}
        if self._owns_session:
            for prefix in ("https://", "http://"):
                self._session.mount(prefix, connections.Adapter(pool_maxsize=self._connections))

    def _reopen(self) -> None:
        """Leave the connections to the process that this one was forked from.

        On a shared socket, each process would read responses of the other.
        """
        for adapter in self._session.adapters.values():
            adapter.close()
        self._open()

    def _settings(self, url: str) -> Any:
        """Return proxies and certificates for a URL; the environment is read once per server."""
        is_home = self._prefix is not None and url.startswith(self._prefix)
        server: Any = self._prefix if is_home else origin(url)
        if server not in self._environment:
            settings = self._session.merge_environment_settings(url, {}, True, None, None)
            addresses = settings["proxies"].items()  # they may contain a password
            settings["proxies"] = {name: proxy and SecretText(proxy) for name, proxy in addresses}
            self._environment[server] = settings
        return self._environment[server]


def _normalized(url: str) -> str | None:
    """Return a URL as requests sends it; ``None`` if it cannot be sent."""
    try:
        return requests.Request("GET", url).prepare().url
    except ValueError:
        return None


def _prepare_get(url: str, headers: Mapping[str, Any]) -> Request:
    """Return what requests would prepare, in a fifth of the time.

    :param url: Complete, with nothing to quote.
    :param headers: All of them valid.
    """
    prepared = requests.PreparedRequest()
    prepared.method, prepared.url = "GET", url
    prepared.headers = CaseInsensitiveDict(headers)
    return prepared


_PLAIN_PATH: Final = re.compile(r"[\w~-]+(?:/[\w~-]+)*(?:\.[a-z]+)?", re.ASCII).fullmatch
_PLAIN: Final = re.compile(r"[\w-]*", re.ASCII).fullmatch


def _check_request(prepared: Request) -> None:
    """Refuse what requests accepts and :mod:`http.client` would refuse once connected.

    :raises ValueError: The method or a header is not valid HTTP.
    """
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", prepared.method or ""):
        raise ValueError("the HTTP method is not valid")
    for name, value in prepared.headers.items():
        for part in (name, value):
            if isinstance(part, str):
                part.encode("latin-1")


def _retries(adapter: object) -> bool:
    """Return whether an adapter repeats requests on its own; 0 and ``False`` mean never."""
    retries = getattr(adapter, "max_retries", None)
    return retries is not None and getattr(retries, "total", 0) != 0


def is_stream(response: Response) -> bool:
    """Return whether a response is the data that was asked for, and not a message about it."""
    content_type = response.headers.get("Content-Type", "")
    return response.ok and not response.is_redirect and "json" not in content_type


def _load(response: Response) -> bool:
    """Read a body into memory; return whether it was small enough. A small archive may be huge."""
    pieces, size = [], 0
    with response:  # a connection that is not read to the end is of no more use
        for piece in response.iter_content(CHUNK):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_RESPONSE:
                return False
    response._content = b"".join(pieces)  # noqa: SLF001 - as Response.content does it
    return True
