"""The repository as a newcomer finds it: fixed top level, two working commands, finished text."""

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

SEE_IT_WORK = (
    "python3 -m venv .venv && .venv/bin/pip install '.[cli,sandbox]' && .venv/bin/crowdflower demo"
)
RUN_ITS_TESTS = "python3 -m venv .venv && .venv/bin/pip install tox && .venv/bin/tox"

# A letter of each stands in brackets, so that this file may be read by its own test.
UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:roo[t]|hom[e]|User[s]|tm[p]|work/(?:mai[n]|share[d]))/")
NOT_PART_OF_IT = re.compile(r"\b(?:wire|sandbox|faults|api|design)\.m[d]\b|\[(?:S\d|RB|EV|PP)[]]")


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the project, as version control knows it."""
    answer = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 - whichever git is here
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        pytest.skip("not a clone: version control does not say which files belong to the project")
    return tuple(answer.stdout.splitlines())


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """``file:line: text`` of each line that matches, in whatever is text."""
    found = []
    for name in tracked():
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


def test_the_top_level_is_the_fixed_one() -> None:
    assert {name.partition("/")[0] for name in tracked()} <= TOP_LEVEL


@pytest.mark.parametrize(
    ("label", "command"),
    [("see-it-work", SEE_IT_WORK), ("run-its-tests", RUN_ITS_TESTS)],
)
def test_the_readme_gives_each_command_under_its_label(label: str, command: str) -> None:
    readme = (ROOT / "README.rst").read_text(encoding="utf-8")

    assert f".. code-block:: bash\n   :name: {label}\n\n   {command}\n" in readme


@pytest.mark.parametrize("pattern", [UNFINISHED, MACHINE_PATH, NOT_PART_OF_IT])
def test_every_text_is_finished_and_speaks_of_the_project_alone(pattern: re.Pattern[str]) -> None:
    assert lines_with(pattern) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (UNFINISHED, "# T\x4fDO: say this"),
        (MACHINE_PATH, "open('/h\x6fme/somebody/rows.csv')"),
        (NOT_PART_OF_IT, "see wire.m\x64, section 3"),
    ],
)
def test_what_is_forbidden_is_found(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.fixture
def installed() -> Distribution:
    """The distribution that tox installed; a bare checkout has none."""
    try:
        return distribution("crowdflower-client")
    except PackageNotFoundError:
        pytest.skip("the package is not installed here; tox installs it")


def test_the_installed_distribution_is_the_one_in_the_tree(installed: Distribution) -> None:
    assert installed.version == crowdflower.__version__
    assert installed.metadata["Requires-Python"] == ">=3.11"
    named = ("License", "License-Expression")  # older and newer setuptools
    assert "MIT" in [each for name in named for each in installed.metadata.get_all(name, [])]


def test_the_extra_for_developers_covers_whatever_tox_installs(installed: Distribution) -> None:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini", encoding="utf-8")
    environments = [name for name in settings.sections() if name.startswith("testenv")]

    wanted = {need for name in environments for need in settings[name].get("deps", "").split()}

    requirements = [need.partition(";") for need in installed.requires or []]
    offered = {
        need.strip() for need, _, extra in requirements if "dev" in re.findall(r"\w+", extra)
    }
    assert sorted(wanted - offered) == []
