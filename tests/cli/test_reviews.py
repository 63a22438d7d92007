"""The example reviews of ``crowdflower demo``."""

from __future__ import annotations

import csv
from collections import Counter
from importlib.resources import files

import pytest

REVIEWS = files("crowdflower.cli") / "data" / "reviews.csv"

COLUMNS = [
    "review_id",
    "product",
    "review",
    "expert",
    "_golden",
    "sentiment_gold",
    "sentiment_gold_reason",
]

LABELS = {"positive", "neutral", "negative"}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    """The reviews, as dicts."""
    text = REVIEWS.read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), strict=True))


@pytest.fixture(scope="module")
def gold_rows(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if row["_golden"]]


def test_there_are_many_reviews_and_no_duplicates(rows: list[dict[str, str]]) -> None:
    assert len(rows) >= 120
    assert len({row["review_id"] for row in rows}) == len(rows)
    assert len({row["review"] for row in rows}) == len(rows)


def test_every_row_has_the_columns_that_the_demo_reads(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert list(row) == COLUMNS
        assert all(row[column].strip() == row[column] != "" for column in COLUMNS[:3]), row
        assert row["expert"] in LABELS, row


def test_no_label_can_be_guessed_from_its_share(rows: list[dict[str, str]]) -> None:
    shares = Counter(row["expert"] for row in rows)

    assert max(shares.values()) < 1.2 * min(shares.values())


def test_test_questions_agree_with_the_expert_and_have_a_reason(
    gold_rows: list[dict[str, str]],
) -> None:
    assert len(gold_rows) >= 16
    for row in gold_rows:
        assert row["_golden"] == "TRUE"
        assert row["sentiment_gold"] == row["expert"]
        assert len(row["sentiment_gold_reason"]) > 20
    assert {row["sentiment_gold"] for row in gold_rows} == LABELS


def test_no_more_than_a_third_of_the_rows_are_test_questions(
    rows: list[dict[str, str]], gold_rows: list[dict[str, str]]
) -> None:
    assert 3 * len(gold_rows) < len(rows)


def test_other_rows_have_no_gold_answers(rows: list[dict[str, str]]) -> None:
    for row in rows:
        if not row["_golden"]:
            assert (row["sentiment_gold"], row["sentiment_gold_reason"]) == ("", "")


def test_the_reviews_have_quotes_commas_and_non_ascii_characters(
    rows: list[dict[str, str]],
) -> None:
    text = "".join(row["review"] for row in rows)

    assert not text.isascii()
    assert '"' in text
    assert "," in text
