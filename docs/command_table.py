"""Builds the reference of the command from the command itself."""  # noqa: INP001 - conf.py imports it

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from crowdflower.cli.exit_codes import MEANINGS
from crowdflower.cli.group import SECTIONS, crowdflower
from crowdflower.cli.options import AccountOption


def commands() -> Iterator[tuple[str, str, click.Command]]:
    """Yield the section, the full name and the command, for all that is not a group."""
    context = click.Context(crowdflower, info_name="crowdflower")
    for section, subcommands in SECTIONS.items():
        for name in subcommands:
            command = crowdflower.get_command(context, name)
            assert command is not None  # noqa: S101 - a table of our own
            if isinstance(command, click.Group):
                for each in command.list_commands(context):
                    nested = command.get_command(context, each)
                    assert nested is not None  # noqa: S101 - as above
                    yield section, f"{name} {each}", nested
            else:
                yield section, name, command


def lines() -> Iterator[str]:
    """Yield the reference as reStructuredText."""
    yield from _exit_codes()
    section = ""
    for title, name, command in commands():
        if title != section:
            section = title
            yield from ("", title, "-" * len(title), "")
        yield from _command(name, command)
    yield from _account_options()


def _command(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"crowdflower {name}")
    heading = f"crowdflower {name}"
    yield from (heading, "~" * len(heading), "", ".. code-block:: text", "")
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (f"   crowdflower {name} {usage}", "")
    yield from (*_prose(command.help or ""), "")
    options = [
        param
        for param in command.params
        if isinstance(param, click.Option) and not isinstance(param, AccountOption)
    ]
    yield from _table(context, options)


def _prose(text: str) -> Iterator[str]:
    r"""Yield help text as reStructuredText; what follows ``\b`` keeps its lines."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b\n"):
            yield from (".. code-block:: text", "")
            yield from (f"   {line}" for line in paragraph.splitlines()[1:])
        else:
            yield from _quoted(paragraph).splitlines()
        yield ""


def _quoted(text: str) -> str:
    """Return text with its options, variables and commands in double backquotes."""
    text = re.sub(r"`([^`]+)`", r"``\1``", text)
    return re.sub(r"(?<![`\w-])(--[a-z][a-z-]*|\$?[A-Z][A-Z]+_[A-Z_]+)(?![`\w])", r"``\1``", text)


def _table(context: click.Context, options: list[click.Option]) -> Iterator[str]:
    records = [record for option in options if (record := option.get_help_record(context))]
    if not records:
        return
    yield from (".. list-table::", "   :widths: 30 70", "")
    for names, text in records:
        yield from (f"   * - ``{names}``", f"     - {_quoted(text)}")
    yield ""


def _account_options() -> Iterator[str]:
    title = "Options for the account"
    yield from ("", title, "-" * len(title), "")
    yield from ("Every command of an account has these, and so has ``crowdflower`` itself.", "")
    options = [param for param in crowdflower.params if isinstance(param, AccountOption)]
    yield from _table(click.Context(crowdflower), options)


def _exit_codes() -> Iterator[str]:
    yield from ("", "Exit codes", "----------", "", ".. list-table::", "   :widths: 10 90", "")
    for code, meaning in MEANINGS.items():
        yield from (f"   * - {int(code)}", f"     - {_quoted(meaning)}")
    yield ""
