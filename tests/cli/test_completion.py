"""``crowdflower completion``: in bash, zsh and fish, without a request."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

TIMEOUT = 60

BASH = """
source "$1"
COMP_WORDS=({words}); COMP_CWORD={last}; COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}
_crowdflower_completion crowdflower
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
autoload -Uz compinit; compinit -D -u
compadd() {{
  local array
  for array in "$@"; do [[ -v $array ]] && print -l -- ${{(P)array}}; done
}}
_describe() {{ print -l -- ${{(P)3}}; }}
source "$1"
words=({words}); CURRENT={number}
_crowdflower_completion
"""
FISH = """
source $argv[1]
complete --do-complete "{line}"
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def complete(shell: str, script: str, directory: Path, *words: str) -> str:
    """Return what a shell offers after some words, the last of which is being typed."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    command = directory / "crowdflower"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m crowdflower.cli "$@"\n')
    command.chmod(0o755)
    completion = directory / "completion"
    completion.write_text(script)
    typed = ["crowdflower", *words]
    source = SCRIPTS[shell].format(
        words=" ".join(f"'{word}'" for word in typed),
        last=len(typed) - 1,
        number=len(typed),
        line=" ".join(typed),
    )
    test = directory / "test"
    test.write_text(source)
    arguments = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    process = subprocess.run(  # noqa: S603 - a shell of this machine
        [program, *arguments, test, completion],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
        env={
            "PATH": f"{directory}:{os.environ['PATH']}",
            "HOME": str(directory),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            # A request would fail, and print an error.
            "CROWDFLOWER_API_URL": "http://127.0.0.1:9/v1",
            "CROWDFLOWER_API_KEY": "a-key",
        },
    )
    assert process.stderr == ""
    return process.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_names_options_and_values_are_completed(run: Run, tmp_path: Path, shell: str) -> None:
    script = run("completion", shell).stdout

    names = complete(shell, script, tmp_path, "jo")
    nested = complete(shell, script, tmp_path, "job", "up")
    options = complete(shell, script, tmp_path, "jobs", "--st")
    values = complete(shell, script, tmp_path, "jobs", "--state", "ru")

    assert {word.split("\t")[0].split(":")[0] for word in names.split()} >= {"job", "jobs"}
    assert "update" in nested
    assert "--state" in options
    assert "running" in values


def test_the_shell_is_that_of_the_user(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")

    assert run("completion").stdout == run("completion", "fish").stdout
    assert run("completion", "powershell").exit_code == 2
