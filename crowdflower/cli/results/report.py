"""``crowdflower report``: download a report."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from crowdflower.cli.exit_codes import CommandError
from crowdflower.cli.options import Command, dry_run_option, job_argument, with_client
from crowdflower.cli.output import print_json_array, say, write_bytes
from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.rows import report_archive
from crowdflower.rows.report_download import download
from crowdflower.states import REPORT_TYPES, ReportType

OVERWRITE: Final = "--overwrite"


@click.command(cls=Command)
@job_argument
@click.argument("type_", metavar="[TYPE]", type=click.Choice(REPORT_TYPES), default="full")
@click.option(
    "--output",
    "-o",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a file instead; .zip keeps the archive as it comes.",
)
@click.option(OVERWRITE, is_flag=True, help="Replace an existing file.")
@click.option("--regenerate", is_flag=True, help="Have the report rebuilt first.")
@click.option(
    "--spreadsheet-safe",
    is_flag=True,
    help="Put ' before each cell that a spreadsheet would evaluate as a formula.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV; the default, except for json.")
@dry_run_option
@with_client
def report(
    client: Client,
    job_id: int | str,
    type_: ReportType,
    path: Path | None,
    overwrite: bool,
    regenerate: bool,
    spreadsheet_safe: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Download a report of a job, which the service builds first.

    TYPE is full (the default: a row for each judgment), aggregated (a row for each unit), json
    (units with judgments, one JSON object a line), gold_report, workset (contributors) or source.
    """
    _check_options(type_, path, spreadsheet_safe, as_json=as_json, as_csv=as_csv)
    job = client.get_job(job_id)
    if regenerate:
        job.regenerate(type_)
    if path is not None:
        _save(job, type_, path, overwrite, spreadsheet_safe=spreadsheet_safe)
        return
    with download(client, job.id, type_, progress=True) as archive:
        if as_json:
            print_json_array(report_archive.rows(archive, type_))
        elif spreadsheet_safe:
            write_bytes(report_archive.escape_formulas(archive))
        else:
            write_bytes(report_archive.content(archive))


def _check_options(
    type_: str, path: Path | None, spreadsheet_safe: bool, *, as_json: bool, as_csv: bool
) -> None:
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    if path is not None and (as_json or as_csv):
        raise click.UsageError("--output writes the report as it comes; remove --json or --csv")
    if type_ == "json" and (as_csv or spreadsheet_safe):
        raise click.UsageError("the report json is not a table; choose full or aggregated for CSV")


def _save(
    job: Job, type_: ReportType, path: Path, overwrite: bool, *, spreadsheet_safe: bool
) -> None:
    try:
        job.download_report(
            type_, path, overwrite, progress=True, spreadsheet_safe=spreadsheet_safe
        )
    except FileExistsError:
        raise CommandError(f"{path} exists; to replace it, add {OVERWRITE}") from None
    say(f"Wrote {path}.")
