"""The command's table of contents; a subcommand's module is imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from crowdflower import __version__

SUBCOMMANDS: Final = {
    "demo": "Put rows before a simulated crowd and print their weighed answers.",
    "pending": "List the payments that may or may not have been made.",
    "resolve": "Write down whether one of them was made.",
    "serve": "Serve the API and its crowd on this machine.",
}
"""Name to one line of help: ``serve`` is the click command ``serve`` of the module beside us."""


class Subcommands(click.Group):
    """A group that knows its subcommands by name, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the subcommands, for help and completion."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the subcommand of this name.

        :raises click.ClickException: It stands on a package that is not installed.
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
                "\nInstall what it needs: pip install 'crowdflower-client[cli,sandbox]'"
            ) from None
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table of subcommands without importing what it names."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


def _is_ours(module: str | None) -> bool:
    """Tell a module of this package, which may not be missing, from one of an extra."""
    return module is None or module.partition(".")[0] == "crowdflower"


@click.group(cls=Subcommands)
@click.version_option(__version__, prog_name="crowdflower")
def crowdflower() -> None:
    """Label data with people: CrowdFlower's API, and the same crowd on your own machine."""
