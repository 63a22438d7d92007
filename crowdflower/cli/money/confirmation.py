"""Asks at a terminal before something that costs money or cannot be undone."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from crowdflower._types import one_line
from crowdflower.cli.exit_codes import CommandError, ExitCode
from crowdflower.cli.settings import Settings


def confirm(question: str, *, yes: bool, costs: bool = True) -> None:
    """Return if the user agrees.

    :param question: Ends with a question mark.
    :param yes: The option ``--yes``: do not ask.
    :param costs: It costs money, so that without a terminal ``--yes`` is needed. Otherwise a
        program that names the command means it.
    :raises CommandError: The answer is no, or there is no terminal to ask at.
    """
    if yes:
        return
    if _is_attended():
        if click.confirm(one_line(question), err=True):
            return
        raise CommandError("not confirmed; nothing was sent", ExitCode.NOT_CONFIRMED)
    if costs:
        raise CommandError(
            "not confirmed, and nothing was sent: this costs money, and there is no terminal to ask"
            f" at. If you mean it: {command_line('--yes')}",
            ExitCode.NOT_CONFIRMED,
        )


@contextmanager
def mention_pending() -> Iterator[None]:
    """Say where a payment is listed that is interrupted in the block."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("If the payment was sent, `crowdflower pending` lists it.", err=True)
        raise


def command_line(*more: str) -> str:
    """Return the command line of this run, with more options, to paste into a shell."""
    words = list(click.get_current_context().ensure_object(Settings).command_line)
    for index, word in enumerate(words):
        if word == "--api-key" and index + 1 < len(words):
            words[index + 1] = "****"
        elif word.startswith("--api-key="):
            words[index] = "--api-key=****"
    end = words.index("--") if "--" in words else len(words)
    words[end:end] = more
    return shlex.join(["crowdflower", *words])


def _is_attended() -> bool:
    """Return whether a person can read the question and answer it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
