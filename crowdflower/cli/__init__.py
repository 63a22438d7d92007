"""The ``crowdflower`` command: a demonstration, and a server with the crowd on your own machine.

Each subcommand is a module of its own, imported when it is called, so that ``crowdflower --help``
answers at once and a subcommand asks only for the extras that it needs.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Run the command with the arguments of this process, and end the process with its answer."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no “·” is no reason to stop
    try:
        from crowdflower.cli.group import crowdflower  # noqa: PLC0415 - click is an extra
    except ModuleNotFoundError as missing:
        if missing.name != "click":
            raise
        sys.exit(
            "The crowdflower command needs the package click, which is not installed.\n"
            "Install what it needs: pip install 'crowdflower-client[cli,sandbox]'"
        )
    crowdflower(prog_name="crowdflower")
