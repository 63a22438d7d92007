"""What happened in a job over time, kept in memory and brought up to date with what is new.

The first look at a job counts its rows and its judgments of a day. Afterwards only judgments with a
higher id are read. The counters of the job tell whether anything else happened: when they differ
from what was counted, as judgments were rejected or lost their trust, or rows were reopened or
deleted, everything is counted again.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from crowdflower.sandbox.desk.overview.answer_shares import AnswerShares
from crowdflower.sandbox.store.fast import job_history
from crowdflower.sandbox.store.tables import worker_job

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

DAY: Final = 24 * 3600

SLOT_LENGTHS: Final = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, DAY, 7 * DAY)
"""Seconds that are counted together; each divides the next one."""

MAX_SLOTS: Final = 200
"""Slots of what is shown; from twice as many on, longer slots are used."""

MAX_JOBS: Final = 32
"""Jobs that are kept in memory; the one that was not looked at for longest is forgotten."""

TENTHS: Final = 10
"""Classes of agreement: below 0.1, below 0.2, and so on; the last one includes 1."""

_SMALL: Final = 0.0001
"""Agreement is stored with four decimals; 0.3 may be a little less as a float."""

_LIMITS: Final = (0.0, *(tenth / TENTHS - _SMALL / 2 for tenth in range(1, TENTHS)), 2.0)


class _Counters(NamedTuple):
    """Counters of a job that change with its judgments and rows."""

    judgments: int
    tainted: int
    finalized: int


@dataclass
class Slots:
    """Numbers by slot of time."""

    seconds: int
    """Length of a slot. The number of a slot is its time since 1970 UTC, divided by this."""
    counts: Counter[int] = field(default_factory=Counter)

    def copy(self) -> Slots:
        """Return a copy that does not change."""
        return Slots(self.seconds, self.counts.copy())

    def since(self, time: float) -> int:
        """Return the sum of the slots that do not end before a time."""
        first = int(time // self.seconds)
        return sum(number for slot, number in self.counts.items() if slot >= first)

    def between(self, begin: float, end: float) -> int:
        """Return the sum of the slots that begin in a span of time; the end is not included."""
        return sum(
            number for slot, number in self.counts.items() if begin <= slot * self.seconds < end
        )


@dataclass
class History:
    """The judgments and finished rows of a job over time."""

    began_at: float | None
    """When the first page was handed out."""
    last_at: float | None
    """When the last page was submitted."""
    judgments: Slots
    """All that came in the day before the last one."""
    useful: Slots
    """Those of them that are neither of test questions nor without trust."""
    finalized: Slots
    """Rows, by the time when they were finished."""
    shares: AnswerShares
    agreement: list[int] = field(default_factory=lambda: [0] * TENTHS)
    """Finished rows by agreement: below 0.1, below 0.2, and so on."""
    agreement_sum: float = 0.0

    @property
    def agreed_rows(self) -> int:
        """Finished rows with an agreement."""
        return sum(self.agreement)

    @property
    def mean_agreement(self) -> float | None:
        """Mean agreement of the finished rows; ``None`` if none has one."""
        return self.agreement_sum / self.agreed_rows if self.agreed_rows else None

    def copy(self) -> History:
        """Return a copy that does not change when the next request adds what is new."""
        return replace(
            self,
            judgments=self.judgments.copy(),
            useful=self.useful.copy(),
            finalized=self.finalized.copy(),
            shares=self.shares.copy(),
            agreement=[*self.agreement],
        )


@dataclass
class _Kept:
    history: History
    secret: str
    last_id: int
    counted: _Counters
    """As the counters of the job were when everything was counted, and what was new since."""

    @property
    def is_empty(self) -> bool:
        return self.history.began_at is None


class HistoryCache:
    """The histories of the jobs of one sandbox that were looked at lately."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._lock = Lock()

    def read(self, tx: Transaction, job: Row[Any]) -> History:
        """Return the history of a job, as this transaction sees it."""
        with self._lock:
            kept = self._kept.pop(job.id, None)
            if kept is None or not _update(tx, job, kept):
                kept = _build(tx, job)
            self._kept[job.id] = kept
            while len(self._kept) > MAX_JOBS:
                self._kept.popitem(last=False)
            return kept.history.copy()


def slot_length(span: float, slots: int = MAX_SLOTS) -> int:
    """Return the shortest length of slots of which a span of time has not too many.

    >>> slot_length(600, 48), slot_length(86400, 48)
    (15, 3600)
    """
    return next((each for each in SLOT_LENGTHS if span / each <= slots), SLOT_LENGTHS[-1])


def _build(tx: Transaction, job: Row[Any]) -> _Kept:
    driver, last_id = tx.driver, job_history.last_judgment_id(tx.driver)
    began_at, last_at = job_history.first_page_at(driver, job.id), _last_submission(tx, job)
    now, seconds = tx.clock.now(), SLOT_LENGTHS[0]
    if last_at is not None and began_at is not None:
        seconds = slot_length(min(last_at - began_at, DAY))
    history = History(
        began_at,
        last_at,
        Slots(seconds),
        Slots(seconds),
        Slots(slot_length(now - (now if began_at is None else began_at))),
        AnswerShares(tx, job, job.next_seq - 1),
    )
    if last_at is not None:
        first_id = job_history.first_judgment_id(driver, last_at - DAY)
        _add_judgments(tx, job, history, first_id, last_id)
        finalized = history.finalized
        finalized.counts.update(job_history.count_finalized(driver, job.id, finalized.seconds))
        by_agreement = job_history.count_by_agreement(driver, job.id, _LIMITS)
        history.agreement = [units for units, _ in by_agreement]
        history.agreement_sum = sum(total for _, total in by_agreement)
        history.shares.add(tx, job)
    return _Kept(history, job.secret, last_id, _counters(job))


def _update(tx: Transaction, job: Row[Any], kept: _Kept) -> bool:
    """Add what is new to a history; return whether it is complete then."""
    history, driver = kept.history, tx.driver
    last_id = job_history.last_judgment_id(driver)
    if kept.secret != job.secret or last_id < kept.last_id:
        return False  # the sandbox was reset, or this transaction is older
    if not history.shares.fits(job, job.next_seq - 1) or _is_too_fine(tx, history):
        return False
    if last_id > kept.last_id:
        if kept.is_empty:
            return False
        units = job_history.read_newly_finalized(driver, job.id, kept.last_id)
        judgments, tainted = _add_judgments(tx, job, history, kept.last_id + 1, last_id)
        for unit in units:
            history.finalized.counts[int(unit.finalized_at // history.finalized.seconds)] += 1
            if unit.agreement is not None:
                tenth = min(int(unit.agreement * TENTHS + _SMALL), TENTHS - 1)
                history.agreement[tenth] += 1
                history.agreement_sum += unit.agreement
        history.shares.add(tx, job, [unit.seq for unit in units])
        history.last_at = _last_submission(tx, job)
        kept.last_id = last_id
        before = kept.counted
        kept.counted = _Counters(
            before.judgments + judgments, before.tainted + tainted, before.finalized + len(units)
        )
    return kept.counted == _counters(job)


def _add_judgments(
    tx: Transaction, job: Row[Any], history: History, first_id: int, last_id: int
) -> tuple[int, int]:
    """Count judgments from one id to another; return how many, and how many are tainted."""
    seconds, count = history.judgments.seconds, job.judgments_count
    slots = job_history.read_slots(tx.driver, job.id, seconds, first_id, last_id, count)
    for slot in slots:
        history.judgments.counts[slot.number] += slot.judgments
        history.useful.counts[slot.number] += slot.useful
    return sum(slot.judgments for slot in slots), sum(slot.tainted for slot in slots)


def _counters(job: Row[Any]) -> _Counters:
    return _Counters(job.judgments_count, job.tainted_count, job.finalized_count)


def _last_submission(tx: Transaction, job: Row[Any]) -> float | None:
    """Return when the last page of a job was submitted; ``None`` before the first one."""
    latest = select(func.max(worker_job.c.last_at).label("at")).where(
        worker_job.c.job_id == job.id, worker_job.c.judgments_count > 0
    )
    found: float | None = tx.one(latest).at
    return found


def _is_too_fine(tx: Transaction, history: History) -> bool:
    """Return whether the slots are too short by now."""
    if history.began_at is None:
        return False
    spans = [
        (tx.clock.now() - history.began_at, history.finalized.seconds),
        (min((history.last_at or 0) - history.began_at, DAY), history.judgments.seconds),
    ]
    return any(slot_length(span, 2 * MAX_SLOTS) > seconds for span, seconds in spans)
