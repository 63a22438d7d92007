"""What a plan reads: the rows and columns that one process reads, once each."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from partition_tables import CML, NoWait, pickled, read

from crowdflower.exceptions import InvalidInput, NotFound, PageChanged

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

pa = pytest.importorskip("pyarrow")

from crowdflower.tables.partitions import (  # noqa: E402 - needs pyarrow
    Condition,
    plan_partitions,
    read_partition,
)
from crowdflower.tables.partitions.partition_reader import (  # noqa: E402 - as above
    MAX_JUDGMENTS,
    bounded,
)

NewJob = Callable[..., "Job"]


@pytest.mark.parametrize("table", ["judgments", "results"])
def test_reports_have_the_rows_columns_and_types_of_one_process(
    client: Client, judged: Job, table: str
) -> None:
    whole = getattr(judged, table)().to_arrow()

    found = read(client, plan_partitions(client, table, [judged]))

    assert found.schema == whole.schema
    assert found.to_pylist() == whole.to_pylist()


def test_names_that_clash_are_changed_as_in_tables_of_one_job(
    box: Sandbox, client: Client, new_job: NewJob
) -> None:
    form = CML.replace('"mood"', '"trust"').replace('"topics"', '"job_id"')
    rows = [{"id": n, "trust": 1, "orig_trust": 2, "job_id": [n], "state": "NY"} for n in range(6)]
    job = new_job(rows, cml=form.replace("{{ text }}", ""), judgments_per_unit=1)
    box.crowd.add(2)
    job.launch(channels=["cf_internal"])
    box.crowd.run(job)
    wholes = {name: getattr(job, name)().to_arrow() for name in ("judgments", "results")}
    wholes["units"] = client.get_job(job.id).units.to_arrow()

    for table, whole in wholes.items():
        found = read(client, plan_partitions(client, table, job))
        assert found.schema == whole.schema
        assert found.to_pylist() == whole.to_pylist()
    several = plan_partitions(client, "judgments", [job, new_job(1)])
    assert {"job_id", "answer_job_id", "answer_trust", "trust"} <= {*several.schema.names}


@pytest.mark.filterwarnings("ignore::crowdflower.exceptions.StaleReportWarning")
def test_untrusted_judgments_are_read_too_unless_a_condition_excludes_them(
    box: Sandbox, client: Client, new_job: NewJob
) -> None:
    gold = [{"id": n, "text": "Fine.", "_golden": n < 8, "mood_gold": "Good"} for n in range(20)]
    job = new_job(
        gold,
        judgments_per_unit=2,
        units_per_assignment=3,
        gold_per_assignment=1,
        options={"after_gold": 1, "reject_at": 90},
    )
    job.convert_test_questions()
    box.crowd.add(3, profile="perfect")
    box.crowd.add(3, profile="contrary")
    job.launch(channels=["cf_internal"])
    box.crowd.run(job)
    whole = job.judgments().to_arrow()
    assert True in whole["tainted"].to_pylist()

    assert read(client, plan_partitions(client, "judgments", job)).equals(whole)
    plan = plan_partitions(client, "judgments", job, conditions=[("tainted", "=", False)])
    box.forget_requests()
    trusted = read(client, plan)

    assert trusted.to_pylist() == [row for row in whole.to_pylist() if not row["tainted"]]
    assert not [each for each in box.requests if "/judgments" in each.path]


@pytest.mark.parametrize("partitions", [1, 2, 3, 7])
def test_units_on_ranges_of_pages_are_read_once_each(
    client: Client, new_job: NewJob, partitions: int
) -> None:
    job = new_job(2500)

    plan = plan_partitions(client, "units", [job.id], partitions=partitions)

    assert len(plan.partitions) == min(partitions, 3)
    assert read(client, plan, batch_rows=700).equals(job.units.to_arrow())


def test_a_batch_has_at_most_so_many_rows_and_the_planned_schema(
    client: Client, new_job: NewJob
) -> None:
    plan = plan_partitions(client, "units", new_job(2500), partitions=1)

    batches = list(read_partition(client, plan.partitions[0], batch_rows=900))

    assert [batch.num_rows for batch in batches] == [900, 900, 700]
    assert {batch.schema for batch in batches} == {plan.schema}


def test_several_jobs_have_the_columns_of_all_and_the_id_of_the_job(
    client: Client, new_job: NewJob
) -> None:
    first = new_job([{"id": 1, "text": "One.", "job_id": "x"}])
    second = new_job([{"id": 2.5, "state": "NY"}])

    found = read(client, plan_partitions(client, "units", [first, second]))

    assert found.schema.names == [
        "job_id", "unit_id", "id", "text", "orig_job_id", "orig_state"
    ]  # fmt: skip
    assert found.schema.field("id").type == pa.float64()
    assert found.drop_columns("unit_id").to_pylist() == [
        {"job_id": first.id, "id": 1.0, "text": "One.", "orig_job_id": "x", "orig_state": None},
        {"job_id": second.id, "id": 2.5, "text": None, "orig_job_id": None, "orig_state": "NY"},
    ]


def test_jobs_share_few_partitions_and_the_rate_of_the_account(
    client: Client, new_job: NewJob
) -> None:
    jobs = [new_job(rows) for rows in (30, 10, 10, 10)]

    plan = plan_partitions(client, "units", jobs, partitions=2, requests_per_second=8)

    sizes = [[part.job_id for part in each.parts] for each in plan.partitions]
    assert sizes == [[jobs[0].id], [job.id for job in jobs[1:]]]
    assert [each.requests_per_second for each in plan.partitions] == [4, 4]


def test_a_partition_keeps_to_its_share_of_the_rate(client: Client, new_job: NewJob) -> None:
    plan = plan_partitions(
        client, "units", [new_job(1) for _ in range(10)], partitions=1, requests_per_second=2
    )
    clock = client._clock
    assert isinstance(clock, NoWait)
    clock.now = 1000.0

    read(client, plan)

    requests, burst, rate = 20, 4, 2
    assert clock.now - 1000.0 == pytest.approx((requests - burst) / rate)


def test_the_rate_of_a_client_is_the_default(client: Client, new_job: NewJob) -> None:
    limited = client.with_rate_limit(6)

    plan = plan_partitions(limited, "units", [new_job(1), new_job(1)])

    assert [each.requests_per_second for each in plan.partitions] == [3, 3]


def test_neither_key_nor_client_is_in_what_is_pickled(
    client: Client, box: Sandbox, judged: Job
) -> None:
    for table in ("units", "judgments", "results", "jobs"):
        plan = plan_partitions(client, table, [judged])
        for text in (repr(plan), repr(plan.partitions), str(pickle.dumps(plan))):
            assert box.key not in text
            assert "Token" not in text
        copy = pickled(plan)
        assert copy == plan
        assert read(client, copy).num_rows > 0


def test_units_that_are_added_after_the_plan_are_read(client: Client, new_job: NewJob) -> None:
    job = new_job(1500)
    plan = plan_partitions(client, "units", job, partitions=2)

    job.upload([{"id": number, "text": "More."} for number in range(1500, 3200)])

    assert read(client, plan)["id"].to_pylist() == list(range(3200))


@pytest.mark.parametrize("place", [0, 999, 1000, 1999])
def test_units_that_are_removed_after_the_plan_raise(
    client: Client, new_job: NewJob, place: int
) -> None:
    job = new_job(2500)
    plan = plan_partitions(client, "units", job, partitions=2)

    client.get_unit(job, job.units[place].id).delete()

    with pytest.raises(PageChanged, match=f"units of job {job.id} were removed"):
        read(client, plan)


def test_units_that_are_removed_while_they_are_read_raise(client: Client, new_job: NewJob) -> None:
    job = new_job(4500)
    first = plan_partitions(client.with_rate_limit(None), "units", job, partitions=1).partitions[0]
    client._lookahead = 1
    batches = read_partition(client, first, batch_rows=1000)
    next(batches)

    client.get_unit(job, job.units[0].id).delete()

    with pytest.raises(PageChanged):
        list(batches)


def test_a_job_without_units_has_no_rows_until_some_are_added(
    client: Client, new_job: NewJob
) -> None:
    job = new_job()
    plan = plan_partitions(client, "units", job)
    assert read(client, plan).num_rows == 0
    assert read(client, plan_partitions(client, "judgments", job)).num_rows == 0
    assert read(client, plan_partitions(client, "results", job)).num_rows == 0


def test_columns_are_read_in_the_order_that_is_asked_for(client: Client, judged: Job) -> None:
    columns = ["mood", "unit_id", "finalized_at"]

    for table in ("judgments", "results"):
        found = read(client, plan_partitions(client, table, judged, columns=columns))

        assert found.equals(getattr(judged, table)().to_arrow().select(columns))


CONDITIONS: list[tuple[Any, Callable[[dict[str, Any]], bool]]] = [
    (("id", "<", 3), lambda row: row["id"] < 3),
    (("id", "<=", 2.5), lambda row: row["id"] <= 2.5),
    (("id", "in", [1, 3, 77]), lambda row: row["id"] in {1, 3}),
    (("id", "in", []), lambda _: False),
    (("text", "=", "Row 2."), lambda row: row["id"] == 2),
    (("state", "in", ["finalized"]), lambda row: row["state"] == "finalized"),
    (("mood", "is null"), lambda row: row["mood"] is None),
    (("mood", "is not null"), lambda row: row["mood"] is not None),
    (("agreement", ">", 0.7), lambda row: row["agreement"] > 0.7),
    (("created_at", ">", date(2000, 1, 1)), lambda _: True),
    (("created_at", "<", datetime(2000, 1, 1, tzinfo=UTC)), lambda _: False),
    (("created_at", ">=", "2000-01-01T00:00:00Z"), lambda _: True),
]


@pytest.mark.parametrize(
    ("condition", "fits"), CONDITIONS, ids=[str(each) for each, _ in CONDITIONS]
)
def test_conditions_select_rows(
    client: Client, judged: Job, condition: Any, fits: Callable[[dict[str, Any]], bool]
) -> None:
    rows = judged.results().to_arrow().to_pylist()

    plan = plan_partitions(client, "results", judged, conditions=[condition], columns=["unit_id"])

    assert read(client, plan)["unit_id"].to_pylist() == [
        row["unit_id"] for row in rows if fits(row)
    ]


def test_all_conditions_must_be_fulfilled(client: Client, judged: Job) -> None:
    conditions = [Condition("id", ">", 1), Condition("id", "<", 4)]

    found = read(client, plan_partitions(client, "units", judged, conditions=conditions))

    assert found["id"].to_pylist() == [2, 3]


def test_a_job_of_which_no_row_fulfils_a_condition_is_not_requested(
    box: Sandbox, client: Client, new_job: NewJob
) -> None:
    jobs = [new_job([{"a": 1}]), new_job([{"b": 1}])]
    plan = plan_partitions(client, "units", jobs, conditions=[("b", "=", 1)])
    named = plan_partitions(client, "units", jobs, conditions=[("job_id", "=", jobs[1].id)])
    missing = plan_partitions(client, "units", jobs, conditions=[("b", "is null")])
    box.forget_requests()

    for each in (plan, named):
        assert read(client, each)["job_id"].to_pylist() == [jobs[1].id]
    assert not [each for each in box.requests if str(jobs[0].id) in each.path]
    assert read(client, missing)["job_id"].to_pylist() == [jobs[0].id]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"table": "unit"}, "no table 'unit'; did you mean 'units'"),
        ({"jobs": []}, "needs at least one job"),
        ({"jobs": {"a": 1}}, "jobs must be a list of jobs or ids, not a dict"),
        ({"jobs": [1.5]}, "a job id must be"),
        ({"columns": ["tekst"]}, "the table units has no column 'tekst'; did you mean 'text'"),
        ({"columns": []}, "columns is empty"),
        ({"columns": "text"}, "columns must be a list of names, not a str"),
        ({"columns": ["id", "id"]}, "columns has 'id' twice"),
        ({"conditions": [("tekst", "=", "a")]}, "has no column 'tekst'"),
        ({"conditions": [("text", "like", "a")]}, "no operator 'like'"),
        ({"conditions": [("text", "=", None)]}, "selects nothing"),
        ({"conditions": [("text", "in", "abc")]}, "must be a list of values, not a str"),
        ({"conditions": [("text", "is null", 1)]}, "takes no value"),
        ({"conditions": [("id", "<", "a")]}, "column has the type int64"),
        ({"conditions": [("text", "<", 1)]}, "column has the type large_string"),
        ({"conditions": [("id", "in", [1, None])]}, "None does not fit"),
        ({"conditions": ["id < 3"]}, "a condition must be a Condition"),
        ({"conditions": "id"}, "conditions must be a list"),
        ({"partitions": 0}, "partitions must be"),
        ({"schema": {"id": int}}, "schema must be a pyarrow.Schema, not a dict"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    client: Client, new_job: NewJob, arguments: dict[str, Any], problem: str
) -> None:
    complete = {"table": "units", "jobs": [new_job(3).id], **arguments}

    with pytest.raises(InvalidInput, match=problem):
        plan_partitions(client, **complete)


def test_a_job_that_does_not_exist_is_not_planned(client: Client) -> None:
    with pytest.raises(NotFound):
        plan_partitions(client, "units", [99])


def test_a_job_may_be_named_by_its_alias(client: Client, new_job: NewJob) -> None:
    job = new_job(2)
    client.update_job(job.id, {"alias": "reviews"})

    assert read(client, plan_partitions(client, "units", ["reviews", str(job.id)])).num_rows == 2


def test_a_value_that_does_not_fit_names_its_place(client: Client, new_job: NewJob) -> None:
    job = new_job([{"id": number, "stars": 5} for number in range(2500)])
    unit = client.get_unit(job, job.units[1500].id)
    unit.data = {"id": 1500, "stars": "n/a"}
    unit.update()
    plan = plan_partitions(client, "units", job, partitions=1)

    with pytest.raises(InvalidInput) as caught:
        read(client, plan)

    for part in (f"unit {unit.id} of job {job.id}", "'n/a'", "column 'stars'", "int64", "schema"):
        assert part in str(caught.value)
    names = pa.schema([("stars", pa.string())])
    found = read(client, plan.with_schema(names))["stars"].to_pylist()
    assert found.count("5") == 2499
    assert found[1500] == "n/a"


def test_a_column_that_the_plan_did_not_see_is_not_dropped(client: Client, new_job: NewJob) -> None:
    job = new_job(2500)
    unit = client.get_unit(job, job.units[1500].id)
    unit.data = {**unit.data, "late": "yes"}
    unit.update()

    with pytest.raises(InvalidInput, match=f"unit {unit.id} of job {job.id} has the column 'late'"):
        read(client, plan_partitions(client, "units", job, partitions=1))

    known = read(client, plan_partitions(client, "units", job, columns=["id"], partitions=1))
    assert known.num_rows == 2500
    schema = pa.schema([("id", pa.int32()), ("late", pa.string())])
    with pytest.warns(UserWarning, match="'late' of the schema: it is null unless other rows have"):
        plan = plan_partitions(client, "units", job, schema=schema, partitions=1)
    found = read(client, plan)
    assert found.schema == schema
    assert [each for each in found["late"].to_pylist() if each] == ["yes"]


def test_memory_does_not_grow_with_the_number_of_units(client: Client, new_job: NewJob) -> None:
    client._lookahead = 1

    def peak(rows: int) -> int:
        plan = plan_partitions(client, "units", new_job(rows), partitions=1)
        tracemalloc.start()
        try:
            for _ in read_partition(client, plan.partitions[0], batch_rows=1000):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(12_000) < 1.5 * peak(4000)


def test_few_judgments_of_a_report_are_held_at_a_time() -> None:
    units: Iterator[Any] = (
        {"id": number, "judgments_count": 30, "results": {"judgments": [{}] * (number % 60)}}
        for number in range(2000)
    )

    held = [
        sum(len(unit["results"]["judgments"]) for unit in block)
        for block in bounded(units, MAX_JUDGMENTS, has_judgments=True)
    ]

    assert sum(held) == sum(number % 60 for number in range(2000))
    assert max(held) < MAX_JUDGMENTS + 60


def test_an_engine_may_use_its_own_types(client: Client, judged: Job) -> None:
    plan = plan_partitions(client, "judgments", judged)
    plain = pa.schema(
        [
            (each.name, pa.string() if pa.types.is_dictionary(each.type) else each.type)
            for each in plan.schema
        ]
    )

    found = read(client, plan.with_schema(plain))

    assert found.schema == plain
    assert found.to_pylist() == judged.judgments().to_arrow().to_pylist()


def test_a_partition_must_be_one(client: Client) -> None:
    with pytest.raises(InvalidInput, match="not a str"):
        read_partition(client, "units")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"client must be a crowdflower\.Client, not a str"):
        plan_partitions("key", "units", [7])  # type: ignore[arg-type]


@pytest.mark.parametrize("table", ["units", "results", "judgments"])
def test_a_name_of_a_schema_may_differ_in_its_case(client: Client, judged: Job, table: str) -> None:
    names = {"units": "text", "results": "text", "judgments": "worker_id"}
    column = names[table]
    plan = plan_partitions(client, table, judged, columns=[column, "unit_id"])
    schema = pa.schema([(column.upper(), pa.string()), ("Unit_Id", pa.int64())])
    expected = [(str(each[column]), each["unit_id"]) for each in read(client, plan).to_pylist()]

    whole = plan_partitions(client, table, judged, schema=schema)
    later = plan.with_schema(schema)
    first = ("UNIT_ID", "=", expected[0][1])
    some = plan_partitions(
        client,
        table,
        judged,
        schema=pa.schema([("UNIT_ID", pa.string())]),
        conditions=[first],
    )

    for found in (read(client, whole), read(client, later)):
        assert found.schema == schema
        assert [tuple(each.values()) for each in found.to_pylist()] == expected
    assert set(read(client, some)["UNIT_ID"].to_pylist()) == {str(expected[0][1])}


def test_a_name_is_not_taken_from_a_column_that_another_job_has_in_another_case(
    client: Client, new_job: NewJob
) -> None:
    jobs = [new_job([{"sku": 1}]), new_job([{"SKU": 2}])]

    found = read(
        client,
        plan_partitions(client, "units", jobs, schema=pa.schema([("SKU", pa.int64())])),
    )

    assert found["SKU"].to_pylist() == [None, 2]


def test_a_name_that_no_column_has_is_an_error_of_a_schema(
    client: Client, judged: Job, new_job: NewJob
) -> None:
    def plan(table: str, job: Job, *names: str) -> None:
        schema = pa.schema([(name, pa.string()) for name in names])
        plan_partitions(client, table, job, schema=schema, partitions=1)

    for table in ("units", "results"):
        with pytest.raises(InvalidInput, match=f"schema: the table {table} has no column 'stock'"):
            plan(table, judged, "stock")
        with pytest.raises(InvalidInput, match="no column 'texts'; did you mean 'text'"):
            plan(table, judged, "text", "texts")
    with pytest.raises(InvalidInput, match="'worker_ids'; did you mean 'worker_id'"):
        plan("judgments", judged, "worker_ids")
    large = new_job(2500)
    with pytest.raises(InvalidInput, match=r"'texts'; did you mean 'text'\? If other rows"):
        plan("units", large, "texts")
    plan("units", new_job(), "texts")
    with pytest.warns(UserWarning, match="has the column 'texts' of the schema: it is null unless"):
        plan("units", large, "text", "texts")
    with pytest.warns(UserWarning, match="has the column 'stock' of the schema"):
        plan("judgments", judged, "stock")


def test_a_column_that_is_never_null_must_have_values(client: Client, new_job: NewJob) -> None:
    job = new_job([{"id": 1, "text": "One."}, {"id": 2, "text": None}])
    schema = pa.schema([pa.field("text", pa.string(), nullable=False)])

    with pytest.raises(InvalidInput, match=f"unit {job.units[1].id} of job {job.id} has no value"):
        read(client, plan_partitions(client, "units", job, schema=schema))


def test_an_error_says_whether_a_type_was_planned_or_is_that_of_the_schema(
    client: Client, new_job: NewJob
) -> None:
    job = new_job([{"id": number, "size": "n/a"} for number in range(2)])
    schema = pa.schema([("unit_id", pa.int64()), ("size", pa.int64())])
    plan = plan_partitions(client, "units", job)

    for each in (plan_partitions(client, "units", job, schema=schema), plan.with_schema(schema)):
        with pytest.raises(InvalidInput, match="the schema says is int64: make the column a str"):
            read(client, each)


def test_an_answer_of_one_job_and_a_row_column_of_another_are_two_columns(
    client: Client, judged: Job, new_job: NewJob
) -> None:
    row = {"id": 1, "text": "Fine.", "mood": "in the row", "mood_confidence": 7}
    other = new_job([row], cml='<cml:text name="note" label="Note"/>')
    for schema in (
        None,
        [("job_id", pa.int64()), ("mood", pa.string()), ("orig_mood", pa.string())],
    ):
        plan = plan_partitions(
            client, "results", [judged, other], schema=schema and pa.schema(schema)
        )
        for each in (plan, plan.with_schema(plan.schema)):
            found = read(client, each).to_pylist()

            assert {row["mood"] for row in found if row["job_id"] == judged.id} <= {"Good", "Bad"}
            assert {row["orig_mood"] for row in found if row["job_id"] == judged.id} == {None}
            (last,) = [row for row in found if row["job_id"] == other.id]
            assert (last["mood"], last["orig_mood"]) == (None, "in the row")
            if not schema:
                assert (last["mood_confidence"], last["orig_mood_confidence"]) == (None, 7)


def test_names_that_clash_in_one_of_several_jobs_are_the_same_in_all(
    client: Client, new_job: NewJob
) -> None:
    jobs = [new_job([{"state": "NY"}]), new_job([{"orig_state": "MA", "id": 1}])]

    found = read(client, plan_partitions(client, "units", jobs)).to_pylist()

    assert [(row["orig_orig_state"], row["orig_state"]) for row in found] == [
        ("NY", None),
        (None, "MA"),
    ]


def test_questions_of_two_jobs_whose_names_clash_are_two_columns(
    client: Client, new_job: NewJob
) -> None:
    jobs = [
        new_job(1, cml=f'<cml:text name="{name}" label="Note"/>')
        for name in ("trust", "answer_trust")
    ]

    names = plan_partitions(client, "judgments", jobs).schema.names

    assert [name for name in names if "trust" in name and "worker" not in name] == [
        "answer_answer_trust",
        "answer_trust",
        "trust",
    ]
