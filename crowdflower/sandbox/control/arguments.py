"""Checks of the JSON that the control interface receives: known names, values of the right type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER: Final = (int, float)

Arguments: TypeAlias = dict[str, Any]
"""The JSON object in the body of a request."""

Types: TypeAlias = "Mapping[str, type | tuple[type, ...]]"
"""Known names, and the Python types of their JSON values."""

FAULT: Final[Types] = {
    "times": int,
    "path": str,
    "verb": str,
    "status": int,
    "headers": dict,
    "delay": _NUMBER,
    "drop": bool,
    "garble": bool,
    "done": bool,
}
CREDIT: Final[Types] = {"cents": int, "note": str}
DELAY: Final[Types] = {"polls": int, "seconds": _NUMBER}
CONTRIBUTORS: Final[Types] = {
    "number": int,
    "profile": str,
    "mix": dict,
    "truth": dict,
    "texts": dict,
    "difficulty": str,
    "channel": str,
    "countries": list,
}
RECORDINGS: Final[Types] = {
    "votes": list,
    "field": str,
    "key": str,
    "channel": str,
    "countries": list,
}
REMOVAL: Final[Types] = {"ids": list}
RUN: Final[Types] = {
    "job": int,
    "pages": int,
    "judgments": int,
    "seconds": _NUMBER,
    "arrivals_per_minute": _NUMBER,
    "pages_per_visit": _NUMBER,
    "interactive": bool,
}


def check(arguments: Arguments, types: Types, *required: str) -> Arguments:
    """Return the arguments if every name is known and every value has the right type.

    :raises ValueError: A name is unknown, or a required one is missing.
    :raises TypeError: A value has the wrong type.

    >>> check({"polls": "2"}, DELAY)
    Traceback (most recent call last):
    TypeError: polls has the wrong type: str.
    """
    for name, value in arguments.items():
        if name not in types:
            raise ValueError(f"{name} is unknown; expected {', '.join(types)}.")
        expected = types[name]
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise TypeError(f"{name} has the wrong type: {type(value).__name__}.")
    missing = [name for name in required if name not in arguments]
    if missing:
        raise ValueError(f"{' and '.join(missing)} must be sent.")
    return arguments


def read_number(arguments: Arguments, name: str) -> float:
    """Return a number.

    :raises TypeError: The value is missing, or not a number.
    """
    value = arguments.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number.")
    return value


def read_integer(arguments: Arguments, name: str) -> int:
    """Return an integer.

    :raises ValueError: The number has a fraction.
    :raises TypeError: The value is missing, or not a number.
    """
    value = read_number(arguments, name)
    if value != int(value):
        raise ValueError(f"{name} must be an integer.")
    return int(value)


def check_contributors(arguments: Arguments) -> Arguments:
    """Return the description of contributors if the values inside its lists and objects are valid.

    :raises TypeError: A value inside has the wrong type.
    """
    check_strings("countries", arguments.get("countries", []))
    for question, texts in arguments.get("texts", {}).items():
        check_strings(f"texts.{question}", texts)
    for question, source in arguments.get("truth", {}).items():
        if isinstance(source, dict):
            for answer in source:
                read_number(source, answer)
        elif not isinstance(source, str):
            raise TypeError(
                f"truth.{question} must be the name of a column, or a probability for each answer."
            )
    return arguments


def check_strings(name: str, values: Any) -> None:
    """Raise if a value is not a list of strings.

    :raises TypeError: The value is not a list, or contains something else.
    """
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise TypeError(f"{name} must be a list of strings.")


def read_vote(vote: Any) -> Any:
    """Return a vote as a tuple: a task, a contributor and an answer.

    :raises TypeError: The value is not a list, or its task or contributor is a list or an object.
    """
    if not isinstance(vote, list) or any(isinstance(each, (list, dict)) for each in vote[:2]):
        raise TypeError(f"A vote must be [task, contributor, answer], not {vote!r:.60}.")
    return tuple(vote)
