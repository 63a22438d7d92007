"""Renders the form of a row as HTML, with the answers so far and their errors."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from crowdflower.cml.form import Section
from crowdflower.sandbox.forms import rendered_form
from crowdflower.sandbox.forms.sanitizer import close_players, plain_text, sanitize
from crowdflower.sandbox.pages.rendering import TEMPLATES, markup
from crowdflower.sandbox.pages.row.conditions import condition_data, condition_in_words
from crowdflower.sandbox.pages.row.error_texts import error_text
from crowdflower.sandbox.pages.row.pictures import link_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from crowdflower.cml import Field, Form
    from crowdflower.sandbox.rules.work.handout import PageUnit

_PLACEHOLDER: Final = "\ufdd0{}\ufdd1"
"""Stands for a question while the HTML around it is sanitized.

Its code points are noncharacters, which are removed from the form before.
"""

_PLACEHOLDERS: Final = re.compile("\ufdd0(\\d+)\ufdd1")
_WITHOUT_NONCHARACTERS: Final = str.maketrans("", "", "\ufdd0\ufdd1")
_LAYOUTS: Final = {"hidden": "hidden", "textarea": "lines", "select": "list", "checkbox": "box"}
_TEXT_KINDS: Final = frozenset({"text", "textarea", "meta"})
_MAX_SHORT_LABEL: Final = 24
"""Characters of a label that fits into one of several columns of options."""

_MAX_POINT_LABEL: Final = 3
"""Characters of a label that fits into a point of a rating."""


@dataclass(frozen=True)
class Answers:
    """A contributor's answers for one row so far.

    :param values: Question to answers; ``None`` before the contributor has seen the row.
    :param errors: Question to the error of its answer.
    :param more: A question in the section that gets another entry, or one that gets another line.
    :param fewer: A question in the section that loses an entry, and the entry's number, from 0.
    """

    values: Mapping[str, Sequence[str]] | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    more: str | None = None
    fewer: tuple[str, int] | None = None


def clean_markup(html: str) -> str:
    """Return what stands between questions without anything active, with links to its pictures."""
    return link_pictures(sanitize(close_players(html, _PLACEHOLDER[0])))


def render_unit(
    cml: str,
    unit: PageUnit,
    answers: Answers,
    user_agent: str = "",
    clean: Callable[[str], str] = clean_markup,
) -> Markup:
    """Render the form of a unit.

    The requester's HTML is sanitized; the questions are rendered by our own templates. A question
    that depends on another one is always there, with its condition: the page's script hides it, and
    an answer that did not apply is dropped when the page is submitted.

    :param user_agent: The browser's header, for questions that it answers.
    :param clean: Makes what stands between the questions safe for the page.
    :raises Invalid: The form does not work with this row.
    """
    form = rendered_form(cml, unit.data)
    html = _RowForm(form, unit.id, answers, user_agent, clean).part(0, len(form.source), None)
    return Markup(html)  # noqa: S704 - sanitized, or rendered by a template


class _RowForm:
    """The form of one row."""

    def __init__(
        self,
        form: Form,
        unit_id: int,
        answers: Answers,
        user_agent: str,
        clean: Callable[[str], str],
    ) -> None:
        self._clean = clean
        self._form = form
        self._unit_id = unit_id
        self._answers = answers
        self._user_agent = user_agent
        self._by_name = {each.name: each for each in form.fields}

    def part(self, start: int, end: int, entry: int | None) -> str:
        """Render what is between two offsets.

        :param entry: The number of the entry, from 0, in a section that is filled in several times.
        """
        pieces: list[str] = []
        blocks: list[str] = []
        at = start
        for block in self._blocks(start, end):
            pieces += [
                self._form.source[at : block.span[0]].translate(_WITHOUT_NONCHARACTERS),
                _PLACEHOLDER.format(len(blocks)),
            ]
            at = block.span[1]
            blocks.append(
                self._section(block, entry)
                if isinstance(block, Section)
                else self._question(block, entry)
            )
        pieces.append(self._form.source[at:end].translate(_WITHOUT_NONCHARACTERS))
        frame = self._clean("".join(pieces))
        kept = {int(number) for number in _PLACEHOLDERS.findall(frame)}
        html = _PLACEHOLDERS.sub(lambda place: blocks[int(place[1])], frame)
        # Questions inside an element that was removed must be asked all the same.
        return html + "".join(each for number, each in enumerate(blocks) if number not in kept)

    def _blocks(self, start: int, end: int) -> Iterator[Section | Field]:
        """Yield the questions and sections between two offsets that are not in another section."""
        blocks: list[Section | Field] = [*self._form.sections, *self._form.fields]
        found = [each for each in blocks if start <= each.span[0] < end]
        at = start
        for each in sorted(found, key=lambda each: each.span):
            if each.span[0] >= at:
                yield each
                at = each.span[1]

    def _section(self, section: Section, entry: int | None) -> str:
        """Render a section; one that repeats has each of its entries, at least one."""
        names = [each.name for each in self._form.fields if section.contains(each)]
        repeats = section.repeats and entry is None and bool(names)
        if not repeats and not section.label:
            return self.part(*section.inner, entry)
        entries = [entry]
        if repeats:
            values = self._answers.values or {}
            filled = max((len(values.get(name, ())) for name in names), default=0)
            name, number = self._answers.fewer or ("", -1)
            removed = number if name in names else -1
            count = max(1, filled + (self._answers.more in names))
            entries = [each for each in range(count) if each != removed or count == 1]
        return TEMPLATES.get_template("section.html").render(
            label=section.label,
            entries=[Markup(self.part(*section.inner, each)) for each in entries],  # noqa: S704 - as above
            repeats=repeats,
            key=f"u{self._unit_id}[{names[0]}]" if names else "",
        )

    def _question(self, question: Field, entry: int | None) -> str:
        """Render one question; one with several answers has a line for each, at least one."""
        values = self._values(question)
        repeats = entry is None and (
            question.repeated or (question.multiple and question.kind in _TEXT_KINDS)
        )
        if entry is not None:
            values = values[entry : entry + 1]
        elif repeats:
            values += [""] * (self._answers.more == question.name or not values)
        number = entry or 0
        name, condition = question.name, question.only_if
        return TEMPLATES.get_template("question.html").render(
            key=f"u{self._unit_id}[{name}]",
            anchor=f"u{self._unit_id}-{name}" + (f"-{number}" if number else ""),
            question=question,
            layout=_layout(question, in_entry=entry is not None or repeats),
            help=markup(question.instructions),
            values=values,
            error=error_text(self._answers.errors.get(name, "")),
            repeats=repeats,
            only_if="" if condition is None else json.dumps(condition_data(condition)),
            only_if_words=(
                "" if condition is None else condition_in_words(condition, self._by_name)
            ),
        )

    def _values(self, question: Field) -> list[str]:
        if question.kind == "hidden":
            is_agent = "user_agent" in question.validators
            return [self._user_agent if is_agent else question.value]
        if self._answers.values is None:
            return _defaults(question)
        return list(self._answers.values.get(question.name, ()))


def _defaults(question: Field) -> list[str]:
    if question.kind == "select":
        return [each.value for each in question.options if each.label == question.default]
    return [each.value for each in question.options if each.checked]


def _layout(question: Field, *, in_entry: bool) -> str:
    """Return how a question looks: hidden, line, lines, list, box, points, columns or rows.

    In a section that is filled in several times every question is one control, so that the answers
    of an entry belong together.
    """
    if in_entry and question.options:
        return "list"
    if question.kind in _LAYOUTS or not question.options:
        return _LAYOUTS.get(question.kind, "line")
    labels = [plain_text(each.label) for each in question.options]
    if question.kind == "ratings" and max(map(len, labels)) <= _MAX_POINT_LABEL:
        return "points"
    has_media = any("<img" in each.label or "<audio" in each.label for each in question.options)
    return "rows" if has_media or max(map(len, labels)) > _MAX_SHORT_LABEL else "columns"
