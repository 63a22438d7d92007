"""Random sequences of steps of contributors and requester keep the invariants of the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import gold, units
from crowdflower.sandbox.rules.work import handout, workers
from crowdflower.sandbox.store import Limits

ANSWERS = st.sampled_from(["positive", "neutral", "negative"])
WORKER_INDEXES = st.integers(0, 5)
UNIT_INDEXES = st.integers(0, 39)


class RandomSteps(RuleBasedStateMachine):
    """A job with six contributors, and a requester who changes it all the time."""

    world_type: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.world_type(Limits(minimum_reserve_cents=30))
        self.world.do(self._spend_most_money)
        self.job = self.world.launch_job(
            14,
            golds=8,
            units_per_assignment=4,
            options={"after_gold": 2, "reject_at": 50},
            variable_judgments_mode="auto_confidence",
            judgments_per_unit=2,
            max_judgments_per_unit=4,
            min_unit_confidence=0.7,
        )
        self.crowd = self.world.crowd(6)
        self.pages: dict[int, Any] = {}

    def _spend_most_money(self, tx: Any) -> None:
        """Leave too little money for all steps."""
        accounts.credit(tx, self.world.account, -99_000)

    def attempt(self, step: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Do something that may be refused; a refusal must leave no effect."""
        try:
            return self.world.do(step, *arguments, **named)
        except (Refusal, handout.NoPageAvailable):
            return None

    def row(self, index: int) -> Any:
        rows = self.world.units(self.job)
        return rows[index % len(rows)]

    @rule(index=WORKER_INDEXES)
    def take(self, index: int) -> None:
        page = self.attempt(handout.take_page, self.job, self.crowd[index])
        if page is not None:
            self.pages[index] = page

    @rule(index=WORKER_INDEXES, answer=ANSWERS)
    def submit(self, index: int, answer: str) -> None:
        self.take(index)
        if index in self.pages:
            self.attempt(lambda _: self.world.submit(self.crowd[index], self.pages[index], answer))

    @rule(minutes=st.integers(1, 40))
    def wait(self, minutes: int) -> None:
        self.world.clock.advance(minutes=minutes)

    @rule(step=st.sampled_from([jobs.pause, jobs.resume, jobs.resume, gold.reset]))
    def change_job_state(self, step: Callable[..., Any]) -> None:
        self.attempt(step, self.job)

    @rule(index=UNIT_INDEXES, state=st.sampled_from(units.SETTABLE_STATES))
    def set_state(self, index: int, state: str) -> None:
        self.attempt(units.update, self.job, self.row(index), state=state)

    @rule(index=UNIT_INDEXES)
    def change_answer(self, index: int) -> None:
        unit = self.row(index)
        data = {**unit.data, "sentiment_gold": ["neutral"]}
        self.attempt(units.update, self.job, unit, data=data)

    @rule(index=UNIT_INDEXES)
    def delete(self, index: int) -> None:
        self.attempt(units.delete, self.job, self.row(index))

    @rule(index=UNIT_INDEXES, count=st.integers(1, 2))
    def ask_for_more(self, index: int, count: int) -> None:
        self.attempt(units.request_more_judgments, self.job, self.row(index), count)

    @rule(golden=st.booleans())
    def add_row(self, golden: bool) -> None:
        data = {"text": "one more", "sentiment_gold": "negative"}
        self.attempt(units.create, self.job, data, golden=golden)

    @rule(count=st.integers(0, 3))
    def order(self, count: int) -> None:
        self.attempt(orders.place, self.job, count, ["on_demand"])

    @rule(index=WORKER_INDEXES)
    def flag(self, index: int) -> None:
        self.attempt(workers.flag, self.job, self.crowd[index].id, "careless")

    @rule(index=WORKER_INDEXES)
    def unflag(self, index: int) -> None:
        self.attempt(workers.unflag, self.job, self.crowd[index].id)

    @rule(index=WORKER_INDEXES)
    def reject(self, index: int) -> None:
        self.attempt(workers.reject, self.job, self.crowd[index].id)

    @rule(index=WORKER_INDEXES, cents=st.integers(1, 50))
    def pay_bonus(self, index: int, cents: int) -> None:
        self.attempt(workers.bonus, self.job, self.crowd[index].id, cents)

    @rule(remain=st.booleans(), cents=st.integers(0, 40))
    def change(self, remain: bool, cents: int) -> None:
        values = {"units_remain_finalized": remain, "payment_cents": cents}
        self.attempt(jobs.update, self.job, values)

    @invariant()
    def invariants_hold(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        self.attempt(jobs.cancel, self.job)
        self.world.check()
        self.world.database.close()


def test_the_invariants_hold_after_any_sequence_of_steps(world_type: Callable[..., Any]) -> None:
    run_state_machine_as_test(
        type("RandomSteps", (RandomSteps,), {"world_type": staticmethod(world_type)}),
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_mixed_crowd_finishes_a_job(make_world: Callable[..., Any], seed: int) -> None:
    world = make_world()
    job = world.launch_job(30, golds=20, options={"front_load": True, "reject_at": 60})
    random = world.clock.random("crowd", seed)

    for careful in [0.95] * 12 + [0.4] * 6:

        def answer(_: Any, careful: float = careful) -> str:
            return "positive" if random.random() < careful else "negative"

        world.finish(job, [world.worker()], answer)

    assert world.reload(job).state == "finished"
