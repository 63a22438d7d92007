"""``crowdflower serve`` as people start it: a process, what it says of itself, a signal."""

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
PATIENCE = 120


class Serving(NamedTuple):
    """A process that has said where it listens."""

    process: subprocess.Popen[str]
    said: str

    @property
    def url(self) -> str:
        """Where a client finds the API."""
        return self.told(r"CROWDFLOWER_API_URL=(\S+)")

    @property
    def key(self) -> str:
        """What the API asks a client for."""
        return self.told(r"CROWDFLOWER_API_KEY=(\S+)")

    def told(self, pattern: str) -> str:
        """Find what it said at the place of the parentheses."""
        found = re.search(pattern, self.said, re.MULTILINE)
        assert found, self.said
        return found[1]

    def ended_by(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; return the exit code and what was said last."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, rest


@contextmanager
def serving(
    *arguments: str, key: str | None = None, stderr: int | None = subprocess.STDOUT
) -> Iterator[Serving]:
    """Run the command on a free port until the block ends.

    :param key: Of the account; by default it makes one.
    :param stderr: Where complaints go. Who serves for long reads what is said here, or has them
        said elsewhere: a pipe that is full would stop the server.
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
            said = ""
            for line in process.stdout:
                said += line
                if "Ctrl-C" in line:
                    break
            assert "Ctrl-C" in said, said
            yield Serving(process, said)
        finally:
            process.kill()
