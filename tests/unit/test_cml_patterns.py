"""Patterns of strangers: what they match, and that they cost what was promised."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.cml.pattern_syntax import PatternError, PatternUnsupportedError
from crowdflower.cml.patterns import escaped, pattern


@pytest.mark.parametrize(
    ("text", "flags", "found", "missed"),
    [
        ("^a+$", "", ["a", "aaa"], ["", "b", "ab"]),
        ("colou?r", "", ["my color", "colour"], ["colr"]),
        ("^(cat|dog|)$", "", ["cat", "dog", ""], ["cow"]),
        ("^[a-c-]+$", "", ["a-c", "-"], ["d"]),
        ("^[^0-9]+$", "", ["abc"], ["a1"]),
        (r"^[\d.]+$", "", ["1.2"], ["a"]),
        (r"^[]]$", "", ["]"], ["["]),
        (r"^\w+\s\S+$", "", ["one two"], ["onetwo"]),
        (r"\bcat\b", "", ["a cat!"], ["concat"]),
        (r"\Bcat", "", ["concat"], ["cat"]),
        (r"\A\x41B\z", "", ["AB"], ["xAB"]),
        (r"^\$1\.00$", "", ["$1.00"], ["$1x00"]),
        ("^x{2,3}$", "", ["xx", "xxx"], ["x", "xxxx"]),
        ("^x{2}$", "", ["xx"], ["x"]),
        ("^x{2,}$", "", ["xx", "x" * 9], ["x"]),
        ("^x{,2}$", "", ["x{,2}"], ["x"]),
        (r"^\n\$$", "", ["\n$"], ["n$"]),
        (r"^[\b\t]$", "", ["\b", "\t"], ["b"]),
        (r"^[a-\d]$", "", ["a", "-", "7"], ["b"]),
        ("^(?:ab)+?$", "", ["abab"], ["aba"]),
        ("^(?<name>a)(?P<other>b)$", "", ["ab"], ["a"]),
        ("straße", "i", ["STRAßE"], ["strasse"]),
        ("^[a-f]$", "i", ["B"], ["g"]),
        ("^a.b$", "", ["axb"], ["a\nb"]),
        ("^a.b$", "m", ["a\nb"], ["ab"]),
        ("", "", ["", "x"], []),
        ("a{0}b", "", ["b"], ["a"]),
        ("(a*)*b", "", ["b", "aab"], ["a"]),
    ],
)
def test_a_pattern_finds_what_it_says(
    text: str, flags: str, found: list[str], missed: list[str]
) -> None:
    machine = pattern(text, flags)

    assert [each for each in found if not machine.found_in(each)] == []
    assert [each for each in missed if machine.found_in(each)] == []


@pytest.mark.parametrize(
    "text", ["(", ")", "a)", "[a", "*a", "+", "a{3,2}", "\\", r"\xzz", "[b-a]"]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(PatternError):
        pattern(text)


@pytest.mark.parametrize("text", ["(?=a)b", "(?<!a)b", r"(a)\1", "a++", "(?i)a", r"\p{L}"])
def test_what_would_take_other_machines_is_named(text: str) -> None:
    with pytest.raises(PatternUnsupportedError):
        pattern(text)


@pytest.mark.parametrize(
    "text", ["a" * 201, "((a{99}){99}){99}", "(a{999}){3}", "(a?){1500}", "a{999}b{999}c{999}"]
)
def test_what_is_too_large_is_refused_before_it_is_built(text: str) -> None:
    with pytest.raises(PatternError):
        pattern(text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("(a+)+$", "a" * 40 + "b"),
        ("(a|aa)+$", "a" * 5_000 + "b"),
        ("(.*)*(.*)*(.*)*x", "y" * 5_000),
        ("(a*)*(b*)*" * 10 + "c", "ab" * 5_000),
        ("(((a{0,9}){0,9}){0,9})$", "a" * 2_000 + "b"),
        ("a.{0,500}b", "a" * 100_000),
    ],
)
def test_no_pattern_takes_long(text: str, answer: str) -> None:
    begun = time.process_time()

    assert not pattern(text).found_in(answer)

    assert time.process_time() - begun < 10


_ATOMS = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\w", r"\b", "^", "$", "(?:)"])
_PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(text=_PATTERNS, answer=st.text("abc ", max_size=6))
def test_it_agrees_with_the_standard_library_where_that_is_safe(text: str, answer: str) -> None:
    expected = re.search(text, answer) is not None

    assert pattern(text).found_in(answer) == expected


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=40), answer=st.text(max_size=20))
def test_random_text_is_a_pattern_or_a_pattern_error(text: str, answer: str) -> None:
    try:
        machine = pattern(text)
    except PatternError:
        return

    assert machine.found_in(answer) in {True, False}


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=20))
def test_an_escaped_text_finds_itself(text: str) -> None:
    assert pattern(f"^(?:{escaped(text)})$").found_in(text)
