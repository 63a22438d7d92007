"""What prompts and notebooks show of a model: text made from its JSON, whatever is in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from reprlib import Repr
from types import FrameType
from typing import Any, Final, TypeGuard

from crowdflower._html import MAX_ROWS, table
from crowdflower._types import JSONObject
from crowdflower.models.waiting.counts import read_counts

PRIVATE: Final = frozenset({"secret", "ip", "email", "support_email"})
"""Fields that a notebook does not show, since notebooks are passed on."""


PROBES: Final = frozenset(
    {
        "inspect",
        "rlcompleter",
        "IPython.core.completer",
        "IPython.core.guarded_eval",
        "IPython.core.oinspect",
    }
)
"""Modules that read attributes, or call them, to find out what an object is; jedi does so too."""


def dollars(cents: int) -> str:
    """Return an amount in dollars.

    >>> dollars(504), dollars(123456)
    ('$5.04', '$1,234.56')
    """
    return f"${cents / 100:,.2f}"


def amount(cents: object) -> str:
    """Return an amount in dollars; empty if the service sent something else.

    >>> amount(504), amount(None), amount("504")
    ('$5.04', '', '')
    """
    return dollars(cents) if _is_count(cents) else ""


def counted(count: object, noun: str) -> str:
    """Return a number of things; empty if the service sent something else.

    >>> counted(122, "unit"), counted(1, "unit"), counted(100_000, "unit"), counted(None, "unit")
    ('122 units', '1 unit', '100,000 units', '')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}" if _is_count(count) else ""


def fraction(value: object, name: str) -> str:
    """Return a named number such as an agreement; empty if the service sent something else.

    >>> fraction(0.6421, "agreement"), fraction(None, "agreement")
    ('agreement 0.64', '')
    """
    return f"{name} {value:.2f}" if isinstance(value, float) or _is_count(value) else ""


def summary(head: Iterable[object], details: Iterable[str] = ()) -> str:
    """Join what identifies an object and what is known about it; leave out what is empty.

    >>> summary([7, None, "finalized"], ["3 judgments", ""])
    '7 finalized, 3 judgments'
    """
    start = " ".join(_word(each) for each in head if each not in (None, ""))
    return ", ".join(filter(None, [start, *details]))


def shortened(value: object) -> str:
    """Return the repr of a value, with at most six items of each list in it.

    >>> shortened([1] * 100)
    '[1, 1, 1, 1, 1, 1, ...]'
    """
    return _SHORTENED.repr(value)


def _word(value: object) -> str:
    """Return a word of the service, such as a state, as it is; anything else as its repr."""
    is_word = isinstance(value, str) and value.isprintable() and len(value) <= _MAX_TEXT
    return str(value) if is_word else shortened(value)


def summarize_job(state: JSONObject, counts: Mapping[str, Any], *, is_expired: bool) -> str:
    """Return the summary of a job.

    :param counts: What ``ping`` counted since the job was read, if anything.
    :param is_expired: The job has changed since it was read.

    >>> job = {"id": 7, "title": "Sentiment", "state": "running", "units_count": 122}
    >>> summarize_job({**job, "judgments_count": 24}, {}, is_expired=False)
    "7 'Sentiment' running, 122 units, 24 judgments"
    """
    title, word = state.get("title"), state.get("state")
    judgments = counts.get("all_judgments", state.get("judgments_count"))
    is_shown = bool(judgments) or word != "unordered"
    details = [
        job_progress(state, counts),
        counted(judgments, "judgment") if is_shown else "",
        "out of date" if is_expired else "",
    ]
    return summary([state.get("id"), shortened(title) if title else "", word], details)


def job_progress(state: JSONObject, counts: Mapping[str, Any]) -> str:
    """Return how many units of a job are done, if that is known, and how many there are.

    >>> job_progress({"units_count": 130}, {"ordered_units": 122, "completed_units_estimate": 8})
    '8 of 122 units done'
    >>> job_progress({"units_count": 130}, {})
    '130 units'
    """
    known = read_counts(state, counts, fee_percent=0)
    if known.ordered and known.finalized is not None:
        return f"{known.finalized:,} of {counted(known.ordered, 'unit')} done"
    return counted(state.get("units_count"), "unit")


def job_details(
    state: JSONObject, counts: Mapping[str, Any], unsent: Iterable[str]
) -> Iterator[tuple[str, object]]:
    """Yield name and value of what a notebook shows of a job.

    :param state: The job as it is, unsent changes included.
    :param unsent: The fields that were changed and not sent.
    """
    get = state.get
    pay, size = amount(get("payment_cents")), counted(get("units_per_assignment"), "unit")
    spent = get("crowd_costs")
    is_amount = isinstance(spent, float) or _is_count(spent)
    rows = {
        "state": get("state"),
        "alias": get("alias"),
        "units": job_progress(state, counts),
        "test questions": get("golds_count"),
        "judgments": counts.get("all_judgments", get("judgments_count")),
        "judgments per unit": get("judgments_per_unit"),
        "pay": f"{pay} for a page of {size}" if pay and size else "",
        "paid to contributors": f"${spent:,.2f}" if is_amount else "",
        "created": get("created_at"),
        "completed": get("completed_at"),
        "not sent yet": ", ".join(map(str, unsent)),
    }
    return ((name, value) for name, value in rows.items() if value not in (None, ""))


def details(state: JSONObject) -> Iterator[tuple[str, object]]:
    """Yield name and value of what a notebook shows of any other object.

    Objects are shown by the items in them, such as the columns of a unit's ``data``.

    >>> list(details({"id": 7, "data": {"text": "Fine."}, "ip": "192.0.2.1", "trust": None}))
    [('id', 7), ('text', 'Fine.')]
    """
    for name, value in state.items():
        if name in PRIVATE or value in (None, "", [], {}):
            continue
        if isinstance(value, dict) and name == "data":
            yield from ((str(column), cell) for column, cell in value.items())
        else:
            yield str(name), value


def units_table(first: Iterable[object], count: int) -> str:
    """Return a list of units as an HTML table: their ids, states and rows, as far as known.

    :param first: The JSON of the first units.
    :param count: The number of all units.
    """
    known = [each if isinstance(each, dict) else {} for each in islice(first, MAX_ROWS)]
    rows = [data if isinstance(data := each.get("data"), dict) else {} for each in known]
    names = ["id", *(["state"] if any("state" in each for each in known) else [])]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return table(
        [
            [*map(each.get, names), *map(row.get, columns)]
            for each, row in zip(known, rows, strict=True)
        ],
        [*names, *columns],
        caption=counted(count, "unit"),
        count=count,
    )


def refuse_probes(caller: FrameType | None) -> None:
    """Refuse to send requests for a prompt that completes or inspects an object.

    Prompts read ``promise.state``, or evaluate ``job.units.``, before the user has pressed Enter.

    :param caller: The innermost frame of what wants to send a request.
    :raises AttributeError: Such a prompt is among its callers.
    """
    while caller is not None:
        module = str(caller.f_globals.get("__name__"))
        if module in PROBES or module.partition(".")[0] == "jedi":
            raise AttributeError("completion and inspection send no requests")
        caller = caller.f_back


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


_MAX_TEXT: Final = 60
_SHORTENED: Final = Repr()
_SHORTENED.maxstring = _SHORTENED.maxother = _MAX_TEXT
