"""Numbers as people type them: the one way in which fields and addresses of the desk are read.

Digits are those of ASCII. A comma stands only between thousands: ``12,5`` may mean 12.5, so it is
refused, and so is what only programs write, such as ``1e3``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.translations import gettext

_MAX_SHOWN: Final = 20
_NUMBER: Final = re.compile(
    r"(?P<whole>[0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.(?P<part>[0-9]{1,18}))?"
)


def read_whole(text: str, label: str, least: int, most: int) -> int:
    """Return the whole number that a person typed.

    :param label: What the field is called on the page.
    :raises Invalid: The string is not a whole number within the limits; it names the field.

    >>> read_whole(" 1,200 ", "Rows on a page", 1, 5000)
    1200
    >>> read_whole("1e3", "Rows", 1, 1000)
    Traceback (most recent call last):
    crowdflower.sandbox.errors.Invalid: 422 “Rows” is a whole number from 1 to 1,000, not “1e3”.
    """
    number = find_whole(text)
    if number is not None and least <= number <= most:
        return number
    if not text.strip():
        problem = gettext("“%(label)s” is a whole number from %(least)s to %(most)s. Write one.")
    else:
        problem = gettext(
            "“%(label)s” is a whole number from %(least)s to %(most)s, not “%(text)s”."
        )
    raise _refusal(problem, text, label=label, least=f"{least:,}", most=f"{most:,}")


def read_decimal(text: str, label: str, least: int, most: int, places: int) -> Decimal:
    """Return the number that a person typed, which may have decimals.

    :param label: What the field is called on the page.
    :param places: Most decimals; zeros after them do not count.
    :raises Invalid: The string is not a number within the limits; the message names the field.

    >>> read_decimal("2.50", "Pay for a page", 0, 1000, places=1)
    Decimal('2.5')
    """
    number = find_decimal(text, places)
    if number is not None and least <= number <= most:
        return number
    if not text.strip():
        problem = gettext("“%(label)s” is a number from %(least)s to %(most)s. Write one.")
    else:
        problem = gettext(
            "“%(label)s” is a number from %(least)s to %(most)s with at most %(places)s decimals,"
            " such as 2.5, not “%(text)s”."
        )
    limits = {"least": f"{least:,}", "most": f"{most:,}", "places": places}
    raise _refusal(problem, text, label=label, **limits)


def find_whole(text: str) -> int | None:
    """Return a string as a whole number, or ``None`` if it is something else.

    >>> find_whole("1,200"), find_whole("12,00"), find_whole("١٢"), find_whole("-1")
    (1200, None, None, None)
    """
    found = _NUMBER.fullmatch(text.strip())
    return int(_digits(found)) if found and found["part"] is None else None


def find_decimal(text: str, places: int) -> Decimal | None:
    """Return a string as a number; ``None`` if it is something else or has more decimals.

    >>> find_decimal("1,200.50", 1), find_decimal("0.25", 1), find_decimal("1e3", 1)
    (Decimal('1200.5'), None, None)
    """
    found = _NUMBER.fullmatch(text.strip())
    if not found:
        return None
    part = (found["part"] or "").rstrip("0")
    return Decimal(f"{_digits(found)}.{part or 0}") if len(part) <= places else None


def _digits(found: re.Match[str]) -> str:
    return found["whole"].replace(",", "")


def _refusal(problem: str, text: str, **values: object) -> Invalid:
    plain = text.strip()
    shown = plain if len(plain) <= _MAX_SHOWN else f"{plain[:_MAX_SHOWN]}…"
    return Invalid(problem % {**values, "text": shown})
