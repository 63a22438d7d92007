"""The command itself: help, version, and messages when an extra is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import crowdflower
from crowdflower.cli.group import SECTIONS, SUBCOMMANDS

WITHOUT = """
import sys
for name in {missing!r}:
    sys.modules[name] = None
sys.argv = ["crowdflower", *{arguments!r}]
from crowdflower.cli import main
main()
"""


def run(
    *arguments: str, missing: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a new process, as if ``missing`` were not installed."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", WITHOUT.format(missing=missing, arguments=arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONWARNINGS": "error", **environment},
    )


def test_the_version_is_that_of_the_package() -> None:
    process = run("--version")

    assert process.returncode == 0
    assert process.stdout == f"crowdflower, version {crowdflower.__version__}\n"


def test_help_lists_each_subcommand_in_one_line() -> None:
    process = run("--help")

    assert process.returncode == 0
    lines = process.stdout.splitlines()
    for section, subcommands in SECTIONS.items():
        start = lines.index(f"{section}:") + 1
        listed = [line.split(maxsplit=1) for line in lines[start : start + len(subcommands)]]
        assert listed == [[name, each.help] for name, each in subcommands.items()]


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_each_subcommand_explains_its_options(name: str) -> None:
    process = run(name, "--help")

    assert process.returncode == 0
    assert process.stdout.startswith(f"Usage: crowdflower {name} [OPTIONS]")


def test_an_unknown_subcommand_is_refused() -> None:
    process = run("destroy")

    assert process.returncode == 2
    assert "No such command 'destroy'" in process.stderr


def test_without_click_the_command_says_what_to_install() -> None:
    process = run("--help", missing=("click",))

    assert process.returncode == 1
    assert "needs the package click" in process.stderr
    assert "pip install 'crowdflower-client[cli,sandbox]'" in process.stderr
    assert "Traceback" not in process.stderr


def test_without_the_sandbox_serve_says_what_to_install() -> None:
    process = run("serve", missing=("flask",))

    assert process.returncode == 1
    assert "crowdflower serve needs the package flask" in process.stderr
    assert "pip install 'crowdflower-client[cli,sandbox]'" in process.stderr
    assert "Traceback" not in process.stderr


def test_an_ascii_terminal_gets_replacement_characters(tmp_path: Path) -> None:
    process = run("demo", "--output", str(tmp_path), PYTHONIOENCODING="ascii")

    assert process.returncode == 0, process.stderr
    assert "negative ? neutral ? positive" in process.stdout


def test_python_runs_the_command_by_its_module_name(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "crowdflower.cli", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert process.stdout.startswith("crowdflower, version ")
