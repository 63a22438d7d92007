"""Replaying recorded answers of real people through the rules."""

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
    """Votes of four people on eight tasks; "dee" answered only two of them."""
    by = {"ann": "yynnyynn", "bob": "ynnnyynn", "cem": "yynnynmn", "dee": "ny"}
    labels = {"y": "yes", "n": "no", "m": "maybe"}
    return [
        (task, person, labels[letter])
        for person, letters in by.items()
        for task, letter in enumerate(letters)
    ]


def test_recorded_answers_are_submitted_unchanged(launch: Launch, judged: Judged) -> None:
    crowd, job = launch(
        [{"text": str(task), "task": task} for task in range(8)], judgments_per_unit=4
    )
    people = crowd.replay(votes(), field="spam", key="task")

    summary = crowd.run(job)

    names = {person.worker.id: person.name for person in people}
    answers = {
        (each.row["task"], names[each.worker_id], each.data["spam"]) for each in judged(crowd, job)
    }
    assert answers == set(votes())
    assert (summary.ended, summary.judgments) == ("no_work", 26)


def test_replayed_contributors_work_on_recorded_tasks_only(launch: Launch, judged: Judged) -> None:
    crowd, job = launch([{"text": str(task), "task": task} for task in range(20)])
    crowd.replay(votes(), field="spam", key="task")

    crowd.run(job)

    assert {each.row["task"] for each in judged(crowd, job)} == set(range(8))


def test_simulated_and_replayed_contributors_share_a_job(launch: Launch) -> None:
    crowd, job = launch([{"text": str(task), "task": task} for task in range(20)])
    crowd.replay(votes(), field="spam", key="task")
    crowd.add(5)

    assert crowd.run(job).ended == "finished"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"field": "spam", "key": "question"}, "have no column 'question'; they have text, task"),
        ({"field": "ham", "key": "task"}, r"No form has a field 'ham'\. The fields are: spam\."),
        ({"field": "spam", "key": "text"}, "has answered a task of job"),
    ],
)
def test_recorded_answers_that_do_not_fit_the_job_are_refused(
    launch: Launch, settings: dict[str, str], message: str
) -> None:
    crowd, job = launch([{"text": f"text {task}", "task": task} for task in range(8)])

    with pytest.raises(ValueError, match=message):  # noqa: PT012 - either of them
        crowd.replay(votes(), **settings)
        crowd.run(job)


def test_a_recorded_answer_that_the_form_refuses_is_named_in_the_error(
    launch: Launch, judged: Judged
) -> None:
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
def test_invalid_votes_are_refused_before_a_contributor_is_added(
    launch: Launch, texts: Texts, vote: Any, message: str
) -> None:
    crowd, _ = launch(texts(6))

    with pytest.raises(ValueError, match=f"(?i)vote 2 is .*{message}"):
        crowd.replay([(0, "ann", "yes"), vote], field="spam", key="task")

    assert crowd.contributors == []


def test_eight_thousand_recorded_judgments_are_all_replayed(launch: Launch, judged: Judged) -> None:
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

    names = {person.worker.id: person.name for person in people}
    answers = {
        (each.row["task"], names[each.worker_id], each.data["follows"])
        for each in judged(crowd, job)
    }
    assert (len(people), summary.ended, summary.judgments) == (164, "finished", 8000)
    assert answers == set(recorded)
