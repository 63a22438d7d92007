"""A row with its form, as HTML: what is asked, what was answered, and what is wrong with that."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crowdflower.sandbox.forms import rendered_form
from crowdflower.sandbox.forms.sanitizer import sanitize

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

_PLACE: Final = "\ufdd0{}\ufdd1"
"""Stands for a question while its surroundings are cleaned: code points that no text has."""

_PLACES: Final = re.compile("\ufdd0(\\d+)\ufdd1")
_NO_TEXT: Final = str.maketrans("", "", "\ufdd0\ufdd1")
_TYPED: Final = frozenset({"text", "textarea", "meta"})


@dataclass(frozen=True)
class Answers:
    """What somebody said about a unit so far.

    :param given: Question to answers; ``None`` when they were never asked.
    :param errors: Question to what is wrong with the answer.
    :param more: The question, or a member of the group, to which they want to say more.
    """

    given: Mapping[str, Sequence[str]] | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    more: str | None = None


def draw(cml: str, unit: PageUnit, answers: Answers, user_agent: str = "") -> Markup:
    """Draw the form of a unit as its row fills it in.

    What the requester wrote is cleaned of all that could act; the questions are ours. A question
    that depends on another one is always there, since nothing runs in the page: what the
    contributor was not to be asked is dropped when the page is handed in.

    :param user_agent: What their browser calls itself, for questions that it answers.
    :raises Invalid: The form does not work with this row.
    """
    form = rendered_form(cml, unit.data)
    linked = {name: group.members for group in form.groups for name in group.members}
    drawn, pieces, at = [], [], 0
    for number, question in enumerate(form.fields):
        wants_more = answers.more in linked.get(question.name, (question.name,))
        drawn.append(_question(unit.id, question, answers, user_agent, wants_more=wants_more))
        start, end = question.span
        pieces += [form.source[at:start].translate(_NO_TEXT), _PLACE.format(number)]
        at = end
    pieces.append(form.source[at:].translate(_NO_TEXT))
    around = sanitize("".join(pieces))
    placed = {int(number) for number in _PLACES.findall(around)}
    html = _PLACES.sub(lambda place: drawn[int(place[1])], around)
    # What stood in something that was cleaned away must be asked all the same.
    lost = [each for number, each in enumerate(drawn) if number not in placed]
    return Markup(html + "".join(lost))  # noqa: S704 - cleaned, or drawn by a template


def _question(
    unit_id: int, question: Field, answers: Answers, user_agent: str, *, wants_more: bool
) -> str:
    """Draw one question; one that takes several texts has a line for each, and one at least."""
    if question.kind == "hidden":
        given = [user_agent if "user_agent" in question.validators else question.value]
    elif answers.given is None:
        given = _chosen_at_first(question)
    else:
        given = list(answers.given.get(question.name, ()))
    grows = question.repeated or (question.multiple and question.kind in _TYPED)
    if grows:
        given += [""] * (wants_more or not given)
    return TEMPLATES.get_template("question.html").render(
        key=f"u{unit_id}[{question.name}]",
        anchor=f"u{unit_id}-{question.name}",
        question=question,
        help=Markup(sanitize(question.instructions)),  # noqa: S704 - that is what sanitize is for
        given=given,
        error=answers.errors.get(question.name, ""),
        grows=grows,
    )


def _chosen_at_first(question: Field) -> list[str]:
    if question.kind == "select":
        return [each.value for each in question.options if each.label == question.default]
    return [each.value for each in question.options if each.checked]
