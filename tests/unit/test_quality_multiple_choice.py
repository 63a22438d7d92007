"""Consensus about questions with several answers: one problem with two labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.quality import METHODS, majority_vote, multiple_choice

REAL_JOB = Path(__file__).parents[3] / "shared" / "cases" / "data" / "newsgroups.json"

VOTES: list[Any] = [
    (1, "ann", ["cat", "dog"]),
    (1, "bob", ("cat",)),
    (1, "cem", {"cat", "dog", "bird"}),
    (2, "ann", []),
    (3, "ann", ["dog"]),
    (3, "bob", []),
]

SETS = st.lists(st.sampled_from("abc"), unique=True)


@pytest.mark.parametrize("method", METHODS)
def test_the_options_of_most_workers_are_found(method: str) -> None:
    outcome = multiple_choice(VOTES[:4], method=method)

    assert outcome.labels == {1: ["cat", "dog"], 2: []}
    assert list(outcome.probabilities[1]) == ["cat", "dog", "bird"]
    assert outcome.probabilities[2] == {}


def test_a_majority_counts_those_who_chose_nothing_against_every_option() -> None:
    outcome = multiple_choice(VOTES, method="majority")

    assert outcome.probabilities[1] == {"cat": 1.0, "dog": pytest.approx(2 / 3), "bird": 1 / 3}
    assert outcome.probabilities[3] == {"dog": 0.5}
    assert outcome.ties == {3}, "exactly one half is a tie, and not chosen"


def test_it_is_one_problem_with_the_labels_chosen_and_not_chosen() -> None:
    problem = [
        *((("t", "x"), who, chosen) for who, chosen in (("a", True), ("b", True), ("c", False))),
        *((("t", "y"), who, chosen) for who, chosen in (("a", False), ("b", False), ("c", True))),
    ]

    outcome = multiple_choice([("t", "a", ["x"]), ("t", "b", ["x"]), ("t", "c", ["y"])])
    expected = METHODS["hierarchical-dawid-skene"](problem)

    assert outcome.probabilities["t"]["x"] == expected.probabilities["t", "x"][True]
    assert outcome.skills == expected.skills
    assert outcome.interval("t", "y") == expected.interval(("t", "y"), label=True)
    with pytest.raises(ValueError, match=r"name an option: interval\('t', option\)"):
        outcome.interval("t")


def test_a_unanimous_choice_of_strangers_is_likely_and_not_certain() -> None:
    """By the formula for two labels: one stranger is right with 0.85."""
    outcome = multiple_choice([(1, "ann", ["cat"])])

    assert outcome.labels == {1: ["cat"]}
    assert outcome.probabilities == {1: {"cat": pytest.approx(0.85)}}


def test_known_options_are_chosen_and_others_are_not() -> None:
    outcome = multiple_choice(VOTES, known={1: ["bird"]})

    assert outcome.labels[1] == ["bird"]
    assert outcome.probabilities[1] == {"cat": 0.0, "dog": 0.0, "bird": 1.0}


def test_a_known_option_that_nobody_chose_is_chosen() -> None:
    """As with one answer, where a known label needs no votes."""
    outcome = multiple_choice([(1, "ann", ["cat"])], known={1: ["dog"], 2: ["bird"]})

    assert outcome.labels == {1: ["dog"]}
    assert outcome.probabilities == {1: {"cat": 0.0, "dog": 1.0}}
    assert outcome.skills["ann"] < 0.5


@pytest.mark.parametrize(
    ("right", "error", "problem"),
    [
        ("dog", TypeError, "must be a list, tuple or set"),
        (None, TypeError, "must be a list, tuple or set"),
        ([["dog"]], TypeError, "hashable"),
        (["dog", None], ValueError, "missing option"),
    ],
)
def test_known_options_are_checked(right: Any, error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=rf"known\[1\].*{problem}"):
        multiple_choice(VOTES, known={1: right})


def test_an_answer_has_one_weight_whatever_the_number_of_its_options() -> None:
    votes = [(1, "ann", ["cat", "dog"]), (1, "bob", []), (1, "cem", ["bird"])]

    weighted = multiple_choice(votes, weights=iter([3, 1, 0]))
    even = multiple_choice(votes[:2], weights=[1, 1])

    assert weighted.labels == {1: ["cat", "dog"]}
    assert weighted.probabilities[1].keys() == {"cat", "dog"}  # a vote of weight 0 is left out
    assert even == multiple_choice(votes[:2])
    assert even.ties == {1}


@pytest.mark.parametrize(
    ("weights", "problem"),
    [([1], "weight of vote 2 is None"), ([1, 1, 1], "more weights"), ([1, -1], "vote 2 is -1")],
)
def test_weights_that_do_not_fit_the_answers_are_refused(weights: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        multiple_choice([(1, "ann", ["cat"]), (1, "bob", ["dog"])], weights=weights)


@pytest.mark.parametrize("name", ["options", "frequencies"])
def test_settings_about_labels_are_refused_by_their_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} cannot be given for several answers"):
        multiple_choice(VOTES, **{name: {"cat": 0.5, "dog": 0.5}})


@settings(max_examples=25, deadline=None)
@given(
    votes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), SETS), min_size=1, max_size=12),
    data=st.data(),
)
@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_votes_and_options_makes_no_difference(
    method: str, votes: list[Any], data: st.DataObject
) -> None:
    shuffled = [
        (task, worker, data.draw(st.permutations(options)))
        for task, worker, options in data.draw(st.permutations(votes))
    ]

    outcome, other = (multiple_choice(each, method=method) for each in (votes, shuffled))

    assert outcome == other
    for task, labels in outcome.labels.items():
        assert set(labels) <= {
            option for voted, _, options in votes if voted == task for option in options
        }


@pytest.mark.parametrize(
    ("vote", "error", "message"),
    [
        ((1, "bob", "cat"), TypeError, "the options must be a list, tuple or set"),
        ((1, "bob", 7), TypeError, "the options must be a list, tuple or set"),
        ((1, "bob", None), ValueError, "leave out votes without a label"),
        ((1, "bob", ["cat", float("nan")]), ValueError, "leave out votes without a label"),
        ((None, "bob", ["cat"]), ValueError, "leave out votes without a task"),
        ((1, "bob", [["cat"]]), TypeError, r"its label \['cat'\] is not hashable"),
        ((1, "bob"), ValueError, r"each vote must be \(task, worker, label\)"),
    ],
    ids=str,
)
def test_an_invalid_vote_is_refused(vote: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"vote 2 is .*{message}"):
        multiple_choice([(1, "ann", ["cat"]), vote])


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="no method 'best'; choose from: hierarchical-dawid-skene"):
        multiple_choice(VOTES, method="best")


def test_without_votes_it_is_empty() -> None:
    assert multiple_choice([]) == majority_vote([])


def test_a_real_job_is_aggregated_better_than_by_a_majority_of_each_option() -> None:
    """A job of 2014: 1,200 rows with 39 options, 200 of which have a known answer."""
    if not REAL_JOB.exists():
        pytest.skip("the judgments of the job are not available on this machine")
    units = json.loads(REAL_JOB.read_text(encoding="utf-8"))
    gold = {
        unit["unit"]: unit["gold"]["category_gold"].split("\n")
        for unit in units
        if (unit.get("gold") or {}).get("category_gold")
    }
    votes = [
        (unit["unit"], judgment[0], judgment[2])
        for unit in units
        for judgment in unit["judgments"]
        if not judgment[3] and unit["unit"] in gold
    ]

    outcomes = multiple_choice(votes, passes=10), multiple_choice(votes, method="majority")
    weighted, majority = (
        sum(outcome.labels[unit] == right for unit, right in gold.items()) for outcome in outcomes
    )

    assert len(gold) == 200
    assert weighted > majority > 95
