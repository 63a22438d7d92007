"""Names of questions."""

from __future__ import annotations

import pytest

from crowdflower.cml.names import normalize_name


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
    ],
)
def test_a_label_becomes_a_name(label: str, name: str) -> None:
    assert normalize_name(label) == name
