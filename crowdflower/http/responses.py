"""What an answer means: a success, a refusal, or nothing that can be understood.

Status and content are independent in this API: many a failure is a 200 with an ``error`` inside.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from crowdflower._types import JSON, MISSING, Missing
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    MalformedResponse,
    RequestTimeout,
    UnexpectedContentType,
    UnexpectedRedirect,
    UnexpectedStatus,
    UnitLimitReached,
    refusal,
    warn,
)
from crowdflower.http import encoding, messages
from crowdflower.http.credentials import Secret

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

SHOWN: Final = 200
"""Characters of an unreadable answer that an error quotes."""

MOST_SHOWN: Final = 2000
"""Characters of whatever the service said that an error quotes."""

LOOKED_AT: Final = 1 << 14
"""Bytes of an unreadable answer that are looked at for that."""

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""Statuses that send one elsewhere, with a ``Location`` or without."""


class Answer(NamedTuple):
    """A response that was no refusal, and its JSON."""

    response: Response
    body: JSON | Missing
    """The decoded JSON; ``MISSING`` where the answer is something else or was left unread."""


class Reader:
    """Reads the answers to requests for one address, and names them in errors without the key."""

    def __init__(self, secret: Secret, base_url: str) -> None:
        self._secret = secret
        self._home = urlsplit(base_url).path

    def checked(self, response: Response, *, as_json: bool, redirects: bool) -> Answer:
        """Return a good answer, decoded if it is JSON.

        :param as_json: It must be JSON.
        :param redirects: A redirect is an answer too.
        :raises ApiError: It is not good.
        """
        if redirects and response.is_redirect:
            return Answer(response, MISSING)
        answer = self._judged(response, as_json=as_json)
        if isinstance(answer, ApiError):
            raise answer  # from here: what the server said stands in no variable of this frame
        return answer

    def _judged(self, response: Response, *, as_json: bool) -> Answer | ApiError:
        status = response.status_code
        if status in REDIRECTS:
            return self.error(
                UnexpectedRedirect, response, f"status {status} sends us elsewhere; not followed"
            )
        body = _json_if_any(response)
        complaints = messages.complaints(body)
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            if complaints:
                return self.error(ApplicationError, response, "; ".join(complaints))
            for reservation in messages.reservations(body):
                warn(reservation)
            if as_json and body is MISSING and status != HTTPStatus.NO_CONTENT:
                return self._no_json(response)
            return Answer(response, None if as_json and body is MISSING else body)
        if status not in range(HTTPStatus.BAD_REQUEST, 600):
            return self.error(UnexpectedStatus, response, f"status {status} means nothing here")
        said = "; ".join(complaints or messages.remarks(body)) or self._quoted(response)
        kind = RequestTimeout if status == HTTPStatus.REQUEST_TIMEOUT else refusal(status)
        if status == HTTPStatus.UNPROCESSABLE_ENTITY and speaks_of_a_unit_limit(said):
            kind = UnitLimitReached
        return self.error(kind, response, f"{status} {response.reason or 'refused'}: {said}")

    def error(self, kind: type[ApiError], response: Response, problem: str) -> ApiError:
        """Make an error that names the request and shows no key, whoever wrote the problem."""
        said = (
            private(self._secret.mask(problem))[:MOST_SHOWN]
            .encode("utf-8", "backslashreplace")
            .decode()
        )
        text = f"{self.named(response.request)}: {said}"
        self.conceal(response)
        return kind(text, request=response.request, response=response)

    def conceal(self, response: Response) -> None:
        """Mask what an answer must not show: an error holds on to it, is logged and pickled."""
        mask = self._secret.mask
        response.url = mask(response.url)
        response.reason = mask(response.reason or "")
        for name, value in response.headers.items():
            response.headers[name] = mask(value)
        if isinstance(response._content, bytes):  # noqa: SLF001 - False where it was left unread
            content = mask(response._content.decode("latin-1"))  # noqa: SLF001
            response._content = private(content).encode("latin-1")  # noqa: SLF001

    def named(self, request: PreparedRequest) -> str:
        """Name a request as the documentation does, without host and query."""
        path = urlsplit(request.url or "").path
        return self._secret.mask(f"{request.method} {path.removeprefix(self._home)}")

    def _no_json(self, response: Response) -> ApiError:
        """Make the error for an answer that was to be JSON and is not."""
        said = response.headers.get("Content-Type", "")
        kind = MalformedResponse if "json" in said else UnexpectedContentType
        problem = f"expected JSON, got {said or 'no content type'}: {self._quoted(response)}"
        return self.error(kind, response, problem)

    def _quoted(self, response: Response) -> str:
        # Not response.text: it believes the charset that the answer names, and some names crash it.
        start = response.content[:LOOKED_AT].decode("utf-8", "replace")
        text = private(self._secret.mask(" ".join(start.split())))
        return f"{text[:SHOWN]!r}" if text else "an empty answer"


def speaks_of_a_unit_limit(said: str) -> bool:
    """Tell whether a refusal says that a job would hold too many rows.

    The service documents that it refuses so, and not in which words. Other limits, such as those of
    a page, count *per unit* or *units per* something.

    >>> speaks_of_a_unit_limit("Unit limit of 250,000 reached")
    True
    >>> speaks_of_a_unit_limit("At most 20 units per page are allowed")
    False
    """
    rows = re.sub(
        r"\b(per|each|every) (unit|row)s?\b|\b(unit|row)s? (per|on) \w+", "", said.lower()
    )
    return bool(re.search(r"\b(unit|row)s?\b", rows) and _LIMIT.search(rows))


_LIMIT: Final = re.compile(
    r"\b(limit(s|ed)?|maximum|max|exceed(s|ed)?|too many|no more|more than|at most|up to)\b"
)


def private(text: str) -> str:
    """Mask the values of fields that are nobody's business, in a text that quotes JSON.

    >>> private('{"id": 7, "email": "owner@example.com", "auth_key": "abc"}')
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
"""A text may end in the middle of a value: the rest of it is masked all the same."""


def _json_if_any(response: Response) -> JSON | Missing:
    """Decode an answer if it can be, whatever it calls itself: a refusal may call itself a page."""
    try:
        return encoding.decode(response.content)
    except ValueError:
        return MISSING
