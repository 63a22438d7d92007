"""Results: how the answers of a batch are aggregated and posted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ampcrowd_calls import URL, Call, answer, create, page

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.ampcrowd.batch_results import aggregate_votes
from crowdflower.sandbox.server.in_process import ORIGIN, session_for

if TYPE_CHECKING:
    from requests import Response

# Quality


VOTES = [
    (f"t{task}", worker, label)
    for task, labels in enumerate(["aaab", "bbaa", "aabb", "bbba", "abab"], 1)
    for worker, label in enumerate(labels, 1)
]


def numbered(votes: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    return [(task, worker, {"a": "1", "b": "0"}[label]) for task, worker, label in votes]


def test_expectation_maximization_gives_the_results_of_the_original() -> None:
    found = aggregate_votes("em", numbered(VOTES))

    assert found == {"t1": 1.0, "t2": 0.0, "t3": 1.0, "t4": 0.0, "t5": 1.0}


def test_the_majority_wins_and_in_a_tie_the_first_answer() -> None:
    found = aggregate_votes("mv", numbered(VOTES))

    assert found == {"t1": 1.0, "t2": 0.0, "t3": 1.0, "t4": 0.0, "t5": 1.0}
    assert aggregate_votes("mv", [("t", 1, "2"), ("t", 2, "5"), ("t", 3, "5")]) == {"t": 5.0}


@pytest.mark.parametrize("method", ["mv", "em"])
def test_unanimous_answers_are_the_result(method: str) -> None:
    assert aggregate_votes(method, [("t1", 1, "3"), ("t2", 2, "3")]) == {"t1": 3.0, "t2": 3.0}


@pytest.mark.parametrize(("method", "of_t5"), [("mv", 0.0), ("em", 1.0)])
def test_each_group_gets_the_quality_control_it_asked_for(
    box: Sandbox, call: Call, method: str, of_t5: float
) -> None:
    records = {name: [["x"], ["y"]] for name in ("t1", "t2", "t3", "t4", "t5", "t6", "t7")}
    create(
        call,
        group_context={"fields": ["f"]},
        content=records,
        configuration__task_type="er",
        configuration__task_batch_size=7,
        configuration__num_assignments=5,
        configuration__quality_control=method,
    )
    liars = {
        "ann": "1100110",
        "bob": "1100110",
        "eve": "0011001",
        "mal": "0011001",
        "joe": "1010010",
    }

    for who, given in liars.items():
        shown = page(call, who)
        assert shown is not None
        points = sorted(shown.pop("points"))
        shown["answers"] = json.dumps(dict(zip(points, map(float, given), strict=True)))
        assert call("POST", "/crowds/internal/responses/", data=shown).text == "ok"
    (delivery,) = box.ampcrowd.deliver()

    answers = {each["identifier"]: each["value"] for each in delivery.data["answers"]}
    assert answers["t5"] == of_t5


# Callbacks


@pytest.mark.parametrize(
    "form",
    [
        '<cml:text label="Why?" name="why"/>',
        '<cml:radios label="How?" name="sentiment"><cml:radio label="Well"/></cml:radios>',
        '<cml:checkboxes label="How?" name="sentiment"><cml:checkbox label="4"/></cml:checkboxes>',
    ],
)
def test_a_group_with_a_changed_form_is_given_up_and_blocks_no_other(
    box: Sandbox, call: Call, form: str
) -> None:
    create(call, configuration__num_assignments=1, content={"t1": "first"})
    create(call, configuration__num_assignments=1, group_id="G2")
    changed = box.client().get_job(box.ampcrowd.job("G1"))
    changed.cml = form
    changed.update()
    box.crowd.add(3)
    box.crowd.run(changed.id)
    box.crowd.run(box.ampcrowd.job("G2"))
    box.clock.advance(seconds=1)

    attempts = box.ampcrowd.deliver()

    assert {each.group_id for each in attempts} == {"G2"}


def test_a_point_whose_judgments_were_rejected_is_left_out(box: Sandbox, call: Call) -> None:
    create(call, configuration__num_assignments=1)
    job = box.client().get_job(box.ampcrowd.job("G1"))
    job.units_per_assignment = 1
    job.update()
    for who in ("ann", "bob", "eve"):
        answer(call, who)
    (thrown_away,) = next(iter(job.units)).get_judgments()
    job.get_worker(thrown_away.worker_id).reject("careless")

    delivered = [name for each in box.ampcrowd.deliver() for name in each.data["answers"]]

    assert [each["identifier"] for each in delivered] == ["t2"]


def test_a_batch_is_posted_when_all_of_it_is_answered(box: Sandbox, call: Call) -> None:
    create(call)
    answer(call, "ann")
    assert box.ampcrowd.deliver() == []

    answer(call, "bob")
    (delivery,) = box.ampcrowd.deliver()

    assert delivery.data == {
        "group_id": "G1",
        "group_start_time": "2015-06-24T12:24:11.000000+00:00",
        "answers": [{"identifier": "t1", "value": 4.0}, {"identifier": "t2", "value": 4.0}],
    }


def test_the_delay_between_attempts_grows_and_attempts_end(box: Sandbox, call: Call) -> None:
    create(call, content={"t1": "text"}, configuration__num_assignments=1)
    answer(call, "ann")

    waits: list[float | None] = []
    while not waits or waits[-1] is not None:
        (delivery,) = box.ampcrowd.deliver()
        assert box.ampcrowd.deliver() == []
        waits.append(delivery.retry_in)
        box.clock.advance(delivery.retry_in or 100_000)

    assert waits[:5] == [1, 2, 4, 8, 16]
    assert waits[-2:] == [3600, None]
    assert len(waits) == 30
    assert box.ampcrowd.deliver() == []


def test_a_failing_receiver_is_called_once_a_round(box: Sandbox, call: Call) -> None:
    create(call, configuration__task_batch_size=1, configuration__num_assignments=1)
    create(call, group_id="G2", configuration__callback_url="http://127.0.0.1:2/",
           content={"x": "text"}, configuration__num_assignments=1)  # fmt: skip
    for _ in range(4):
        answer(call, "ann")

    attempts = [(each.group_id, each.url) for each in box.ampcrowd.deliver()]

    assert sorted(attempts) == [("G1", URL), ("G2", "http://127.0.0.1:2/")]


def test_a_stopped_round_leaves_the_rest_for_the_next(box: Sandbox, call: Call) -> None:
    for number in (1, 2, 3):
        create(call, group_id=f"G{number}", configuration__callback_url=f"{URL}/{number}",
               content={"t1": "text"}, configuration__num_assignments=1)  # fmt: skip
        answer(call, "ann")
    asked = iter([False, True])

    first = box.ampcrowd.deliver(lambda: next(asked))
    rest = box.ampcrowd.deliver()

    assert [[each.group_id for each in attempts] for attempts in (first, rest)] == [
        ["G1"],
        ["G2", "G3"],
    ]


def test_a_forbidden_receiver_is_not_called(call: Call, box: Sandbox) -> None:
    create(
        call,
        content={"t1": "text"},
        configuration__num_assignments=1,
        configuration__callback_url="http://169.254.169.254/latest/meta-data",
    )
    answer(call, "ann")

    (delivery,) = box.ampcrowd.deliver()

    assert delivery.problem is not None
    assert "not a public address" in delivery.problem


def test_a_reset_deletes_the_groups(box: Sandbox, call: Call) -> None:
    create(call)

    box.reset()

    assert box.ampcrowd.running_jobs() == []
    assert create(call) == {"status": "ok"}


def test_groups_outlive_the_process(tmp_path: Any) -> None:
    file = tmp_path / "crowd.db"
    with Sandbox(database=file, ampcrowd=True) as box, session_for(box.app) as session:

        def call(verb: str, path: str, **settings: Any) -> Response:
            return session.request(verb, f"{ORIGIN}{path}", **settings)

        create(call, content={"t1": "text"}, configuration__num_assignments=1)
        answer(call, "ann")

    with Sandbox(database=file, ampcrowd=True) as box:
        (delivery,) = box.ampcrowd.deliver()

        assert delivery.data["answers"] == [{"identifier": "t1", "value": 4.0}]
