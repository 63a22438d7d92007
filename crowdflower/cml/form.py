"""A form: its questions together, what a page of answers to them means, and what tests them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crowdflower.cml.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from crowdflower.cml.field import Field
    from crowdflower.cml.problems import Problem

_FEW = 5
"""For how many wrong names a better one is looked for."""


@dataclass(frozen=True)
class Checked:
    """What a page of answers comes to.

    :param answers: What to keep: name to answer, or to a list of answers, in the order of the
        form, without what was hidden. Empty if anything is wrong.
    :param errors: Name to what is wrong with the answer, for the contributor.
    """

    answers: dict[str, str | list[str]]
    errors: dict[str, str]


@dataclass(frozen=True)
class Group:
    """Questions that a contributor answers together, as often as needed.

    :param name: Key of the linked answers, ``group_name`` in the form.
    :param members: Names of its questions, in order.
    :param line: Line of its tag, from 1.
    :param column: Column of its tag, from 1.
    """

    name: str
    members: tuple[str, ...]
    line: int
    column: int

    def entries(self, answers: Mapping[str, object]) -> list[dict[str, str]]:
        """Link the answers of one judgment: one dict for each time the group was filled in.

        A time at which everything was left blank is none.

        >>> names = Group("names", ("first", "last"), 1, 1)
        >>> names.entries({"first": ["Ada", "Grace", ""], "last": ["Lovelace", "Hopper", ""]})
        [{'first': 'Ada', 'last': 'Lovelace'}, {'first': 'Grace', 'last': 'Hopper'}]
        """
        columns = {name: answers.get(name) for name in self.members}
        lists = {name: each for name, each in columns.items() if isinstance(each, list)}
        times = max(map(len, lists.values()), default=0)
        entries = (
            {name: each[time] for name, each in lists.items() if time < len(each)}
            for time in range(times)
        )
        return [entry for entry in entries if any(entry.values())]


@dataclass(frozen=True)
class Form:
    """What contributors are asked about each row.

    :param fields: The questions, in the order of the form; one of each name.
    :param groups: The groups with linked answers.
    :param unsupported: What the form uses that only the hosted service has.
    :param warnings: What is probably not meant, though the form can be used.
    :param has_liquid: Whether Liquid lies in the tags of the form or around them, so that the
        questions differ from row to row. Liquid that only prints text beside them does not count.
    :param source: The form as written.
    :param template: The same with a name in each question whose label holds Liquid, so that one
        column takes the answers of all rows.

    >>> from crowdflower.cml import parse
    >>> form = parse('''
    ... <cml:radios label="Funny?" validates="required">
    ...   <cml:radio label="Yes" value="yes"/>
    ...   <cml:radio label="No" value="no"/>
    ... </cml:radios>
    ... <cml:text label="Why?" only-if="funny:[yes]" validates="maxLength:80 clean:['trim']"/>
    ... ''')
    >>> form.check({"funny": "yes", "why": " the end "}).answers
    {'funny': 'yes', 'why': 'the end'}
    >>> form.check({"funny": "no", "why": "not asked"}).answers
    {'funny': 'no'}
    >>> form.check({"funny": "maybe"}).errors
    {'funny': '"maybe" is not among the options; choose from: yes, no.'}
    """

    fields: tuple[Field, ...]
    groups: tuple[Group, ...] = ()
    unsupported: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    has_liquid: bool = False
    source: str = field(default="", repr=False)
    template: str = field(default="", repr=False)
    _order: tuple[Field, ...] = field(default=(), repr=False, compare=False)
    _by_name: dict[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {each.name: each for each in self.fields})
        object.__setattr__(self, "_order", self._order or self.fields)

    @property
    def has_required(self) -> bool:
        """Whether any question must be answered, without which a job cannot be launched."""
        return any(each.required for each in self.fields)

    def legend(self) -> dict[str, dict[str, Any]]:
        """Give what contributors read for what is submitted: ``{name: {label: {value: label}}}``.

        >>> from crowdflower.cml import parse
        >>> parse('<cml:checkbox label="Spam" value="spam"/><cml:text label="Why?"/>').legend()
        {'spam': {'Spam': {'spam': 'Spam'}}, 'why': {'Why?': {}}}

        A question whose name depends on the row is there as ``{"dynamic": True}``.
        """
        legend: dict[str, dict[str, Any]] = {}
        for each in self.fields:
            if each.dynamic:
                legend[each.name] = {"dynamic": True}
            elif each.kind not in {"hidden", "meta"}:
                options = {option.value: option.label for option in each.options}
                legend[each.name] = {each.label or each.name: options}
        return legend

    def aggregations(self) -> dict[str, str]:
        """Give what becomes of the answers to each question, a job's ``fields``.

        >>> from crowdflower.cml import parse
        >>> parse('<cml:text label="Why?"/><cml:ratings label="Stars" points="5"/>').aggregations()
        {'why': 'all', 'stars': 'avg'}
        """
        return {each.name: each.aggregation for each in self.fields if not each.dynamic}

    def gold(self) -> dict[str, str]:
        """Give the column with right answers for each test question, a job's ``gold``.

        Every question is a test question unless it says ``gold="false"``.

        >>> from crowdflower.cml import parse
        >>> parse('<cml:text label="Why?"/><cml:text label="Who?" gold="false"/>').gold()
        {'why': 'why_gold'}
        """
        return {
            each.name: each.gold
            for each in self.fields
            if each.gold is not None and not each.dynamic
        }

    def check(self, answers: Mapping[str, object]) -> Checked:
        """Check a page of answers to this form, as the last word after any check in a browser.

        :param answers: Name to a text, or to a list of texts; what is not there was not answered.
        :returns: What to keep, or what is wrong. Answers to questions that were not shown are
            dropped without a word, since a page may well have sent them.
        """
        errors = self._strangers(answers)
        given: dict[str, list[str]] = {}
        kept: dict[str, str | list[str]] = {}
        for each in self._order:
            if each.only_if is not None and not each.only_if.holds(given):
                continue
            try:
                read = each.read(answers.get(each.name))
            except ValueError as error:
                errors[each.name] = str(error)
                continue
            if each.kind == "hidden" and not read and each.value:
                read = [each.value]
            given[each.name] = read
            stored = each.stored(read)
            if stored is not None:
                kept[each.name] = stored
        errors.update(self._uneven(given))
        if errors:
            return Checked({}, errors)
        if self._order is not self.fields:
            kept = {each.name: kept[each.name] for each in self.fields if each.name in kept}
        return Checked(kept, errors)

    def missed(
        self, answers: Mapping[str, object], accepted: Mapping[str, Sequence[str]]
    ) -> tuple[str, ...]:
        """Give the names of the test questions that were answered wrong, in order.

        :param answers: As :meth:`check` gave them.
        :param accepted: Name to right answers, as a list or as lines of text. A question that is
            not there is not compared; one with no right answers must have been left blank, if its
            matching is ``exact``, and is not compared otherwise.

        A question that was not shown is not compared either. One that was shown and left blank
        is wrong, since none of its answers is right.

        >>> from crowdflower.cml import parse
        >>> form = parse('<cml:text label="Who?"/><cml:text label="Where?"/>')
        >>> form.missed({"who": "ada", "where": "Rome"}, {"who": ["Ada"], "where": ["Paris"]})
        ('where',)
        """
        given: dict[str, list[str]] | None = None
        wrong = []
        for name, right in accepted.items():
            each = self._by_name.get(name)
            wanted = _listed(right.splitlines() if isinstance(right, str) else right)
            if each is None or each.gold is None or not (wanted or each.matching.how == "exact"):
                continue
            if each.only_if is not None:
                given = given or {key: _listed(value) for key, value in answers.items()}
                if not each.only_if.holds(given):
                    continue
            if not each.matching.right(_listed(answers.get(name)), wanted):
                wrong.append(name)
        return tuple(wrong)

    def _strangers(self, answers: Mapping[str, object]) -> dict[str, str]:
        """Find answers to questions that are not there."""
        strangers = [name for name in answers if name not in self._by_name]
        return {
            name: f"This form has no question of this name{hint or '.'}"
            for number, name in enumerate(strangers)
            for hint in [did_you_mean(name, self._by_name) if number < _FEW else ""]
        }

    def _uneven(self, given: Mapping[str, list[str]]) -> dict[str, str]:
        """Find linked answers of which some have more places than others."""
        errors = {}
        for group in self.groups:
            sizes = {name: len(given[name]) for name in group.members if given.get(name)}
            most = max(sizes.values(), default=0)
            for name, size in sizes.items():
                if size < most:
                    errors[name] = f"Answer this for each of the {most} entries; there are {size}."
        return errors


def _listed(value: object) -> list[str]:
    """Give the answers that are not blank."""
    values = value if isinstance(value, list | tuple) else [value]
    return [str(each) for each in values if each is not None and str(each).strip()]
