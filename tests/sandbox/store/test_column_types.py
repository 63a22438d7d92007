"""Rows as JSON text: with orjson and without, the same rows, and the same refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdflower.sandbox.store import column_types

CHARACTERS = st.characters(codec="utf-8")
VALUES = st.none() | st.booleans() | st.integers() | st.text(CHARACTERS)


@pytest.fixture(params=["as installed", "without"], autouse=True)
def orjson(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(column_types, "orjson", None)


@pytest.mark.parametrize("data", [{"a": "x", "b": [1, {"c": "\x00"}]}, {"a": 2**70, "b": -0.5}])
def test_a_row_is_written_so_that_it_is_read_again(data: dict[str, Any]) -> None:
    text = column_types.encode_row(data)

    assert json.loads(text) == data


def test_no_row_looks_different_for_how_it_was_written() -> None:
    @given(st.dictionaries(st.text(CHARACTERS), VALUES))
    def alike(data: dict[str, Any]) -> None:
        assert column_types.encode_row(data) == column_types.encode(data)

    alike()


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), "\ud800", object(), b"bytes"])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        column_types.encode_row({"fine": "yes", "a": value})
