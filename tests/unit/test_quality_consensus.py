"""All consensus methods, on five small tasks and on 8,000 real votes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.quality import (
    METHODS as BY_NAME,
)
from crowdflower.quality import (
    Consensus,
    dawid_skene,
    hierarchical_dawid_skene,
    majority_vote,
    one_coin,
    wawa,
)

pytestmark = pytest.mark.filterwarnings("ignore:the median number of votes per worker")

Vote = tuple[str, str, str]
Method = Callable[[Iterable[Vote]], Consensus[str, str, str]]

METHODS: list[Method] = [majority_vote, wawa, one_coin, dawid_skene, hierarchical_dawid_skene]
MODELS: list[Callable[..., Consensus[Any, Any, Any]]] = [one_coin, dawid_skene]

SMALL = {"t1": "aaab", "t2": "bbaa", "t3": "aabb", "t4": "bbba", "t5": "abab"}
"""Five tasks, four workers; w1 is always right, w4 never is."""


def small() -> list[Vote]:
    """Votes of w1 to w4 on each task, in this order."""
    return [
        (task, worker, label)
        for task, labels in SMALL.items()
        for worker, label in zip(("w1", "w2", "w3", "w4"), labels, strict=True)
    ]


def probabilities_of_a(outcome: Consensus[str, str, str]) -> list[float]:
    return [outcome.probabilities[task].get("a", 0.0) for task in SMALL]


def test_the_majority_wins_and_a_tie_goes_to_the_first_label_in_sorted_order() -> None:
    outcome = majority_vote(small())

    assert outcome.labels == {"t1": "a", "t2": "a", "t3": "a", "t4": "b", "t5": "a"}
    assert outcome.ties == {"t2", "t3", "t5"}
    assert probabilities_of_a(outcome) == [0.75, 0.5, 0.5, 0.25, 0.5]


def test_a_tie_goes_to_the_label_with_more_votes_on_all_tasks() -> None:
    outcome = majority_vote([(1, "ann", "x"), (1, "bob", "y"), (2, "ann", "y")])

    assert outcome.labels[1] == "y"
    assert outcome.ties == {1}


def test_wawa_weights_votes_by_agreement_with_the_majority() -> None:
    """By hand: three majorities are tied, and each voter agrees with those by one half."""
    outcome = wawa(small())

    assert outcome.skills == pytest.approx({"w1": 0.7, "w2": 0.7, "w3": 0.7, "w4": 0.3})
    assert probabilities_of_a(outcome) == pytest.approx(
        [2.1 / 2.4, 1 / 2.4, 1.4 / 2.4, 0.3 / 2.4, 1.4 / 2.4]
    )
    assert [outcome.labels[task] for task in SMALL] == list("ababa")
    assert outcome.ties == frozenset()


def test_wawa_leaves_a_tie_of_two_strangers_a_tie() -> None:
    outcome = wawa([(1, "ann", "x"), (1, "bob", "y")])

    assert outcome.skills == {"ann": 0.5, "bob": 0.5}
    assert outcome.probabilities == {1: {"x": 0.5, "y": 0.5}}
    assert outcome.ties == {1}


@pytest.mark.parametrize("model", MODELS)
def test_a_model_detects_right_and_inverted_workers(
    model: Callable[..., Consensus[str, str, str]],
) -> None:
    outcome = model(small(), smoothing=0, tolerance=1e-10)

    certainty = [max(row.values()) for row in outcome.probabilities.values()]
    assert "".join(outcome.labels.values()) == "ababa"
    assert min(certainty) >= 0.99995
    assert outcome.skills == pytest.approx({"w1": 1.0, "w2": 0.8, "w3": 0.6, "w4": 0.0}, abs=1e-4)
    assert math.fsum(probabilities_of_a(outcome)) / 5 == pytest.approx(0.6, abs=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_smoothing_keeps_the_labels_and_reduces_certainty(
    model: Callable[..., Consensus[str, str, str]],
) -> None:
    outcome = model(small())

    assert "".join(outcome.labels.values()) == "ababa"
    assert 0.6 < outcome.probabilities["t5"]["a"] < 0.9


@pytest.mark.parametrize(
    ("passes", "expected"),
    [
        (1, [0.8448, 0.5, 0.5, 0.1552, 0.5]),
        (2, [0.8932, 0.1918, 0.7183, 0.0675, 0.7183]),
        (20, [1.0, 0.0, 1.0, 0.0, 1.0]),
    ],
)
def test_from_an_assumed_accuracy_each_pass_gives_the_numbers_of_ampcrowd(
    passes: int, expected: list[float]
) -> None:
    outcome = dawid_skene(small(), smoothing=0, tolerance=0, passes=passes, accuracy=0.7)

    assert probabilities_of_a(outcome) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("method", METHODS)
def test_no_votes_give_an_empty_consensus(method: Method) -> None:
    assert method([]) == Consensus({}, {}, {}, frozenset())


def test_the_repr_of_a_consensus_is_a_summary() -> None:
    votes = [(task, worker, worker) for task in range(500) for worker in "ab"]

    assert repr(majority_vote(votes)) == "<Consensus of 2 workers on 500 tasks, 500 tied>"


@pytest.mark.parametrize("method", METHODS)
def test_a_unanimous_label_is_certain(method: Method) -> None:
    outcome = method([("t1", "w1", "a"), ("t1", "w2", "a"), ("t2", "w1", "a")])

    assert outcome.probabilities == {"t1": {"a": 1.0}, "t2": {"a": 1.0}}
    assert outcome.skills == {"w1": 1.0, "w2": 1.0}


@pytest.mark.parametrize("method", METHODS)
def test_the_votes_of_a_single_worker_decide(method: Method) -> None:
    outcome = method([("t1", "w1", "a"), ("t2", "w1", "b"), ("t3", "w1", "c")])

    assert outcome.labels == {"t1": "a", "t2": "b", "t3": "c"}
    assert outcome.ties == frozenset()


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_of_a_task_sum_to_one(method: Method) -> None:
    outcome = method(small())

    sums = [math.fsum(row.values()) for row in outcome.probabilities.values()]

    assert sums == pytest.approx([1.0] * 5)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_votes_give_exactly_the_same_consensus(method: Method) -> None:
    assert method(small()) == method(iter(small()))


@pytest.mark.parametrize("model", MODELS)
def test_thousands_of_votes_on_one_task_do_not_underflow(
    model: Callable[..., Consensus[int, int, str]],
) -> None:
    votes = [(task, worker, "ab"[task % 2]) for task in range(4) for worker in range(3000)]

    outcome = model(votes, smoothing=0)

    assert outcome.labels == {0: "a", 1: "b", 2: "a", 3: "b"}


@pytest.mark.parametrize("model", MODELS)
def test_workers_with_a_vote_or_two_do_not_overrule_a_clear_majority(
    model: Callable[..., Consensus[int, str, str]],
) -> None:
    votes = [
        (task, f"{task}/{number}", "ab"[task % 2]) for task in range(40) for number in range(4)
    ]
    votes += [(task, f"{task}/last", "abb"[task % 3]) for task in range(40)]

    outcome = model(votes)

    assert [outcome.labels[task] for task in range(40)] == ["a", "b"] * 20


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "vote", [("t", "w"), ("t", "w", "a", "b"), 7, None], ids=["two", "four", "number", "none"]
)
def test_a_malformed_vote_is_reported_with_its_number(method: Any, vote: Any) -> None:
    with pytest.raises(ValueError, match=r"vote 2 is .*\(task, worker, label\)"):
        method([("t", "w", "a"), vote])


@pytest.mark.parametrize("method", METHODS)
def test_a_list_of_labels_is_refused_with_an_alternative(method: Any) -> None:
    with pytest.raises(TypeError, match=r"vote 1 is .*unhashable.*multiple_choice, or .*one tuple"):
        method([("t", "w", ["a", "b"])])


MISSING: dict[str, Callable[[], object]] = {
    "None": lambda: None,
    "NaN": lambda: math.nan,
    "Decimal NaN": lambda: Decimal("NaN"),
    "signaling NaN": lambda: Decimal("sNaN"),
    "float32 NaN": lambda: pytest.importorskip("numpy").float32("nan"),
    "NumPy NaT": lambda: pytest.importorskip("numpy").datetime64("NaT", "s"),
    "NA": lambda: pytest.importorskip("pandas").NA,
    "NaT": lambda: pytest.importorskip("pandas").NaT,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("missing", MISSING.values(), ids=MISSING)
def test_a_missing_part_is_refused(method: Any, missing: Callable[[], object]) -> None:
    for place, part in enumerate(("task", "worker", "label")):
        vote: list[object] = ["t", "w", "a"]
        vote[place] = missing()

        with pytest.raises(ValueError, match=rf"vote 2 is .*leave out votes without a {part}$"):
            method([("t", "w", "a"), vote])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("label", ["", 0, False, "nan", (math.nan,), "NA"], ids=repr)
def test_a_label_that_is_empty_or_looks_missing_is_a_label(method: Any, label: object) -> None:
    assert method([("t", "w", label)]).labels == {"t": label}


SCALARS = st.sampled_from(["a", "b", 1, 2.5, ("a", 1), frozenset("xyz"), None.__class__])


@settings(max_examples=40, deadline=None)
@given(
    votes=st.lists(st.tuples(SCALARS, st.integers(0, 4), SCALARS), min_size=1, max_size=25),
    data=st.data(),
)
@pytest.mark.parametrize("name", BY_NAME)
def test_the_order_of_the_votes_makes_no_difference(
    name: str, votes: list[Any], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(votes))

    outcome, other = BY_NAME[name](votes), BY_NAME[name](shuffled)

    assert outcome == other
    assert all(outcome.labels[task] in {v[2] for v in votes if v[0] == task} for task, *_ in votes)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.filterwarnings("error")
def test_a_model_warns_if_the_median_worker_gave_few_votes(model: Any) -> None:
    enough = [(task, worker, "ab"[task % 2]) for task in range(10) for worker in range(3)]

    assert not model(enough).few_votes
    with pytest.warns(UserWarning, match=r"is 9: below 10, \w+ may be worse") as issued:
        assert model(enough[:-2]).few_votes

    assert [each.filename for each in issued] == [__file__]
    assert model(enough[:-2], warn=False).few_votes


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("votes_each", [1, 2, 5, 20])
def test_few_votes_each_do_not_make_a_model_much_worse_than_a_majority_vote(
    model: Any, votes_each: int
) -> None:
    """100 rows, three votes each, workers who are right nine times of ten."""
    worse = []
    for seed in range(1, 8):
        for share in (0.5, 0.7, 0.9):
            votes, truth = study(votes_each, share, seed)
            outcome, majority = model(votes), majority_vote(votes)
            worse.append(right(majority, truth) - right(outcome, truth))
            labels: dict[int, set[str]] = {}
            for row, _, label in votes:
                labels.setdefault(row, set()).add(label)
            assert all(outcome.labels[row] in possible for row, possible in labels.items())

    assert max(worse) <= {1: 0, 2: 0, 5: 1, 20: 2}[votes_each]


def study(votes_each: int, share: float, seed: int) -> tuple[list[Any], dict[int, str]]:
    """Simulate three votes on each of 100 rows by workers with so many votes each."""
    dice, worker, votes = random.Random(seed), 0, []  # noqa: S311 - no secret
    truth = {row: "y" if dice.random() < share else "n" for row in range(100)}
    for _ in range(3):
        order = list(truth)
        dice.shuffle(order)
        for start in range(0, 100, votes_each):
            worker += 1
            for row in order[start : start + votes_each]:
                is_right = dice.random() < 0.9
                votes.append((row, worker, truth[row] if is_right else "yn"[truth[row] == "y"]))
    return votes, truth


def right(outcome: Consensus[int, int, str], truth: dict[int, str]) -> int:
    return sum(outcome.labels[row] == label for row, label in truth.items())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "option",
    [
        {"smoothing": -1},
        {"smoothing": math.nan},
        {"tolerance": -1e-9},
        {"passes": 0},
        {"accuracy": 0.0},
        {"accuracy": 1.0},
    ],
    ids=str,
)
def test_an_option_out_of_range_is_refused_by_name(model: Any, option: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        model(small(), **option)


@pytest.mark.parametrize(
    ("method", "expected", "within"),
    [
        (majority_vote, 0.897, 0.001),
        (wawa, 0.921, 0.003),
        (one_coin, 0.925, 0.003),
        (dawid_skene, 0.927, 0.003),
        (hierarchical_dawid_skene, 0.931, 0.001),
    ],
)
def test_on_real_votes_each_method_agrees_with_experts_as_published(
    entailment: tuple[list[Vote], dict[str, str]], method: Method, expected: float, within: float
) -> None:
    votes, gold = entailment

    outcome = method(votes)

    right = sum(
        0.5 if task in outcome.ties else outcome.labels[task] == answer
        for task, answer in gold.items()
    )
    assert right / len(gold) == pytest.approx(expected, abs=within)


def test_dawid_skene_without_smoothing_has_the_published_accuracy(
    entailment: tuple[list[Vote], dict[str, str]],
) -> None:
    votes, gold = entailment

    outcome = dawid_skene(votes, smoothing=0)

    right = sum(outcome.labels[task] == answer for task, answer in gold.items())
    assert right / len(gold) == pytest.approx(0.927, abs=0.001)
