"""What is known about the form of a job, without a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crowdflower._types import JSONObject
from crowdflower.cml import CMLError, Field, Form, Problem, parse
from crowdflower.exceptions import InvalidInput, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crowdflower.models.job_fields import JobFields


def parsed_form(job: JobFields) -> Form | None:
    """Return the form of a job; ``None`` if its CML is not known or cannot be parsed."""
    try:
        return parse(job.cml) if job.cml else None
    except CMLError:
        return None


def find_problems(job: JobFields, rows: Iterable[Mapping[str, object]]) -> list[Problem]:
    """Return the probable mistakes in the form of a job.

    :param rows: Read only if the form prints columns, and until each of them was in a row.
    :raises InvalidInput: The job has no form.
    :raises CMLError: The form cannot be used.
    """
    if not job.cml:
        raise InvalidInput(f"job {job.id} has no form to check: assign its cml")
    form = parse(job.cml)
    columns: dict[str, None] = {}
    for row in rows if form.columns else ():
        columns.update(dict.fromkeys(row))
        if form.columns.keys() <= columns.keys():
            break
    return [*form.warnings, *(form.missing_columns(columns) if columns else ())]


@dataclass(frozen=True)
class JobField:
    """A field of a job's form.

    :param name: Its name.
    :param question: The question; ``None`` if it is not known.
    """

    name: str
    question: Field | None

    @property
    def multiple(self) -> bool:
        """Whether an answer has several options, or may have none, as with a checkbox."""
        question = self.question
        return question is not None and (
            question.listed or (question.kind == "checkbox" and question.default is None)
        )

    @property
    def options(self) -> list[str]:
        """The values of its options that are answers, if it has any."""
        return [option.value for option in self.question.answer_options] if self.question else []

    def chose_none(self, answers: JSONObject) -> bool:
        """Return whether a judgment without this field chose none of the options it was shown."""
        question = self.question
        if question is None or not (self.multiple and question.options):
            return False
        given = {
            name: [str(each) for each in (answer if isinstance(answer, list) else [answer]) if each]
            for name, answer in answers.items()
        }
        return question.only_if is None or question.only_if.holds(given)


def choose_field(job: JobFields, name: str | None = None) -> JobField:
    """Return a field of the form by its name, or the only field.

    A name is not checked if the form is not known, or if names in it differ from row to row.

    :raises InvalidInput: The form has no such field; or no name is given, and the form has several
        fields or none.
    """
    form = parsed_form(job)
    names = _field_names(job, form)
    if name is None:
        if names is None or len(names) != 1:
            found = ", ".join(names or ()) or "no fields"
            raise InvalidInput(
                f"field is required unless the form has exactly one; it has: {found}"
            )
        name = names[0]
    if names is not None and name not in names:
        raise InvalidInput(_describe_unknown(job, name, names))
    fields = form.fields if form else ()
    return JobField(name, next((each for each in fields if each.name == name), None))


def warn_about_unknown_field(job: JobFields, name: str) -> bool:
    """Return whether the form is known and has neither such a field nor such a group; warn once."""
    form = parsed_form(job)
    names = _field_names(job, form)
    groups = [group.name for group in form.groups] if form else []
    if names is None or name in names or name in groups:
        return False
    unknown: set[str] = job.__dict__.setdefault("_unknown_fields", set())
    if name not in unknown:
        unknown.add(name)
        warn(_describe_unknown(job, name, [*names, *groups]))
    return True


def _field_names(job: JobFields, form: Form | None) -> list[str] | None:
    """Return the names of all fields; ``None`` if they are not known, or differ between rows."""
    if form is None and job.fields is None:
        return None
    fields = form.fields if form else ()
    if any(field.dynamic for field in fields):
        return None
    return list(dict.fromkeys([*(job.fields or ()), *(field.name for field in fields)]))


def _describe_unknown(job: JobFields, name: str, names: list[str]) -> str:
    found = ", ".join(names) or "none"
    return f"the form of job {job.id} has no field {name!r}; its fields are: {found}"
