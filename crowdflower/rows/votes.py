"""Units to votes: one ``(unit id, worker id, answer)`` for each judgment that counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from crowdflower._types import JSON, JSONObject, describe_type
from crowdflower.exceptions import MalformedResponse


def votes(
    units: Iterable[tuple[int, JSON]],
    field: str,
    *,
    chose_none: Callable[[JSONObject], bool] = lambda _: False,
) -> Iterator[tuple[int, int, Any]]:
    """Yield ``(unit id, worker id, answer)`` for each judgment that answers a field.

    Judgments that are tainted or rejected do not count, and a blank answer is none. Of several
    answers, the blank ones are left out.

    :param units: Id and ``results`` of each unit.
    :param chose_none: Given the answers of a judgment without this field, returns whether none of
        several options was chosen, which is an answer: an empty list.
    :raises MalformedResponse: A judgment has no answers, or no worker id.

    >>> judgments = [
    ...     {"worker_id": 5, "data": {"mood": "up"}},
    ...     {"worker_id": 6, "data": {"mood": "down"}, "tainted": True},
    ...     {"worker_id": 7, "data": {"mood": ""}},
    ... ]
    >>> list(votes([(7, {"judgments": judgments})], "mood"))
    [(7, 5, 'up')]
    """
    for unit_id, results in units:
        for judgment in judgments_in(unit_id, results):
            answers = judgment.get("data") or {}
            if not isinstance(answers, dict) or "worker_id" not in judgment:
                raise MalformedResponse(
                    f"a judgment of unit {unit_id} has no answers or no worker_id"
                )
            if judgment.get("tainted") or judgment.get("rejected"):
                continue
            answer = answers.get(field)
            if isinstance(answer, list):
                answer = [each for each in answer if each not in ("", None)]
            elif answer is None and chose_none(answers):
                answer = []
            if answer is not None and answer != "":
                yield unit_id, judgment["worker_id"], answer


def judgments_in(unit_id: int | None, results: JSON) -> list[JSONObject]:
    """Return the judgments in the results of a unit; a unit without judgments may have no results.

    :raises MalformedResponse: The results are not an object with a list of objects in it.
    """
    results = results or {}
    if not isinstance(results, dict):
        raise MalformedResponse(
            f"expected the results of unit {unit_id}, got {describe_type(results)}"
        )
    found = results.get("judgments") or []
    if not isinstance(found, list) or not set(map(type, found)) <= {dict}:
        raise MalformedResponse(
            f"expected a list of judgments in unit {unit_id}, got {describe_type(found)}"
        )
    return found


def judgments_count(unit: JSONObject) -> int:
    """Return how many judgments a job or a unit has; 0 if its JSON does not say so."""
    count = unit.get("judgments_count")
    return count if isinstance(count, int) else 0
