"""The import contracts are kept, detect violations, and keep optional packages unloaded."""

from __future__ import annotations

import ast
import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "crowdflower"

OPTIONAL = [
    "IPython",
    "click",
    "dlt",
    "flask",
    "jinja2",
    "liquid",
    "lxml",
    "nh3",
    "numpy",
    "pandas",
    "polars",
    "psycopg",
    "pyarrow",
    "pyspark",
    "rich",
    "sqlalchemy",
    "tomlkit",
    "waitress",
    "werkzeug",
]
"""All optional packages except orjson, which replaces ``json`` if it is installed."""

SHARED = {"states", "_types", "_html", "cml", "quality", "job_files"}
"""Modules that the client and the sandbox share."""

ABOVE_THE_CLIENT = {"sandbox", "bulk", "spark", "dlt", "frames", "testing", "cli"}
"""Modules that use the client."""


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    """Check the package in ``directory`` against the import contracts of tox.ini."""
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert program, "lint-imports is installed beside this Python"
    return subprocess.run(  # noqa: S603 - our own program on our own files
        [program, "--config", str(ROOT / "tox.ini"), "--no-cache", "--no-logo"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def package_copy(tmp_path: Path) -> Path:
    """A copy of the package to modify."""
    shutil.copytree(PACKAGE, tmp_path / "crowdflower", ignore=shutil.ignore_patterns("*.pyc"))
    return tmp_path


def test_every_import_contract_is_kept(package_copy: Path) -> None:
    process = lint(package_copy)

    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("exceptions.py", "from crowdflower.client import Client", "The package"),
        ("sandbox/clock.py", "from crowdflower.sandbox import rules", "The sandbox"),
        ("sandbox/rules/money.py", "from crowdflower.sandbox.rules import work", "The rules"),
        ("sandbox/rules/jobs/jobs.py", "from crowdflower.http import pagination", "Two halves"),
        ("client.py", "import requests", "One door"),
        ("job.py", "import pandas", "Light"),
    ],
)
def test_a_forbidden_import_is_detected(
    package_copy: Path, module: str, statement: str, contract: str
) -> None:
    with (package_copy / "crowdflower" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")

    process = lint(package_copy)

    assert process.returncode == 1
    lines = [line for line in process.stdout.splitlines() if line.startswith(contract)]
    assert any("BROKEN" in line for line in lines), process.stdout


def test_the_sandbox_may_not_import_any_module_of_the_client() -> None:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini", encoding="utf-8")
    forbidden = settings["importlinter:contract:two-halves"]["forbidden_modules"].split()

    modules = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    client_modules = modules - {"__init__"} - SHARED - ABOVE_THE_CLIENT
    assert sorted(forbidden) == sorted(f"crowdflower.{name}" for name in client_modules)


def loaded_by(statement: str, directory: Path) -> set[str]:
    """Return the names of the modules that a statement loads in a new interpreter."""
    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", f"{statement}; import sys; print(sorted(sys.modules))"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(ast.literal_eval(process.stdout))


def test_importing_the_package_loads_no_optional_package(tmp_path: Path) -> None:
    loaded = loaded_by("from crowdflower import Client", tmp_path)

    assert "requests" in loaded
    assert sorted(loaded & {*OPTIONAL, "crowdflower.sandbox", "crowdflower.cli"}) == []


def test_importing_the_command_does_not_load_the_sandbox(tmp_path: Path) -> None:
    loaded = loaded_by("import crowdflower.cli", tmp_path)

    assert sorted(loaded & {"flask", "sqlalchemy", "liquid", "rich"}) == []
