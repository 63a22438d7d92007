"""Messages of responses, in every envelope."""

from __future__ import annotations

from typing import Any

import pytest

from crowdflower.http import responses

MESSAGE = "Job could not be canceled."


@pytest.mark.parametrize(
    "body",
    [
        {"error": MESSAGE},
        {"error": {"message": MESSAGE}},
        {"error": [MESSAGE]},
        {"error": {"message": [MESSAGE]}},
        {"errors": [MESSAGE]},
        {"errors": MESSAGE},
        {"errors": {"message": MESSAGE}},
        {"errors": [{"message": MESSAGE}]},
        {"message": {"error": MESSAGE}},
        {"message": {"error": {"message": MESSAGE}}},
        {"message": {"errors": [MESSAGE]}},
        {"error": MESSAGE, "enabled_channels": []},
        {"success": "Fine.", "error": MESSAGE},
        {"id": 7, "error": MESSAGE},
        {"id": 7, "errors": [MESSAGE]},
        {"done": False, "count": 55, "error": MESSAGE},
    ],
)
def test_a_refusal_is_found_in_every_envelope(body: Any) -> None:
    assert responses.refusal_messages(body) == [MESSAGE]
    assert MESSAGE in responses.all_messages(body)


def test_all_reasons_are_found_in_order() -> None:
    assert responses.refusal_messages({"errors": ["b", "c"], "error": "a"}) == ["a", "b", "c"]


def test_a_refusal_of_unknown_shape_is_shown_unchanged() -> None:
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
        {"id": 7, "message": {"error": MESSAGE}},
        {"1": {"error": "a column of that name"}},
        ["error"],
        "error",
        7,
        None,
    ],
)
def test_a_response_without_errors_is_not_a_refusal(body: Any) -> None:
    assert responses.refusal_messages(body) == []


def test_an_object_with_errors_has_a_warning() -> None:
    body = {"id": 7, "message": {"error": MESSAGE}}

    assert responses.reservations(body) == [MESSAGE]
    assert responses.refusal_messages(body) == []


@pytest.mark.parametrize(
    "body",
    [
        {"id": 7, "message": {"notice": "Copied."}},
        {"id": 7, "message": "Deprecated."},
        {"message": {"error": MESSAGE}},
        {"id": 7},
        [],
        None,
    ],
)
def test_other_messages_are_not_warnings(body: Any) -> None:
    assert responses.reservations(body) == []


@pytest.mark.parametrize(
    "body",
    [
        {"success": MESSAGE},
        {"success": {"message": MESSAGE}},
        {"notice": {"message": MESSAGE}},
        {"warning": MESSAGE},
        {"message": MESSAGE},
        {"message": {"success": MESSAGE}},
        {"message": {"notice": MESSAGE}},
        {"id": 7, "message": {"notice": MESSAGE}},
    ],
)
def test_every_message_is_a_remark(body: Any) -> None:
    assert responses.all_messages(body) == [MESSAGE]


@pytest.mark.parametrize("body", [{}, {"id": 7, "title": "error"}, [], "text", None])
def test_without_a_message_there_is_no_remark(body: Any) -> None:
    assert responses.all_messages(body) == []
