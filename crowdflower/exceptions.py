"""What a call can raise: one tree, so ``except ApiError`` catches everything.

.. code-block:: text

    ApiError
    ├─ ConfigError             the key, the base URL or a setting is unusable
    ├─ InvalidInput            an argument or a row is invalid; nothing was sent
    │   ├─ OverBudget          it would cost more than the limit
    │   ├─ EditConflict        a job and its folder were both edited
    │   └─ UnknownAttribute    the name of an attribute is misspelled
    ├─ TransportError          no complete response
    │   ├─ NotSentError        no byte of the request left this machine
    │   ├─ RequestTimeout      the server sent nothing within the timeout
    │   ├─ ConnectionLost      the connection broke
    │   └─ DeadlineExceeded    the whole call took longer than its deadline
    ├─ OutcomeUnknown          a change was sent, and whether it was made is unknown
    ├─ RefusedError            the server understood the request and refused it
    │   ├─ AuthenticationError 401        ├─ Conflict         409
    │   ├─ PaymentRequired     402        ├─ PayloadTooLarge  413
    │   ├─ PermissionDenied    403        ├─ ValidationError  400, 415, 422
    │   ├─ NotFound            404, 410   │   └─ UnitLimitReached
    │   ├─ MethodNotAllowed    405        ├─ RateLimited      429
    │   ├─ NotAcceptable       406        ├─ ServerError      5xx
    │   │                                 │   └─ SandboxNotImplemented  501
    │   └─ ApplicationError    a 2xx whose body has error or errors
    ├─ ResponseError           the response cannot be understood
    │   ├─ MalformedResponse   ├─ UnexpectedContentType   ├─ UnexpectedStatus
    │   ├─ UnexpectedRedirect  ├─ TruncatedResponse       └─ ResponseTooLarge
    ├─ ReportError
    │   ├─ ReportNotReady      ├─ ReportCorrupt
    │   └─ ReportEmpty         └─ ReportTooLarge
    ├─ UploadError             an upload with a key column
    │   ├─ UploadIncomplete    some rows were uploaded; resume to upload the rest
    │   ├─ SourceChanged       the rows differ from those of the first attempt
    │   └─ UploadLocked        another upload uses the same plan
    ├─ WaitError               a job did not get where a program waited for it
    │   ├─ WaitTimeout         the time was up
    │   │   └─ JobStalled      no judgment arrived for too long
    │   ├─ NothingToWaitFor    nothing is ordered, or the job is canceled
    │   └─ CostLimitReached    it cost more than the limit, and was paused (an OverBudget too)
    ├─ PaginationError
    │   ├─ PageLoop            the server repeats a page
    │   └─ PageChanged         the list changed while it was read
    ├─ JournalError            the payment cannot be recorded, so it was not sent
    │   ├─ JournalLocked       another process has locked the journal
    │   ├─ JournalCorrupt      the file is damaged, or not a journal
    │   └─ DuplicateOperation  a payment with this key already exists
    └─ WebhookError            a notification that must not be trusted
        ├─ MalformedNotification  it cannot be parsed
        ├─ SignatureMismatch   the signature is missing or wrong
        └─ Replay              it was received before

Classes with a natural parent among Python's built-in exceptions inherit from it too:
:class:`InvalidInput` is a :class:`ValueError`, :class:`RequestTimeout` a :class:`TimeoutError`. No
error shows the API key, neither in its message, nor in its attributes, nor when it is pickled. In
the response that an error carries, values of fields such as ``email``, ``ip`` and ``password`` are
masked too.
"""

from __future__ import annotations

import sys
import warnings
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from crowdflower._types import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import PreparedRequest, Response

    from crowdflower.models.events import Event
    from crowdflower.models.waiting.counts import Counts
    from crowdflower.payments.records import Finding, Operation


class ApiError(Exception):
    """Root of every error that a call raises.

    :param message: The request, and what went wrong. Line breaks and control characters in it,
        which a server may have sent, are replaced: ``str(error)`` is one line.
    :param request: The request, its ``Authorization`` header masked.
    :param response: The response, if there was one.
    :ivar page: For lists, the number of the page that failed: pass it as ``start_page`` to resume.
    :ivar items_seen: For lists, the number of items before that page.
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
        super().__init__(one_line(message))
        self.request = request
        self.response = response

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle arguments and attributes, whatever the signature of the subclass."""
        return (_unpickle, (type(self), self.args, self.__dict__))


def _unpickle(kind: type[ApiError], args: tuple[Any, ...], state: dict[str, Any]) -> ApiError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(ApiError, ValueError):
    """The client cannot work with this key, base URL or setting; fix the configuration."""


class InvalidInput(ApiError, ValueError):
    """An argument or a row is invalid; nothing was sent. Fix it and call again.

    :param row: Number of the invalid row, counted from 1; ``None`` if the error is not in a row.
    """

    def __init__(self, message: str, *, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


class OverBudget(InvalidInput):
    """The cost is, or may be, above the limit; no payment was sent. Raise the limit or buy less."""


class UnknownAttribute(InvalidInput, AttributeError):
    """A job, unit, … has no attribute of this name; nothing was sent. Correct the name."""


class EditConflict(InvalidInput):
    """A job and its folder were both edited; nothing was changed. Pull or push first, or force."""


class TransportError(ApiError):
    """No complete response arrived. Subclasses say whether the request was sent."""


class NotSentError(TransportError, ConnectionError):
    """No byte of the request left this machine: it is safe to call again.

    :ivar tls: The TLS connection failed.
    :ivar proxy: A proxy refused or failed to connect.
    :ivar dns: The host name was not found.
    """

    tls = False
    proxy = False
    dns = False


class RequestTimeout(TransportError, TimeoutError):
    """The server sent nothing within the read timeout; it may still process the request."""


class ConnectionLost(TransportError, ConnectionError):
    """The connection broke before the response was complete; try again later."""


class DeadlineExceeded(TransportError, TimeoutError):
    """The whole call, retries and waits included, took longer than its deadline."""


class OutcomeUnknown(ApiError):
    """A change was sent, and no response says whether it was made. Check before you repeat it.

    This is deliberately not an :class:`OSError` or :class:`TimeoutError`: code that retries on
    those would make the change twice, and pay twice.

    :param evidence: What is known: how far the request got, a status, a broken response.
    :param phase: How far the request got: ``sending``, ``sent`` or ``answered``; ``unseen`` if the
        caller's session has an adapter of its own.
    :param operation: The payment's record in the journal; ``None`` if the change is not a payment.
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
        self.evidence = one_line(evidence)
        self.phase = phase
        self.operation = operation

    @property
    def op_id(self) -> str | None:
        """Id of the payment, for ``client.operations``."""
        return None if self.operation is None else self.operation.op_id

    @property
    def sent_at(self) -> datetime | None:
        """When the payment was sent."""
        return None if self.operation is None else self.operation.sent_at

    def reconcile(self, wait: float = 120) -> Finding:
        """Poll until it is known whether the payment was made; never pays again.

        :param wait: Seconds to poll before the payment counts as not seen.
        :returns: :class:`~crowdflower.payments.records.Applied`,
            :class:`~crowdflower.payments.records.NotSeen` or
            :class:`~crowdflower.payments.records.Inconclusive`.
        :raises RuntimeError: The change is not a payment, or the error was unpickled and has no
            client: call ``client.operations.reconcile(error.op_id)`` instead.
        """
        if self._reconciler is None:
            raise RuntimeError(
                f"this error has no client; call client.operations.reconcile({self.op_id!r})"
                if self.op_id
                else "only payments can be reconciled; read the object to see if it has changed"
            )
        return self._reconciler(wait)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the client, but with the payment's record."""
        kind, (cls, args, state) = super().__reduce__()
        return kind, (cls, args, {k: v for k, v in state.items() if k != "_reconciler"})


class RefusedError(ApiError):
    """The server understood the request and refused it; its message says why."""

    @property
    def status(self) -> int | None:
        """HTTP status; ``None`` without a response."""
        return None if self.response is None else self.response.status_code

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before a retry; ``None`` if ``Retry-After`` is missing or invalid."""
        value = (
            "" if self.response is None else self.response.headers.get("Retry-After", "").strip()
        )
        if value.isascii() and value.replace(".", "", 1).isdigit():
            return float(value)
        try:
            until = parsedate_to_datetime(value)
        except (ValueError, OverflowError):  # OverflowError: a year of twenty digits
            return None
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())


class AuthenticationError(RefusedError):
    """The key is missing, wrong or replaced by a newer one (status 401); use the current key."""


class PaymentRequired(RefusedError):
    """The account's balance does not cover the order (status 402); add funds, or order less."""


class PermissionDenied(RefusedError):
    """The account's plan does not include this (status 403)."""


class NotFound(RefusedError):
    """No such object, or it belongs to another account (status 404 or 410); check the id."""


class MethodNotAllowed(RefusedError):
    """The path does not accept this HTTP method (status 405)."""


class NotAcceptable(RefusedError):
    """The server would not respond in JSON (status 406).

    A change that can be read back was not made: the server shows another value. Any other change
    may have been made.
    """


class Conflict(RefusedError):
    """The object's current state does not allow this (status 409); reload it and check."""


class PayloadTooLarge(RefusedError):
    """The request body is too large for the server (status 413); send fewer rows at once."""


class ValidationError(RefusedError):
    """A parameter is missing, or its value is refused (status 400, 415, 422); fix it."""


class UnitLimitReached(ValidationError):
    """The job would exceed the service's limit of units (a 422 that says so); use another job.

    :meth:`Client.upload_many <crowdflower.client.Client.upload_many>` goes on in copies of it.
    """


class RateLimited(RefusedError):
    """The key sent more requests than its plan allows (status 429); wait :attr:`retry_after`."""


class ServerError(RefusedError):
    """The server failed (status 5xx); try again later."""


class SandboxNotImplemented(ServerError):
    """The sandbox does not implement this part of the service (status 501)."""


class ApplicationError(RefusedError):
    """A refusal with a status of success or a redirect: the body has ``error`` or ``errors``.

    The service's own documentation says that "the type of application message will not necessarily
    correspond with the HTTP status code".
    """


class ResponseError(ApiError):
    """The response cannot be understood; a proxy or a changed service may have caused it."""


class MalformedResponse(ResponseError):
    """The response is not the JSON that this call returns.

    :ivar garbage: It is not even HTTP: it does not start with a status line.
    """

    garbage = False


class UnexpectedContentType(ResponseError):
    """The response is a web page or plain text instead of JSON or a report."""


class UnexpectedStatus(ResponseError):
    """The response has a status that the API does not use."""


class UnexpectedRedirect(ResponseError):
    """The response redirects to an address that this call must not follow."""


class TruncatedResponse(ResponseError):
    """The response ended before it was complete."""


class ResponseTooLarge(ResponseError):
    """The response is larger than the client reads into memory."""


class ReportError(ApiError):
    """A report could not be downloaded."""


class ReportNotReady(ReportError, TimeoutError):
    """The service was still building the report at the deadline; call again later."""


class ReportCorrupt(ReportError):
    """The archive is damaged, or not a zip file; download it again, or regenerate it."""


class ReportEmpty(ReportError):
    """The archive contains no report; regenerate it."""


class ReportTooLarge(ReportError):
    """The archive or its content exceeds the size limit, which protects from zip bombs."""


class UploadError(ApiError):
    """Rows could not be uploaded exactly once."""


class UploadIncomplete(UploadError):
    """The upload stopped after some of its rows were uploaded.

    :param resume: Path of the upload plan: call again with ``resume=`` this path to continue.
        ``None`` if the client has a journal file, which knows what was sent: call again.
    :param row: Number of the row that the service refused, from 1; ``None`` if it named none.
    """

    def __init__(self, message: str, *, resume: str | None, row: int | None = None) -> None:
        super().__init__(message)
        self.resume = resume
        self.row = row


class SourceChanged(UploadError, ValueError):
    """The rows differ from those that the upload started with; nothing was sent. Restore them."""


class UploadLocked(UploadError):
    """Another process or thread runs this upload; nothing was sent. Wait until it ends."""


class WaitError(ApiError):
    """A job did not get where :meth:`Job.wait() <crowdflower.job.Job.wait>` was to take it.

    Call it again to go on waiting: a wait keeps nothing that a new one would miss.

    :param counts: How far the job was when it was last read; ``None`` if it could not be read.
    :param reason: Why it does not move, in a sentence; empty if it does.
    """

    def __init__(self, message: str, *, counts: Counts | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.counts = counts
        self.reason = one_line(reason)

    @property
    def state(self) -> str | None:
        """The last state of the job."""
        return None if self.counts is None else self.counts.state


class WaitTimeout(WaitError, TimeoutError):
    """The time to wait was up; the job goes on."""


class JobStalled(WaitTimeout):
    """No judgment arrived for as long as the caller allowed; :attr:`reason` says why."""


class NothingToWaitFor(WaitError):
    """The job will not get further by itself: it is canceled, or nothing more is ordered."""


class CostLimitReached(WaitError, OverBudget):
    """The job has cost more than the limit, and was paused; ``job.resume()`` continues it."""


class PaginationError(ApiError):
    """A list could not be read to its end.

    :param page: Number of the page that failed, counted from 1.
    """

    def __init__(self, message: str, *, page: int | None = None) -> None:
        super().__init__(message)
        self.page = page


class PageLoop(PaginationError):
    """The server returned the same page again; stop, or the loop never ends."""


class PageChanged(PaginationError):
    """The list changed while it was read: items are missing or repeated; read it again."""


class PaginationWarning(UserWarning):
    """The list changed while it was read: items are missing or repeated."""


class StaleReportWarning(UserWarning):
    """The report is older than the latest judgments."""


class StallWarning(UserWarning):
    """A job that a program waits for does not move; the message says why."""


class ServiceWarning(UserWarning):
    """The service did what was requested, with a reservation; the sandbox warns of much more.

    A part of the request was ignored or has no effect, or what was made will not work. With
    ``Sandbox(strict=True)`` such a request is refused.
    """


def warn(problem: str, kind: type[Warning] = UserWarning) -> None:
    """Warn at the line of user code that called the package.

    Python shows a warning once per line: if it pointed at our own line, only the first of several
    units that could not be ordered would be reported.
    """
    frame, depth = sys._getframe(1), 2  # noqa: SLF001 - as the standard library does
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame, depth = frame.f_back, depth + 1
    warnings.warn(one_line(problem), kind, stacklevel=depth)


class JournalError(ApiError):
    """A payment, or rows of an upload, cannot be recorded, so that they were not sent."""


class JournalLocked(JournalError):
    """Another process held the lock on the journal for too long; nothing was sent. Try again."""


class JournalCorrupt(JournalError):
    """The file is damaged, or not a journal; nothing was sent. Check what was paid before."""


class DuplicateOperation(JournalError):
    """A payment with this key was already made or attempted; nothing was sent.

    :param operation: The earlier payment; its ``state`` says how it ended.
    """

    def __init__(self, message: str, *, operation: Operation | None = None) -> None:
        super().__init__(message)
        self.operation = operation


class WebhookError(ApiError):
    """A notification must not be trusted: respond with status 400, except to a replay."""


class MalformedNotification(WebhookError, ValueError):
    """The body is not a notification, or its payload does not match its signal."""


class SignatureMismatch(WebhookError):
    """The signature is missing, or made with another key."""


class Replay(WebhookError):
    """The notification was received before: our response was lost, or an attacker sends it again.

    Respond with status 200 and do nothing, or the service sends it again.

    :param event: The event in the notification.
    """

    def __init__(self, message: str, *, event: Event | None = None) -> None:
        super().__init__(message)
        self.event = event


_CLASS_BY_STATUS: dict[int, type[RefusedError]] = {
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


def refusal_class(status: int) -> type[RefusedError]:
    """Return the error class for a status of 400 or more, :class:`RefusedError` by default.

    >>> [refusal_class(status).__name__ for status in (404, 503, 418)]
    ['NotFound', 'ServerError', 'RefusedError']
    """
    fallback = ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else RefusedError
    return _CLASS_BY_STATUS.get(status, fallback)
