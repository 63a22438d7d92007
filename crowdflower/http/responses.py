"""Turns a response into a result or an error.

Status and content are independent in this API: many a failure is a 200 with an ``error`` inside.
The same message comes in many wrappings, by endpoint and age of the service: a string, a list of
strings, an object with a ``message``, or all of these inside ``message``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from reprlib import Repr
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from crowdflower._types import JSON, MISSING, Missing
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    MalformedResponse,
    RequestTimeout,
    ServiceWarning,
    UnexpectedContentType,
    UnexpectedRedirect,
    UnexpectedStatus,
    refusal_class,
    warn,
)
from crowdflower.http import encoding
from crowdflower.http.credentials import ApiKey

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

RefusalClassifier: TypeAlias = Callable[[int, str, str], tuple[type[ApiError] | None, str]]
"""Takes status, message, and method with path of a refused request; returns the error class
(``None`` for the usual one) and what the message should name (possibly nothing)."""

QUOTED_CHARACTERS: Final = 200
"""Characters of an unreadable response that an error quotes."""

QUOTED_BYTES: Final = 1 << 14
"""Bytes of an unreadable response that are decoded to find those characters."""

MAX_MESSAGE: Final = 2000
"""Characters of the service's own message that an error quotes."""

WARNING_HEADER: Final = "X-Sandbox-Warning"
"""The response header in which the sandbox says what it ignored, once for each warning."""

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""Statuses of redirects, with a ``Location`` or without."""

_REFUSALS: Final = ("error", "errors")
_MESSAGES: Final = (*_REFUSALS, "warning", "notice", "success")


class Answer(NamedTuple):
    """A response that is not a refusal, and its JSON."""

    response: Response
    body: Any
    """The decoded JSON, or ``MISSING`` if the response is not JSON or was left unread."""

    warnings: tuple[str, ...] = ()
    """The reservations of the service, for :func:`issue_warnings`."""


class ResponseReader:
    """Reads responses of one server, and keeps the API key out of errors.

    :param classify_refusal: Recognises refusals that have an error class of their own, and what
        they refer to.
    """

    def __init__(
        self, key: ApiKey, base_url: str, classify_refusal: RefusalClassifier | None = None
    ) -> None:
        self._key = key
        self._base_path = urlsplit(base_url).path
        self._classify_refusal = classify_refusal

    def read(self, response: Response, *, as_json: bool, redirects: bool) -> Answer:
        """Return the result in a response, decoded if it is JSON.

        :param as_json: Anything but JSON is an error.
        :param redirects: A redirect is a success.
        :raises ApiError: The response is a refusal or cannot be understood.
        """
        if redirects and response.is_redirect and not refusal_messages(_decode_if_json(response)):
            return Answer(response, MISSING, self.warnings(response))
        answer = self._answer_or_error(response, as_json=as_json)
        if isinstance(answer, ApiError):
            raise answer  # here, where no local variable holds what the server said
        return answer

    def _answer_or_error(self, response: Response, *, as_json: bool) -> Answer | ApiError:
        status = response.status_code
        body = _decode_if_json(response)
        refusals = refusal_messages(body)
        if refusals and HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST:
            return self.error(ApplicationError, response, "; ".join(refusals))
        if status in REDIRECTS:
            problem = f"status {status} redirects, which is not followed"
            return self.error(UnexpectedRedirect, response, problem)
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            if as_json and body is MISSING and status != HTTPStatus.NO_CONTENT:
                return self._not_json(response)
            warnings = self.warnings(response, body)
            return Answer(response, None if as_json and body is MISSING else body, warnings)
        if status not in range(HTTPStatus.BAD_REQUEST, 600):
            return self.error(UnexpectedStatus, response, f"unexpected status {status}")
        message = "; ".join(refusals or all_messages(body)) or self._quote(response)
        kind, subject = None, ""
        if self._classify_refusal:
            request = self.describe(response.request)
            kind, subject = self._classify_refusal(status, message, request)
            is_page = status == HTTPStatus.NOT_FOUND and body is MISSING
            if is_page and not self._base_path.strip("/"):
                message += "; not an answer of the API: the base URL may lack its path, such as /v1"
        if kind is None:
            timed_out = status == HTTPStatus.REQUEST_TIMEOUT
            kind = RequestTimeout if timed_out else refusal_class(status)
        reason = response.reason or "refused"
        problem = ": ".join(filter(None, (f"{status} {reason}", subject, message)))
        return self.error(kind, response, problem)

    def warnings(self, response: Response, body: JSON = None) -> tuple[str, ...]:
        """Return the warnings in the body and in the headers of a response, each once."""
        sent: Iterable[str] = ()
        if WARNING_HEADER in response.headers:
            raw = response.raw.headers if response.raw else None
            # requests joins headers of the same name, urllib3 keeps them apart
            sent = raw.getlist(WARNING_HEADER) if raw else [response.headers[WARNING_HEADER]]
        found = [*reservations(body), *map(_unescape, sent)]
        return tuple(dict.fromkeys(mask_private(self._key.mask(text)) for text in found))

    def error(self, kind: type[ApiError], response: Response, problem: str) -> ApiError:
        """Return an error that names the request, without the key and private values."""
        message = mask_private(self._key.mask(problem))[:MAX_MESSAGE]
        message = message.encode("utf-8", "backslashreplace").decode()
        text = f"{self.describe(response.request)}: {message}"
        self.conceal(response)
        return kind(text, request=response.request, response=response)

    def conceal(self, response: Response) -> None:
        """Mask secrets in a response that an error will hold: it may be logged or pickled."""
        mask = self._key.mask
        response.url = mask(response.url)
        response.reason = mask(response.reason or "")
        for name, value in response.headers.items():
            response.headers[name] = mask(value)
        if isinstance(response._content, bytes):  # noqa: SLF001 - False where it was left unread
            content = mask(response._content.decode("latin-1"))  # noqa: SLF001
            response._content = mask_private(content).encode("latin-1")  # noqa: SLF001

    def describe(self, request: PreparedRequest) -> str:
        """Return method and path of a request, as the documentation writes them."""
        path = urlsplit(request.url or "").path
        return self._key.mask(f"{request.method} {path.removeprefix(self._base_path)}")

    def _not_json(self, response: Response) -> ApiError:
        content_type = response.headers.get("Content-Type", "")
        kind = MalformedResponse if "json" in content_type else UnexpectedContentType
        found = f"{content_type or 'no content type'}: {self._quote(response)}"
        return self.error(kind, response, f"expected JSON, got {found}")

    def _quote(self, response: Response) -> str:
        # Not response.text: it trusts the charset that the server names, and some names crash it.
        start = response.content[:QUOTED_BYTES].decode("utf-8", "replace")
        text = mask_private(self._key.mask(" ".join(start.split())))
        return f"{text[:QUOTED_CHARACTERS]!r}" if text else "an empty body"


def issue_warnings(answer: Answer) -> None:
    """Issue the warnings of a response, each as a ``ServiceWarning`` at the caller's line."""
    for text in answer.warnings:
        warn(text[:MAX_MESSAGE], ServiceWarning)


def _unescape(text: str) -> str:
    r"""Return a header value with its characters beyond ASCII, which headers cannot have.

    >>> _unescape(r"there is no column gr\xfc\xdfe")
    'there is no column grüße'
    """
    return _ESCAPED.sub(lambda found: chr(int(found[1] or found[2] or found[3], 16)), text)


_ESCAPED: Final = re.compile(
    r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U(000[0-9a-f]{5}|0010[0-9a-f]{4}))"
)


def refusal_messages(body: JSON) -> list[str]:
    """Return the reasons why the service refused a request; none if it did not.

    An object that was created with a reservation (it has an ``id``, and an ``error`` inside
    ``message``) is not a refusal: see :func:`reservations`.

    >>> refusal_messages({"error": {"message": "We couldn't find what you were looking for."}})
    ["We couldn't find what you were looking for."]
    >>> refusal_messages({"errors": ["Title is too short", "Cml can't be blank"]})
    ['Title is too short', "Cml can't be blank"]
    >>> refusal_messages({"id": 7, "title": "Sentiment"})
    []
    """
    if not isinstance(body, dict):
        return []
    found = _messages_in(body, _REFUSALS)
    if not found and "id" not in body:
        found = _messages_in(body.get("message"), _REFUSALS)
    return found


def reservations(body: JSON) -> list[str]:
    """Return what the service objects to in an object that it created all the same.

    >>> reservations({"id": 1, "message": {"error": "Unit could not be ordered."}})
    ['Unit could not be ordered.']
    """
    if not isinstance(body, dict) or "id" not in body:
        return []
    return _messages_in(body.get("message"), _REFUSALS)


def all_messages(body: JSON) -> list[str]:
    """Return every message in a decoded body, good or bad.

    >>> all_messages({"message": {"success": "Job 535569 has been deleted."}})
    ['Job 535569 has been deleted.']
    """
    if not isinstance(body, dict):
        return []
    message = body.get("message")
    inner = _messages_in(message, _MESSAGES) if isinstance(message, dict) else _strings(message)
    return _messages_in(body, _MESSAGES) + inner


def _messages_in(body: JSON, keys: tuple[str, ...]) -> list[str]:
    if not isinstance(body, dict):
        return []
    return [text for key in keys for text in _strings(body.get(key))]


def _strings(value: JSON) -> list[str]:
    """Unwrap a string, a list of strings or an object that holds one."""
    strings, waiting = [], [value]  # no recursion: the server chooses the depth
    while waiting:
        value = waiting.pop()
        if value is None or value in ("", [], {}, False):
            continue
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict) and "message" in value:
            waiting.append(value["message"])
        else:
            strings.append(value if isinstance(value, str) else _SHORTENED.repr(value))
    return strings


_SHORTENED: Final = Repr()
_SHORTENED.maxdict = _SHORTENED.maxlist = _SHORTENED.maxstring = _SHORTENED.maxother = 200


def mask_private(text: str) -> str:
    """Mask the values of private fields in a string that quotes JSON.

    >>> mask_private('{"id": 7, "email": "owner@example.com", "auth_key": "abc"}')
    '{"id": 7, "email": "****", "auth_key": "****"}'
    """
    return _PRIVATE.sub(r'\1"****"', text)


_PRIVATE: Final = re.compile(
    r"""
    (["']_?(?:key|api_key|token|secret|auth_key|auth_code|password|signature|email|ip)["']\s*:\s*)
    (?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s"'\[\]{},][^\s\[\]{},]*)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
"""The string may end in the middle of a value, which is then masked to the end."""


def _decode_if_json(response: Response) -> JSON | Missing:
    """Decode a body if it is JSON, whatever its content type: refusals are often mislabelled."""
    try:
        return encoding.decode_json(response.content)
    except ValueError:
        return MISSING
