"""The ``crowdflower`` command: a demonstration, a local server, and tools for pending payments.

Each subcommand is a module, imported when it is called, so that ``crowdflower --help`` is fast and
each subcommand needs only its own extras.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Run the command with the arguments of this process, then exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without “·” must not stop it
    try:
        from crowdflower.cli.group import crowdflower  # noqa: PLC0415 - click is an extra
    except ModuleNotFoundError as missing:
        if missing.name != "click":
            raise
        sys.exit(
            "The crowdflower command needs the package click, which is not installed.\n"
            "To install it: pip install 'crowdflower-client[cli,sandbox]'"
        )
    crowdflower(prog_name="crowdflower")
