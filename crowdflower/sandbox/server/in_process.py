"""Calls an application in process, as a requests adapter: no socket, no thread, no port.

A session of :mod:`requests` hands a prepared request to whatever adapter is mounted for its
address. This one turns it into the call that a web server would make, and the application's answer
into the response that a socket would have brought, down to the raw stream below it.
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

from crowdflower.sandbox.control.faults import WAIT, Dropped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    _ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

ORIGIN: Final = "https://sandbox.invalid"
"""Where the sandbox pretends to be: a name that nobody can ever own (RFC 2606, section 2)."""

RAISE_ERRORS: Final = "crowdflower.raise_errors"
"""Key of the environment by which a caller asks the application to raise what it did not expect."""

_IN_MEMORY: Final = 1024 * 1024
_BLOCK: Final = 64 * 1024


def session_for(app: WSGIApplication) -> requests.Session:
    """Make a session that reaches one application, and nothing else.

    >>> def app(environ, start_response):
    ...     start_response("200 OK", [("Content-Type", "text/plain")])
    ...     return [environ["PATH_INFO"].encode()]
    >>> session_for(app).get("https://sandbox.invalid/v1/jobs").text
    '/v1/jobs'
    >>> session_for(app).get("https://api.appen.com/v1/jobs")
    Traceback (most recent call last):
    crowdflower.sandbox.server.in_process.OutsideOfTheSandbox: this session reaches only \
https://sandbox.invalid, and was asked for https://api.appen.com
    """
    session = requests.Session()
    # Proxies and ~/.netrc are for the network; looking them up takes as long as the call itself.
    session.trust_env = False
    session.adapters.clear()
    adapter = SandboxAdapter(app)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class OutsideOfTheSandbox(InvalidURL):
    """A session that may only reach the sandbox was asked for another address."""


class SandboxAdapter(BaseAdapter):
    """Sends the requests of a session to an application in this process.

    There is one scheme, host and port, :data:`ORIGIN`. A request for any other raises
    :class:`OutsideOfTheSandbox`; no connection is opened.

    :param app: Any WSGI application.
    :param raise_errors: Let what the application did not expect come up here: in a test its
        traceback is worth more than a status 500.

    There is nobody to wait for, so a time limit is over only where the sandbox was told to take
    longer (:meth:`Faults.next <crowdflower.sandbox.control.faults.Faults.next>`), and then at
    once. A body
    that is a generator is read to its end before the application is called, as a web server would,
    so it may itself call the same application.
    """

    def __init__(self, app: WSGIApplication, *, raise_errors: bool = True) -> None:
        super().__init__()
        self._app = app
        self._raise_errors = raise_errors

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - the session asks
        timeout: float | tuple[float | None, float | None] | None = None,
        *_: object,
        **__: object,
    ) -> requests.Response:
        """Call the application and hand back its answer, the body still unread.

        :raises requests.ConnectionError: The sandbox was told to break the connection.
        :raises requests.ReadTimeout: It was told to take longer than the time limit.
        """
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        url = urlsplit(request.url or "")
        if f"{url.scheme}://{url.netloc}" != ORIGIN:
            asked = f"{url.scheme}://{url.hostname}"
            raise OutsideOfTheSandbox(
                f"this session reaches only {ORIGIN}, and was asked for {asked}"
            )
        body = _spooled(_blocks(request.body))
        try:
            environ = _environment(request, body) | {RAISE_ERRORS: self._raise_errors}
            environ[WAIT] = partial(_wait, request, patience)
            return _Answer(self._app, environ).response(request, self)
        except Dropped as dropped:
            body.close()
            broken = ProtocolError("Connection aborted.", RemoteDisconnected(str(dropped)))
            raise requests.ConnectionError(broken, request=request) from None
        except BaseException:
            body.close()
            raise

    def close(self) -> None:
        """Hold nothing, so close nothing."""


def _wait(request: requests.PreparedRequest, patience: float | None, seconds: float) -> None:
    """Wait no time at all, unless the caller would have waited for less."""
    if patience is not None and seconds > patience:
        raise requests.ReadTimeout(f"Read timed out. (read timeout={patience})", request=request)


def _blocks(body: Any) -> Iterator[bytes]:
    if isinstance(body, (bytes, bytearray, str)):
        blocks: Iterable[bytes | bytearray | str] = [body]
    elif hasattr(body, "read"):
        blocks = takewhile(len, iter(partial(body.read, _BLOCK), None))
    else:
        blocks = body or ()
    for block in blocks:
        yield block.encode("utf-8") if isinstance(block, str) else bytes(block)


def _spooled(blocks: Iterable[bytes]) -> IO[bytes]:
    """Keep a body until it is read: in memory while it is small, else in a temporary file."""
    file: IO[bytes] = io.BytesIO()
    try:
        for block in blocks:
            file.write(block)
            if isinstance(file, io.BytesIO) and file.tell() > _IN_MEMORY:
                memory, file = file, tempfile.TemporaryFile()  # noqa: SIM115 - _Answer closes it
                file.write(memory.getbuffer())
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _environment(request: requests.PreparedRequest, body: IO[bytes]) -> WSGIEnvironment:
    """Say what a web server says of a request (PEP 3333)."""
    url = urlsplit(request.url or "")
    headers = {_text(name).title(): _text(value) for name, value in request.headers.items()}
    chunked = headers.pop("Transfer-Encoding", "").lower() == "chunked"
    headers.pop("Content-Length", None)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method or "GET",
        "SCRIPT_NAME": "",
        # WSGI wants the path decoded to bytes, and these as the characters of the same numbers.
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


class _Answer(io.RawIOBase):
    """What an application answers: its status, its headers, and its body as a file to read."""

    def __init__(self, app: WSGIApplication, environ: WSGIEnvironment) -> None:
        self._input: IO[bytes] = environ["wsgi.input"]
        self._method: str = environ["REQUEST_METHOD"]
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self._unread = memoryview(b"")
        self._blocks: Iterable[bytes] = ()
        self._blocks = app(environ, self._start)
        self._rest: Iterator[bytes] = iter(self._blocks)
        # The status may come as late as the first block.
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
        """Wrap the answer as requests and urllib3 wrap one that came over a socket."""
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
    """As much of :class:`http.client.HTTPResponse` as the cookie jar of a session looks at."""

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self.msg = HTTPMessage()
        for name, value in headers:
            self.msg[name] = value

    def close(self) -> None:
        """Nothing is open: the body closes itself."""

    def isclosed(self) -> bool:
        return True
