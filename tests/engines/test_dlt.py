"""dlt: tables of jobs in DuckDB, new rows only; and rows of a pipeline as units, exactly once."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput
from crowdflower.sandbox import Sandbox

dlt = pytest.importorskip("dlt", reason="dlt is not installed")
pytest.importorskip("duckdb", reason="DuckDB is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

from crowdflower.dlt import (  # noqa: E402 - after the check
    PRIMARY_KEYS,
    crowdflower_destination,
    crowdflower_source,
)
from crowdflower.dlt.row_digests import MAX_DIGESTS, changed_rows  # noqa: E402 - after the check

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job

pytestmark = [
    # dlt leaves connections and files to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

CML = """
<cml:radios name="mood" label="Mood?" validates="required">
  <cml:radio label="good"/><cml:radio label="bad"/>
</cml:radios>
<cml:checkboxes name="topics" label="Topics?" validates="required">
  <cml:checkbox label="price"/><cml:checkbox label="size"/>
</cml:checkboxes>
"""
OTHER_CML = '<cml:text name="mood_in_words" label="Mood?" validates="required"/>'

ROWS = [{"sku": f"A-{number}", "Size No": number, "text": "Fine."} for number in range(12)]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=11) as box:
        box.crowd.add(6)
        yield box


@pytest.fixture
def client(box: Sandbox) -> Client:
    return box.client()


@pytest.fixture(autouse=True)
def _settings(box: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Configure the source and the destination, as a program would be by its environment."""
    monkeypatch.setenv("SOURCES__CROWDFLOWER__API_KEY", box.key)
    monkeypatch.setenv("DESTINATION__CROWDFLOWER__API_KEY", box.key)
    monkeypatch.setenv("CROWDFLOWER_API_URL", box.url)
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "2")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def pipeline(tmp_path: Path) -> Any:
    return dlt.pipeline(
        "labels",
        destination=dlt.destinations.duckdb(str(tmp_path / "labels.duckdb")),
        dataset_name="crowd",
        pipelines_dir=str(tmp_path / "pipelines"),
    )


def make_job(client: Client, rows: list[dict[str, Any]], cml: str = CML) -> Job:
    job = client.upload_job(rows)
    job.title, job.instructions, job.cml = "Reviews", "Read.", cml
    job.update()
    return job


def judge(box: Sandbox, job: Job, units: int) -> None:
    job.launch(units, channels=["cf_internal"])
    box.crowd.run(job)


def run(pipeline: Any, source: Any) -> dict[str, int]:
    """Run the pipeline; return how many rows of each table it moved."""
    pipeline.run(source)
    info = pipeline.last_trace.last_normalize_info
    moved = dict(info.row_counts) if info else {}
    return {table: count for table, count in moved.items() if not table.startswith("_dlt")}


def query(pipeline: Any, text: str) -> list[tuple[Any, ...]]:
    with pipeline.sql_client() as connection:
        found: list[tuple[Any, ...]] = connection.execute_sql(text)
    return found


def test_each_run_moves_what_is_new_and_merges_it_by_unit(
    box: Sandbox, client: Client, pipeline: Any
) -> None:
    job = make_job(client, ROWS)
    judge(box, job, 6)

    assert run(pipeline, crowdflower_source(job.id)) == {
        "units": 12, "judgments": 18, "results": 12, "jobs": 1,
    }  # fmt: skip
    assert run(pipeline, crowdflower_source(job.id)) == {}
    before = len(box.requests)
    assert run(pipeline, crowdflower_source(job.id, tables="judgments")) == {}
    assert not [each for each in list(box.requests)[before:] if "csv" in each.path]
    judge(box, job, 3)
    job.upload([{"sku": "B-1", "Size No": 7, "text": "Leaks."}])
    assert run(pipeline, crowdflower_source(job.id)) == {
        "units": 1, "judgments": 9, "results": 4, "jobs": 1,
    }  # fmt: skip

    for table, key in PRIMARY_KEYS.items():
        (counts,) = query(pipeline, f"SELECT count(*), count(DISTINCT {key}) FROM {table}")  # noqa: S608
        assert (
            counts[0]
            == counts[1]
            == {"units": 13, "judgments": 27, "results": 13, "jobs": 1}[table]
        )
    expected = job.results().to_arrow().to_pylist()
    assert query(
        pipeline, "SELECT unit_id, sku, size_no, mood, topics FROM results ORDER BY 1"
    ) == [
        (
            row["unit_id"],
            row["sku"],
            row["Size No"],
            row["mood"],
            None if row["topics"] is None else str(row["topics"]).replace("'", '"'),
        )
        for row in sorted(expected, key=lambda row: row["unit_id"])
    ]


def test_results_show_what_changes_in_a_job_that_is_completely_loaded(
    box: Sandbox, client: Client, pipeline: Any
) -> None:
    job = make_job(client, ROWS)
    judge(box, job, 12)
    source = partial(crowdflower_source, job.id, tables=["judgments", "results"])
    assert run(pipeline, source()) == {"judgments": 36, "results": 12}
    columns = "unit_id, text, mood, mood_confidence, agreement, judgments_count"

    def loaded() -> list[tuple[Any, ...]]:
        return query(pipeline, f"SELECT {columns} FROM results ORDER BY 1")  # noqa: S608

    def served() -> list[tuple[Any, ...]]:
        rows = client.get_job(job.id).results().to_arrow().sort_by("unit_id").to_pylist()
        return [tuple(row[name] for name in columns.split(", ")) for row in rows]

    unit = job.units[3]
    unit.data["text"] = "EDITED"
    unit.update()
    assert run(pipeline, source()) == {"results": 1}
    assert loaded() == served()

    worker = next(iter(job.judgments())).worker_id
    judged = {each.unit_id for each in job.judgments() if each.worker_id == worker}
    job.get_worker(worker).reject()
    assert run(pipeline, source()) == {"results": len(judged)}
    assert loaded() == served()
    assert run(pipeline, source()) == {}


def test_a_large_table_has_few_digests_and_moves_the_neighbours_of_a_row() -> None:
    pa = pytest.importorskip("pyarrow")
    ids = range(5_000, 8_000)
    state: dict[str, Any] = {}

    def moved(rows: Mapping[int, str | None]) -> list[int]:
        """Return the ids that the first run moves, or a second one."""
        tables = [
            pa.table({"unit_id": [row], "text": pa.array([text], pa.string())})
            for row, text in rows.items()
        ]
        parts = [pa.concat_tables(tables[at : at + 7]) for at in range(0, len(tables), 7)]
        found = changed_rows(iter(parts), "unit_id", deepcopy(state) if state else state)
        return [row for table in found for row in table["unit_id"].to_pylist()]

    rows: dict[int, str | None] = dict.fromkeys(ids, "Fine.")
    assert moved(rows) == list(ids)
    assert len(state["digests"]) == 750 <= MAX_DIGESTS
    assert state["digest_size"] == 4
    assert moved(dict(reversed(rows.items()))) == []
    assert moved(rows | {6001: None}) == [6000, 6001, 6002, 6003]
    assert moved(rows | {6001: "Fine", 9000: ""}) == [6000, 6001, 6002, 6003, 9000]
    more = moved(rows | dict.fromkeys(range(20_000, 22_000), "New."))
    assert more == list(range(20_000, 22_000))


def test_jobs_with_other_columns_and_types_share_the_tables(
    box: Sandbox, client: Client, pipeline: Any
) -> None:
    first = make_job(client, ROWS[:6])
    second = make_job(
        client, [{"sku": f"{n}", "Size No": "XL", "colour": "red"} for n in range(6)], OTHER_CML
    )
    judge(box, first, 6)

    moved = run(pipeline, crowdflower_source([first, second.id]))

    assert moved == {"units": 12, "judgments": 18, "results": 12, "jobs": 2}
    rows = query(
        pipeline,
        "SELECT job_id, count(size_no), count(size_no__v_text), count(colour) FROM units"
        " GROUP BY 1 ORDER BY 1",
    )
    assert rows == [(first.id, 6, 0, 0), (second.id, 0, 6, 6)]
    judge(box, second, 6)
    assert run(pipeline, crowdflower_source([first, second.id])) == {
        "judgments": 18, "results": 6, "jobs": 1,
    }  # fmt: skip
    words = query(pipeline, "SELECT count(mood), count(mood_in_words) FROM judgments")
    assert words == [(18, 18)]


def test_columns_may_be_chosen_and_typed(client: Client, pipeline: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    job = client.upload_job(ROWS)
    schema = pa.schema([("unit_id", pa.int64()), ("Size No", pa.string())])

    moved = run(pipeline, crowdflower_source(job, tables=["units"], schemas={"units": schema}))

    assert moved == {"units": 12}
    assert query(pipeline, "SELECT * FROM units ORDER BY unit_id LIMIT 1") == [
        (job.id, job.units[0].id, "0")
    ]


def test_a_job_without_judgments_can_be_read(client: Client, pipeline: Any) -> None:
    job = client.upload_job(ROWS)

    assert run(pipeline, crowdflower_source(job.id))["units"] == 12
    assert run(pipeline, crowdflower_source(job.id)) == {}


def test_jobs_and_tables_may_be_chosen_by_the_configuration(
    client: Client, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = client.create_job({"title": "Reviews", "alias": "reviews"})
    job.upload(ROWS)
    monkeypatch.setenv("SOURCES__CROWDFLOWER__JOBS", "reviews")

    assert run(pipeline, crowdflower_source(tables="units")) == {"units": 12}
    monkeypatch.setenv("SOURCES__CROWDFLOWER__JOBS", f"[{job.id}]")
    assert run(pipeline, crowdflower_source(tables=["units"])) == {}


def test_a_table_that_does_not_exist_is_refused() -> None:
    for tables in (["judgment"], "judgment"):
        with pytest.raises(InvalidInput, match="no table 'judgment'; did you mean 'judgments'"):
            crowdflower_source(7, tables=tables)


def test_a_run_that_fails_is_made_up_for_by_the_next_one(
    box: Sandbox, client: Client, pipeline: Any
) -> None:
    job = make_job(client, ROWS)
    judge(box, job, 6)
    box.faults.next(path="/jobs/*/units", status=403)

    with pytest.raises(Exception, match="403"):
        pipeline.run(crowdflower_source(job.id))

    assert run(pipeline, crowdflower_source(job.id)) == {
        "units": 12, "judgments": 18, "results": 12, "jobs": 1,
    }  # fmt: skip


def test_the_key_is_in_no_file_and_no_log(
    box: Sandbox,
    client: Client,
    pipeline: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = make_job(client, ROWS)
    judge(box, job, 3)
    caplog.set_level(logging.DEBUG)

    run(pipeline, crowdflower_source(job.id))
    upload(tmp_path, ROWS, crowdflower_destination(job.id, "sku", api_key=box.key))

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if box.key.encode() in path.read_bytes()]
    assert box.key not in caplog.text


# The destination


def upload(tmp_path: Path, rows: Any, destination: Any, name: str = "upload") -> None:
    pipeline = dlt.pipeline(
        name, destination=destination, pipelines_dir=str(tmp_path / "pipelines")
    )
    pipeline.run(rows, table_name="reviews")


def data_of(client: Client, job: Job) -> list[dict[str, Any]]:
    return [unit.data for unit in client.get_units(job)]


def test_rows_are_uploaded_once_however_often_they_come(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = client.create_job({"title": "Reviews"})
    monkeypatch.setenv("DESTINATION__CROWDFLOWER__JOB", str(job.id))
    monkeypatch.setenv("DESTINATION__CROWDFLOWER__KEY", "sku")

    upload(tmp_path, ROWS[:8], crowdflower_destination())
    upload(tmp_path, ROWS, crowdflower_destination())
    upload(tmp_path, ROWS, crowdflower_destination(job.id, "sku"), "another")

    assert data_of(client, job) == ROWS
    assert client.get_job(job.id).state == "unordered"


@pytest.mark.parametrize("done", [True, False])
def test_a_load_that_got_no_response_is_repeated(
    box: Sandbox, client: Client, tmp_path: Path, *, done: bool
) -> None:
    job = client.create_job({"title": "Reviews"})
    box.faults.next(path="/jobs/*/upload", status=503, done=done)

    upload(tmp_path, ROWS, crowdflower_destination(job.id, "sku"))

    assert data_of(client, job) == ROWS


def test_rows_that_are_refused_stop_the_load_and_name_the_table(
    client: Client, tmp_path: Path
) -> None:
    job = client.create_job({"title": "Reviews"})

    with pytest.raises(Exception, match=r"table reviews: .*has no column 'id', the key"):
        upload(tmp_path, ROWS, crowdflower_destination(job.id, "id"))

    assert data_of(client, job) == []


@pytest.mark.parametrize("make", [crowdflower_source, crowdflower_destination])
def test_without_dlt_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, make: Callable[..., Any]
) -> None:
    monkeypatch.setitem(sys.modules, "dlt", None)

    with pytest.raises(ImportError, match=r"pip install 'crowdflower-client\[dlt\]'"):
        make(7)
