"""``crowdflower serve``: run the sandbox as a server until Ctrl-C or SIGTERM."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from crowdflower._types import SecretText, one_line
from crowdflower.cli.local.announcement import announce
from crowdflower.cli.local.background import keep_time, run_crowd, send_callbacks, send_webhooks
from crowdflower.cli.local.exposure import (
    PASSWORD_VARIABLE,
    Exposure,
    OriginOption,
    ServeCommand,
    check_exposure,
)
from crowdflower.cli.local.server_address import outer_host
from crowdflower.cli.values import DOLLARS, ValueType
from crowdflower.job_files import JobFolder
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.ampcrowd import AccessPolicy
from crowdflower.sandbox.box import BALANCE_CENTS
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.desk.access import Access
from crowdflower.sandbox.pages.invitations.public_address import is_loopback
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.server.sockets import Server
from crowdflower.sandbox.store import SchemaMismatch, StoreFailure
from crowdflower.sandbox.store.failures import Unreachable

KEY_VARIABLE: Final = "CROWDFLOWER_SANDBOX_KEY"
"""Not the client's variable: the key of a paid account must not reach a sandbox."""


def check_key(context: click.Context, option: click.Parameter, key: str | None) -> str | None:
    """Return a valid key; warn if it was given on the command line."""
    try:
        if key is not None:
            accounts.check_key(key)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
        click.echo(
            "Warning: all users of this machine can read --key in the list of processes;"
            f" set {KEY_VARIABLE} instead.",
            err=True,
        )
    return key


class DatabaseOption(ValueType):
    """A database: the path of a file, or a URL with ``://``."""

    name = "file or URL"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Return a path, or a URL as a string."""
        if "://" in value:
            return SecretText(value)  # it may hold a password
        path: Path = click.Path(dir_okay=False, path_type=Path).convert(value, param, ctx)
        return path


@click.command(cls=ServeCommand)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. One that other machines can reach also needs --public.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for any free port.",
)
@click.option(
    "--database",
    type=DatabaseOption(),
    help="File to store all data in, or postgresql://USER@HOST/NAME to share a database with other"
    " servers. Without it, all data is in memory and lost at the end.",
)
@click.option(
    "--key",
    callback=check_key,
    envvar=KEY_VARIABLE,
    help=f"API key of the account; better set {KEY_VARIABLE}. Default: a new key.",
)
@click.option(
    "--balance",
    type=DOLLARS,
    default=f"{BALANCE_CENTS / 100:.2f}",
    metavar="DOLLARS",
    show_default=True,
    help="Opening balance of a new account.",
)
@click.option(
    "--crowd",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Number of simulated contributors who work on every launched job.",
)
@click.option(
    "--public",
    "is_public",
    is_flag=True,
    help="Allow other machines to connect, to a --host that they can reach.",
)
@click.option(
    "--url",
    "public_url",
    type=OriginOption(),
    metavar="ADDRESS",
    help="Address of the reverse proxy in front of the server, such as https://label.example.org.",
)
@click.option(
    "--qr/--no-qr",
    default=None,
    help="Print a QR code for the page of each job. Default: if the output is a terminal.",
)
@click.option(
    "--files",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of pictures, sounds and films, which rows name as files/NAME.",
)
@click.option(
    "--allow-job-scripts",
    is_flag=True,
    help="Run the scripts and styles of jobs for contributors, in a frame whose requests to other"
    " sites browsers refuse.",
)
@click.option(
    "--desk/--no-desk",
    default=None,
    help="Serve the requester's desk. Default: if only this machine can connect. It opens with the"
    f" printed link, or with the password in {PASSWORD_VARIABLE}.",
)
@click.option(
    "--insecure-desk",
    is_flag=True,
    help="Allow the desk over plain HTTP from other machines.",
)
@click.option(
    "--ampcrowd",
    is_flag=True,
    help="Also serve the AMPCrowd API: to this machine, or with --host to clients with the token.",
)
@click.option(
    "--control",
    is_flag=True,
    help="Also serve /_sandbox/: clients with the token can reset the sandbox, move its clock and"
    " inject faults. The token is printed.",
)
@click.option(
    "--load",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Folder of a job, as crowdflower pull writes it; may be repeated. If the database has a"
    " job with its alias, that one stays as it is.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Refuse requests that would get a warning, with status 422 and its text.",
)
@click.option(
    "--names",
    is_flag=True,
    help="Print the names of contributors in reports, which otherwise have numbers only.",
)
def serve(
    host: str,
    port: int,
    database: Path | str | None,
    key: str | None,
    balance: int,
    crowd: int,
    is_public: bool,
    public_url: str | None,
    qr: bool | None,
    files: Path | None,
    allow_job_scripts: bool,
    desk: bool | None,
    insecure_desk: bool,
    ampcrowd: bool,
    control: bool,
    folders: tuple[Path, ...],
    strict: bool,
    names: bool,
) -> None:
    """Run the sandbox as a server on this machine.

    Prints the address, the API key, and the two lines that configure a client. Ctrl-C or SIGTERM
    stops it after the running requests. The same --database restores the key and the jobs of the
    last run.
    """
    exposure = check_exposure(
        host, public_url, is_public=is_public, desk=desk, insecure_desk=insecure_desk
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # a background job of a shell ignores SIGINT
        signal.signal(number, signal.default_int_handler)
    policy = access_policy(exposure) if ampcrowd else None
    settings = {"control": control, "strict": strict, "files": files, "public_url": public_url}
    settings |= {"desk": desk_setting(exposure), "job_scripts": allow_job_scripts, "names": names}
    with (
        suppress(KeyboardInterrupt),
        open_sandbox(database, key, balance, policy, **settings) as box,
        start_server(box, exposure, port) as server,
        send_callbacks(box, policy),
        send_webhooks(box, is_open=exposure.is_open),
        keep_time(box),
        run_crowd(box, crowd, policy),
    ):
        for line in load_jobs(box, folders, is_stored=database is not None):
            click.echo(line)
        announce(server, box, database, policy, exposure, qr=qr)
        while True:
            time.sleep(3600)
    click.echo("Stopped.")


def access_policy(exposure: Exposure) -> AccessPolicy:
    """Admit AMPCrowd clients on this machine, or if others can connect those that have a token."""
    if not exposure.is_open:
        return AccessPolicy()
    return AccessPolicy(token=Clock(virtual=False).token(), loopback=False)


def desk_setting(exposure: Exposure) -> bool | str:
    """Return whether the desk is served, or its password.

    :raises click.ClickException: The password is too short.
    """
    password = os.environ.get(PASSWORD_VARIABLE)
    if not exposure.has_desk or not password:
        return exposure.has_desk
    try:
        Access(password)
    except ValueError as error:
        raise click.ClickException(f"{PASSWORD_VARIABLE}: {error}") from None
    return password


def open_sandbox(
    database: Path | str | None,
    key: str | None,
    balance_cents: int,
    ampcrowd: AccessPolicy | None,
    **settings: Any,
) -> Sandbox:
    """Return a sandbox with the system clock.

    :param settings: Further arguments of :class:`~crowdflower.sandbox.box.Sandbox`.
    :raises click.ClickException: The database cannot be used.
    """
    clock = Clock(virtual=False)
    try:
        return Sandbox(
            key=key,
            balance_cents=balance_cents,
            database=database,
            clock=clock,
            ampcrowd=ampcrowd or False,
            **settings,
        )
    except SchemaMismatch as mismatch:
        raise click.ClickException(str(mismatch)) from None
    except OSError as error:
        raise click.ClickException(f"{database} cannot be opened: {error.strerror}.") from None
    except (Unreachable, ImportError) as problem:
        raise click.ClickException(str(problem)) from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--database") from None
    except StoreFailure as failure:
        name = database if isinstance(database, Path) else "The database"
        raise click.ClickException(f"{name} cannot be used: {failure}") from None


def load_jobs(box: Sandbox, folders: Iterable[Path], *, is_stored: bool) -> Iterator[str]:
    """Create the jobs of folders, and yield a line about each.

    :param is_stored: They are kept for the next start, which must find them again.
    :raises click.ClickException: A folder cannot be used.
    """
    for folder in folders:
        try:
            settings = JobFolder(folder).read().settings
            if is_stored and not settings.get("alias"):
                raise click.ClickException(
                    f"{folder / 'job.toml'}: with --database the job needs an alias, so that the"
                    " next start finds it and makes no second one"
                )
            number = box.load_job(folder)
        except ValueError as problem:
            raise click.ClickException(str(problem)) from None
        webhook = settings.get("webhook_uri")
        yield one_line(
            f"Job       {number}, from {folder}" + (f"; notifies {webhook}" if webhook else "")
        )


def start_server(box: Sandbox, exposure: Exposure, port: int) -> Server:
    """Return a server that accepts connections.

    :raises click.ClickException: The port is in use, or the host is not an address of this machine.
    """
    host = exposure.host
    hosts = [*exposure.host_names]
    if not is_loopback(host):
        hosts += [socket.gethostname(), outer_host(host) or host]
    has_proxy = exposure.public_url is not None
    try:
        return Server(
            box.app, host, port, hosts=hosts, kind_of=box.app.kind_of, has_proxy=has_proxy
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"port {port} is in use; choose another with --port, or 0 for any free port"
        else:
            problem = f"cannot listen on {host}, port {port}: {error.strerror or error}"
        raise click.ClickException(problem) from None
