"""``crowdflower pull``: write a job to a folder of readable files."""

from __future__ import annotations

from pathlib import Path

import click

from crowdflower.cli.exit_codes import CommandError
from crowdflower.cli.options import Command, job_argument, with_client
from crowdflower.cli.output import say, write
from crowdflower.cli.values import count
from crowdflower.client import Client


@click.command(cls=Command)
@job_argument
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--rows", is_flag=True, help="Also write the rows, to rows.jsonl.")
@click.option("--force", is_flag=True, help="Replace edits that the job does not have.")
@with_client
def pull(client: Client, job_id: int | str, folder: Path, rows: bool, force: bool) -> None:
    """Write the settings, texts and test questions of a job to a folder, as readable files.

    Prints the files that were written. In a folder that was pulled before, comments and edits are
    kept; if the job was changed in the same place, nothing is written. Other files are never
    touched. `crowdflower push FOLDER` sends edits to the job.
    """
    job = client.get_job(job_id)
    try:
        paths = job.save_files(folder, rows=rows, force=force)
    except ImportError as missing:
        raise CommandError(str(missing)) from None
    for path in paths:
        write(f"{path}\n")
    done = f"wrote {count(len(paths), 'file')}" if paths else f"{folder} is up to date"
    say(f"Job {job.id}: {done}.")
