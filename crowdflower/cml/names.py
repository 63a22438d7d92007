"""Names of questions, which are also the columns of their answers."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

RESERVED_NAMES: Final = frozenset(
    [
        *("judgments", "_agreement", "_canary", "_channel", "_city", "_country", "_created_at"),
        *("_golden", "_id", "_ids", "_ip", "_last_judgment_at", "_missed", "_region"),
        *("_started_at", "_state", "_tainted", "_trust", "_trusted_judgments", "_unit_id"),
        *("_unit_state", "_updated_at", "_worker_id"),
    ]
)
"""Names that results and reports use for columns of their own."""


_JOINERS: Final = "\u200c\u200d"
"""Joiners of letters and of emoji: Persian words and families of emoji differ only in these."""

_FIRST_SYMBOL: Final = "\u2300"
"""Symbols from here on are mostly emoji; those before are punctuation, such as ``°`` and ``™``."""


_OUTPUT = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)


def normalize_name(text: str) -> str:
    """Make the name of a question from its label or from its ``name`` attribute.

    Letters of any script with their marks, digits, emoji, underscores and spaces stay, everything
    else is removed. Then the ends are stripped, letters become lower case, and each space becomes
    an underscore. A second pass changes nothing.

    >>> normalize_name("Ask question here:")
    'ask_question_here'
    >>> normalize_name("Is this funny or not?")
    'is_this_funny_or_not'
    >>> normalize_name("distribute/promote")
    'distributepromote'
    >>> normalize_name("हिन्दी में?")
    'हिन्दी_में'
    >>> normalize_name("???")
    ''

    Source: CrowdFlower, `Common attributes
    <http://crowdflower.com/docs/cml/common_attributes>`_, ``label`` and ``name``, where the
    sentence says "removing alpha-numeric characters" and the examples show the opposite.
    """
    kept = _keep_name_characters(text).strip().lower()
    return "".join("_" if each.isspace() else each for each in kept)


def fixed_name(name: str) -> str:
    """Make the name of a question from a ``name`` with Liquid: one column for all rows.

    The braces are dropped, and the spaces inside them; column and filters stay as they are written.

    >>> fixed_name("answer_{{chunk_00}}"), fixed_name("{{ kind }}_{{ size | downcase }}")
    ('answer_chunk_00', 'kind_size__downcase')

    Source: a report of a published pipeline, whose form has ``name="answer_{{chunk_00}}"``.
    """
    return normalize_name(_OUTPUT.sub(r"\1", name))


derived = normalize_name
"""The name of :func:`normalize_name` in version 1.0.0."""


def column_name(header: str) -> str:
    """Convert a header of a CSV file to the name of a column, as the service stores it.

    As in :func:`normalize_name`, but spaces in a row become one underscore.

    >>> column_name("Retailer  URL"), column_name("x:confidence"), column_name("_golden")
    ('retailer_url', 'xconfidence', '_golden')

    Source: CrowdFlower, `Uploading Data
    <https://success.crowdflower.com/hc/en-us/articles/202702925>`_, and columns of public reports.
    """
    return _keep_name_characters("_".join(header.lower().split()))


def is_name_character(character: str) -> bool:
    """Return whether a name may contain a character: a letter, a mark, a digit, an emoji or ``_``.

    >>> [is_name_character(each) for each in ("a", "\u093f", "😀", "-")]
    [True, True, True, False]
    """
    return _is_base(character) or _joins(character)


def _keep_name_characters(text: str) -> str:
    """Keep what names are made of, and spaces; a mark only with the character it belongs to."""
    kept, attached = [], False
    for each in text:
        attached = _is_base(each) or (attached and _joins(each))
        if attached or each.isspace():
            kept.append(each)
    return "".join(kept).strip(_JOINERS)


def _is_base(character: str) -> bool:
    return (
        character.isalnum()
        or character == "_"
        or (character >= _FIRST_SYMBOL and category(character) in {"So", "Sk"})
    )


def _joins(character: str) -> bool:
    """Return whether it belongs to the character before: a mark, a joiner, a tag of a flag."""
    return (
        category(character)[0] == "M"
        or character in _JOINERS
        or "\U000e0020" <= character <= "\U000e007f"
    )
