"""Renders the form of a row as HTML, with the answers so far and their errors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crowdflower.sandbox.forms import rendered_form
from crowdflower.sandbox.forms.sanitizer import (
    close_players,
    plain_text,
    sanitize,
    sanitize_value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crowdflower.cml import Field
    from crowdflower.sandbox.rules.work.handout import PageUnit

TEMPLATES: Final = Environment(
    loader=PackageLoader("crowdflower.sandbox.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _markup(text: str) -> Markup:
    """Return a label, or other text of the requester, as HTML without anything active."""
    return Markup(sanitize_value(text))  # noqa: S704 - sanitized


TEMPLATES.filters.update(markup=_markup, plain=plain_text)

_PLACEHOLDER: Final = "\ufdd0{}\ufdd1"
"""Stands for a question while the HTML around it is sanitized.

Its code points are noncharacters, which are removed from the form before.
"""

_PLACEHOLDERS: Final = re.compile("\ufdd0(\\d+)\ufdd1")
_WITHOUT_NONCHARACTERS: Final = str.maketrans("", "", "\ufdd0\ufdd1")
_TEXT_KINDS: Final = frozenset({"text", "textarea", "meta"})


@dataclass(frozen=True)
class Answers:
    """A contributor's answers for one row so far.

    :param values: Question to answers; ``None`` before the contributor has seen the row.
    :param errors: Question to the error of its answer.
    :param more: The question, or a member of the group, that gets another line.
    """

    values: Mapping[str, Sequence[str]] | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    more: str | None = None


def render_unit(cml: str, unit: PageUnit, answers: Answers, user_agent: str = "") -> Markup:
    """Render the form of a unit.

    The requester's HTML is sanitized; the questions are rendered by our own templates. A question
    that depends on another one is always shown, since pages run no scripts; an answer that did not
    apply is dropped when the page is submitted.

    :param user_agent: The browser's header, for questions that it answers.
    :raises Invalid: The form does not work with this row.
    """
    form = rendered_form(cml, unit.data)
    groups = {name: group.members for group in form.groups for name in group.members}
    questions, pieces, at = [], [], 0
    for number, question in enumerate(form.fields):
        add_line = answers.more in groups.get(question.name, (question.name,))
        questions.append(_question(unit.id, question, answers, user_agent, add_line=add_line))
        start, end = question.span
        pieces += [
            form.source[at:start].translate(_WITHOUT_NONCHARACTERS),
            _PLACEHOLDER.format(number),
        ]
        at = end
    pieces.append(form.source[at:].translate(_WITHOUT_NONCHARACTERS))
    frame = sanitize(close_players("".join(pieces), _PLACEHOLDER[0]))
    kept = {int(number) for number in _PLACEHOLDERS.findall(frame)}
    html = _PLACEHOLDERS.sub(lambda place: questions[int(place[1])], frame)
    # Questions inside an element that was removed must be asked all the same.
    lost = [each for number, each in enumerate(questions) if number not in kept]
    return Markup(html + "".join(lost))  # noqa: S704 - sanitized, or rendered by a template


def _question(
    unit_id: int, question: Field, answers: Answers, user_agent: str, *, add_line: bool
) -> str:
    """Render one question; one with several answers has a line for each, at least one."""
    if question.kind == "hidden":
        values = [user_agent if "user_agent" in question.validators else question.value]
    elif answers.values is None:
        values = _defaults(question)
    else:
        values = list(answers.values.get(question.name, ()))
    repeats = question.repeated or (question.multiple and question.kind in _TEXT_KINDS)
    if repeats:
        values += [""] * (add_line or not values)
    return TEMPLATES.get_template("question.html").render(
        key=f"u{unit_id}[{question.name}]",
        anchor=f"u{unit_id}-{question.name}",
        question=question,
        help=_markup(question.instructions),
        values=values,
        error=answers.errors.get(question.name, ""),
        repeats=repeats,
    )


def _defaults(question: Field) -> list[str]:
    if question.kind == "select":
        return [each.value for each in question.options if each.label == question.default]
    return [each.value for each in question.options if each.checked]
