"""Amounts of money as people write them."""

from __future__ import annotations

from typing import Final

from crowdflower.sandbox.desk.fields.typed_numbers import find_decimal
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.money import CENT

DOLLAR: Final = 100 * CENT

_MAX_DOLLARS: Final = 10**12
"""No amount is larger; what an amount is for may have a lower limit."""

_MAX_SHOWN: Final = 12
_CENT_PLACES: Final = 2


def read_dollars(text: str) -> int:
    """Return an amount that a person wrote, in thousandths of a US cent.

    A comma stands only between thousands: ``12,50`` may mean 12.50 or 1,250, so it is refused.

    :raises Invalid: The string is not an amount in dollars, or has a part of a cent.

    >>> read_dollars("$1,200.50"), read_dollars("141")
    (120050000, 14100000)
    """
    amount = find_decimal(text.strip().removeprefix("$"), _CENT_PLACES)
    if amount is None or amount > _MAX_DOLLARS:
        raise Invalid(
            gettext("Write an amount in dollars, such as 120 or 120.50, not “%(text)s”.")
            % {"text": text[:_MAX_SHOWN]}
        )
    return int(amount * DOLLAR)
