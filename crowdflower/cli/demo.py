"""``crowdflower demo``: rows go in, people answer, weighed answers come out."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from crowdflower.cli import ampcrowd as groups
from crowdflower.cli import task as tasks
from crowdflower.cli.task import Task, TaskError
from crowdflower.client import Client
from crowdflower.exceptions import ApiError
from crowdflower.job import Job
from crowdflower.quality import METHODS, Consensus
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.crowd import Summary
from crowdflower.unit import Unit

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
"""The crowd that comes: some who know, many who care, a few who do not."""
ROWS_PRINTED: Final = 8
STEP: Final = 10
"""Columns of the terminal before what a step is about; what is too long goes on below it."""
FOLDER: Final = Path("crowdflower-demo")
FILES: Final = ("results.csv", "judgments.csv", "form.cml", "job.json")
"""What is written there; those of the last time are replaced."""


@click.command()
@click.option(
    "--rows",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV of your own to label, instead of the reviews that come with the package.",
)
@click.option(
    "--question",
    multiple=True,
    metavar="COLUMN",
    help="A column to show to contributors; may be given several times.",
)
@click.option("--label", metavar="COLUMN", help="The column that has the right answers.")
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV of task,worker,label: answers of real people, to be given again.",
)
@click.option(
    "--contributors",
    type=click.IntRange(1),
    default=40,
    show_default=True,
    help="How many contributors to simulate.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of everything that is random."
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=FOLDER,
    show_default=True,
    help="The folder for the results.",
)
@click.option(
    "--ampcrowd",
    is_flag=True,
    help="Show AMPCrowd's API instead: its three examples, and the answers posted back.",
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
    """Put rows before a crowd on this machine and print their weighed answers.

    No account, no network: a sandbox that answers the same API as the service, with simulated
    contributors of different skill, or with the recorded answers of real ones.
    """
    console = Console(highlight=False)
    _check_options(ampcrowd=ampcrowd)
    if ampcrowd:
        groups.tell(console, contributors, seed)
        return
    for file in (rows, replay):
        if file is not None and file.resolve() in {output.resolve() / name for name in FILES}:
            raise click.UsageError(f"the results would replace {file}; name another --output")
    try:
        task = _chosen(rows, question, label, replay)
    except (TaskError, OSError) as error:
        raise click.ClickException(str(error)) from None
    with Sandbox(seed=seed) as box:
        try:
            results = label_rows(console, box, task, contributors)
        except ApiError as error:
            raise click.ClickException(str(error)) from None
        show(console, results)
        try:
            save(console, results, output)
        except OSError as error:
            raise click.ClickException(
                f"the results cannot be saved: {error.filename}: {error.strerror};"
                " name another folder by --output"
            ) from None


def _check_options(*, ampcrowd: bool) -> None:
    """Refuse an option that was given and would be passed over."""
    context = click.get_current_context()
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    if ampcrowd:
        for name in ("rows", "question", "label", "replay", "output"):
            if name in given:
                raise click.UsageError(f"--ampcrowd shows examples of its own; leave --{name} off")
    elif {"replay", "contributors"} <= given:
        raise click.UsageError("--replay brings its people along; leave --contributors off")


def _chosen(
    rows: Path | None, question: Sequence[str], label: str | None, replay: Path | None
) -> Task:
    if rows is not None:
        return tasks.from_files(rows, question, label, replay)
    if question or label or replay:
        raise TaskError("--question, --label and --replay describe the file given by --rows")
    return tasks.shipped()


@dataclass(frozen=True)
class Results:
    """What came out of the demonstration."""

    task: Task
    job: Job
    units: Sequence[Unit]
    workers: int
    spent_cents: int


def label_rows(console: Console, box: Sandbox, task: Task, contributors: int) -> Results:
    """Do what a user of the service does, call by call, and let the crowd work."""
    client = box.client()
    balance = _balance(client)
    say = _Steps(console)

    job = client.upload_job(task.to_upload())
    say("upload", f"{job.units_count} rows of {task.name}")

    job.title, job.instructions, job.cml = task.title, task.instructions, task.cml
    job.judgments_per_unit = task.votes_per_row if task.votes else JUDGMENTS_PER_ROW
    job.units_per_assignment = ROWS_PER_REPLAYED_PAGE if task.votes else ROWS_PER_PAGE
    job.options = {**job.options, "front_load": True}
    job.update()
    say("form", f"{task.question}  {' · '.join(task.options)}")

    job.convert_test_questions()
    job.reload()
    say("gold", _gold(job))

    if task.votes:
        votes = [(vote.task, vote.worker, vote.label) for vote in task.votes]
        people = box.crowd.replay(votes, field=task.field, key=task.key)
        real = _counted(len(people), "real contributor")
        say("crowd", f"{real}, answering once more as they did")
    else:
        truth = {task.field: task.label} if task.label is not None else None
        people = box.crowd.add(contributors, mix=MIX, truth=truth)
        simulated = _counted(len(people), "simulated contributor")
        say("crowd", f"{simulated}, from experts to spammers")

    rows = job.units_count - job.golds_count
    order = job.launch(rows)
    say(
        "launch",
        f"{rows} rows, {_counted(job.judgments_per_unit, 'judgment')} each; "
        f"about {_dollars(order.amount_in_cents)} of {_dollars(balance)}",
    )

    summary = _work(console, box, job, rows * job.judgments_per_unit)
    say("end", _ended(summary))
    return Results(task, job.reload(), list(job.results()), len(people), balance - _balance(client))


def _work(console: Console, box: Sandbox, job: Job, expected: int) -> Summary:
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


def _ended(summary: Summary) -> str:
    """Say how it ended, how many contributors got no more work, and why."""
    left = " still, with nobody left who may work" if summary.ended == "no_work" else ""
    reasons = [f"{count} {reason.replace('_', ' ')}" for reason, count in summary.closed.items()]
    turned_away = f"; turned away: {', '.join(reasons)}" if reasons else ""
    return summary.state + left + turned_away


def show(console: Console, results: Results) -> None:
    """Print the first rows, how good the answers are, and what they cost."""
    task = results.task
    asked = [unit for unit in results.units if unit.state not in {"golden", "hidden_gold"}]
    console.print()
    console.print(_first_rows(task, asked))
    known = {
        unit.id: unit.data[task.label] for unit in asked if task.label and unit.data.get(task.label)
    }
    if known:
        console.print()
        console.print(_agreement(results, asked, known))
    console.print()
    judgments = [judgment for unit in results.units for judgment in unit.results["judgments"]]
    tainted = sum(judgment["tainted"] for judgment in judgments)
    people = len({judgment["worker_id"] for judgment in judgments})
    by = _counted(people, "contributor")
    aside = f"; {tainted} set aside: they failed test questions" if tainted else ""
    _say(console, f"{len(judgments):,} judgments by {by}{aside}")
    # An order reserves what it may cost; what was not needed comes back when the job is finished.
    spent = "spent" if results.job.state == "finished" else "spent, or reserved for what is left"
    _say(console, f"{_dollars(results.spent_cents)} of play money {spent}")


def _first_rows(task: Task, units: Sequence[Unit]) -> Table:
    table = Table(box=None, padding=(0, 0, 0, 2), expand=True)
    table.add_column("answer", style="bold", no_wrap=True)
    table.add_column("confidence", justify="right", no_wrap=True)
    if task.label is not None:
        table.add_column("known", style="dim", no_wrap=True)
    title = f"{task.shown[-1]} (the first {min(ROWS_PRINTED, len(units))} of {len(units)})"
    table.add_column(Text(title), no_wrap=True, overflow="ellipsis", ratio=1)
    for unit in units[:ROWS_PRINTED]:
        result = unit.results.get(task.field, {})
        confidence = result.get("confidence")
        known = [_line(unit.data[task.label])] if task.label is not None else []
        table.add_row(
            _line(result.get("agg") or "–"),
            "–" if confidence is None else f"{confidence:.2f}",
            *known,
            _line(unit.data[task.shown[-1]]),
        )
    return table


def _line(value: object) -> Text:
    """Return what stands in a row as one line of the table, with no markup in it."""
    return Text(" ".join(str(value).split()))


def _agreement(results: Results, units: Sequence[Unit], known: Mapping[int, str]) -> Table:
    """Compare each way of weighing with the answers that are known to be right."""
    field = results.task.field
    table = Table(box=None, padding=(0, 0, 0, 2))
    table.add_column("weighed by", no_wrap=True)
    table.add_column("right", justify="right", style="bold", no_wrap=True)
    answers = {unit.id: unit.get_aggregate(field) for unit in units}
    open_rows = sum(answers[unit] is None for unit in known)
    still = f", {open_rows} of them not given yet" if open_rows else ""
    table.add_column(f"of {len(known)} known answers{still}")
    golds = results.job.golds_count
    table.add_row("the service", f"{_share(answers, known):.3f}", SERVICE[bool(golds)])
    votes = [vote for vote in results.job.votes(field) if vote[0] in known]
    for name, method in METHODS.items():
        consensus = method(votes)
        table.add_row(name, f"{_share(consensus.labels, known, consensus):.3f}", WHY[name])
    return table


SERVICE: Final = {
    True: "by trust: the share of test questions answered right",
    False: "no test questions, equal votes; a tie goes to the first",
}
"""What the service does, with test questions and without."""

WHY: Final = {
    "majority": "one contributor, one vote; a tie counts half",
    "wawa": "by how far a contributor agrees with the majority",
    "one-coin": "learns how often each contributor is right",
    "dawid-skene": "learns what each contributor takes for what",
}
"""What each method does, in the words of a line of the table."""


def _share(
    answers: Mapping[int, Any],
    known: Mapping[int, str],
    consensus: Consensus[int, int, str] | None = None,
) -> float:
    """Return the share of known answers that are met; of a tie, half."""
    ties = consensus.ties if consensus is not None else ()
    right = 0.0
    for unit, label in known.items():
        right += 0.5 if unit in ties else float(answers.get(unit) == label)
    return right / len(known)


def save(console: Console, results: Results, folder: Path) -> None:
    """Write the results where the user can open them."""
    folder.mkdir(parents=True, exist_ok=True)
    field = results.task.field
    columns = list(dict.fromkeys(column for unit in results.units for column in unit.data))
    with (folder / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unit_id", field, "confidence", *columns])
        for unit in results.units:
            result = unit.results.get(field, {})
            cells = [_cell(unit.data.get(column)) for column in columns]
            writer.writerow([unit.id, result.get("agg"), result.get("confidence"), *cells])
    with (folder / "judgments.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        judgments = results.job.client.get_report(results.job, "full")
        writer.writerow(judgments[0] if judgments else ())
        writer.writerows(row.values() for row in judgments)
    (folder / "form.cml").write_text(results.task.cml + "\n", encoding="utf-8")
    (folder / "job.json").write_text(json.dumps(results.job.json, indent=2), encoding="utf-8")
    _say(console, Text.assemble((f"{folder}/", "bold"), f" has {', '.join(FILES)}"))


def _say(console: Console, what: str | Text) -> None:
    """Print a sentence below the tables, each of its lines indented as they are."""
    console.print(Padding(what, (0, 0, 0, 2), expand=False))


class _Steps:
    """Prints one line for each thing that is done."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, step: str, what: str) -> None:
        line = Table.grid()
        line.add_column(width=STEP, no_wrap=True)
        line.add_column()
        # Text, and no markup: labels and names of files are anybody's.
        line.add_row(Text(f"  {step}", "bold"), Text(what))
        self._console.print(line)


def _gold(job: Job) -> str:
    if job.golds_count:
        return f"{job.golds_count} rows became test questions, with known answers"
    return "no row says that it is a test question (column _golden)"


def _balance(client: Client) -> int:
    balance: int = client.call("account.json")["balance"]
    return balance


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _dollars(cents: int) -> str:
    return f"${cents / 100:,.2f}"


def _cell(value: Any) -> str:
    """Return a value of a row as a cell: several answers stand on lines of their own."""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
