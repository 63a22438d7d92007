"""From text to a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.cml.drafts import GroupDraft, OptionDraft, QuestionDraft
from crowdflower.cml.form import Form, Group
from crowdflower.cml.links import linked
from crowdflower.cml.liquid import Liquid
from crowdflower.cml.names import TAKEN
from crowdflower.cml.problems import MOST_PROBLEMS, CMLError, Problem, Source, did_you_mean
from crowdflower.cml.questions import question
from crowdflower.cml.scanner import tags
from crowdflower.cml.tags import ATTRIBUTES, ELEMENTS, KNOWN, PARENTS, only_hosted

if TYPE_CHECKING:
    from crowdflower.cml.scanner import Tag

CONFIDENCE: Final = "confidence"
"""What results put beside the linked answers of an entry."""

LARGEST_FORM: Final = 256 * 1024
"""Bytes in a form."""

DEEPEST: Final = 200
"""How deep tags may nest, those of HTML among them."""

_VOID: Final = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)
_CLOSED_BY_THE_NEXT: Final = frozenset(["dd", "dt", "li", "option", "p", "td", "th", "tr"])


def parse(source: str, *, rendered: bool = False) -> Form:
    """Read a form, and say what is wrong with it before it costs money.

    :param source: CML: HTML with tags such as ``<cml:radios>``, and Liquid.
    :param rendered: Whether Liquid has been run for one row already. What looks like Liquid is
        then text, and a condition may name a question that this row does not have.
    :raises CMLError: It cannot be used; ``problems`` has each reason with its line and column.

    >>> form = parse('<p>{{text}}</p> <cml:text label="Any comments?"/>')
    >>> form.fields[0].name, form.fields[0].kind, form.has_liquid
    ('any_comments', 'text', False)

    >>> parse('<cml:radio label="Yes"/><cml:txt label="Why?" only-if="funny"/>')
    Traceback (most recent call last):
        ...
    crowdflower.cml.problems.CMLError: 2 problems in this form:
    1:1: <cml:radio> stands alone; put it between <cml:radios> and </cml:radios>.
    1:25: There is no tag <cml:txt>; did you mean <cml:text>?

    Tags of HTML may be as sloppy as they like. Tags of CML may stay open: a question ends where
    the next one begins, and its options are all those before that.
    """
    if len(source) > LARGEST_FORM or len(source.encode("utf-8", "replace")) > LARGEST_FORM:
        message = f"A form has {LARGEST_FORM // 1024} KB at most; put long texts into the rows."
        raise CMLError([Problem(message, 1, 1)])
    text = Source(source)
    liquid = Liquid(text, looked_for=not rendered)
    reader = _Reader(text, liquid)
    for tag in tags(text, liquid.hidden(source)):
        reader.read(tag)
    reader.finish()
    questions = [question(text, liquid, draft) for draft in reader.questions]
    fields, order = linked(text, questions, reader.hosted, lenient=rendered)
    if not rendered:
        _check_names(text, reader.questions)
        _check_groups(text, reader.groups, {field.name for field in fields})
    text.stop()
    return Form(
        fields=fields,
        groups=_groups(text, reader.groups),
        unsupported=tuple(text.unsupported),
        warnings=tuple(text.warnings),
        has_liquid=reader.has_liquid,
        source=source,
        template=_template(source, reader.questions),
        _order=order,
    )


def _groups(source: Source, drafts: list[GroupDraft]) -> tuple[Group, ...]:
    return tuple(
        Group(draft.linked_as, tuple(dict.fromkeys(draft.members)), *source.position(draft.start))
        for draft in drafts
        if draft.linked_as
    )


def _check_names(source: Source, drafts: list[QuestionDraft]) -> None:
    """Note where the answers to a question would hide what results have under its name."""
    for draft in drafts:
        if draft.name in TAKEN:
            source.problem(
                draft.start,
                f'Results have something of their own under the name "{draft.name}"; give '
                f'<cml:{draft.kind}> another with name="…".',
            )


def _check_groups(source: Source, drafts: list[GroupDraft], taken: set[str]) -> None:
    """Note where the column of linked answers would hide another, or never hold anything."""
    for draft in drafts:
        if not draft.linked_as:
            continue
        if draft.linked_as in TAKEN:
            source.problem(
                draft.start,
                f'Results have something of their own under the name "{draft.linked_as}"; choose '
                "another group_name.",
            )
        if draft.linked_as in taken:
            source.problem(
                draft.start,
                f'group_name="{draft.linked_as:.60}" is the name of a question or of another group '
                "already; choose one of its own.",
            )
        taken.add(draft.linked_as)
        if CONFIDENCE in draft.members:
            source.problem(
                draft.start,
                f'Beside the answers of each entry stands its "{CONFIDENCE}"; give the question '
                "of that name another one.",
            )
        if not draft.repeats:
            source.warning(
                draft.start,
                "Answers are linked only where the group may be filled in several times; add "
                'multiple="true".',
            )


def _template(source: str, drafts: list[QuestionDraft]) -> str:
    """Write a name into each question that a rendered label would name differently in each row."""
    pieces, at = [], 0
    for draft in drafts:
        if draft.name_from_liquid_label:
            behind = draft.start + len("<cml:") + len(draft.kind)
            pieces += [source[at:behind], f' name="{draft.name}"']
            at = behind
    return "".join([*pieces, source[at:]])


class _Reader:
    """Follows tags as they open and close, and sorts them into questions, options and groups."""

    def __init__(self, source: Source, liquid: Liquid) -> None:
        self.source = source
        self.liquid = liquid
        self.questions: list[QuestionDraft] = []
        self.groups: list[GroupDraft] = []
        self.hosted: set[str] = set()
        self.has_liquid = False
        self._spelt: set[str] = set()
        self._open: list[str] = []
        self._groups: list[GroupDraft] = []
        self._question: QuestionDraft | None = None
        self._instructions: tuple[QuestionDraft, int] | None = None

    def read(self, tag: Tag) -> None:
        """Take in the next tag."""
        if not tag.kind:
            self._nest(tag)
            return
        self._end_instructions(tag.start)
        if self.liquid.inside(tag.start, tag.end) or self.liquid.branch(tag.start):
            self.has_liquid = True
        if tag.closes:
            self._close(tag)
            return
        if not only_hosted(tag.kind):
            self._spell(tag)
        if tag.kind == "group":
            self._leave_question()
            self._open_group(tag)
        elif tag.kind in PARENTS and (self._takes(tag.kind) or tag.kind not in ELEMENTS):
            self._option(tag)
        elif tag.kind in ELEMENTS:
            self._leave_question()
            self._open_question(tag)
        elif tag.kind in {"instructions", "gold"}:
            self._child(tag)
        else:
            self._stranger(tag)

    def finish(self) -> None:
        """Close what is open at the end."""
        self._end_instructions(len(self.source.text))
        self._leave_question()
        for group in self._groups:
            self.source.problem(
                group.start,
                "<cml:group> is never closed, and so covers everything below; add </cml:group>.",
            )

    def _takes(self, option: str) -> bool:
        return self._question is not None and ELEMENTS[self._question.kind].option == option

    def _open_question(self, tag: Tag) -> None:
        branch = self.liquid.branch(tag.start)
        draft = QuestionDraft(tag, self.liquid, branch, tuple(self._groups))
        self.questions.append(draft)
        if not tag.empty:
            self._question = draft

    def _leave_question(self) -> None:
        """End the open question; the Liquid from its tag to its last child is part of it."""
        draft, self._question = self._question, None
        if draft is not None and self.liquid.inside(draft.start, draft.end):
            self.has_liquid = True

    def _option(self, tag: Tag) -> None:
        parent = PARENTS[tag.kind]
        if self._question is None:
            self.source.problem(
                tag.start,
                f"<{tag.name}> stands alone; put it between <cml:{parent}> and </cml:{parent}>.",
            )
        elif not self._takes(tag.kind):
            wanted = ELEMENTS[self._question.kind].option
            what = f"takes <cml:{wanted}>" if wanted else "takes no options"
            self.source.problem(
                tag.start, f"<{tag.name}> stands in <cml:{self._question.kind}>, which {what}."
            )
        else:
            self._question.options.append(OptionDraft(tag))
            self._question.end = tag.end

    def _child(self, tag: Tag) -> None:
        if self._question is None:
            if tag.kind == "gold" or not self._groups:
                self.source.warning(tag.start, f"<{tag.name}> stands outside of any question.")
            return
        self._question.end = tag.end
        if tag.kind == "gold":
            self._question.gold = tag.attributes
        elif not tag.empty:
            self._instructions = (self._question, tag.end)

    def _end_instructions(self, at: int) -> None:
        if self._instructions is not None:
            draft, start = self._instructions
            draft.instructions = self.source.text[start:at].strip()
            self._instructions = None

    def _stranger(self, tag: Tag) -> None:
        reason = only_hosted(tag.kind)
        if not reason:
            hint = self.source.did_you_mean(tag.kind, KNOWN, shape="<cml:{}>")
            self.source.problem(tag.start, f"There is no tag <{tag.name}>{hint or '.'}")
            return
        self._leave_question()
        self.source.hosted(tag.start, tag.name, f"<{tag.name}> is not available here: {reason}.")
        self.hosted.add(QuestionDraft(tag, self.liquid).name)

    def _open_group(self, tag: Tag) -> None:
        group = GroupDraft(tag, self.source, self.liquid, tuple(self._groups))
        if not tag.empty:
            self.groups.append(group)
            self._groups.append(group)
            self._push(tag)

    def _close(self, tag: Tag) -> None:
        if self._question is not None and tag.kind in {"instructions", "gold", *PARENTS, *ELEMENTS}:
            self._question.end = tag.end
        if tag.kind == "group":
            self._leave_question()
            if not self._groups:
                self.source.problem(tag.start, "</cml:group> closes nothing that is open.")
                return
            self._groups.pop()
            self._pop(tag.name)
        elif self._question is not None and tag.kind == self._question.kind:
            self._leave_question()

    def _nest(self, tag: Tag) -> None:
        """Keep count of HTML; an end tag closes what lies in it, but never a group."""
        if tag.closes:
            inner = self._open[::-1]
            if "cml:group" in inner:
                inner = inner[: inner.index("cml:group")]
            if tag.name in inner:
                self._pop(tag.name)
        elif not tag.empty and tag.name not in _VOID:
            if self._open[-1:] == [tag.name] and tag.name in _CLOSED_BY_THE_NEXT:
                self._open.pop()
            self._push(tag)

    def _spell(self, tag: Tag) -> None:
        """Look for attributes that are nearly right, and so would be passed over in silence."""
        for name, attribute in tag.attributes.items():
            if name in ATTRIBUTES or name in self._spelt or len(self._spelt) > MOST_PROBLEMS:
                continue
            self._spelt.add(name)
            if hint := did_you_mean(name, ATTRIBUTES, nearness=0.8):
                message = f'<{tag.name}> has no attribute "{name:.60}"{hint}'
                self.source.warning(attribute.start, message)

    def _push(self, tag: Tag) -> None:
        self._open.append(tag.name)
        if len(self._open) > DEEPEST:
            self.source.problem(
                tag.start, f"Tags nest deeper than {DEEPEST} here; close those that are open."
            )
            self.source.stop()

    def _pop(self, name: str) -> None:
        while self._open and self._open.pop() != name:
            pass
