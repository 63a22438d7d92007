"""Types of attribute values: each converts a value from a request, or raises what it must be.

Values from forms are strings, values from JSON have types; both are stored as the same value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from json import JSONDecodeError
from typing import Any, Final, TypeAlias

from crowdflower._types import Message
from crowdflower.sandbox.errors import Invalid, Unsupported
from crowdflower.sandbox.rules.settings import countries
from crowdflower.sandbox.store.json_text import decode
from crowdflower.sandbox.webhooks import outbound

ValueType: TypeAlias = Callable[[Any], Any]
"""Converts a value from a request to the stored value; the error says what it must be."""

PERCENT = 100

MAX_INTEGER = 2**63 - 1
"""The largest integer that the database can store."""

MAX_CENTS = 1_000_000
"""Maximum pay for a page."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
"""A number in a form: in ASCII, without the exponents and underscores that Python reads."""

_LEADING_NUMBER = re.compile(r"\s*\{?\s*([+-]?[0-9]+(?:\.[0-9]+)?)")

_TRUE: Final = frozenset({"true", "1", "t", "on", "yes"})
_FALSE: Final = frozenset({"false", "0", "f", "off", "no"})
"""Spellings of booleans: those of Rails, and ``yes`` and ``no``; in lower case."""

_DIGITS = re.compile(r"[0-9]{1,18}")

FLOAT_ERROR = Decimal("1e-6")
"""Rounding error of floats such as ``3 * 1.1``, in thousandths of a cent."""


class NotANumber(ValueError):
    """The value is not a number; its text may begin with one."""


def leading_number(value: object) -> str | None:
    """Return the number that a string begins with, as Rails reads it, or ``None``.

    A brace before it is left out: documents have ``{n}`` for people to fill in.

    >>> leading_number("5 per page"), leading_number("{5}"), leading_number("about 5")
    ('5', '5', None)
    """
    found = _LEADING_NUMBER.match(value) if isinstance(value, str) else None
    return found[1] if found else None


def text(value: Any) -> str | None:
    """Accept a string, or a number as a string; ``None`` stays ``None``."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, list, dict)):
        raise TypeError(Message("must be text", "not_text"))
    return str(value)


def required_text(value: Any) -> str:
    """Accept a string, or a number as a string, but not ``None``."""
    string = text(value)
    if string is None:
        raise TypeError(Message("must be text", "not_text"))
    return string


def boolean(value: Any) -> bool:
    """Accept ``true`` and ``false``, also as strings in any spelling of Rails.

    >>> boolean("true"), boolean("on"), boolean("0")
    (True, True, False)
    """
    string = str(value).lower()
    if string in _TRUE | _FALSE:
        return string in _TRUE
    raise ValueError(Message("must be true or false", "not_boolean"))


def truthy(value: object) -> bool:
    """Return whether a value that was not validated, such as a cell of a row, means true.

    >>> truthy("1"), truthy(True), truthy("off"), truthy(None)
    (True, True, False, False)
    """
    return str(value).lower() in {"true", "1"}


def integer(minimum: int, maximum: int = 1_000_000) -> ValueType:
    """Accept an integer from ``minimum`` to ``maximum``, also as a string."""

    def convert(value: Any) -> int:
        text = f"must be a whole number from {minimum} to {maximum}"
        problem = Message(text, "not_whole_number", least=minimum, most=maximum)
        number = _number(value, problem)
        if number % 1 or (isinstance(value, str) and "." in value):
            raise NotANumber(problem)
        if not minimum <= number <= maximum:
            raise ValueError(problem)
        return int(number)

    return convert


def fraction(value: Any) -> float:
    """Accept a fraction, or a percentage above 1.

    >>> fraction("0.7"), fraction(80)
    (0.7, 0.8)
    """
    problem = Message("must be a number from 0 to 1", "not_number", least=0, most=1)
    number = _number(value, problem)
    if not 0 <= number <= PERCENT:
        raise ValueError(problem)
    return float(number / PERCENT if number > 1 else number)


def money(value: Any) -> int:
    """Convert cents to thousandths of a cent; rounding errors of floats are removed.

    >>> money("2.5"), money(3 * 1.1), money(2.9999999999999996)
    (2500, 3300, 3000)
    """
    text = f"must be an amount from 0 to {MAX_CENTS} cents"
    problem = Message(text, "not_cents", most=MAX_CENTS)
    amount = _number(value, problem)
    if not 0 <= amount <= MAX_CENTS:
        raise ValueError(problem)
    thousandths = (amount * 1000).to_integral_value(ROUND_HALF_UP)
    if abs(amount * 1000 - thousandths) > FLOAT_ERROR:
        raise ValueError(Message("must have three decimals at most", "many_decimals"))
    return int(thousandths)


def percent(value: Any) -> float:
    """Accept a percentage; a whole one becomes an integer.

    >>> percent("70"), percent(62.5)
    (70, 62.5)
    """
    problem = Message("must be a number from 0 to 100", "not_number", least=0, most=PERCENT)
    number = _number(value, problem)
    if not 0 <= number <= PERCENT:
        raise ValueError(problem)
    return float(number) if number % 1 else int(number)


def judgments_mode(value: Any) -> str:
    """Accept a mode of dynamic judgments."""
    if value == "external":
        raise Unsupported(
            "variable_judgments_mode:external",
            "The sandbox cannot ask a webhook server how many judgments a unit needs; use "
            "auto_confidence.",
            "dynamic-judgments",
        )
    if value not in {"none", "auto_confidence"}:
        raise ValueError("must be auto_confidence or none")
    return str(value)


def question_names(value: Any) -> list[str]:
    """Accept names of questions: a list, or a string with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a list of names")
    return [part.strip() for part in parts if part.strip()]


def json_object(value: Any) -> dict[str, Any]:
    """Accept an object, or a string with its JSON."""
    if isinstance(value, str):
        try:
            value = decode(value)
        except JSONDecodeError:
            value = None
    if not isinstance(value, dict):
        raise TypeError("must be an object")
    return value


def requirements(value: Any) -> dict[str, Any]:
    """Accept requirements of contributors, an object of numbers, which a form sends as strings.

    >>> requirements({"priority": "1", "skill_scores": {"level_3_contributors": "1"}})
    {'priority': 1, 'skill_scores': {'level_3_contributors': 1}}
    """
    return {name: _with_numbers(each) for name, each in json_object(value).items()}


def _with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_numbers(each) for name, each in value.items()}
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


def aggregations(value: Any) -> dict[str, str]:
    """Accept an object from questions to aggregations."""
    by_question = json_object(value)
    if not all(isinstance(how, str) for how in by_question.values()):
        raise TypeError("must name an aggregation for each question")
    return by_question


def webhook_uri(value: Any) -> str:
    """Accept the URL of a webhook server."""
    try:
        outbound.parse_url(str(value))
    except outbound.ForbiddenURL as forbidden:
        text = f"cannot be notified: {forbidden}"
        raise ValueError(Message(text, "not_web_address")) from None
    return str(value)


def optional(convert: ValueType) -> ValueType:
    """Also accept ``None``, and the empty string as ``None``."""
    return lambda value: None if value in (None, "") else convert(value)


def country_codes(name: str, value: Any, maximum: int) -> list[str]:
    """Accept a list of country codes, as a list, as its JSON, or as in the JSON of a job.

    An empty list, an empty string and ``null`` mean that there is no such list. An empty list as
    JSON in a string is refused, as the service does.

    :raises Invalid: The value has another format, an unknown code, or too many codes.

    >>> country_codes("included_countries", '["US", "FI"]', 20)
    ['US', 'FI']
    """
    if isinstance(value, list):  # a form sends an empty list as one empty value
        value = [item for item in value if item not in (None, "")]
    if value is None or value in ("", "null", [], {}):
        return []
    refusal = Invalid.text(f"Invalid format of {name} attribute")
    if isinstance(value, str):
        try:
            value = decode(value)
        except JSONDecodeError:
            raise refusal from None
    if not isinstance(value, list) or not value or len(value) > maximum:
        raise refusal
    codes = [item.get("code") if isinstance(item, dict) else item for item in value]
    found = [countries.find(code) if isinstance(code, str) else None for code in codes]
    if None in found:
        raise refusal
    return list(dict.fromkeys(country.code for country in found if country))


def _number(value: Any, problem: str) -> Decimal:
    """Return a number, or a string with one, as a decimal.

    :raises NotANumber: The value is something else; the error has the problem as its message.
    :raises Invalid: The number does not fit into a column of the database.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise NotANumber(problem)
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        raise NotANumber(problem)
    number = Decimal(str(value).strip())
    # A comparison is exact at any size; arithmetic, even abs(), overflows beyond 10**999999.
    if number.is_finite() and not -MAX_INTEGER <= number <= MAX_INTEGER:
        text = f"{number:.2e} is too large; send a number of at most {MAX_INTEGER}."
        raise Invalid(Message(text, "too_large", most=MAX_INTEGER))
    if not number.is_finite():
        raise NotANumber(problem)
    return number
