"""Copies and compares JSON, to find what was changed in place."""

from __future__ import annotations

from typing import Any, Final

from crowdflower._types import JSON, JSONObject

MUTABLE: Final = (dict, list)
"""Types of JSON values that can be changed in place."""

_MUTABLE: Final = frozenset(MUTABLE)


def copy_json(value: Any) -> Any:
    """Return a copy of an object or a list, with the objects and lists inside it.

    Some five times as fast as :func:`copy.deepcopy`: JSON has no cycles and nothing shared.

    >>> copy_json({"scores": [1, 2], "text": "Fine."})
    {'scores': [1, 2], 'text': 'Fine.'}
    """
    copied = value.copy()
    is_object = isinstance(copied, dict)
    if _MUTABLE.isdisjoint(map(type, copied.values() if is_object else copied)):
        return copied
    for key, part in copied.items() if is_object else enumerate(copied):
        if isinstance(part, MUTABLE):
            copied[key] = copy_json(part)
    return copied


def is_same(one: JSON, other: JSON) -> bool:
    """Return whether two values are the same JSON; ``1``, ``1.0`` and ``True`` are not.

    >>> is_same({"a": [1]}, {"a": [1]}), is_same({"a": [1]}, {"a": [True]})
    (True, False)
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def changed_items(before: JSONObject, now: JSONObject) -> JSONObject:
    """Return the items of an object that changed; ``None`` for those that were removed.

    >>> changed_items({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 4})
    {'b': 4, 'c': None}
    """
    changed = {
        name: value
        for name, value in now.items()
        if name not in before or not is_same(before[name], value)
    }
    return {**changed, **{name: None for name in before if name not in now}}
