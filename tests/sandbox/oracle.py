"""A test oracle: invariants of the sandbox's database, whatever happened to its server.

The oracle does not use the rules under test; it has separate queries. Each invariant is a query
for rows that violate it. Each write must have taken full effect, none, or either, depending on the
response that its client got.
"""

# ruff: noqa: S608 - queries are built from constants of this module

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

Kind = Literal["upload", "judgment", "order", "bonus"]
Outcome = Literal["acknowledged", "refused", "unknown"]


@dataclass
class Write:
    """One request that changes something, and what its client knows about the outcome."""

    kind: Kind

    mark: str
    """Identifies the effect: a value in the rows or in the answer, the reason of a bonus, or the
    job id of an order."""

    size: int = 1
    """Number of rows that it adds to the database."""

    outcome: Outcome = "unknown"

    @property
    def key(self) -> str:
        """The idempotency key."""
        return f"{self.kind} {self.mark}"


class Invariant(NamedTuple):
    """A query that must return no rows."""

    number: str
    statement: str
    query: str


_COUNTED = "NOT j.rejected"
_TRUSTED = "NOT j.rejected AND NOT j.tainted"
_GOLD = "('golden', 'hidden_gold')"


def _ledger_sum(kinds: str, sign: str = "") -> str:
    """Sum of the ledger entries of an order."""
    return (
        f"(SELECT coalesce(sum({sign}l.amount_mc), 0) FROM ledger l"
        f" WHERE l.job_id = o.job_id AND l.order_id = o.id AND l.kind IN ({kinds}))"
    )


def _judgments(where: str, of: str = "j.unit_id = u.id") -> str:
    """Number of judgments of a unit, a job or a contributor."""
    return f"(SELECT count(*) FROM judgment j WHERE {of} AND {where})"


def _units(where: str) -> str:
    """Number of units of a job."""
    return f"(SELECT count(*) FROM unit u WHERE u.job_id = b.id AND {where})"


_RESERVED = "(SELECT count(*) FROM assignment_unit t WHERE t.unit_id = u.id AND NOT t.resolved)"
_MISSING = """
(SELECT coalesce(sum(u.needed - u.judgments_count), 0) FROM unit u
 WHERE u.job_id = b.id AND u.state = 'judgable' AND u.needed > u.judgments_count)
"""

MONEY = (
    Invariant("I4", "a balance is the sum of its ledger", """
        SELECT a.id, a.balance_mc FROM account a WHERE a.balance_mc <>
          (SELECT coalesce(sum(l.amount_mc), 0) FROM ledger l WHERE l.account_id = a.id)
    """),
    Invariant("I4", "the balance of an account was never negative", """
        SELECT line, held FROM (
          SELECT id AS line, sum(amount_mc) OVER (PARTITION BY account_id ORDER BY id) AS held
          FROM ledger) lines WHERE held < 0
    """),
    Invariant("I4", "an order has reserved its cost, and agrees with the ledger", f"""
        SELECT o.id FROM orders o WHERE o.reserved_mc < o.cost_mc
          OR o.reserved_mc <> {_ledger_sum("'reserve'", "-")}
          OR o.spent_mc <> {_ledger_sum("'charge'", "-")}
          OR o.released_mc <> {_ledger_sum("'release', 'refund'")} OR o.released_mc > o.reserved_mc
          OR (o.state <> 'open' AND o.released_mc <> o.reserved_mc)
    """),
    Invariant("I4", "every ledger entry of an order refers to an order", """
        SELECT l.id FROM ledger l LEFT JOIN orders o ON o.id = l.order_id
        WHERE (l.kind IN ('reserve', 'charge', 'release', 'refund') AND o.id IS NULL)
    """),
    Invariant("I4", "every bonus was charged exactly once", """
        SELECT b.id FROM job b WHERE
          (SELECT count(*) FROM bonus x WHERE x.job_id = b.id) <>
          (SELECT count(*) FROM ledger l WHERE l.job_id = b.id AND l.kind = 'bonus')
          OR (SELECT coalesce(sum(1000 * x.amount_cents), 0) FROM bonus x WHERE x.job_id = b.id) <>
          (SELECT coalesce(sum(w.bonus_mc), 0) FROM worker_job w WHERE w.job_id = b.id)
    """),
    Invariant("I4", "submitted pages are paid, and open pages can be paid", """
        SELECT b.id FROM job b WHERE
          (SELECT coalesce(sum(p.cost_mc), 0) FROM assignment p
           WHERE p.job_id = b.id AND p.state = 'submitted') <>
          (SELECT coalesce(sum(-l.amount_mc), 0) FROM ledger l
           WHERE l.job_id = b.id AND l.kind = 'charge')
          OR (SELECT coalesce(sum(p.cost_mc), 0) FROM assignment p
           WHERE p.job_id = b.id AND p.state = 'open') >
          (SELECT coalesce(sum(o.reserved_mc - o.released_mc), 0) FROM orders o
           WHERE o.job_id = b.id)
    """),
)  # fmt: skip

WORK = (
    Invariant("I3", "a submitted page has a judgment of each unit, any other page none", """
        SELECT p.id FROM assignment p WHERE
          (SELECT count(*) FROM judgment j WHERE j.assignment_id = p.id
           AND j.job_id = p.job_id AND j.worker_id = p.worker_id) <>
          CASE p.state WHEN 'submitted' THEN
            (SELECT count(*) FROM assignment_unit t WHERE t.assignment_id = p.id) ELSE 0 END
          OR (p.state <> 'open' AND EXISTS
            (SELECT 1 FROM assignment_unit t WHERE t.assignment_id = p.id AND NOT t.resolved))
    """),
    Invariant("I5", "no contributor judged a unit twice", """
        SELECT unit_id, worker_id FROM judgment GROUP BY unit_id, worker_id HAVING count(*) > 1
    """),
    Invariant("I5", "no contributor has two open pages of a job", """
        SELECT job_id, worker_id FROM assignment WHERE state = 'open'
        GROUP BY job_id, worker_id HAVING count(*) > 1
    """),
    Invariant("I6", "the counters and open slots of a unit are correct", f"""
        SELECT u.id FROM unit u WHERE u.judgments_count <> {_judgments(_TRUSTED)}
          OR u.tainted_count <> {_judgments("NOT j.rejected AND j.tainted")}
          OR u.missed_count <> {_judgments("NOT j.rejected AND j.missed")}
          OR u.open_slots <> CASE WHEN u.state = 'judgable'
            AND u.needed > u.judgments_count + {_RESERVED}
            THEN u.needed - u.judgments_count - {_RESERVED} ELSE 0 END
          OR (u.state = 'judgable' AND u.judgments_count >= u.needed)
          OR (u.state = 'finalized' AND u.finalized_at IS NULL)
    """),
    Invariant("I6", "the counters of a job are correct", f"""
        SELECT b.id FROM job b WHERE b.units_count <> {_units("1 = 1")}
          OR b.golds_count <> {_units(f"u.state IN {_GOLD}")}
          OR b.judgable_count <> {_units("u.state = 'judgable'")}
          OR b.finalized_count <> {_units("u.state = 'finalized'")}
          OR b.needed_count <> {_MISSING}
          OR b.judgments_count <> {_judgments(_COUNTED, "j.job_id = b.id")}
          OR b.tainted_count <> {_judgments("NOT j.rejected AND j.tainted", "j.job_id = b.id")}
    """),
    Invariant("I6", "the units of all states add up to the units of a job", f"""
        SELECT b.id FROM job b WHERE b.units_count <> b.golds_count + b.judgable_count
          + b.finalized_count + {_units("u.state IN ('new', 'canceled')")}
          OR EXISTS (SELECT 1 FROM unit u WHERE u.job_id = b.id AND u.seq >= b.next_seq)
    """),
    Invariant("I6", "an active job has a judgable unit, and any other job has no open page", """
        SELECT b.id FROM job b WHERE
          (b.state IN ('running', 'paused') AND b.judgable_count = 0)
          OR (b.state NOT IN ('running', 'paused') AND EXISTS
            (SELECT 1 FROM assignment p WHERE p.job_id = b.id AND p.state = 'open'))
    """),
    Invariant("I6", "the counter of a contributor is correct", f"""
        SELECT w.job_id, w.worker_id FROM worker_job w WHERE w.judgments_count <>
          {_judgments(_COUNTED, "j.job_id = w.job_id AND j.worker_id = w.worker_id")}
    """),
    Invariant("I8", "orders and ledger entries belong to the account of their job", """
        SELECT b.id FROM job b WHERE
          EXISTS (SELECT 1 FROM orders o WHERE o.job_id = b.id AND o.account_id <> b.account_id)
          OR EXISTS (SELECT 1 FROM ledger l WHERE l.job_id = b.id AND l.account_id <> b.account_id)
    """),
    Invariant("I8", "judgments, orders and pages belong to the job of their unit", """
        SELECT u.id FROM unit u JOIN judgment j ON j.unit_id = u.id WHERE j.job_id <> u.job_id
        UNION ALL
        SELECT u.id FROM unit u JOIN orders o ON o.id = u.order_id WHERE o.job_id <> u.job_id
        UNION ALL
        SELECT u.id FROM assignment_unit t JOIN assignment p ON p.id = t.assignment_id
        JOIN unit u ON u.id = t.unit_id WHERE p.job_id <> u.job_id
    """),
)  # fmt: skip

NOT_OVERJUDGED = Invariant("I5", "no unit has more judgments and reservations than it needs", f"""
    SELECT u.id FROM unit u WHERE u.state IN ('judgable', 'finalized')
      AND u.needed < {_judgments(_TRUSTED + " AND NOT j.golden")} + {_RESERVED}
""")  # fmt: skip
"""Holds only while no judgment is rejected or forgiven: one that counts again may exceed it."""

INVARIANTS = (*MONEY, *WORK)
"""Invariants that always hold."""

_EFFECT_QUERIES: dict[Kind, str] = {
    "upload": "SELECT json_extract(data, '$.mark'), count(*) FROM unit GROUP BY 1",
    "judgment": "SELECT json_extract(data, '$.mark'), count(*) FROM judgment GROUP BY 1",
    "order": "SELECT CAST(job_id AS TEXT), count(*) FROM orders GROUP BY 1",
    "bonus": "SELECT reason, count(*) FROM bonus GROUP BY 1",
}


def find_violations(file: Path, writes: Iterable[Write] = ()) -> list[str]:
    """Open a database file and return a message for each violation.

    :param writes: The writes that were sent to its server.
    """
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        found = list(_check_file(connection))
        if not found:
            found += [
                message
                for invariant in (*INVARIANTS, NOT_OVERJUDGED)
                for message in _query_violations(connection, invariant)
            ]
            found += _check_outcomes(connection, writes)
    return found


def count_effects(file: Path, kind: Kind) -> Counter[str]:
    """Count the effects of writes of a kind, by their marks."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        return _count_effects(connection, kind)


def _check_file(connection: sqlite3.Connection) -> Iterator[str]:
    """Check the file with SQLite's own pragmas."""
    try:
        for (message,) in connection.execute("PRAGMA integrity_check"):
            if message != "ok":
                yield f"I7 the file is intact: {message}"
        for row in connection.execute("PRAGMA foreign_key_check"):
            yield f"I7 every foreign key refers to a row: {row}"
    except sqlite3.DatabaseError as error:
        yield f"I7 the file is intact: {error}"


def _query_violations(connection: sqlite3.Connection, invariant: Invariant) -> Iterator[str]:
    for row in connection.execute(invariant.query):
        yield f"{invariant.number} {invariant.statement}: {row}"


def _count_effects(connection: sqlite3.Connection, kind: Kind) -> Counter[str]:
    found: Any = connection.execute(_EFFECT_QUERIES[kind])
    return Counter({str(mark): count for mark, count in found if mark is not None})


def _check_outcomes(connection: sqlite3.Connection, writes: Iterable[Write]) -> Iterator[str]:
    """Compare the outcomes that clients know with the effects in the database."""
    effects = {kind: _count_effects(connection, kind) for kind in _EFFECT_QUERIES}
    stored_keys = {key for (key,) in connection.execute("SELECT key FROM kept_answer")}
    for write in writes:
        count = effects[write.kind][write.mark]
        found = f"{write.key} was {write.outcome}, and {count} of {write.size} rows exist"
        if write.outcome == "acknowledged" and count != write.size:
            yield f"I1 an acknowledged write took effect once: {found}"
        if write.outcome == "refused" and count:
            yield f"I2 a refused write had no effect: {found}"
        if write.outcome == "unknown" and count not in {0, write.size}:
            yield f"I3 an unknown write took full effect or none: {found}"
        if (write.key in stored_keys) != (count > 0):
            yield f"I3 a response is stored exactly with its effect: {found}"
