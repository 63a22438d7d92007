"""What a push would change: the differences between a folder and a job, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crowdflower._types import JSON, JSONObject, one_line
from crowdflower.job_files.change_text import name_of, question_lines, setting_lines
from crowdflower.job_files.comparison import QuestionChange, SettingChange

BLANK: Final[tuple[JSON, ...]] = ("", [], {})
"""Values that a new job has anyway."""


@dataclass(frozen=True)
class JobChanges:
    """The differences between a folder and a job; true if there are any.

    ``str`` is a text for people: a line for each setting, a unified diff for each text.

    :param job: The JSON of the job; empty if it is to be created.
    :param settings: Settings that differ.
    :param questions: Test questions that differ.
    :param changed_meanwhile: Names of what was changed in the job since the last pull, and would
        be overwritten.
    :param notes: What a push leaves as it is, as sentences.
    :param problems: Probable mistakes in the form, as sentences.
    :param refused: What the service would not do, as sentences; then a push sends nothing.
    """

    job: Mapping[str, Any]
    settings: tuple[SettingChange, ...] = ()
    questions: tuple[QuestionChange, ...] = ()
    changed_meanwhile: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    form_is_usable: bool = field(default=True, repr=False)
    deletes: bool = field(default=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.settings or self.questions)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    @property
    def attributes(self) -> JSONObject:
        """The settings as attributes of a job, options as a dict; channels and tags included."""
        found: JSONObject = {}
        for each in self.settings:
            name, _, option = each.name.partition(".")
            value = None if each.after == "" else each.after
            if option:
                found.setdefault("options", {})[option] = value
            else:
                found[name] = value
        return found

    def _lines(self) -> Iterator[str]:
        if self.job:
            title, state = self.job.get("title") or "", self.job.get("state") or ""
            yield one_line(f'job {self.job["id"]} "{title}", {state}')
            yield from setting_lines(self.settings)
        else:
            yield "a new job"
            yield from setting_lines([each for each in self.settings if each.after not in BLANK])
        yield from question_lines(self.questions, deletes=self.deletes)
        if not self:
            yield "no differences"
        yield from self.notes
        for name in self.changed_meanwhile:
            yield f"changed in the job since the last pull: {one_line(name_of(name))}"
        yield from self.problems
        for problem in self.refused:
            yield f"refused: {problem}"
