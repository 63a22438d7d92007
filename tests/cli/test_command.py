"""The command itself: its help, its version, and its messages when an extra is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import crowdflower

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


def test_the_version_is_the_one_of_the_package() -> None:
    answer = run("--version")

    assert answer.returncode == 0
    assert answer.stdout == f"crowdflower, version {crowdflower.__version__}\n"


def test_help_lists_each_subcommand_in_one_line() -> None:
    answer = run("--help")

    assert answer.returncode == 0
    names = [line.split()[0] for line in answer.stdout.partition("Commands:")[2].splitlines()[1:]]
    assert names == ["demo", "pending", "resolve", "serve"]


@pytest.mark.parametrize("name", ["pending", "serve"])
def test_each_subcommand_explains_its_options(name: str) -> None:
    answer = run(name, "--help")

    assert answer.returncode == 0
    assert answer.stdout.startswith(f"Usage: crowdflower {name} [OPTIONS]\n")


def test_an_unknown_subcommand_is_refused() -> None:
    answer = run("destroy")

    assert answer.returncode == 2
    assert "No such command 'destroy'" in answer.stderr


def test_without_click_the_command_says_what_to_install() -> None:
    answer = run("--help", missing=("click",))

    assert answer.returncode == 1
    assert "needs the package click" in answer.stderr
    assert "pip install 'crowdflower-client[cli,sandbox]'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_without_the_sandbox_serve_says_what_to_install() -> None:
    answer = run("serve", missing=("flask",))

    assert answer.returncode == 1
    assert "crowdflower serve needs the package flask" in answer.stderr
    assert "pip install 'crowdflower-client[cli,sandbox]'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_ascii_terminal_gets_replacement_characters(tmp_path: Path) -> None:
    answer = run("demo", "--output", str(tmp_path), PYTHONIOENCODING="ascii")

    assert answer.returncode == 0, answer.stderr
    assert "negative ? neutral ? positive" in answer.stdout


def test_python_runs_the_command_by_its_module_name(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "crowdflower.cli", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert answer.stdout.startswith("crowdflower, version ")
