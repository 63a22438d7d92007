"""Recorded answers of real people come in once more, through the same rules."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crowdflower.sandbox.crowd import Crowd

Launch = Callable[..., tuple[Crowd, int]]
Texts = Callable[..., list[dict[str, Any]]]
Judged = Callable[[Crowd, int], list[Any]]

DATA = Path(__file__).parents[4] / "shared" / "data"


def votes() -> list[tuple[int, str, str]]:
    """Four people on eight tasks; "dee" answered only two of them."""
    by = {"ann": "yynnyynn", "bob": "ynnnyynn", "cem": "yynnynmn", "dee": "ny"}
    spelled = {"y": "yes", "n": "no", "m": "maybe"}
    return [
        (task, who, spelled[letter])
        for who, letters in by.items()
        for task, letter in enumerate(letters)
    ]


def test_recorded_answers_come_in_as_they_were_given(launch: Launch, judged: Judged) -> None:
    crowd, job = launch(
        [{"text": str(task), "task": task} for task in range(8)], judgments_per_unit=4
    )
    people = crowd.replay(votes(), field="spam", key="task")

    summary = crowd.run(job)

    names = {who.worker.id: who.name for who in people}
    given = {
        (each.row["task"], names[each.worker_id], each.data["spam"]) for each in judged(crowd, job)
    }
    assert given == set(votes())
    assert (summary.ended, summary.judgments) == ("no_work", 26)


def test_who_repeats_answers_works_on_nothing_else(launch: Launch, judged: Judged) -> None:
    crowd, job = launch([{"text": str(task), "task": task} for task in range(20)])
    crowd.replay(votes(), field="spam", key="task")

    crowd.run(job)

    assert {each.row["task"] for each in judged(crowd, job)} == set(range(8))


def test_made_up_and_recorded_answers_fill_a_job_together(launch: Launch) -> None:
    crowd, job = launch([{"text": str(task), "task": task} for task in range(20)])
    crowd.replay(votes(), field="spam", key="task")
    crowd.add(5)

    assert crowd.run(job).ended == "finished"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"field": "spam", "key": "question"}, "have no column 'question'; they have text, task"),
        ({"field": "ham", "key": "task"}, "is to answer ham, and job .* asks spam"),
        ({"field": "spam", "key": "text"}, "none has answered a task of job"),
    ],
)
def test_recorded_answers_that_fit_nowhere_are_refused(
    launch: Launch, settings: dict[str, str], message: str
) -> None:
    crowd, job = launch([{"text": f"text {task}", "task": task} for task in range(8)])
    crowd.replay(votes(), **settings)

    with pytest.raises(ValueError, match=message):
        crowd.run(job)


def test_a_recorded_answer_that_the_form_refuses_is_named(launch: Launch, judged: Judged) -> None:
    crowd, job = launch([{"text": str(task), "task": task} for task in range(8)])
    crowd.replay([(1, "ann", "perhaps")], field="spam", key="task")

    with pytest.raises(
        ValueError, match=r"<ReplayedContributor 1: ann> answers 'spam' of unit .* 'perhaps'"
    ):
        crowd.run(job)

    assert judged(crowd, job) == []


@pytest.mark.parametrize(
    ("vote", "message"),
    [((1, "ann"), "each vote must be"), ((0, "ann", "no"), "'ann' has labelled 0 before")],
)
def test_votes_that_cannot_be_repeated_are_refused_before_anybody_joins(
    launch: Launch, texts: Texts, vote: Any, message: str
) -> None:
    crowd, _ = launch(texts(6))

    with pytest.raises(ValueError, match=f"(?i)vote 2 is .*{message}"):
        crowd.replay([(0, "ann", "yes"), vote], field="spam", key="task")

    assert crowd.contributors == []


def test_eight_thousand_real_judgments_are_all_taken_in(launch: Launch, judged: Judged) -> None:
    if not (DATA / "rte_judgments.csv").exists():
        pytest.skip("the votes of Snow et al. (2008) are not part of the project, nor beside it")
    with (DATA / "rte_judgments.csv").open(encoding="utf-8", newline="") as file:
        recorded = [(each["task"], each["worker"], each["label"]) for each in csv.DictReader(file)]
    cml = """
    <cml:radios label="Does it follow?" name="follows" validates="required">
      <cml:radio label="Yes" value="1"/><cml:radio label="No" value="0"/>
    </cml:radios>"""
    tasks = [{"task": task} for task in dict.fromkeys(task for task, _, _ in recorded)]
    crowd, job = launch(tasks, cml=cml, judgments_per_unit=10, units_per_assignment=20)
    people = crowd.replay(recorded, field="follows", key="task")

    summary = crowd.run(job)

    names = {who.worker.id: who.name for who in people}
    given = {
        (each.row["task"], names[each.worker_id], each.data["follows"])
        for each in judged(crowd, job)
    }
    assert (len(people), summary.ended, summary.judgments) == (164, "finished", 8000)
    assert given == set(recorded)
