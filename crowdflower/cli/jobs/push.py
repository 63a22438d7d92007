"""``crowdflower push``: send to a job what its folder has otherwise, or check that nothing is."""

from __future__ import annotations

from pathlib import Path

import click

from crowdflower.cli.exit_codes import CommandError, ExitCode
from crowdflower.cli.money.confirmation import confirm
from crowdflower.cli.options import Command, with_client, yes_option
from crowdflower.cli.output import say, to_json, write
from crowdflower.cli.values import JOB
from crowdflower.client import Client
from crowdflower.rows.job_folders.job_changes import JobChanges


@click.command(cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--job",
    "job_id",
    type=JOB,
    help="Id or alias of the job. By default it is the one that was pulled, or the one with the"
    " alias in the folder.",
)
@click.option("--check", is_flag=True, help="Send nothing; exit with code 5 if something differs.")
@click.option("--create", is_flag=True, help="Create the job if there is none.")
@click.option("--rows", is_flag=True, help="Also upload rows.jsonl, to a job without rows.")
@click.option("--delete", is_flag=True, help="Delete test questions that the folder lacks.")
@click.option(
    "--force", is_flag=True, help="Overwrite what was changed in the job since the last pull."
)
@yes_option
@click.option("--dry-run", "-n", is_flag=True, help="Show the differences, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
@with_client
def push(
    client: Client,
    folder: Path,
    job_id: int | str | None,
    check: bool,
    create: bool,
    rows: bool,
    delete: bool,
    force: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send to a job what its folder has otherwise, and nothing else.

    Prints the differences and probable mistakes in the form. A terminal asks before anything is
    sent. FOLDER is one that `crowdflower pull` has written, or has at least a job.toml.
    """
    if check:
        changes = client.compare_files(folder, job_id)
        _print(changes, as_json=as_json)
        if changes or changes.problems:
            found = "the job and the folder differ" if changes else "the form may have mistakes"
            raise CommandError(found, ExitCode.PROBLEMS)
        return

    def ask(changes: JobChanges) -> bool:
        _print(changes, as_json=as_json)
        changes.check(force=force)
        if dry_run:
            return False
        if changes:
            target = f"job {changes.job['id']}" if changes.job else "a new job"
            confirm(f"Send this to {target}?", yes=yes, costs=False)
        return True

    job = client.push_files(
        folder, job_id, create=create, delete=delete, rows=rows, force=force, confirm=ask
    )
    if job is None:
        say("Dry run: this was not sent.")
    else:
        say(f"Job {job.id} has what is in {folder}.")


def _print(changes: JobChanges, *, as_json: bool) -> None:
    write(f"{to_json(changes.json, indent=2) if as_json else changes}\n")
