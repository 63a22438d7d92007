"""Numbers that people type at the desk."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crowdflower.sandbox.desk.fields.typed_numbers import (
    find_decimal,
    find_whole,
    read_decimal,
    read_whole,
)
from crowdflower.sandbox.errors import Invalid

NOT_WHOLE = [
    *("", " ", "1e3", "١٢", "1_000", "+5", "-5", "1.0", "1.", ".5", "0x1", "½", "²", "1 000"),
    *("1,00", "1,0000", ",100", "100,", "1,,000", "1,000,00", "1000,000", "9" * 5000, "5\n5"),
]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), (" 12\t", 12), ("1,000", 1000), ("12,345,678", 12345678)],
)
def test_whole_numbers_may_have_commas_between_thousands(text: str, number: int) -> None:
    assert find_whole(text) == number
    assert read_whole(text, "Rows", 0, 10**9) == number


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_what_is_not_a_whole_number_is_refused_and_never_guessed(text: str) -> None:
    assert find_whole(text) is None
    with pytest.raises(Invalid, match="“Rows” is a whole number from 1 to 1,000"):
        read_whole(text, "Rows", 1, 1000)


@pytest.mark.parametrize("text", ["0", "1,001", "999999999999999999"])
def test_a_whole_number_beyond_the_limits_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_whole(text, "Rows", 1, 1000)

    assert caught.value.message == f"“Rows” is a whole number from 1 to 1,000, not “{text}”."


def test_an_empty_field_and_a_long_text_are_named_in_short() -> None:
    with pytest.raises(Invalid) as empty:
        read_whole("", "Rows", 1, 9)
    with pytest.raises(Invalid) as long:
        read_whole("x" * 1000, "Rows", 1, 9)

    assert empty.value.message == "“Rows” is a whole number from 1 to 9. Write one."
    assert long.value.message.endswith(f"not “{'x' * 20}…”.")


@pytest.mark.parametrize(
    ("text", "number"), [("2.5", "2.5"), ("1,200.250", "1200.25"), ("5", "5"), ("0.00", "0")]
)
def test_decimals_stand_after_a_point(text: str, number: str) -> None:
    assert find_decimal(text, 2) == Decimal(number)
    assert read_decimal(text, "Pay", 0, 10_000, places=2) == Decimal(number)


@pytest.mark.parametrize("text", ["2,5", "0.125", "1e3", "NaN", "Infinity", "5 %", "-1", "10001"])
def test_what_is_not_such_a_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_decimal(text, "Pay", 0, 10_000, places=2)

    assert caught.value.message == (
        f"“Pay” is a number from 0 to 10,000 with at most 2 decimals, such as 2.5, not “{text}”."
    )


def test_an_empty_field_for_a_number_with_decimals_is_refused() -> None:
    with pytest.raises(Invalid, match=r"“Pay” is a number from 0 to 9\. Write one\."):
        read_decimal(" ", "Pay", 0, 9, places=2)
