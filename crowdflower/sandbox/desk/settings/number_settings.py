"""The settings that are numbers, and which numbers their fields take."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower.sandbox.desk.fields.typed_numbers import read_decimal, read_whole
from crowdflower.sandbox.desk.settings.setting_labels import setting_labels
from crowdflower.sandbox.rules.settings.value_types import MAX_CENTS, PERCENT

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PAGE_MINUTES: Final = 7 * 24 * 60
"""A page may stay open for a week."""

_MILLION: Final = 1_000_000
_PLACES: Final = 3


class _Limits(NamedTuple):
    least: int
    most: int
    places: int = 0
    may_be_empty: bool = False
    convert: Callable[[Decimal], Any] = int
    """Turns the number into the value of the API."""


def _percent(number: Decimal) -> float:
    return float(number) if number % 1 else int(number)


_LIMITS: Final = {
    "judgments_per_unit": _Limits(1, _MILLION),
    "max_judgments_per_unit": _Limits(1, _MILLION, may_be_empty=True),
    "min_unit_confidence": _Limits(
        0, PERCENT, _PLACES, may_be_empty=True, convert=lambda number: float(number / PERCENT)
    ),
    "units_per_assignment": _Limits(1, 200),
    "payment_cents": _Limits(0, MAX_CENTS, _PLACES, convert=str),
    "req_ttl_in_seconds": _Limits(1, MAX_PAGE_MINUTES, convert=lambda number: int(number) * 60),
    "max_judgments_per_worker": _Limits(1, _MILLION, may_be_empty=True),
    "gold_per_assignment": _Limits(0, _MILLION),
    "reject_at": _Limits(0, PERCENT, _PLACES, convert=_percent),
    "after_gold": _Limits(0, _MILLION),
}

NUMBER_SETTINGS: Final = frozenset(_LIMITS)


def read_number_setting(name: str, text: str) -> Any:
    """Return the value of the API for what was typed into the field of such a setting.

    :raises Invalid: The string is not a number that the setting takes.

    >>> read_number_setting("req_ttl_in_seconds", "1,000"), read_number_setting("reject_at", "62.5")
    (60000, 62.5)
    """
    least, most, places, may_be_empty, convert = _LIMITS[name]
    if not text and may_be_empty:
        return None
    label = setting_labels()[name]
    if places:
        return convert(read_decimal(text, label, least, most, places))
    return convert(Decimal(read_whole(text, label, least, most)))
