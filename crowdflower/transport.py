"""One request out, one checked answer back; the only importer of requests.

Nothing above this module knows a status code, nothing in it knows a job. What comes back has been
checked: every failure is an :class:`~crowdflower.exceptions.ApiError`, and none of them, nor the
request and response that they carry, shows the key.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final, NamedTuple, NoReturn, Protocol, TypeAlias
from urllib.parse import quote, urljoin, urlsplit

import requests
from requests.models import REDIRECT_STATI

from crowdflower import envelopes, serialization
from crowdflower._types import JSON, MISSING, Missing
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    ConfigError,
    ConnectionLost,
    InvalidInput,
    MalformedResponse,
    NotSentError,
    RequestTimeout,
    UnexpectedContentType,
    UnexpectedRedirect,
    UnexpectedStatus,
    refusal,
)

Response: TypeAlias = requests.Response
"""The raw answer, as :meth:`Client.call` returns it with ``as_json=False``."""

Session: TypeAlias = requests.Session
"""What requests are sent through: connections, proxies, certificates."""

Body: TypeAlias = bytes | Iterable[bytes] | None

MAX_REDIRECTS: Final = 3
SHOWN: Final = 200
"""Characters of an unreadable answer that an error quotes."""


class Clock(Protocol):
    """The part of :mod:`time` that the client needs; tests bring their own."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class Answer(NamedTuple):
    """A response that was no refusal, and its JSON."""

    response: Response
    body: JSON | Missing
    """The decoded JSON; ``MISSING`` where the answer is something else or was left unread."""


class Secret:
    """An API key that shows itself to nobody: not in a repr, a traceback, a pickle."""

    __slots__ = ("__key",)

    def __init__(self, key: str | None) -> None:
        if not isinstance(key, str) or not key:
            raise ConfigError(
                "no API key: give Client(key), or set CROWDFLOWER_API_KEY; it stands in the account"
                " settings of the service, and `crowdflower serve` prints its own"
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError(
                "the API key holds a blank, a line break or a character that no key has; was it"
                " copied whole, and nothing beside it?"
            )
        self.__key = key

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Put the key into the header of a request that is about to leave."""
        request.headers["Authorization"] = f"Token token={self.__key}"

    @staticmethod
    def conceal(request: requests.PreparedRequest) -> None:
        """Mask the key in a request that has left; errors and answers hold on to it."""
        if "Authorization" in request.headers:
            request.headers["Authorization"] = "Token token=****"

    def mask(self, text: str) -> str:
        """Return the text with the key, plain or percent-encoded, replaced by ``****``."""
        return text.replace(self.__key, "****").replace(quote(self.__key, safe=""), "****")

    def __repr__(self) -> str:
        return "****"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled; build a new Client where you need one")


class Transport:
    """Sends requests for one key to one address.

    :param key: The account's API key.
    :param base_url: Address up to and including the version, such as ``https://api.appen.com/v1``.
    :param session: Where to send; its proxies, certificates, headers and adapters are respected,
        and it stays the caller's to close. By default a new one, closed by :meth:`close`.
    :param timeout: Seconds to wait for a connection and for each piece of the answer: a pair, or
        one number for both.
    :param allow_insecure: Send the key over plain HTTP to another machine.
    """

    def __init__(
        self,
        key: str | None,
        base_url: str,
        *,
        session: Session | None = None,
        timeout: float | tuple[float, float] = (5, 30),
        allow_insecure: bool = False,
        clock: Clock = time,
    ) -> None:
        self._secret = Secret(key)
        self.base_url = _checked_address(base_url, allow_insecure)
        self.clock = clock
        self._timeout = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        self._owns_session = session is None
        self._session = session if session is not None else requests.Session()

    def __repr__(self) -> str:
        return f"<Transport {self.base_url}>"

    def close(self) -> None:
        """Give the connections back; a session that the caller brought stays open."""
        if self._owns_session:
            self._session.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Body = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        follow: bool = False,
        redirects: bool = False,
    ) -> Answer:
        """Send one request and check its answer.

        :param path: What follows the base address, percent-encoded.
        :param stream: Leave the body of a good answer unread, for the caller to consume and close.
        :param follow: Follow redirects; the key goes along only to where it was sent first.
        :param redirects: Hand a redirect back as the answer that it is.
        :raises InvalidInput: The parts make no request; nothing was sent.
        """
        try:
            prepared = requests.Request(
                method,
                f"{self.base_url}/{path}",
                headers={**self._session.headers, **(headers or {})},
                data=body,
                files=files,
                params=serialization.bracketed(query or {}),
            ).prepare()
        except ValueError as error:
            raise InvalidInput(f"{method} /{path} cannot be sent: {error}") from error
        response = self._send(prepared, stream=stream, authorized=True)
        if follow:
            response = self._followed(response, stream=stream)
        return self._checked(response, unread=stream, redirects=redirects)

    def decoded(self, answer: Answer) -> JSON:
        """Return the JSON of an answer that must have some.

        :raises UnexpectedContentType: It is a page or a text.
        :raises MalformedResponse: It says that it is JSON, and is not.
        """
        if answer.body is not MISSING:
            return answer.body
        response = answer.response
        if response.status_code == requests.codes.no_content:
            return None
        try:
            return serialization.decode(response.content)
        except ValueError as error:
            problem = str(error)
        kind = response.headers.get("Content-Type", "")
        if "json" in kind:
            raise self.error(MalformedResponse, response, f"the answer is no JSON: {problem}")
        raise self.error(
            UnexpectedContentType,
            response,
            f"expected JSON, got {kind or 'no content type'}: {self._quoted(response)}",
        )

    def error(self, kind: type[ApiError], response: Response, problem: str) -> ApiError:
        """Make an error that names the request and shows no key, whoever wrote the problem."""
        text = f"{self._named(response.request)}: {self._secret.mask(problem)}"
        return kind(text, request=response.request, response=response)

    def chunks(self, response: Response, size: int = 1 << 16) -> Iterator[bytes]:
        """Yield the body of an answer that was asked for with ``stream``, and close it."""
        with response:
            try:
                yield from response.iter_content(size)
            except requests.RequestException as error:
                kind, problem = self._diagnosis(error, response.url)
            else:
                return
        raise self.error(kind, response, problem)

    def _send(
        self, prepared: requests.PreparedRequest, *, stream: bool, authorized: bool
    ) -> Response:
        url = str(prepared.url)
        settings: Any = self._session.merge_environment_settings(url, {}, stream, None, None)
        if authorized:
            self._secret.authorize(prepared)
        # A failure is raised below, outside of the handler: an error that has another one as its
        # context takes the frames of the libraries along, and with them the header with the key.
        try:
            # Session.send would keep cookies, and prepare what follows a redirect: with the key.
            response = self._session.get_adapter(url).send(
                prepared, timeout=self._timeout, **settings
            )
            if not stream:
                response.content  # noqa: B018 - read now, while a failure can be named
        except requests.RequestException as error:
            kind, problem = self._diagnosis(error, url)
        else:
            return response
        finally:
            self._secret.conceal(prepared)
            if not isinstance(prepared.body, (str, bytes)):
                prepared.body = None  # a stream that was read cannot be read again, nor pickled
        raise kind(f"{self._named(prepared)}: {problem}", request=prepared)

    def _diagnosis(self, error: requests.RequestException, url: str) -> tuple[type[ApiError], str]:
        """Name a failure by what it means for the caller; its own text may hold the whole URL."""
        host = urlsplit(url).netloc
        if isinstance(error, requests.exceptions.SSLError):
            return ConnectionLost, f"no secure connection to {host}; is its certificate valid?"
        if isinstance(error, requests.ConnectTimeout):
            return NotSentError, f"{host} did not take the connection in {self._timeout[0]:g} s"
        if isinstance(error, requests.Timeout):
            return RequestTimeout, f"{host} kept silent for {self._timeout[1]:g} s"
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        if type(reason).__name__ in {"NewConnectionError", "NameResolutionError"}:
            return NotSentError, f"nothing answers at {host}; is the address right, the server up?"
        return ConnectionLost, f"the connection to {host} broke ({type(error).__name__})"

    def _followed(self, response: Response, *, stream: bool) -> Response:
        hops = 0
        while response.is_redirect:
            response.close()
            hops += 1
            if hops > MAX_REDIRECTS:
                raise self.error(UnexpectedRedirect, response, f"more than {MAX_REDIRECTS} hops")
            try:
                target = urljoin(response.url, response.headers["Location"])
                problem = self._objection(response.url, target)
                prepared = requests.Request("GET", target).prepare()
                home = _origin(target) == _origin(self.base_url)
            except ValueError:
                problem = "a redirect to what is no address"
            if problem:
                raise self.error(UnexpectedRedirect, response, f"{problem} is not followed")
            response = self._send(prepared, stream=stream, authorized=home)
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

    def _checked(self, response: Response, *, unread: bool, redirects: bool) -> Answer:
        status = response.status_code
        if response.is_redirect:
            if redirects:
                return Answer(response, MISSING)
            raise self.error(
                UnexpectedRedirect, response, f"status {status} sends us elsewhere; not followed"
            )
        good = 200 <= status < 300  # noqa: PLR2004
        if good and unread and "json" not in response.headers.get("Content-Type", ""):
            return Answer(response, MISSING)
        if unread:
            response._content = b"".join(self.chunks(response))  # noqa: SLF001
        body = _json_if_any(response)
        complaints = envelopes.complaints(body)
        if good:
            if complaints:
                raise self.error(ApplicationError, response, "; ".join(complaints))
            for reservation in envelopes.reservations(body):
                warnings.warn(reservation, stacklevel=4)
            return Answer(response, body)
        if status < requests.codes.bad_request:
            kind = UnexpectedRedirect if status in REDIRECT_STATI else UnexpectedStatus
            raise self.error(kind, response, f"status {status} alone means nothing here")
        said = "; ".join(complaints or envelopes.remarks(body)) or self._quoted(response)
        reason = response.reason or "refused"
        raise self.error(refusal(status), response, f"{status} {reason}: {said}")

    def _named(self, request: requests.PreparedRequest) -> str:
        """Name a request as the documentation does, without host and query."""
        path = urlsplit(request.url or "").path
        home = urlsplit(self.base_url).path
        return self._secret.mask(f"{request.method} {path.removeprefix(home)}")

    def _quoted(self, response: Response) -> str:
        text = self._secret.mask(" ".join(response.text.split()))
        return f"{text[:SHOWN]!r}" if text else "an empty answer"


def _json_if_any(response: Response) -> JSON | Missing:
    """Decode an answer if it can be, whatever it calls itself: a refusal may call itself a page."""
    try:
        return serialization.decode(response.content)
    except ValueError:
        return MISSING


def _checked_address(base_url: str, allow_insecure: bool) -> str:
    try:
        parts = urlsplit(base_url)
        scheme, host, _ = _origin(base_url)
    except ValueError:
        scheme, host = "", None
    # The address is not shown: where the two arguments were swapped, it is the key.
    if scheme not in {"http", "https"} or not host:
        raise ConfigError("the base URL is no address; it looks like https://api.appen.com/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError("the base URL holds a user, a query or a fragment; leave them off")
    if scheme == "http" and not (allow_insecure or _is_here(host)):
        raise ConfigError(
            f"plain http:// would show your API key to the network between you and {host};"
            f" use https://, or allow_insecure=True where that network is yours"
        )
    return base_url.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
