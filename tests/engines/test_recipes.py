"""The recipes of docs/engines.rst and docs/dlt.rst run as shown, each in a process of its own.

Those for Airflow and Ray are compiled only: the packages are too large to install in CI.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs/recipes"
NOT_RUN = {"airflow_wait.py", "ray_judgments.py"}

CML = """
<cml:radios name="mood" label="Mood?" validates="required">
  <cml:radio label="good"/><cml:radio label="bad"/>
</cml:radios>
"""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=2) as box:
        box.crowd.add(6)
        yield box


@pytest.fixture
def client(box: Sandbox) -> Client:
    return box.client()


@pytest.fixture
def job(box: Sandbox, client: Client) -> Job:
    """A finished job with twelve rows and 36 judgments."""
    job = client.upload_job({"sku": f"A-{n}", "review": "Fine."} for n in range(12))
    job.title, job.instructions, job.cml = "Reviews", "Read.", CML
    job.update()
    job.launch(12, channels=["cf_internal"])
    box.crowd.run(job)
    return job.reload()


@pytest.fixture
def run(box: Sandbox, tmp_path: Path) -> Callable[..., list[str]]:
    """Run a recipe, and return the lines that it prints."""

    def start(name: str, *arguments: object) -> list[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CROWDFLOWER_API_KEY": box.key,
            "CROWDFLOWER_API_URL": box.url,
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_DATA_DIR": str(tmp_path / "dlt"),
        }
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, str(RECIPES / name), *map(str, arguments)],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return start


def test_dlt_loads_tables(run: Callable[..., list[str]], job: Job) -> None:
    pytest.importorskip("dlt", reason="dlt is not installed")

    assert run("dlt_tables.py", job.id) == ["finalized 12"]


def test_dlt_uploads_rows_once(run: Callable[..., list[str]], client: Client) -> None:
    pytest.importorskip("dlt", reason="dlt is not installed")
    job = client.create_job({"title": "Reviews"})

    run("dlt_rows.py", job.id)
    run("dlt_rows.py", job.id)

    assert client.get_job(job.id).units_count == 100


def test_duckdb_queries_results_and_uploads_rows(run: Callable[..., list[str]], job: Job) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    doubtful = sum(unit.agreement < 0.7 for unit in job.results())

    assert doubtful > 0
    for _ in range(2):  # the second time, no row is sent again
        assert run("duckdb_results.py", job.id) == [f"{doubtful} doubtful rows"]


def test_duckdb_queries_the_job_that_is_given_and_not_an_earlier_one(
    run: Callable[..., list[str]], client: Client, job: Job
) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    unjudged = client.upload_job([{"sku": "B-1", "review": "Leaks."}])

    assert run("duckdb_results.py", job.id) != ["0 doubtful rows"]
    assert run("duckdb_results.py", unjudged.id) == ["0 doubtful rows"]


def test_dask_reads_judgments_and_uploads_its_partitions(
    run: Callable[..., list[str]], job: Job
) -> None:
    pytest.importorskip("dask.dataframe", reason="Dask is not installed")

    first, second = run("dask_judgments.py", "mood", job.id)

    assert re.fullmatch(r"36 judgments, \d+ different answers", first)
    assert second == "12 rows"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.py")), ids=lambda path: path.name)
def test_each_recipe_compiles_and_is_shown_with_whether_it_is_run(path: Path) -> None:
    compile(path.read_text(encoding="utf-8"), path.name, "exec")
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.rst"))

    before, shown, _ = pages.partition(f"literalinclude:: recipes/{path.name}")

    assert shown
    section = before[before.rfind("\n----") :]
    assert (path.name in NOT_RUN) == ("not run in CI" in section)
