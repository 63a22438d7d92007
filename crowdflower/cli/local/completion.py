"""``crowdflower completion``: completion of the command for a shell."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Final

import click
from click.shell_completion import get_completion_class

from crowdflower.cli.options import Command

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_CROWDFLOWER_COMPLETE"
"""The variable by which a shell asks the command for completions."""


def _default_shell() -> str:
    """Return the user's shell, so that the argument can be left out."""
    name = PurePath(os.environ.get("SHELL", "")).name
    return name if name in SHELLS else "bash"


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS), default=_default_shell)
def completion(shell: str) -> None:
    r"""Print the completion of the command for a shell; by default that of $SHELL.

    \b
    bash:  crowdflower completion bash > ~/.local/share/bash-completion/completions/crowdflower
    zsh:   crowdflower completion zsh > "${fpath[1]}/_crowdflower"
    fish:  crowdflower completion fish > ~/.config/fish/completions/crowdflower.fish

    For this session only: eval "$(crowdflower completion bash)", and the same for zsh;
    crowdflower completion fish | source. Completing sends no requests.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click, which is installed here, cannot complete for {shell}")
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "crowdflower", VARIABLE).source())
