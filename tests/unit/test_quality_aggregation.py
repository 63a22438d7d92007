"""Aggregation of answers, for each value of ``aggregation``."""

from __future__ import annotations

import pytest

from crowdflower.quality import aggregate, linked

PETS: list[tuple[list[str], float]] = [
    (["cat", "dog"], 0.9),
    (["cat"], 0.8),
    (["dog", "bird"], 0.5),
]

UNSUPPORTED = [
    *("", "AGG", "agg_", "agg_0", "agg_-1", "agg_1.5", "agg\n", "agg_1٣"),
    *("cagg", "cagg_", "cagg_1.1", "cagg_x", "bagg_0.5", "tagg"),
]


def test_agg_is_the_best_answer_and_its_confidence() -> None:
    assert aggregate("agg", [("yes", 0.50), ("yes", 0.45), ("no", 1.00)]) == {
        "agg": "no",
        "confidence": pytest.approx(0.5128, abs=5e-5),
    }


def test_agg_of_several_options_is_the_best_single_one() -> None:
    assert aggregate("agg", PETS) == {
        "agg": "cat",
        "confidence": pytest.approx(0.7727, abs=5e-5),
    }


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ("agg_1", ["cat"]),
        ("agg_2", ["cat", "dog"]),
        ("agg_9", ["cat", "dog", "bird"]),
        ("cagg_0.5", ["cat", "dog"]),
        ("cagg_.7", ["cat"]),
        ("cagg_0", ["cat", "dog", "bird"]),
        ("cagg_1", []),
    ],
)
def test_agg_n_and_cagg_return_the_best_first(how: str, kept: list[str]) -> None:
    confidences = {"cat": 17 / 22, "dog": 14 / 22, "bird": 5 / 22}

    piece = aggregate(how, PETS)

    assert piece == {"agg": kept, "confidence": pytest.approx([confidences[pet] for pet in kept])}


def test_cagg_excludes_a_confidence_equal_to_its_number() -> None:
    assert aggregate("cagg_0.5", [("a", 1.0), ("b", 1.0)]) == {"agg": [], "confidence": []}


def test_all_returns_every_answer_unchanged() -> None:
    answers: list[tuple[str | list[str], float]] = [("late", 0.2), (["late", "dear"], 1.0)]

    assert aggregate("all", answers) == ["late", ["late", "dear"]]


def test_avg_is_the_unweighted_mean_and_population_variance() -> None:
    assert aggregate("avg", [("4", 0.1), ("4", 0.9), ("3", 1.0)]) == {
        "avg": pytest.approx(3.6667, abs=5e-5),
        "variance": pytest.approx(0.2222, abs=5e-5),
    }


def test_avg_ignores_answers_that_are_not_finite_numbers() -> None:
    answers = [("4", 1.0), ("four", 1.0), ("nan", 1.0), ("inf", 1.0), ("", 1.0), ("2", 1.0)]

    assert aggregate("avg", answers) == {"avg": 3.0, "variance": 1.0}


@pytest.mark.parametrize("how", ["agg", "agg_2", "cagg_0.5"])
@pytest.mark.parametrize("answers", [[], [("a", 0.0), ("b", 0.0)]])
def test_without_trusted_answers_there_is_no_best_answer(
    how: str, answers: list[tuple[str, float]]
) -> None:
    assert aggregate(how, answers) == {"agg": None, "confidence": None}


def test_agg_is_none_if_all_contributors_chose_nothing() -> None:
    assert aggregate("agg", [([], 1.0), ([], 1.0)]) == {"agg": None, "confidence": None}


def test_without_answers_all_is_empty_and_avg_is_none() -> None:
    assert aggregate("all", []) == []
    assert aggregate("avg", []) == {"avg": None, "variance": None}


@pytest.mark.parametrize("how", UNSUPPORTED)
def test_an_unsupported_aggregation_is_refused_and_the_supported_ones_are_listed(how: str) -> None:
    with pytest.raises(ValueError, match=r"use agg, agg_N .*, cagg_X .*, all, avg"):
        aggregate(how, [("a", 1.0)])


def test_linked_answers_match_the_published_example() -> None:
    """One of two contributors entered Johnny Appleseed, which has a confidence of 0.5.

    Source: Appen, Guide to cml:group and multiple="true" Aggregation,
    https://success.appen.com/hc/en-us/articles/360044427991
    """
    johnny = {"first_name": "Johnny", "last_name": "Appleseed"}

    assert linked([[johnny], []]) == [{**johnny, "confidence": 0.5}]


def test_linked_answers_are_sorted_and_count_contributors_not_entries() -> None:
    ada, grace, joan = ({"name": name} for name in ("Ada", "Grace", "Joan"))

    entries = linked([[ada, grace, ada], [grace], [grace, joan], []])

    assert entries == [
        {"name": "Grace", "confidence": 0.75},
        {"name": "Ada", "confidence": 0.25},
        {"name": "Joan", "confidence": 0.25},
    ]


def test_entries_are_equal_only_if_all_their_answers_are() -> None:
    halves = [[{"first": "Ada", "last": "L."}], [{"first": "Ada", "last": "K."}]]

    assert [entry["confidence"] for entry in linked(halves)] == [0.5, 0.5]


@pytest.mark.parametrize("judgments", [[], [[]], [[], []]])
def test_without_entries_there_are_no_linked_answers(
    judgments: list[list[dict[str, str]]],
) -> None:
    assert linked(judgments) == []
