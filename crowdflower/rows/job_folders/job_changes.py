"""What a push would change: the differences between a folder and a job, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crowdflower._types import JSON, MISSING, JSONObject, one_line
from crowdflower.exceptions import EditConflict, InvalidInput
from crowdflower.job_files.change_text import (
    name_of,
    new_setting_lines,
    question_lines,
    setting_lines,
)
from crowdflower.job_files.comparison import QuestionChange, SettingChange
from crowdflower.job_files.content import TestQuestion

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

    def check(self, *, force: bool = False) -> None:
        """Raise if a push would send nothing.

        :param force: Overwrite what was changed in the job since the last pull, and send a form
            with mistakes.
        :raises InvalidInput: The service would refuse a change, or the form has mistakes.
        :raises EditConflict: What differs was changed in the job since the last pull.
        """
        if self.refused:
            raise InvalidInput(f"nothing was sent: {'; '.join(self.refused)}")
        if self.changed_meanwhile and not force:
            names = ", ".join(map(name_of, self.changed_meanwhile))
            raise EditConflict(
                f"the job was changed since the last pull, and nothing was sent: {names}; pull"
                " first, or overwrite it with force"
            )
        has_form = any(each.name == "cml" for each in self.settings)
        if has_form and not self.form_is_usable and not force:
            raise InvalidInput(
                f"nothing was sent, since the form has mistakes: {'; '.join(self.problems)};"
                " correct them, or send it with force"
            )

    @property
    def json(self) -> JSONObject:
        """The differences as JSON; without ``before`` where the service does not show a value."""
        return {
            "job": self.job.get("id"),
            "settings": [
                {
                    "name": each.name,
                    **({} if each.before is MISSING else {"before": each.before}),
                    "after": each.after,
                }
                for each in self.settings
            ],
            "test_questions": [
                {"before": _unit(each.before), "after": _unit(each.after)}
                for each in self.questions
            ],
            "changed_meanwhile": list(self.changed_meanwhile),
            "notes": list(self.notes),
            "problems": list(self.problems),
            "refused": list(self.refused),
        }

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
            made = [each for each in self.settings if each.after not in BLANK]
            yield from new_setting_lines(made)
        yield from question_lines(self.questions, deletes=self.deletes)
        if not self:
            yield "no differences"
        yield from self.notes
        for name in self.changed_meanwhile:
            yield f"changed in the job since the last pull: {one_line(name_of(name))}"
        yield from self.problems
        for problem in self.refused:
            yield f"refused: {problem}"


def _unit(question: TestQuestion | None) -> JSONObject | None:
    if question is None:
        return None
    return {"data": question.data, "state": question.state, "gold_pool": question.gold_pool}
