"""What every payment has: a request, a price, a response, and how its outcome can be found out."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final, Generic, TypeVar
from urllib.parse import urlsplit

from crowdflower._types import MISSING, describe_type
from crowdflower.exceptions import OutcomeUnknown
from crowdflower.http import encoding
from crowdflower.http.responses import Answer
from crowdflower.http.transport import Expected, Response
from crowdflower.payments.records import Finding, Operation, PaymentPattern

T = TypeVar("T")


class Payment(ABC, Generic[T]):
    """A payment to make: one form, sent by POST.

    :param path: Where it is sent.
    :param form: Its parameters.
    """

    name: ClassVar[str]
    """What the journal calls the kind."""

    expected: ClassVar[Expected] = Expected()
    """Which responses mean that it was paid."""

    accept: ClassVar[str] = "application/json"

    account_wide: ClassVar[bool] = False
    """Whether its effect shows where payments of the whole account do."""

    method: Final = "POST"

    idempotency_key: str | None = None
    """The id of its operation, by which a service that remembers keys recognises the payment; by
    default a new one, which no other process knows."""

    def __init__(self, path: str, form: Mapping[str, Any]) -> None:
        self.path = path
        self.form = form
        body = self.body.decode("ascii")
        self.pattern = PaymentPattern.of(self.name, self.method, path, body)
        """Which earlier payments count as this one, if they have the same key; by default those
        with the same form."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers for its form and its response."""
        return {"Accept": self.accept, "Content-Type": "application/x-www-form-urlencoded"}

    @property
    def body(self) -> bytes:
        """The encoded form."""
        return encoding.encode_form(self.form)

    @abstractmethod
    def price(self, before: Mapping[str, Any]) -> int:
        """Return what it may cost, in US cents.

        :param before: What :meth:`fields_to_read` showed.
        :raises InvalidInput: A field that the estimate needs is missing.
        """

    @abstractmethod
    def read(self, answer: Answer) -> T:
        """Return the result from the response.

        :raises OutcomeUnknown: The response does not show that it was paid.
        """

    @abstractmethod
    def describe_done(self, result: T) -> str:
        """Return a clause that says what was paid, for a warning that comes after it."""

    @staticmethod
    @abstractmethod
    def fields_to_read(path: str) -> Mapping[str, tuple[str, ...]]:
        """Return where the effect shows: path to fields, with the fields that its price needs.

        :param path: Where the payment is sent.
        """

    @staticmethod
    @abstractmethod
    def judge(operation: Operation, after: Mapping[str, Any], *, alone: bool) -> Finding | None:
        """Compare what shows now with what showed before; ``None`` if the effect may still come.

        :param alone: No other payment can have had the same effect meanwhile.
        """

    @staticmethod
    @abstractmethod
    def judge_timeout(operation: Operation, after: Mapping[str, Any]) -> Finding:
        """Return the finding when the time is up and :meth:`judge` has not decided."""


class AcknowledgedPayment(Payment[None]):
    """A payment whose response need only be a success, with or without a JSON object."""

    def read(self, answer: Answer) -> None:
        """Accept a response without content, or a JSON object."""
        response, body, _ = answer
        content_type = response.headers.get("Content-Type", "")
        if body is MISSING or response.status_code == HTTPStatus.NO_CONTENT:
            if "html" not in content_type:
                return
            kind = "a web page"
        elif isinstance(body, dict):
            return
        else:
            kind = describe_type(body)
        status = response.status_code
        raise outcome_unknown(
            response,
            f"status {status}, but the response is {kind}",
            f"status {status}, and the response is {kind}",
        )


def outcome_unknown(response: Response, problem: str, evidence: str) -> OutcomeUnknown:
    """Return the error of a response that does not show whether a payment was made."""
    path = re.search("/jobs/.*|$", urlsplit(response.url).path)
    return OutcomeUnknown(
        f"POST {path[0] if path else ''}: {problem}",
        evidence=evidence,
        phase="answered",
        request=response.request,
        response=response,
    )
