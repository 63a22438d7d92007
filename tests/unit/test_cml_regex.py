"""The regular expression engine: matches, errors, and bounded time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.cml.regex import compile_regex, escape
from crowdflower.cml.regex_compiler import RegexError, UnsupportedRegexError


@pytest.mark.parametrize(
    ("pattern", "flags", "matching", "not_matching"),
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
def test_a_pattern_matches(
    pattern: str, flags: str, matching: list[str], not_matching: list[str]
) -> None:
    regex = compile_regex(pattern, flags)

    assert [each for each in matching if not regex.search(each)] == []
    assert [each for each in not_matching if regex.search(each)] == []


@pytest.mark.parametrize(
    "pattern", ["(", ")", "a)", "[a", "*a", "+", "a{3,2}", "\\", r"\xzz", "[b-a]"]
)
def test_an_invalid_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(RegexError):
        compile_regex(pattern)


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?<!a)b", r"(a)\1", "a++", "(?i)a", r"\p{L}"])
def test_an_unsupported_feature_is_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedRegexError):
        compile_regex(pattern)


@pytest.mark.parametrize(
    "pattern", ["a" * 201, "((a{99}){99}){99}", "(a{999}){3}", "(a?){1500}", "a{999}b{999}c{999}"]
)
def test_a_pattern_that_is_too_large_is_refused_before_it_is_compiled(pattern: str) -> None:
    with pytest.raises(RegexError):
        compile_regex(pattern)


@pytest.mark.parametrize(
    ("pattern", "answer"),
    [
        ("(a+)+$", "a" * 40 + "b"),
        ("(a|aa)+$", "a" * 5_000 + "b"),
        ("(.*)*(.*)*(.*)*x", "y" * 5_000),
        ("(a*)*(b*)*" * 10 + "c", "ab" * 5_000),
        ("(((a{0,9}){0,9}){0,9})$", "a" * 2_000 + "b"),
        ("a.{0,500}b", "a" * 100_000),
    ],
)
def test_every_pattern_takes_bounded_time(pattern: str, answer: str) -> None:
    start = time.process_time()

    assert not compile_regex(pattern).search(answer)

    assert time.process_time() - start < 10


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
@given(pattern=_PATTERNS, answer=st.text("abc ", max_size=6))
def test_it_agrees_with_the_standard_library_on_safe_patterns(pattern: str, answer: str) -> None:
    expected = re.search(pattern, answer) is not None

    assert compile_regex(pattern).search(answer) == expected


@settings(max_examples=200, deadline=None)
@given(pattern=st.text(max_size=40), answer=st.text(max_size=20))
def test_random_text_is_a_pattern_or_an_error(pattern: str, answer: str) -> None:
    try:
        regex = compile_regex(pattern)
    except RegexError:
        return

    assert regex.search(answer) in {True, False}


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=20))
def test_an_escaped_text_matches_itself(text: str) -> None:
    assert compile_regex(f"^(?:{escape(text)})$").search(text)
