"""Who gets which page, and who gets none.

A page is handed out from a window near the first open row rather than from all rows, so that the
first rows are finished first. Rows on a page are taken: nobody else gets them before it is handed
in or its time is over.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

from crowdflower.sandbox.clock import Chance
from crowdflower.sandbox.rules import gold_answers, money, quiz
from crowdflower.sandbox.rules.completion import closing
from crowdflower.sandbox.rules.settings import countries
from crowdflower.sandbox.store import Transaction
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
"""Why there is no page, for people."""

WHOLE_BATCHES: Final = "whole_batches"
"""Option of a job whose rows stay together as they came: the first page full of them is a batch,
and so is the next. Everybody gets the oldest batch that they have not answered."""

BLOCKED_STATES: Final = frozenset({"rejected", "failed_quiz", "removed"})
"""How a contributor may stand in a job who gets no more pages of it."""


class NoPageAvailable(Exception):
    """There is no page for this contributor; ``reason`` is a word, the message a sentence."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(MESSAGES[reason])
        self.reason = reason


@dataclass(frozen=True)
class PageUnit:
    """A row on a page."""

    id: int
    """The unit's number."""

    data: dict[str, Any]
    """What the contributor sees: the row without what is known of its answers."""

    hidden: dict[str, Any] = field(default_factory=dict, repr=False)
    """What is known of its answers; never to be shown."""


@dataclass(frozen=True)
class Page:
    """Rows that one contributor has, and nobody else meanwhile."""

    assignment_id: int
    mode: Mode

    token: str
    """To be sent back with the answers; nobody else knows it."""

    started_at: float
    expires_at: float
    units: tuple[PageUnit, ...]


class _Price(NamedTuple):
    """What a page pays its contributor, and what it costs its requester."""

    pay_mc: int
    cost_mc: int


class _NewPage(NamedTuple):
    """A page that is about to be handed out."""

    mode: Mode
    golds: list[OpenUnit]
    units: list[OpenUnit]
    price: _Price


def take_page(
    tx: Transaction, job: Row[Any], worker: Row[Any], *, only: Collection[int] | None = None
) -> Page:
    """Hand out a page, or again the one that the contributor has not handed in yet.

    :param only: Hand out nothing but these units. Who has answered before, elsewhere, has no
        answers to others; where no test question is among them, none is asked.
    :raises Closed: There is no page for them.
    """
    driver, now = tx.driver, tx.clock.now()
    if page_queries.has_expired_pages(driver, job.id, now):
        locks.lock_job(tx, job.id)
        closing.expire_pages(tx, job.id)
    locks.lock_for_page(tx, job.id, worker.id)
    known = page_facts.read_job(driver, job.id)
    current = page_queries.find_open_page(driver, job.id, worker.id)
    if current is not None:
        return _load_page(tx, known, current)
    standing = page_facts.read_worker(driver, job.id, worker.id, worker.channel)
    room = _remaining_units(tx, known, worker, standing)
    chance = tx.clock.chance("page", job.id, worker.id, standing.judgments_count)
    mode, golds, units = _choose_units(tx, known, worker, standing, room, chance, only)
    price = _price(tx, known, worker, mode)
    if price.cost_mc and not _is_covered(tx, known, price.cost_mc):
        raise NoPageAvailable("job_not_running")
    page = _NewPage(mode, golds, units, price)
    return _insert_page(tx, known, worker, standing, page, chance)


def _remaining_units(
    tx: Transaction, job: JobFacts, worker: Row[Any], standing: WorkerFacts
) -> int:
    """Count the rows a contributor may still judge, when they may have a page at all.

    :raises Closed: They may not.
    """
    refused = _refusal_reason(tx, job, worker, standing)
    if refused is not None:
        raise NoPageAvailable(refused)
    room = job.judgable_count
    if job.max_judgments_per_worker is not None:
        given = standing.judgments_count - standing.golds_seen
        room = min(room, job.max_judgments_per_worker - given)
        if room <= 0 < job.judgable_count:
            raise NoPageAvailable("maxed")
    if job.max_judgments_per_ip is not None and worker.ip is not None:
        room = min(
            room,
            job.max_judgments_per_ip
            - page_queries.count_judgments_from(tx.driver, job.id, worker.ip),
        )
        if room <= 0 < job.judgable_count:
            raise NoPageAvailable("maxed")
    return room


def _refusal_reason(
    tx: Transaction, job: JobFacts, worker: Row[Any], standing: WorkerFacts
) -> Reason | None:
    if job.state != "running":
        return "job_not_running"
    if not standing.comes_from_enabled_channel:
        return "channel_not_enabled"
    if not _is_country_allowed(job, worker.country):
        return "country"
    if tx.clock.now() - worker.created_at < (job.minimum_account_age_seconds or 0):
        return "account_age"
    if standing.is_flagged:
        return "flagged"
    return cast(Reason, standing.state) if standing.state in BLOCKED_STATES else None


def _is_country_allowed(job: JobFacts, country: str | None) -> bool:
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
    standing: WorkerFacts,
    room: int,
    chance: Chance,
    only: Collection[int] | None,
) -> tuple[Mode, list[OpenUnit], list[OpenUnit]]:
    """Choose test questions and rows for a page.

    :raises Closed: There are none for this contributor.
    """
    if quiz.is_quiz_enabled(job) and standing.state in {None, "quiz"}:
        golds = _unseen_golds(tx, job, worker, "quiz", only)
        if golds:
            return "quiz", chance.sample(golds, min(len(golds), job.units_per_assignment)), []
    golds = []
    asked = quiz.gold_per_page(job)
    if asked:
        unseen = _unseen_golds(tx, job, worker, "work", only)
        golds = chance.sample(unseen, min(len(unseen), asked))
    count = min(room, quiz.units_per_page(job))
    units = _open_units(tx, job, worker, count, chance, only)
    if not units:
        raise NoPageAvailable("no_work")
    return "work", golds, _keep_first_batch(job, units)


def _unseen_golds(
    tx: Transaction, job: JobFacts, worker: Row[Any], mode: Mode, only: Collection[int] | None
) -> list[OpenUnit]:
    unseen = page_queries.read_unanswered_golds(tx.driver, job.id, worker.id, mode)
    if only is not None:
        return [gold for gold in unseen if gold.id in only]
    if not unseen:
        raise NoPageAvailable("exhausted")
    return unseen


def _open_units(
    tx: Transaction,
    job: JobFacts,
    worker: Row[Any],
    count: int,
    chance: Chance,
    only: Collection[int] | None,
) -> list[OpenUnit]:
    """Choose rows that can be put on a page."""
    which = (tx.driver, job.id, worker.id)
    listed = None if only is None else sorted(only)
    if listed is None:
        units = _window_units(tx, job, worker, count, chance)
    else:
        units = page_queries.read_open_units_among(*which, listed, count)
    if units or tx.isolated:
        return units
    # The last rows may be on their way to somebody else who does not need all of their places.
    if listed is None:
        return page_queries.read_open_units(*which, 0, count, wait=True)
    return page_queries.read_open_units_among(*which, listed, count, wait=True)


def _window_units(
    tx: Transaction, job: JobFacts, worker: Row[Any], count: int, chance: Chance
) -> list[OpenUnit]:
    lowest = page_queries.first_open_seq(tx.driver, job.id)
    if lowest is None:
        return []
    if job.options.get(WHOLE_BATCHES):
        return page_queries.read_open_units(tx.driver, job.id, worker.id, lowest, count)
    begin = lowest + chance.randrange(max(1, min(tx.limits.window, job.judgable_count)))
    units = page_queries.read_open_units(tx.driver, job.id, worker.id, begin, count)
    if len(units) < count:
        first = page_queries.read_open_units(tx.driver, job.id, worker.id, lowest, count)
        units += [unit for unit in first if unit not in units][: count - len(units)]
    return units


def _keep_first_batch(job: JobFacts, units: list[OpenUnit]) -> list[OpenUnit]:
    """Keep the rows that belong on the same page as the first."""
    if not job.options.get(WHOLE_BATCHES):
        return units
    batch, *_ = batches = [(unit.seq - 1) // job.units_per_assignment for unit in units]
    return [unit for unit, its in zip(units, batches, strict=True) if its == batch]


def _price(tx: Transaction, job: JobFacts, worker: Row[Any], mode: Mode) -> _Price:
    """Work out the price of a page: nothing in a quiz, and nothing for one's own people."""
    if mode == "quiz" or money.is_free(tx, worker.channel):
        return _Price(0, 0)
    return _Price(job.payment_mc, money.with_fee(job.payment_mc, job.markup_pct))


def _is_covered(tx: Transaction, job: JobFacts, cost_mc: int) -> bool:
    locks.lock_orders(tx, job.id)
    held, promised = page_money.read_funds(tx.driver, job.id)
    return promised + cost_mc <= held or money.reserve_for_page(tx, job.id, job.account_id, cost_mc)


def _insert_page(
    tx: Transaction,
    job: JobFacts,
    worker: Row[Any],
    standing: WorkerFacts,
    page: _NewPage,
    chance: Chance,
) -> Page:
    now = tx.clock.now()
    expires_at = now + quiz.page_timeout(job)
    token = tx.clock.token()
    values = (job.id, worker.id, page.mode, token, *page.price, now, expires_at)
    page_id = page_queries.insert_page(tx.driver, values)
    rows = [(unit, True) for unit in page.golds] + [(unit, False) for unit in page.units]
    chance.shuffle(rows)
    page_queries.insert_page_units(tx.driver, page_id, [(unit.id, gold) for unit, gold in rows])
    if standing.state is None:
        state = "quiz" if page.mode == "quiz" else "working"
        page_queries.insert_worker(tx.driver, job.id, worker.id, state, now)
    shown = _page_units(job, (unit for unit, _ in rows))
    return Page(page_id, page.mode, token, now, expires_at, shown)


def _load_page(tx: Transaction, job: JobFacts, page: PageRow) -> Page:
    return Page(
        page.id,
        cast(Mode, page.mode),
        page.form_token,
        page.started_at,
        page.expires_at,
        _page_units(job, page_queries.read_page_units(tx.driver, page.id)),
    )


def _page_units(job: JobFacts, units: Iterable[OpenUnit | PageUnitRow]) -> tuple[PageUnit, ...]:
    hidden = gold_answers.hidden_columns(job.gold)
    return tuple(
        PageUnit(
            unit.id, gold_answers.visible_data(data, hidden), gold_answers.hidden_data(data, hidden)
        )
        for unit in units
        for data in [json.loads(unit.data)]
    )
