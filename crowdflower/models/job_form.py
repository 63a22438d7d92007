"""The form of a job: what is known about it without a request, and its preview."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crowdflower._types import JSONObject
from crowdflower.cml import CMLError, Field, Form, Problem, parse
from crowdflower.cml.names import normalize_name
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


@dataclass(frozen=True, repr=False)
class Preview:
    """The form of a job with one row, as contributors see it.

    A notebook displays it. At a prompt, call :meth:`open`.
    """

    html: str
    """The page: it needs no other file, and runs no scripts. Images of the row are loaded from
    where they are."""

    name: str
    """What it shows, such as ``job 7, unit 5``."""

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the page to a file.

        :param overwrite: Replace an existing file.
        :returns: The path.
        :raises FileExistsError: The file exists.

        >>> job.preview().save("form.html").name
        'form.html'
        """
        target = Path(path)
        with target.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(self.html)
        return target

    def open(self) -> Path:
        """Show the page in a browser, from a temporary file that only you may read.

        The file is not deleted, since the browser may read it later. If no browser can be started,
        a warning says so.

        :returns: The path of the file.
        """
        import tempfile  # noqa: PLC0415 - rarely used
        import webbrowser  # noqa: PLC0415

        number, path = tempfile.mkstemp(prefix="crowdflower-preview-", suffix=".html")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(self.html)
        target = Path(path)
        if not webbrowser.open(target.as_uri()):
            warn(f"no browser could be started; the preview is in {target}")
        return target

    def __repr__(self) -> str:
        return f"<Preview of {self.name}: open() shows it in a browser>"

    def _repr_html_(self) -> str:
        """Return a frame in which nothing can run, or reach the notebook around it."""
        return (
            f'<iframe sandbox srcdoc="{escape(self.html)}" title="{escape(repr(self)[1:-1])}"'
            ' referrerpolicy="no-referrer" width="100%" height="480"'
            ' style="border: 1px solid; resize: vertical"></iframe>'
        )


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

    @property
    def are_options_numbers(self) -> bool:
        """Whether every option is a number; also if there are none."""
        return all(map(_is_number, self.options))

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

    A name is not checked if the form is not known. If names in it differ from row to row, it is
    checked once some of them were answered; a name that another row may have is a warning.

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
    if names is None and form is not None:
        _check_name_in_loop(job, form, name)
    fields = form.fields if form else ()
    return JobField(name, next((each for each in fields if each.name == name), None))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def warn_about_unknown_field(job: JobFields, name: str) -> bool:
    """Return whether the form is known and has neither such a field nor such a group; warn once."""
    form = parsed_form(job)
    names = _field_names(job, form)
    groups = [group.name for group in form.groups] if form else []
    if names is None or name in names or name in groups:
        return False
    _warn_once(job, name, _describe_unknown(job, name, [*names, *groups]))
    return True


def _warn_once(job: JobFields, name: str, message: str) -> None:
    unknown: set[str] = job.__dict__.setdefault("_unknown_fields", set())
    if name not in unknown:
        unknown.add(name)
        warn(message)


def _check_name_in_loop(job: JobFields, form: Form, name: str) -> None:
    """Check a name by those that rows have made so far, which ``fields`` of the job lists.

    :raises InvalidInput: No row can make the name.
    """
    templates = [field.name for field in form.fields if field.dynamic]
    fixed = [field.name for field in form.fields if not field.dynamic]
    made = [each for each in job.fields or () if each not in fixed]
    if name in fixed or name in made or not made:
        return
    message = _describe_unknown(job, name, [*made, *fixed])
    if not any(_can_make(template, name) for template in templates):
        raise InvalidInput(message)
    _warn_once(job, name, f"{message}, and those of rows that were answered since it was read")


def _can_make(template: str, name: str) -> bool:
    """Return whether a name with Liquid may become this name; if in doubt, it may.

    >>> _can_make("Item {{ id }} of {{ n }}", "item_a_of_7"), _can_make("Item {{ id }}", "itme_a")
    (True, False)
    """
    if "{%" in template or "{{" not in template:
        return True
    first, *others = map(normalize_name, _OUTPUT.split(template))
    place = len(first)
    for part in others:
        place = name.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return name.startswith(first) and name.endswith(others[-1])


_OUTPUT: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)


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
