"""What questions have to do with each other: names that are taken, and conditions on others."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from crowdflower.cml.names import derived
from crowdflower.cml.only_if import All, Answered, Chosen, Mention, Not, bound, mentions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from crowdflower.cml.drafts import Scope
    from crowdflower.cml.field import Field
    from crowdflower.cml.liquid import Branch
    from crowdflower.cml.only_if import Condition
    from crowdflower.cml.problems import Source
    from crowdflower.cml.questions import Question

_FEW: Final = 5
"""How many names or options a message lists."""


def linked(
    source: Source, questions: Sequence[Question], hosted: Iterable[str], *, lenient: bool
) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """Put questions together.

    :param hosted: Names of questions that only the hosted service can ask.
    :param lenient: Whether a condition may name a question that is not there.
    :returns: One field of each name in the order of the form, and the same with each question
        behind those that its condition looks at.
    """
    first = _by_name(source, questions)
    conditions = _Conditions(source, first, {*hosted}, lenient=lenient)
    fields = {
        name: replace(asked.field, only_if=conditions.of(asked.scopes))
        for name, asked in first.items()
    }
    in_order = tuple(fields.values())
    order = tuple(fields[name] for name in _order(source, first))
    return in_order, in_order if order == in_order else order


def _by_name(source: Source, questions: Sequence[Question]) -> dict[str, Question]:
    """Find the first question of each name; two that can stand in one page are a problem.

    Of several that exclude each other the first stands for all: it has the options of each, and
    must be answered if any must.
    """
    seen: dict[str, _Namesakes] = {}
    for asked in questions:
        same = seen.setdefault(asked.field.name, _Namesakes())
        clash = same.clash(asked)
        if clash is not None and asked.field.name and not asked.field.dynamic:
            line, column = source.position(clash.start)
            source.problem(
                asked.start,
                f'The name "{asked.field.name:.60}" is taken by <cml:{clash.field.kind}> at '
                f'{line}:{column}; give one of them another with name="…".',
            )
        if asked.branch is not None and asked.branch.repeats and not asked.field.dynamic:
            source.warning(
                asked.start,
                f'"{asked.field.name:.60}" is asked in a loop under one name; give it a name that '
                'changes, such as name="answer_{{ forloop.index0 }}".',
            )
        same.add(asked)
    return {name: _merged(same.questions) for name, same in seen.items()}


class _Namesakes:
    """Questions of one name, and the branches that they lie in."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self._at: dict[Branch | None, Question] = {}
        self._below: dict[Branch | None, Question] = {}

    def clash(self, asked: Question) -> Question | None:
        """Find one that may stand in the same page: in the same branch, below it, or above it."""
        if asked.branch in self._below:
            return self._below[asked.branch]
        return next((self._at[each] for each in _lineage(asked.branch) if each in self._at), None)

    def add(self, asked: Question) -> None:
        self.questions.append(asked)
        self._at.setdefault(asked.branch, asked)
        for each in _lineage(asked.branch):
            self._below.setdefault(each, asked)


def _lineage(branch: Branch | None) -> Iterator[Branch | None]:
    """Walk from a branch to the form itself, which is ``None``."""
    while branch is not None:
        yield branch
        branch = branch.parent
    yield None


def _merged(same: list[Question]) -> Question:
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


class _Conditions:
    """Conditions, with the questions they name looked up; each is worked out once."""

    def __init__(
        self, source: Source, questions: Mapping[str, Question], hosted: set[str], *, lenient: bool
    ) -> None:
        self._source = source
        self._questions = questions
        self._lenient = lenient or any(asked.field.dynamic for asked in questions.values())
        self._hosted = hosted
        self._known: dict[Scope, Condition] = {}

    def of(self, scopes: tuple[Scope, ...]) -> Condition | None:
        parts = []
        for scope in scopes:
            if scope not in self._known:
                self._known[scope] = bound(scope.condition, partial(self._meant, scope))
            parts.append(self._known[scope])
        if len(parts) > 1:
            return All(tuple(parts))
        return parts[0] if parts else None

    def _meant(self, scope: Scope, mention: Mention) -> Condition:
        asked = self._questions.get(mention.name) or self._questions.get(derived(mention.name))
        if asked is None:
            self._missing(mention, scope)
            return mention
        field = asked.field
        if mention.test is not None:
            return self._chosen(mention.test, field, scope)
        single = field.kind == "checkbox"
        yes = Chosen(field.name, field.options[0].value) if single else Answered(field.name)
        return Not(yes) if mention.word == "unchecked" else yes

    def _missing(self, mention: Mention, scope: Scope) -> None:
        if self._lenient or {mention.name, derived(mention.name)} & self._hosted:
            return
        few = ", ".join(list(self._questions)[:_FEW])
        hint = self._source.did_you_mean(mention.name, self._questions)
        self._source.problem(
            scope.start,
            f'only-if names "{mention.name:.60}", and no question has that name'
            f"{hint or f'; there are: {few}.'}",
        )

    def _chosen(self, test: str, field: Field, scope: Scope) -> Condition:
        """Find the option that is meant: a number is a place, and anything else a value.

        A label is taken as well, and a value as the service would derive it from the label.
        """
        if not field.options:
            return Chosen(field.name, test)
        if test.isdecimal():
            if int(test[:6]) < len(field.options):
                return Chosen(field.name, field.options[int(test[:6])].value)
            self._unreachable(
                f'only-if asks for option {test} of "{field.name}", and a number is a place that '
                f"counts from 0; the last one is {len(field.options) - 1}.",
                scope,
            )
        for option in field.options:
            if test in {option.value, option.label}:
                return Chosen(field.name, option.value)
        for option in field.options:
            if test in {derived(option.value), derived(option.label)}:
                return Chosen(field.name, option.value)
        if not test.isdecimal() and test != field.default:
            few = ", ".join(option.value for option in field.options[:_FEW])
            hint = self._source.did_you_mean(test, [option.value for option in field.options])
            self._unreachable(
                f'only-if waits for "{test:.60}", and "{field.name}" has no such option'
                f"{hint or f'; there are: {few}.'}",
                scope,
            )
        return Chosen(field.name, test)

    def _unreachable(self, message: str, scope: Scope) -> None:
        if not self._lenient:
            self._source.warning(scope.start, message)


def _order(source: Source, questions: Mapping[str, Question]) -> list[str]:
    """Sort names so that each comes behind those its condition looks at; note circles."""
    order: list[str] = []
    done: set[str] = set()
    for name in questions:
        path: dict[str, None] = {}
        waiting = [(name, False)]
        while waiting:
            current, complete = waiting.pop()
            if complete:
                path.popitem()
                done.add(current)
                order.append(current)
            elif current in path:
                names = list(path)
                circle = " → ".join([*names[names.index(current) :], current])
                source.problem(
                    questions[current].start,
                    f"Whether this is shown depends on itself: {circle:.200}; remove one only-if.",
                )
            elif current not in done:
                path[current] = None
                waiting.append((current, True))
                waiting += [(each, False) for each in _looked_at(questions, current)]
    return order


def _looked_at(questions: Mapping[str, Question], name: str) -> list[str]:
    """List the questions that the condition of one looks at, the first last."""
    names = dict.fromkeys(
        found
        for scope in questions[name].scopes
        for mention in mentions(scope.condition)
        for found in (mention.name, derived(mention.name))
        if found in questions
    )
    return list(names)[::-1]
