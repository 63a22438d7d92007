"""Attributes as they were passed, and as a job shows them: what differs, and what only looks so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crowdflower.models.job_differences import Difference, find_differences, select_attributes
from crowdflower.models.job_fields import JobFields

FORM = '<p>{{ text }}</p>\n<cml:radios label="Verdict">\n  <cml:radio label="good"/>\n</cml:radios>'


def differences(shown: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return [each.name for each in find_differences(JobFields(None, id=7, **shown), wanted)]


@pytest.mark.parametrize(
    ("name", "shown", "wanted"),
    [
        ("payment_cents", 12, "12"),
        ("payment_cents", 2.5, Decimal("2.50")),
        ("project_number", "7", 7),
        ("title", "What Does It Say?", "what does it say?"),
        ("instructions", "<p>Read.</p>", "  <p>Read.</p>\r\n"),
        ("cml", FORM, FORM.replace("\n", "\r\n")),
        ("css", None, ""),
        ("css", "", None),
        ("included_countries", [{"code": "FI", "name": "Finland"}, {"code": "US"}], ["us", "fi"]),
        ("included_countries", [], None),
        ("auto_order", False, 0),
        ("auto_order", True, "on"),
        ("send_judgments_webhook", True, "https://example.com/hook"),
        ("min_unit_confidence", 0.7, 70),
        ("confidence_fields", ["b", "a"], ("a", "b")),
        ("confidence_fields", ["a", "b"], "a, b"),
        ("minimum_requirements", {"priority": 1, "min_score": 1}, {"priority": "1"}),
        ("fields", {"verdict": "agg", "more": "all"}, {"verdict": "agg"}),
        ("cml_fields", {"verdict": "agg"}, {"verdict": "agg"}),
        ("options", {"front_load": True, "mail_to": "a@example.com"}, {"front_load": 1}),
        ("options", {"front_load": True}, {"hide_correct_answers": False, "mail_to": None}),
        ("schedule_fifo", None, True),
    ],
)
def test_a_value_in_another_form_is_no_difference(name: str, shown: Any, wanted: Any) -> None:
    assert differences({name: shown}, {name: wanted}) == []


@pytest.mark.parametrize(
    ("name", "shown", "wanted"),
    [
        ("payment_cents", 12, 13),
        ("payment_cents", 12, None),
        ("cml", FORM, FORM.replace("good", "Good")),
        ("css", None, "p { color: red }"),
        ("included_countries", [{"code": "FI"}], ["US"]),
        ("included_countries", [{"code": "FI"}], []),
        ("auto_order", True, False),
        ("auto_order", None, True),
        ("units_remain_finalized", None, False),
        ("confidence_fields", ["a"], ["a", "b"]),
        ("minimum_requirements", {"priority": 1}, {"min_score": 1}),
        ("webhook_uri", "https://example.com/A", "https://example.com/a"),
    ],
)
def test_another_value_is_a_difference(name: str, shown: Any, wanted: Any) -> None:
    assert differences({name: shown}, {name: wanted}) == [name]


def test_an_option_that_is_not_shown_is_not_set() -> None:
    found = find_differences(JobFields(None, id=7, options={}), {"options": {"reject_at": 70}})

    assert found == [Difference("options.reject_at", None, 70)]


def test_an_attribute_that_is_not_shown_is_no_difference() -> None:
    assert differences({}, {"title": "A", "uri": "https://example.com", "team_id": "x"}) == []


def test_confidence_fields_are_found_where_the_service_keeps_them() -> None:
    shown = {"confidence_fields": None, "options": {"dynamic_judgment_fields": ["verdict"]}}

    assert differences(shown, {"confidence_fields": ["verdict"]}) == []
    assert differences(shown, {"confidence_fields": ["other"]}) == ["confidence_fields"]


def test_only_what_differs_is_selected() -> None:
    attributes = {"title": "A", "css": "p", "options": {"reject_at": 70, "front_load": True}}
    job = JobFields(None, id=7, title="A", css=None, options={"reject_at": 60, "front_load": True})

    found = find_differences(job, attributes)

    assert select_attributes(attributes, found) == {"css": "p", "options": {"reject_at": 70}}
    assert select_attributes(attributes, []) == {}


def test_of_long_texts_a_message_shows_the_line_that_differs() -> None:
    text = "".join(f"<p>{number} {'x' * 200}</p>\n" for number in range(20))

    message = str(Difference("cml", text, text.replace("<p>7 x", "<p>7 y")))

    assert message.startswith("cml, line 8: the service has '<p>7 xxx")
    assert "you have '<p>7 yxxx" in message
    assert len(message) < 200


def test_a_long_line_is_cut_around_what_differs() -> None:
    line = "x" * 500

    message = str(Difference("css", f"{line}a{line}", f"{line}b{line}"))

    assert "xa" in message
    assert "xb" in message
    assert len(message) < 220
