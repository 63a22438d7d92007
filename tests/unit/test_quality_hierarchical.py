"""The hierarchical model of Dawid and Skene: known numbers, its formulas, limits, and real votes.

The formulas are computed a second time by :func:`reference`, label by label and vote by vote, as
the page on aggregation has them.
"""

from __future__ import annotations

import math
import pickle
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.quality import Priors, hierarchical_dawid_skene, majority_vote

Vote = tuple[Any, Any, Any]

ANN_BOB_EVE = [
    *((task, who, label) for who in ("ann", "bob") for task, label in enumerate("aabba")),
    *((task, "eve", label) for task, label in enumerate("bbaab")),
]


def reference(
    votes: Sequence[Vote],
    labels: Sequence[Any],
    *,
    weights: Sequence[float] | None = None,
    known: dict[Any, Any] | None = None,
    passes: int = 50,
) -> dict[Any, dict[Any, float]]:
    """Return the probabilities, not softened, with sums that leave the own vote out one by one."""
    tables = len(labels) < 6
    size, amount = len(labels), dict(enumerate(weights or [1.0] * len(votes)))
    tasks = list(dict.fromkeys(task for task, _, _ in votes))
    free = [task for task in tasks if task not in (known or {})]
    belief = {}
    for task in tasks:
        on = [v for v, vote in enumerate(votes) if vote[0] == task]
        total = sum(amount[v] for v in on)
        belief[task] = {
            k: sum(amount[v] for v in on if votes[v][2] == k) / total
            if task in free
            else float((known or {})[task] == k)
            for k in labels
        }
    by_worker = defaultdict(list)
    for v, (_, worker, _) in enumerate(votes):
        by_worker[worker].append(v)
    others_of = {v: [u for u in by_worker[votes[v][1]] if u != v] for v in range(len(votes))}
    counts = {v: sum(amount[u] for u in others) for v, others in others_of.items()}
    gate = sum(amount[v] * n / (n + 5) for v, n in counts.items()) / sum(amount.values())
    odd = dict.fromkeys(range(len(votes)), 0.7 / (0.7 + 0.3 / size))
    for _ in range(passes):
        r = {v: belief[t][k] * odd[v] for v, (t, _, k) in enumerate(votes)}
        p = {
            k: gate * (sum(belief[t][k] for t in free) + 1) / (len(free) + size) + (1 - gate) / size
            for k in labels
        }
        score = {task: {k: math.log(p[k]) for k in labels} for task in tasks}
        for v, (task, _, said) in enumerate(votes):
            others = others_of[v]
            copied = sum(amount[u] * r[u] for u in others)
            copying = (copied + 8 * 0.7) / (counts[v] + 8)
            same = [u for u in others if votes[u][2] == said]
            habit = (sum(amount[u] * (1 - r[u]) for u in same) + 2 / size) / (
                counts[v] - copied + 2
            )
            off = (1 - copying) * habit
            odd[v] = copying / (copying + off)
            for k in labels:
                expected = off + copying * (k == said)
                if tables:
                    cell = sum(amount[u] * belief[votes[u][0]][k] for u in same)
                    column = sum(amount[u] * belief[votes[u][0]][k] for u in others)
                    expected = (cell + 20 * expected) / (column + 20)
                score[task][k] += amount[v] * math.log(expected)
        before = belief
        belief = dict(belief)
        for task in free:
            top = max(score[task].values())
            odds = {k: math.exp(each - top) for k, each in score[task].items()}
            belief[task] = {k: each / sum(odds.values()) for k, each in odds.items()}
        if max(abs(belief[t][k] - before[t][k]) for t in tasks for k in labels) <= 1e-3:
            break
    return belief


@pytest.mark.parametrize(
    ("votes", "settings", "expected", "ties"),
    [
        (
            [(1, "ann", "x"), (1, "bob", "y"), (2, "cem", "z")],
            {},
            {1: {"x": 8 / 17, "y": 8 / 17, "z": 1 / 17}, 2: {"x": 0.1, "y": 0.1, "z": 0.8}},
            {1},
        ),
        (
            [(1, "a", "x"), (1, "b", "y"), (2, "a", "y"), (2, "b", "x")],
            {},
            {1: {"x": 0.5, "y": 0.5}, 2: {"x": 0.5, "y": 0.5}},
            {1, 2},
        ),
        ([(1, "a", "x"), (1, "b", "x"), (1, "c", "y")], {}, {1: {"x": 0.85, "y": 0.15}}, set()),
        (
            [(1, "a", "x"), (1, "b", "x"), (1, "c", "x"), (2, "d", "y")],
            {},
            {1: {"x": 0.85**3 / (0.85**3 + 0.15**3)}, 2: {"x": 0.15, "y": 0.85}},
            set(),
        ),
        ([(1, "a", "x")], {}, {1: {"x": 1.0}}, set()),
        ([(1, "a", "x")], {"options": ("x", "y")}, {1: {"x": 0.85, "y": 0.15}}, set()),
        (ANN_BOB_EVE, {}, {0: {"a": 0.9665}, 2: {"b": 0.9612}}, set()),
    ],
    ids=["tie", "mirror", "two to one", "unanimous", "alone", "options", "a liar"],
)
def test_small_cases_have_the_numbers_that_the_formulas_give(
    votes: list[Vote],
    settings: dict[str, Any],
    expected: dict[Any, dict[Any, float]],
    ties: set[Any],
) -> None:
    outcome = hierarchical_dawid_skene(votes, **settings)

    for task, row in expected.items():
        assert {k: outcome.probabilities[task][k] for k in row} == pytest.approx(row, abs=5e-5)
    assert outcome.ties == ties
    assert outcome.doubted == frozenset()
    assert outcome.temperature == 1
    assert outcome.converged


def test_agreement_and_contradiction_are_found_in_six_passes() -> None:
    outcome = hierarchical_dawid_skene(ANN_BOB_EVE)

    assert "".join(outcome.labels.values()) == "aabba"
    assert outcome.passes == 6


def test_the_opposite_of_what_a_liar_says_is_supported() -> None:
    votes = [(task, who, "ab"[task % 2]) for who in ("ann", "bob") for task in range(40)]
    votes += [(task, "eve", "ba"[task % 2]) for task in range(40)]
    votes += [(101, "eve", "a"), (101, "ann", "b")]

    assert hierarchical_dawid_skene(votes).probabilities[101]["b"] == pytest.approx(0.991, abs=5e-4)


def crowd(number_of_labels: int, seed: int, *, tasks: int = 30, workers: int = 7) -> list[Vote]:
    """Simulate workers of different accuracy, one of whom always says the first label."""
    dice, labels = random.Random(seed), list(range(number_of_labels))  # noqa: S311 - no secret
    accuracy = [dice.uniform(0.4, 1) for _ in range(workers)]
    votes = []
    for task in range(tasks):
        truth = dice.choice(labels)
        for worker in dice.sample(range(workers), 4):
            is_right = dice.random() < accuracy[worker]
            votes.append((task, worker, truth if is_right else dice.choice(labels)))
    return [(task, worker, label if worker else 0) for task, worker, label in votes]


@pytest.mark.parametrize("labels", [2, 3, 5, 6, 12])
@pytest.mark.parametrize("extra", ["", "weights", "known"])
def test_the_model_is_the_one_of_the_formulas(labels: int, extra: str) -> None:
    votes = crowd(labels, seed=labels)
    dice = random.Random(1)  # noqa: S311 - no secret
    options: dict[str, Any] = {}
    if extra == "weights":
        options["weights"] = [dice.choice([0.5, 1, 2, 3]) for _ in votes]
    elif extra == "known":
        options["known"] = {task: task % labels for task in range(0, 30, 5)}

    outcome = hierarchical_dawid_skene(
        votes, options=range(labels), priors=Priors(unsoftened=1e9), **options
    )

    assert outcome.temperature == 1, "that many votes to soften are not there"
    expected = reference(votes, range(labels), **options)
    for task, row in expected.items():
        assert dict(outcome.probabilities[task]) == pytest.approx(row, abs=1e-9)


def test_a_weight_counts_like_that_many_votes_of_a_stranger() -> None:
    votes = [(1, "a", "x"), (1, "b", "y"), (2, "c", "y")]

    outcome = hierarchical_dawid_skene(votes, weights=[2, 1, 0])

    assert outcome.labels == {1: "x"}
    assert outcome.probabilities[1]["x"] == pytest.approx(0.85)


def test_weights_that_are_all_one_change_nothing() -> None:
    votes = crowd(3, seed=5)

    assert hierarchical_dawid_skene(votes, weights=[1] * len(votes)) == hierarchical_dawid_skene(
        votes
    )


@pytest.mark.parametrize("weights", [[1], [1, -1], [1, math.inf], [1, math.nan], [1, 1, 1]])
def test_invalid_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        hierarchical_dawid_skene([(1, "a", "x"), (1, "b", "y")], weights=weights)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abcdefg")), min_size=1, max_size=40))
def test_with_one_vote_each_it_is_the_majority_vote(given_labels: list[tuple[int, str]]) -> None:
    votes = [(task, number, label) for number, (task, label) in enumerate(given_labels)]

    outcome, majority = hierarchical_dawid_skene(votes), majority_vote(votes)

    assert outcome.labels == majority.labels
    assert outcome.ties == majority.ties
    assert outcome.few_votes


@settings(max_examples=150, deadline=None)
@given(
    votes=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 4), st.sampled_from("abcdefgh")),
        min_size=1,
        max_size=60,
    ),
    known=st.dictionaries(st.integers(0, 5), st.sampled_from("abcdefgh"), max_size=2),
)
def test_results_are_consistent(votes: list[Vote], known: dict[int, str]) -> None:
    outcome = hierarchical_dawid_skene(votes, known=known)

    for task, label in outcome.labels.items():
        row = outcome.probabilities[task]
        assert math.fsum(row.values()) == pytest.approx(1)
        low, high = outcome.interval(task)
        assert 0 <= low <= row[label] <= high <= 1
        if task in known:
            assert (label, row[label], low, high) == (known[task], 1, 1, 1)
            assert task not in outcome.ties | outcome.doubted
        else:
            labels = {each for voted, _, each in votes if voted == task}
            assert label in labels
            best = max(row[each] for each in labels)
            assert row[label] == pytest.approx(best, abs=1e-9)
            assert (task in outcome.doubted) == (round(max(row.values()), 9) > round(best, 9))
    assert outcome.temperature >= 1


def test_a_more_probable_label_that_nobody_gave_is_told_and_not_chosen() -> None:
    """Zoe says z where the others say y: her y on a task of her own stands for z."""
    votes = [(task, who, "xyz"[task % 3]) for task in range(60) for who in ("ann", "bob", "cem")]
    votes += [(task, "zoe", "xzy"[task % 3]) for task in range(60)]
    votes += [(100, "zoe", "y")]

    outcome = hierarchical_dawid_skene(votes)

    assert outcome.doubted == {100}
    assert outcome.labels[100] == "y"
    assert outcome.probabilities[100]["z"] > outcome.probabilities[100]["y"]


def test_known_answers_tell_more_about_the_workers() -> None:
    votes = [(task, who, "x") for task in range(10) for who in ("ann", "eve")]
    votes += [(10, "ann", "x"), (10, "eve", "y"), (10, "bob", "y")]
    known = dict.fromkeys(range(10), "y")

    before = hierarchical_dawid_skene(votes, options="xy").probabilities[10]
    after = hierarchical_dawid_skene(votes, options="xy", known=known).probabilities[10]

    assert after["y"] > before["y"], "ann said x ten times where y is right"


def test_known_frequencies_decide_between_strangers() -> None:
    votes = [(1, "a", "x"), (1, "b", "y")]

    outcome = hierarchical_dawid_skene(votes, frequencies={"x": 0.9, "y": 0.1})

    assert outcome.probabilities[1] == pytest.approx({"x": 0.9, "y": 0.1})
    assert outcome.ties == frozenset()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"options": ["x"]}, r"label 'y' is not among the options: \['x'\]"),
        ({"options": ["x", "y", None]}, "options contains a missing label, None"),
        ({"known": {1: math.nan}}, "known contains a missing label, nan"),
        ({"known": {1: "z"}, "options": ["x", "y"]}, "label 'z' is not among the options"),
        ({"frequencies": {"x": 1.0}}, "label 'y' has no frequency"),
        ({"frequencies": {"x": 1.0, "y": 0.0}}, "the frequency of 'y' must be above 0, not 0.0"),
        ({"frequencies": {"x": 0.5, "y": 0.4}}, "the frequencies must sum to 1, not 0.9"),
        ({"passes": 0}, "passes must be at least 1, not 0"),
        ({"tolerance": math.nan}, "tolerance must be at least 0, not nan"),
    ],
    ids=str,
)
def test_an_invalid_option_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hierarchical_dawid_skene([(1, "a", "x"), (1, "b", "y")], **settings)


def test_a_list_of_known_labels_is_refused() -> None:
    with pytest.raises(TypeError, match=r"known contains \['x'\]: a label must be hashable"):
        hierarchical_dawid_skene([(1, "a", "x")], known={1: ["x"]})


@pytest.mark.parametrize("prior", [{"copying": 1.0}, {"half_known": 0}, {"table_votes": math.inf}])
def test_an_invalid_prior_is_refused_by_name(prior: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(prior))):
        Priors(**prior)


def test_a_model_that_is_stopped_early_says_so() -> None:
    outcome = hierarchical_dawid_skene(ANN_BOB_EVE, passes=2)

    assert (outcome.passes, outcome.converged) == (2, False)
    assert repr(outcome) == ("<Consensus of 3 workers on 5 tasks, not converged in 2 passes>")
    assert repr(hierarchical_dawid_skene([(1, "a", "x"), (1, "b", "y")])) == (
        "<Consensus of 2 workers on 1 tasks, 1 tied, too few votes per worker>"
    )


def test_thousands_of_votes_on_one_task_do_not_overflow() -> None:
    votes = [(task, worker, "ab"[task % 2]) for task in range(4) for worker in range(3000)]

    outcome = hierarchical_dawid_skene(votes)

    assert outcome.labels == {0: "a", 1: "b", 2: "a", 3: "b"}


def test_the_interval_of_strangers_is_wide_and_that_of_known_workers_narrow() -> None:
    """By the formula: each of two strangers has a variance of 0.15/(0.85*5) + 0.85/(0.15*5)."""
    strangers = hierarchical_dawid_skene([(1, "a", "x"), (1, "b", "x")], options="xy")
    odds = 2 * math.log(0.85 / 0.15)
    width = 1.645 * math.sqrt(2 * (0.15 / (0.85 * 5) + 0.85 / (0.15 * 5)))
    expected = tuple(1 / (1 + math.exp(-each)) for each in (odds - width, odds + width))

    assert strangers.interval(1) == pytest.approx(expected)
    assert strangers.interval(1, "y") == pytest.approx((1 - expected[1], 1 - expected[0]))

    votes = [(task, who, "ab"[task % 2]) for task in range(100) for who in ("ann", "bob")]
    low, high = hierarchical_dawid_skene(votes).interval(0)
    assert high - low < 0.01


def test_an_interval_needs_a_method_that_estimates_one_and_a_task_with_votes() -> None:
    votes = [(1, "a", "x"), (1, "b", "y")]

    with pytest.raises(ValueError, match="only hierarchical_dawid_skene"):
        majority_vote(votes).interval(1)
    with pytest.raises(KeyError):
        hierarchical_dawid_skene(votes).interval(2)
    with pytest.raises(KeyError):
        hierarchical_dawid_skene(votes).interval(1, "z")


def test_a_consensus_can_be_pickled_with_its_intervals() -> None:
    outcome = hierarchical_dawid_skene(ANN_BOB_EVE)

    again = pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own

    assert again == outcome
    assert again.interval(0) == outcome.interval(0)


def test_free_text_with_thousands_of_labels_keeps_only_the_labels_given() -> None:
    votes = [(task, worker, f"{task}/{worker % 2}") for task in range(1500) for worker in range(3)]

    outcome = hierarchical_dawid_skene(votes)

    assert outcome.labels == {task: f"{task}/0" for task in range(1500)}
    assert {len(row) for row in outcome.probabilities.values()} == {2}


def test_real_votes_are_aggregated_as_in_the_table_of_the_documentation(
    entailment: tuple[list[Vote], dict[str, str]],
) -> None:
    """8,000 votes of 164 workers on entailment: Snow, O'Connor, Jurafsky and Ng, EMNLP 2008."""
    votes, gold = entailment

    outcome = hierarchical_dawid_skene(votes)
    dice = random.Random(1)  # noqa: S311 - no secret
    shuffled = hierarchical_dawid_skene(dice.sample(votes, len(votes)))

    assert sum(outcome.labels[task] == label for task, label in gold.items()) == 745
    assert outcome.passes == 15
    assert outcome.temperature == pytest.approx(1 / 0.6)
    assert shuffled == outcome
    certain = [max(outcome.probabilities[task].values()) for task in gold]
    assert math.fsum(certain) / len(gold) == pytest.approx(0.931, abs=0.05), "calibrated"
