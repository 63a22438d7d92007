"""Tables that Spark reads in partitions are those that one machine reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("pyspark")
pa = pytest.importorskip("pyarrow")

from crowdflower.spark import register  # noqa: E402 - pyspark may be missing

if TYPE_CHECKING:
    from conftest import Account

    from crowdflower.job import Job


@pytest.fixture(scope="module")
def jobs(account: Account) -> list[Job]:
    """Two jobs with judgments; their rows have different columns."""
    first = account.create_job("first", ({"sku": f"a{n}", "text": f"t {n}"} for n in range(30)))
    second = account.create_job("second", ({"sku": f"b{n}", "price": n / 2} for n in range(20)))
    account.judge(first, 30)
    account.judge(second, 10)
    return [first, second]


@pytest.fixture
def read(spark: Any, account: Account) -> Any:
    """A function that reads a table with some options."""
    register(spark)

    def load(*, filter_by: str | None = None, schema: str | None = None, **options: Any) -> Any:
        given = {"url": account.box.url, **options}
        if not {"key_file", "keyFile"}.intersection(options):
            given["key_file"] = str(account.key_file)
        reader = spark.read.format("crowdflower").options(**given)
        frame = (reader if schema is None else reader.schema(schema)).load()
        return frame if filter_by is None else frame.filter(filter_by)

    return load


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """Return the rows in an order that does not depend on the partitions."""
    table = frame if isinstance(frame, pa.Table) else frame.toArrow()
    return sorted(table.to_pylist(), key=repr)


def test_judgments_and_results_are_those_of_one_machine(read: Any, jobs: list[Job]) -> None:
    for job in jobs:
        for table, expected in (("judgments", job.judgments()), ("results", job.results())):
            found = read(job=job.id, table=table)

            assert rows_of(found) == rows_of(expected.to_arrow())


def test_two_jobs_are_read_by_two_tasks(read: Any, jobs: list[Job]) -> None:
    found = read(job=f"{jobs[0].id}, {jobs[1].id}", table="results")

    assert found.rdd.getNumPartitions() == 2
    assert found.select("job_id").distinct().count() == 2
    ids = {row["unit_id"] for row in found.collect()}
    assert ids == {unit.id for job in jobs for unit in job.results()}


def test_units_are_read_by_pages(read: Any, account: Account) -> None:
    rows = [{"sku": f"u{n}", "size": n} for n in range(2500)]
    job = account.create_job("many rows", rows)

    found = read(job=job.id, table="units", partitions=3)

    assert found.rdd.getNumPartitions() == 3
    assert sorted(row.asDict()["size"] for row in found.select("size").collect()) == list(
        range(2500)
    )


def test_two_jobs_are_joined_with_a_table(spark: Any, read: Any, account: Account) -> None:
    size = 1500
    jobs = [
        account.create_job(f"joined {letter}", ({"sku": f"{letter}{n}"} for n in range(size)))
        for letter in "ab"
    ]
    table = spark.range(0, size, 2).selectExpr("explode(array('a', 'b')) letter", "id size")
    table = table.selectExpr("concat(letter, size) sku", "size")

    units = read(job=",".join(str(job.id) for job in jobs), table="units")
    found = units.join(table, "sku").groupBy("job_id").agg({"size": "sum", "*": "count"})

    expected = (size // 2, sum(range(0, size, 2)))
    assert {row["job_id"]: (row["count(1)"], row["sum(size)"]) for row in found.collect()} == {
        job.id: expected for job in jobs
    }


def test_a_column_that_appears_later_is_an_error_unless_a_schema_leaves_it_out(
    read: Any, account: Account
) -> None:
    rows = [{"sku": f"u{n}"} | ({"colour": "red"} if n == 1500 else {}) for n in range(3000)]
    job = account.client.create_job({"title": "later columns"})
    job.upload(rows, force=True)
    options = {"job": job.id, "table": "units", "partitions": 1}

    with pytest.raises(Exception, match=r"colour.*pass a schema that has it, by .schema\(…\)"):
        read(**options).count()

    assert read(**options, schema="sku string").count() == 3000
    assert read(**options, columns="sku").count() == 3000


def test_a_schema_ignores_case_as_spark_does_and_refuses_a_column_that_is_not_there(
    read: Any, account: Account
) -> None:
    job = account.create_job("another case", [{"sku": 1}, {"sku": 2}])

    found = read(job=job.id, table="units", schema="SKU long")

    assert sorted(row["SKU"] for row in found.collect()) == [1, 2]
    with pytest.raises(Exception, match="no column 'skus'; did you mean 'sku'"):
        read(job=job.id, table="units", schema="skus long").collect()


def test_jobs_are_a_table(read: Any, jobs: list[Job]) -> None:
    found = read(table="jobs", job=jobs[0].id).collect()
    upper = read(table="jobs", job=jobs[0].id, schema="TITLE string").collect()

    assert [row["title"] for row in found] == [row["TITLE"] for row in upper] == ["first"]


@pytest.mark.parametrize(
    "conditions",
    [
        "sentiment = 'good'",
        "sentiment in ('bad', 'worse') and trust > 0",
        "worker_id is not null AND judgment_id >= 3",
        "trust >= 0.5 and tainted = false and golden = FALSE",
        "words is null",
        "created_at > '2020-01-01'",
        "created_at < '2020-01-01'",
    ],
)
def test_conditions_select_the_same_rows_as_a_filter(
    read: Any, jobs: list[Job], conditions: str
) -> None:
    expected = read(job=jobs[0].id, table="judgments", filter_by=conditions)

    found = read(job=jobs[0].id, table="judgments", conditions=conditions)
    narrow = read(job=jobs[0].id, table="judgments", conditions=conditions, columns="unit_id")

    assert rows_of(found) == rows_of(expected)
    assert rows_of(narrow) == rows_of(expected.select("unit_id"))


def test_a_dataframe_has_all_its_rows_however_it_was_filtered_before(
    spark: Any, read: Any, account: Account
) -> None:
    job = account.create_job("reused", ({"sku": n} for n in range(20)))
    units = read(job=job.id, table="units")
    units.createOrReplaceTempView("reused")

    assert units.where("sku = 9").count() == 1
    assert units.count() == 20
    united = units.where("sku < 3").union(units.where("sku > 16"))
    assert sorted(row["sku"] for row in united.collect()) == [0, 1, 2, 17, 18, 19]
    assert units.join(units.where("sku < 5"), "sku", "left_anti").count() == 15
    query = (
        "SELECT (SELECT count(*) FROM reused WHERE sku = 1), (SELECT count(*) FROM reused),"
        " (SELECT count(*) FROM reused WHERE sku > 9)"
    )
    assert tuple(spark.sql(query).first()) == (1, 20, 10)


def test_columns_are_chosen_by_an_option_or_a_schema(read: Any, jobs: list[Job]) -> None:
    by_option = read(job=jobs[0].id, table="judgments", columns="sentiment,unit_id")
    by_schema = read(job=jobs[0].id, table="judgments", schema="unit_id string, trust float")

    assert by_option.columns == ["sentiment", "unit_id"]
    assert by_schema.dtypes == [("unit_id", "string"), ("trust", "float")]
    expected = [str(each) for each in jobs[0].judgments().to_arrow()["unit_id"].to_pylist()]
    assert sorted(row["unit_id"] for row in by_schema.collect()) == sorted(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tabel": "units"}, "no option 'tabel' to read; did you mean 'table'"),
        ({"table": "unit"}, "no table 'unit'; did you mean 'units'"),
        ({"table": "units"}, "the table units needs a job"),
        ({"job": "1", "partitions": "many"}, "partitions must be a whole number, not 'many'"),
        ({"job": "1", "allowInsecure": "1"}, "allow_insecure must be true or false, not '1'"),
        ({"job": "1,,2"}, "job must be names with commas between them"),
        ({"job": "1", "columns": "a,"}, "columns must be names with commas between them"),
        ({"job": "1", "conditions": "trust >= 1 or golden"}, "cannot be read at 'trust >= 1 or"),
        ({"job": "1", "conditions": "a = 1 and b like 'c'"}, "cannot be read at .b like 'c'"),
        ({"job": "1", "conditions": "a = 1.2.3"}, "'1.2.3', which is not a number"),
        ({"job": "987654321"}, "987654321"),
        ({"job": "1", "keyFile": "/nowhere/key"}, "cannot read the key_file /nowhere/key"),
    ],
)
def test_wrong_options_are_refused_with_what_is_wrong(
    read: Any, account: Account, options: dict[str, str], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        read(**options)


@pytest.mark.parametrize("name", ["key", "api_key", "apiKey", "token", "CROWDFLOWER_API_KEY"])
def test_a_key_as_an_option_is_refused_without_showing_it(read: Any, name: str) -> None:
    with pytest.raises(Exception, match="the API key must not be an option") as caught:
        read(job="1", **{name: "s3cret-key"})

    assert "CROWDFLOWER_API_KEY in the environment" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_the_key_is_in_no_plan_partition_or_log(
    read: Any, account: Account, jobs: list[Job], capfd: pytest.CaptureFixture[str]
) -> None:
    frame = read(job=jobs[0].id, table="judgments", filter_by="trust > 0.5")
    frame.explain(extended=True)
    frame.collect()
    with pytest.raises(Exception, match="no such") as caught:
        read(job=jobs[0].id, columns="no such").collect()

    shown = "".join(capfd.readouterr())
    plans = frame._jdf.queryExecution().toString() + str(caught.value) + shown
    assert "crowdflower" in plans
    assert account.box.key not in plans
    import pickle  # noqa: PLC0415 - what Spark sends to workers

    from crowdflower.spark.spark_options import SparkOptions  # noqa: PLC0415 - imports pyspark
    from crowdflower.spark.spark_source import CrowdflowerReader  # noqa: PLC0415 - imports pyspark

    reader = CrowdflowerReader(
        SparkOptions.read({**account.options, "job": str(jobs[0].id)}), frame.schema
    )
    parts = reader.partitions()
    assert account.box.key.encode() not in pickle.dumps((reader, parts))
