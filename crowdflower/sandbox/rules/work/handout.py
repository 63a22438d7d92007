"""Hands out pages: checks whether a contributor may work, chooses units, reserves the money.

Units come from a window near the first open unit rather than from all units, so that the first
units are finished first. A page reserves its units until it is submitted, released or expires.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

from crowdflower.sandbox.clock import RandomStream
from crowdflower.sandbox.rules import gold_answers, money, quiz
from crowdflower.sandbox.rules.completion import closing
from crowdflower.sandbox.rules.jobs import caps, jobs
from crowdflower.sandbox.rules.settings import countries
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.column_types import decode
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import page_facts, page_money, page_queries
from crowdflower.sandbox.store.fast.page_facts import JobFacts, WorkerFacts
from crowdflower.sandbox.store.fast.page_queries import OpenUnit, PageRow, PageUnitRow

if TYPE_CHECKING:
    from sqlalchemy import Row

Mode = Literal["quiz", "work"]

Reason = Literal[
    "job_not_running",
    "channel_not_enabled",
    "country",
    "account_age",
    "flagged",
    "rejected",
    "failed_quiz",
    "removed",
    "maxed",
    "exhausted",
    "no_work",
]

MESSAGES: Final[dict[Reason, str]] = {
    "job_not_running": "This job is not running.",
    "channel_not_enabled": "This job does not take contributors from your channel.",
    "country": "This job does not take contributors from your country.",
    "account_age": "This job does not take contributors who joined so recently.",
    "flagged": "You may not work for this requester.",
    "rejected": "Your work on this job was rejected.",
    "failed_quiz": "You did not pass the quiz of this job.",
    "removed": "You missed too many test questions of this job.",
    "maxed": "You have done as much of this job as one contributor may.",
    "exhausted": "You have answered every test question of this job.",
    "no_work": "There is nothing left in this job for you at the moment.",
}
"""The message to the contributor for each reason."""

WHOLE_BATCHES: Final = "whole_batches"
"""Option of a job whose units stay together in the order of upload: each ``units_per_assignment``
units are a batch. A contributor gets the oldest batch that they have not answered."""

BLOCKED_STATES: Final = frozenset({"rejected", "failed_quiz", "removed"})
"""States of a contributor who gets no more pages of a job."""


class NoPageAvailable(Exception):
    """There is no page for this contributor; ``reason`` is a code, the message a sentence."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(MESSAGES[reason])
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PageUnit:
    """A unit on a page."""

    id: int

    data: dict[str, Any]
    """The data that the contributor sees."""

    hidden: dict[str, Any] = field(default_factory=dict, repr=False)
    """Accepted answers and other gold columns, which the contributor must not see."""


@dataclass(frozen=True)
class Page:
    """Units that are reserved for one contributor until the page is submitted or expires."""

    assignment_id: int
    mode: Mode

    token: str
    """Secret to send back with the answers."""

    started_at: float
    expires_at: float
    units: tuple[PageUnit, ...]


class _Price(NamedTuple):
    """The pay of a page to its contributor, and its cost to the requester."""

    pay_mc: int
    cost_mc: int


class _NewPage(NamedTuple):
    """A page that is about to be handed out."""

    mode: Mode
    golds: list[OpenUnit]
    units: list[OpenUnit]
    price: _Price


def take_page(
    tx: Transaction,
    job: Row[Any] | JobFacts,
    worker: Row[Any],
    *,
    only: Collection[int] | None = None,
) -> Page:
    """Hand out a page; if the contributor has an open page, return that one.

    :param only: Hand out these units only. Test questions are asked only if they are among them.
    :raises NoPageAvailable: The contributor may not work, or no units are left for them.
    """
    driver = tx.driver
    expire_pages(tx, job.id)
    locks.lock_for_page(tx, job.id, worker.id)
    job_facts = page_facts.read_job(driver, job.id)
    current = page_queries.find_open_page(driver, job.id, worker.id)
    if current is not None:
        return _load_page(tx, job_facts, current)
    facts = page_facts.read_worker(driver, job.id, worker.id, worker.channel)
    quota = _remaining_quota(tx, job_facts, worker, facts)
    random = tx.clock.random("page", job.id, worker.id, facts.judgments_count)
    mode, golds, units = _choose_units(tx, job_facts, worker, facts, quota, random, only)
    price = _price(tx, job_facts, worker, mode)
    if price.cost_mc:
        _reserve_funds(tx, job_facts, price.cost_mc)
    page = _NewPage(mode, golds, units, price)
    return _insert_page(tx, job_facts, worker, facts, page, random)


def expire_pages(tx: Transaction, job_id: int) -> None:
    """Let the open pages of a job expire whose time is over, so that their rows are free again."""
    if page_queries.has_expired_pages(tx.driver, job_id, tx.clock.now()):
        locks.lock_job(tx, job_id)
        closing.expire_pages(tx, job_id)


def find_refusal(tx: Transaction, job: Row[Any], worker: Row[Any]) -> Reason | None:
    """Return why a contributor may not work on a job, whatever rows it has; ``None`` if they may.

    What they did so far is not looked at: a maximum may be reached, or no row may be left.
    """
    facts = page_facts.read_worker(tx.driver, job.id, worker.id, worker.channel)
    return _refusal_reason(tx, page_facts.read_job(tx.driver, job.id), worker, facts)


def _remaining_quota(tx: Transaction, job: JobFacts, worker: Row[Any], facts: WorkerFacts) -> int:
    """Return how many units a contributor may still judge.

    :raises NoPageAvailable: The contributor may not work, or has reached a maximum.
    """
    reason = _refusal_reason(tx, job, worker, facts)
    if reason is not None:
        raise NoPageAvailable(reason)
    quota = job.judgable_count
    if job.max_judgments_per_worker is not None:
        submitted = facts.judgments_count - facts.golds_seen
        quota = min(quota, job.max_judgments_per_worker - submitted)
        if quota <= 0 < job.judgable_count:
            raise NoPageAvailable("maxed")
    if job.max_judgments_per_ip is not None and worker.ip is not None:
        from_ip = page_queries.count_judgments_from(tx.driver, job.id, worker.ip)
        quota = min(quota, job.max_judgments_per_ip - from_ip)
        if quota <= 0 < job.judgable_count:
            raise NoPageAvailable("maxed")
    return quota


def _refusal_reason(
    tx: Transaction, job: JobFacts, worker: Row[Any], facts: WorkerFacts
) -> Reason | None:
    if job.state != "running":
        return "job_not_running"
    if not facts.comes_from_enabled_channel:
        return "channel_not_enabled"
    if not is_country_allowed(job, worker.country):
        return "country"
    age = tx.clock.now() - worker.created_at
    if not worker.simulated and age < (job.minimum_account_age_seconds or 0):
        return "account_age"
    if facts.is_flagged:
        return "flagged"
    return cast(Reason, facts.state) if facts.state in BLOCKED_STATES else None


def is_country_allowed(job: Any, country: str | None) -> bool:
    """Return whether a job takes contributors from a country.

    :param job: A row of the job, or the part of it that handing out pages reads.
    :param country: A code of two or three letters; ``None`` if it is not known.
    """
    if not job.included_countries and not job.excluded_countries:
        return True
    found = countries.find(country) if country else None
    code = found.code if found else None
    if job.included_countries:
        return code in job.included_countries
    return code not in job.excluded_countries


def _choose_units(
    tx: Transaction,
    job: JobFacts,
    worker: Row[Any],
    facts: WorkerFacts,
    quota: int,
    random: RandomStream,
    only: Collection[int] | None,
) -> tuple[Mode, list[OpenUnit], list[OpenUnit]]:
    """Choose the test questions and the other units of a page.

    :raises NoPageAvailable: No units or no test questions are left for this contributor.
    """
    if quiz.is_quiz_enabled(job) and facts.state in {None, "quiz"}:
        golds = _unanswered_golds(tx, job, worker, "quiz", only)
        if golds:
            return "quiz", random.sample(golds, min(len(golds), job.units_per_assignment)), []
    golds = []
    gold_count = quiz.gold_per_page(job)
    if gold_count:
        unanswered = _unanswered_golds(tx, job, worker, "work", only)
        golds = random.sample(unanswered, min(len(unanswered), gold_count))
    count = min(quota, quiz.units_per_page(job))
    units = _open_units(tx, job, worker, count, random, only)
    if not units:
        raise NoPageAvailable("no_work")
    return "work", golds, _keep_first_batch(job, units)


def _unanswered_golds(
    tx: Transaction, job: JobFacts, worker: Row[Any], mode: Mode, only: Collection[int] | None
) -> list[OpenUnit]:
    golds = page_queries.read_unanswered_golds(tx.driver, job.id, worker.id, mode)
    if only is not None:
        return [gold for gold in golds if gold.id in only]
    if not golds:
        raise NoPageAvailable("exhausted")
    return golds


def _open_units(
    tx: Transaction,
    job: JobFacts,
    worker: Row[Any],
    count: int,
    random: RandomStream,
    only: Collection[int] | None,
) -> list[OpenUnit]:
    """Choose units that have open slots."""
    which = (tx.driver, job.id, worker.id)
    unit_ids = None if only is None else sorted(only)
    if unit_ids is None:
        units = _window_units(tx, job, worker, count, random)
    else:
        units = page_queries.read_open_units_among(*which, unit_ids, count)
    if units or tx.isolated:
        return units
    # Another transaction may have locked the last units without using all of their slots: wait.
    if unit_ids is None:
        return page_queries.read_open_units(*which, 0, count, wait=True)
    return page_queries.read_open_units_among(*which, unit_ids, count, wait=True)


def _window_units(
    tx: Transaction, job: JobFacts, worker: Row[Any], count: int, random: RandomStream
) -> list[OpenUnit]:
    lowest = page_queries.first_open_seq(tx.driver, job.id)
    if lowest is None:
        return []
    if job.options.get(WHOLE_BATCHES):
        return page_queries.read_open_units(tx.driver, job.id, worker.id, lowest, count)
    begin = lowest + random.randrange(max(1, min(tx.limits.window, job.judgable_count)))
    units = page_queries.read_open_units(tx.driver, job.id, worker.id, begin, count)
    if len(units) < count:
        first = page_queries.read_open_units(tx.driver, job.id, worker.id, lowest, count)
        units += [unit for unit in first if unit not in units][: count - len(units)]
    return units


def _keep_first_batch(job: JobFacts, units: list[OpenUnit]) -> list[OpenUnit]:
    """Keep the units of the first unit's batch, if the job has whole batches."""
    if not job.options.get(WHOLE_BATCHES):
        return units
    first, *_ = batches = [(unit.seq - 1) // job.units_per_assignment for unit in units]
    return [unit for unit, batch in zip(units, batches, strict=True) if batch == first]


def _price(tx: Transaction, job: JobFacts, worker: Row[Any], mode: Mode) -> _Price:
    """Return the price of a page; quiz pages and pages of internal workers are free."""
    if mode == "quiz" or money.is_free(tx, worker.channel):
        return _Price(0, 0)
    return _Price(job.payment_mc, money.with_fee(job.payment_mc, job.markup_pct))


def _reserve_funds(tx: Transaction, job: JobFacts, cost_mc: int) -> None:
    """Make sure that a page can be paid, and that the job's cap covers it.

    :raises NoPageAvailable: It cannot. The job is paused, unless a page that is open may come back
        unpaid.
    """
    locks.lock_orders(tx, job.id)
    if job.cap_mc is not None:
        room = caps.read_room(tx, job.id, job.cap_mc)
        if room.now < cost_mc:
            jobs.pause_automatically(tx, job.id, "cap")
            raise NoPageAvailable("job_not_running")
        if room.after_open_pages < cost_mc:
            raise NoPageAvailable("no_work")
    reserved, owed = page_money.read_funds(tx.driver, job.id)
    is_covered = owed + cost_mc <= reserved
    if not is_covered and not money.reserve_for_page(tx, job.id, job.account_id, cost_mc):
        if not owed:  # no open page can leave anything
            jobs.pause_automatically(tx, job.id, "funds")
        raise NoPageAvailable("job_not_running")


def _insert_page(
    tx: Transaction,
    job: JobFacts,
    worker: Row[Any],
    facts: WorkerFacts,
    page: _NewPage,
    random: RandomStream,
) -> Page:
    now = tx.clock.now()
    expires_at = now + quiz.page_timeout(job)
    token = tx.clock.token()
    values = (job.id, worker.id, page.mode, token, *page.price, now, expires_at)
    page_id = page_queries.insert_page(tx.driver, values)
    units = [(unit, True) for unit in page.golds] + [(unit, False) for unit in page.units]
    random.shuffle(units)
    page_queries.insert_page_units(tx.driver, page_id, [(unit.id, gold) for unit, gold in units])
    if facts.state is None:
        state = "quiz" if page.mode == "quiz" else "working"
        page_queries.insert_worker(tx.driver, job.id, worker.id, state, now)
    page_units = _page_units(job, (unit for unit, _ in units))
    return Page(page_id, page.mode, token, now, expires_at, page_units)


def _load_page(tx: Transaction, job: JobFacts, page: PageRow) -> Page:
    return Page(
        page.id,
        cast(Mode, page.mode),
        page.form_token,
        page.started_at,
        page.expires_at,
        _page_units(job, page_queries.read_page_units(tx.driver, page.id, with_data=True)),
    )


def _page_units(job: JobFacts, units: Iterable[OpenUnit | PageUnitRow]) -> tuple[PageUnit, ...]:
    hidden = gold_answers.hidden_columns(job.gold)
    page = []
    for unit in units:
        data = decode(unit.data)
        if hidden.isdisjoint(data):
            page.append(PageUnit(unit.id, data))
        else:
            visible = gold_answers.visible_data(data, hidden)
            page.append(PageUnit(unit.id, visible, gold_answers.hidden_data(data, hidden)))
    return tuple(page)
