"""The fast JSON decoder agrees with the strict one."""

from __future__ import annotations

import json
from json import JSONDecodeError
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crowdflower.sandbox.store import json_text

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
ROWS = st.dictionaries(st.text(), PLAIN | st.lists(PLAIN) | st.dictionaries(st.text(), PLAIN))


def types(row: dict[str, Any]) -> list[type]:
    return [type(value) for value in row.values()]


@given(row=ROWS, escaped=st.booleans())
@example(row={"a": 2**63}, escaped=False)
@example(row={"a": -(2**64)}, escaped=False)
@example(row={"a": 2**70}, escaped=False)
@example(row={"a": 1e308, "b": -0.0, "c": 5e-324}, escaped=False)
def test_the_fast_decoder_returns_the_same_value(row: dict[str, Any], *, escaped: bool) -> None:
    text = json.dumps(row, ensure_ascii=escaped)

    fast = json_text.decode_flat_object(text)

    if fast is not None:
        strict = json_text.decode(text)
        assert isinstance(strict, dict)
        assert fast == strict
        assert types(fast) == types(strict)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1e400}',
        '{"a": -1e400}',
        '{"a": NaN}',
        '{"a": 01}',
        '{"a": "\\u0000"}',
        '{"a": "\\ud800"}',
        '{"a": "\t"}',
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 1} {"a": 2}',
        '{"a": ' + "[" * 65 + "]" * 65 + "}",
    ],
)
def test_the_fast_decoder_does_not_accept_what_the_strict_one_refuses(text: str) -> None:
    with pytest.raises(JSONDecodeError):
        json_text.decode(text)

    assert json_text.decode_flat_object(text) is None


@pytest.mark.parametrize("text", ['{"a": -0}', '{"a": 1, "a": 2}', ' {"a": 1.0}\r\n', '{"a": 1E2}'])
def test_unusual_but_valid_json_gives_the_same_value(text: str) -> None:
    fast = json_text.decode_flat_object(text)

    assert fast is None or repr(fast) == repr(json_text.decode(text))
