"""What holds in a sandbox's database whatever happened to its server.

The oracle reads the tables with statements of its own and knows nothing of the rules that filled
them. Each of its laws is a query for what breaks it; each write that somebody sent has left what it
was to leave, all of it, nothing, or one of the two, by what its sender was told.
"""

# ruff: noqa: S608 - statements are put together from what stands in this module

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
    """One request that is to change something, and what its sender knows of it."""

    kind: Kind

    mark: str
    """By this its effect is found: in the rows, in the answer, as the reason of a bonus; of an
    order it is the number of the job."""

    size: int = 1
    """How many rows it leaves when all of it happened."""

    outcome: Outcome = "unknown"

    @property
    def key(self) -> str:
        """Under which it is sent, and sent again."""
        return f"{self.kind} {self.mark}"


class Law(NamedTuple):
    """A query that finds nothing."""

    number: str
    says: str
    query: str


_KEPT = "NOT j.rejected"
_TRUSTED = "NOT j.rejected AND NOT j.tainted"
_GOLD = "('golden', 'hidden_gold')"


def _line(kinds: str, sign: str = "") -> str:
    """Sum up what the ledger has of an order."""
    return (
        f"(SELECT coalesce(sum({sign}l.amount_mc), 0) FROM ledger l"
        f" WHERE l.job_id = o.job_id AND l.order_id = o.id AND l.kind IN ({kinds}))"
    )


def _judgments(where: str, of: str = "j.unit_id = u.id") -> str:
    """Count judgments of a row, a job or a contributor."""
    return f"(SELECT count(*) FROM judgment j WHERE {of} AND {where})"


def _units(where: str) -> str:
    """Count the rows of a job."""
    return f"(SELECT count(*) FROM unit u WHERE u.job_id = b.id AND {where})"


_TAKEN = "(SELECT count(*) FROM assignment_unit t WHERE t.unit_id = u.id AND NOT t.resolved)"
_LACKING = """
(SELECT coalesce(sum(u.needed - u.judgments_count), 0) FROM unit u
 WHERE u.job_id = b.id AND u.state = 'judgable' AND u.needed > u.judgments_count)
"""

MONEY = (
    Law("I4", "a balance is the sum of its ledger", """
        SELECT a.id, a.balance_mc FROM account a WHERE a.balance_mc <>
          (SELECT coalesce(sum(l.amount_mc), 0) FROM ledger l WHERE l.account_id = a.id)
    """),
    Law("I4", "an account was never below zero", """
        SELECT line, held FROM (
          SELECT id AS line, sum(amount_mc) OVER (PARTITION BY account_id ORDER BY id) AS held
          FROM ledger) lines WHERE held < 0
    """),
    Law("I4", "an order was paid for, and holds what the ledger says", f"""
        SELECT o.id FROM orders o WHERE o.reserved_mc < o.cost_mc
          OR o.reserved_mc <> {_line("'reserve'", "-")} OR o.spent_mc <> {_line("'charge'", "-")}
          OR o.released_mc <> {_line("'release', 'refund'")} OR o.released_mc > o.reserved_mc
          OR (o.state <> 'open' AND o.released_mc <> o.reserved_mc)
    """),
    Law("I4", "money was taken for an order that is there", """
        SELECT l.id FROM ledger l LEFT JOIN orders o ON o.id = l.order_id
        WHERE (l.kind IN ('reserve', 'charge', 'release', 'refund') AND o.id IS NULL)
    """),
    Law("I4", "a bonus was paid for, once", """
        SELECT b.id FROM job b WHERE
          (SELECT count(*) FROM bonus x WHERE x.job_id = b.id) <>
          (SELECT count(*) FROM ledger l WHERE l.job_id = b.id AND l.kind = 'bonus')
          OR (SELECT coalesce(sum(1000 * x.amount_cents), 0) FROM bonus x WHERE x.job_id = b.id) <>
          (SELECT coalesce(sum(w.bonus_mc), 0) FROM worker_job w WHERE w.job_id = b.id)
    """),
    Law("I4", "a page that was handed in is paid, and one that is open can be", """
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
    Law("I3", "a page was handed in with all of its rows, or with none", """
        SELECT p.id FROM assignment p WHERE
          (SELECT count(*) FROM judgment j WHERE j.assignment_id = p.id
           AND j.job_id = p.job_id AND j.worker_id = p.worker_id) <>
          CASE p.state WHEN 'submitted' THEN
            (SELECT count(*) FROM assignment_unit t WHERE t.assignment_id = p.id) ELSE 0 END
          OR (p.state <> 'open' AND EXISTS
            (SELECT 1 FROM assignment_unit t WHERE t.assignment_id = p.id AND NOT t.resolved))
    """),
    Law("I5", "nobody judged a row twice", """
        SELECT unit_id, worker_id FROM judgment GROUP BY unit_id, worker_id HAVING count(*) > 1
    """),
    Law("I5", "nobody has two pages of a job at once", """
        SELECT job_id, worker_id FROM assignment WHERE state = 'open'
        GROUP BY job_id, worker_id HAVING count(*) > 1
    """),
    Law("I6", "what a row says of its judgments and free places is so", f"""
        SELECT u.id FROM unit u WHERE u.judgments_count <> {_judgments(_TRUSTED)}
          OR u.tainted_count <> {_judgments("NOT j.rejected AND j.tainted")}
          OR u.missed_count <> {_judgments("NOT j.rejected AND j.missed")}
          OR u.open_slots <> CASE WHEN u.state = 'judgable'
            AND u.needed > u.judgments_count + {_TAKEN}
            THEN u.needed - u.judgments_count - {_TAKEN} ELSE 0 END
          OR (u.state = 'judgable' AND u.judgments_count >= u.needed)
          OR (u.state = 'finalized' AND u.finalized_at IS NULL)
    """),
    Law("I6", "the counters of a job are what they count", f"""
        SELECT b.id FROM job b WHERE b.units_count <> {_units("1 = 1")}
          OR b.golds_count <> {_units(f"u.state IN {_GOLD}")}
          OR b.judgable_count <> {_units("u.state = 'judgable'")}
          OR b.finalized_count <> {_units("u.state = 'finalized'")}
          OR b.needed_count <> {_LACKING}
          OR b.judgments_count <> {_judgments(_KEPT, "j.job_id = b.id")}
          OR b.tainted_count <> {_judgments("NOT j.rejected AND j.tainted", "j.job_id = b.id")}
    """),
    Law("I6", "the states of the rows of a job add up to its rows", f"""
        SELECT b.id FROM job b WHERE b.units_count <> b.golds_count + b.judgable_count
          + b.finalized_count + {_units("u.state IN ('new', 'canceled')")}
          OR EXISTS (SELECT 1 FROM unit u WHERE u.job_id = b.id AND u.seq >= b.next_seq)
    """),
    Law("I6", "a job that runs has something to judge, and another has no open page", """
        SELECT b.id FROM job b WHERE
          (b.state IN ('running', 'paused') AND b.judgable_count = 0)
          OR (b.state NOT IN ('running', 'paused') AND EXISTS
            (SELECT 1 FROM assignment p WHERE p.job_id = b.id AND p.state = 'open'))
    """),
    Law("I6", "the counter of a contributor is what it counts", f"""
        SELECT w.job_id, w.worker_id FROM worker_job w WHERE w.judgments_count <>
          {_judgments(_KEPT, "j.job_id = w.job_id AND j.worker_id = w.worker_id")}
    """),
    Law("I8", "what belongs to a job belongs to its account", """
        SELECT b.id FROM job b WHERE
          EXISTS (SELECT 1 FROM orders o WHERE o.job_id = b.id AND o.account_id <> b.account_id)
          OR EXISTS (SELECT 1 FROM ledger l WHERE l.job_id = b.id AND l.account_id <> b.account_id)
    """),
    Law("I8", "what belongs to a row belongs to its job", """
        SELECT u.id FROM unit u JOIN judgment j ON j.unit_id = u.id WHERE j.job_id <> u.job_id
        UNION ALL
        SELECT u.id FROM unit u JOIN orders o ON o.id = u.order_id WHERE o.job_id <> u.job_id
        UNION ALL
        SELECT u.id FROM assignment_unit t JOIN assignment p ON p.id = t.assignment_id
        JOIN unit u ON u.id = t.unit_id WHERE p.job_id <> u.job_id
    """),
)  # fmt: skip

OVERJUDGED = Law("I5", "no row was judged more often than allowed", f"""
    SELECT u.id FROM unit u WHERE u.state IN ('judgable', 'finalized')
      AND u.needed < {_judgments(_TRUSTED + " AND NOT j.golden")} + {_TAKEN}
""")  # fmt: skip
"""Holds while no judgment is thrown away or forgiven: one that counts again may be one too many."""

LAWS = (*MONEY, *WORK)
"""What holds always."""

_EFFECTS: dict[Kind, str] = {
    "upload": "SELECT json_extract(data, '$.mark'), count(*) FROM unit GROUP BY 1",
    "judgment": "SELECT json_extract(data, '$.mark'), count(*) FROM judgment GROUP BY 1",
    "order": "SELECT CAST(job_id AS TEXT), count(*) FROM orders GROUP BY 1",
    "bonus": "SELECT reason, count(*) FROM bonus GROUP BY 1",
}


def broken(file: Path, writes: Iterable[Write] = ()) -> list[str]:
    """Open a database again and say what does not hold in it; of a sound one, nothing.

    :param writes: What was sent to its server.
    """
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as opened:
        found = list(_damage(opened))
        if not found:
            found += [said for law in (*LAWS, OVERJUDGED) for said in _breaches(opened, law)]
            found += _mistold(opened, writes)
    return found


def effects(file: Path, kind: Kind) -> Counter[str]:
    """Count what writes of a kind have left, by their marks."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as opened:
        return _effects(opened, kind)


def _damage(opened: sqlite3.Connection) -> Iterator[str]:
    """Ask SQLite itself."""
    try:
        for (said,) in opened.execute("PRAGMA integrity_check"):
            if said != "ok":
                yield f"I7 the file is sound: {said}"
        for row in opened.execute("PRAGMA foreign_key_check"):
            yield f"I7 what is referred to is there: {row}"
    except sqlite3.DatabaseError as error:
        yield f"I7 the file is sound: {error}"


def _breaches(opened: sqlite3.Connection, law: Law) -> Iterator[str]:
    for row in opened.execute(law.query):
        yield f"{law.number} {law.says}: {row}"


def _effects(opened: sqlite3.Connection, kind: Kind) -> Counter[str]:
    found: Any = opened.execute(_EFFECTS[kind])
    return Counter({str(mark): count for mark, count in found if mark is not None})


def _mistold(opened: sqlite3.Connection, writes: Iterable[Write]) -> Iterator[str]:
    """Hold what senders were told against what is there."""
    there = {kind: _effects(opened, kind) for kind in _EFFECTS}
    kept = {key for (key,) in opened.execute("SELECT key FROM kept_answer")}
    for write in writes:
        count = there[write.kind][write.mark]
        told = f"{write.key} was {write.outcome}, and {count} of {write.size} is there"
        if write.outcome == "acknowledged" and count != write.size:
            yield f"I1 what was acknowledged is there once: {told}"
        if write.outcome == "refused" and count:
            yield f"I2 what was refused is not there: {told}"
        if write.outcome == "unknown" and count not in {0, write.size}:
            yield f"I3 what nobody knows of is there or not: {told}"
        if (write.key in kept) != (count > 0):
            yield f"I3 an answer is kept with what it tells of: {told}"
