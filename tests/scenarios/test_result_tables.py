"""Results and judgments as tables: every kind of question, and exports in a series."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from datetime import date, datetime, timedelta
from random import Random
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crowdflower import InvalidInput
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import ClientClock
from crowdflower.sandbox.store.tables import judgment as judgment_table
from crowdflower.sandbox.store.tables import unit as unit_table
from crowdflower.tables.unit_list import UnitList

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Box

    from crowdflower import Client, Job

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

CML = """
<p>{{ text }}</p>
<cml:radios name="mood" label="Mood" validates="required" gold="true">
  <cml:radio label="Good" value="up"/><cml:radio label="Bad" value="down"/>
</cml:radios>
<cml:checkboxes name="topics" label="Topics">
  <cml:checkbox label="Price" value="price"/><cml:checkbox label="Delivery" value="delivery"/>
</cml:checkboxes>
<cml:checkboxes name="both" label="Two topics" aggregation="agg_2">
  <cml:checkbox label="Price" value="price"/><cml:checkbox label="Delivery" value="delivery"/>
</cml:checkboxes>
<cml:checkbox name="spam" label="Spam" value="yes"/>
<cml:ratings name="stars" label="Stars" points="5"/>
<cml:text name="why" label="Why?"/>
<cml:select name="state" label="State">
  <cml:option label="New York" value="NY"/><cml:option label="Ohio" value="OH"/>
</cml:select>
<cml:group label="People" group_name="people" aggregation="true" multiple="true">
  <cml:text name="person" label="Name"/>
</cml:group>
"""

SIMPLE = """
<p>{{ text }}</p>
<cml:radios name="mood" label="Mood" validates="required" gold="true">
  <cml:radio label="Good" value="up"/><cml:radio label="Bad" value="down"/>
</cml:radios>
"""

ANSWERS = [
    {"mood": "up", "topics": ["price"], "both": ["price", "delivery"], "spam": "yes",
     "stars": "4", "why": "Cheap", "state": "NY", "person": ["Ada", "Grace"]},
    {"mood": "up", "topics": ["price", "delivery"], "both": ["price"], "stars": "5",
     "why": "", "state": "NY"},
    {"mood": "down", "stars": "3", "why": "Slow", "state": "OH", "person": ["Ada"]},
]  # fmt: skip


@pytest.fixture
def where() -> str:
    """Tables are made by the client: where the sandbox runs makes no difference."""
    return "in process"


@pytest.fixture
def answered(box: Box) -> Job:
    """A finished job: three contributors answered the first of five rows."""
    job = box.job(
        [
            {"text": "Fine.", "price": 1, "state": "draft", "tags": ["a"], "mood": "?"},
            {"text": "Bad.", "price": 2.5, "state": None, "tags": None, "mood": None},
        ],
        CML,
        judgments_per_unit=3,
    )
    job.upload([{"text": "No.", "sold": True}] * 3, force=True)
    job.launch(1)
    unit = job.units[0].id
    for answers in ANSWERS:
        worker = box.contributor()
        box.advance(seconds=30)
        box.judge(job, unit, worker, **answers)
    return job.reload()


COLUMNS = [
    *("unit_id", "state", "text", "price", "orig_state", "tags", "orig_mood", "sold"),
    *("mood", "mood_confidence", "topics", "topics_confidence", "both", "both_confidence"),
    *("spam", "spam_confidence", "stars", "why", "answer_state", "answer_state_confidence"),
    *("person", "people", "agreement", "judgments_count"),
    *("created_at", "updated_at", "finalized_at"),
]


def test_results_have_a_row_per_unit_and_a_column_per_question(box: Box, answered: Job) -> None:
    rows = answered.to_arrow().to_pylist()

    assert list(rows[0]) == COLUMNS
    first = rows[0]
    assert (first["unit_id"], first["state"]) == (answered.units[0].id, "finalized")
    assert (first["text"], first["price"], first["orig_state"]) == ("Fine.", 1.0, "draft")
    assert (first["tags"], first["sold"], first["orig_mood"]) == (["a"], None, "?")
    assert (first["mood"], round(first["mood_confidence"], 4)) == ("up", 0.6667)
    assert (first["topics"], round(first["topics_confidence"], 4)) == (["price"], 1.0)
    assert (first["both"], first["both_confidence"]) == (["price", "delivery"], [1.0, 0.5])
    assert (first["spam"], first["spam_confidence"]) == ("yes", 1.0)
    assert (first["stars"], first["why"]) == (4.0, ["Cheap", "Slow"])
    assert first["answer_state"] == "NY"
    assert first["person"] == ["Ada\nGrace", "Ada"]
    assert first["people"] == (
        '[{"person":"Ada","confidence":0.6667},{"person":"Grace","confidence":0.3333}]'
    )
    assert first["judgments_count"] == 3
    assert first["finalized_at"] == first["updated_at"]


def test_units_without_judgments_have_missing_answers(answered: Job) -> None:
    _, second, third, *_ = answered.to_arrow().to_pylist()

    for row in (second, third):
        assert row["state"] == "new"
        assert row["judgments_count"] == 0
        missing = ("mood", "topics", "both", "spam", "stars", "why", "people", "finalized_at")
        assert [row[name] for name in missing] == [None] * len(missing)
    assert (second["price"], third["price"], third["sold"]) == (2.5, None, True)


def test_judgments_have_a_row_each_and_unshown_is_not_unchosen(answered: Job) -> None:
    table = answered.judgments().to_arrow()
    rows = table.to_pylist()

    assert [row["mood"] for row in rows] == ["up", "up", "down"]
    assert [row["topics"] for row in rows] == [["price"], ["price", "delivery"], []]
    assert [row["spam"] for row in rows] == ["yes", None, None]
    assert [row["stars"] for row in rows] == [4.0, 5.0, 3.0]
    assert [row["why"] for row in rows] == ["Cheap", "", "Slow"]
    assert [row["answer_state"] if "answer_state" in row else row["state"] for row in rows] == [
        *("NY", "NY", "OH")
    ]
    assert [row["person"] for row in rows] == [["Ada", "Grace"], None, ["Ada"]]
    assert [(row["tainted"], row["rejected"], row["golden"]) for row in rows] == [
        (False, False, False)
    ] * 3
    assert {row["unit_id"] for row in rows} == {answered.units[0].id}
    assert {row["country"] for row in rows} == {"FIN"}
    assert "text" not in table.column_names
    assert all(row["finalized_at"] == rows[-1]["created_at"] for row in rows)


def test_judgments_can_repeat_the_columns_of_their_rows(answered: Job) -> None:
    frame = answered.judgments().to_pandas(row_columns=True)

    assert frame["text"].tolist() == ["Fine."] * 3
    assert frame["orig_mood"].tolist() == ["?"] * 3


def same(frame: Any, table: Any) -> None:
    for name in table.column_names:
        for ours, theirs in zip(frame[name].tolist(), table[name].to_pylist(), strict=True):
            if theirs is None:
                assert pd.isna(ours)
            else:
                assert ours == theirs


def test_pandas_polars_and_arrow_have_the_same_content(answered: Job) -> None:
    for source in (answered.results, answered.judgments):
        table = source().to_arrow()
        frame, polars = source().to_pandas(), source().to_polars()

        assert list(frame.columns) == polars.columns == table.column_names
        same(frame, table)
        assert polars.to_dicts() == table.to_pylist()


def test_the_iterators_stay_iterators_and_request_nothing_before_they_are_used(
    box: Box, answered: Job
) -> None:
    results, judgments = answered.results(), answered.judgments()

    assert next(results).id == answered.units[0].id
    assert len(list(results)) == 4
    assert next(judgments).data["mood"] == "up"
    assert iter(judgments) is judgments
    with pytest.raises(InvalidInput, match="items were taken from these results of job"):
        results.to_pandas()
    assert repr(judgments) == f"<judgments of job {answered.id}>"


def test_a_table_leaves_the_iterator_as_it_was(answered: Job) -> None:
    results = answered.results()

    assert len(results.to_pandas()) == len(results.to_polars()) == 5
    assert len(list(results)) == 5


def test_units_are_a_list_and_a_table_of_what_is_known(box: Box, answered: Job) -> None:
    units = answered.units

    assert isinstance(units, list)
    assert units == list(units)
    assert copy.copy(units) == units
    assert [unit.id for unit in pickle.loads(pickle.dumps(units))] == [unit.id for unit in units]  # noqa: S301 - our own
    assert isinstance(units[1:], UnitList)
    frame = units.to_pandas()
    assert list(frame.columns) == [
        *("unit_id", "text", "price", "orig_state", "tags", "mood", "sold")
    ]
    assert frame["unit_id"].tolist() == [unit.id for unit in units]
    with pytest.raises(InvalidInput, match="5 of 5 units are not loaded"):
        units.to_pandas(since=date(2015, 1, 1))


def test_loaded_units_show_their_results(answered: Job) -> None:
    units = answered.units
    assert units[0].state == "finalized"  # loads it

    frame = units.to_polars()

    assert frame["state"].to_list() == ["finalized", *[None] * 4]
    assert frame["mood"].to_list() == ["up", *[None] * 4]
    assert units[:1].to_arrow(since=date(2015, 1, 1)).num_rows == 1


def test_an_empty_job_gives_an_empty_table_with_types(box: Box) -> None:
    job = box.client.create_job({"title": "Empty"})

    assert list(job.results()) == []
    for frame in (job.to_pandas(), job.judgments().to_pandas(), job.units.to_pandas()):
        assert len(frame) == 0
    assert job.to_arrow().schema.field("unit_id").type == pa.int64()
    assert job.to_arrow().schema.field("finalized_at").type == pa.timestamp("us", "UTC")
    assert job.to_polars(since=date(2015, 1, 1)).schema["state"] == pl.Categorical


def test_an_export_without_new_units_has_the_columns_and_types_of_the_others(answered: Job) -> None:
    everything = answered.to_arrow()
    last = everything["finalized_at"].to_pylist()[0]

    assert answered.to_arrow(since=last).schema == everything.schema
    assert answered.to_arrow(since=last).num_rows == 0
    assert answered.to_arrow(since=last - timedelta(seconds=1)).num_rows == 1


@pytest.mark.parametrize(
    ("since", "problem"),
    [
        (datetime(2015, 6, 24), "since has no time zone"),  # noqa: DTZ001 - the error
        ("2015-06-24", "not a str"),
        (1435150200, "not an int"),
        (pd.NaT, "since is NaT, the maximum of a table without rows"),
        (pd.Timestamp("2015-06-24"), "since has no time zone"),
        (
            pd.Timestamp("2015-06-24").to_datetime64(),
            r"not a numpy.datetime64; convert it with pandas\.Timestamp\(since, tz='UTC'\)",
        ),
    ],
)
def test_a_checkpoint_that_is_no_point_in_time_is_refused(since: Any, problem: str) -> None:
    with Sandbox() as box:
        job = box.client().create_job({"title": "Empty"})
        requests = len(box.requests)

        with pytest.raises(InvalidInput, match=problem):
            job.to_pandas(since=since)

        assert len(box.requests) == requests


def test_test_questions_are_in_the_table_and_not_in_exports(box: Box) -> None:
    job = box.job(
        [{"text": f"Row {n}", "mood_gold": "up" if n < 2 else None} for n in range(8)], SIMPLE
    )
    job.mark_test_questions("mood")

    states = Counter(job.to_pandas()["state"])

    assert states == {"golden": 2, "new": 6}
    assert len(job.to_pandas(since=date(2015, 1, 1))) == 0


# Exports in a series


class Exports:
    """Exports finalized units again and again, and keeps the checkpoint as the guide does."""

    def __init__(self, job: Job, library: str = "pandas") -> None:
        self.job = job
        self.library = library
        self.checkpoint: Any = date(2015, 1, 1)
        self.ids: list[int] = []

    def export(self) -> int:
        frame = getattr(self.job, f"to_{self.library}")(since=self.checkpoint)
        if len(frame):
            column = frame["finalized_at"]
            self.checkpoint = (
                pa.compute.max(column).as_py() if self.library == "arrow" else column.max()
            )
        ids = frame["unit_id"]
        self.ids += ids.to_pylist() if self.library == "arrow" else ids.to_list()
        return len(frame)


def finalized(box: Sandbox, job: Job) -> dict[int, float]:
    """Return the units that are finalized, with the time, from the database."""
    with box.database.snapshot() as tx:
        query = select(unit_table.c.id, unit_table.c.finalized_at)
        rows = tx.all(query.where(unit_table.c.job_id == job.id, unit_table.c.state == "finalized"))
    return {row.id: row.finalized_at for row in rows}


def new_job(client: Client, rows: int, **settings: Any) -> Job:
    job = client.create_job(
        {"title": "Reviews", "instructions": "Read.", "cml": SIMPLE, **settings}
    )
    add_rows(job, 0, rows)
    return job


def add_rows(job: Job, first: int, count: int) -> None:
    job.upload({"text": f"Row {number}"} for number in range(first, first + count))
    job.launch(count)


@pytest.mark.parametrize(
    ("seed", "library"), list(enumerate(["pandas", "polars", "arrow", "pandas"]))
)
def test_every_finalized_unit_is_in_exactly_one_export(seed: int, library: str) -> None:
    random = Random(seed)  # noqa: S311 - reproducible
    with Sandbox(seed) as box:
        job = new_job(box.client(), 40, judgments_per_unit=random.choice([1, 2, 3]))
        box.crowd.add(12)
        exports = Exports(job, library)
        rows = 40
        for _ in range(25):
            action = random.random()
            if action < 0.1:
                add_rows(job, rows, 7)
                rows += 7
            elif action < 0.7:
                box.crowd.run(job, judgments=random.randint(1, 12), arrivals_per_minute=20)
            else:
                exports.export()
        box.crowd.run(job)

        exports.export()

        assert job.reload().state == "finished"
        assert sorted(exports.ids) == sorted(finalized(box, job))
        assert exports.export() == 0


def test_units_finalized_within_one_second_are_neither_lost_nor_doubled() -> None:
    """The clock stands still between judgments, except where the client waits."""
    with Sandbox() as box:
        client = box.client()
        job = new_job(client, 30, judgments_per_unit=1, units_per_assignment=1)
        exports = Exports(job)
        for number, unit in enumerate(job.units):
            judge(box, job, unit.id)
            if number % 3 == 0:
                exports.export()

        exports.export()

        assert sorted(exports.ids) == sorted(unit.id for unit in job.units)


def judge(box: Sandbox, job: Job, unit: int) -> None:
    from crowdflower.sandbox.rules.jobs import jobs  # noqa: PLC0415 - two tests need it
    from crowdflower.sandbox.rules.work import review, workers  # noqa: PLC0415

    with box.database.transaction() as tx:
        worker = workers.join(tx, channel="on_demand", country="USA")
        review.submit_judgment(tx, jobs.load(tx, job.id), unit, worker.id, {"mood": "up"})


def test_what_a_changing_job_leaves_out_comes_with_the_next_export() -> None:
    with Sandbox() as box:
        client = box.client()
        job = new_job(client, 6, judgments_per_unit=1, units_per_assignment=1)
        first, second, *rest = [unit.id for unit in job.units]
        judge(box, job, first)
        box.clock.advance(seconds=60)
        judge(box, job, second)
        exports = Exports(job)
        box.clock.listeners.append(lambda: rest and judge(box, job, rest.pop()))  # as it waits

        exports.export()

        assert exports.ids == [first]
        rest.clear()
        exports.export()
        assert second in exports.ids
        assert sorted(exports.ids) == sorted(finalized(box, job))


def test_a_report_that_was_built_earlier_is_rebuilt_for_an_export() -> None:
    with Sandbox(transitions={"report": 1}) as box:
        client = box.client()
        job = new_job(client, 5, judgments_per_unit=1, units_per_assignment=1)
        exports = Exports(job)
        for unit in job.units:
            judge(box, job, unit.id)
            assert exports.export() == 1

        assert exports.ids == [unit.id for unit in job.units]


def test_a_unit_that_was_finalized_by_hand_after_its_judgments_is_not_lost() -> None:
    with Sandbox() as box:
        client = box.client()
        job = new_job(client, 5, judgments_per_unit=2, units_per_assignment=1)
        late, early, *_ = [unit.id for unit in job.units]
        judge(box, job, late)
        box.clock.advance(hours=1)
        for _ in range(2):
            judge(box, job, early)
        exports = Exports(job)
        exports.export()
        box.clock.advance(hours=1)

        by_hand = client.get_unit(job, late)
        by_hand.state = "finalized"
        by_hand.update()
        exports.export()

        assert exports.ids == [early, late]


@pytest.mark.parametrize("remain", [False, True])
def test_a_unit_comes_again_only_if_it_was_finalized_again(remain: bool) -> None:
    """Judgments lose their trust, so that units reopen, unless they remain finalized."""
    random = Random(7)  # noqa: S311 - reproducible
    with Sandbox(7) as box:
        job = new_job(box.client(), 40, judgments_per_unit=2, units_remain_finalized=remain)
        box.crowd.add(25)
        exports, times = Exports(job), Counter[int]()
        last: dict[int, float] = {}

        def look() -> dict[int, float]:
            now = finalized(box, job)
            times.update(unit for unit, moment in now.items() if last.get(unit) != moment)
            last.update(now)
            return now

        for _ in range(20):
            box.crowd.run(job, judgments=random.randint(2, 8), arrivals_per_minute=10)
            if look() and random.random() < 0.5:
                taint(box, job, random.choice(sorted(look())))
            exports.export()
        box.crowd.run(job)
        now = look()

        exports.export()

        assert set(exports.ids) >= set(now)
        assert Counter(exports.ids) - times == Counter()
        assert (max(times.values()) == 1) is remain


def taint(box: Sandbox, job: Job, unit: int) -> None:
    """Take a judgment of a unit out of its results."""
    from crowdflower.sandbox.rules.jobs import jobs  # noqa: PLC0415 - as below
    from crowdflower.sandbox.rules.work import review  # noqa: PLC0415

    with box.database.transaction() as tx:
        of_unit = (judgment_table.c.unit_id == unit, judgment_table.c.tainted.is_(False))
        for row in tx.all(select(judgment_table.c.id).where(*of_unit))[:1]:
            review.update_judgment(tx, jobs.load(tx, job.id), row.id, tainted=True)


def test_exports_during_the_work_of_a_crowd_in_another_thread(tmp_path: Path) -> None:
    with Sandbox(database=tmp_path / "box.db") as box:
        job = new_job(box.client(), 60, judgments_per_unit=2)
        box.crowd.add(15)
        exporting = box.client(clock=ClientClock(box.clock)).get_job(job.id)
        exports = Exports(exporting)
        crowd = Thread(target=box.crowd.run, args=(job.id,), kwargs={"interactive": True})
        crowd.start()
        while crowd.is_alive():
            exports.export()
        crowd.join()

        exports.export()

        assert len(exports.ids) == 60
        assert sorted(exports.ids) == sorted(finalized(box, job))
