"""Runs of a crowd: what they do, that they are reproducible, and how they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from crowdflower.cml import CMLError
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.crowd import Crowd, Summary
from crowdflower.sandbox.crowd.crowd import COUNTRIES
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.settings import channels
from crowdflower.sandbox.rules.work import workers

Launch = Callable[..., tuple[Crowd, int]]
Texts = Callable[..., list[dict[str, Any]]]
Judged = Callable[[Crowd, int], list[Any]]
Answers = Callable[[Crowd, int], dict[tuple[int, int], Any]]


SPAM = """
<cml:radios label="Is it spam?" name="spam" validates="required">
  <cml:radio label="yes"/><cml:radio label="no"/>
</cml:radios>
"""

MIX = {"expert": 0.2, "normal": 0.5, "sloppy": 0.15, "random spammer": 0.15}


@pytest.fixture
def answers(judged: Judged) -> Answers:
    """What each contributor answered about each unit."""
    return lambda crowd, job: {
        (each.worker_id, each.unit_id): each.data for each in judged(crowd, job)
    }


def test_a_crowd_finishes_a_job_and_summarizes_the_run(
    launch: Launch, texts: Texts, judged: Judged
) -> None:
    crowd, job = launch(texts(20))
    crowd.add(10, profile="perfect", truth={"spam": "label"})

    summary = crowd.run(job, until="finished")

    judgments = judged(crowd, job)
    assert (summary.ended, summary.state) == ("finished", "finished")
    assert (summary.judgments, summary.pages) == (
        60,
        len({each.assignment_id for each in judgments}),
    )
    assert len(judgments) == 60
    assert all(each.data == {"spam": each.row["label"]} for each in judgments)


def test_a_run_takes_time_on_the_virtual_clock_only(
    launch: Launch, texts: Texts, judged: Judged
) -> None:
    crowd, job = launch(texts(20))
    crowd.add(10, truth={"spam": "label"})
    before = crowd._database.clock.now()

    summary = crowd.run(job)

    judgments = judged(crowd, job)
    assert crowd._database.clock.now() - before == pytest.approx(summary.seconds)
    assert all(3 < each.created_at - each.started_at < 200 for each in judgments)
    assert len({each.created_at for each in judgments}) == summary.pages


def test_the_same_seed_gives_the_same_judgments_at_the_same_times(
    launch: Launch, texts: Texts, judged: Judged
) -> None:
    first, second = (launch(texts(30), seed=4) for _ in range(2))

    histories = []
    for crowd, job in (first, second):
        crowd.add(10, mix=MIX, truth={"spam": "label"})
        crowd.run(job)
        histories.append(
            [(each.worker_id, each.created_at, each.data) for each in judged(crowd, job)]
        )

    assert histories[0] == histories[1]


def test_answers_do_not_depend_on_arrivals_or_transactions(
    launch: Launch, answers: Answers, texts: Texts
) -> None:
    results = []
    for settings in (
        {},
        {"arrivals_per_minute": 60.0},
        {"pages_per_visit": 9, "interactive": True},
    ):
        crowd, job = launch(texts(40), units_per_assignment=4)
        crowd.add(10, mix=MIX, truth={"spam": "label"})
        crowd.run(job, **settings)
        results.append(answers(crowd, job))

    in_all = results[0].keys() & results[1].keys() & results[2].keys()
    assert len(in_all) > 20
    assert results[0].keys() != results[1].keys()
    assert all(results[0][key] == results[1][key] == results[2][key] for key in in_all)


def test_another_seed_gives_other_answers(launch: Launch, answers: Answers, texts: Texts) -> None:
    results = []
    for seed in (1, 2):
        crowd, job = launch(texts(40), seed=seed, judgments_per_unit=8)
        crowd.add(10, profile="sloppy", truth={"spam": "label"})
        crowd.run(job)
        results.append(answers(crowd, job))

    in_both = results[0].keys() & results[1].keys()
    differ = sum(results[0][key] != results[1][key] for key in in_both)
    assert 0.2 < differ / len(in_both) < 0.8


@pytest.mark.parametrize(
    ("limit", "reached"),
    [({"pages": 3}, "pages"), ({"judgments": 12}, "judgments"), ({"seconds": 240}, "seconds")],
)
def test_a_run_stops_at_its_limit_and_another_one_goes_on(
    launch: Launch, texts: Texts, limit: dict[str, Any], reached: str
) -> None:
    crowd, job = launch(texts(40))
    crowd.add(10, truth={"spam": "label"})

    first = crowd.run(job, **limit)
    second = crowd.run(job)

    assert (first.ended, first.state) == (reached, "running")
    assert first.pages <= 3 or reached != "pages"
    assert first.seconds <= 240 or reached != "seconds"
    assert first.judgments < 20 or reached == "seconds"
    assert second.ended == "finished"
    assert first.judgments + second.judgments == 120


def test_progress_is_reported_after_every_transaction(launch: Launch, texts: Texts) -> None:
    crowd, job = launch(texts(30))
    crowd.add(10, truth={"spam": "label"})
    progress: list[int] = []

    summary = crowd.run(
        job, interactive=True, progress=lambda so_far: progress.append(so_far.pages)
    )

    assert progress[0] == 1
    assert progress[-1] == summary.pages
    assert progress == sorted(progress)


def test_a_run_ends_when_all_contributors_have_judged_all_units(
    launch: Launch, texts: Texts
) -> None:
    crowd, job = launch(texts(12))
    crowd.add(2, truth={"spam": "label"})

    summary = crowd.run(job)

    assert (summary.ended, summary.state, summary.judgments) == ("no_work", "running", 24)
    assert summary.closed == {"no_work": 2}


def test_a_run_ends_when_all_contributors_failed_the_quiz(
    launch: Launch, texts: Texts, judged: Judged
) -> None:
    crowd, job = launch(texts(20, golds=12), options={"front_load": True})
    crowd.add(6, profile="contrary", truth={"spam": "label"})

    summary = crowd.run(job)

    assert summary.ended == "no_work"
    assert summary.closed == {"failed_quiz": 6}
    assert all(each.golden and each.tainted for each in judged(crowd, job))


def test_a_run_ends_when_the_test_questions_are_used_up(launch: Launch, texts: Texts) -> None:
    crowd, job = launch(texts(200, golds=8), units_per_assignment=5)
    crowd.add(4, profile="perfect", truth={"spam": "label"})

    summary = crowd.run(job)

    assert (summary.ended, summary.closed) == ("no_work", {"exhausted": 4})


@pytest.mark.parametrize("prepare", ["pause", "cancel"])
def test_a_run_of_a_job_that_does_not_run_ends_at_once(
    launch: Launch, texts: Texts, prepare: str
) -> None:
    crowd, job = launch(texts(12))
    crowd.add(5, truth={"spam": "label"})
    with crowd._database.transaction() as tx:
        getattr(jobs, prepare)(tx, jobs.load(tx, job))

    summary = crowd.run(job)

    assert (summary.ended, summary.pages) == ("not_running", 0)
    assert summary.state == {"pause": "paused", "cancel": "canceled"}[prepare]


def test_contributors_of_a_channel_that_is_not_enabled_get_no_pages(
    launch: Launch, texts: Texts
) -> None:
    crowd, job = launch(texts(12))
    crowd.add(3, channel="neodev", truth={"spam": "label"})

    summary = crowd.run(job)

    assert summary.closed == {"channel_not_enabled": 3}


@pytest.mark.parametrize(
    ("enabled", "joined"),
    [
        (["cf_internal"], "cf_internal"),
        (["neodev"], "neodev"),
        (["amt", "cf_internal", "neodev"], "cf_internal"),
        (["cf_internal", "on_demand"], "on_demand"),
    ],
)
def test_contributors_without_a_channel_of_their_own_join_one_of_the_job(
    launch: Launch, texts: Texts, judged: Judged, enabled: list[str], joined: str
) -> None:
    """A client in R launches to ``cf_internal`` only, and so does today's helper."""
    crowd, job = launch(texts(12))
    crowd.add(5, profile="perfect", truth={"spam": "label"})
    with crowd._database.transaction() as tx:
        channels.replace(tx, jobs.load(tx, job), enabled)

    pages = [crowd.run(job, pages=2), crowd.run(job)]

    judgments = judged(crowd, job)
    assert (pages[1].ended, len(judgments)) == ("finished", 36)
    with crowd._database.snapshot() as tx:
        found = [workers.find(tx, each.worker_id) for each in judgments]
    assert {each.channel for each in found} == {joined}
    assert len({each.id for each in found}) <= 5
    assert {each.country for each in found} <= set(COUNTRIES)
    assert len(crowd.contributors) == 5


def test_recorded_answers_are_replayed_in_a_channel_of_the_job(
    launch: Launch, texts: Texts, judged: Judged
) -> None:
    crowd, job = launch(texts(6), judgments_per_unit=1)
    votes = [(row["text"], "ada", "maybe") for row in texts(6)]
    crowd.replay(votes, field="spam", key="text")
    with crowd._database.transaction() as tx:
        channels.replace(tx, jobs.load(tx, job), ["cf_internal"])

    assert crowd.run(job).ended == "finished"
    assert [each.data for each in judged(crowd, job)] == [{"spam": "maybe"}] * 6


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"included_countries": ["FI", "SE"]}, {"FIN", "SWE"}),
        ({"excluded_countries": ["US", "GB", "CA", "IN", "PH", "VE"]}, {None}),
        ({"excluded_countries": ["US"]}, {"GBR", "CAN", "IND"}),
    ],
)
def test_contributors_without_a_country_of_their_own_come_from_one_that_the_job_takes(
    launch: Launch,
    texts: Texts,
    judged: Judged,
    attributes: dict[str, Any],
    expected: set[str | None],
) -> None:
    crowd, job = launch(texts(12), **attributes)
    crowd.add(3, truth={"spam": "label"})
    crowd.add(1, truth={"spam": "label"}, countries=["USA"])

    assert crowd.run(job).ended == "finished"
    with crowd._database.snapshot() as tx:
        found = {workers.find(tx, each.worker_id).country for each in judged(crowd, job)}
    assert found == expected


def test_contributors_of_other_countries_get_no_pages(launch: Launch, texts: Texts) -> None:
    crowd, job = launch(texts(12), included_countries=["FI"])
    crowd.add(3, truth={"spam": "label"}, countries=["USA", "IND"])

    assert crowd.run(job).closed == {"country": 3}


def test_a_run_of_an_empty_crowd_is_refused_with_advice(launch: Launch, texts: Texts) -> None:
    crowd, job = launch(texts(6))

    with pytest.raises(ValueError, match=r"add contributors with add\(\) or replay\(\)"):
        crowd.run(job)


def test_a_run_accepts_a_job_or_its_id(launch: Launch, texts: Texts) -> None:
    crowd, job = launch(texts(6))
    crowd.add(5, truth={"spam": "label"})

    assert crowd.run(SimpleNamespace(id=job)).ended == "finished"


def test_an_unknown_job_is_named_in_the_error(launch: Launch, texts: Texts) -> None:
    crowd, _ = launch(texts(6))
    crowd.add(1)

    with pytest.raises(LookupError, match="no job 7"):
        crowd.run(7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"number": 0}, "must be 1 or more"),
        ({"number": 2, "profile": "normal", "mix": {"normal": 1}}, "not both"),
        ({"number": 2, "profile": "genius"}, "Unknown profile 'genius'"),
        ({"number": 2, "countries": ["Utopia"]}, "Utopia"),
    ],
)
def test_no_contributor_is_added_when_an_argument_is_wrong(
    launch: Launch, texts: Texts, settings: dict[str, Any], message: str
) -> None:
    crowd, _ = launch(texts(6))

    with pytest.raises(ValueError, match=message):
        crowd.add(settings.pop("number"), **settings)

    assert crowd.contributors == []


@pytest.mark.parametrize(
    "limit",
    [
        {"pages": 0},
        {"judgments": -1},
        {"seconds": 0},
        {"arrivals_per_minute": 0},
        {"pages_per_visit": 0.5},
        {"until": "forever"},
    ],
    ids=str,
)
def test_an_invalid_limit_is_refused(launch: Launch, texts: Texts, limit: dict[str, Any]) -> None:
    crowd, job = launch(texts(6))
    crowd.add(1)

    with pytest.raises(ValueError, match=next(iter(limit))):
        crowd.run(job, **limit)


def test_a_truth_about_a_question_that_the_form_lacks_is_refused(
    launch: Launch, texts: Texts
) -> None:
    crowd, _ = launch(texts(6))

    for settings in ({"truth": {"spma": "label"}}, {"texts": {"spam": [""], "spma": ["yes"]}}):
        with pytest.raises(
            ValueError, match=r"'spma'; did you mean \"spam\"\? The fields are: spam"
        ):
            crowd.add(3, **settings)

    assert crowd.contributors == []


def test_a_crowd_that_is_older_than_the_form_is_checked_when_it_runs() -> None:
    rows = [{"text": f"text {number}", "label": "yes"} for number in range(5)]
    with Sandbox() as box:
        box.crowd.add(3, truth={"mood": "label", "spma": "label"})
        job = box.client().upload_job(rows)
        job.title, job.instructions, job.cml = "Is it spam?", "Read it.", SPAM
        job.update()
        job.launch(5)

        with pytest.raises(ValueError, match=r"'spma', which job .* It asks spam"):
            box.crowd.run(job)


def test_a_crowd_for_questions_of_another_job_only_is_refused() -> None:
    with Sandbox() as box:
        box.crowd.add(3, truth={"mood": "label"})
        job = box.client().create_job({"title": "Is it spam?", "cml": SPAM})

        with pytest.raises(ValueError, match=r"configured for mood, but job .* asks spam"):
            box.crowd.run(job)


def test_one_crowd_answers_the_different_questions_of_two_jobs() -> None:
    cml = '<cml:text label="Mood?" name="mood" validates="required"/>'
    with Sandbox() as box:
        jobs = [box.client().upload_job([{"says": "x", "right": "yes"}] * 5) for _ in range(2)]
        for job, form in zip(jobs, (SPAM, cml), strict=True):
            job.title, job.instructions, job.cml = "Two jobs", "Read it.", form
            job.update()
            job.launch(5)
        box.crowd.add(3, profile="perfect", truth={"spam": "right", "mood": "right"})

        assert [box.crowd.run(job).ended for job in jobs] == ["finished", "finished"]


def test_a_broken_form_of_another_job_does_not_keep_a_crowd_away() -> None:
    broken = '<cml:radios label="Which?"><cml:radio></cml:radios>'
    with Sandbox() as box:
        client = box.client()
        job = client.create_job({"title": "Is it spam?", "cml": SPAM})
        with pytest.warns(UserWarning, match="form has mistakes"):
            other = client.create_job({"title": "Broken", "cml": broken})

        box.crowd.add(3, truth={"spam": "right"})

        assert box.crowd.run(job).pages == 0
        with pytest.raises(CMLError):
            box.crowd.run(other)


def test_a_contributor_who_was_removed_does_no_more_work(
    launch: Launch, texts: Texts, judged: Any
) -> None:
    crowd, job = launch(texts(12), judgments_per_unit=2)
    gone, *stays = crowd.add(3)
    crowd.run(job, pages=1)
    before = len(judged(crowd, job))

    crowd.remove(gone)
    crowd.run(job, pages=2)

    after = judged(crowd, job)
    assert crowd.contributors == stays
    assert {each.worker_id for each in after[before:]} <= {each.worker.id for each in stays}
    with pytest.raises(
        ValueError, match=r"<SimulatedContributor 1: normal> is not in this crowd of 2"
    ):
        crowd.remove([stays[0], gone])
    assert crowd.contributors == stays


def test_numbers_are_not_used_again_after_the_crowd_was_cleared(
    launch: Launch, texts: Texts
) -> None:
    crowd, job = launch(texts(6))
    crowd.add(2)

    crowd.clear()

    with pytest.raises(ValueError, match="The crowd is empty"):
        crowd.run(job)
    assert [each.number for each in crowd.add(2)] == [3, 4]


def test_a_summary_is_a_sentence() -> None:
    summary = Summary("no_work", "running", 3, 12, 95.2, 1, Counter(no_work=2, failed_quiz=1))

    assert str(summary) == (
        "no_work: 3 pages, 12 judgments in 0:01:35; the job is running; no_work 2, failed_quiz 1"
    )
    assert str(Summary()) == "under way: 0 pages, 0 judgments in 0:00:00; the job is open"
