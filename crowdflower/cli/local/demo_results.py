"""The results of ``crowdflower demo``: printed as tables and saved as files."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crowdflower.cli.values import count, format_dollars
from crowdflower.quality import METHODS, Consensus, run_method

if TYPE_CHECKING:
    from rich.console import Console

    from crowdflower.cli.local.demo_task import Task
    from crowdflower.job import Job
    from crowdflower.unit import Unit

ROWS_PRINTED: Final = 8
FILES: Final = ("results.csv", "judgments.csv", "form.cml", "job.json")
"""The files that :func:`save_results` writes."""


@dataclass(frozen=True)
class Results:
    """The results of the demonstration."""

    task: Task
    job: Job
    units: Sequence[Unit]
    spent_cents: int


def print_results(console: Console, results: Results) -> None:
    """Print the first rows, the accuracy of the answers, and their cost."""
    task = results.task
    units = [unit for unit in results.units if unit.state not in {"golden", "hidden_gold"}]
    console.print()
    console.print(_first_rows(task, units))
    known = {
        unit.id: unit.data[task.label] for unit in units if task.label and unit.data.get(task.label)
    }
    if known:
        console.print()
        console.print(_accuracy(results, units, known))
    console.print()
    judgments = [judgment for unit in results.units for judgment in unit.results["judgments"]]
    tainted = sum(judgment["tainted"] for judgment in judgments)
    workers = len({judgment["worker_id"] for judgment in judgments})
    by = count(workers, "contributor")
    excluded = f"; {tainted} excluded: failed test questions" if tainted else ""
    _print(console, f"{len(judgments):,} judgments by {by}{excluded}")
    # An order reserves its maximum cost; the rest is returned when the job is finished.
    spent = "spent" if results.job.state == "finished" else "spent or reserved"
    _print(console, f"{format_dollars(results.spent_cents)} of play money {spent}")


def _first_rows(task: Task, units: Sequence[Unit]) -> Table:
    table = Table(box=None, padding=(0, 0, 0, 2), expand=True)
    table.add_column("answer", style="bold", no_wrap=True)
    table.add_column("confidence", justify="right", no_wrap=True)
    if task.label is not None:
        table.add_column("known", style="dim", no_wrap=True)
    title = f"{task.columns[-1]} (the first {min(ROWS_PRINTED, len(units))} of {len(units)})"
    table.add_column(Text(title), no_wrap=True, overflow="ellipsis", ratio=1)
    for unit in units[:ROWS_PRINTED]:
        result = unit.results.get(task.field, {})
        confidence = result.get("confidence")
        known = [_line(unit.data[task.label])] if task.label is not None else []
        table.add_row(
            _line(result.get("agg") or "–"),
            "–" if confidence is None else f"{confidence:.2f}",
            *known,
            _line(unit.data[task.columns[-1]]),
        )
    return table


def _line(value: object) -> Text:
    """Return a value as one line of text, without markup."""
    return Text(" ".join(str(value).split()))


def _accuracy(results: Results, units: Sequence[Unit], known: Mapping[int, str]) -> Table:
    """Return a table with the accuracy of each aggregation method."""
    field = results.task.field
    table = Table(box=None, padding=(0, 0, 0, 2))
    table.add_column("method", no_wrap=True)
    table.add_column("correct", justify="right", style="bold", no_wrap=True)
    answers = {unit.id: unit.get_aggregate(field) for unit in units}
    open_rows = sum(answers[unit] is None for unit in known)
    missing = f", {open_rows} of them without a result yet" if open_rows else ""
    table.add_column(f"of {len(known)} known answers{missing}")
    golds = results.job.golds_count
    table.add_row("the service", f"{_share(answers, known):.3f}", SERVICE_TEXTS[bool(golds)])
    votes = [vote for vote in results.job.votes(field) if vote[0] in known]
    for name in METHODS:
        consensus = run_method(name, votes)
        text = METHOD_TEXTS[name] + ("; too few votes each" if consensus.few_votes else "")
        table.add_row(name, f"{_share(consensus.labels, known, consensus):.3f}", text)
    return table


SERVICE_TEXTS: Final = {
    True: "weighted by trust (test questions)",
    False: "equal votes; a tie goes to the last option",
}
"""How the service aggregates, with test questions and without."""

METHOD_TEXTS: Final = {
    "hierarchical-dawid-skene": "weighted as far as each is known",
    "majority": "one vote each; a tie counts half",
    "wawa": "weighted by agreement with the majority",
    "one-coin": "estimates the accuracy of each",
    "dawid-skene": "estimates the confusion matrix of each",
}
"""How each method aggregates."""


def _share(
    answers: Mapping[int, Any],
    known: Mapping[int, str],
    consensus: Consensus[int, int, str] | None = None,
) -> float:
    """Return the share of known answers that were found; a tie counts half."""
    ties = consensus.ties if consensus is not None else ()
    correct = 0.0
    for unit, label in known.items():
        correct += 0.5 if unit in ties else float(answers.get(unit) == label)
    return correct / len(known)


def save_results(console: Console, results: Results, folder: Path) -> None:
    """Write the results into a folder, replacing those of the last run."""
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
    _print(console, Text.assemble((f"{folder}/", "bold"), f" contains {', '.join(FILES)}"))


def _print(console: Console, text: str | Text) -> None:
    """Print a paragraph with the indentation of the tables."""
    console.print(Padding(text, (0, 0, 0, 2), expand=False))


def _cell(value: Any) -> str:
    """Return a value as a CSV cell; several answers are put on separate lines."""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
