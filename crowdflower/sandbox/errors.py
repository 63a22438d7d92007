"""How the service says no: a status, and the body that goes with it.

The rules raise these and know nothing of HTTP beyond the number; whoever answers a request turns
one into a response, unread. The service is not of one mind about errors: the same ``error`` may
hold an object or a text, and some refusals come with status 200. Each class is one of its habits.

::

    Refusal
    ├── MissingParameters   400   the request lacks what the call needs
    ├── BadRequest          400   the call cannot be done as asked
    ├── Unauthorized        401   no key, or not one of ours
    ├── Unfunded            402   the order costs more than there is
    ├── Forbidden           403   not from where it was sent
    ├── NotFound            404   unknown, deleted, or somebody else's
    ├── Conflict            409   it is not yours to do, or not now
    ├── Expired             410   the page was open for too long
    ├── Invalid             422   a value that cannot be
    ├── TooManyRequests             429   too many requests that were wrong
    ├── Declined            200   understood, and not done
    └── Unsupported         501   known to the service, not to the sandbox
"""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PURCHASE_URL = "http://crowdflower.com/orders/new"
"""Where the service sends people whose money ran out; clients parse the sentence around it."""


class Refusal(Exception):
    """What was asked is not done, and nothing of it is.

    :param status: HTTP status of the answer; 200 is among them.
    :param body: The whole JSON body of the answer.

    >>> Refusal(404, {"error": {"message": "No."}}).status
    404
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body

    def __str__(self) -> str:
        return f"{self.status} {self.message}"

    @property
    def message(self) -> str:
        """The sentence for people, wherever the body keeps it.

        >>> Declined.errors(["Title is too short", "Payment is below zero"]).message
        'Title is too short; Payment is below zero'
        """
        if "errors" in self.body:
            return "; ".join(self.body["errors"])
        error = self.body["error"]
        return str(error["message"] if isinstance(error, dict) else error)


class NotFound(Refusal):
    """Unknown, deleted, or not of this account; the service does not say which."""

    def __init__(self) -> None:
        message = "We couldn't find what you were looking for."
        super().__init__(404, {"error": {"message": message}})


class MissingParameters(Refusal):
    """The call needs a parameter that did not come."""

    def __init__(self) -> None:
        message = "Your request is missing required parameters."
        super().__init__(400, {"error": {"message": message}})


class BadRequest(Refusal):
    """The call is whole, and cannot be done as asked."""

    def __init__(self, message: str) -> None:
        super().__init__(400, {"error": {"message": message}})


class Unauthorized(Refusal):
    """No key, or one that opens nothing; no hint which."""

    def __init__(self) -> None:
        super().__init__(401, {"error": {"message": "Your API key is missing or not valid."}})


class Unfunded(Refusal):
    """The order costs more than the account holds.

    :param available_cents: What the account holds, in US cents; may be a fraction.
    :param cost_cents: What the order would take, in US cents; may be a fraction.

    >>> print(Unfunded(2000, 5000).message)
    You have $20.00 available but this order will cost $50.00.  You can purchase more at \
http://crowdflower.com/orders/new
    >>> print(Unfunded(999.6, 1000).message.partition(".  ")[0])
    You have $9.99 available but this order will cost $10.00
    """

    def __init__(self, available_cents: float, cost_cents: float) -> None:
        message = (
            f"You have {_dollars(floor(available_cents))} available but this order will cost "
            f"{_dollars(ceil(cost_cents))}.  You can purchase more at {PURCHASE_URL}"
        )
        super().__init__(402, {"error": {"message": message}})
        self.available_cents = available_cents
        self.cost_cents = cost_cents


class Forbidden(Refusal):
    """It may not be sent from there: a page of another site, a machine without a token."""

    def __init__(self, message: str) -> None:
        super().__init__(403, {"error": {"message": message}})


class Conflict(Refusal):
    """It is not yours to do, or not now: another's page, a page that was taken back."""

    def __init__(self, message: str) -> None:
        super().__init__(409, {"error": {"message": message}})


class Expired(Refusal):
    """The page was open for longer than its time; its rows went to others."""

    def __init__(self, message: str) -> None:
        super().__init__(410, {"error": {"message": message}})


class Invalid(Refusal):
    """A value that cannot be.

    :param message: What is wrong and what to send instead.
    :param fields: For a page of answers, ``{unit id: {field: message}}``.

    >>> Invalid("Send a number.").body
    {'error': {'message': 'Send a number.'}}
    """

    def __init__(
        self, message: str, *, fields: Mapping[int, Mapping[str, str]] | None = None
    ) -> None:
        error: dict[str, Any] = {"message": message}
        if fields is not None:
            error["fields"] = {str(unit): dict(errors) for unit, errors in fields.items()}
        super().__init__(422, {"error": error})
        self.fields = fields or {}

    @classmethod
    def text(cls, message: str) -> Invalid:
        """The same, with the sentence directly under ``error``, as for lists of countries.

        >>> Invalid.text("Invalid format of included_countries attribute").body
        {'error': 'Invalid format of included_countries attribute'}
        """
        refusal = cls(message)
        refusal.body = {"error": message}
        return refusal


class TooManyRequests(Refusal):
    """Whoever asks has been wrong too often to be answered now.

    :param seconds: How long to wait.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(429, {"error": {"message": message}})
        self.seconds = seconds


class Declined(Refusal):
    """Understood and not done, said with status 200.

    >>> Declined("You can't pause a job that hasn't been launched.").status
    200
    """

    def __init__(self, message: str) -> None:
        super().__init__(200, {"error": message})

    @classmethod
    def errors(cls, messages: Sequence[str]) -> Declined:
        """Everything that is wrong with what should be saved; nothing of it is.

        >>> Declined.errors(["Title is too short"]).body
        {'errors': ['Title is too short']}
        """
        refusal = cls("; ".join(messages))
        refusal.body = {"errors": list(messages)}
        return refusal


class Unsupported(Refusal):
    """The service can do this; the sandbox cannot, and says so rather than pretend.

    :param feature: Short name, such as ``cml:shapes``; answers carry it in a header too.
    :param message: What is not there and what it would need.
    :param see: Where the documentation says more.

    >>> Unsupported("feeds", "Feeds by URL need the hosted service.", "feeds").body["error"]["see"]
    'docs/sandbox-limits#feeds'
    """

    def __init__(self, feature: str, message: str, see: str | None = None) -> None:
        error = {
            "message": message,
            "code": "sandbox_not_implemented",
            "feature": feature,
            "see": "docs/sandbox-limits" + (f"#{see}" if see else ""),
        }
        super().__init__(501, {"error": error})
        self.feature = feature


def _dollars(cents: int) -> str:
    return f"${cents / 100:.2f}"
