"""Names of questions, which are also the columns of their answers."""

from __future__ import annotations

from typing import Final

RESERVED_NAMES: Final = frozenset(
    [
        *("judgments", "_agreement", "_canary", "_channel", "_city", "_country", "_created_at"),
        *("_golden", "_id", "_ids", "_ip", "_last_judgment_at", "_missed", "_region"),
        *("_started_at", "_state", "_tainted", "_trust", "_trusted_judgments", "_unit_id"),
        *("_unit_state", "_updated_at", "_worker_id"),
    ]
)
"""Names that results and reports use for columns of their own."""


def normalize_name(text: str) -> str:
    """Make the name of a question from its label or from its ``name`` attribute.

    Letters of any script, digits, underscores and spaces stay, everything else is removed. Then
    the ends are stripped, letters become lower case, and each space becomes an underscore.

    >>> normalize_name("Ask question here:")
    'ask_question_here'
    >>> normalize_name("Is this funny or not?")
    'is_this_funny_or_not'
    >>> normalize_name("distribute/promote")
    'distributepromote'
    >>> normalize_name("???")
    ''

    Source: CrowdFlower, `Common attributes
    <http://crowdflower.com/docs/cml/common_attributes>`_, ``label`` and ``name``, where the
    sentence says "removing alpha-numeric characters" and the examples show the opposite.
    """
    kept = "".join(
        character
        for character in text
        if character.isalnum() or character == "_" or character.isspace()
    )
    return "".join("_" if each.isspace() else each for each in kept.strip().lower())


derived = normalize_name
"""The name of :func:`normalize_name` in version 1.0.0."""
