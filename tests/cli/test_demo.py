"""``crowdflower demo``: output, files and options."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from crowdflower.cli.local.demo import demo

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A function that runs the demo in a temporary folder."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(demo, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str, str], Path]:
    """A function that writes a file and returns its path."""

    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def accuracies(output: str) -> dict[str, float]:
    """Parse the table of accuracies."""
    lines = re.findall(r"^  ([a-z -]+?) +([01]\.\d{3})  ", output, re.MULTILINE)
    return {name: float(share) for name, share in lines}


def test_the_example_reviews_are_labeled_and_the_answers_aggregated(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    result = run()

    assert result.exit_code == 0, result.output
    assert "139 rows of reviews.csv" in result.output
    assert "17 rows became test questions" in result.output
    assert "end     finished" in result.output
    assert accuracies(result.output)["the service"] >= 0.9
    with (tmp_path / "crowdflower-demo" / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 139
    assert all(row["sentiment"] in {"negative", "neutral", "positive"} for row in rows)


def test_the_same_seed_gives_the_same_answers(run: Callable[..., Result], tmp_path: Path) -> None:
    results = [
        run("--seed", "5", "--output", tmp_path / name).exit_code
        or (tmp_path / name / "results.csv").read_text(encoding="utf-8")
        for name in ("one", "two")
    ]

    assert results[0] == results[1]
    assert results[0]


def test_the_files_are_written_to_the_output_folder(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    run("--output", tmp_path / "there")

    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == [
        "form.cml",
        "job.json",
        "judgments.csv",
        "results.csv",
    ]


def test_rows_of_a_file_are_labeled(
    run: Callable[..., Result], table: Callable[[str, str], Path]
) -> None:
    rows = "".join(
        f"{number},Is {number} even?,{'no' if number % 2 else 'yes'}\n" for number in range(30)
    )
    path = table("numbers.csv", f"id,text,even\n{rows}")

    result = run("--rows", path, "--question", "text", "--label", "even")

    assert result.exit_code == 0, result.output
    assert "30 rows of numbers.csv" in result.output
    assert "no · yes" in result.output
    assert "of 30 known answers" in result.output


def test_recorded_answers_are_replayed(
    run: Callable[..., Result], table: Callable[[str, str], Path], tmp_path: Path
) -> None:
    rows = table("rows.csv", "key,text\n" + "".join(f"t{n},text {n}\n" for n in range(6)))
    votes = "".join(
        f"t{n},{worker},{'b' if worker == 'eve' else 'a'}\n"
        for n in range(6)
        for worker in ("ada", "bob", "eve")
    )
    answers = table("answers.csv", f"task,worker,label\n{votes}")

    result = run("--rows", rows, "--replay", answers)

    assert result.exit_code == 0, result.output
    assert "18 judgments by 3 contributors" in result.output
    with (tmp_path / "crowdflower-demo" / "results.csv").open(encoding="utf-8", newline="") as file:
        assert {(row["answer"], row["confidence"]) for row in csv.DictReader(file)} == {
            ("a", "0.6667")
        }


@pytest.mark.skipif(
    not (DATA / "rte_questions.csv").exists(),
    reason="the entailment questions and their 8,000 judgments are not part of the project",
)
def test_eight_hundred_real_questions_are_replayed(
    run: Callable[..., Result],
) -> None:
    result = run(
        *("--rows", DATA / "rte_questions.csv", "--question", "text", "--question", "hypothesis"),
        *("--label", "gold", "--replay", DATA / "rte_judgments.csv"),
    )

    assert result.exit_code == 0, result.output
    assert "8,000 judgments by 164 contributors" in result.output
    assert "of 800 known answers" in result.output
    shares = accuracies(result.output)
    assert shares["majority"] == 0.897
    # Where five say yes and five no, the service takes the last option: a real job of 2014.
    assert shares["the service"] == pytest.approx(0.875, abs=0.002)
    assert shares["dawid-skene"] >= 0.925
    assert shares["hierarchical-dawid-skene"] >= 0.93


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", ["--label", "even"], "rows.csv: The file is empty; its first row must name the"),
        ("id,text\n", ["--label", "even"], "no rows under the header"),
        ("id,Text\n1,a\n", ["--label", "even"], "has no column 'even'; it has: id, Text"),
        ("id;text\n1;a\n", ["--label", "text"], "has no column 'text'; it has: id;text"),
        (
            "id,text\n1,a\n2,b,c\n",
            ["--label", "text"],
            "row 3. It is 3 cells wide, and the header 2",
        ),
        (
            "text,Text\na,b\n",
            ["--label", "text"],
            "Columns 'text' and 'Text' are both named 'text'",
        ),
        ('id,text\n1,"a\n', ["--label", "text"], "Unable to parse row 2"),
        ("even\nyes\nno\n", ["--label", "even"], "no column to show beside the label"),
        ("id,text\n1,a\n", ["--question", "txt"], "has no column 'txt'"),
        ("id,text\n1,a\n2,a\n", ["--label", "text"], "the labels make 1 options"),
        ("id,text\n1,a\n", [], "the labels make 0 options"),
        ("id,text\n1,a\n2,{{ id }}\n", ["--label", "text", "--question", "id"], "contains Liquid"),
    ],
)
def test_invalid_files_are_refused_before_anything_runs(
    run: Callable[..., Result],
    table: Callable[[str, str], Path],
    tmp_path: Path,
    content: str,
    options: list[str],
    message: str,
) -> None:
    result = run("--rows", table("rows.csv", content), *options)

    assert result.exit_code == 1
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "crowdflower-demo").exists()


def test_a_row_that_is_not_utf8_is_named_by_its_number(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("id,text\n1,grün\n2,blaß\n".encode("latin-1"))

    result = run("--rows", path, "--label", "text")

    assert result.exit_code == 1
    assert "row 2. Please be sure your file is UTF-8 encoded" in " ".join(result.output.split())


def test_columns_get_the_names_that_a_form_uses(
    run: Callable[..., Result], table: Callable[[str, str], Path], tmp_path: Path
) -> None:
    rows = "".join(f"{n},Is {n} even?,{'no' if n % 2 else 'yes'}\n" for n in range(6))
    path = table("numbers.csv", f"ID,The question,Answer\n{rows}")

    result = run("--rows", path, "--question", "The question", "--label", "Answer")

    assert result.exit_code == 0, result.output
    form = (tmp_path / "crowdflower-demo" / "form.cml").read_text(encoding="utf-8")
    assert "{{ the_question }}" in form
    assert 'name="crowd_answer"' in form
    with (tmp_path / "crowdflower-demo" / "results.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file))[3:] == ["id", "the_question", "answer"]


def test_brackets_in_values_are_printed_as_they_are(
    run: Callable[..., Result], table: Callable[[str, str], Path], tmp_path: Path
) -> None:
    labels = ["[/red]", "[bold]yes", "[/red] "]
    rows = "".join(f'{n},"one\ntwo [x] {n}","{labels[n % 3]}"\n' for n in range(6))

    result = run(
        *("--rows", table("rows.csv", f"id,text,label\n{rows}"), "--label", "label"),
        *("--output", tmp_path / "to[/]day"),
    )

    assert result.exit_code == 0, result.output
    assert "Which label fits?  [/red] · [bold]yes\n" in result.output
    assert re.search(r"^  \S+ +[01]\.\d\d  \[/red\] +one two \[x\] 0", result.output, re.MULTILINE)
    assert "to[/]day/" in result.output.replace("\n", "")


def test_an_output_folder_that_cannot_be_written_is_named_and_the_results_are_printed(
    run: Callable[..., Result], table: Callable[[str, str], Path]
) -> None:
    file = table("notes", "notes")

    result = run("--output", file / "results")

    assert result.exit_code == 1
    assert "of 122 known answers" in result.output
    assert f"Error: the results cannot be saved: {file / 'results'}: " in result.output
    assert "--output" in result.output


def test_on_a_narrow_terminal_lines_wrap_within_their_column(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    lines = [line.rstrip() for line in run().output.splitlines()]

    assert all(line.startswith("  ") for line in lines if line)
    assert "          positive" in lines
    assert "  test questions" in lines


def test_a_crowd_that_is_too_small_leaves_the_job_running(
    run: Callable[..., Result],
) -> None:
    result = run("--contributors", "1")

    assert result.exit_code == 0, result.output
    assert "running, with no contributors left who may work" in result.output
    assert re.search(r"of 122 known answers, \d+ of them without a result yet", result.output)
    assert "80 judgments by 1 contributor\n" in result.output
    assert "of play money spent or reserved" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ampcrowd", "--label", "gold"], "remove --label"),
        (["--ampcrowd", "--output", "there"], "remove --output"),
        (["--replay", __file__, "--contributors", "5"], "remove --contributors"),
    ],
)
def test_an_option_without_effect_is_refused(
    run: Callable[..., Result], options: list[str], message: str
) -> None:
    result = run(*options)

    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("option", ["--rows", "--replay"])
def test_an_input_file_is_not_overwritten_by_the_results(
    run: Callable[..., Result], table: Callable[[str, str], Path], tmp_path: Path, option: str
) -> None:
    read = {"--rows": "id,text\n1,a\n2,b\n", "--replay": "task,worker,label\n1,ada,x\n"}
    names = {name: "results.csv" if name == option else "other.csv" for name in read}
    files = {name: table(names[name], content) for name, content in read.items()}

    result = run(*(each for pair in files.items() for each in pair), "--output", tmp_path)

    assert result.exit_code == 2
    assert "the results would overwrite" in result.output
    assert files[option].read_text(encoding="utf-8") == read[option]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("1,ada,x\n1,ada,y\n", "row 3 is a second answer of ada to 1"),
        ("1,ada,x\n2,bob,\n", "row 3 has an empty task, worker or label"),
        ("1,ada\n", "Unable to parse row 2"),
    ],
)
def test_invalid_recorded_answers_are_refused(
    run: Callable[..., Result], table: Callable[[str, str], Path], answers: str, message: str
) -> None:
    rows = table("rows.csv", "id,text\n1,a\n2,b\n")

    result = run("--rows", rows, "--replay", table("answers.csv", f"task,worker,label\n{answers}"))

    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_recorded_answers_to_missing_rows_are_refused(
    run: Callable[..., Result], table: Callable[[str, str], Path]
) -> None:
    rows = table("rows.csv", "id,text\n1,a\n2,b\n")
    answers = table("answers.csv", "task,worker,label\n1,ada,x\n3,ada,y\n")

    result = run("--rows", rows, "--replay", answers)

    assert result.exit_code == 1
    assert "no column of rows.csv contains all tasks" in " ".join(result.output.split())


def test_a_refusal_of_the_service_is_printed(
    run: Callable[..., Result], table: Callable[[str, str], Path]
) -> None:
    text = "".join(f"{number},{'ab'[number % 2]}\n" for number in range(30_000))

    result = run("--rows", table("rows.csv", f"id,text\n{text}"), "--label", "text")

    assert result.exit_code == 1
    assert "You have $1000.00 available but this order will cost" in " ".join(result.output.split())


def test_a_column_option_without_rows_is_refused(run: Callable[..., Result]) -> None:
    result = run("--label", "gold")

    assert result.exit_code == 1
    assert "--rows" in result.output


def test_the_readme_shows_the_output(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    readme = (Path(__file__).parents[2] / "README.rst").read_text(encoding="utf-8")

    printed = [
        re.sub(r"\d:\d\d:\d\d", "0:00:00", line.rstrip()) for line in run().output.splitlines()
    ]

    assert "\n".join(f"   {line}".rstrip() for line in printed) in readme
