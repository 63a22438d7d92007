"""``crowdflower demo``: run a job with simulated contributors and print the aggregated answers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from crowdflower.cli.local import demo_ampcrowd, demo_task
from crowdflower.cli.local.demo_results import FILES, Results, print_results, save_results
from crowdflower.cli.local.demo_task import Task, TaskError
from crowdflower.cli.values import count, format_dollars
from crowdflower.client import Client
from crowdflower.exceptions import ApiError
from crowdflower.job import Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.crowd import Summary

ROWS_PER_PAGE: Final = 10
ROWS_PER_REPLAYED_PAGE: Final = 20
JUDGMENTS_PER_ROW: Final = 3
MIX: Final = {
    "expert": 0.20,
    "normal": 0.50,
    "sloppy": 0.15,
    "random spammer": 0.10,
    "constant spammer": 0.05,
}
"""Profiles of the simulated contributors, and their shares."""
STEP_WIDTH: Final = 10
"""Width of the column with the name of a step."""
FOLDER: Final = Path("crowdflower-demo")


@click.command()
@click.option(
    "--rows",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file with rows to label, instead of the example reviews.",
)
@click.option(
    "--question",
    multiple=True,
    metavar="COLUMN",
    help="Column to show to contributors; may be repeated. Default: all but the label.",
)
@click.option("--label", metavar="COLUMN", help="Column with the correct answers.")
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file of task,worker,label: recorded answers of real people to replay.",
)
@click.option(
    "--contributors",
    type=click.IntRange(1),
    default=40,
    show_default=True,
    help="Number of simulated contributors.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random numbers.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=FOLDER,
    show_default=True,
    help="Folder for the results.",
)
@click.option(
    "--ampcrowd",
    is_flag=True,
    help="Show the AMPCrowd API instead: its three examples and their callbacks.",
)
def demo(
    rows: Path | None,
    question: Sequence[str],
    label: str | None,
    replay: Path | None,
    contributors: int,
    seed: int,
    output: Path,
    ampcrowd: bool,
) -> None:
    """Run a job with simulated contributors and print the aggregated answers.

    It needs no account and no network: the sandbox has the same API as the service, and
    contributors of different skill, or the recorded answers of real ones.
    """
    console = Console(highlight=False)
    _check_options(ampcrowd=ampcrowd)
    if ampcrowd:
        demo_ampcrowd.run_demo(console, contributors, seed)
        return
    for file in (rows, replay):
        if file is not None and file.resolve() in {output.resolve() / name for name in FILES}:
            raise click.UsageError(f"the results would overwrite {file}; choose another --output")
    try:
        task = _load_task(rows, question, label, replay)
    except (TaskError, OSError) as error:
        raise click.ClickException(str(error)) from None
    with Sandbox(seed=seed) as box:
        try:
            results = label_rows(console, box, task, contributors)
        except ApiError as error:
            raise click.ClickException(str(error)) from None
        print_results(console, results)
        try:
            save_results(console, results, output)
        except OSError as error:
            raise click.ClickException(
                f"the results cannot be saved: {error.filename}: {error.strerror};"
                " choose another folder with --output"
            ) from None


def _check_options(*, ampcrowd: bool) -> None:
    """Refuse options that would have no effect.

    :raises click.UsageError: Two options exclude each other.
    """
    context = click.get_current_context()
    set_options = {
        name
        for name in context.params
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    if ampcrowd:
        for name in ("rows", "question", "label", "replay", "output"):
            if name in set_options:
                raise click.UsageError(f"--ampcrowd has its own examples; remove --{name}")
    elif {"replay", "contributors"} <= set_options:
        raise click.UsageError("--replay has its own contributors; remove --contributors")


def _load_task(
    rows: Path | None, question: Sequence[str], label: str | None, replay: Path | None
) -> Task:
    if rows is not None:
        return demo_task.from_files(rows, question, label, replay)
    if question or label or replay:
        raise TaskError("--question, --label and --replay need --rows: they describe that file")
    return demo_task.example()


def label_rows(console: Console, box: Sandbox, task: Task, contributors: int) -> Results:
    """Run the job with the calls that a user of the service makes, and let the crowd work."""
    client = box.client()
    balance = _balance(client)
    print_step = _StepPrinter(console)

    job = client.upload_job(task.to_upload())
    print_step("upload", f"{job.units_count} rows of {task.name}")

    job.title, job.instructions, job.cml = task.title, task.instructions, task.cml
    job.judgments_per_unit = task.votes_per_row if task.votes else JUDGMENTS_PER_ROW
    job.units_per_assignment = ROWS_PER_REPLAYED_PAGE if task.votes else ROWS_PER_PAGE
    job.options = {**job.options, "front_load": True}
    job.update()
    print_step("form", f"{task.question}  {' · '.join(task.options)}")

    job.convert_test_questions()
    job.reload()
    print_step("gold", _describe_gold(job))

    if task.votes:
        votes = [(vote.task, vote.worker, vote.label) for vote in task.votes]
        replayed = box.crowd.replay(votes, field=task.field, key=task.key)
        real = count(len(replayed), "real contributor")
        print_step("crowd", f"{real}, whose recorded answers are replayed")
    else:
        truth = {task.field: task.label} if task.label is not None else None
        box.crowd.add(contributors, mix=MIX, truth=truth)
        simulated = count(contributors, "simulated contributor")
        print_step("crowd", f"{simulated}, from experts to spammers")

    rows = job.units_count - job.golds_count
    with warnings.catch_warnings():
        # The lines "gold" and "end" say how many test questions there are, and who ran out of them.
        warnings.simplefilter("ignore", UserWarning)
        order = job.launch(rows)
    print_step(
        "launch",
        f"{rows} rows, {count(job.judgments_per_unit, 'judgment')} each; "
        f"about {format_dollars(order.amount_in_cents)} of {format_dollars(balance)}",
    )

    summary = _run_crowd(console, box, job, rows * job.judgments_per_unit)
    print_step("end", _describe_end(summary))
    return Results(task, job.reload(), list(job.results()), balance - _balance(client))


def _run_crowd(console: Console, box: Sandbox, job: Job, expected: int) -> Summary:
    columns = (
        TextColumn("  [bold]work[/]   "),
        BarColumn(32),
        MofNCompleteColumn(),
        TextColumn("judgments"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("work", total=expected)
        summary = box.crowd.run(
            job,
            progress=lambda so_far: bar.update(
                task, completed=so_far.judgments, total=max(expected, so_far.judgments)
            ),
        )
        bar.update(task, completed=summary.judgments, total=summary.judgments)
    return summary


def _describe_end(summary: Summary) -> str:
    """Return how the job ended, and how many contributors were excluded and why."""
    no_work = ", with no contributors left who may work" if summary.ended == "no_work" else ""
    reasons = [f"{number} {reason.replace('_', ' ')}" for reason, number in summary.closed.items()]
    turned_away = f"; turned away: {', '.join(reasons)}" if reasons else ""
    return summary.state + no_work + turned_away


class _StepPrinter:
    """Prints one line per step."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, step: str, text: str) -> None:
        line = Table.grid()
        line.add_column(width=STEP_WIDTH, no_wrap=True)
        line.add_column()
        # Text has no markup: labels and file names may contain brackets.
        line.add_row(Text(f"  {step}", "bold"), Text(text))
        self._console.print(line)


def _describe_gold(job: Job) -> str:
    if job.golds_count:
        return f"{job.golds_count} rows became test questions, with known answers"
    return "no row is marked as a test question (column _golden)"


def _balance(client: Client) -> int:
    balance: int = client.call("account.json")["balance"]
    return balance
