"""The form of a test question: which answers it accepts and why, shown, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.desk.fields.typed_text import read_text
from crowdflower.sandbox.errors import Declined, Invalid
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.forms.sanitizer import plain_text
from crowdflower.sandbox.pages.row.error_texts import error_text
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules import gold_answers
from crowdflower.sandbox.rules.settings import questions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row
    from werkzeug.datastructures import MultiDict

    from crowdflower.cml import Field, Form

MAX_ROW_TEXT: Final = 200
"""Characters of a row that are shown to recognize it."""

MAX_REASON: Final = 1000
"""Characters of the reason that contributors read who missed a test question; uploaded ones can be
long, and must stay editable."""


@dataclass(frozen=True)
class GoldQuestion:
    """A question of the form for one row, with its accepted answers."""

    name: str
    label: str

    options: tuple[tuple[str, str], ...]
    """Value and label of each option; empty if the answer is typed."""

    accepted: tuple[str, ...]
    """The accepted answers as they are stored: values of options."""

    reason: str
    column: str
    """Column of the accepted answers."""
    form: Form | None = None
    """The form of the row; ``None`` if it does not work with the row."""

    @property
    def accepted_in_words(self) -> list[str]:
        """The accepted answers as contributors see them."""
        return [self._word(each) for each in self.accepted]

    @property
    def other_answers(self) -> list[str]:
        """Accepted answers that are not options of the question."""
        values = {value for value, _ in self.options}
        return [each for each in self.accepted if each not in values]

    def is_wrong(self, answers: Mapping[str, Any]) -> bool:
        """Return whether a judgment missed this question."""
        if self.form is None or not self.accepted:
            return False
        return bool(self.form.missed(answers, {self.name: self.accepted}))

    def in_words(self, answer: Any) -> str:
        """Return an answer as contributors see it."""
        given = answer if isinstance(answer, list) else [answer]
        words = [self._word(str(each)) for each in given if each]
        return ", ".join(words) or gettext("no answer")

    def _word(self, value: str) -> str:
        return next((label for own, label in self.options if own == value and label), value)

    def check(self, answers: Sequence[str]) -> None:
        """Check that a contributor could give these answers.

        :raises Invalid: The form refuses one of them.
        """
        question = _field(self.form, self.name)
        if question is None or question.matching.how == "regex":
            return  # what is accepted is then a pattern, not an answer
        for answer in answers:
            try:
                question.read([answer] if question.listed else answer)
            except ValueError as refused:
                problem = gettext("%(label)s: contributors cannot answer “%(answer)s”. %(why)s")
                values = {
                    "label": self.label,
                    "answer": answer[:60],
                    "why": error_text(str(refused)),
                }
                raise Invalid(problem % values) from None


def gold_columns(job: Row[Any]) -> Mapping[str, str]:
    """Return the column of accepted answers of each question; a reset does not matter."""
    return job.gold or questions.gold_columns(job)


def read_questions(job: Row[Any], data: Mapping[str, Any]) -> list[GoldQuestion]:
    """Return the questions of a job that can be tested, with the accepted answers of a row."""
    gold = gold_columns(job)
    try:
        visible = gold_answers.visible_data(data, gold_answers.hidden_columns(gold))
        form = form_for(job.cml or "", visible)
    except (Invalid, Declined):  # the form, or the row, changed since
        form = None
    asked = []
    for name, column in gold.items():
        question = _field(form, name)
        asked.append(
            GoldQuestion(
                name,
                plain_text(question.label) or name if question else name,
                _options(question),
                tuple(gold_answers.to_list(data.get(column))),
                gold_answers.reason(gold, data, name),
                column,
                form,
            )
        )
    return asked


def read_form(
    asked: Sequence[GoldQuestion], form: MultiDict[str, str], *, is_in_use: bool
) -> dict[str, list[str]]:
    """Read the accepted answers and reasons that a requester entered, as columns of the row.

    :param is_in_use: Whether the row is a test question already.
    :raises Invalid: No answer is accepted, contributors cannot give one of them, or a text is too
        long.
    """
    columns: dict[str, list[str]] = {}
    has_any = False
    for each in asked:
        given = form.getlist(f"accepted[{each.name}]")
        answers = [line for text in given for line in gold_answers.to_list(text)]
        answers = [*dict.fromkeys(answers)]
        each.check(answers)
        has_any = has_any or bool(answers)
        why = read_text(form, f"reason[{each.name}]", gettext("The reason"), MAX_REASON)
        columns[each.column] = answers
        columns[each.column + gold_answers.REASON_SUFFIX] = [why or ""]
    if not has_any:
        raise Invalid(
            gettext("Choose at least one accepted answer, or switch the test question off.")
            if is_in_use
            else gettext("Choose at least one accepted answer.")
        )
    return columns


def row_text(data: Mapping[str, Any]) -> str:
    """Return the longest text of a row, shortened.

    >>> row_text({"sku": "B-22", "review": "It is  a chair."})
    'It is a chair.'
    """
    texts = [value for value in data.values() if isinstance(value, str) and value.strip()]
    text = " ".join(max(texts, key=len, default="").split())
    return text if len(text) <= MAX_ROW_TEXT else f"{text[:MAX_ROW_TEXT]}…"


def _options(question: Field | None) -> tuple[tuple[str, str], ...]:
    if question is None:
        return ()
    options = [(each.value, plain_text(each.label)) for each in question.answer_options]
    if question.kind == "checkbox" and question.default:  # what is stored when it is not ticked
        options.append((question.default, question.default))
    return tuple(options)


def _field(form: Form | None, name: str) -> Field | None:
    fields = form.fields if form else ()
    return next((each for each in fields if each.name == name), None)
