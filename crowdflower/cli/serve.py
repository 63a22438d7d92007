"""``crowdflower serve``: the API and its crowd on this machine, until somebody ends it."""

from __future__ import annotations

import errno
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.ampcrowd import AccessPolicy
from crowdflower.sandbox.box import BALANCE_CENTS
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.errors import NotFound
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.server.sockets import LOOPBACK, Server
from crowdflower.sandbox.store import SchemaMismatch, StoreFailure
from crowdflower.sandbox.store.failures import Unreachable
from crowdflower.sandbox.webhooks.delivery import HttpReceiver

if TYPE_CHECKING:
    from crowdflower.sandbox.crowd import Crowd

BREATH: Final = 0.2
"""Seconds between two looks for work, or for something to deliver."""

KEY_VARIABLE: Final = "CROWDFLOWER_SANDBOX_KEY"
"""Not that of the client: the key of an account that costs money has no place in a sandbox."""


def cents(_: click.Context, __: click.Parameter, dollars: str) -> int:
    """Read an amount of money, in dollars, exactly.

    >>> cents(None, None, "12.50")
    1250
    """
    try:
        amount = 100 * Decimal(dollars)
    except InvalidOperation:
        raise click.BadParameter(
            f"give an amount in dollars such as 12.50, not {dollars!r}"
        ) from None
    if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
        raise click.BadParameter(f"{dollars!r} is no whole number of cents from 0 on")
    if amount > accounts.MAX_CENTS:
        raise click.BadParameter(f"{dollars!r} is more than {accounts.MAX_CENTS // 100:,} dollars")
    return int(amount)


def checked_key(context: click.Context, option: click.Parameter, key: str | None) -> str | None:
    """Refuse what cannot be a key, and warn of one that stands on the command line."""
    try:
        if key is not None:
            accounts.check_key(key)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
        click.echo(
            "Warning: every user of this machine can read --key in the list of processes;"
            f" set {KEY_VARIABLE} instead.",
            err=True,
        )
    return key


class Kept(click.ParamType[Path | str]):
    """Where a database is: a file, or an address with ``://``."""

    name = "file or address"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Read it."""
        if "://" in value:
            return value
        found: Path = click.Path(dir_okay=False, path_type=Path).convert(value, param, ctx)
        return found


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for any that is free.",
)
@click.option(
    "--database",
    type=Kept(),
    help="File that keeps everything, or postgresql://USER@HOST/NAME for several servers on one"
    " database. Without it, everything is in memory and gone at the end.",
)
@click.option(
    "--key",
    callback=checked_key,
    envvar=KEY_VARIABLE,
    help=f"API key of the account, better set as {KEY_VARIABLE}; without it, a new key is made.",
)
@click.option(
    "--balance",
    callback=cents,
    default=f"{BALANCE_CENTS / 100:.2f}",
    metavar="DOLLARS",
    show_default=True,
    help="Balance of the account when it is made.",
)
@click.option(
    "--crowd",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Simulated contributors, who work on every job that is launched.",
)
@click.option(
    "--ampcrowd",
    is_flag=True,
    help="Answer AMPCrowd's API too: to this machine, or with --host to whoever has the token.",
)
@click.option(
    "--control",
    is_flag=True,
    help="Let whoever has the token reset it, move its clock and make things go wrong, below"
    " /_sandbox/; the token is printed.",
)
def serve(
    host: str,
    port: int,
    database: Path | str | None,
    key: str | None,
    balance: int,
    crowd: int,
    ampcrowd: bool,
    control: bool,
) -> None:
    """Serve the API and its crowd on this machine.

    Prints the address, the key, and the line that points a client to them. Ctrl-C or SIGTERM ends
    it: what is being answered is finished first. With the same --database the key and the jobs of
    the last time are there again.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(ending, signal.default_int_handler)
    door = access(host) if ampcrowd else None
    with (
        suppress(KeyboardInterrupt),
        opened(database, key, balance, door, control=control) as box,
        listening(box, host, port) as server,
        delivering(box, door),
        telling(box, host),
        alongside(_keep_time, box),
        working(box, crowd, door),
    ):
        click.echo(announcement(server.url, box, database, door))
        while True:
            time.sleep(3600)
    click.echo("Ended.")


def access(host: str) -> AccessPolicy:
    """Open AMPCrowd's door to this machine, or, where others can knock, to those with a token."""
    if host in LOOPBACK:
        return AccessPolicy()
    return AccessPolicy(token=Clock(virtual=False).token(), loopback=False)


def opened(
    database: Path | str | None,
    key: str | None,
    balance_cents: int,
    door: AccessPolicy | None,
    *,
    control: bool,
) -> Sandbox:
    """Open the database, or one in memory; time is the machine's, and tokens are secrets."""
    clock = Clock(virtual=False)
    try:
        return Sandbox(
            key=key,
            balance_cents=balance_cents,
            database=database,
            clock=clock,
            ampcrowd=door or False,
            control=control,
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


def listening(box: Sandbox, host: str, port: int) -> Server:
    """Begin to answer, or say why not."""
    hosts = [] if host in LOOPBACK else [socket.gethostname()]
    try:
        return Server(box.app, host, port, hosts=hosts)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = (
                f"port {port} is in use; choose another with --port, or 0 for any that is free"
            )
        else:
            problem = f"cannot listen on {host}, port {port}: {error.strerror or error}"
        raise click.ClickException(problem) from None


@contextmanager
def delivering(box: Sandbox, door: AccessPolicy | None) -> Iterator[None]:
    """Post answers to where AMPCrowd's requesters want them while the block lasts."""
    if door is None:
        yield
        return
    with alongside(_deliver, box):
        yield


@contextmanager
def telling(box: Sandbox, host: str) -> Iterator[None]:
    """Send requesters' servers what they want to be told while the block lasts."""
    box.receive_webhooks(HttpReceiver(allow_loopback=host in LOOPBACK))
    with alongside(_tell, box):
        yield


@contextmanager
def working(box: Sandbox, contributors: int, door: AccessPolicy | None) -> Iterator[None]:
    """Let simulated contributors work on every running job while the block lasts."""
    if not contributors:
        yield
        return
    groups = door is not None
    with alongside(partial(_work, number=contributors, left_alone=set(), groups=groups), box):
        yield


@contextmanager
def alongside(do: Callable[[Sandbox, Event], None], box: Sandbox) -> Iterator[None]:
    """Do something again and again, in a thread, until the block ends and says so by the event.

    What it fails at is said once, and tried again until it succeeds.
    """
    ended = Event()
    thread = Thread(target=_again, args=(do, box, ended), name="crowdflower-alongside")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _again(do: Callable[[Sandbox, Event], None], box: Sandbox, ended: Event) -> None:
    said = None
    while not ended.wait(BREATH):
        problem = _problem(do, box, ended)
        if problem is not None and problem != said:
            click.echo(problem, err=True)
        said = problem


def _problem(do: Callable[[Sandbox, Event], None], box: Sandbox, ended: Event) -> str | None:
    """Do it; return what it failed at, the database or a bug."""
    try:
        do(box, ended)
    except StoreFailure as failure:
        return f"Waiting for the database: {failure}"
    except Exception as error:  # noqa: BLE001 - without its thread nobody would be told, or work
        seen = "".join(traceback.format_exception(error)).replace(box.key, "****")
        return f"The sandbox has a bug, and goes on:\n{seen}"
    return None


def _deliver(box: Sandbox, ended: Event) -> None:
    """Post the answers that are due, once, and say what did not arrive."""
    for attempt in box.ampcrowd.deliver(ended.is_set):
        if attempt.problem is not None:
            click.echo(f"{attempt.group_id} to {attempt.url}: {attempt.problem}", err=True)


def _keep_time(box: Sandbox, _: Event) -> None:
    """Do what has become due."""
    box.keep_time()


def _tell(box: Sandbox, ended: Event) -> None:
    """Send the notifications that are due, once, and say what did not arrive."""
    for attempt in box.deliver_webhooks(ended.is_set):
        if attempt.problem is not None:
            click.echo(f"{attempt.signal} to {attempt.uri}: {attempt.problem}", err=True)


def _work(box: Sandbox, ended: Event, *, number: int, left_alone: set[int], groups: bool) -> None:
    """Look for jobs that run, and do what there is to do in each that can be done.

    Not by requests: those are for others to see, and faults for others to have.
    """
    crowd = box.crowd
    if not _is_here(box, crowd):
        crowd.contributors.clear()
        crowd.add(number)
        crowd.afterwards = None  # a receiver that keeps silent is waited for by others
        left_alone.clear()
    with box.database.snapshot() as tx:
        running = {*jobs.running_job_ids(tx, box.key)}
    running |= {*box.ampcrowd.running_jobs()} if groups else set()
    left_alone |= {
        each for each in sorted(running - left_alone) if _refused(box, crowd, each, ended)
    }


def _is_here(box: Sandbox, crowd: Crowd) -> bool:
    """Tell whether the crowd has joined, and no server of this database was reset since."""
    if not crowd.contributors or crowd is not box.crowd:
        return False
    first = crowd.contributors[0].worker
    try:
        with box.database.snapshot() as tx:
            return bool(workers.find(tx, first.id).created_at == first.created_at)
    except NotFound:
        return False


def _refused(box: Sandbox, crowd: Crowd, job_id: int, ended: Event) -> bool:
    """Do the pages of one job, one at a time; say it if the crowd cannot."""
    try:
        while crowd.run(job_id, pages=1).ended == "pages" and not ended.is_set():
            if not _is_here(box, crowd):
                break
    except LookupError:
        return False  # the sandbox was reset meanwhile
    except ValueError as error:
        click.echo(f"The crowd leaves job {job_id} alone: {error}", err=True)
        return True
    return False


def announcement(
    origin: str, box: Sandbox, database: Path | str | None, door: AccessPolicy | None
) -> str:
    """Say what runs where, and how to use it."""
    kept = (
        "kept in memory, gone at the end; --database FILE keeps it"
        if database is None
        else f"kept in {database if isinstance(database, Path) else box.database.name}"
    )
    url = f"{origin}/v1"
    ampcrowd = f"\nAMPCrowd  {origin}" if door is not None else ""
    if door is not None and door.token is not None:
        ampcrowd += f"\nToken     {door.token}   (of AMPCrowd's API: ?token=…)"
    control = ""
    if box.control_token is not None:
        control = f"\nControl   {origin}/_sandbox/   Authorization: Bearer {box.control_token}"
    return f"""\
Address   {url}
API key   {box.key}
Data      {kept}
People    {origin}/work/JOB?secret=SECRET   (a job's id and secret){ampcrowd}{control}

Point a client to it, and give it no arguments:

  export CROWDFLOWER_API_URL={url} CROWDFLOWER_API_KEY={box.key}

Ctrl-C ends it."""
