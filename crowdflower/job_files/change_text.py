"""Changes as text for people: one line a setting, a unified diff for each text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from difflib import unified_diff
from typing import Final

from crowdflower._types import JSON, MISSING, one_line
from crowdflower.job_files.comparison import QUESTIONS, QuestionChange, SettingChange
from crowdflower.job_files.content import TestQuestion
from crowdflower.job_files.question_file import dump
from crowdflower.job_files.setting_names import QUESTIONS_FILE, SETTINGS_FILE, TEXT_FILES

MAX_VALUE: Final = 120
"""Characters of a value in a line."""

SPENDS: Final = "  (spends money: rows are ordered as they are added)"


def setting_lines(changes: Sequence[SettingChange]) -> Iterator[str]:
    """Yield the lines that describe changes of settings, those of a text as a unified diff."""
    yield from _short_lines(changes, lambda each: f"{show(each.before)} -> {show(each.after)}")
    for each in changes:
        if each.name in TEXT_FILES:
            yield f"{TEXT_FILES[each.name]}:"
            yield from (f"  {line}" for line in _diff(each.before, each.after))


def new_setting_lines(changes: Sequence[SettingChange]) -> Iterator[str]:
    """Yield the lines that describe the settings of a new job; of a text, how long it is."""
    yield from _short_lines(changes, lambda each: show(each.after))
    for each in changes:
        if each.name in TEXT_FILES:
            count = len(_lines(each.after))
            yield f"{TEXT_FILES[each.name]}: {count} {'line' if count == 1 else 'lines'}"


def _short_lines(
    changes: Sequence[SettingChange], describe: Callable[[SettingChange], str]
) -> Iterator[str]:
    """Yield the lines of settings that are not files of their own."""
    lines = [each for each in changes if each.name not in TEXT_FILES]
    if lines:
        yield f"{SETTINGS_FILE}:"
        width = max(len(each.name) for each in lines)
        for each in lines:
            note = SPENDS if each.name == "auto_order" and each.after is True else ""
            yield f"  {each.name:{width}}  {describe(each)}{note}"


def question_lines(changes: Sequence[QuestionChange], *, deletes: bool = False) -> Iterator[str]:
    """Yield the lines that describe changes of test questions.

    :param deletes: Whether those that the folder lacks are deleted.
    """
    if changes:
        yield f"{QUESTIONS_FILE}:"
    for each in changes:
        if each.before is None and each.after is not None:
            yield f"  + {_describe(each.after)}"
        elif each.before is not None and each.after is None:
            stays = "" if deletes else "  (not in the folder; it stays in the job)"
            yield f"  - {_describe(each.before)}{stays}"
        elif each.before is not None and each.after is not None:
            yield f"  ~ {_describe(each.after)}"
            yield from (f"      {line}" for line in _differences(each.before, each.after))


def show(value: JSON) -> str:
    """Return a value in one short line.

    >>> show(""), show(MISSING), show(["a"]), show(True)
    ('no value', 'not shown', '["a"]', 'true')
    """
    if value is MISSING:
        return "not shown"
    if value in ("", None):
        return "no value"
    text = one_line(dump(value))
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"


def name_of(item: str) -> str:
    """Return the file of a setting that has one of its own, otherwise its name.

    >>> name_of("cml"), name_of("title"), name_of("test_questions")
    ('form.cml', 'title', 'test_questions.json')
    """
    return QUESTIONS_FILE if item == QUESTIONS else TEXT_FILES.get(item, item)


def _diff(before: JSON, after: JSON) -> Iterator[str]:
    lines = unified_diff(
        _lines(before), _lines(after), "in the job", "in the folder", n=2, lineterm=""
    )
    return map(one_line, lines)


def _lines(text: JSON) -> list[str]:
    """Return the lines of a text, however they end; none if it is empty."""
    if text in (MISSING, ""):
        return []
    return str(text).replace("\r\n", "\n").removesuffix("\n").split("\n")


def _describe(question: TestQuestion) -> str:
    """Return a test question in one short line: its columns."""
    text = one_line(", ".join(f"{name}: {dump(each)}" for name, each in question.data.items()))
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"


def _differences(before: TestQuestion, after: TestQuestion) -> Iterator[str]:
    for name in dict.fromkeys([*before.data, *after.data]):
        old, new = before.data.get(name, MISSING), after.data.get(name, MISSING)
        if old is MISSING or new is MISSING or json.dumps(old) != json.dumps(new):
            yield one_line(f"{name}: {_cell(old)} -> {_cell(new)}")
    for name in ("state", "gold_pool"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{name}: {show(old)} -> {show(new)}"


def _cell(value: JSON) -> str:
    return "absent" if value is MISSING else show(value) if value != "" else '""'
