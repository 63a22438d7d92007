"""``test_questions.json`` and ``rows.jsonl``: rows, one column or one row a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

from crowdflower._types import JSON, JSONObject, describe_type
from crowdflower.job_files.content import GOLD_STATES, GOLDEN, TestQuestion
from crowdflower.job_files.file_error import JobFileError

MEMBERS: Final = ("data", "state", "gold_pool")
"""What a test question in the file may have."""


def write_questions(questions: Iterable[TestQuestion]) -> bytes:
    r"""Return a file with test questions: a JSON array with a line for each column.

    >>> print(write_questions([TestQuestion({"text": "Hi", "q_gold": ["a"]})]).decode())
    [
      {
        "data": {
          "text": "Hi",
          "q_gold": ["a"]
        }
      }
    ]
    <BLANKLINE>
    """
    blocks = ",\n".join(map(_block, questions))
    return f"[\n{blocks}\n]\n".encode() if blocks else b"[]\n"


def _block(question: TestQuestion) -> str:
    lines = ",\n".join(f"      {dump(name)}: {dump(each)}" for name, each in question.data.items())
    members = ['    "data": {\n' + lines + "\n    }" if lines else '    "data": {}']
    if question.state != GOLDEN:
        members.append(f'    "state": {dump(question.state)}')
    if question.gold_pool is not None:
        members.append(f'    "gold_pool": {dump(question.gold_pool)}')
    return "  {\n" + ",\n".join(members) + "\n  }"


def read_questions(content: bytes, path: object) -> tuple[TestQuestion, ...]:
    """Return the test questions in a file.

    :raises JobFileError: It is not a JSON array of test questions.
    """
    found = _load(content, path)
    if not isinstance(found, list):
        raise JobFileError(
            f"it must be an array of test questions, not {describe_type(found)}", path
        )
    return tuple(_question(each, f"{path}, test question {n}") for n, each in enumerate(found, 1))


def _question(value: Any, where: str) -> TestQuestion:
    if not isinstance(value, dict) or not isinstance(value.get("data"), dict):
        raise JobFileError('it must be an object with the columns of its row in "data"', where)
    for name in value:
        if name not in MEMBERS:
            raise JobFileError(
                f'{name} is none of {", ".join(MEMBERS)}; columns are in "data"', where
            )
    state, pool = value.get("state", GOLDEN), value.get("gold_pool")
    if state not in GOLD_STATES:
        raise JobFileError(
            f"state must be one of {', '.join(GOLD_STATES)}, not {state!r:.80}", where
        )
    if pool is not None and not isinstance(pool, str):
        raise JobFileError(f"gold_pool must be text or null, not {describe_type(pool)}", where)
    return TestQuestion(value["data"], state, pool or None)


def write_row(row: JSONObject) -> bytes:
    r"""Return a row as a line of the file.

    >>> write_row({"text": "Grüße", "stars": None}).decode()
    '{"text": "Grüße", "stars": null}\n'
    """
    return f"{dump(row)}\n".encode()


def read_rows(lines: Iterable[bytes], path: object) -> Iterator[JSONObject]:
    """Yield the rows of a file, which has a JSON object a line; blank lines are skipped.

    :raises JobFileError: A line is not a JSON object.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = _load(line, path, number)
            if not isinstance(row, dict):
                raise JobFileError(
                    f"it must be a JSON object, not {describe_type(row)}", path, number
                )
            yield row


def dump(value: JSON) -> str:
    """Return JSON in one line; characters that UTF-8 cannot encode are escaped."""
    text = json.dumps(value, ensure_ascii=False)
    if any("\ud800" <= character <= "\udfff" for character in text):
        return json.dumps(value)
    return text


def _load(content: bytes, path: object, line: int | None = None) -> JSON:
    try:
        return json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_reject
        )
    except UnicodeDecodeError:
        problem = "it is not UTF-8; save it as UTF-8"
    except json.JSONDecodeError as error:
        line, problem = line or error.lineno, f"it is not JSON: {error.msg}"
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError as error:
        problem = f"it cannot be used: {error}"
    raise JobFileError(problem, path, line)


def _unique(members: list[tuple[str, Any]]) -> JSONObject:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} is there twice in one object")
    return found


def _reject(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
