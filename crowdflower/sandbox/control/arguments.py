"""What the sandbox's control is sent: names that mean something, with values of the right kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER: Final = (int, float)

Asked: TypeAlias = dict[str, Any]
Kinds: TypeAlias = "Mapping[str, type | tuple[type, ...]]"
"""Names that mean something, and the types that JSON gives their values."""

FAULT: Final[Kinds] = {
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
CREDIT: Final[Kinds] = {"cents": int, "note": str}
LAG: Final[Kinds] = {"polls": int, "seconds": _NUMBER}
CONTRIBUTORS: Final[Kinds] = {
    "number": int,
    "profile": str,
    "mix": dict,
    "truth": dict,
    "texts": dict,
    "difficulty": str,
    "channel": str,
    "countries": list,
}
RECORDINGS: Final[Kinds] = {
    "votes": list,
    "field": str,
    "key": str,
    "channel": str,
    "countries": list,
}
RUN: Final[Kinds] = {
    "job": int,
    "pages": int,
    "judgments": int,
    "seconds": _NUMBER,
    "arrivals_per_minute": _NUMBER,
    "pages_per_visit": _NUMBER,
    "interactive": bool,
}


def checked(asked: Asked, kinds: Kinds, *required: str) -> Asked:
    """Let through what is named and of the kind that it has to be.

    :raises ValueError: Something means nothing here, or is missing.
    :raises TypeError: Something is of another kind.

    >>> checked({"polls": "2"}, LAG)
    Traceback (most recent call last):
    TypeError: polls is of the wrong type.
    """
    for name, value in asked.items():
        if name not in kinds:
            raise ValueError(f"{name} means nothing here; there are {', '.join(kinds)}.")
        right = kinds[name]
        if not isinstance(value, right) or (isinstance(value, bool) and right is not bool):
            raise TypeError(f"{name} is of the wrong type.")
    missing = [name for name in required if name not in asked]
    if missing:
        raise ValueError(f"Send {' and '.join(missing)} too.")
    return asked


def number(asked: Asked, name: str) -> float:
    """Read a number.

    :raises TypeError: It is none, or missing.
    """
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} has to be a number.")
    return value


def whole(asked: Asked, name: str) -> int:
    """Read a whole number.

    :raises ValueError: It is a fraction.
    :raises TypeError: It is no number, or missing.
    """
    value = number(asked, name)
    if value != int(value):
        raise ValueError(f"{name} has to be a whole number.")
    return int(value)


def described(asked: Asked) -> Asked:
    """Let through what describes contributors, if it can be read to its end.

    :raises TypeError: Something inside of it is of another kind.
    """
    require_texts("countries", asked.get("countries", []))
    for question, texts in asked.get("texts", {}).items():
        require_texts(f"texts.{question}", texts)
    for question, source in asked.get("truth", {}).items():
        if isinstance(source, dict):
            for answer in source:
                number(source, answer)
        elif not isinstance(source, str):
            raise TypeError(
                f"truth.{question} is the name of a column, or a probability for each answer."
            )
    return asked


def require_texts(name: str, values: Any) -> None:
    """Refuse what is no list of texts.

    :raises TypeError: It is none.
    """
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise TypeError(f"{name} has to be a list of texts.")


def vote(vote: Any) -> Any:
    """Take a task, a contributor and an answer; what names one of the former two is no list.

    :raises TypeError: It is something else.
    """
    if not isinstance(vote, list) or any(isinstance(each, (list, dict)) for each in vote[:2]):
        raise TypeError(f"A vote is [task, contributor, answer], not {vote!r:.60}.")
    return tuple(vote)
