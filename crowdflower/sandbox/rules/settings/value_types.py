"""What a value may be: from what was sent to what is kept, or words for what it has to be.

Values come from forms as text and from JSON as what they are; either way the same value is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from json import JSONDecodeError
from typing import Any, TypeAlias

from crowdflower.sandbox.errors import Invalid, Unsupported
from crowdflower.sandbox.rules.settings import countries
from crowdflower.sandbox.store.json_text import decode
from crowdflower.sandbox.webhooks import outbound

ValueType: TypeAlias = Callable[[Any], Any]
"""From what was sent to what is kept; an error says what it has to be instead."""

PERCENT = 100

MAX_INTEGER = 2**63 - 1
"""The largest number that a database has room for."""

MAX_CENTS = 1_000_000
"""Most that a page may pay."""

FLOAT_ERROR = Decimal("1e-6")
"""Thousandths of a cent by which ``3 * 1.1`` and the like are off."""


def text(value: Any) -> str | None:
    """Take text, or a number as text; nothing stays nothing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, list, dict)):
        raise TypeError("must be text")
    return str(value)


def required_text(value: Any) -> str:
    """Take text, or a number as text, that has to be there."""
    found = text(value)
    if found is None:
        raise TypeError("must be text")
    return found


def boolean(value: Any) -> bool:
    """Take a truth value, spelled out or as 1 and 0.

    >>> boolean("true"), boolean("0")
    (True, False)
    """
    spelled = str(value).lower()
    if spelled in {"true", "1"}:
        return True
    if spelled in {"false", "0"}:
        return False
    raise ValueError("must be true or false")


def truthy(value: object) -> bool:
    """Read a switch in a cell of a row, or one that was never read.

    >>> truthy("1"), truthy(True), truthy("off"), truthy(None)
    (True, True, False, False)
    """
    return str(value).lower() in {"true", "1"}


def integer(least: int, most: int = 1_000_000) -> ValueType:
    """Take a whole number from ``least`` to ``most``, also as text."""

    def kind(value: Any) -> int:
        number = _number(value)
        if number is None or not least <= number <= most or number % 1:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(number)

    return kind


def fraction(value: Any) -> float:
    """Take a fraction, or a percentage above 1.

    >>> fraction("0.7"), fraction(80)
    (0.7, 0.8)
    """
    number = _number(value)
    if number is None or not 0 <= number <= PERCENT:
        raise ValueError("must be a number from 0 to 1")
    return float(number / PERCENT if number > 1 else number)


def money(value: Any) -> int:
    """Take cents, down to thousandths of a cent; what floats are off by is rounded away.

    >>> money("2.5"), money(3 * 1.1), money(2.9999999999999996)
    (2500, 3300, 3000)
    """
    amount = _number(value)
    if amount is None or not 0 <= amount <= MAX_CENTS:
        raise ValueError(f"must be an amount from 0 to {MAX_CENTS} cents")
    thousandths = (amount * 1000).to_integral_value(ROUND_HALF_UP)
    if abs(amount * 1000 - thousandths) > FLOAT_ERROR:
        raise ValueError("must have three decimals at most")
    return int(thousandths)


def percent(value: Any) -> float:
    """Take a percentage, and leave a whole one whole.

    >>> percent("70"), percent(62.5)
    (70, 62.5)
    """
    number = _number(value)
    if number is None or not 0 <= number <= PERCENT:
        raise ValueError("must be a number from 0 to 100")
    return float(number) if number % 1 else int(number)


def judgments_mode(value: Any) -> str:
    """Take a way to collect a varying number of judgments."""
    if value == "external":
        raise Unsupported(
            "variable_judgments_mode:external",
            "Asking a notified server how many judgments a row needs is not available in the "
            "sandbox; use auto_confidence.",
            "dynamic-judgments",
        )
    if value not in {"none", "auto_confidence"}:
        raise ValueError("must be none or auto_confidence")
    return str(value)


def question_names(value: Any) -> list[str]:
    """Take names of questions: a list, or one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a list of names")
    return [part.strip() for part in parts if part.strip()]


def json_object(value: Any) -> dict[str, Any]:
    """Take an object, or its JSON text."""
    if isinstance(value, str):
        try:
            value = decode(value)
        except JSONDecodeError:
            value = None
    if not isinstance(value, dict):
        raise TypeError("must be an object")
    return value


def aggregations(value: Any) -> dict[str, str]:
    """Take an object from questions to what becomes of their answers."""
    found = json_object(value)
    if not all(isinstance(how, str) for how in found.values()):
        raise TypeError("must name an aggregation for each question")
    return found


def webhook_uri(value: Any) -> str:
    """Take the address of a server that is to be told what happens."""
    try:
        outbound.parse_url(str(value))
    except outbound.Forbidden as forbidden:
        raise ValueError(f"cannot be notified: {forbidden}") from None
    return str(value)


def optional(kind: ValueType) -> ValueType:
    """Take nothing, or empty text for it, as well."""
    return lambda value: None if value in (None, "") else kind(value)


def country_codes(name: str, value: Any, most: int) -> list[str]:
    """Take a list of country codes, as a list, as its JSON text, or as a job shows it.

    :raises Invalid: It is none of these, holds an unknown code, or too many.

    >>> country_codes("included_countries", '["US", "FI"]', 20)
    ['US', 'FI']
    """
    if value is None:
        return []
    refusal = Invalid.text(f"Invalid format of {name} attribute")
    if isinstance(value, str):
        try:
            value = decode(value)
        except JSONDecodeError:
            raise refusal from None
    if not isinstance(value, list) or not value or len(value) > most:
        raise refusal
    codes = [item.get("code") if isinstance(item, dict) else item for item in value]
    found = [countries.find(code) if isinstance(code, str) else None for code in codes]
    if None in found:
        raise refusal
    return list(dict.fromkeys(country.code for country in found if country))


def _number(value: Any) -> Decimal | None:
    """Read a number, or text that is one; nothing else is.

    :raises Invalid: It is longer than any column could hold.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    # A comparison is exact at any size; arithmetic, even abs(), overflows beyond 10**999999.
    if number.is_finite() and not -MAX_INTEGER <= number <= MAX_INTEGER:
        raise Invalid(f"{number:.2e} is more than can be kept; send a number below {MAX_INTEGER}.")
    return number if number.is_finite() else None
