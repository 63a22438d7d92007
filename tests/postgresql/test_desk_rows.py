"""Rows on the desk are found and sorted on PostgreSQL as on SQLite."""

from __future__ import annotations

import pytest
from contributors import join, launch

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.rows.row_search import RowSearch
from crowdflower.sandbox.desk.rows.rows_query import read_query
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work import review

ANSWERS = {0: ("tea", "tea"), 1: ("tea", "jam"), 2: ("jam",)}
"""Row to its answers; a row has two when it is finished. There are five rows."""

CML = """
<p>{{text}}</p>
<cml:radios label="What?" name="what" validates="required">
<cml:radio label="tea"/><cml:radio label="jam"/></cml:radios>
"""


@pytest.fixture
def job(box: Sandbox) -> int:
    number = launch(box, 5, cml=CML)
    people = join(box, 2)
    with box.database.transaction() as tx:
        row = jobs.load(tx, number)
        ids = [unit.id for unit in box.client().get_job(number).units]
        for place, answers in ANSWERS.items():
            for worker, answer in zip(people, answers, strict=False):
                review.submit_judgment(tx, row, ids[place], worker.id, {"what": answer})
    return number


def test_search_filters_and_orders(box: Sandbox, job: int) -> None:
    with box.database.snapshot() as tx:
        row = jobs.load(tx, job)
        first = min(RowSearch(tx, row, read_query({})[0]).ids(0, 50))

        def rows(**args: str) -> list[int]:
            found = RowSearch(tx, row, read_query(args)[0])
            ids = found.ids(0, 50)
            assert len(ids) == found.total
            return [number - first for number in ids]

        assert rows() == [0, 1, 2, 3, 4]
        assert rows(sort="agreement") == [1, 0, 2, 3, 4]
        assert rows(sort="last")[3:] == [3, 4]
        assert rows(only="low") == [1]
        assert rows(only="unanswered") == [3, 4]
        assert rows(only="contested") == []
        assert rows(q="ROW 3") == [3]
        assert rows(q="%") == []
        assert rows(answer="what:jam", sort="agreement") == [1, 2]
        assert rows(answer="what:tea", state="finalized") == [0]
