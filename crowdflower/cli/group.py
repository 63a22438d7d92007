"""The group of subcommands. The module of a subcommand is imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from crowdflower import __version__
from crowdflower._types import one_line

SUBCOMMANDS: Final = {
    "demo": "Run a job with simulated contributors and print the results.",
    "pending": "List the payments whose outcome is unknown.",
    "resolve": "Record whether a pending payment was made.",
    "serve": "Run the sandbox as a server on this machine.",
}
"""Help text by name. The name is that of the module and of the click command in it."""


class Subcommands(click.Group):
    """A group that imports a subcommand when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the subcommands, for help and completion."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a subcommand.

        :raises click.ClickException: A package that it needs is not installed.
        """
        if cmd_name not in SUBCOMMANDS:
            return None
        try:
            module = import_module(f"{__package__}.{cmd_name}")
        except ImportError as error:
            missing = error if isinstance(error, ModuleNotFoundError) else error.__cause__
            if not isinstance(missing, ModuleNotFoundError) or _is_ours(missing.name):
                raise
            raise click.ClickException(
                f"crowdflower {cmd_name} needs the package {missing.name}, which is not installed."
                " To install it: pip install 'crowdflower-client[cli,sandbox]'"
            ) from None
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; an error is one line, whatever is in the path or text that it names."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = one_line(error.message)  # type: ignore[misc]
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table of subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


def _is_ours(module: str | None) -> bool:
    """Return whether a module belongs to this package, not to an extra."""
    return module is None or module.partition(".")[0] == "crowdflower"


@click.group(cls=Subcommands)
@click.version_option(__version__, prog_name="crowdflower")
def crowdflower() -> None:
    """Label data with people: tools for the CrowdFlower API, and a local sandbox."""
