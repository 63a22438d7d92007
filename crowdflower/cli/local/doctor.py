"""``crowdflower doctor``: whether this machine can use the account, and what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import click

from crowdflower import __version__
from crowdflower.cli.exit_codes import CommandError, ExitCode
from crowdflower.cli.options import Command, output_options, settings_options
from crowdflower.cli.output import Column, Output, say
from crowdflower.cli.settings import Settings
from crowdflower.cli.values import count, format_dollars
from crowdflower.client import Client
from crowdflower.exceptions import ApiError
from crowdflower.payments.journal import Journal

EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "cli": ("click", "rich", "tomlkit"),
    "sandbox": ("flask", "waitress", "sqlalchemy", "nh3", "python-liquid", "segno"),
    "postgres": ("psycopg",),
    "pandas": ("pandas",),
    "polars": ("polars",),
    "arrow": ("pyarrow",),
    "quality": ("numpy",),
    "spark": ("pyspark", "pandas", "pyarrow", "numpy"),
    "dlt": ("dlt", "pyarrow"),
    "fast": ("orjson",),
}
"""The packages of each extra, as in setup.py."""

MAX_SKEW: Final = 60
"""Seconds that the clock may be wrong: times of payments and of reports are compared with it."""

DEADLINE: Final = 20.0
"""Seconds that the service has to answer."""

PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
CERTIFICATES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")

Status: TypeAlias = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Check:
    """What was looked at, and how it is."""

    name: str
    status: Status
    text: str


COLUMNS: Final[list[Column[Check]]] = [
    Column("status", lambda check: check.status),
    Column("name", lambda check: check.name),
    Column("text", lambda check: check.text, wraps=True),
]


@click.command(cls=Command)
@output_options
@settings_options
def doctor(output: Output) -> None:
    """Check the installation, the key, the connection, the journal and the terminal.

    The account is read, and nothing is changed. If there is a problem, the exit code is 5.
    """
    settings = click.get_current_context().ensure_object(Settings)
    checks = list(run_checks(settings))
    output.print_list(checks, COLUMNS, asdict)
    problems = [check for check in checks if check.status == "problem"]
    if problems:
        say(f"{count(len(problems), 'problem')}.")
        click.get_current_context().exit(ExitCode.PROBLEMS)
    say("No problems.")


def run_checks(settings: Settings) -> Iterator[Check]:
    """Yield what was found, in the order in which things are needed."""
    yield _check_python()
    yield from _check_packages()
    yield from _check_key(settings)
    yield from _check_service(settings)
    yield _check_journal(settings)
    yield from _check_network()
    yield _check_terminal()


def _check_python() -> Check:
    system = f"{platform.system()} {platform.machine()}"
    text = f"{platform.python_implementation()} {platform.python_version()}, {system}"
    return Check("python", "ok", f"{text}, {sys.executable}")


def _check_packages() -> Iterator[Check]:
    found = [f"{name} {_version(name)}" for name in ("requests", "urllib3")]
    yield Check("packages", "ok", f"crowdflower {__version__}, {', '.join(found)}")
    for extra, names in EXTRAS.items():
        versions = {name: _version(name) for name in names}
        missing = [name for name, installed in versions.items() if installed is None]
        if missing:
            what = ", ".join(missing)
            advice = f"pip install 'crowdflower-client[{extra}]'"
            yield Check(f"extra {extra}", "note", f"not installed: {what}; {advice}")
        else:
            installed = ", ".join(f"{name} {found}" for name, found in versions.items())
            yield Check(f"extra {extra}", "ok", installed)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _check_key(settings: Settings) -> Iterator[Check]:
    try:
        key = settings.read_key()
    except CommandError as error:
        yield Check("key", "problem", error.message)
        return
    source = settings.key_source
    yield Check("key", "ok", f"**** ({count(len(key), 'character')}), from {source}")
    path = Path(source).expanduser()
    if (
        os.name == "posix"
        and path.is_file()
        and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    ):
        yield Check("key file", "note", f"other users can read {path}; chmod 600 {path}")


def _check_service(settings: Settings) -> Iterator[Check]:
    """Read the account, which needs the address, the network and the key."""
    if not settings.key_source:
        yield Check("service", "note", f"{settings.base_url}; without a key it was not asked")
        return
    began = time.time()
    try:
        with settings.client(Client, retries=1, deadline=DEADLINE) as client:
            response = client.call("account.json", as_json=False)
            account = client.get_account()
    except (ApiError, CommandError) as error:
        text = error.message if isinstance(error, CommandError) else str(error)
        yield Check("service", "problem", f"{settings.base_url}: {text}")
        return
    ended = time.time()
    balance = account.get("balance")
    owner = f"{account.get('email') or account['id']}, balance {format_dollars(balance)}"
    yield Check("service", "ok", f"{settings.base_url}, {owner}")
    yield check_clock(response.headers.get("Date"), began, ended)


def check_clock(date: str | None, began: float, ended: float) -> Check:
    """Compare the clock with that of the service."""
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Check("clock", "note", "the service does not send its time")
    skew = max(began - 1 - theirs, theirs - ended, 0)
    if skew > MAX_SKEW:
        mine = datetime.fromtimestamp(ended).astimezone()
        return Check(
            "clock",
            "problem",
            f"{skew:,.0f} seconds off: {mine:%Y-%m-%d %H:%M:%S %z} here, {date} at the service",
        )
    return Check("clock", "ok", "agrees with the service")


def _check_journal(settings: Settings) -> Check:
    path = settings.journal_path
    try:
        pending = Journal(path).pending()
    except ApiError as error:
        return Check("journal", "problem", str(error))
    if pending:
        return Check(
            "journal",
            "problem",
            f"{path}, {count(len(pending), 'payment')} with an unknown outcome; see"
            " crowdflower pending",
        )
    if path.exists():
        return Check("journal", "ok", f"{path}, no pending payments")
    folder = next(each for each in path.absolute().parents if each.exists())
    if not os.access(folder, os.W_OK):
        return Check("journal", "problem", f"{path} cannot be created: no access to {folder}")
    return Check("journal", "ok", f"{path}, created by the first payment")


def _check_network() -> Iterator[Check]:
    for name in (*PROXIES, *CERTIFICATES, "CROWDFLOWER_ALLOW_INSECURE"):
        for each in {name, name.lower()} if name in PROXIES else {name}:
            if os.environ.get(each):
                yield Check(each, "note", _without_password(os.environ[each]))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=f"****@{parts.netloc.rpartition('@')[2]}"))


def _check_terminal() -> Check:
    encoding = sys.stdout.encoding or "unknown"
    columns = f"{shutil.get_terminal_size().columns} columns"
    place = columns if sys.stdout.isatty() else "not a terminal"
    if not encoding.lower().startswith("utf"):
        advice = "titles may show as ?; set PYTHONIOENCODING=utf-8"
        return Check("terminal", "note", f"{encoding}, {place}; {advice}")
    return Check("terminal", "ok", f"{encoding}, {place}")
