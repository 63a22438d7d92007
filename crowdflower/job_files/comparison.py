"""Compares the job in a folder with the job on a service, setting by setting."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from crowdflower._types import JSON, MISSING
from crowdflower.job_files.content import JobContent, TestQuestion
from crowdflower.job_files.setting_names import NAME_LISTS, TEXT_FILES

GOLD_COLUMN: Final = re.compile(r"_golden|_gold_pool|.+_gold|.+_gold_reason")
"""Columns of test questions; the others are what contributors see."""

MARKER: Final = "_golden"
"""Column that makes a row a test question when it is uploaded."""

ALIKE: Final = 0.6
"""Similarity, 0 to 1, from which a row is an edited one and not another."""

MAX_COMPARED: Final = 2000
"""Characters of a row that are compared for their similarity."""

QUESTIONS: Final = "test_questions"
"""Name of all test questions together, beside the names of settings."""


@dataclass(frozen=True)
class SettingChange:
    """A setting that differs.

    :param name: Its name; ``options.after_gold`` for one of the options.
    :param before: The value in the job; ``MISSING`` if the service does not show it.
    :param after: The value in the folder.
    """

    name: str
    before: JSON
    after: JSON


@dataclass(frozen=True)
class QuestionChange:
    """A test question that differs: new if it has no ``before``, gone if it has no ``after``."""

    before: TestQuestion | None
    after: TestQuestion | None


def setting_items(settings: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the settings with each option under a name of its own.

    >>> setting_items({"title": "Mood", "options": {"after_gold": 10}})
    {'title': 'Mood', 'options.after_gold': 10}
    """
    items: dict[str, JSON] = {}
    for name, value in settings.items():
        if name == "options" and isinstance(value, Mapping):
            items |= {f"options.{option}": each for option, each in value.items()}
        else:
            items[name] = value
    return items


def changed_settings(folder: JobContent, job: JobContent) -> Iterator[SettingChange]:
    """Yield the settings of the folder that the job has otherwise."""
    there = setting_items(job.settings)
    for name, after in setting_items(folder.settings).items():
        before = there.get(name, MISSING)
        if before is MISSING or digest(name, before) != digest(name, after):
            yield SettingChange(name, before, after)


def absent_settings(folder: JobContent, job: JobContent) -> list[str]:
    """Return the settings that the job has and the folder lacks, unless they have no value."""
    here = setting_items(folder.settings)
    there = setting_items(job.settings)
    absent = [name for name, value in there.items() if name not in here and value not in ("", [])]
    if folder.test_questions is None and job.test_questions:
        absent.append(QUESTIONS)
    return absent


def changed_questions(folder: JobContent, job: JobContent) -> list[QuestionChange]:
    """Return the test questions that differ.

    One of the folder is that of the job with the same row. If there is none, it is the one in the
    same place among them, if its row is similar: an edited one.
    """
    if folder.test_questions is None:
        return []
    here, there = folder.test_questions, job.test_questions or ()
    columns = folder.gold_columns | job.gold_columns
    partner = _match(here, there, columns)
    found = [
        QuestionChange(there[partner[n]] if n in partner else None, each)
        for n, each in enumerate(here)
    ]
    taken = set(partner.values())
    found += [QuestionChange(each, None) for n, each in enumerate(there) if n not in taken]
    return [each for each in found if _is_change(each, columns)]


def digest(name: str, value: JSON) -> str:
    """Return a short hash of what a service receives for a value, by which values are compared.

    A form has strings only: ``5`` and ``"5"`` are the same. So are texts that differ only in how
    their lines end, or whether the last one does.

    >>> digest("payment_cents", 5) == digest("payment_cents", "5")
    True
    """
    plain = _plain(value)
    if name in TEXT_FILES:
        plain = str(plain).removeprefix("\ufeff").replace("\r\n", "\n").removesuffix("\n")
    elif name in NAME_LISTS and isinstance(plain, list):
        plain = sorted(set(plain))
    return _hash(plain)


def questions_digest(content: JobContent) -> str:
    """Return a hash of all test questions, whatever their order."""
    columns = content.gold_columns
    return _hash(sorted(_question_key(each, columns) for each in content.test_questions or ()))


def digests(content: JobContent) -> dict[str, str]:
    """Return the hash of every setting, and of the test questions."""
    found = {name: digest(name, each) for name, each in setting_items(content.settings).items()}
    if content.test_questions is not None:
        found[QUESTIONS] = questions_digest(content)
    return found


def _match(
    here: Sequence[TestQuestion], there: Sequence[TestQuestion], columns: frozenset[str]
) -> dict[int, int]:
    """Return the position in the job of each test question in the folder that is there."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(there):
        places[_row_key(each, columns)].append(number)
    partner = {}
    for number, each in enumerate(here):
        if found := places[_row_key(each, columns)]:
            partner[number] = found.pop(0)
    taken, place = set(partner.values()), 0
    for number, each in enumerate(here):
        if number in partner:
            place = partner[number] + 1
        elif place in taken or place >= len(there):
            continue
        elif _similarity(_row(each, columns), _row(there[place], columns)) >= ALIKE:
            partner[number] = place
            taken.add(place)
            place += 1
    return partner


def _similarity(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return how similar the values of two rows are, 0 to 1."""
    a, b = ("\n".join(map(json.dumps, row.values()))[:MAX_COMPARED] for row in (one, other))
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _is_change(change: QuestionChange, columns: frozenset[str]) -> bool:
    if change.before is None or change.after is None:
        return True
    return _question_key(change.before, columns) != _question_key(change.after, columns)


def _row(question: TestQuestion, columns: frozenset[str]) -> dict[str, Any]:
    """Return what contributors see of a test question."""
    return {name: each for name, each in question.data.items() if not _is_gold(name, columns)}


def _row_key(question: TestQuestion, columns: frozenset[str]) -> str:
    return json.dumps(_row(question, columns), sort_keys=True)


def _question_key(question: TestQuestion, columns: frozenset[str]) -> str:
    """Return all of a test question, to compare; answers may be a list or lines of text."""
    data = dict(question.data)
    for name in question.data:
        if _is_gold(name, columns):
            answers = _lines(data.pop(name))
            if answers and name != MARKER:
                data[name] = answers
    return json.dumps([data, question.state, question.gold_pool], sort_keys=True)


def _is_gold(name: str, columns: frozenset[str]) -> bool:
    return bool(GOLD_COLUMN.fullmatch(name)) or name.removesuffix("_reason") in columns


def _lines(value: Any) -> list[str]:
    """Return accepted answers as a list of non-blank strings."""
    lines = value if isinstance(value, list) else str(_plain(value)).split("\n")
    return [text for line in lines if (text := str(_plain(line)).strip())]


def _plain(value: JSON) -> JSON:
    """Return a value as a form sends it: in strings."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _hash(value: JSON) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
