"""Names the part of a value that JSON cannot represent, and what to send instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from math import isfinite, isnan
from typing import Final, TypeAlias

from crowdflower._types import describe_type

Path: TypeAlias = tuple[object, ...]
"""Keys and indexes from a value to a part of it."""

MAX_NESTING: Final = 64
"""Levels of objects and lists in a row, the row included."""

MISSING_TYPES: Final = frozenset({"NaTType", "NAType"})
"""Types of the markers for missing values of pandas, which is not imported here."""


def find_problem(value: object) -> tuple[Path, str] | None:
    """Return the first part that JSON cannot represent: its path, and what to do about it.

    >>> find_problem({"text": "Fine.", "scores": [1.5, float("nan")]})
    (('scores', 1), 'the float nan is not JSON; send None for a missing value')
    """
    try:
        return _find(value, ())
    except RecursionError:
        return (), "it contains itself, or is nested too deeply"


def describe_path(path: Path) -> str:
    """Return a path as it is written in Python.

    >>> describe_path(("scores", 1))
    "['scores'][1]"
    """
    return "".join(f"[{key!r:.80}]" for key in path)


def is_numpy(value: object) -> bool:
    """Return whether a value is a scalar or an array of numpy, which is not imported here."""
    return type(value).__module__.partition(".")[0] == "numpy"


def numpy_advice(value: object) -> str:
    """Return the end of a message about a value that may be a NumPy number; empty if it is not."""
    return "; convert it with .item()" if is_numpy(value) else ""


def is_missing(value: object) -> bool:
    """Return whether a value stands for a missing one: ``None``, NaN, or a marker of pandas."""
    is_nan = isinstance(value, float) and isnan(value)
    return value is None or is_nan or type(value).__name__ in MISSING_TYPES


def remedy(value: object) -> str:  # noqa: PLR0911 - a table
    """Return what to send instead of a value that is not JSON; empty where nothing is wrong.

    >>> from datetime import date
    >>> remedy(date(2015, 6, 24)), remedy(7)
    ('send a string, such as value.isoformat()', '')
    """
    if value is None or isinstance(value, (str, bool, int)):
        return ""
    if isinstance(value, float):
        if isfinite(value):
            return ""
        return f"send None for a missing value{'' if isnan(value) else ', or a finite number'}"
    if is_missing(value):
        return "send None for a missing value"
    if is_numpy(value):
        if type(value).__name__ in {"datetime64", "timedelta64"}:
            return "send a string, such as str(value)"
        return "convert it with .tolist()" if hasattr(value, "__len__") else "convert with .item()"
    for kinds, advice in _REMEDIES:
        if isinstance(value, kinds):
            return advice
    return "send a string, such as str(value), or another JSON value"


_REMEDIES: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    ((date, time), "send a string, such as value.isoformat()"),
    (timedelta, "send a number, such as value.total_seconds()"),
    (Decimal, "send str(value), which keeps all digits, or float(value)"),
    (
        (bytes, bytearray, memoryview),
        "send a string, such as value.decode() or base64.b64encode(value).decode()",
    ),
    (Mapping, "send a dict, such as dict(value)"),
    (Iterable, "send a list, such as list(value)"),
)


def _find(value: object, path: Path) -> tuple[Path, str] | None:
    """Return the first problem in a value, depth first, in its order."""
    inner: Iterable[tuple[object, object]] = ()
    if len(path) >= MAX_NESTING and isinstance(value, (dict, list, tuple)):
        raise RecursionError
    if isinstance(value, dict):
        problem = next(filter(None, map(_name_problem, value)), "")
        inner = value.items()
    elif isinstance(value, (list, tuple)):
        problem = ""
        inner = enumerate(value)
    else:
        problem = _value_problem(value)
    if problem:
        return path, problem
    return next(filter(None, (_find(part, (*path, key)) for key, part in inner)), None)


def _name_problem(name: object) -> str:
    """Return what is wrong with a name; JSON writes numbers, booleans and ``None`` as strings."""
    if isinstance(name, str):
        problem = _text_problem(name)
        return f"the name {name!a:.80} {problem}" if problem else ""
    is_bad = isinstance(name, tuple) or bool(remedy(name))
    return f"the name {name!r:.80} is {describe_type(name)}, not a string" if is_bad else ""


def _value_problem(value: object) -> str:
    if isinstance(value, str):
        problem = _text_problem(value)
        return f"the string {value!a:.80} {problem}" if problem else ""
    if isinstance(value, int):
        return "" if _has_digits(value) else "the int has too many digits; send a string"
    advice = remedy(value)
    if not advice:
        return ""
    if isinstance(value, float):
        return f"the float {float(value)!r} is not JSON; {advice}"
    return f"{value!r:.80} is {describe_type(value)}, which is not JSON; {advice}"


def _text_problem(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"has a lone surrogate at position {error.start}, which UTF-8 cannot encode"
    return "contains the character NUL, which is not stored; remove it" if "\0" in text else ""


def _has_digits(value: int) -> bool:
    """Return whether Python writes an integer in decimal digits; it refuses very long ones."""
    try:
        int.__repr__(value)
    except ValueError:
        return False
    return True
