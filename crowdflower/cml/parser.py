"""Parses a form: tags to nodes, nodes to fields."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from crowdflower.cml.form import Form, Group, Section
from crowdflower.cml.liquid import Liquid, printed_columns
from crowdflower.cml.name_resolution import resolve
from crowdflower.cml.names import RESERVED_NAMES
from crowdflower.cml.nodes import GroupNode, OptionNode, QuestionNode, fix_names
from crowdflower.cml.problems import MAX_PROBLEMS, CMLError, Problem, Source, did_you_mean
from crowdflower.cml.questions import build_question
from crowdflower.cml.scanner import scan_tags
from crowdflower.cml.tags import ATTRIBUTES, ELEMENTS, PARENTS, TAGS, hosted_only_reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crowdflower.cml.scanner import Attribute, Tag

CONFIDENCE: Final = "confidence"
"""Key of the confidence in each entry of linked answers, beside the answers."""

MAX_FORM_BYTES: Final = 256 * 1024
"""Size limit of a form."""

MAX_DEPTH: Final = 200
"""How deep tags may be nested, including those of HTML."""

_VOID_ELEMENTS: Final = frozenset(
    [
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"),
        *("source", "track", "wbr"),
    ]
)
_IMPLICITLY_CLOSED: Final = frozenset(["dd", "dt", "li", "option", "p", "td", "th", "tr"])


def parse(source: str, *, rendered: bool = False, columns: Iterable[str] | None = None) -> Form:
    """Parse a form, and report all its problems with line and column.

    :param source: CML: HTML with tags such as ``<cml:radios>``, and Liquid.
    :param rendered: Whether Liquid was already rendered for one row. Then braces are text, and a
        condition may refer to a question that this row does not have.
    :param columns: The columns of the rows. A column that the form prints and no row has is among
        the warnings, as :meth:`Form.missing_columns` returns it.
    :raises TypeError: ``columns`` are not names.
    :raises CMLError: The form cannot be used; ``problems`` has each reason with its line and
        column.

    >>> form = parse('<p>{{text}}</p> <cml:text label="Any comments?"/>')
    >>> form.fields[0].name, form.fields[0].kind, form.has_liquid
    ('any_comments', 'text', False)

    >>> parse('<cml:radio label="Yes"/><cml:txt label="Why?" only-if="funny"/>')
    Traceback (most recent call last):
        ...
    crowdflower.cml.problems.CMLError: 2 problems in this form:
    1:1: <cml:radio> is outside of a question; put it between <cml:radios> and </cml:radios>.
    1:25: There is no tag <cml:txt>; did you mean <cml:text>?

    Tags of HTML need not be well-formed. Tags of CML may be left open, as in forms that the hosted
    service takes: a question ends where the next one starts, and all options before that belong to
    it. That is a warning, except for options, which contain nothing.
    """
    if len(source) > MAX_FORM_BYTES or len(source.encode("utf-8", "replace")) > MAX_FORM_BYTES:
        message = (
            f"The form is larger than {MAX_FORM_BYTES // 1024} KB; move long texts into the rows."
        )
        raise CMLError([Problem(message, 1, 1)])
    text = Source(source)
    liquid = Liquid(text, enabled=not rendered)
    builder = _NodeBuilder(text, liquid)
    for tag in scan_tags(text, liquid.mask(source)):
        builder.add(tag)
    builder.finish()
    questions = [build_question(text, liquid, node) for node in builder.questions]
    fields, order = resolve(text, questions, builder.hosted_names, lenient=rendered)
    _check_names(text, builder.questions)
    if not rendered:
        _check_groups(text, builder.groups, {field.name for field in fields})
    text.raise_problems()
    names = [node.attributes["name"] for node in builder.questions if "name" in node.attributes]
    form = Form(
        fields=fields,
        groups=_groups(text, builder.groups),
        sections=_sections(builder.groups),
        unsupported=tuple(text.unsupported),
        warnings=tuple(text.warnings),
        has_liquid=builder.has_liquid,
        source=source,
        template=fix_names(source, builder.questions, builder.conditions),
        columns=printed_columns(text, liquid, names, builder.conditions),
        _order=order,
    )
    missing = form.missing_columns(columns) if columns is not None else []
    return replace(form, warnings=(*form.warnings, *missing)) if missing else form


def _groups(source: Source, nodes: list[GroupNode]) -> tuple[Group, ...]:
    return tuple(
        Group(node.group_name, tuple(dict.fromkeys(node.members)), *source.position(node.start))
        for node in nodes
        if node.group_name
    )


def _sections(nodes: list[GroupNode]) -> tuple[Section, ...]:
    return tuple(
        Section(
            node.label, node.repeats, (node.start, node.end), (node.inner_start, node.inner_end)
        )
        for node in nodes
    )


def _check_names(source: Source, nodes: list[QuestionNode]) -> None:
    """Report questions whose answers would overwrite a column of the results."""
    for node in nodes:
        if node.name in RESERVED_NAMES:
            source.add_problem(
                node.start,
                f'The name "{node.name}" is reserved for a column of results and reports; give '
                f'<cml:{node.kind}> another name with name="…".',
            )


def _check_groups(source: Source, nodes: list[GroupNode], used_names: set[str]) -> None:
    """Report groups whose column would overwrite another, or would always be empty."""
    for node in nodes:
        if not node.group_name:
            continue
        if node.group_name in RESERVED_NAMES:
            source.add_problem(
                node.start,
                f'The name "{node.group_name}" is reserved for a column of results and reports; '
                "choose another group_name.",
            )
        if node.group_name in used_names:
            source.add_problem(
                node.start,
                f'group_name="{node.group_name:.60}" is already the name of a question or of '
                "another group; choose another group_name.",
            )
        used_names.add(node.group_name)
        if CONFIDENCE in node.members:
            source.add_problem(
                node.start,
                f'A group with group_name cannot contain a question named "{CONFIDENCE}", because '
                "results use that key for the confidence in each entry; rename the question.",
            )
        if not node.repeats:
            source.add_warning(
                node.start,
                "group_name has no effect, because contributors can fill in this group only once; "
                'add multiple="true".',
            )


class _NodeBuilder:
    """Builds question, option and group nodes from a stream of tags."""

    def __init__(self, source: Source, liquid: Liquid) -> None:
        self.source = source
        self.liquid = liquid
        self.questions: list[QuestionNode] = []
        self.groups: list[GroupNode] = []
        self.hosted_names: set[str] = set()
        self.conditions: list[Attribute] = []
        """Every ``only-if``."""
        self.has_liquid = False
        self._checked_attributes: set[str] = set()
        self._open_tags: list[str] = []
        self._open_groups: list[GroupNode] = []
        self._question: QuestionNode | None = None
        self._instructions: tuple[QuestionNode | None, Tag] | None = None
        self._left_open: Counter[str] = Counter()
        """How many questions of each kind ended before their end tag, which may come later."""

    def add(self, tag: Tag) -> None:
        """Add the next tag."""
        if not tag.kind:
            self._track_html(tag)
            return
        self._end_instructions(tag)
        if self.liquid.is_between(tag.start, tag.end) or self.liquid.branch_at(tag.start):
            self.has_liquid = True
        if tag.is_end:
            self._end(tag)
            return
        if not hosted_only_reason(tag.kind):
            self._check_attributes(tag)
        if "only-if" in tag.attributes:
            self.conditions.append(tag.attributes["only-if"])
        if tag.kind == "group":
            self._end_question(tag)
            self._start_group(tag)
        elif tag.kind in PARENTS and (self._takes_option(tag.kind) or tag.kind not in ELEMENTS):
            self._add_option(tag)
        elif tag.kind in ELEMENTS:
            self._end_question(tag)
            self._start_question(tag)
        elif tag.kind in {"instructions", "gold"}:
            self._add_child(tag)
        else:
            self._add_unsupported(tag)

    def finish(self) -> None:
        """End the open question and report open groups."""
        self._end_instructions(None)
        self._end_question(None)
        for group in self._open_groups:
            self.source.add_problem(
                group.start,
                "<cml:group> is never closed, so it contains all that follows; add </cml:group>.",
            )

    def _takes_option(self, kind: str) -> bool:
        return self._question is not None and ELEMENTS[self._question.kind].option == kind

    def _start_question(self, tag: Tag) -> None:
        branch = self.liquid.branch_at(tag.start)
        node = QuestionNode(tag, self.liquid, branch, tuple(self._open_groups))
        self.questions.append(node)
        if not tag.self_closing:
            self._question = node

    def _end_question(self, tag: Tag | None) -> None:
        """End the open question; Liquid from its tag to its last child belongs to it.

        :param tag: The tag that ends it; ``None`` at the end of the form.
        """
        node, self._question = self._question, None
        if node is None:
            return
        if self.liquid.is_between(node.start, node.end):
            self.has_liquid = True
        if tag is None or not tag.is_end or tag.kind != node.kind:
            self._left_open[node.kind] += 1
            self._warn_of_open(node.tag, tag, "it ends there")

    def _warn_of_open(self, opened: Tag, tag: Tag | None, effect: str) -> None:
        """Warn of a tag that another tag, or the end of the form, ends without its end tag."""
        element = ELEMENTS.get(opened.kind)
        has_content = element is None or bool(element.option)
        add = f"add </{opened.name}>"
        if tag is not None:
            line, _ = self.source.position(tag.start)
            other = f"<{'/' * tag.is_end}{tag.name}>"
            fix = f"{add} before that" if has_content else "end it with />"
            message = f"is not closed before {other} of line {line}, so {effect}; {fix}"
        elif element is None:
            message = f"is never closed, so all text that follows is part of it; {add}"
        elif has_content:
            options = f"<cml:{element.option}>"
            message = f"is never closed, so each {options} that follows is part of it; {add}"
        else:
            message = "is never closed; end it with />"
        self.source.add_warning(opened.start, f"<{opened.name}> {message}.")

    def _add_option(self, tag: Tag) -> None:
        parent = PARENTS[tag.kind]
        if self._question is None:
            self.source.add_problem(
                tag.start,
                f"<{tag.name}> is outside of a question; put it between <cml:{parent}> and "
                f"</cml:{parent}>.",
            )
        elif not self._takes_option(tag.kind):
            kind = self._question.kind
            option = ELEMENTS[kind].option
            fix = f"use <cml:{option}>" if option else f"only <cml:{parent}> can"
            self.source.add_problem(tag.start, f"<cml:{kind}> cannot contain <{tag.name}>; {fix}.")
        else:
            self._question.options.append(OptionNode(tag))
            self._question.end = tag.end

    def _add_child(self, tag: Tag) -> None:
        if tag.kind == "instructions" and not tag.self_closing:
            self._instructions = (self._question, tag)
        if self._question is None:
            if tag.kind == "gold" or not self._open_groups:
                self.source.add_warning(
                    tag.start,
                    f"<{tag.name}> is outside of a question and has no effect; put it inside one.",
                )
            return
        self._question.end = tag.end
        if tag.kind == "gold":
            self._question.gold = tag.attributes

    def _end_instructions(self, tag: Tag | None) -> None:
        """End open instructions at a tag, or at the end of the form."""
        is_end = tag is not None and tag.is_end and tag.kind == "instructions"
        if self._instructions is None:
            if is_end and tag is not None:
                self._warn_of_stray(tag)
            return
        (node, opened), self._instructions = self._instructions, None
        if node is not None:
            end = len(self.source.text) if tag is None else tag.start
            node.instructions = self.source.text[opened.end : end].strip()
        if not is_end:
            self._warn_of_open(opened, tag, "all text until there is part of it")

    def _add_unsupported(self, tag: Tag) -> None:
        reason = hosted_only_reason(tag.kind)
        if not reason:
            hint = self.source.did_you_mean(tag.kind, TAGS, shape="<cml:{}>")
            message = f"There is no tag <{tag.name}>{hint or '; remove it, or use a tag of HTML.'}"
            self.source.add_problem(tag.start, message)
            return
        self._end_question(tag)
        self.source.add_unsupported(
            tag.start, tag.name, f"<{tag.name}> is not available here: {reason}."
        )
        self.hosted_names.add(QuestionNode(tag, self.liquid).name)

    def _start_group(self, tag: Tag) -> None:
        group = GroupNode(tag, self.source, self.liquid, tuple(self._open_groups))
        if not tag.self_closing:
            self.groups.append(group)
            self._open_groups.append(group)
            self._push(tag)

    def _end(self, tag: Tag) -> None:
        if self._question is not None and tag.kind in {"instructions", "gold", *PARENTS, *ELEMENTS}:
            self._question.end = tag.end
        if tag.kind == "group":
            self._end_question(tag)
            if not self._open_groups:
                self.source.add_problem(
                    tag.start, "</cml:group> has no matching <cml:group>; remove it."
                )
                return
            group = self._open_groups.pop()
            group.inner_end, group.end = tag.start, tag.end
            self._pop(tag.name)
        elif self._question is not None and tag.kind == self._question.kind:
            self._end_question(tag)
        elif tag.kind in ELEMENTS and not self._takes_option(tag.kind):
            if self._left_open[tag.kind]:
                self._left_open[tag.kind] -= 1
            else:
                self._warn_of_stray(tag)

    def _warn_of_stray(self, tag: Tag) -> None:
        message = f"</{tag.name}> has no matching <{tag.name}> and has no effect; remove it."
        self.source.add_warning(tag.start, message)

    def _track_html(self, tag: Tag) -> None:
        """Track the depth of HTML; an end tag closes the tags inside it, but never a group."""
        if tag.is_end:
            inner = self._open_tags[::-1]
            if "cml:group" in inner:
                inner = inner[: inner.index("cml:group")]
            if tag.name in inner:
                self._pop(tag.name)
        elif not tag.self_closing and tag.name not in _VOID_ELEMENTS:
            if self._open_tags[-1:] == [tag.name] and tag.name in _IMPLICITLY_CLOSED:
                self._open_tags.pop()
            self._push(tag)

    def _check_attributes(self, tag: Tag) -> None:
        """Warn of misspelt attributes, which would otherwise be ignored without a message."""
        for name, attribute in tag.attributes.items():
            checked = self._checked_attributes
            if name in ATTRIBUTES or name in checked or len(checked) > MAX_PROBLEMS:
                continue
            checked.add(name)
            if hint := did_you_mean(name, ATTRIBUTES, cutoff=0.8):
                message = f'<{tag.name}> has no attribute "{name:.60}"{hint}'
                self.source.add_warning(attribute.start, message)

    def _push(self, tag: Tag) -> None:
        self._open_tags.append(tag.name)
        if len(self._open_tags) > MAX_DEPTH:
            self.source.add_problem(
                tag.start,
                f"Tags are nested more than {MAX_DEPTH} deep here; close those that are open.",
            )
            self.source.raise_problems()

    def _pop(self, name: str) -> None:
        while self._open_tags and self._open_tags.pop() != name:
            pass
