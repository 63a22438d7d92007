"""Attributes of a job on the command line: ``payment_cents=12``, ``cml=@form.cml``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin

from crowdflower.cli.exit_codes import CommandError, ExitCode
from crowdflower.models.arguments import did_you_mean
from crowdflower.models.fields import Attribute, Field, WriteOnly
from crowdflower.models.job_fields import JobFields

OPTIONS: Final = "options"
SEPARATE: Final[tuple[str, ...]] = ("tags", "channels")
"""Names that are not attributes of a job: each has a request of its own."""

_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"false", "no", "off", "0"})
_NONE: Final = frozenset({"", "none", "null"})


def read_assignments(pairs: Iterable[str]) -> dict[str, Any]:
    """Return attributes by name, with the types that a job has.

    :param pairs: ``NAME=VALUE``, where ``@FILE`` is the content of a file, and ``options.NAME``
        one of the options. Lists are separated by commas; ``none`` empties what is not a string.
    :raises CommandError: A name is misspelled or read-only, or a value does not fit it.

    >>> read_assignments(["payment_cents=12", "options.front_load=true", "tags=a,b", "title=7"])
    {'payment_cents': 12, 'options': {'front_load': True}, 'tags': ['a', 'b'], 'title': '7'}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            raise _usage(f"{pair!r:.80} is not an attribute: write NAME=VALUE")
        name = name.strip().replace("-", "_")
        group, _, option = name.partition(".")
        if group == OPTIONS and option:
            found.setdefault(OPTIONS, {})[option] = _untyped(_content(name, text))
        elif name == OPTIONS:
            found.setdefault(OPTIONS, {}).update(_convert(name, text, dict))
        else:
            found[name] = _convert(name, text, _type_of(name))
    return found


def check_name(name: str) -> str:
    """Return the name of a field of a job.

    :raises CommandError: A job has no such field.
    """
    if name not in _fields() and name not in SEPARATE:
        raise _usage(
            f"a job has no field {name!r:.80}{did_you_mean(name, [*_fields(), *SEPARATE])}"
        )
    return name


def _fields() -> Mapping[str, Field[Any]]:
    return {
        name: field
        for kind in reversed(JobFields.__mro__)
        for name, field in vars(kind).items()
        if isinstance(field, Field)
    }


def _type_of(name: str) -> Any:
    """Return the type of an attribute that can be set.

    :raises CommandError: The attribute does not exist, or is read-only.
    """
    if name in SEPARATE:
        return list[str]
    field = _fields().get(name)
    if field is None:
        can_be_set = [
            each for each, other in _fields().items() if isinstance(other, Attribute | WriteOnly)
        ]
        hint = did_you_mean(name, [*can_be_set, *SEPARATE])
        raise _usage(f"a job has no attribute {name!r:.80}{hint}")
    if not isinstance(field, Attribute | WriteOnly):
        raise _usage(f"{name} cannot be set: it is read-only")
    kind: Any = getattr(field, "__orig_class__", None)
    if kind is None:  # a subclass for one type
        (kind,) = vars(type(field))["__orig_bases__"]
    return get_args(kind)[0]


def _convert(name: str, text: str, kind: Any) -> Any:
    """Return the value of an attribute, from text."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    (main,) = [each for each in kinds if each is not NoneType]
    text = _content(name, text)
    if main is str:
        return text
    if NoneType in kinds and text.strip().lower() in _NONE:
        return None
    origin = get_origin(main) or main
    try:
        return _CONVERTERS[origin](text.strip())
    except (TypeError, ValueError):
        raise _usage(f"{name} must be {_EXPECTED[origin]}, not {text!r:.80}") from None


def _content(name: str, text: str) -> str:
    """Return the value as written, or the content of the file that it names."""
    if text.startswith("@@"):
        return text[1:]
    if not text.startswith("@"):
        return text
    return read_text(text[1:], name)


def read_text(path: str | Path, name: str) -> str:
    """Return the content of a file, as an attribute's value.

    :raises CommandError: The file cannot be read.
    """
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    except OSError as error:
        problem = error.strerror or type(error).__name__
    raise _usage(f"{name} cannot be read from {path}: {problem}")


def _bool(text: str) -> bool:
    if text.lower() in _YES | _NO:
        return text.lower() in _YES
    raise ValueError(text)


def _list(text: str) -> list[Any]:
    if text.startswith("["):
        found: Any = json.loads(text)
    else:
        found = [each.strip() for each in text.split(",") if each.strip()]
    if not isinstance(found, list):
        raise TypeError(text)
    return found


def _dict(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(text)
    return found


def _untyped(text: str) -> Any:
    """Return the value of an option, whose type is not known: JSON, or else a string."""
    try:
        return json.loads(text)
    except ValueError:
        return text


_CONVERTERS: Final[Mapping[Any, Callable[[str], Any]]] = {
    bool: _bool,
    int: int,
    float: float,
    list: _list,
    dict: _dict,
}
_EXPECTED: Final[Mapping[Any, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list such as a,b",
    dict: 'a JSON object such as {"a": 1}',
}


def _usage(problem: str) -> CommandError:
    return CommandError(problem, ExitCode.USAGE)
