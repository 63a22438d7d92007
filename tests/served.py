"""Run ``crowdflower serve`` as a process, read its output, and stop it with a signal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator

COMMAND = [sys.executable, "-W", "error", "-m", "crowdflower.cli", "serve"]
KEY_VARIABLE = "CROWDFLOWER_SANDBOX_KEY"
TIMEOUT = 120


class RunningServer(NamedTuple):
    """A process that has printed its address."""

    process: subprocess.Popen[str]
    output: str

    @property
    def url(self) -> str:
        """Base URL of the API."""
        return self.find(r"CROWDFLOWER_API_URL=(\S+)")

    @property
    def key(self) -> str:
        """API key."""
        return self.find(r"CROWDFLOWER_API_KEY=(\S+)")

    def find(self, pattern: str) -> str:
        """Return the part of the output that matches the group of a pattern."""
        found = re.search(pattern, self.output, re.MULTILINE)
        assert found, self.output
        return found[1]

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; return the exit code and the rest of the output."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, rest


@contextmanager
def serving(
    *arguments: str, key: str | None = None, stderr: int | None = subprocess.STDOUT
) -> Iterator[RunningServer]:
    """Run the command on a free port until the block ends.

    :param key: API key of the account; by default a new one.
    :param stderr: Where error messages go. A long-running server needs another place than a pipe
        that nothing reads: a full pipe would block it.
    """
    with subprocess.Popen(  # noqa: S603 - our own program
        [*COMMAND, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=os.environ if key is None else {**os.environ, KEY_VARIABLE: key},
    ) as process:
        try:
            assert process.stdout is not None
            output = ""
            for line in process.stdout:
                output += line
                if "Ctrl-C" in line:
                    break
            assert "Ctrl-C" in output, output
            yield RunningServer(process, output)
        finally:
            process.kill()
