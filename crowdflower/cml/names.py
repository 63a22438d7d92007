"""Names of questions: the columns that their answers fill."""

from __future__ import annotations

from typing import Final

TAKEN: Final = frozenset(
    [
        *("judgments", "_agreement", "_canary", "_channel", "_city", "_country", "_created_at"),
        *("_golden", "_id", "_ids", "_ip", "_last_judgment_at", "_missed", "_region"),
        *("_started_at", "_state", "_tainted", "_trust", "_trusted_judgments", "_unit_id"),
        *("_unit_state", "_updated_at", "_worker_id"),
    ]
)
"""Names under which results and reports have something of their own beside the answers."""


def derived(text: str) -> str:
    """Make the name of a question from its label, or put a given name in shape.

    Everything but letters, digits, underscores and blanks goes; blanks at the ends go; what is
    left is lower-cased, and each blank becomes an underscore. Letters of any script stay.

    >>> derived("Ask question here:")
    'ask_question_here'
    >>> derived("Is this funny or not?")
    'is_this_funny_or_not'
    >>> derived("distribute/promote")
    'distributepromote'
    >>> derived("???")
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
