"""Messages in all their wrappings."""

from __future__ import annotations

from typing import Any

import pytest

from crowdflower.http import responses

SAID = "Job could not be canceled."


@pytest.mark.parametrize(
    "body",
    [
        {"error": SAID},
        {"error": {"message": SAID}},
        {"error": [SAID]},
        {"error": {"message": [SAID]}},
        {"errors": [SAID]},
        {"errors": SAID},
        {"errors": {"message": SAID}},
        {"errors": [{"message": SAID}]},
        {"message": {"error": SAID}},
        {"message": {"error": {"message": SAID}}},
        {"message": {"errors": [SAID]}},
        {"error": SAID, "enabled_channels": []},
        {"success": "Fine.", "error": SAID},
        {"id": 7, "error": SAID},
        {"id": 7, "errors": [SAID]},
        {"done": False, "count": 55, "error": SAID},
    ],
)
def test_a_refusal_is_heard_in_every_wrapping(body: Any) -> None:
    assert responses.refusal_messages(body) == [SAID]
    assert SAID in responses.all_messages(body)


def test_all_reasons_are_heard_in_their_order() -> None:
    assert responses.refusal_messages({"errors": ["b", "c"], "error": "a"}) == ["a", "b", "c"]


def test_a_refusal_in_a_shape_of_its_own_is_shown_as_it_is() -> None:
    assert responses.refusal_messages({"error": {"code": 7}}) == ["{'code': 7}"]
    assert responses.refusal_messages({"error": 7}) == ["7"]
    assert responses.refusal_messages({"error": True}) == ["True"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": 7},
        {"success": "Fine."},
        {"success": {"message": "Fine."}},
        {"notice": {"message": "Later."}},
        {"warning": "Already flagged."},
        {"message": {"success": "Fine."}},
        {"message": {"notice": "Later."}},
        {"message": "Channels will be deprecated."},
        {"error": None},
        {"errors": []},
        {"error": ""},
        {"error": {}},
        {"error": False},
        {"id": 7, "message": {"error": SAID}},
        {"1": {"error": "a column of that name"}},
        ["error"],
        "error",
        7,
        None,
    ],
)
def test_what_is_no_refusal_is_not_taken_for_one(body: Any) -> None:
    assert responses.refusal_messages(body) == []


def test_an_object_that_was_made_all_the_same_has_a_reservation() -> None:
    body = {"id": 7, "message": {"error": SAID}}

    assert responses.reservations(body) == [SAID]
    assert responses.refusal_messages(body) == []


@pytest.mark.parametrize(
    "body",
    [
        {"id": 7, "message": {"notice": "Copied."}},
        {"id": 7, "message": "Deprecated."},
        {"message": {"error": SAID}},
        {"id": 7},
        [],
        None,
    ],
)
def test_other_messages_are_no_reservation(body: Any) -> None:
    assert responses.reservations(body) == []


@pytest.mark.parametrize(
    "body",
    [
        {"success": SAID},
        {"success": {"message": SAID}},
        {"notice": {"message": SAID}},
        {"warning": SAID},
        {"message": SAID},
        {"message": {"success": SAID}},
        {"message": {"notice": SAID}},
        {"id": 7, "message": {"notice": SAID}},
    ],
)
def test_every_message_is_a_remark(body: Any) -> None:
    assert responses.all_messages(body) == [SAID]


@pytest.mark.parametrize("body", [{}, {"id": 7, "title": "error"}, [], "text", None])
def test_without_a_message_there_is_no_remark(body: Any) -> None:
    assert responses.all_messages(body) == []
