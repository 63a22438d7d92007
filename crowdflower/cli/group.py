"""The group of subcommands. The module of a subcommand is imported when it is called."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Final, NamedTuple

import click
from click.shell_completion import CompletionItem

from crowdflower import __version__
from crowdflower._types import one_line
from crowdflower.cli.exit_codes import MEANINGS, CommandError, ExitCode, as_command_error
from crowdflower.cli.options import settings_options, write_options
from crowdflower.cli.settings import Settings
from crowdflower.cli.suggestions import SuggestingGroup
from crowdflower.exceptions import ApiError


class Subcommand(NamedTuple):
    """Where a subcommand is, and its help in one line."""

    module: str
    """Below ``crowdflower.cli``; the click command in it has the name of the subcommand."""

    help: str
    extras: str = "cli"


SECTIONS: Final[Mapping[str, Mapping[str, Subcommand]]] = {
    "Jobs": {
        "jobs": Subcommand("jobs.jobs", "List the jobs of the account."),
        "job": Subcommand("jobs.job_commands", "Show, create, update, copy or delete a job."),
        "check": Subcommand("jobs.check", "Check a form and a file of rows; no network."),
        "pull": Subcommand("jobs.pull", "Write a job to a folder of readable files."),
        "push": Subcommand("jobs.push", "Send to a job what its folder has otherwise."),
    },
    "Rows": {
        "upload": Subcommand("jobs.upload", "Append the rows of a file to a job."),
        "units": Subcommand("jobs.units", "List the rows of a job."),
        "gold": Subcommand("jobs.gold_commands", "List test questions, or make them of rows."),
    },
    "Collect judgments": {
        "estimate": Subcommand("money.estimate_command", "Estimate the cost of an order."),
        "launch": Subcommand("money.launch", "Order units, which contributors then judge."),
        "watch": Subcommand("jobs.watch", "Wait until a job is finished."),
        "pause": Subcommand("jobs.job_state", "Stop handing out rows."),
        "resume": Subcommand("jobs.job_state", "Resume a paused job."),
        "cancel": Subcommand("jobs.job_state", "End a job for good, with a refund."),
    },
    "Results": {
        "results": Subcommand("results.results", "Print or save one answer per row."),
        "report": Subcommand("results.report", "Download a report."),
        "workers": Subcommand("results.workers", "List contributors; flag, reject or notify one."),
    },
    "Account and payments": {
        "account": Subcommand("money.account", "Show the account and its balance."),
        "bonus": Subcommand("money.bonus", "Pay a contributor a bonus."),
        "pending": Subcommand("money.pending", "List the payments whose outcome is unknown."),
        "resolve": Subcommand("money.resolve", "Find or record whether a payment was made."),
    },
    "This machine": {
        "demo": Subcommand(
            "local.demo",
            "Run a job with simulated contributors and print the results.",
            "cli,sandbox",
        ),
        "serve": Subcommand(
            "local.serve", "Run the sandbox as a server on this machine.", "cli,sandbox"
        ),
        "webhooks": Subcommand("local.webhooks", "Receive the notifications of jobs."),
        "doctor": Subcommand("local.doctor", "Check installation, key, connection and journal."),
        "completion": Subcommand("local.completion", "Print the completion for a shell."),
    },
}
"""The subcommands by section of the help."""

SUBCOMMANDS: Final = {
    name: subcommand for section in SECTIONS.values() for name, subcommand in section.items()
}

SYNONYMS: Final = {
    "list": "jobs",
    "ls": "jobs",
    "show": "job show",
    "create": "job create",
    "update": "job update",
    "copy": "job copy",
    "delete": "job delete",
    "balance": "account",
    "status": "watch",
    "wait": "watch",
    "order": "launch",
    "stop": "pause",
    "rows": "units",
    "questions": "gold",
    "cost": "estimate",
    "price": "estimate",
    "download": "report",
    "export": "results",
    "contributors": "workers",
    "listen": "webhooks listen",
    "lint": "check",
    "validate": "check",
    "sandbox": "serve",
    "payments": "pending",
    "version": "--version",
}
"""What people type for a subcommand that has another name."""


class Subcommands(SuggestingGroup):
    """A group that imports a subcommand when it is called, and ends with an exit code."""

    synonyms = SYNONYMS

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the subcommands, for help and completion."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a subcommand.

        :raises click.ClickException: A package that it needs is not installed.
        """
        if cmd_name not in SUBCOMMANDS:
            return None
        subcommand = SUBCOMMANDS[cmd_name]
        try:
            module = import_module(f"{__package__}.{subcommand.module}")
        except ImportError as error:
            missing = error if isinstance(error, ModuleNotFoundError) else error.__cause__
            if not isinstance(missing, ModuleNotFoundError) or _is_ours(missing.name):
                raise
            if ctx.resilient_parsing:
                return None  # completion prints no errors
            raise click.ClickException(
                f"crowdflower {cmd_name} needs the package {missing.name}, which is not installed."
                f" To install it: pip install 'crowdflower-client[{subcommand.extras}]'"
            ) from None
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; a reader of the output that has enough of it is not an error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _close_stdout()
            ctx.exit(ExitCode.BROKEN_PIPE)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command and exit with its code, or without ``standalone_mode`` return it."""
        words = list(sys.argv[1:] if args is None else args)
        extra.setdefault("obj", Settings(command_line=words))
        if not standalone_mode:
            return self._run(args, prog_name, complete_var, windows_expand_args, extra)
        code: object = ExitCode.OK
        try:
            with _show_warnings():
                code = self._run(args, prog_name, complete_var, windows_expand_args, extra)
            sys.stdout.flush()
        except click.ClickException as error:
            error.message = one_line(error.message)  # type: ignore[misc]
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            _close_stdout()
            code = ExitCode.BROKEN_PIPE
        except ImportError as error:
            if "crowdflower-client[" not in str(error):  # it does not say what to install
                raise
            failure = CommandError(str(error), ExitCode.USAGE)
            failure.show()
            code = failure.exit_code
        except (ApiError, OSError) as error:
            failure = as_command_error(error)
            failure.show()
            code = failure.exit_code
        sys.exit(code if isinstance(code, int) else ExitCode.OK)

    def _run(
        self,
        args: Sequence[str] | None,
        prog_name: str | None,
        complete_var: str | None,
        windows_expand_args: bool,
        extra: Mapping[str, Any],
    ) -> Any:
        """Run the command; return its exit code, or what it returns, which is ``None``."""
        return super().main(
            args,
            prog_name,
            complete_var,
            standalone_mode=False,
            windows_expand_args=windows_expand_args,
            **extra,
        )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names without importing the subcommands."""
        names = [
            CompletionItem(name, help=subcommand.help)
            for name, subcommand in SUBCOMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the subcommands, then the options."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the tables of subcommands without importing them."""
        width = max(map(len, SUBCOMMANDS))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), each.help) for name, each in section.items()]
                )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), text) for code, text in MEANINGS.items()])
        super().format_epilog(ctx, formatter)


@contextmanager
def _show_warnings() -> Iterator[None]:
    """Print each warning of the library as one line on standard error, and once."""
    shown: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *place: Any, **_: Any) -> None:
        text = one_line(str(message))
        if not issubclass(category, UserWarning):
            usual(message, category, *place)
        elif text not in shown:
            click.echo(f"Warning: {text}", err=True)
            shown.add(text)

    with warnings.catch_warnings():
        usual = warnings.showwarning
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def _close_stdout() -> None:
    """Have Python write the rest of the output to nowhere, rather than complain at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_ours(module: str | None) -> bool:
    """Return whether a module belongs to this package, not to an extra."""
    return module is None or module.partition(".")[0] == "crowdflower"


@click.group(
    cls=Subcommands,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="COMMAND ...",
)
@click.version_option(__version__, "--version", "-V", prog_name="crowdflower")
@settings_options
def crowdflower() -> None:
    """Label data with people: a command for the CrowdFlower API, and a local sandbox.

    The API key is read from CROWDFLOWER_API_KEY, or from a file that --key-file or
    CROWDFLOWER_API_KEY_FILE names. The demo and the sandbox need none.
    """
