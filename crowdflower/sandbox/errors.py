"""Error responses of the service: an HTTP status and a JSON body.

The rules raise these exceptions; the server turns them into responses. The service has several
formats: ``error`` holds an object or a string, and some refusals have status 200. Each class is one
of these formats.

::

    Refusal
    ├── MissingParameters   400   a required parameter is missing
    ├── BadRequest          400   the request cannot be handled
    ├── Unauthorized        401   the API key is missing or wrong
    ├── Unfunded            402   the order costs more than the balance
    ├── Forbidden           403   requests from this origin are not allowed
    ├── NotFound            404   unknown, deleted, or owned by another account
    ├── Conflict            409   not allowed for this contributor, or not now
    ├── Expired             410   the page has expired
    ├── Invalid             422   a value is invalid
    ├── TooManyRequests     429   too many wrong API keys
    ├── Declined            200   a valid request that is refused
    └── Unsupported         501   the service has this, the sandbox does not
"""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, Any

from crowdflower._types import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PURCHASE_URL = "http://crowdflower.com/orders/new"
"""Part of the error message for a low balance; clients parse the sentence around it."""


class Refusal(Exception):
    """The request is refused, and nothing of it was done.

    :param status: HTTP status of the response; may be 200.
    :param body: JSON body of the response.

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
        """The error message, wherever the body has it.

        >>> Declined.errors(["Title is too short", "Payment is below zero"]).message
        'Title is too short; Payment is below zero'
        """
        return "; ".join(map(str, self.messages))

    @property
    def messages(self) -> list[str]:
        """The error messages, at least one; a :class:`Message` can be said in other words."""
        if "errors" in self.body:
            return list(self.body["errors"])
        error = self.body["error"]
        return [error["message"] if isinstance(error, dict) else error]


class NotFound(Refusal):
    """The object is unknown, deleted, or owned by another account; the message is the same."""

    def __init__(self) -> None:
        message = "We couldn't find what you were looking for."
        super().__init__(404, {"error": {"message": message}})


class MissingParameters(Refusal):
    """A required parameter is missing."""

    def __init__(self) -> None:
        message = "Your request is missing required parameters."
        super().__init__(400, {"error": {"message": message}})


class BadRequest(Refusal):
    """The request is well-formed but cannot be handled."""

    def __init__(self, message: str) -> None:
        super().__init__(400, {"error": {"message": message}})


class Unauthorized(Refusal):
    """The API key is missing or wrong; the message does not say which."""

    def __init__(self) -> None:
        super().__init__(401, {"error": {"message": "Your API key is missing or not valid."}})


class Unfunded(Refusal):
    """The order costs more than the account's balance.

    :param available_cents: The balance, in US cents; may have a fraction.
    :param cost_cents: The cost of the order, in US cents; may have a fraction.

    >>> print(Unfunded(2000, 5000).message)
    You have $20.00 available but this order will cost $50.00.  You can purchase more at \
http://crowdflower.com/orders/new
    >>> print(Unfunded(999.6, 1000).message.partition(".  ")[0])
    You have $9.99 available but this order will cost $10.00
    """

    def __init__(self, available_cents: float, cost_cents: float) -> None:
        text = (
            f"You have {_dollars(floor(available_cents))} available but this order will cost "
            f"{_dollars(ceil(cost_cents))}.  You can purchase more at {PURCHASE_URL}"
        )
        amounts = {
            "available": _dollars(floor(available_cents)),
            "cost": _dollars(ceil(cost_cents)),
        }
        message = Message(text, "unfunded", **amounts)
        super().__init__(402, {"error": {"message": message}})
        self.available_cents = available_cents
        self.cost_cents = cost_cents


class Forbidden(Refusal):
    """Requests from this origin are not allowed: another site, or a client without a token."""

    def __init__(self, message: str) -> None:
        super().__init__(403, {"error": {"message": message}})


class Conflict(Refusal):
    """The page belongs to another contributor, or was withdrawn."""

    def __init__(self, message: str) -> None:
        super().__init__(409, {"error": {"message": message}})


class Expired(Refusal):
    """The page was open for too long; its units were handed out to others."""

    def __init__(self, message: str) -> None:
        super().__init__(410, {"error": {"message": message}})


class Invalid(Refusal):
    """A value is invalid.

    :param message: What is wrong, and what to send instead.
    :param fields: Errors in the answers of a page: ``{unit id: {field: message}}``.

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
        """Return a refusal whose ``error`` is the message itself, as for lists of countries.

        >>> Invalid.text("Invalid format of included_countries attribute").body
        {'error': 'Invalid format of included_countries attribute'}
        """
        refusal = cls(message)
        refusal.body = {"error": message}
        return refusal


class TooManyRequests(Refusal):
    """Too many requests with a wrong API key.

    :param seconds: Seconds until the next request is allowed.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(429, {"error": {"message": message}})
        self.seconds = seconds


class Declined(Refusal):
    """A valid request that is refused, with status 200.

    >>> Declined("You can't pause a job that hasn't been launched.").status
    200
    """

    def __init__(self, message: str) -> None:
        super().__init__(200, {"error": message})

    @classmethod
    def errors(cls, messages: Sequence[str]) -> Declined:
        """Return a refusal with several messages; nothing was saved.

        >>> Declined.errors(["Title is too short"]).body
        {'errors': ['Title is too short']}
        """
        refusal = cls("; ".join(messages))
        refusal.body = {"errors": list(messages)}
        return refusal


class Unsupported(Refusal):
    """The service can do this, and the sandbox does not implement it.

    :param feature: Short name, such as ``cml:shapes``; it is also sent in a header.
    :param message: What is not implemented, and what it would need.
    :param see: Section of the documentation.

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


def in_json(messages: Sequence[str]) -> dict[str, Any]:
    """Return the codes and values of messages for the detail of an event; nothing without any.

    >>> in_json([Message("a job with 3 units", "few_units", units=3), "Hello."])
    {'messages': [{'text': 'a job with 3 units', 'code': 'few_units', 'values': {'units': 3}}, \
'Hello.']}
    """
    coded = any(isinstance(each, Message) for each in messages)
    return {"messages": [_plain(each) for each in messages]} if coded else {}


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, Message):
        return value
    values = {name: _plain(each) for name, each in value.values.items()}
    return {"text": str(value), "code": value.code, "values": values}


def _dollars(cents: int) -> str:
    return f"${cents / 100:.2f}"
