"""Coefficients of agreement: published examples, definitions by brute force, intervals."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from math import isclose
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.quality import (
    AGREEMENT_METHODS,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    measure_agreement,
    percent_agreement,
)
from crowdflower.quality.bootstrap import MAX_GROUPS

Votes = list[tuple[Any, Any, Any]]


def from_lines(**lines: str) -> Votes:
    """Return votes from a line per worker; a dot is a missing answer."""
    return [
        (unit, worker, int(answer))
        for worker, line in lines.items()
        for unit, answer in enumerate(line)
        if answer != "."
    ]


def from_counts(table: str) -> Votes:
    """Return votes from a line per unit: how often each answer was given."""
    return [
        (unit, worker, answer)
        for unit, line in enumerate(table.split("/"))
        for worker, answer in enumerate(
            answer for answer, count in enumerate(line.split()) for _ in range(int(count))
        )
    ]


def from_cells(cells: dict[tuple[Any, Any], int]) -> Votes:
    """Return votes of two workers from how often they gave each pair of answers."""
    pairs = [pair for pair, count in cells.items() for _ in range(count)]
    return [vote for unit, (a, b) in enumerate(pairs) for vote in ((unit, "x", a), (unit, "y", b))]


KRIPPENDORFF_2011 = from_lines(
    A="123321412...", B="1233224125.3", C=".3332342251.", D="12332441251."
)
"""Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section C and D."""

FLEISS_1971 = from_counts(
    "0 0 0 6 0/0 3 0 0 3/0 1 4 0 1/0 0 0 0 6/0 3 0 3 0/2 0 4 0 0/0 0 4 0 2/2 0 3 1 0/2 0 0 4 0/"
    "0 0 0 0 6/1 0 0 5 0/1 1 0 4 0/0 3 3 0 0/1 0 0 5 0/0 2 0 3 1/0 0 5 0 1/3 0 0 1 2/5 1 0 0 0/"
    "0 2 0 4 0/1 0 2 0 3/0 0 0 0 6/0 1 0 5 0/0 2 0 1 3/2 0 0 4 0/1 0 0 4 1/0 5 0 1 0/4 0 0 0 2/"
    "0 2 0 4 0/1 0 5 0 0/0 0 0 0 6"
)
"""Fleiss, Measuring nominal scale agreement among many raters, 1971, table 1."""

FLEISS_WIKIPEDIA = from_counts(
    "0 0 0 0 14/0 2 6 4 2/0 0 3 5 6/0 3 9 2 0/2 2 8 1 1/7 7 0 0 0/3 2 6 3 0/2 5 3 2 2/6 5 2 1 0/"
    "0 2 2 3 7"
)


@pytest.mark.parametrize(
    ("level", "alpha"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_alpha_of_krippendorffs_example(level: str, alpha: float) -> None:
    agreement = krippendorff_alpha(KRIPPENDORFF_2011, level)

    assert round(float(agreement), 3) == alpha
    assert (agreement.units, agreement.left_out, agreement.answers, agreement.workers) == (
        *(11, 1, 40, 4),
    )


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.691), ("ordinal", 0.807), ("interval", 0.811)]
)
def test_alpha_of_the_example_of_wikipedia(level: str, alpha: float) -> None:
    votes = from_lines(A=".....34121133.3", B="1.213343.......", C="..21344.21133.4")

    assert round(float(krippendorff_alpha(votes, level)), 3) == alpha


def test_alpha_of_two_observers_and_two_values() -> None:
    """Krippendorff 2011, section A."""
    votes = from_lines(A="0100000010", B="1110010000")

    assert round(float(krippendorff_alpha(votes)), 3) == 0.095


@pytest.mark.parametrize(("votes", "kappa"), [(FLEISS_1971, 0.430), (FLEISS_WIKIPEDIA, 0.210)])
def test_fleiss_kappa_of_published_examples(votes: Votes, kappa: float) -> None:
    assert round(float(fleiss_kappa(votes)), 3) == kappa


@pytest.mark.parametrize(
    ("cells", "kappa"),
    [
        ({("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}, 0.4),
        ({("y", "y"): 45, ("y", "n"): 15, ("n", "y"): 25, ("n", "n"): 15}, 0.1304),
        (
            {
                (1, 1): 88,
                (1, 2): 14,
                (1, 3): 18,
                (2, 1): 10,
                (2, 2): 40,
                (2, 3): 10,
                (3, 1): 2,
                (3, 2): 6,
                (3, 3): 12,
            },
            0.4915,
        ),
    ],
    ids=["Wikipedia", "Wikipedia, same percentages", "Cohen 1960"],
)
def test_cohen_kappa_of_published_examples(cells: dict[tuple[Any, Any], int], kappa: float) -> None:
    assert round(float(cohen_kappa(from_cells(cells))), 4) == kappa


def test_percent_agreement_counts_pairs() -> None:
    votes = [(1, "a", "x"), (1, "b", "x"), (1, "c", "y"), (2, "a", "y"), (2, "b", "y")]

    assert percent_agreement(votes).value == pytest.approx((1 / 3 + 1) / 2)


# By definition


def units_of(votes: Votes) -> list[list[Any]]:
    by_unit: dict[Any, list[Any]] = {}
    for unit, _, answer in votes:
        by_unit.setdefault(unit, []).append(answer)
    return [answers for answers in by_unit.values() if len(answers) > 1]


def distance(level: str, one: Any, two: Any, counts: Counter[Any]) -> float:
    if level == "nominal":
        return float(one != two)
    if level == "interval":
        return (one - two) ** 2
    if level == "ratio":
        return ((one - two) / (one + two)) ** 2 if one != two else 0.0
    if level == "ordinal":
        low, high = sorted((one, two))
        between = sum(count for value, count in counts.items() if low <= value <= high)
        return (between - (counts[low] + counts[high]) / 2) ** 2
    return set_distance(level, set(one), set(two))


def set_distance(level: str, one: set[Any], two: set[Any]) -> float:
    union, both = one | two, one & two
    jaccard = len(both) / len(union) if union else 1.0
    if level == "jaccard":
        return 1 - jaccard
    if one == two:
        return 0.0
    contained = one <= two or two <= one
    return 1 - jaccard * (2 / 3 if contained else 1 / 3 if both else 0)


def alpha_by_definition(votes: Votes, level: str) -> float | None:
    """Observed disagreement by pairs within units, expected by pairs of all answers."""
    units = units_of(votes)
    every = [answer for answers in units for answer in answers]
    counts = Counter(every) if level not in {"jaccard", "masi"} else Counter()
    n = len(every)
    observed = sum(
        distance(level, a, b, counts) / (len(answers) - 1)
        for answers in units
        for a, b in permutations(answers, 2)
    )
    expected = sum(distance(level, a, b, counts) for a, b in permutations(every, 2))
    if isclose(expected, 0):
        return None
    return 1 - (observed / n) / (expected / (n * (n - 1)))


def fleiss_by_definition(votes: Votes) -> float | None:
    units = units_of(votes)
    if not units:
        return None
    agreed = sum(
        sum(a == b for a, b in permutations(answers, 2)) / (len(answers) * (len(answers) - 1))
        for answers in units
    ) / len(units)
    values = {answer for answers in units for answer in answers}
    shares = [
        sum(answers.count(value) / len(answers) for answers in units) / len(units)
        for value in values
    ]
    by_chance = sum(share**2 for share in shares)
    return None if len(values) < 2 else (agreed - by_chance) / (1 - by_chance)


def cohen_by_definition(votes: Votes) -> float | None:
    units = units_of(votes)
    if not units:
        return None
    agreed = sum(one == two for one, two in units) / len(units)
    ones, twos = Counter(one for one, _ in units), Counter(two for _, two in units)
    by_chance = sum(ones[value] * twos[value] for value in ones) / len(units) ** 2
    return None if isclose(by_chance, 1) else (agreed - by_chance) / (1 - by_chance)


NUMBERS = st.integers(0, 4)
OPTIONS = st.lists(st.sampled_from("abc"), unique=True, max_size=3)


def votes_of(answers: st.SearchStrategy[Any], workers: int = 5) -> st.SearchStrategy[Votes]:
    unit = st.lists(answers, max_size=workers)
    return st.lists(unit, max_size=7).map(
        lambda units: [
            (number, worker, answer)
            for number, given in enumerate(units)
            for worker, answer in enumerate(given)
        ]
    )


def check(value: float | None, wanted: float | None) -> None:
    if wanted is None:
        assert value is None
    else:
        assert value == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(votes_of(NUMBERS), st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_alpha_is_what_its_definition_says(votes: Votes, level: str) -> None:
    check(krippendorff_alpha(votes, level, resamples=0).value, alpha_by_definition(votes, level))


@settings(max_examples=150, deadline=None)
@given(votes_of(OPTIONS), st.sampled_from(["jaccard", "masi"]))
def test_alpha_of_several_options_is_what_its_definition_says(votes: Votes, level: str) -> None:
    check(krippendorff_alpha(votes, level, resamples=0).value, alpha_by_definition(votes, level))


@settings(max_examples=150, deadline=None)
@given(votes_of(NUMBERS))
def test_fleiss_kappa_is_what_its_definition_says(votes: Votes) -> None:
    check(fleiss_kappa(votes, resamples=0).value, fleiss_by_definition(votes))


@settings(max_examples=150, deadline=None)
@given(votes_of(NUMBERS, workers=2))
def test_cohen_kappa_is_what_its_definition_says(votes: Votes) -> None:
    check(cohen_kappa(votes, resamples=0).value, cohen_by_definition(votes))


@settings(max_examples=60, deadline=None)
@given(votes_of(NUMBERS), st.randoms(use_true_random=False), st.sampled_from([*AGREEMENT_METHODS]))
def test_the_order_of_the_votes_has_no_effect(votes: Votes, random: Random, method: str) -> None:
    if method == "cohen":
        votes = [vote for vote in votes if vote[1] < 2]
    shuffled = list(votes)
    random.shuffle(shuffled)

    assert measure_agreement(method, shuffled, resamples=30) == measure_agreement(
        method, votes, resamples=30
    )


# Intervals


def test_an_interval_contains_the_value_and_depends_on_the_seed_only() -> None:
    first = fleiss_kappa(FLEISS_1971)

    assert first.interval is not None
    low, high = first.interval
    assert low < float(first) < high
    assert fleiss_kappa(FLEISS_1971) == first
    assert fleiss_kappa(FLEISS_1971, seed=1).interval != first.interval
    assert fleiss_kappa(FLEISS_1971, resamples=0).interval is None
    assert (round(low, 3), round(high, 3)) == (0.314, 0.529)


def crowd(units: int, seed: int, copies: float = 0.6) -> Votes:
    """Return three votes per unit; each worker copies the truth, or guesses."""
    random = Random(seed)  # noqa: S311 - reproducible
    return [
        (unit, worker, random.choice("abc") if random.random() > copies else "abc"[unit % 3])
        for unit in range(units)
        for worker in range(3)
    ]


@pytest.mark.parametrize("units", [200, 3 * MAX_GROUPS])
def test_an_interval_covers_the_true_value_as_often_as_it_says(units: int) -> None:
    """Two workers agree beyond chance if both copy: the true alpha is the square of the share."""
    covered = 0
    for seed in range(40):
        interval = krippendorff_alpha(crowd(units, seed), resamples=200).interval
        assert interval is not None
        covered += interval[0] <= 0.36 <= interval[1]

    assert covered >= 34


def test_grouped_units_give_an_interval_of_the_same_width() -> None:
    """1,000 units are drawn one by one, 1,001 in groups."""
    widths = []
    for units in (MAX_GROUPS, MAX_GROUPS + 1, 4 * MAX_GROUPS):
        interval = percent_agreement(crowd(units, 1)).interval
        assert interval is not None
        widths.append(interval[1] - interval[0])

    assert widths[1] == pytest.approx(widths[0], rel=0.15)
    assert widths[2] == pytest.approx(widths[0] / 2, rel=0.15)


# Undefined, and refused


@pytest.mark.parametrize(
    ("method", "votes", "reason"),
    [
        ("krippendorff", [], "no unit has two answers"),
        ("krippendorff", [(1, "a", "x"), (2, "b", "y")], "no unit has two answers"),
        ("krippendorff", [(1, "a", "x"), (1, "b", "x")], "all 2 answers are the same"),
        ("fleiss", [(1, "a", "x"), (1, "b", "x")], "all answers are the same"),
        ("cohen", [(1, "a", "x"), (1, "b", "x")], "all answers are the same"),
        ("percent", [(1, "a", "x")], "no unit has two answers"),
    ],
)
def test_an_undefined_value_has_a_reason(method: str, votes: Votes, reason: str) -> None:
    agreement = measure_agreement(method, votes)

    assert (agreement.value, agreement.interval, agreement.reason) == (None, None, reason)
    assert repr(agreement).startswith(f"<Agreement undefined, {reason}: {method}, nominal, ")
    with pytest.raises(ValueError, match=reason):
        float(agreement)


def test_samples_in_which_it_is_undefined_are_left_out_of_the_interval() -> None:
    """Of two units, half of the samples have one of them twice, with equal answers only."""
    votes = [(1, "a", "x"), (1, "b", "x"), (2, "a", "y"), (2, "b", "y")]
    mostly_equal = [*votes, *((unit, who, "x") for unit in range(3, 40) for who in "ab")]

    assert krippendorff_alpha(votes).interval in {(1.0, 1.0), None}
    assert krippendorff_alpha(mostly_equal).interval == (1.0, 1.0)


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: krippendorff_alpha([], "nominla"), "no level 'nominla'; choose from: nominal, "),
        (
            lambda: krippendorff_alpha([(1, 1, "yes"), (1, 2, "no")], "interval"),
            "the level interval needs numbers, and 'no' is not one",
        ),
        (
            lambda: krippendorff_alpha([(1, 1, "yes"), (1, 2, "no")], "ordinal"),
            "the level ordinal needs numbers, and 'no' is not one; pass order",
        ),
        (
            lambda: krippendorff_alpha([(1, 1, "x"), (1, 2, "y")], "ordinal", order=["x"]),
            "the answer 'y' is not in order",
        ),
        (
            lambda: krippendorff_alpha([(1, 1, -1), (1, 2, 1)], "ratio"),
            "the level ratio needs numbers from 0, not -1",
        ),
        (
            lambda: krippendorff_alpha([(1, 1, "x"), (1, 2, "y")], order=["x", "y"]),
            "order is for the level ordinal",
        ),
        (
            lambda: cohen_kappa([(1, "a", "x"), (1, "b", "x"), (1, "c", "x")]),
            "cohen compares two workers, and these answers are of 3: ",
        ),
        (
            lambda: cohen_kappa([(1, "a", "x"), (1, "a", "y"), (2, "b", "y")]),
            "a worker answered the same unit twice",
        ),
        (
            lambda: measure_agreement("kappa", []),
            "no method 'kappa'; choose from: krippendorff, fleiss, cohen, percent",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused(call: Any, problem: str) -> None:
    with pytest.raises(ValueError, match="^" + problem.replace("(", r"\(")):
        call()


def test_the_order_of_words_can_be_given() -> None:
    words = ["bad", "fair", "good"]
    votes = [(1, "a", "bad"), (1, "b", "fair"), (2, "a", "good"), (2, "b", "good")]
    numbers = [(unit, who, words.index(answer)) for unit, who, answer in votes]

    by_words = krippendorff_alpha(votes, "ordinal", order=words)

    assert by_words.value == krippendorff_alpha(numbers, "ordinal").value


def test_a_mean_far_from_zero_loses_no_digits() -> None:
    near = [(unit, who, unit % 3 + (who == "b")) for unit in range(30) for who in "ab"]
    far = [(unit, who, 10**9 + answer) for unit, who, answer in near]

    assert krippendorff_alpha(far, "interval", resamples=0).value == pytest.approx(
        krippendorff_alpha(near, "interval", resamples=0).value
    )


def test_the_options_of_an_answer_have_no_order() -> None:
    votes = [(1, "a", ["x", "y"]), (1, "b", ("y", "x")), (2, "a", []), (2, "b", ["x"])]

    assert percent_agreement(votes).value == 0.5
