"""``crowdflower job``: show, create, update, copy and delete a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from crowdflower._types import JSONObject
from crowdflower.cli.dry_run import DryRunClient
from crowdflower.cli.exit_codes import CommandError, ExitCode
from crowdflower.cli.jobs.assignments import SEPARATE, check_name, read_assignments, read_text
from crowdflower.cli.money.confirmation import confirm
from crowdflower.cli.options import (
    Command,
    dry_run_option,
    job_argument,
    output_options,
    with_client,
    yes_option,
)
from crowdflower.cli.output import Column, Output, as_text, field, say, write
from crowdflower.cli.suggestions import DefaultGroup
from crowdflower.cli.values import format_dollars, format_time
from crowdflower.client import Client
from crowdflower.job import Job

FILES: Final = ("instructions", "cml", "css", "js")
"""Attributes that are usually kept in files."""


SHOWN_CHARACTERS: Final = 60
"""Characters of an old or new value that a message shows."""


@click.group(cls=DefaultGroup, default="show", subcommand_metavar="JOB | COMMAND ...")
def job() -> None:
    """Show, create, update, copy or delete a job.

    JOB is the id of a job or its alias. `crowdflower job JOB` shows it.
    """


def _dollars(amount: Any) -> str:
    return format_dollars(round(100 * amount)) if isinstance(amount, (int, float)) else ""


def _cents(cents: Any) -> str:
    return format_dollars(cents) if isinstance(cents, int) else as_text(cents)


def _names(fields: Any) -> str:
    return ", ".join(fields or ())


DETAILS: Final[list[Column[Job]]] = [
    Column("id", lambda job: job.id),
    Column("title", lambda job: job.title),
    Column("alias", lambda job: job.alias),
    Column("state", lambda job: job.state),
    Column("units_count", lambda job: job.units_count, title="units"),
    Column("golds_count", lambda job: job.golds_count, title="test questions"),
    Column("judgments_count", lambda job: job.judgments_count, title="judgments"),
    Column("judgments_per_unit", lambda job: job.judgments_per_unit, title="judgments per unit"),
    Column("units_per_assignment", lambda job: job.units_per_assignment, title="units per page"),
    Column("payment_cents", lambda job: job.payment_cents, _cents, title="pay per page"),
    Column("crowd_costs", lambda job: job.crowd_costs, _dollars, title="paid to contributors"),
    Column("auto_order", lambda job: job.auto_order or None, title="orders automatically"),
    Column("fields", lambda job: job.fields, _names, title="questions"),
    Column("webhook_uri", lambda job: job.webhook_uri, title="webhook"),
    Column("created_at", lambda job: job.created_at, format_time, title="created"),
    Column("completed_at", lambda job: job.completed_at, format_time, title="completed"),
]


@job.command(cls=Command)
@job_argument
@click.argument("fields", nargs=-1, metavar="[FIELD]...")
@output_options
@with_client
def show(client: Client, output: Output, job_id: int | str, fields: tuple[str, ...]) -> None:
    """Show a job, or some of its fields.

    One FIELD prints its value as it is, so that `crowdflower job show 7 cml > form.cml` writes a
    file. --json prints all of the job, or the fields as an object.
    """
    for name in fields:
        check_name(name)
    found = client.get_job(job_id)
    if not fields:
        output.print_object(found, DETAILS, lambda job: job.json)
        return
    values = {name: _value(found, name) for name in fields}
    if len(fields) == 1 and output.style == "table":
        (value,) = values.values()
        write(f"{value if isinstance(value, str) else as_text(value)}\n")
        return
    columns = [Column[JSONObject](name, field(name)) for name in fields]
    output.print_object(values, columns, lambda found: found)


def _value(found: Job, name: str) -> Any:
    return getattr(found, name) if name in SEPARATE else found.json.get(name)


def attribute_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument NAME=VALUE, and options for the attributes that are most often set."""
    for name in reversed(FILES):
        function = click.option(
            f"--{name}",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help=f"File with the {name.upper() if name != 'instructions' else name}.",
        )(function)
    function = click.option("--title", metavar="TEXT", help="Title, 5 to 255 characters.")(function)
    return click.argument("assignments", nargs=-1, metavar="[NAME=VALUE]...")(function)


def _attributes(assignments: tuple[str, ...], given: Mapping[str, Any]) -> JSONObject:
    """Return the attributes that the arguments and the options set."""
    attributes = read_assignments(assignments)
    for name, value in given.items():
        if value is not None:
            if name in attributes:
                raise CommandError(f"{name} is given twice", ExitCode.USAGE)
            attributes[name] = read_text(value, name) if name in FILES else value
    return attributes


@job.command(cls=Command)
@attribute_options
@dry_run_option
@output_options
@with_client
def create(client: Client, output: Output, assignments: tuple[str, ...], **given: Any) -> None:
    """Create a job without units, and print its id.

    NAME=VALUE sets an attribute: payment_cents=12, options.front_load=true,
    included_countries=FI,US, cml=@form.cml for the content of a file. Names are those of the API;
    tags and channels can be set too.
    """
    attributes = _attributes(assignments, given)
    if not attributes:
        raise click.UsageError("a job needs attributes, such as --title 'What does it say?'")
    separate = {name: attributes.pop(name) for name in SEPARATE if name in attributes}
    made = client.create_job(attributes)
    _print_new(output, made)
    _set_separately(made, separate)


@job.command(cls=Command)
@job_argument
@attribute_options
@dry_run_option
@output_options
@with_client
def update(
    client: Client, output: Output, job_id: int | str, assignments: tuple[str, ...], **given: Any
) -> None:
    """Change attributes of a job, and print each with its old and new value.

    NAME=VALUE is as in `crowdflower job create`.
    """
    attributes = _attributes(assignments, given)
    if not attributes:
        raise click.UsageError("nothing to change: write NAME=VALUE, such as payment_cents=12")
    found = client.get_job(job_id)
    separate = {name: attributes.pop(name) for name in SEPARATE if name in attributes}
    before = found.json
    if attributes:
        for name, value in attributes.items():
            if name == "options":
                found.options = {**(found.options or {}), **value}
            else:
                found[name] = value
        try:
            found.update()
        except RuntimeError as incomplete:
            raise CommandError(str(incomplete), ExitCode.USAGE) from None
    for name in attributes:
        say(f"{name}: {_brief(before.get(name))} -> {_brief(found.json.get(name))}")
    _set_separately(found, separate)
    if output.style != "table":
        output.print_object(found, DETAILS, lambda job: job.json)


@job.command(cls=Command)
@job_argument
@click.option("--all-units", is_flag=True, help="Copy all units too.")
@click.option("--gold", is_flag=True, help="Copy the test questions too.")
@click.option(
    "--only-new-and-judgable", is_flag=True, help="Also copy the units that are not finalized yet."
)
@dry_run_option
@output_options
@with_client
def copy(client: Client, output: Output, job_id: int | str, **what: bool) -> None:
    """Create a job with the same settings and form, and print its id.

    The service copies the units in the background.
    """
    _print_new(output, client.get_job(job_id).copy(**what))


@job.command(cls=Command)
@job_argument
@yes_option
@dry_run_option
@with_client
def delete(client: Client, job_id: int | str, yes: bool) -> None:
    """Delete a job; a running one must be canceled first.

    It leaves the list of jobs and can still be read by id. A terminal asks first.
    """
    found = client.get_job(job_id)
    if not isinstance(client, DryRunClient):
        confirm(f"Delete job {found.id}, {found.title!r}?", yes=yes, costs=False)
    found.delete()
    say(f"Deleted job {found.id}.")


def _print_new(output: Output, made: Job) -> None:
    """Print the id of a new job on standard output, and what it is for people."""
    say(f"Created job {made.id}{f', {made.title!r}' if made.title else ''}.")
    if output.style == "table":
        write(f"{made.id}\n")
    else:
        output.print_object(made, DETAILS, lambda job: job.json)


def _set_separately(changed: Job, separate: Mapping[str, list[str]]) -> None:
    """Set tags and channels, each by a request of its own."""
    for name, value in separate.items():
        setattr(changed, name, value)
        say(f"{name}: {', '.join(value)}")


def _brief(value: Any) -> str:
    """Return a value for a message, at most a line of it."""
    text = as_text(value) or "(empty)"
    first, *more = text.splitlines()
    is_cut = more or len(first) > SHOWN_CHARACTERS
    return f"{first[:SHOWN_CHARACTERS]}…" if is_cut else first
