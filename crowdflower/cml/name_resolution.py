"""Resolves names across questions: duplicate names, and the questions that conditions refer to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from crowdflower.cml.names import normalize_name
from crowdflower.cml.only_if import (
    AllOf,
    Answered,
    Chosen,
    Not,
    Reference,
    references,
    replace_references,
)
from crowdflower.cml.problems import choices

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from crowdflower.cml.field import Field
    from crowdflower.cml.liquid import Branch
    from crowdflower.cml.nodes import ConditionNode
    from crowdflower.cml.only_if import Condition
    from crowdflower.cml.problems import Source
    from crowdflower.cml.questions import Question


def resolve(
    source: Source, questions: Sequence[Question], hosted_names: Iterable[str], *, lenient: bool
) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """Turn questions into fields with unique names and resolved conditions.

    :param hosted_names: Names of questions that only the hosted service supports.
    :param lenient: Whether a condition may refer to a question that does not exist.
    :returns: The fields in the order of the form, and in evaluation order: each field after those
        that its condition refers to.
    """
    by_name = _by_name(source, questions)
    rendered = {each.rendered_name: each.field.name for each in questions if each.rendered_name}
    names = {**rendered, **{name: name for name in by_name}}
    lenient = lenient or bool(rendered) or any(each.field.dynamic for each in questions)
    conditions = _ConditionResolver(source, by_name, names, {*hosted_names}, lenient=lenient)
    fields = {
        name: replace(question.field, only_if=conditions.resolve(question.conditions))
        for name, question in by_name.items()
    }
    in_order = tuple(fields.values())
    order = tuple(fields[name] for name in _evaluation_order(source, by_name, names))
    return in_order, in_order if order == in_order else order


def _by_name(source: Source, questions: Sequence[Question]) -> dict[str, Question]:
    """Map names to questions; two of one name that can appear in the same page are a problem.

    Questions of one name that exclude each other are merged into the first: it gets the options of
    all of them, and is required if any of them is.
    """
    by_name: dict[str, _SameName] = {}
    for question in questions:
        field = question.field
        same = by_name.setdefault(field.name, _SameName())
        conflict = same.find_conflict(question)
        if conflict is not None and field.name and not field.dynamic:
            line, column = source.position(conflict.start)
            source.add_problem(
                question.start,
                f'The name "{field.name:.60}" is already used by <cml:{conflict.field.kind}> at '
                f'{line}:{column}; give one of them another name with name="…".',
            )
        if question.branch is not None and question.branch.repeats and not field.dynamic:
            source.add_warning(
                question.start,
                f'The question "{field.name:.60}" has the same name on each pass of the loop; '
                'add a counter to it, such as name="answer_{{ forloop.index0 }}".',
            )
        same.add(question)
    return {name: _merge(same.questions) for name, same in by_name.items()}


class _SameName:
    """The questions of one name, indexed by their Liquid branches."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self._in_branch: dict[Branch | None, Question] = {}
        self._in_or_below: dict[Branch | None, Question] = {}

    def find_conflict(self, question: Question) -> Question | None:
        """Find one that can be in the same page: in the same branch, or one inside or around it."""
        if question.branch in self._in_or_below:
            return self._in_or_below[question.branch]
        return next(
            (
                self._in_branch[branch]
                for branch in _ancestors(question.branch)
                if branch in self._in_branch
            ),
            None,
        )

    def add(self, question: Question) -> None:
        self.questions.append(question)
        self._in_branch.setdefault(question.branch, question)
        for branch in _ancestors(question.branch):
            self._in_or_below.setdefault(branch, question)


def _ancestors(branch: Branch | None) -> Iterator[Branch | None]:
    """Yield a branch, the branches around it, and ``None`` for the form itself."""
    while branch is not None:
        yield branch
        branch = branch.parent
    yield None


def _merge(same: list[Question]) -> Question:
    if len(same) == 1:
        return same[0]
    options = {option.value: option for each in same for option in reversed(each.field.options)}
    ordered = dict.fromkeys(option.value for each in same for option in each.field.options)
    field = replace(
        same[0].field,
        options=tuple(options[value] for value in ordered),
        required=any(each.field.required for each in same),
    )
    return replace(same[0], field=field)


class _ConditionResolver:
    """Replaces the references in conditions by tests of fields; resolves each condition once."""

    def __init__(
        self,
        source: Source,
        questions: Mapping[str, Question],
        names: Mapping[str, str],
        hosted_names: set[str],
        *,
        lenient: bool,
    ) -> None:
        self._source = source
        self._questions = questions
        self._names = names
        self._lenient = lenient
        self._hosted_names = hosted_names
        self._resolved: dict[ConditionNode, Condition] = {}

    def resolve(self, nodes: tuple[ConditionNode, ...]) -> Condition | None:
        parts = []
        for node in nodes:
            if node not in self._resolved:
                resolve_reference = partial(self._resolve_reference, node)
                self._resolved[node] = replace_references(node.condition, resolve_reference)
            parts.append(self._resolved[node])
        if len(parts) > 1:
            return AllOf(tuple(parts))
        return parts[0] if parts else None

    def _resolve_reference(self, node: ConditionNode, reference: Reference) -> Condition:
        name = reference.name
        found = self._names.get(name) or self._names.get(normalize_name(name))
        if found is None:
            self._report_unknown(node, name)
            return reference
        field = self._questions[found].field
        if reference.value is not None:
            return self._resolve_value(node, field, reference.value)
        is_checkbox = field.kind == "checkbox"
        test = Chosen(field.name, field.options[0].value) if is_checkbox else Answered(field.name)
        return Not(test) if reference.state == "unchecked" else test

    def _report_unknown(self, node: ConditionNode, name: str) -> None:
        if self._lenient or {name, normalize_name(name)} & self._hosted_names:
            return
        hint = self._source.did_you_mean(name, self._questions) or choices(list(self._questions))
        self._source.add_problem(
            node.start, f'only-if refers to "{name:.60}", but no question has that name{hint}'
        )

    def _resolve_value(self, node: ConditionNode, field: Field, value: str) -> Condition:
        """Find the option that a condition compares with: by its number, its value or its label.

        A value or label may also be written in the form that :func:`normalize_name` gives it.
        """
        if not field.options:
            return Chosen(field.name, value)
        if value.isdecimal():
            if int(value[:6]) < len(field.options):
                chosen = field.options[int(value[:6])].value
                return Chosen(field.name, chosen) if chosen else Not(Answered(field.name))
            self._warn(
                node,
                f'only-if refers to option {value} of "{field.name}", but its options are numbered '
                f"from 0 to {len(field.options) - 1}; use one of these numbers, or a value.",
            )
        for option in field.options:
            if value in {option.value, option.label}:
                return Chosen(field.name, option.value)
        for option in field.options:
            if value in {normalize_name(option.value), normalize_name(option.label)}:
                return Chosen(field.name, option.value)
        if not value.isdecimal() and value != field.default:
            values = [option.value for option in field.answer_options]
            hint = self._source.did_you_mean(value, values) or choices(values)
            self._warn(node, f'only-if: "{field.name}" has no option "{value:.60}"{hint}')
        return Chosen(field.name, value)

    def _warn(self, node: ConditionNode, message: str) -> None:
        if not self._lenient:
            self._source.add_warning(node.start, message)


def _evaluation_order(
    source: Source, questions: Mapping[str, Question], names: Mapping[str, str]
) -> list[str]:
    """Sort names topologically, each after those its condition refers to; report cycles."""
    order: list[str] = []
    done: set[str] = set()
    for name in questions:
        path: dict[str, None] = {}
        stack = [(name, False)]
        while stack:
            current, complete = stack.pop()
            if complete:
                path.popitem()
                done.add(current)
                order.append(current)
            elif current in path:
                circle = list(path)
                cycle = " → ".join([*circle[circle.index(current) :], current])
                source.add_problem(
                    questions[current].start,
                    f"These only-if depend on each other in a circle: {cycle:.200}; remove one of "
                    "them.",
                )
            elif current not in done:
                path[current] = None
                stack.append((current, True))
                stack += [(each, False) for each in _dependencies(questions[current], names)]
    return order


def _dependencies(question: Question, names: Mapping[str, str]) -> list[str]:
    """List the questions that the conditions of one refer to, the first one last."""
    found = dict.fromkeys(
        names[name]
        for node in question.conditions
        for reference in references(node.condition)
        for name in (reference.name, normalize_name(reference.name))
        if name in names
    )
    return list(found)[::-1]
