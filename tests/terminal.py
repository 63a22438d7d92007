"""Run the command in a pseudo-terminal, as a person does."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from contextlib import suppress

COMMAND = [sys.executable, "-m", "crowdflower.cli"]
TIMEOUT = 60


def in_a_terminal(*arguments: str, columns: int = 80, keys: bytes = b"", **environment: str) -> str:
    """Run the command; return what it shows.

    :param keys: What is typed.
    :param environment: Further environment variables.
    """
    inherited = {name: text for name, text in os.environ.items() if name != "NO_COLOR"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - our own program
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**inherited, "TERM": "xterm", "COLUMNS": str(columns), **environment},
    ):
        os.close(theirs)
        os.write(ours, keys)
        shown = b""
        with suppress(OSError):  # the end of a pseudo-terminal is an error on Linux
            while select.select([ours], [], [], TIMEOUT)[0] and (read := os.read(ours, 65536)):
                shown += read
        os.close(ours)
    return shown.decode()
