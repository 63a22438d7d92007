"""The repository: its top level, the commands in the README, and forbidden text."""

from __future__ import annotations

import configparser
import re
import subprocess
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

import crowdflower

ROOT = Path(__file__).parents[2]

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "LICENSE",
    "README.rst",
    "crowdflower",
    "docs",
    "setup.py",
    "tests",
    "tox.ini",
}

DEMO_COMMAND = (
    "python3 -m venv .venv && .venv/bin/pip install '.[cli,sandbox]' && .venv/bin/crowdflower demo"
)
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install tox && .venv/bin/tox"

# One letter of each is in brackets, so that this file does not match its own patterns.
TODO_MARKER = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:roo[t]|hom[e]|User[s]|tm[p]|work/(?:mai[n]|share[d]))/")
OUTSIDE_REFERENCE = re.compile(
    r"\b(?:wire|sandbox|faults|api|design)\.m[d]\b|\[(?:S\d|RB|EV|PP)[]]"
)


@cache
def tracked_files() -> tuple[str, ...]:
    """Return the files under version control."""
    process = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 - the git on the PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        pytest.skip("not a git clone, so the files of the project are unknown")
    return tuple(process.stdout.splitlines())


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Return ``file:line: text`` of each matching line in a text file."""
    found = []
    for name in tracked_files():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        found += [
            f"{name}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), start=1)
            if pattern.search(line)
        ]
    return found


def test_the_top_level_has_no_other_files() -> None:
    assert {name.partition("/")[0] for name in tracked_files()} <= TOP_LEVEL


@pytest.mark.parametrize(
    ("label", "command"),
    [("see-it-work", DEMO_COMMAND), ("run-its-tests", TEST_COMMAND)],
)
def test_the_readme_has_each_command_under_its_label(label: str, command: str) -> None:
    readme = (ROOT / "README.rst").read_text(encoding="utf-8")

    assert f".. code-block:: bash\n   :name: {label}\n\n   {command}\n" in readme


@pytest.mark.parametrize("pattern", [TODO_MARKER, MACHINE_PATH, OUTSIDE_REFERENCE])
def test_no_file_has_todo_markers_or_references_outside_the_project(
    pattern: re.Pattern[str],
) -> None:
    assert lines_with(pattern) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (TODO_MARKER, "# T\x4fDO: write this"),
        (MACHINE_PATH, "open('/h\x6fme/user/rows.csv')"),
        (OUTSIDE_REFERENCE, "see wire.m\x64, section 3"),
    ],
)
def test_the_patterns_match_forbidden_text(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.fixture
def installed() -> Distribution:
    """The distribution installed by tox; a bare checkout has none."""
    try:
        return distribution("crowdflower-client")
    except PackageNotFoundError:
        pytest.skip("the package is not installed; tox installs it")


def test_the_installed_distribution_is_this_version(installed: Distribution) -> None:
    assert installed.version == crowdflower.__version__
    assert installed.metadata["Requires-Python"] == ">=3.11"
    fields = ("License", "License-Expression")  # older and newer setuptools
    assert "MIT" in [each for name in fields for each in installed.metadata.get_all(name, [])]


def test_the_dev_extra_has_the_dependencies_of_tox(installed: Distribution) -> None:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini", encoding="utf-8")
    environments = [name for name in settings.sections() if name.startswith("testenv")]
    environments.remove("testenv:sail")  # its client of Spark cannot be installed beside PySpark

    required = {
        line.rpartition(" ")[2]  # after the factors, such as "py313: "
        for name in environments
        for line in settings[name].get("deps", "").splitlines()
        if line
    }

    requirements = [package.partition(";") for package in installed.requires or []]
    available = {
        package.strip() for package, _, extra in requirements if "dev" in re.findall(r"\w+", extra)
    }
    assert sorted(required - available) == []
