"""The names of columns in a schema that a plan was given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crowdflower.exceptions import InvalidInput, warn
from crowdflower.models.arguments import did_you_mean
from crowdflower.tables.partitions.condition import check_names


def other_case(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return by what names a table has columns whose names differ in their case only.

    A column is left out if there are two such columns, or if it is among the names itself.

    >>> other_case(["SKU", "price", "Size"], ["sku", "price", "size", "SIZE"])
    {'SKU': 'sku'}
    """
    names, known = list(names), set(known)
    found = {}
    for name in names:
        same = [each for each in known.difference(names) if each.casefold() == name.casefold()]
        if name not in known and len(same) == 1:
            found[name] = same[0]
    return found


def check_unknown(
    table: str,
    unknown: Iterable[str],
    known: Sequence[str],
    names: Sequence[str],
    *,
    is_whole: bool,
) -> None:
    """Refuse names of a schema that are wrong, or look so; warn of others that no row has so far.

    :param unknown: The names of the schema that are not known.
    :param names: All names of the schema.
    :param is_whole: Whether all rows were looked at, so that no other has the column.
    :raises InvalidInput: There is no such column, or another one has a similar name.
    """
    if is_whole:
        check_names("schema", table, unknown, known)
    for name in unknown:
        near = did_you_mean(name, [each for each in known if each not in names])
        problem = f"no row of the table {table} that was looked at has the column {name!r:.80}"
        if near:
            raise InvalidInput(
                f"schema: {problem}{near} If other rows have {name!r:.80}, name both in the schema"
            )
        warn(f"{problem} of the schema: it is null unless other rows have it")
