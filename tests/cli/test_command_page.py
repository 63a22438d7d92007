"""The documentation of the command: complete, and its examples are valid command lines."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from crowdflower.cli.group import SUBCOMMANDS, crowdflower

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").glob("*.rst"))]
BLOCKS = re.compile(r"^ *\.\. code-block:: bash\n((?: .*\n|\n)+)", re.MULTILINE)
INLINE = re.compile(r"``(crowdflower [^`]+)``", re.DOTALL)


def example_lines() -> list[tuple[str, str]]:
    """Return page and text of every command line in the documentation."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in BLOCKS.findall(text):
            lines = block.replace("\\\n", " ").splitlines()
            commands = [re.search(r"(?:^|[(\s])(crowdflower .*)", line) for line in lines]
            found += [(page.name, each[1]) for each in commands if each]
        found += [(page.name, " ".join(each.split())) for each in INLINE.findall(text)]
    return found


def check(line: str) -> None:
    """Check the command and the options of a line.

    :raises click.UsageError: There is no such command or option.
    """
    words = shlex.split(re.split(r"[|>)]| #", line)[0])[1:]
    context = click.Context(crowdflower, info_name="crowdflower")
    command: click.Command = crowdflower
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        name = words[0]
        if name.isupper():
            return
        found = command.get_command(context, name)
        if found is None and getattr(command, "default", None):
            found = command.get_command(context, command.default)  # type: ignore[attr-defined]
            words.insert(0, name)
        if found is None:
            raise click.UsageError(f"no command {name}")
        command = found
        words = words[1:]
    names = {option for param in command.get_params(context) for option in param.opts}
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("-") and option not in {*names, "--help"}:
            raise click.UsageError(f"no option {option}")


@pytest.mark.parametrize(("page", "line"), example_lines(), ids=lambda text: text[:60])
def test_every_command_line_in_the_documentation_is_valid(page: str, line: str) -> None:
    check(line)


@pytest.mark.parametrize("line", ["crowdflower jbos", "crowdflower jobs --sate x"])
def test_an_invalid_command_line_is_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        check(line)


def test_the_reference_has_every_command_and_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs"), *sys.path])
    import command_table  # noqa: PLC0415 - on the path set above

    text = "\n".join(command_table.lines())

    assert {name.split()[0] for _, name, _ in command_table.commands()} == {*SUBCOMMANDS}
    for _, name, command in command_table.commands():
        assert f"\ncrowdflower {name}\n~~~~" in text
        for param in command.params:
            assert isinstance(param, click.Argument) or param.opts[-1] in text
