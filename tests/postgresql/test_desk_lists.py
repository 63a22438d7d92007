"""The lists of the desk read the same from PostgreSQL."""

from __future__ import annotations

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.desk.golds import gold_list
from crowdflower.sandbox.desk.people import people_list
from tests.sandbox.desk_browser import PASSWORD, Browser
from tests.sandbox.desk_jobs import join, launch_job, take, work


def test_contributors_and_test_questions_are_listed_and_acted_on(schema: str) -> None:
    with Sandbox(database=schema, clock=Clock(seed=3), desk=PASSWORD) as box:
        desk = Browser(box)
        desk.sign_in()
        job = launch_job(box.client(), golds=6, options={"after_gold": 100})
        people, tests = f"/desk/jobs/{job.id}/people", f"/desk/jobs/{job.id}/tests"
        ada, bo, eve = (join(box, name) for name in ("Ada", "Bo", "100 % Eve"))
        for who, mood, seconds in ((ada, "bad", 60), (bo, "bad", 60), (eve, "good", 4)):
            receipts = [work(box, job, who, mood, seconds=seconds) for _ in range(5)]
        missed = receipts[0].feedback[0].unit_id
        take(box, job, ada)

        for sort in people_list.SORTS:
            assert "1–3 of 3" in desk.text(people, sort=sort)
        for state in people_list.FILTERS:
            assert desk.get(people, state=state).status_code == 200
        assert "15× faster than most" in desk.text(people, state="fast", q="% eve")
        assert "1–1 of 1" in desk.text(people, q=str(eve))
        bonus = desk.post(people, do="bonus", who=[ada, bo], cents="5")
        assert "2 contributors got a bonus of $0.05 each." in desk.said(bonus)
        rejected = desk.said(desk.post(people, do="reject", who=[bo]))
        assert "10 judgments were removed." in rejected

        for sort in gold_list.SORTS:
            assert "Good (1 of 1)" in desk.text(tests, sort=sort)
        assert "is switched off" in desk.said(desk.post(tests, do="take_out", unit=missed))
        assert "1–1 of 1" in desk.text(tests, state="off")
