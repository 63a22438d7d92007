"""The options that several subcommands share, as decorators."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from crowdflower._types import masked
from crowdflower.cli.dry_run import DryRunClient, DryRunEnded
from crowdflower.cli.output import Output
from crowdflower.cli.settings import JOURNAL, KEY, KEY_FILE, URL, Settings
from crowdflower.cli.values import JOB
from crowdflower.client import Client

ACCOUNT: Final = "Account"
"""The section of the help with the options that every command of the account has."""


class AccountOption(click.Option):
    """An option that the help lists in a section of its own."""


class Command(click.Command):
    """A command whose help lists the options of the account last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and below them those of the account."""
        write_options(self, ctx, formatter)


def write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Write the options of a command, and below them those of the account."""
    records: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if isinstance(param, click.Option) and record is not None:
            records[isinstance(param, AccountOption)].append(record)
    for is_account, title in ((False, "Options"), (True, ACCOUNT)):
        if records[is_account]:
            with formatter.section(title):
                formatter.write_dl(records[is_account])


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the account, which are kept in the :class:`Settings` of the run."""
    for option in reversed(_SETTINGS):
        function = option(function)
    return function


def with_client(function: Callable[..., None]) -> Callable[..., None]:
    """Pass a client of the account as the first argument; add the options for the account."""

    @settings_options
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        settings = click.get_current_context().ensure_object(Settings)
        is_dry = bool(kwargs.pop(_IS_DRY, False))
        with settings.client(DryRunClient if is_dry else Client) as client:
            try:
                function(client, *args, **kwargs)
            except DryRunEnded as ended:
                click.echo("\n".join(ended.lines))
                click.echo("Dry run: this was not sent.", err=True)

    return run


def dry_run_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--dry-run``: the command ends before its first change, and prints that request.

    :func:`with_client` does it.
    """
    help_ = "Print the request that would change something, and do not send it."
    return click.option("--dry-run", "-n", _IS_DRY, is_flag=True, help=help_)(function)


def output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` and ``--csv``, and pass the :class:`Output` that they choose."""

    @wraps(function)
    def run(*args: Any, as_json: bool, as_csv: bool, **kwargs: Any) -> Any:
        if as_json and as_csv:
            raise click.UsageError("--json and --csv exclude each other")
        style: Any = "json" if as_json else "csv" if as_csv else "table"
        return function(*args, output=Output(style), **kwargs)

    for option in (
        click.option("--csv", "as_csv", is_flag=True, help="Print CSV."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    ):
        run = option(run)
    return run


job_argument: Final = click.argument("job_id", metavar="JOB", type=JOB)
"""Adds the argument JOB: the id or the alias of a job."""

payment_key_option: Final = click.option(
    "--key",
    metavar="TEXT",
    help="Your name for this payment, which is made at most once, however often you run this.",
)

yes_option: Final = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def _keep(name: str, convert: Callable[[Any], Any] = lambda value: value) -> Callable[..., None]:
    """Return a callback that keeps the value of an option in the settings of the run."""

    def keep(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.ensure_object(Settings), name, convert(value))

    return keep


def _keep_key(context: click.Context, _: click.Parameter, key: str | None) -> None:
    if key is None:
        return
    click.echo(
        "Warning: all users of this machine can read --api-key in the list of processes;"
        f" set {KEY}, or use --key-file.",
        err=True,
    )
    context.ensure_object(Settings).api_key = masked(key)


def _log(context: click.Context, _: click.Parameter, verbosity: int) -> None:
    """Print the log of the library to standard error."""
    if not verbosity or context.resilient_parsing:
        return
    logger = logging.getLogger("crowdflower")
    logger.setLevel(min(logger.level or logging.INFO, _LEVELS[min(verbosity, 2)]))
    if not any(isinstance(each, _ErrorHandler) for each in logger.handlers):
        handler = _ErrorHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        context.find_root().call_on_close(lambda: logger.removeHandler(handler))


class _ErrorHandler(logging.Handler):
    """Writes to what standard error is at that time."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


_LEVELS: Final = {1: logging.INFO, 2: logging.DEBUG}
_IS_DRY: Final = "is_dry_run"

_SETTINGS: Final = (
    click.option(
        "--key-file",
        cls=AccountOption,
        expose_value=False,
        callback=_keep("key_file"),
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help=f"File that holds the API key; also set by {KEY_FILE}. By default {KEY} is used.",
    ),
    click.option(
        "--api-key",
        cls=AccountOption,
        expose_value=False,
        callback=_keep_key,
        metavar="KEY",
        help="The API key; other users of this machine can see it.",
    ),
    click.option(
        "--api-url",
        cls=AccountOption,
        expose_value=False,
        callback=_keep("api_url"),
        metavar="URL",
        help=f"Address of the API, version included; also set by {URL}.",
    ),
    click.option(
        "--allow-insecure",
        cls=AccountOption,
        expose_value=False,
        callback=_keep("allow_insecure"),
        is_flag=True,
        help="Send the key over plain HTTP to another machine.",
    ),
    click.option(
        "--journal",
        cls=AccountOption,
        expose_value=False,
        callback=_keep("journal"),
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help=f"Journal of payments; also set by {JOURNAL}. By default in the user's state folder.",
    ),
    click.option(
        "-v",
        "--verbose",
        cls=AccountOption,
        expose_value=False,
        callback=_log,
        count=True,
        help="Log payments, waits and retries to standard error; twice, all requests.",
    ),
    click.option(
        "--debug",
        cls=AccountOption,
        expose_value=False,
        callback=lambda context, param, value: _log(context, param, 2 * value),
        is_flag=True,
        help="The same as -vv.",
    ),
)
