"""What is known of the columns of a draft: their first values, what they hold, and their roles.

No role is stored for itself. What a column is follows from what the API stores: contributors see it
if the form prints it, it has correct answers if the job names it for a question, and it is the key
of the rows if it is the job's ``custom_key``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from sqlalchemy import select

from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.form.telling_columns import find_telling
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.rules import visibility
from crowdflower.sandbox.rules.gold_answers import MARKER_COLUMNS, REASON_SUFFIX
from crowdflower.sandbox.rules.units.uploads import read_columns
from crowdflower.sandbox.store.tables import unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

Role: TypeAlias = Literal["shown", "key", "answer", "reason", "marker", "kept"]
"""Printed by the form, the key of the rows, correct answers to a question, why they are correct,
marks test questions, or none of these."""

Kind: TypeAlias = Literal["text", "picture", "audio", "video", "link"]

MAX_SAMPLE: Final = 1000
"""Rows that are read to find out what a column holds."""

MAX_SAMPLE_CHARACTERS: Final = 2_000_000
"""After so much data no further row is read."""

MAX_CELL: Final = 200
"""Characters of a cell that are shown."""

FIRST_VALUES: Final = 3
"""Different values of a column that are shown."""

MAX_KEY: Final = 40
"""Characters of a value that names a row."""

MAX_SHOWN: Final = 30
"""Columns that are shown unless a person chooses others: a form of hundreds is of no use."""

GOLD_SUFFIX: Final = "_gold"

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]+\Z|/label/files/[^\s<>\"]+\Z", re.IGNORECASE)
_MEDIA: Final[dict[Kind, re.Pattern[str]]] = {
    "picture": re.compile(r"\.(?:png|jpe?g|gif|webp|avif|svg)(?:[?#].*)?\Z", re.IGNORECASE),
    "audio": re.compile(r"\.(?:mp3|wav|ogg|oga|m4a|flac|opus)(?:[?#].*)?\Z", re.IGNORECASE),
    "video": re.compile(r"\.(?:mp4|webm|mov|ogv|m4v)(?:[?#].*)?\Z", re.IGNORECASE),
}
_PICTURE_DATA: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,", re.IGNORECASE)


@dataclass(frozen=True)
class ColumnFacts:
    """A column: what the first rows have in it, and what it is for."""

    name: str
    kind: Kind
    filled: int
    """Of the rows that were read, those with a value."""
    different: int
    first_values: tuple[str, ...]
    is_key: bool
    """Whether it could name the rows: a short value in each, and never the same."""
    role: Role
    tells: str = ""
    """The column with correct answers whose values this one has, too; empty if there is none."""


@dataclass(frozen=True)
class DataSample:
    """The first rows of a job, and its columns."""

    columns: tuple[ColumnFacts, ...]
    rows: tuple[dict[str, Any], ...]
    """Those that were read, for the facts."""

    @property
    def count(self) -> int:
        """How many rows were read."""
        return len(self.rows)

    def with_role(self, role: Role) -> list[str]:
        """Return the names of the columns that have a role."""
        return [each.name for each in self.columns if each.role == role]


def read_sample(tx: Transaction, job: Row[Any]) -> DataSample:
    """Read the first rows of a job, and find out what its columns hold and are for."""
    names = read_columns(tx, job.id)
    rows = tuple(_first_rows(tx, job.id))
    values = {name: _values(rows, name) for name in names}
    keys = {name for name in names if _is_key(values[name], len(rows))}
    told = _find_told(job, rows, names)
    roles = _saved_roles(job, names) if job.cml else guess_roles(names, keys, told)
    return DataSample(
        tuple(
            ColumnFacts(
                name,
                content_kind(values[name]),
                len(values[name]),
                len({*values[name]}),
                tuple(each[:MAX_CELL] for each in dict.fromkeys(values[name]))[:FIRST_VALUES],
                name in keys,
                roles[name],
                told.get(name, ""),
            )
            for name in names
        ),
        rows,
    )


def guess_roles(
    names: Sequence[str], keys: Collection[str] = (), kept: Collection[str] = ()
) -> dict[str, Role]:
    """Return what columns are for by their names; the first one that can name rows is their key.

    Of the others, the first :data:`MAX_SHOWN` are shown.

    :param kept: Columns that tell the correct answers, so that contributors must not see them.

    >>> guess_roles(["sku", "review", "verdict_gold", "verdict_gold_reason", "_golden"], {"sku"})
    {'sku': 'key', 'review': 'shown', 'verdict_gold': 'answer', 'verdict_gold_reason': 'reason',\
 '_golden': 'marker'}
    """
    answers = _answer_columns(names)
    others = [name for name in names if fixed_role(name, answers) is None and name not in answers]
    key = next((name for name in others if name in keys), None) if len(others) > 1 else None
    shown = [name for name in others if name != key and name not in kept][:MAX_SHOWN]
    chosen: dict[str, Role] = dict.fromkeys(shown, "shown")
    chosen.update(dict.fromkeys(answers, "answer"))
    if key is not None:
        chosen[key] = "key"
    return {name: fixed_role(name, answers) or chosen.get(name, "kept") for name in names}


def _answer_columns(names: Iterable[str]) -> set[str]:
    return {name for name in names if name.endswith(GOLD_SUFFIX) and name != GOLD_SUFFIX}


def _find_told(
    job: Row[Any], rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> dict[str, str]:
    """Return the columns that tell the correct answers, each with the answer column it tells."""
    answers = {*job.gold.values()} & {*names} if job.golds_count else _answer_columns(names)
    others = [name for name in names if name not in answers and fixed_role(name, answers) is None]
    found = find_telling(rows, others, [name for name in names if name in answers])
    return {each.column: each.answer_column for each in found}


def fixed_role(name: str, answers: Collection[str]) -> Role | None:
    """Return the role that a column has by its name, given those with correct answers."""
    if name in MARKER_COLUMNS:
        return "marker"
    is_reason = name.endswith(REASON_SUFFIX) and name.removesuffix(REASON_SUFFIX) in answers
    return "reason" if is_reason else None


def content_kind(values: Sequence[str]) -> Kind:
    """Return what the values of a column are, all of them; text if they differ in kind.

    >>> content_kind(["https://example.org/a.png", "https://example.org/b.JPG?size=2"])
    'picture'
    >>> content_kind(["https://example.org/a.png", "none"])
    'text'
    """
    if not values:
        return "text"
    if all(map(_PICTURE_DATA.match, values)):
        return "picture"
    if not all(map(_ADDRESS.match, values)):
        return "text"
    for kind, pattern in _MEDIA.items():
        if all(map(pattern.search, values)):
            return kind
    return "link"


def cell_text(value: Any) -> str:
    """Return the value of a cell as text, a list of texts without its brackets.

    >>> cell_text(["good", "fair"]), cell_text({"stars": 5}), cell_text(None)
    ('good, fair', '{"stars": 5}', '')
    """
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def printed_columns(job: Row[Any]) -> frozenset[str]:
    """Return the columns that the form of a job prints or tests, if it can be parsed."""
    cml = job.cml or ""
    try:
        printed = {*forms.check_form(cml).columns} if cml else set()
    except Refusal:
        printed = set()
    inside = re.findall(r"\{[{%](.*?)[}%]\}", cml, re.DOTALL)
    return frozenset(printed | {word for part in inside for word in re.findall(r"[\w-]+", part)})


def _saved_roles(job: Row[Any], names: Sequence[str]) -> dict[str, Role]:
    answers = {*job.gold.values()} if job.golds_count else set()
    printed = printed_columns(job)
    roles: dict[str, Role] = {}
    for name in names:
        plain: Role = "answer" if name in answers else "shown" if name in printed else "kept"
        roles[name] = fixed_role(name, answers) or ("key" if name == job.custom_key else plain)
    return roles


def _first_rows(tx: Transaction, job_id: int) -> Iterator[dict[str, Any]]:
    """Yield the first rows, until they are enough or large."""
    query = select(unit.c.seq, unit.c.data).where(*visibility.units_of(tx, job_id))
    last, count, characters, at_once = 0, 0, 0, 1
    while count < MAX_SAMPLE and characters < MAX_SAMPLE_CHARACTERS:
        found = tx.all(query.where(unit.c.seq > last).order_by(unit.c.seq).limit(at_once))
        if not found:
            return
        last, count = found[-1].seq, count + len(found)
        characters += sum(len(cell_text(cell)) for row in found for cell in row.data.values())
        at_once = min(2 * at_once, MAX_SAMPLE - count)
        yield from (row.data for row in found)


def _values(rows: Sequence[dict[str, Any]], name: str) -> list[str]:
    return [text for row in rows if (text := cell_text(row.get(name)).strip())]


def _is_key(values: Sequence[str], count: int) -> bool:
    is_whole = len(values) == count > 1 and len({*values}) == count
    return is_whole and all(len(each) <= MAX_KEY and not re.search(r"\s", each) for each in values)
