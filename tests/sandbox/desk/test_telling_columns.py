"""Columns that tell the correct answers: found in data, kept from contributors, and warned of."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox.desk.form.telling_columns import TellingColumn, find_telling
from tests.sandbox.desk.test_new_job import columns, save_form, start

if TYPE_CHECKING:
    from crowdflower.client import Client
    from tests.sandbox.desk_browser import Browser

LABELS = ("good", "bad", "mixed")


def rows(golds: int = 6, count: int = 60, **columns: Any) -> list[dict[str, Any]]:
    """Return rows, the first with a correct answer, and with a column from each function."""
    made = []
    for number in range(count):
        label = LABELS[number % 3]
        made.append(
            {name: make(number, label) for name, make in columns.items()}
            | {"verdict_gold": label if number < golds else ""}
        )
    return made


def told(data: list[dict[str, Any]], *columns: str) -> list[TellingColumn]:
    return find_telling(data, columns, ["verdict_gold"])


def test_a_column_with_the_correct_answers_is_found_without_case_and_space() -> None:
    data = rows(expert=lambda _, label: f" {label.upper()} ", text=lambda n, _: f"Text {n}")

    assert told(data, "text", "expert") == [TellingColumn("expert", "verdict_gold", 6, 6)]


def test_a_column_may_be_wrong_in_a_tenth_of_the_test_questions() -> None:
    data = rows(10, expert=lambda n, label: "mixed" if n == 3 else label)
    assert told(data, "expert") == [TellingColumn("expert", "verdict_gold", 9, 10)]

    assert not told(rows(10, expert=lambda n, label: "mixed" if n in {3, 4} else label), "expert")


def test_one_of_several_correct_answers_is_enough() -> None:
    data = rows(expert=lambda _, label: label)
    for row in data[:6]:
        row["verdict_gold"] = [row["verdict_gold"], "unclear"]

    assert told(data, "expert")


@pytest.mark.parametrize(("golds", "is_found"), [(3, False), (6, False), (7, True)])
def test_two_values_that_agree_by_chance_are_not_enough(golds: int, is_found: bool) -> None:
    data = [
        {"long": "yno"[n % 2], "verdict_gold": "yno"[n % 2] if n < golds else ""} for n in range(40)
    ]

    assert bool(told(data, "long")) is is_found


def test_a_column_with_one_value_tells_nothing() -> None:
    data = [{"lang": "yes", "verdict_gold": "yes" if n < 12 else ""} for n in range(40)]

    assert not told(data, "lang")


def test_a_column_named_like_the_question_needs_few_test_questions() -> None:
    data = rows(3, verdict=lambda _, label: label, expert=lambda _, label: label)

    assert [each.column for each in told(data, "verdict", "expert")] == ["verdict"]


def test_a_text_to_correct_is_shown() -> None:
    data = [
        {"verdict": f"Text {n}", "verdict_gold": f"Text {n}" if n < 12 else ""} for n in range(40)
    ]

    assert not told(data, "verdict")


def test_rows_without_values_tell_nothing() -> None:
    assert told([], "expert") == []
    assert told(rows(expert=lambda n, label: label if n > 5 else ""), "expert") == []


def test_the_example_of_the_demo_does_not_show_what_the_expert_found(
    desk: Browser, client: Client
) -> None:
    content = (files("crowdflower.cli") / "data" / "reviews.csv").read_text(encoding="utf-8")
    number = start(desk, content)
    path = f"/desk/jobs/{number}/new"

    page = desk.text(f"{path}/columns")
    assert "Not shown, because its values are the correct answers of sentiment_gold." in page

    columns(desk, number)
    cml = client.jobs[number]()["cml"]
    assert "{{ expert }}" not in cml
    assert "{{ review }}" in cml

    save_form(desk, number, f"{cml}\n{{{{ expert }}}}")
    for step in ("form", "launch"):
        warned = desk.text(f"{path}/{step}")
        assert "The form prints the answers" in warned
        assert "Column “expert” has the correct answer of “sentiment” in " in warned
    assert "contributors would see them" in desk.text(f"{path}/columns")
