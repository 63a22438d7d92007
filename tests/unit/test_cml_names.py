"""Names of questions and of columns, in every script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdflower.cml.names import column_name, derived, is_name_character, normalize_name

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = [
    *("दिन", "दन", "पाठ", "हिन्दी", "हनद"),  # Hindi: vowel signs are marks
    *("ที่", "ที", "ท", "ไม้", "ไม่"),  # Thai: vowels and tones
    *("كُتب", "كَتب", "كتب"),  # Arabic: short vowels
    *("tie\u0302\u0301ng", "tie\u0302ng", "tieng"),  # Vietnamese, decomposed
    *("می\u200cخواهم", "میخواهم"),  # Persian: a non-joiner inside a word
    *("😀", "😢", "❤️", "★", "👍", "👍🏽", "🇫🇷", "🇩🇪", "👩‍💻", "👩💻", "1️⃣"),
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England's flag
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland's flag
    *("質問", "質門"),
]
"""Words of which no two are the same."""


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Ask question here:", "ask_question_here"),
        ("Is this funny or not?", "is_this_funny_or_not"),
        ("distribute/promote", "distributepromote"),
        ("  Any comments?  ", "any_comments"),
        ("yes / no", "yes__no"),
        ("Already_fine 2", "already_fine_2"),
        ("Größe (cm)", "größe_cm"),
        ("質問", "質問"),
        ("?!", ""),
        ("हिन्दी में?", "हिन्दी_में"),
        ("Temperature (°C)™", "temperature_c"),
        ("Photo 📷?", "photo_📷"),
        ("#️⃣ a", "a"),
        ("a\u200d", "a"),
        ("İstanbul", "i\u0307stanbul"),
    ],
)
def test_a_label_becomes_a_name(label: str, name: str) -> None:
    assert normalize_name(label) == name


@pytest.mark.parametrize("name_of", [normalize_name, column_name])
def test_words_that_differ_have_names_that_differ(name_of: Callable[[str], str]) -> None:
    names = {name_of(f"{word}?"): word for word in WORDS}

    assert list(names) == WORDS
    assert all(map(is_name_character, "".join(WORDS)))


def test_a_mark_without_its_letter_is_removed() -> None:
    assert normalize_name("a \u0301b !\ufe0f") == "a_b"


@given(st.text())
def test_a_name_of_a_name_is_itself(text: str) -> None:
    assert derived(derived(text)) == derived(text)
    assert column_name(column_name(text)) == column_name(text)
    assert all(map(is_name_character, derived(text) + column_name(text)))
