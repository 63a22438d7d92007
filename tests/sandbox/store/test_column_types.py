"""Encoding rows as JSON: the same result with and without orjson."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdflower.sandbox.store import column_types

CHARACTERS = st.characters(codec="utf-8")
VALUES = st.none() | st.booleans() | st.integers() | st.text(CHARACTERS)


@pytest.fixture(params=["as installed", "without"], autouse=True)
def orjson(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(column_types, "orjson", None)


@pytest.mark.parametrize("data", [{"a": "x", "b": [1, {"c": "\x00"}]}, {"a": 2**70, "b": -0.5}])
def test_an_encoded_row_decodes_to_the_same_value(data: dict[str, Any]) -> None:
    text = column_types.encode_row(data)

    assert json.loads(text) == data


def test_both_encoders_write_the_same_text() -> None:
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # for a busy machine
    @given(st.dictionaries(st.text(CHARACTERS), VALUES))
    def check(data: dict[str, Any]) -> None:
        assert column_types.encode_row(data) == column_types.encode(data)

    check()


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), "\ud800", object(), b"bytes"])
def test_a_value_that_json_cannot_express_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        column_types.encode_row({"fine": "yes", "a": value})
