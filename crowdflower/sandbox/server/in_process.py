"""A requests adapter that calls a WSGI application in process: no socket, no thread, no port.

A session of :mod:`requests` passes a prepared request to the adapter mounted for its URL. This one
calls the application as a web server would, and turns what it returns into the response that would
have come over a socket, including the raw stream.
"""

from __future__ import annotations

import io
import sys
import tempfile
from functools import partial
from http.client import HTTPMessage, RemoteDisconnected
from itertools import takewhile
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import InvalidURL
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ProtocolError

from crowdflower.sandbox.control.faults import WAIT, ConnectionDropped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    _ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

ORIGIN: Final = "https://sandbox.invalid"
"""Base URL of a sandbox in process; the domain is reserved (RFC 2606, section 2)."""

RAISE_ERRORS: Final = "crowdflower.raise_errors"
"""WSGI environ key: the application raises unexpected errors instead of responding with 500."""

_MAX_IN_MEMORY: Final = 1024 * 1024
_BLOCK: Final = 64 * 1024


def session_for(app: WSGIApplication) -> requests.Session:
    """Return a session that sends every request to this application, and nothing to the network.

    >>> def app(environ, start_response):
    ...     start_response("200 OK", [("Content-Type", "text/plain")])
    ...     return [environ["PATH_INFO"].encode()]
    >>> session_for(app).get("https://sandbox.invalid/v1/jobs").text
    '/v1/jobs'
    >>> session_for(app).get("https://api.appen.com/v1/jobs")
    Traceback (most recent call last):
    crowdflower.sandbox.server.in_process.OutsideSandbox: this session reaches only \
https://sandbox.invalid, not https://api.appen.com
    """
    session = requests.Session()
    # Proxies and ~/.netrc are not needed, and reading them takes as long as the call itself.
    session.trust_env = False
    session.adapters.clear()
    adapter = SandboxAdapter(app)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class OutsideSandbox(InvalidURL):
    """The session reaches only the sandbox; the URL is outside it."""


class SandboxAdapter(BaseAdapter):
    """Sends the requests of a session to an application in this process.

    It accepts one scheme, host and port, :data:`ORIGIN`. A request to any other raises
    :class:`OutsideSandbox`; no connection is opened.

    :param app: Any WSGI application.
    :param raise_errors: Raise unexpected errors of the application here: in a test, the traceback
        is more useful than a status 500.

    Nothing waits. A timeout expires only when an injected delay is longer
    (:meth:`Faults.next <crowdflower.sandbox.control.faults.Faults.next>`), and then at once. A body
    that is a generator is read to its end before the application is called, as by a web server, so
    the generator may call the same application.
    """

    def __init__(self, app: WSGIApplication, *, raise_errors: bool = True) -> None:
        super().__init__()
        self._app = app
        self._raise_errors = raise_errors

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - inherited signature
        timeout: float | tuple[float | None, float | None] | None = None,
        *_: object,
        **__: object,
    ) -> requests.Response:
        """Call the application and return its response, the body still unread.

        :raises requests.ConnectionError: An injected fault closed the connection.
        :raises requests.ReadTimeout: An injected delay is longer than the timeout.
        """
        read_timeout = timeout[1] if isinstance(timeout, tuple) else timeout
        url = urlsplit(request.url or "")
        if f"{url.scheme}://{url.netloc}" != ORIGIN:
            raise OutsideSandbox(
                f"this session reaches only {ORIGIN}, not {url.scheme}://{url.hostname}"
            )
        body = _spool(_blocks(request.body))
        try:
            environ = _environment(request, body) | {RAISE_ERRORS: self._raise_errors}
            environ[WAIT] = partial(_wait, request, read_timeout)
            return _WSGIResponse(self._app, environ).response(request, self)
        except ConnectionDropped as dropped:
            body.close()
            broken = ProtocolError("Connection aborted.", RemoteDisconnected(str(dropped)))
            raise requests.ConnectionError(broken, request=request) from None
        except BaseException:
            body.close()
            raise

    def close(self) -> None:
        """Do nothing: the adapter holds no connection."""


def _wait(request: requests.PreparedRequest, timeout: float | None, seconds: float) -> None:
    """Return at once, or raise if the timeout is shorter than the wait."""
    if timeout is not None and seconds > timeout:
        raise requests.ReadTimeout(f"Read timed out. (read timeout={timeout})", request=request)


def _blocks(body: Any) -> Iterator[bytes]:
    if isinstance(body, (bytes, bytearray, str)):
        blocks: Iterable[bytes | bytearray | str] = [body]
    elif hasattr(body, "read"):
        blocks = takewhile(len, iter(partial(body.read, _BLOCK), None))
    else:
        blocks = body or ()
    for block in blocks:
        yield block.encode("utf-8") if isinstance(block, str) else bytes(block)


def _spool(blocks: Iterable[bytes]) -> IO[bytes]:
    """Return a body as a file: in memory while it is small, else in a temporary file."""
    file: IO[bytes] = io.BytesIO()
    try:
        for block in blocks:
            file.write(block)
            if isinstance(file, io.BytesIO) and file.tell() > _MAX_IN_MEMORY:
                memory, file = file, tempfile.TemporaryFile()  # noqa: SIM115 - _WSGIResponse closes it
                file.write(memory.getbuffer())
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _environment(request: requests.PreparedRequest, body: IO[bytes]) -> WSGIEnvironment:
    """Return the WSGI environ of a request (PEP 3333)."""
    url = urlsplit(request.url or "")
    headers = {_text(name).title(): _text(value) for name, value in request.headers.items()}
    chunked = headers.pop("Transfer-Encoding", "").lower() == "chunked"
    headers.pop("Content-Length", None)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method or "GET",
        "SCRIPT_NAME": "",
        # WSGI: the path is percent-decoded to bytes, and these are decoded as Latin-1.
        "PATH_INFO": unquote_to_bytes(url.path or "/").decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname or "",
        "SERVER_PORT": str(url.port or {"https": 443}.get(url.scheme, 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": url.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if not chunked:
        environ["CONTENT_LENGTH"] = str(body.seek(0, io.SEEK_END))
        body.seek(0)
    if "Content-Type" in headers:
        environ["CONTENT_TYPE"] = headers.pop("Content-Type")
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()}
    return environ


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


class _WSGIResponse(io.RawIOBase):
    """The response of a WSGI application: status, headers, and the body as a raw stream."""

    def __init__(self, app: WSGIApplication, environ: WSGIEnvironment) -> None:
        self._input: IO[bytes] = environ["wsgi.input"]
        self._method: str = environ["REQUEST_METHOD"]
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self._unread = memoryview(b"")
        self._blocks: Iterable[bytes] = ()
        self._blocks = app(environ, self._start)
        self._rest: Iterator[bytes] = iter(self._blocks)
        # An application may call start_response as late as its first block.
        while not self._status:
            self._write(next(self._rest))

    def _start(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: _ErrorInfo | None = None,
        /,
    ) -> Callable[[bytes], object]:
        if exc_info and exc_info[1] and self._status:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._headers = status, headers
        return self._write

    def _write(self, block: bytes, /) -> None:
        self._unread = memoryview(bytes(self._unread) + block)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._unread:
            block = next(self._rest, None)
            if block is None:
                return 0
            self._unread = memoryview(block)
        size = min(len(buffer), len(self._unread))
        buffer[:size] = self._unread[:size]
        self._unread = self._unread[size:]
        return size

    def close(self) -> None:
        if not self.closed:
            self._input.close()
            getattr(self._blocks, "close", lambda: None)()
        super().close()

    def response(
        self, request: requests.PreparedRequest, adapter: SandboxAdapter
    ) -> requests.Response:
        """Return the response as requests and urllib3 return one from a socket."""
        code, _, reason = self._status.partition(" ")
        raw = HTTPResponse(
            body=self,
            headers=HTTPHeaderDict(self._headers),
            status=int(code),
            reason=reason,
            version=11,
            version_string="HTTP/1.1",
            preload_content=False,
            decode_content=False,
            original_response=_Original(self._headers),  # type: ignore[arg-type]
            request_method=self._method,
            request_url=request.url,
        )
        response = requests.Response()
        response.status_code = raw.status
        response.reason = reason
        response.headers = CaseInsensitiveDict(raw.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.raw = raw
        response.url = request.url or ""
        response.request = request
        response.connection = adapter  # type: ignore[assignment]
        extract_cookies_to_jar(response.cookies, request, raw)  # type: ignore[no-untyped-call]
        return response


class _Original:
    """The part of :class:`http.client.HTTPResponse` that the cookie jar of a session reads."""

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self.msg = HTTPMessage()
        for name, value in headers:
            self.msg[name] = value

    def close(self) -> None:
        """Do nothing: the body closes itself."""

    def isclosed(self) -> bool:
        return True
