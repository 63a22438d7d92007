"""The fast JSON decoder agrees with the strict one."""

from __future__ import annotations

import json
from json import JSONDecodeError
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crowdflower.sandbox.store import json_text

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For a busy machine."""

ROWS = st.dictionaries(st.text(), PLAIN | st.lists(PLAIN) | st.dictionaries(st.text(), PLAIN))


def types(row: dict[str, Any]) -> list[type]:
    return [type(value) for value in row.values()]


@UNHURRIED
@given(row=ROWS, escaped=st.booleans())
@example(row={"a": 2**63}, escaped=False)
@example(row={"a": -(2**64)}, escaped=False)
@example(row={"a": 2**70}, escaped=False)
@example(row={"a": 1e308, "b": -0.0, "c": 5e-324}, escaped=False)
def test_the_fast_decoder_returns_the_same_value(row: dict[str, Any], *, escaped: bool) -> None:
    text = json.dumps(row, ensure_ascii=escaped)

    fast = json_text.decode_flat_object(text.encode(errors="surrogatepass"))

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

    assert json_text.decode_flat_object(text.encode(errors="surrogatepass")) is None


@pytest.mark.parametrize("text", ['{"a": -0}', '{"a": 1, "a": 2}', ' {"a": 1.0}\r\n', '{"a": 1E2}'])
def test_unusual_but_valid_json_gives_the_same_value(text: str) -> None:
    fast = json_text.decode_flat_object(text.encode(errors="surrogatepass"))

    assert fast is None or repr(fast) == repr(json_text.decode(text))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a" : 1, "a": "b"}',
        '{"a"\t: 1, "a"\r:2, "b": 3}',
        '{"a\\\\": 1, "a\\\\": 2}',
        '{"a": {"b": 1, "b": 2}}',
    ],
)
def test_a_name_that_is_there_twice_is_found(text: str) -> None:
    assert json_text.decode_flat_object(text.encode()) is None
    with pytest.raises(json_text.SameName):
        json_text.decode_at(text, 0, unique_names=True)


@pytest.mark.parametrize(
    "text", ['{"a": "b: c", "d": "http://e"}', '{"a\\\\": "\\"", "\\":": ":"}', '{"a" : ":"}', "{}"]
)
def test_a_colon_in_a_string_is_no_second_name(text: str) -> None:
    fast = json_text.decode_flat_object(text.encode())

    assert fast in (None, json.loads(text))
    assert json_text.decode_at(text, 0, unique_names=True) == (json.loads(text), len(text))


@UNHURRIED
@given(pairs=st.lists(st.tuples(st.sampled_from(["a", 'b":', ":", "\\", '" :']), PLAIN)))
def test_two_equal_names_never_pass(pairs: list[tuple[str, Any]]) -> None:
    text = ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs)

    fast = json_text.decode_flat_object(f"{{{text}}}".encode())

    assert fast is None or len(fast) == len(pairs)
