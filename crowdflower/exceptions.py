"""What a call can raise: one tree, so that ``except ApiError`` catches it all.

.. code-block:: text

    ApiError
    ├─ ConfigError             the key, the address or a limit is unusable
    ├─ InvalidInput            an argument or a row is; nothing was sent
    │   └─ OverBudget          it would cost more than was allowed
    ├─ TransportError          no answer came
    │   ├─ NotSentError        no byte of the request left this machine
    │   ├─ RequestTimeout      the server kept silent for too long
    │   ├─ ConnectionLost      the connection broke
    │   └─ DeadlineExceeded    it all took longer than it may
    ├─ OutcomeUnknown          a change was sent, and nobody said what became of it
    ├─ RefusedError            the server understood and said no
    │   ├─ AuthenticationError 401        ├─ Conflict         409
    │   ├─ PaymentRequired     402        ├─ PayloadTooLarge  413
    │   ├─ PermissionDenied    403        ├─ ValidationError  400, 415, 422
    │   ├─ NotFound            404, 410   │   └─ UnitLimitReached
    │   ├─ MethodNotAllowed    405        ├─ RateLimited      429
    │   ├─ NotAcceptable       406        ├─ ServerError      5xx
    │   │                                 │   └─ SandboxNotImplemented  501
    │   └─ ApplicationError    a success in status that carries error or errors
    ├─ ResponseError           an answer that cannot be what was asked for
    │   ├─ MalformedResponse   ├─ UnexpectedContentType   ├─ UnexpectedStatus
    │   ├─ UnexpectedRedirect  ├─ TruncatedResponse       └─ ResponseTooLarge
    ├─ ReportError
    │   ├─ ReportNotReady      ├─ ReportCorrupt
    │   └─ ReportEmpty         └─ ReportTooLarge
    ├─ UploadError             an upload with a key column
    │   ├─ UploadIncomplete    some rows are there; its resume says how to go on
    │   ├─ SourceChanged       the rows are others than those that the upload began with
    │   └─ UploadLocked        another upload goes by the same plan
    ├─ PaginationError
    │   ├─ PageLoop            the server sends the same page again
    │   └─ PageChanged         the list changed while it was read
    ├─ JournalError            what is paid cannot be written down; nothing was sent
    │   ├─ JournalLocked       another process holds the journal
    │   ├─ JournalCorrupt      the file is damaged, or is no journal
    │   └─ DuplicateOperation  a payment of this name was begun before
    └─ WebhookError            what was posted to us is not to be believed
        ├─ MalformedNotification  it cannot be read
        ├─ SignatureMismatch   it is signed with another key, or not at all
        └─ Replay              it came before

A class that has a natural parent among Python's own errors is that too: :class:`InvalidInput` is a
:class:`ValueError`, :class:`RequestTimeout` a :class:`TimeoutError`. No error shows the key: not in
its text, not in its attributes, not when it is pickled. Of the answer that it carries, the values
of fields such as ``email``, ``ip`` and ``password`` are masked too.
"""

from __future__ import annotations

import sys
import warnings
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import PreparedRequest, Response

    from crowdflower.models.events import Event
    from crowdflower.payments.records import Finding, Operation


class ApiError(Exception):
    """Root of every error that a call raises.

    :param message: One readable sentence: what was asked, what went wrong.
    :param request: What was sent, its ``Authorization`` header masked.
    :param response: The answer, when there was one.
    :ivar page: Of a list, the number of the page that failed: ``start_page`` for going on.
    :ivar items_seen: Of a list, how many items had come before that page.
    """

    page: int | None = None
    items_seen: int | None = None

    def __init__(
        self,
        message: str = "",
        *,
        request: PreparedRequest | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(message)
        self.request = request
        self.response = response

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by state: an error crosses to another process whatever its arguments were."""
        return (_revive, (type(self), self.args, self.__dict__))


def _revive(kind: type[ApiError], args: tuple[Any, ...], state: dict[str, Any]) -> ApiError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(ApiError, ValueError):
    """The client cannot work with this key, address or limit."""


class InvalidInput(ApiError, ValueError):
    """An argument or a row is not usable; nothing was sent.

    :param row: The row's number, counted from 1; ``None`` when no row is to blame.
    """

    def __init__(self, message: str, *, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


class OverBudget(InvalidInput):
    """It would, or may, cost more than was allowed; nothing was sent."""


class TransportError(ApiError):
    """No answer came back."""


class NotSentError(TransportError, ConnectionError):
    """No byte of the request left this machine: the call may be repeated safely.

    :ivar tls: It failed because no secure connection could be made.
    :ivar proxy: It failed because a proxy on the way did not let it through.
    :ivar dns: It failed because the name of the host was not found.
    """

    tls = False
    proxy = False
    dns = False


class RequestTimeout(TransportError, TimeoutError):
    """The server kept silent for longer than the timeout."""


class ConnectionLost(TransportError, ConnectionError):
    """The connection broke before the answer was complete."""


class DeadlineExceeded(TransportError, TimeoutError):
    """The call as a whole, attempts and waits included, took longer than it may."""


class OutcomeUnknown(ApiError):
    """A change was sent, and no answer came that says what became of it.

    It may have been made. This is no :class:`OSError` and no :class:`TimeoutError` on purpose: code
    that repeats a call after one of those would make the change twice, and pay twice.

    :param evidence: What was seen: how far the request got, a status, a broken answer.
    :param phase: How far the request got: ``sending``, ``sent`` or ``answered``.
    :param operation: The payment as the journal has it; ``None`` where the change was no payment.
    """

    _reconciler: Callable[[float], Finding] | None = None

    def __init__(
        self,
        message: str,
        *,
        evidence: str,
        phase: str = "",
        operation: Operation | None = None,
        request: PreparedRequest | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(message, request=request, response=response)
        self.evidence = evidence
        self.phase = phase
        self.operation = operation

    @property
    def op_id(self) -> str | None:
        """The payment's id, by which ``client.operations`` finds it."""
        return None if self.operation is None else self.operation.op_id

    @property
    def sent_at(self) -> datetime | None:
        """When the payment was sent."""
        return None if self.operation is None else self.operation.sent_at

    def reconcile(self, wait: float = 120) -> Finding:
        """Look whether it was paid, as often as it takes; sends nothing that pays.

        :param wait: Seconds after which what was not seen counts as not seen.
        :returns: :class:`~crowdflower.payments.records.Applied`,
            :class:`~crowdflower.payments.records.NotSeen` or
            :class:`~crowdflower.payments.records.Inconclusive`.
        :raises RuntimeError: The change was no payment, or the error was unpickled and knows no
            client: ``client.operations.reconcile(error.op_id)`` does the same.
        """
        if self._reconciler is None:
            raise RuntimeError(
                "this error cannot look by itself"
                + (
                    f": use client.operations.reconcile({self.op_id!r})"
                    if self.op_id
                    else "; the change was no payment: read what it was to change"
                )
            )
        return self._reconciler(wait)

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the client behind; what is known of the payment goes along."""
        kind, (cls, args, state) = super().__reduce__()
        return kind, (cls, args, {k: v for k, v in state.items() if k != "_reconciler"})


class RefusedError(ApiError):
    """The server understood the request and refused it."""

    @property
    def status(self) -> int | None:
        """The HTTP status; ``None`` when there is no response."""
        return None if self.response is None else self.response.status_code

    @property
    def retry_after(self) -> float | None:
        """Seconds the server asked us to wait; ``None`` when it did not say, or not clearly."""
        said = "" if self.response is None else self.response.headers.get("Retry-After", "").strip()
        if said.isascii() and said.replace(".", "", 1).isdigit():
            return float(said)
        try:
            until = parsedate_to_datetime(said)
        except (ValueError, OverflowError):  # the latter for a year of twenty digits
            return None
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())


class AuthenticationError(RefusedError):
    """The key is missing, wrong or replaced by a newer one (status 401)."""


class PaymentRequired(RefusedError):
    """The account's balance does not cover the order (status 402)."""


class PermissionDenied(RefusedError):
    """The account's plan does not include this (status 403)."""


class NotFound(RefusedError):
    """There is no such thing, or it belongs to somebody else (status 404 or 410)."""


class MethodNotAllowed(RefusedError):
    """The path does not take this verb (status 405)."""


class NotAcceptable(RefusedError):
    """The server would not answer in JSON (status 406); a write may have been made all the same."""


class Conflict(RefusedError):
    """The thing is in a state that forbids this (status 409)."""


class PayloadTooLarge(RefusedError):
    """The body is larger than the server takes (status 413)."""


class ValidationError(RefusedError):
    """A parameter is missing or has a value that the server refuses (status 400, 415, 422)."""


class UnitLimitReached(ValidationError):
    """The job would hold more rows than the service allows (a 422 that speaks of such a limit)."""


class RateLimited(RefusedError):
    """The key sent more requests than its plan allows (status 429)."""


class ServerError(RefusedError):
    """The server failed (status 5xx)."""


class SandboxNotImplemented(ServerError):
    """The sandbox does not imitate this part of the service (status 501)."""


class ApplicationError(RefusedError):
    """A success in status, a refusal in content: the answer carries ``error`` or ``errors``.

    The service's own documentation says that "the type of application message will not necessarily
    correspond with the HTTP status code".
    """


class ResponseError(ApiError):
    """An answer that cannot be what was asked for."""


class MalformedResponse(ResponseError):
    """The answer is not the JSON that this call returns.

    :ivar garbage: It is no HTTP either: it does not begin with a status.
    """

    garbage = False


class UnexpectedContentType(ResponseError):
    """The answer is a web page or a text where JSON or a report was asked for."""


class UnexpectedStatus(ResponseError):
    """The answer's status is none that the API knows."""


class UnexpectedRedirect(ResponseError):
    """The answer sends us to where this call must not follow."""


class TruncatedResponse(ResponseError):
    """The answer ended before it was complete."""


class ResponseTooLarge(ResponseError):
    """The answer is larger than any that this call returns."""


class ReportError(ApiError):
    """A report could not be had."""


class ReportNotReady(ReportError, TimeoutError):
    """The service was still building the report when the time was up."""


class ReportCorrupt(ReportError):
    """The archive is damaged, or is none."""


class ReportEmpty(ReportError):
    """The archive holds no report."""


class ReportTooLarge(ReportError):
    """The archive unpacks to more than is wanted, as one does that was made to fill a disk."""


class UploadError(ApiError):
    """Rows could not be uploaded exactly once."""


class UploadIncomplete(UploadError):
    """The upload had to stop while some of its rows were there.

    :param resume: Path of its plan: the same call with ``resume=`` this path goes on from there.
    """

    def __init__(self, message: str, *, resume: str) -> None:
        super().__init__(message)
        self.resume = resume


class SourceChanged(UploadError, ValueError):
    """The rows are not those that the upload began with; nothing was sent."""


class UploadLocked(UploadError):
    """Another process, or another thread, is at this upload; nothing was sent."""


class PaginationError(ApiError):
    """A list could not be read to its end.

    :param page: Number of the page that failed, counted from 1.
    """

    def __init__(self, message: str, *, page: int | None = None) -> None:
        super().__init__(message)
        self.page = page


class PageLoop(PaginationError):
    """The server sends the same page again and again."""


class PageChanged(PaginationError):
    """The list changed while it was read: items are lacking, or came twice."""


class PaginationWarning(UserWarning):
    """The list changed while it was read: items are lacking, or came twice."""


class StaleReportWarning(UserWarning):
    """The report is older than the latest judgments."""


def warn(problem: str, kind: type[Warning] = UserWarning) -> None:
    """Warn at the line that called the package, however deep inside of it this is.

    Python shows a warning once a line: at one of our own, the second unit that could not be ordered
    would be passed over in silence.
    """
    frame, depth = sys._getframe(1), 2  # noqa: SLF001 - the standard library does it so
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame, depth = frame.f_back, depth + 1
    warnings.warn(problem, kind, stacklevel=depth)


class JournalError(ApiError):
    """What is to be paid cannot be written down, so it was not sent."""


class JournalLocked(JournalError):
    """Another process kept the journal to itself for too long."""


class JournalCorrupt(JournalError):
    """The file is damaged, or it is no journal."""


class DuplicateOperation(JournalError):
    """A payment of this name was begun before; it was not begun again.

    :param operation: The earlier one; its ``state`` says what became of it.
    """

    def __init__(self, message: str, *, operation: Operation | None = None) -> None:
        super().__init__(message)
        self.operation = operation


class WebhookError(ApiError):
    """What was posted to us as a notification of the service is not to be believed."""


class MalformedNotification(WebhookError, ValueError):
    """It is no notification, or not of what its signal says."""


class SignatureMismatch(WebhookError):
    """It is signed with another key, or not at all."""


class Replay(WebhookError):
    """It came before: the service did not hear our answer, or somebody sends what they caught.

    :param event: What it tells.
    """

    def __init__(self, message: str, *, event: Event | None = None) -> None:
        super().__init__(message)
        self.event = event


_BY_STATUS: dict[int, type[RefusedError]] = {
    HTTPStatus.BAD_REQUEST: ValidationError,
    HTTPStatus.UNAUTHORIZED: AuthenticationError,
    HTTPStatus.PAYMENT_REQUIRED: PaymentRequired,
    HTTPStatus.FORBIDDEN: PermissionDenied,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowed,
    HTTPStatus.NOT_ACCEPTABLE: NotAcceptable,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: NotFound,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: PayloadTooLarge,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ValidationError,
    HTTPStatus.UNPROCESSABLE_ENTITY: ValidationError,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimited,
    HTTPStatus.NOT_IMPLEMENTED: SandboxNotImplemented,
}


def refusal(status: int) -> type[RefusedError]:
    """Name the error of a status of 400 or more; one that nobody foresaw is a plain refusal.

    >>> refusal(404).__name__, refusal(503).__name__, refusal(418).__name__
    ('NotFound', 'ServerError', 'RefusedError')
    """
    fallback = ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else RefusedError
    return _BY_STATUS.get(status, fallback)
