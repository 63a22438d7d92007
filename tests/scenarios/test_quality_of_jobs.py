"""Agreement on a job, its doubtful units, and more judgments for those, each paid once."""

from __future__ import annotations

import warnings
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crowdflower import InvalidInput, OutcomeUnknown, OverBudget, RefusedError
from crowdflower.quality import krippendorff_alpha
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.store.tables import unit as unit_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crowdflower import Client, Job

CML = """
<p>{{ text }}</p>
<cml:radios name="mood" label="Mood" validates="required" gold="true">
  <cml:radio label="Bad" value="bad"/><cml:radio label="Fair" value="fair"/>
  <cml:radio label="Good" value="good"/>
</cml:radios>
<cml:checkboxes name="topics" label="Topics">
  <cml:checkbox label="Price" value="price"/><cml:checkbox label="Delivery" value="delivery"/>
</cml:checkboxes>
<cml:ratings name="stars" label="Stars" points="5"/>
<cml:text name="why" label="Why?"/>
"""

NUMBER = 30


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(3) as box:
        yield box


def answered_job(client: Client, box: Sandbox, **settings: Any) -> Job:
    """A job whose crowd has answered 30 rows and some test questions."""
    job = client.create_job(
        {
            "title": "Reviews",
            "instructions": "Read.",
            "cml": CML,
            "judgments_per_unit": 3,
            "units_per_assignment": 3,
            "gold_per_assignment": 1,
            **settings,
        }
    )
    job.upload(
        {"text": f"Row {n}", "mood_gold": "good" if n < 10 else None, "_golden": n < 10}
        for n in range(NUMBER + 10)
    )
    job.convert_test_questions()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few test questions
        job.launch(NUMBER)
    if not box.crowd.contributors:
        box.crowd.add(12)
    box.crowd.run(job)
    return job.reload()


@pytest.fixture
def job(box: Sandbox) -> Job:
    return answered_job(box.client(), box)


@pytest.mark.parametrize(
    ("field", "level"),
    [("mood", "nominal"), ("topics", "jaccard"), ("stars", "ordinal"), ("why", "nominal")],
)
def test_the_level_of_an_agreement_follows_from_the_question(
    job: Job, field: str, level: str
) -> None:
    ordinary = {unit.id for unit in job.results(untrusted=False) if unit.state == "finalized"}
    votes = [vote for vote in job.votes(field) if vote[0] in ordinary]

    agreement = job.agreement(field, resamples=50)

    assert agreement == krippendorff_alpha(votes, level, resamples=50)
    assert agreement.level == level
    assert agreement.units <= NUMBER


def test_options_have_the_order_of_the_form(job: Job) -> None:
    agreement = job.agreement("mood", level="ordinal", resamples=0)

    assert agreement.level == "ordinal"
    assert agreement.value is not None


def test_other_methods_and_two_contributors(job: Job) -> None:
    (first, _), (second, _) = Counter(each.worker_id for each in job.judgments()).most_common(2)

    assert job.agreement("mood", "percent", resamples=0).value is not None
    assert job.agreement("mood", "fleiss", resamples=0).value is not None
    two = job.agreement("mood", "cohen", workers=(first, second), resamples=0)
    assert two.workers <= 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "field is required"),
        ({"field": "moood"}, "has no field 'moood'"),
        ({"field": "mood", "method": "kappa"}, "no method 'kappa'"),
        ({"field": "mood", "level": "nominla"}, "no level 'nominla'"),
        (
            {"field": "mood", "method": "fleiss", "level": "nominal"},
            "only krippendorff has a level",
        ),
    ],
)
def test_a_wrong_argument_is_refused_before_the_report_is_requested(
    box: Sandbox, job: Job, arguments: dict[str, Any], problem: str
) -> None:
    requests = len(box.requests)

    with pytest.raises(ValueError, match=problem):
        job.agreement(**arguments)

    assert len(box.requests) == requests


def test_cohen_needs_two_contributors(job: Job) -> None:
    problem = r"cohen compares two workers, and these answers are of .*workers=\(a, b\)"
    with pytest.raises(ValueError, match=problem):
        job.agreement("mood", "cohen")


@pytest.mark.parametrize("method", ["krippendorff", "cohen"])
def test_contributors_without_answers_are_named(job: Job, method: str) -> None:
    known = next(job.judgments()).worker_id

    both = job.agreement("mood", method, workers=(1, 2))
    one = job.agreement("mood", method, workers=(known, 2))

    assert (both.value, both.reason) == (None, "workers 1 and 2 have no answers to 'mood'")
    assert (one.value, one.reason) == (None, "worker 2 has no answers to 'mood'")


# Doubtful units


def test_the_most_doubtful_units_come_first(job: Job) -> None:
    consensus = quiet(job, "majority")
    doubtful = job.doubtful("mood", limit=NUMBER, method="majority")

    doubts = [1 - max(consensus.probabilities[unit.id].values()) for unit in doubtful]
    assert doubts == sorted(doubts, reverse=True)
    assert len(doubtful) == NUMBER
    assert {unit.state for unit in doubtful} == {"finalized"}
    assert [unit.id for unit in job.doubtful("mood", limit=3, method="majority")] == [
        unit.id for unit in doubtful[:3]
    ]


def test_doubtful_units_make_a_table(job: Job) -> None:
    pytest.importorskip("pandas")
    doubtful = job.doubtful("mood", limit=5)

    table = doubtful.to_pandas()

    assert table["unit_id"].tolist() == [unit.id for unit in doubtful]
    assert "mood_confidence" in table


def quiet(job: Job, method: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return job.aggregate(method, "mood")


def test_several_answers_are_as_doubtful_as_their_most_doubtful_option(job: Job) -> None:
    doubtful = job.doubtful("topics", limit=5)

    assert len(doubtful) == 5


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"field": "why"}, "'why' has no options to choose from"),
        ({"field": "mood", "limit": 0}, "limit"),
        ({}, "field is required"),
    ],
)
def test_what_has_no_doubt_is_refused(
    box: Sandbox, job: Job, arguments: dict[str, Any], problem: str
) -> None:
    requests = len(box.requests)

    with pytest.raises(InvalidInput, match=problem):
        job.doubtful(**arguments)

    assert len(box.requests) == requests


# More judgments


def asked(box: Sandbox) -> list[str]:
    """Return the paths of the requests for more judgments that reached the sandbox."""
    return [
        request.path for request in box.requests if request.path.endswith("more_judgments.json")
    ]


def test_more_judgments_are_requested_once_per_unit(box: Sandbox, job: Job) -> None:
    units = job.doubtful("mood", limit=4)

    done = job.request_more_judgments(units, 2, key="may", max_cost_cents=500)
    again = job.request_more_judgments(units, 2, key="may", max_cost_cents=500)

    assert done.requested == again.requested_before == tuple(unit.id for unit in units)
    assert (done.requested_before, again.requested) == ((), ())
    assert len(asked(box)) == len(set(asked(box))) == 4
    assert {job.get_unit(unit.id).state for unit in units} == {"judgable"}
    box.crowd.run(job)
    assert {job.get_unit(unit.id).judgments_count for unit in units} >= {5}


def test_a_key_with_another_count_names_both(box: Sandbox, job: Job) -> None:
    unit = job.doubtful("mood", limit=1)[0]
    job.request_more_judgments([unit], 1, key="may", max_cost_cents=500)

    with pytest.raises(InvalidInput, match="request_more_judgments with count=1, not 2;") as caught:
        job.request_more_judgments([unit], 2, key="may", max_cost_cents=500)

    assert caught.value.__notes__[0] == f"the key 'may:{unit.id}' is 'may' for unit {unit.id}"
    assert len(asked(box)) == 1


def test_the_cap_covers_all_units_together(box: Sandbox, job: Job) -> None:
    ids = [unit.id for unit in job.doubtful("mood", limit=4)]
    cost = job.request_more_judgments(ids[:1], 1, key="one", max_cost_cents=500).at_most_cents
    before = asked(box)

    with pytest.raises(OverBudget, match=f"1 more judgments for 3 units may cost {3 * cost} cents"):
        job.request_more_judgments(ids[1:], 1, key="cap", max_cost_cents=3 * cost - 1)

    assert asked(box) == before
    done = job.request_more_judgments(ids[1:], 1, key="cap", max_cost_cents=3 * cost)
    assert len(done.requested) == 3


def test_a_dry_run_shows_the_requests_and_sends_nothing(box: Sandbox, job: Job) -> None:
    unit = job.doubtful("mood", limit=1)[0]
    requests = len(box.requests)

    (dry,) = job.request_more_judgments([unit], 2, key="dry", max_cost_cents=1, dry_run=True)

    assert dry.url.endswith(f"/units/{unit.id}/request_more_judgments.json")
    assert len(box.requests) == requests


@pytest.mark.parametrize(
    ("units", "settings", "problem"),
    [
        ([], {}, "units is empty"),
        ([1], {"count": 0}, "number of judgments"),
        ([1], {"key": ""}, "key must be your name"),
        ([-1], {}, "-1 is not an id"),
        ([1], {"max_cost_cents": "5"}, "max_cost_cents must be a whole number of US cents"),
    ],
)
def test_what_cannot_be_requested_is_refused(
    box: Sandbox, job: Job, units: list[int], settings: dict[str, Any], problem: str
) -> None:
    arguments = {"count": 1, "key": "k", "max_cost_cents": 10, **settings}

    with pytest.raises(InvalidInput, match=problem):
        job.request_more_judgments(units, **arguments)

    assert asked(box) == []


def test_a_unit_of_another_job_is_refused(box: Sandbox, job: Job) -> None:
    other = job.copy(all_units=True).units[0]

    with pytest.raises(InvalidInput, match="is of job"):
        job.request_more_judgments([other], 1, key="k", max_cost_cents=10)


def test_a_refused_unit_says_which_were_requested_before(box: Sandbox, job: Job) -> None:
    finalized = [unit.id for unit in job.results(untrusted=False) if unit.state == "finalized"]
    golden = job.units[0].id

    with pytest.raises(RefusedError) as caught:
        job.request_more_judgments(
            [*finalized[:2], golden, finalized[2]], 1, key="k", max_cost_cents=500
        )

    assert caught.value.__notes__ == [
        "judgments were requested for 2 units of 4; the same call with the same key continues"
    ]
    done = job.request_more_judgments(finalized[:3], 1, key="k", max_cost_cents=500)
    assert (done.requested, done.requested_before) == ((finalized[2],), tuple(finalized[:2]))


class Killed(BaseException):
    """The process ends here."""


class Kill:
    """Ends a client at one of its requests: before it is sent, or after it was answered."""

    def __init__(self, client: Client, number: int, *, after: bool) -> None:
        self.left, self.after = number, after
        self._send = client.transport.send
        client.transport.send = self.send  # type: ignore[method-assign]

    def send(self, *arguments: Any, **settings: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        answer = self._send(*arguments, **settings)
        if self.left == 0:
            raise Killed
        return answer


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_anywhere_and_a_rerun_pay_each_unit_at_most_once(
    box: Sandbox, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - reproducible
    job = answered_job(box.client(), box)
    ids = [unit.id for unit in job.results(untrusted=False) if unit.state == "finalized"][:5]
    journal = tmp_path / "payments.journal"
    finished = None
    for _ in range(20):
        with box.client(journal=journal) as client:
            Kill(client, random.randint(1, 22), after=random.random() < 0.5)
            try:
                finished = client.get_job(job.id).request_more_judgments(
                    ids, 1, key="doubtful", max_cost_cents=500
                )
            except (Killed, OutcomeUnknown):
                continue
            break

    more = [extra_judgments(box, unit) for unit in ids]
    assert max(more) <= 1
    assert finished is not None or sum(more) >= len(ids) - 1
    if finished is not None:
        assert sorted(finished.requested + finished.requested_before) == sorted(ids)
        assert more == [1] * len(ids)


def extra_judgments(box: Sandbox, unit: int) -> int:
    """Return how many judgments a unit of :func:`answered_job` needs beyond three."""
    with box.database.snapshot() as tx:
        return tx.one(select(unit_table.c.needed).where(unit_table.c.id == unit)).needed - 3


def test_a_lost_response_is_reported_after_the_others_were_paid(
    box: Sandbox, job: Job, tmp_path: Path
) -> None:
    ids = [unit.id for unit in job.results(untrusted=False) if unit.state == "finalized"][:3]
    with box.client(journal=tmp_path / "payments.journal") as client:
        path = f"/jobs/*/units/{ids[0]}/request_more_judgments"
        box.faults.next(drop=True, verb="POST", path=path, done=True, times=9)
        with pytest.raises(OutcomeUnknown) as caught:
            client.get_job(job.id).request_more_judgments(ids, 1, key="k", max_cost_cents=500)

        assert [extra_judgments(box, unit) for unit in ids] == [1, 1, 1]
        assert "judgments were requested for 2 units of 3" in caught.value.__notes__[0]
        again = client.get_job(job.id).request_more_judgments(ids, 1, key="k", max_cost_cents=500)
        assert again.requested_before == tuple(ids)
        assert [extra_judgments(box, unit) for unit in ids] == [1, 1, 1]
