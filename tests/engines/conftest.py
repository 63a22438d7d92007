"""A Spark session on this machine, for all tests of one process; skipped without Java."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.job import Job

PACKAGE_ROOT = str(Path(__file__).parents[2])

# PySpark warns about pandas 3, and leaves sockets to the garbage collector.
IGNORED = (
    "ignore::FutureWarning:pyspark",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests with Spark in one process, since each process would start a Java machine."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            for warning in IGNORED:
                item.add_marker(pytest.mark.filterwarnings(warning))
            if item.config.pluginmanager.hasplugin("xdist"):
                item.add_marker(pytest.mark.xdist_group("spark"))


def has_java() -> bool:
    """Return whether a Java machine can be started."""
    home = os.environ.get("JAVA_HOME")
    return bool((home and (Path(home) / "bin/java").exists()) or shutil.which("java"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session with two workers, which tries each task up to three times."""
    pytest.importorskip("py4j", reason="PySpark is not installed, or only its client")
    pyspark_sql = pytest.importorskip("pyspark.sql")
    if not has_java():
        pytest.skip("Java is not installed (Debian: openjdk-17-jre-headless)")
    from pyspark import SparkContext  # noqa: PLC0415 - optional

    home = tmp_path_factory.mktemp("spark")
    settings = {
        # Tests are short: compiling their queries would take longer than running them.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.codegen.wholeStage": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(home),
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(home / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", PACKAGE_ROOT, prepend=os.pathsep)
        builder = pyspark_sql.SparkSession.builder.master("local[2,3]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        gateway = SparkContext._gateway
        try:
            yield session
        finally:
            session.stop()
            gateway.shutdown()
            gateway.proc.stdin.close()
            gateway.proc.wait(30)
            SparkContext._gateway = SparkContext._jvm = None


FORM = """
<cml:radios name="sentiment" label="What does it say?" validates="required">
  <cml:radio label="Good" value="good"/>
  <cml:radio label="Bad" value="bad"/>
</cml:radios>
<cml:text name="words" label="Which words say so?"/>
"""


class Account:
    """A sandbox on a socket, whose key is in a file."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        self.box = box
        self.client = box.client()
        self.key_file = folder / "key"
        self.key_file.write_text(f"{box.key}\n", encoding="utf-8")
        self.options = {"url": box.url, "key_file": str(self.key_file)}

    def create_job(self, title: str, rows: Any = ()) -> Job:
        """Return a job with rows."""
        job = self.client.create_job({"title": title, "instructions": "<p>Read.</p>", "cml": FORM})
        if rows:
            job.upload(list(rows))
        return job.reload()

    def judge(self, job: Job, units: int) -> None:
        """Have some units judged, three times each."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there are no test questions
            job.launch(units, channels=["cf_internal"])
        self.box.crowd.run(job)
        job.reload()


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of a sandbox, for all tests: each has jobs of its own."""
    with Sandbox() as box:
        box.crowd.add(20)
        yield Account(box, tmp_path_factory.mktemp("account"))
