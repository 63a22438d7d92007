"""Bad habits of contributors, unusual forms, and sources of the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from time import time
from typing import Any

from sqlalchemy import select

from crowdflower.sandbox.crowd import Crowd, confusion
from crowdflower.sandbox.store.tables import assignment

Launch = Callable[..., tuple[Crowd, int]]
Texts = Callable[..., list[dict[str, Any]]]
Judged = Callable[[Crowd, int], list[Any]]

BRANCHES = """
<cml:radios label="Mood" name="mood" validates="required">
  <cml:radio label="good"/><cml:radio label="bad"/>
</cml:radios>
<cml:checkboxes label="What is bad" name="faults" only-if="mood:[bad]" validates="required">
  <cml:checkbox label="price"/><cml:checkbox label="delivery"/>
</cml:checkboxes>
<cml:text label="A link" name="link" validates="required url" only-if="mood:[good]"/>
<cml:ratings label="Stars" name="stars" points="5"/>
"""


def test_abandoned_pages_expire_and_go_to_others(launch: Launch, texts: Texts) -> None:
    crowd, job = launch(texts(40))
    crowd.add(8, profile="quitter", truth={"spam": "label"})

    summary = crowd.run(job)

    with crowd._database.snapshot() as tx:
        states = Counter(each.state for each in tx.all(select(assignment.c.state)))
    assert (summary.ended, summary.judgments) == ("finished", 120)
    assert summary.left_open > 0
    assert states["expired"] + states["released"] >= summary.left_open
    assert summary.seconds > 1800


def test_pages_submitted_twice_count_once(launch: Launch, texts: Texts, judged: Judged) -> None:
    crowd, job = launch(texts(20))
    crowd.add(8, profile="double clicker", truth={"spam": "label"})

    summary = crowd.run(job)

    assert (summary.ended, summary.judgments) == ("finished", 60)
    assert len(judged(crowd, job)) == 60


def test_drifters_pass_the_quiz_and_are_removed_later(
    launch: Launch, texts: Texts, judged: Judged
) -> None:
    crowd, job = launch(texts(600, golds=60), options={"front_load": True}, units_per_assignment=5)
    crowd.add(12, profile="drifter", truth={"spam": "label"})

    summary = crowd.run(job)

    judgments = [each for each in judged(crowd, job) if not each.golden]
    first, last = judgments[: len(judgments) // 4], judgments[-len(judgments) // 4 :]
    right = [
        sum(each.data["spam"] == each.row["label"] for each in some) / len(some)
        for some in (first, last)
    ]
    assert summary.closed["removed"] >= 6
    assert right[0] > right[1] + 0.1


def test_contributors_who_never_submit_do_not_keep_a_run_going(
    launch: Launch, texts: Texts
) -> None:
    crowd, job = launch(texts(10), options={"req_ttl_in_seconds": 1})
    crowd.add(4, truth={"spam": "label"})

    summary = crowd.run(job)

    assert (summary.ended, summary.pages) == ("no_work", 0)
    assert summary.closed == {"gave_up": 4}
    assert summary.left_open == 80


def test_hidden_questions_stay_unanswered_and_validators_pass(
    launch: Launch, judged: Judged
) -> None:
    data = [{"text": str(place), "truth": "good" if place % 2 else "bad"} for place in range(20)]
    crowd, job = launch(data, cml=BRANCHES)
    crowd.add(8, profile="normal", truth={"mood": "truth"})

    summary = crowd.run(job)

    judgments = [each.data for each in judged(crowd, job)]
    by_mood = {
        mood: [each for each in judgments if each["mood"] == mood] for mood in ("good", "bad")
    }
    assert summary.ended == "finished"
    assert all(each.keys() == {"mood", "link", "stars"} for each in by_mood["good"])
    assert all(each.keys() == {"mood", "faults", "stars"} for each in by_mood["bad"])
    assert all(each["link"].startswith("https://") for each in by_mood["good"])
    assert {star for each in judgments for star in each["stars"]} <= set("12345")


def test_options_may_differ_from_row_to_row(launch: Launch, judged: Judged) -> None:
    cml = """
    <cml:radios label="Which?" name="which" validates="required">
      {% for each in names %}<cml:radio label="{{ each }}"/>{% endfor %}
    </cml:radios>"""
    data = [{"names": [f"a{place}", f"b{place}"], "truth": f"b{place}"} for place in range(8)]
    crowd, job = launch(data, cml=cml)
    crowd.add(6, profile="perfect", truth={"which": "truth"})

    crowd.run(job)

    judgments = judged(crowd, job)
    assert len(judgments) == 24
    assert all(each.data["which"] == each.row["truth"] for each in judgments)


def test_a_drawn_truth_is_the_same_for_all_contributors(launch: Launch, judged: Judged) -> None:
    crowd, job = launch([{"text": str(place)} for place in range(12)])
    crowd.add(6, profile="perfect")

    crowd.run(job)

    by_unit: dict[int, set[str]] = {}
    for each in judged(crowd, job):
        by_unit.setdefault(each.unit_id, set()).add(each.data["spam"])
    assert all(len(answers) == 1 for answers in by_unit.values())
    assert len(set.union(*by_unit.values())) > 1


def test_confused_contributors_follow_their_matrix(
    launch: Launch, texts: Texts, judged: Judged
) -> None:
    crowd, job = launch(texts(60))
    crowd.add(
        8, profile=confusion({"maybe": {"no": 1.0}, "no": {"no": 1.0}}), truth={"spam": "label"}
    )

    crowd.run(job)

    pairs = {(each.row["label"], each.data["spam"]) for each in judged(crowd, job)}
    assert pairs == {("yes", "yes"), ("no", "no"), ("maybe", "no")}


def test_a_run_on_real_time_does_not_move_the_clock_and_ends(
    launch: Launch, texts: Texts, judged: Judged
) -> None:
    before = time()
    crowd, job = launch(texts(30), virtual=False)
    crowd.add(8, mix={"normal": 1, "quitter": 1}, truth={"spam": "label"})

    summary = crowd.run(job)

    judgments = judged(crowd, job)
    assert summary.ended in {"finished", "no_work"}
    assert len(judgments) == summary.judgments > 0
    assert all(before <= each.started_at <= each.created_at <= time() for each in judgments)
