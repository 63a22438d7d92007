"""Finds the rows that a query asks for: how many there are, and the ids of a part of them.

Without a text and an answer, the database filters, sorts and counts. A text and an answer need the
content of the rows, which is read in the order of the upload, part by part, for a limited time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, exists, func, select, type_coerce, types

from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.rows.rows_query import LOW_AGREEMENT
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.rules import visibility
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.results import aggregation
from crowdflower.sandbox.rules.results.aggregation import RowOptions, WeightedAnswers
from crowdflower.sandbox.store.column_types import decode, encode
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.fast import bulk_queries
from crowdflower.sandbox.store.tables import unit

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.rows.rows_query import RowsQuery
    from crowdflower.sandbox.store import Transaction

SECONDS: Final = 2.0
"""How long rows are searched for a text or an answer."""

_WINDOW: Final = 2000
"""Rows that are read at once while searching."""

_CLEARLY: Final = 0.501
"""A share that no rounding makes a tie of."""

_UNITS_AT_ONCE: Final = 500
"""Rows whose judgments are read by one statement; databases limit the number of parameters."""

_FINAL: Final = ("", "finalized")
"""States of a query that finalized rows are in; only these rows have an agreement."""


class _Match(NamedTuple):
    """A row that was searched and fits, with what it may be sorted by."""

    id: int
    agreement: float | None
    last_judgment_at: float | None


class RowSearch:
    """The rows that a query asks for, in its order.

    :param seconds: How long to search for a text or an answer.
    """

    def __init__(
        self, tx: Transaction, job: Row[Any], query: RowsQuery, seconds: float = SECONDS
    ) -> None:
        self._tx = tx
        self._job = job
        self._query = query
        self._found: list[int] | None = None
        self.searched: int | None = None
        """Rows that were searched when the time was over; ``None`` if all were."""
        if query.text or query.question:
            self._found = [each.id for each in self._search(seconds)]
            self.total = len(self._found)
        else:
            self.total = self._count()
        """How many rows fit, as far as they were searched."""

    def ids(self, offset: int, limit: int) -> list[int]:
        """Return the ids of some of the rows.

        :param offset: Rows before the first one.
        """
        if self._found is not None:
            return self._found[offset : offset + limit]
        if self._query.sort == "agreement":
            return self._by_agreement(offset, limit)
        rows = select(unit.c.id).where(*self._where())
        if self._query.sort == "last":
            rows = rows.order_by(unit.c.last_judgment_at.desc().nulls_last())
        return self._page(rows.order_by(unit.c.seq), offset, limit)

    def place(self, unit_id: int, guess: int) -> int | None:
        """Return how many rows are before a row, or ``None`` if it is not known.

        :param guess: Where it was when the list was shown; it may have moved since.
        """
        if self._found is not None:
            return self._found.index(unit_id) if unit_id in self._found else None
        return guess if guess >= 0 and self.ids(guess, 1) == [unit_id] else None

    def _where(self, *, agreed: bool = False) -> list[ColumnElement[bool]]:
        """Return the conditions of the query.

        :param agreed: For rows with an agreement only; their state is known then, and is left out,
            since their index does not have it.
        """
        query = self._query
        where = [*visibility.units_of(self._tx, self._job.id)]
        if agreed or (query.only == "low" and query.state in _FINAL):
            where.append(unit.c.agreement.is_not(None))
        elif query.state == "golden":
            where.append(unit.c.state.in_(sorted(GOLD_STATES)))
        elif query.state:
            where.append(unit.c.state == query.state)
        elif query.only != "contested":  # a contested row is, or was, a test question
            where.append(unit.c.state.not_in(sorted(GOLD_STATES)))
        if query.only == "low":
            where.append(unit.c.agreement < LOW_AGREEMENT)
        elif query.only == "short":
            is_short = unit.c.judgments_count < unit.c.needed
            where += [unit.c.state == "finalized", is_short]
        elif query.only == "unanswered":
            where += [unit.c.judgments_count == 0, unit.c.tainted_count == 0]
        elif query.only == "contested":
            where.append(exists(select(contest.c.id).where(contest.c.unit_id == unit.c.id)))
        return where

    def _count(self) -> int:
        """Count the rows that fit; the job's counters have the most common numbers."""
        query, job = self._query, self._job
        known = {
            "": job.units_count - job.golds_count,
            "judgable": job.judgable_count,
            "finalized": job.finalized_count,
            "golden": job.golds_count,
        }
        if not query.only and query.state in known:
            return int(known[query.state])
        return self._count_where(self._where())

    def _count_where(self, where: Sequence[ColumnElement[bool]]) -> int:
        counted = select(func.count()).select_from(unit).where(*where)
        return self._tx.connection.scalar(counted) or 0

    def _by_agreement(self, offset: int, limit: int) -> list[int]:
        """Return the rows with an agreement, the lowest first, then those without one.

        Both parts are in the order of an index, so that no page sorts all rows.
        """
        ids: list[int] = []
        agreed = 0
        if self._query.state in _FINAL:
            where = self._where(agreed=True)
            agreed = self._count_where(where)
            if offset < agreed:
                first = select(unit.c.id).where(*where).order_by(unit.c.agreement, unit.c.id)
                ids = self._page(first, offset, limit)
        if len(ids) < limit and self._query.only != "low":
            without = (*self._where(), unit.c.agreement.is_(None))
            rest = select(unit.c.id).where(*without).order_by(unit.c.seq)
            ids += self._page(rest, max(offset - agreed, 0), limit - len(ids))
        return ids

    def _page(self, rows: Select[Any], offset: int, limit: int) -> list[int]:
        return [row.id for row in self._tx.all(rows.offset(offset).limit(limit))]

    def _search(self, seconds: float) -> list[_Match]:
        """Return the rows with a text or an answer, sorted; note where the time was over."""
        ends_at = time.monotonic() + seconds
        where = self._where()
        matches: list[_Match] = []
        for start in range(0, self._job.next_seq - 1, _WINDOW):
            if time.monotonic() > ends_at:
                self.searched = start
                break
            matches += self._search_window(where, start + 1, start + _WINDOW)
        if self._query.sort == "agreement":
            matches.sort(key=lambda each: (each.agreement is None, each.agreement or 0))
        elif self._query.sort == "last":
            matches.sort(key=lambda each: -(each.last_judgment_at or 0))
        return matches

    def _search_window(
        self, where: Sequence[ColumnElement[bool]], first: int, last: int
    ) -> Iterator[_Match]:
        query = self._query
        needs_data = bool(query.text) or not self._has_static_form()
        columns = [unit.c.id, unit.c.agreement, unit.c.last_judgment_at]
        rows = select(*columns, *([unit.c.data] if needs_data else []))
        rows = rows.where(*where, unit.c.seq.between(first, last))
        if query.text and query.text.isascii():  # the case of others is not ignored everywhere
            json_text = type_coerce(unit.c.data, types.Text)
            rows = rows.where(json_text.ilike(_like_pattern(query.text), escape="\\"))
        found = self._tx.all(rows.order_by(unit.c.seq))
        if query.text:
            wanted = query.text.casefold()
            found = [row for row in found if _has_text([*row.data.values()], wanted)]
        if query.question and found:
            data = {row.id: row.data if needs_data else {} for row in found}
            fits = {*self._with_answer(data)}
            found = [row for row in found if row.id in fits]
        return (_Match(row.id, row.agreement, row.last_judgment_at) for row in found)

    def _has_static_form(self) -> bool:
        """Return whether all rows have the same questions; a form with mistakes is not asked."""
        try:
            return forms.static_form(self._job.cml or "") is not None
        except Refusal:
            return True

    def _with_answer(self, data: Mapping[int, Mapping[str, Any]]) -> Iterator[int]:
        """Yield the rows with the answer in their results.

        :param data: The rows to look at.
        """
        question, answer = self._query.question, self._query.answer
        how = (self._job.fields or {}).get(question)
        if how is None:
            return
        written = encode(answer)
        ids = [*data]
        for start in range(0, len(ids), _UNITS_AT_ONCE):
            some = ids[start : start + _UNITS_AT_ONCE]
            for unit_id, rows in bulk_queries.read_judgments(self._tx.driver, some).items():
                trusted = [row for row in rows if not row.tainted]
                if not any(written in row.data for row in trusted):
                    continue  # what nobody answered is not the result
                answers = [WeightedAnswers(_decode(row.data), row.trust) for row in trusted]
                clear = _clear_winner(question, answers) if how == "agg" else None
                best = [clear] if clear is not None else self._best(data[unit_id], answers)
                if answer in best:
                    yield unit_id

    def _best(self, data: Mapping[str, Any], answers: Sequence[WeightedAnswers]) -> list[str]:
        """Return the answers that the results of a row show, whatever the aggregation."""
        question = self._query.question
        how = (self._job.fields or {})[question]
        options = RowOptions(self._job, data)
        return best_answers(aggregation.aggregate_answers(question, how, answers, options))


def _clear_winner(question: str, answers: Sequence[WeightedAnswers]) -> str | None:
    """Return the answer with more than half of the trust, which is the result whatever the rest is.

    >>> _clear_winner("spam", [WeightedAnswers({"spam": "yes"}, 0.9)])
    'yes'
    >>> _clear_winner("spam", [WeightedAnswers({"spam": name}, 0.9) for name in ("yes", "no")])
    """
    shares: dict[str, float] = {}
    total = 0.0
    for data, trust in answers:
        answer = data.get(question)
        if isinstance(answer, str):
            shares[answer] = shares.get(answer, 0.0) + trust
            total += trust
        elif answer is not None:
            return None  # a list of several
    best = max(shares, key=lambda each: shares[each], default=None)
    return best if best is not None and shares[best] > total * _CLEARLY else None


@lru_cache(1024)
def _decode(text: str) -> Any:
    """Decode the answers of a judgment; many contributors give the same. Do not change them."""
    return decode(text)


def best_answers(result: Mapping[str, Any] | Sequence[Any]) -> list[str]:
    """Return the best answers of an aggregated question: one, several or none.

    >>> best_answers({"agg": "yes", "confidence": 1.0}), best_answers(["yes", "no"])
    (['yes'], [])
    """
    best = result.get("agg") if isinstance(result, Mapping) else None
    if isinstance(best, list):
        return [str(each) for each in best]
    return [] if best is None else [str(best)]


def _like_pattern(text: str) -> str:
    """Return a pattern for the JSON of rows that contain a text, in a value or elsewhere."""
    inner = encode(text)[1:-1]
    for special in "\\%_":
        inner = inner.replace(special, f"\\{special}")
    return f"%{inner}%"


def _has_text(values: Sequence[Any], wanted: str) -> bool:
    """Return whether a value contains a text, whatever its case; names do not count."""
    for value in values:
        if isinstance(value, str):
            fits = wanted in value.casefold()
        elif isinstance(value, dict | list):
            inner = [*value.values()] if isinstance(value, dict) else value
            fits = _has_text(inner, wanted)
        else:
            fits = value is not None and wanted in encode(value)
        if fits:
            return True
    return False
