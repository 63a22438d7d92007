"""A form: its questions, the check of submitted answers, and the check of test questions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crowdflower._types import Message
from crowdflower.cml.problems import MAX_CHOICES, MAX_PROBLEMS, Problem, did_you_mean, find_similar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from crowdflower.cml.field import Field

_MAX_HINTS = 5
"""How many unknown names get a "did you mean"."""


@dataclass(frozen=True)
class Checked:
    """The result of :meth:`Form.check`.

    :param answers: The answers to store: name to answer, or to a list of answers, in the order of
        the form, without questions that were not shown. Empty if there are errors.
    :param errors: Name to an error message for the contributor.
    """

    answers: dict[str, str | list[str]]
    errors: dict[str, str]


@dataclass(frozen=True)
class Group:
    """A group whose questions contributors may answer several times, as linked answers.

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
        """Link the answers of one judgment: one dict per entry of the group.

        An entry that was left blank is left out.

        >>> names = Group("names", ("first", "last"), 1, 1)
        >>> names.entries({"first": ["Ada", "Grace", ""], "last": ["Lovelace", "Hopper", ""]})
        [{'first': 'Ada', 'last': 'Lovelace'}, {'first': 'Grace', 'last': 'Hopper'}]
        """
        columns = {name: answers.get(name) for name in self.members}
        lists = {name: each for name, each in columns.items() if isinstance(each, list)}
        count = max(map(len, lists.values()), default=0)
        entries = (
            {name: each[index] for name, each in lists.items() if index < len(each)}
            for index in range(count)
        )
        return [entry for entry in entries if any(entry.values())]


@dataclass(frozen=True)
class Section:
    """A part of the form between ``<cml:group>`` and ``</cml:group>``.

    :param label: Its ``label``; ``""`` without one.
    :param repeats: Whether contributors may fill it in several times.
    :param span: Offsets of its start tag and of the end of its end tag.
    :param inner: Offsets of what is between the two tags.
    """

    label: str
    repeats: bool
    span: tuple[int, int]
    inner: tuple[int, int]

    def contains(self, question: Field) -> bool:
        """Return whether a question is in it."""
        return self.inner[0] <= question.span[0] < self.inner[1]


@dataclass(frozen=True)
class Form:
    """A parsed form: the questions that contributors answer about each row.

    :param fields: The questions, in the order of the form; names are unique.
    :param groups: The groups with linked answers.
    :param sections: All ``cml:group`` elements, outer ones before those in them.
    :param unsupported: Features that only the hosted service has.
    :param warnings: Probable mistakes in a form that can be used.
    :param has_liquid: Whether Liquid is in or around the tags of questions, so that the questions
        differ from row to row. Liquid that only prints text between them does not count.
    :param source: The form as written.
    :param template: The form with one name for all rows in each question whose name or label
        contains Liquid, so that the answers share one column, and a value in each such option.

    :param columns: The columns of the rows that the form prints, in their order, each with the line
        and column of the first place. Not those that it also tests, as in ``{% if text %}``, or
        prints with a ``default``.

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
    sections: tuple[Section, ...] = field(default=(), repr=False, compare=False)
    unsupported: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    has_liquid: bool = False
    source: str = field(default="", repr=False)
    template: str = field(default="", repr=False)
    columns: Mapping[str, tuple[int, int]] = field(default_factory=dict, repr=False)
    _order: tuple[Field, ...] = field(default=(), repr=False, compare=False)
    _by_name: dict[str, Field] = field(init=False, repr=False, compare=False)
    _repeated: tuple[tuple[str, ...], ...] = field(init=False, repr=False, compare=False)
    """Names of the questions of each section that contributors may fill in several times."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {each.name: each for each in self.fields})
        repeated = tuple(
            tuple(each.name for each in self.fields if section.contains(each))
            for section in self.sections
            if section.repeats
        )
        object.__setattr__(self, "_repeated", repeated)
        object.__setattr__(self, "_order", self._order or self.fields)

    @property
    def has_required(self) -> bool:
        """Whether any question is required; a job cannot be launched without one."""
        return any(each.required for each in self.fields)

    def missing_columns(self, columns: Iterable[str]) -> list[Problem]:
        """Return a problem for each column that the form prints and no row has.

        Contributors would see a blank in its place.

        :param columns: The columns of the rows. Case matters: Liquid does not find ``Text`` by
            ``{{ text }}``.

        >>> from crowdflower.cml import parse
        >>> form = parse('<p>{{text}}</p> <cml:text label="Why?"/>')
        >>> print(*form.missing_columns(["Text", "id"]))
        1:6: No row has a column "text", which the form prints; did you mean "Text"? The columns \
are: Text, id.
        """
        names = _column_names(columns)
        missing = [name for name in self.columns if name not in names][:MAX_PROBLEMS]
        listed = ", ".join(names[:MAX_CHOICES]) + ", …" * (len(names) > MAX_CHOICES)
        return [
            Problem(
                Message(
                    f'No row has a column "{name:.60}", which the form prints'
                    f"{did_you_mean(name, names) or '.'} The columns are: {listed or 'none'}.",
                    "missing_column",
                    column=name[:60],
                    guess=find_similar(name, names),
                    columns=listed,
                ),
                *self.columns[name],
            )
            for name in missing
        ]

    def legend(self) -> dict[str, dict[str, Any]]:
        """Return labels and options by name: ``{name: {label: {option value: option label}}}``.

        >>> from crowdflower.cml import parse
        >>> parse('<cml:checkbox label="Spam" value="spam"/><cml:text label="Why?"/>').legend()
        {'spam': {'Spam': {'spam': 'Spam'}}, 'why': {'Why?': {}}}

        A question whose name depends on the row has the entry ``{"dynamic": True}``.
        """
        legend: dict[str, dict[str, Any]] = {}
        for each in self.fields:
            if each.dynamic:
                legend[each.name] = {"dynamic": True}
            elif each.kind not in {"hidden", "meta"}:
                options = {option.value: option.label for option in each.answer_options}
                legend[each.name] = {each.label or each.name: options}
        return legend

    def aggregations(self) -> dict[str, str]:
        """Return the aggregation of each question by name, as in a job's ``fields``.

        >>> from crowdflower.cml import parse
        >>> parse('<cml:text label="Why?"/><cml:ratings label="Stars" points="5"/>').aggregations()
        {'why': 'all', 'stars': 'avg'}
        """
        return {each.name: each.aggregation for each in self.fields if not each.dynamic}

    def gold(self) -> dict[str, str]:
        """Return the column of accepted answers of each test question, as in a job's ``gold``.

        Every visible question is a test question unless it has ``gold="false"``.

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
        """Validate submitted answers on the server side, after any check in the browser.

        :param answers: Name to a string, or to a list of strings; a missing name is not answered.
        :returns: The answers to store, or the errors. Answers to questions that were not shown are
            dropped without an error, since a browser may submit them.
        """
        errors = self._unknown_names(answers)
        for names in self._repeated:
            answers = _without_blank_entries(answers, names)
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
        errors.update(self._incomplete_entries(given))
        if errors:
            return Checked({}, errors)
        if self._order is not self.fields:
            kept = {each.name: kept[each.name] for each in self.fields if each.name in kept}
        return Checked(kept, errors)

    def missed(
        self, answers: Mapping[str, object], accepted: Mapping[str, Sequence[str]]
    ) -> tuple[str, ...]:
        """Return the names of the test questions that were answered wrong, in order.

        :param answers: As returned by :meth:`check`.
        :param accepted: Name to accepted answers, as a list or as lines of text. A question that
            is missing here is not compared. One without accepted answers must be left blank if its
            matching is ``exact``, and is not compared otherwise.

        A question that was not shown is not compared either. One that was shown and left blank is
        wrong.

        >>> from crowdflower.cml import parse
        >>> form = parse('<cml:text label="Who?"/><cml:text label="Where?"/>')
        >>> form.missed({"who": "ada", "where": "Rome"}, {"who": ["Ada"], "where": ["Paris"]})
        ('where',)
        """
        given: dict[str, list[str]] | None = None
        wrong = []
        for name, column in accepted.items():
            each = self._by_name.get(name)
            wanted = _non_blank(column.splitlines() if isinstance(column, str) else column)
            if each is None or each.gold is None or not (wanted or each.matching.how == "exact"):
                continue
            if each.only_if is not None:
                given = given or {key: _non_blank(value) for key, value in answers.items()}
                if not each.only_if.holds(given):
                    continue
            if not each.matching.accepts(_non_blank(answers.get(name)), wanted):
                wrong.append(name)
        return tuple(wrong)

    def _unknown_names(self, answers: Mapping[str, object]) -> dict[str, str]:
        """Return an error for each answer to a question that does not exist."""
        unknown = [name for name in answers if name not in self._by_name]
        return {
            name: f"This form has no question with this name{hint or '.'}"
            for number, name in enumerate(unknown)
            for hint in [did_you_mean(name, self._by_name) if number < _MAX_HINTS else ""]
        }

    def _incomplete_entries(self, given: Mapping[str, list[str]]) -> dict[str, str]:
        """Return an error for each question of a group with fewer answers than another."""
        errors = {}
        for group in self.groups:
            sizes = {name: len(given[name]) for name in group.members if given.get(name)}
            most = max(sizes.values(), default=0)
            for name, size in sizes.items():
                if size < most:
                    errors[name] = (
                        f"Answer this for each of the {most} entries, not only for {size}."
                    )
        return errors


def _column_names(columns: Iterable[str]) -> list[str]:
    names = None
    if isinstance(columns, Iterable) and not isinstance(columns, str | bytes):
        names = list(columns)
    if names is None or not all(isinstance(name, str) for name in names):
        message = 'columns must be a list of names, such as ["text", "id"] or list(rows[0])'
        raise TypeError(message)
    return names


def _non_blank(value: object) -> list[str]:
    """Return the answers that are not blank, as strings."""
    values = value if isinstance(value, list | tuple) else [value]
    return [str(each) for each in values if each is not None and str(each).strip()]


def _without_blank_entries(
    answers: Mapping[str, object], names: Sequence[str]
) -> Mapping[str, object]:
    """Return the answers without the entries of a repeated section that are blank altogether.

    A contributor who adds an entry and leaves it blank has not answered it. A browser sends lists
    of the same length for all questions of the section; others stay as they are.
    """
    lists = {name: each for name in names if isinstance(each := answers.get(name), list | tuple)}
    sizes = {len(each) for each in lists.values()}
    if len(lists) != len(names) or len(sizes) != 1:
        return answers
    kept = [entry for entry in zip(*lists.values(), strict=True) if any(map(_is_filled, entry))]
    columns = [list(column) for column in zip(*kept, strict=True)] or [[] for _ in lists]
    return {**answers, **dict(zip(lists, columns, strict=True))}


def _is_filled(answer: object) -> bool:
    return not isinstance(answer, str) or bool(answer.strip())
