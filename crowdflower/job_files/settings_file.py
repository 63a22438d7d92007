"""``job.toml``: the settings of a job, one a line, under comments.

TOML Kit writes it, since it keeps the comments and the order of a file that people have edited. The
standard library reads it, so that reading needs no extra.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any, Final

from crowdflower._types import JSON
from crowdflower.job_files.file_error import JobFileError
from crowdflower.job_files.setting_names import (
    LINES,
    NAME_LISTS,
    SETTING_NAMES,
    TABLES,
    TEXT_FILES,
)

INTRODUCTION: Final = (
    "The settings of a job. Its texts and test questions are the other files of this folder.",
    '"" is no value. What is missing here is left as it is in the job.',
)

MISSING_WRITER: Final = (
    "writing job.toml needs tomlkit, which is not installed: pip install 'crowdflower-client[cli]'"
)


def read_settings(content: bytes, path: object) -> dict[str, JSON]:
    """Return the settings in a file, in its order.

    :param path: The file's name, for errors.
    :raises JobFileError: It is not TOML, or has a name or a type that no setting has.
    """
    try:
        text = content.decode("utf-8-sig")
        found = tomllib.loads(text)
    except UnicodeDecodeError:
        raise JobFileError("it is not UTF-8; save it as UTF-8", path) from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), text, path) from None
    for name, value in found.items():
        line = _line_of(name, text)
        if name not in SETTING_NAMES:
            raise JobFileError(f"{_describe_unknown(name)}", path, line)
        if problem := _problem_of(name, value):
            raise JobFileError(problem, path, line)
    return found


def write_settings(settings: Mapping[str, JSON], before: bytes | None = None) -> bytes:
    """Return a file with these settings.

    :param before: The file that it replaces: its comments, its order and the names that this
        library does not know are kept.
    :raises ImportError: TOML Kit is not installed.
    """
    wanted = {name: settings[name] for name in SETTING_NAMES if name in settings}
    changed = None if before is None else _change_document(before, wanted)
    if before is None or changed is None or _is_bare(before, changed):
        return _new_document(wanted)
    return changed


def _new_document(wanted: Mapping[str, JSON]) -> bytes:
    tomlkit = _tomlkit()
    document = tomlkit.document()
    for line in INTRODUCTION:
        document.add(tomlkit.comment(line))
    for title, names in LINES.items():
        lines = [name for name in names if name in wanted and not _is_table(wanted[name])]
        tables = [name for name in TABLES if name in wanted and not _is_table(wanted[name])]
        group = lines if title else [*lines, *tables]
        if group:
            document.add(tomlkit.nl())
        if group and title:
            document.add(tomlkit.comment(title))
        for name in group:
            document.add(name, _item(wanted[name]))
    for name in (*TABLES, *(each for each in wanted if each not in TABLES)):
        if name in wanted and _is_table(wanted[name]):
            document.add(tomlkit.nl())
            document.add(name, _item(wanted[name]))
    return _encode(tomlkit.dumps(document))


def _is_bare(before: bytes, changed: bytes) -> bool:
    """Return whether lines are added to a file without comments: it was written by hand, briefly.

    It gets the usual order and comments, so that the many lines can be read.
    """
    return b"#" not in before and len(tomllib.loads(changed.decode())) > len(
        tomllib.loads(before.decode("utf-8-sig"))
    )


def _change_document(before: bytes, wanted: Mapping[str, JSON]) -> bytes | None:
    """Return a file with other values; ``None`` if it has to be written anew."""
    tomlkit = _tomlkit()
    try:
        text = before.decode("utf-8-sig")
        document = tomlkit.parse(text)
        _update(document, wanted, [name for name in document if name not in SETTING_NAMES])
        changed = _encode(tomlkit.dumps(document))
        is_right = tomllib.loads(changed.decode("utf-8")) == wanted
    except (ValueError, TypeError, KeyError):  # the errors of TOML Kit are among them
        return None
    return changed if is_right else None


def _update(table: MutableMapping[str, Any], wanted: Mapping[str, Any], kept: list[str]) -> None:
    """Change the items of a table that differ, one by one: so each keeps its comment."""
    for name in [each for each in table if each not in wanted and each not in kept]:
        del table[name]
    for name, value in wanted.items():
        current = table.get(name)
        if _is_table(value) and isinstance(current, MutableMapping):
            _update(current, value, [])
        elif name not in table or not _is_same(current, value):
            table[name] = _item(value)


def _is_same(current: Any, value: JSON) -> bool:
    plain = current.unwrap() if hasattr(current, "unwrap") else current
    return type(plain) is type(value) and plain == value


def _item(value: JSON) -> Any:
    tomlkit = _tomlkit()
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        array = tomlkit.array()  # of inline tables: an array of tables cannot be inside a list
        for each in value:
            array.append(_inline(each))
        return array
    return tomlkit.item(value)


def _inline(value: JSON) -> Any:
    tomlkit = _tomlkit()
    if not isinstance(value, Mapping):
        return _item(value)
    table = tomlkit.inline_table()
    for name, each in value.items():
        table.append(name, _inline(each))
    return table


def _is_table(value: JSON) -> bool:
    return isinstance(value, Mapping)


def _encode(text: str) -> bytes:
    return text.encode("utf-8")


def _tomlkit() -> Any:
    try:
        import tomlkit  # noqa: PLC0415 - optional
    except ModuleNotFoundError as missing:
        raise ImportError(MISSING_WRITER) from missing
    return tomlkit


def _syntax_error(message: str, text: str, path: object) -> JobFileError:
    """Turn "… (at line 3, column 9)" or "… (at end of document)" into a line."""
    problem, _, position = message.rpartition(" (at ")
    number = _LINE.match(position)
    line = int(number[1]) if number else text.rstrip().count("\n") + 1
    return JobFileError(f"it is not TOML: {problem or message}", path, line)


_LINE: Final = re.compile(r"line (\d+)")


def _line_of(name: str, text: str) -> int | None:
    """Return the line of a setting; ``None`` if it is written in an unusual way."""
    start = re.compile(rf"\s*(\[\s*)?[\"']?{re.escape(name)}[\"']?\s*[=.\]]")
    lines: Iterator[int] = (
        number for number, line in enumerate(text.splitlines(), 1) if start.match(line)
    )
    return next(lines, None)


def _describe_unknown(name: str) -> str:
    if name in TEXT_FILES:
        return f"{name} is not a setting of this file: write it to {TEXT_FILES[name]}"
    near = _closest(name, (*SETTING_NAMES, *TEXT_FILES))
    hint = f"; did you mean {near}?" if near else ""
    return f"{name} is not a setting of a job{hint}"


def _closest(name: str, names: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(name.lower(), list(names), n=1)), None)


def _problem_of(name: str, value: object) -> str | None:
    """Return why a value cannot be that of a setting; ``None`` if it can."""
    if name in NAME_LISTS and not (
        isinstance(value, list) and all(isinstance(each, str) and each.strip() for each in value)
    ):
        return f'{name} must be a list of names, such as {name} = ["{_EXAMPLE[name]}"]'
    if name in TABLES and not isinstance(value, dict) and value != "":
        return f"{name} must be a table: write [{name}] above its lines"
    if name not in TABLES and isinstance(value, dict):
        return f"{name} must be a value, not a table"
    return _unsendable(name, value)


_EXAMPLE: Final = {"channels": "cf_internal", "tags": "reviews"}


def _unsendable(name: str, value: object) -> str | None:
    if isinstance(value, (date, datetime, time)):
        return f"{name} is a date or a time; write it as text, in quotes"
    if isinstance(value, float) and value - value != 0:
        return f"{name} must be a finite number, not {value}"
    if isinstance(value, dict):
        parts = ((f"{name}.{key}", each) for key, each in value.items())
    elif isinstance(value, list):
        parts = ((name, each) for each in value)
    else:
        return None
    return next((found for part in parts if (found := _unsendable(*part))), None)
