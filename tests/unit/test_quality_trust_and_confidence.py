"""Trust, confidence and agreement, with the numbers published in the service's articles."""

from __future__ import annotations

import math
from itertools import permutations

import pytest

from crowdflower.quality import agreement, confidence, option_confidence, trust


@pytest.mark.parametrize(
    ("seen", "missed", "forgiven", "expected"),
    [
        (44, 5, 0, 0.8864),
        (44, 5, 1, 0.9091),
        (30, 1, 0, 0.9667),
        (9, 1, 0, 0.8889),
        (20, 20, 0, 0.0),
        (20, 20, 20, 1.0),
    ],
)
def test_trust_is_the_share_of_test_questions_not_missed(
    seen: int, missed: int, forgiven: int, expected: float
) -> None:
    assert trust(seen, missed, forgiven) == pytest.approx(expected, abs=5e-5)


def test_trust_is_one_without_test_questions() -> None:
    assert trust(0, 0) == 1.0


@pytest.mark.parametrize("counts", [(3, 4, 0), (4, 2, 3), (-1, -1, -1), (4, -1, 0), (4, 2, -1)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="forgiven <= missed <= seen"):
        trust(*counts)


def test_confidence_matches_the_published_example() -> None:
    shares = confidence([("beef", 4.4703), ("chicken", 1.8571), ("veggie", 0.9231)])

    assert {answer: round(share, 4) for answer, share in shares.items()} == {
        "beef": 0.6166,
        "chicken": 0.2561,
        "veggie": 0.1273,
    }


@pytest.mark.parametrize(
    ("answers", "best", "expected"),
    [
        ([("yes", 1.0), ("no", 0.8), ("yes", 0.7)], "yes", 0.68),
        ([("yes", 0.50), ("yes", 0.45), ("no", 1.00)], "no", 0.5128),
        ([("a", 1.0), ("a", 1.0), ("b", 1.0)], "a", 0.6667),
        ([("only", 0.3)], "only", 1.0),
    ],
    ids=["plain", "trust outweighs the majority", "no test questions", "one answer"],
)
def test_the_best_answer_comes_first(
    answers: list[tuple[str, float]], best: str, expected: float
) -> None:
    shares = confidence(answers)

    assert next(iter(shares)) == best
    assert shares[best] == pytest.approx(expected, abs=5e-5)
    assert math.fsum(shares.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("options", "ranked"),
    [
        (["z", "a", "m"], ["m", "a", "z"]),
        (["m", "z"], ["z", "m", "a"]),
        ([], ["z", "m", "a"]),
    ],
    ids=["the order of the form", "one answer is not an option", "no options"],
)
def test_on_a_tie_the_last_in_the_form_comes_first(options: list[str], ranked: list[str]) -> None:
    """So it is in all 141 ties of a job of 2014, whose options were in alphabetical order."""
    answers = [("z", 0.9), ("a", 0.9), ("m", 0.4), ("m", 0.5)]

    assert list(confidence(answers, options)) == ranked
    assert list(option_confidence([([each], share) for each, share in answers], options)) == ranked


def test_the_order_of_answers_does_not_decide_ties() -> None:
    answers = [("b", 1.0), ("a", 0.5), ("c", 1.0), ("a", 0.5)]

    rankings = {tuple(confidence(order, "acb")) for order in permutations(answers)}

    assert rankings == {("b", "c", "a")}


def test_rounding_errors_do_not_decide_ties() -> None:
    shares = confidence([("early", 0.3), ("late", 0.1), ("late", 0.2)])

    assert 0.1 + 0.2 != 0.3
    assert list(shares) == ["late", "early"]


def test_each_option_has_its_own_confidence() -> None:
    shares = option_confidence([(["cat", "dog"], 0.9), (["cat"], 0.8), (["dog", "bird"], 0.5)])

    assert {option: round(share, 4) for option, share in shares.items()} == {
        "cat": 0.7727,
        "dog": 0.6364,
        "bird": 0.2273,
    }


def test_choosing_nothing_counts_against_every_option() -> None:
    assert option_confidence([(["cat"], 1.0), ([], 1.0)]) == {"cat": 0.5}


def test_an_option_given_twice_by_one_contributor_counts_once() -> None:
    assert option_confidence([(["cat", "cat"], 1.0), (["dog"], 1.0)]) == {"cat": 0.5, "dog": 0.5}


def test_a_bare_string_is_one_option() -> None:
    assert option_confidence([("cat", 1.0)]) == {"cat": 1.0}


def test_a_linked_entry_has_the_share_of_the_judgments_with_it() -> None:
    entries = [(["Johnny Appleseed", "Paul Bunyan"], 1.0), (["Paul Bunyan"], 1.0)]

    assert option_confidence(entries) == {"Paul Bunyan": 1.0, "Johnny Appleseed": 0.5}


@pytest.mark.parametrize("answers", [[], [("a", 0.0)], [("a", 0.0), ("b", 0.0)]])
def test_without_trust_there_is_no_confidence(answers: list[tuple[str, float]]) -> None:
    with pytest.raises(ValueError, match="sums to 0"):
        confidence(answers)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_invalid_trust_is_refused_with_its_answer(weight: float) -> None:
    with pytest.raises(ValueError, match=r"'b'.* must be finite and at least 0, not "):
        confidence([("a", 1.0), ("b", weight)])


def test_agreement_is_the_mean_over_the_questions() -> None:
    assert agreement([0.6421, 0.5263]) == pytest.approx(0.5842)


def test_a_unit_without_answers_has_no_agreement() -> None:
    assert agreement(iter(())) is None
