"""What a job's folder holds, as plain values; the same for a job that was read from a service.

A setting without a value is ``""`` here: TOML has no null, and the API sends both as an empty
parameter. Countries are codes. A setting that is missing was not shown by the service, or is not in
the folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crowdflower._types import JSON, JSONObject
from crowdflower.cml import CMLError, parse
from crowdflower.job_files.setting_names import COUNTRY_LISTS, SETTING_NAMES, TEXT_FILES

GOLDEN: Final = "golden"
GOLD_STATES: Final = (GOLDEN, "hidden_gold")
"""States of test questions."""

WITHOUT_CONFIDENCE: Final = frozenset({"all", "avg"})
"""Aggregations whose answers have no confidence."""


@dataclass(frozen=True)
class TestQuestion:
    """A unit with known answers.

    :param data: Its row: columns, with the accepted answers and their reasons.
    :param state: ``golden``, or ``hidden_gold``.
    :param gold_pool: Where it is asked: ``quiz``, ``work``, or ``None`` for both.
    :param unit_id: Its id in the job that it was read from; a file has none.
    :param judgments_count: Judgments that it has there.
    """

    __test__ = False  # not a test of pytest

    data: JSONObject
    state: str = GOLDEN
    gold_pool: str | None = None
    unit_id: int | None = field(default=None, compare=False)
    judgments_count: int = field(default=0, compare=False)


@dataclass(frozen=True)
class JobContent:
    """A job without its ids, states and counts.

    :param settings: Name to value, texts included.
    :param test_questions: ``None`` if the folder has no such file.
    """

    settings: Mapping[str, JSON] = field(default_factory=dict)
    test_questions: tuple[TestQuestion, ...] | None = None

    @property
    def gold_columns(self) -> frozenset[str]:
        """Columns of accepted answers whose name does not say so."""
        columns = self.settings.get("gold") or {}
        return frozenset(columns.values()) if isinstance(columns, Mapping) else frozenset()


def settings_of(
    job: Mapping[str, Any], channels: Iterable[str], tags: Iterable[str]
) -> dict[str, JSON]:
    """Return the settings in the JSON of a job, in the order of the settings file.

    What the service derives from the form is left out: with a changed form it would be wrong.

    >>> settings_of({"id": 7, "title": "Mood", "alias": None, "css": None}, ["cf_internal"], [])
    {'title': 'Mood', 'alias': '', 'channels': ['cf_internal'], 'tags': [], 'css': ''}
    """
    found: dict[str, Any] = {**job, "channels": list(channels), "tags": list(tags)}
    found |= _chosen(job)
    for name in COUNTRY_LISTS:
        if isinstance(found.get(name), list):
            found[name] = [
                each.get("code") if isinstance(each, Mapping) else each for each in found[name]
            ]
    names = [name for name in (*SETTING_NAMES, *TEXT_FILES) if name in found]
    return {name: without_null(found[name]) for name in names if found[name] is not DERIVED}


DERIVED: Final = object()
"""In place of a value that the service derives from the form."""


def _chosen(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return aggregations, deciding fields and gold columns where they differ from the form's."""
    fields, deciding, gold = (job.get(name) for name in ("fields", "confidence_fields", "gold"))
    aggregations, columns, is_dynamic = derived_from(job.get("cml"))
    chosen_fields = {
        name: how
        for name, how in (fields or {}).items()
        if how != aggregations.get(name) and (name in aggregations or not is_dynamic)
    }
    usual = [name for name, how in (fields or {}).items() if how not in WITHOUT_CONFIDENCE]
    chosen_gold = {
        name: column
        for name, column in (gold or {}).items()
        if name in columns and column != columns[name]
    }
    return {
        "fields": chosen_fields or DERIVED,
        "confidence_fields": deciding if deciding and deciding != usual else DERIVED,
        "gold": chosen_gold or DERIVED,
    }


def derived_from(cml: object) -> tuple[dict[str, str], dict[str, str], bool]:
    """Return the aggregations and gold columns of a form, and whether names differ between rows.

    >>> derived_from('<cml:text label="Why?"/>')
    ({'why': 'all'}, {'why': 'why_gold'}, False)
    """
    try:
        form = parse(cml) if isinstance(cml, str) else None
    except CMLError:
        form = None
    if form is None:
        return {}, {}, False
    return form.aggregations(), form.gold(), any(each.dynamic for each in form.fields)


def without_null(value: JSON) -> JSON:
    """Return a value with ``""`` in place of every null.

    >>> without_null({"mail_to": None, "after_gold": 10})
    {'mail_to': '', 'after_gold': 10}
    """
    if isinstance(value, Mapping):
        return {name: without_null(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_null(each) for each in value]
    return "" if value is None else value
