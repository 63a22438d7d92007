"""Names of source columns in results, where system columns and questions stand beside them."""

from __future__ import annotations

from collections.abc import Collection


def output_names(columns: Collection[str], reserved: Collection[str]) -> dict[str, str]:
    """Map source columns to unique output names, with the prefix ``orig_`` where names collide.

    :param columns: Names of the source columns.
    :param reserved: Names that are in use already.

    >>> output_names(["sentiment", "orig_sentiment", "text"], {"sentiment"})
    {'sentiment': 'orig_orig_sentiment', 'orig_sentiment': 'orig_sentiment', 'text': 'text'}
    """
    names: dict[str, str] = {}
    own, used = set(columns), set(reserved)
    for column in columns:
        name = column
        while name in used or (name != column and name in own):
            name = f"orig_{name}"
        names[column] = name
        used.add(name)
    return names
