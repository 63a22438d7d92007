"""Groups of commands that suggest similar names, and may have a default command."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import click

from crowdflower.models.arguments import did_you_mean


class SuggestingGroup(click.Group):
    """A group that suggests the most similar command for a misspelled one.

    ``help COMMAND`` is the same as ``COMMAND --help``.
    """

    synonyms: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What people type for a command that has another name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which the commands are defined."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name.

        :raises click.UsageError: The command does not exist.
        """
        name = args[0]
        if name == "help" and name not in self.list_commands(ctx):
            return super().resolve_command(ctx, [*args[1:2], "--help"])
        if not ctx.resilient_parsing and not name.startswith("-"):
            self._check_name(ctx, name)
        return super().resolve_command(ctx, args)

    def _check_name(self, ctx: click.Context, name: str) -> None:
        names = self.list_commands(ctx)
        if name in names:
            return
        synonym = self.synonyms.get(name.lower())
        hint = f"; did you mean {synonym!r}?" if synonym else did_you_mean(name, names)
        raise click.UsageError(f"No such command {name!r}{hint or '.'}", ctx)


class DefaultGroup(SuggestingGroup):
    """A group whose default command is meant where no command is named.

    :param default: Its name. ``crowdflower job 7`` then means ``crowdflower job show 7``.
    """

    def __init__(self, *args: Any, default: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with the default command in front if they name none."""
        names = [*self.list_commands(ctx), "help", *ctx.help_option_names]
        if args and args[0] not in names and not self._is_misspelled(ctx, args):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def _is_misspelled(self, ctx: click.Context, args: list[str]) -> bool:
        """Return whether the first of several arguments is similar to a command."""
        has_more = any(not each.startswith("-") for each in args[1:])
        return has_more and bool(did_you_mean(args[0], self.list_commands(ctx)))
