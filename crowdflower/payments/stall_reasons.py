"""Why a job does not move, as far as the service shows it: no funds, no contributors, and so on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from math import ceil
from typing import Any, Final

from crowdflower.exceptions import ApiError, InvalidInput
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.models.waiting.counts import count_in
from crowdflower.payments import pricing
from crowdflower.states import INTERNAL

READ_TIMEOUT: Final = 10.0
"""Seconds for a read that only explains."""


def find_reason(
    client: BaseClient, job_id: int, job: Mapping[str, Any], ping: Mapping[str, Any]
) -> str:
    """Return the most probable reason why a job does not move, and what to do, as a clause.

    Calls ``GET /account`` for a paused job, ``GET /jobs/{id}/channels`` for a running one. If they
    fail, the reason is less precise.

    :param job: The JSON of the job.
    :param ping: Its counters.
    """
    state = job.get("state")
    if state == "paused":
        balance = _read(client, "account.json").get("balance")
        return _why_paused(job, balance)
    if state == "unordered":
        return _why_unordered(job)
    if state != "running":
        return f"the job is {state}"
    channels = _read(client, f"jobs/{segment(job_id)}/channels").get("enabled_channels")
    return _why_none_works(job, ping, channels)


def _why_paused(job: Mapping[str, Any], balance: object) -> str:
    """Explain a pause: by its owner, or by the service because the money ran out.

    >>> job = {"payment_cents": 10, "crowd_costs": 1.5}
    >>> _why_paused(job, 5)
    'the job is paused, and the balance of 5 cents does not pay for a page of 12 cents: add funds,
    then call job.resume()'
    >>> _why_paused(job, 5000)
    'the job is paused: call job.resume() to continue it'
    """
    page = _page_cents(job)
    if isinstance(balance, (int, float)) and page is not None and balance < page:
        return (
            f"the job is paused, and the balance of {balance:g} cents does not pay for a page of"
            f" {page} cents: add funds, then call job.resume()"
        )
    return "the job is paused: call job.resume() to continue it"


def _why_unordered(job: Mapping[str, Any]) -> str:
    threshold, timeout = job.get("auto_order_threshold"), job.get("auto_order_timeout")
    after = f" or {timeout} s after the first" if timeout else ""
    return (
        "no unit is ordered yet: the job orders automatically as soon as"
        f" {threshold or 'enough'} units wait (auto_order_threshold){after}"
    )


def _why_none_works(job: Mapping[str, Any], ping: Mapping[str, Any], channels: object) -> str:
    """Explain why a running job gets no judgments.

    >>> _why_none_works({}, {"all_judgments": 0}, [])
    'no channel is enabled, so no contributor sees the job: assign job.channels'
    >>> _why_none_works(
    ...     {"payment_cents": 1, "units_per_assignment": 5}, {"all_judgments": 0}, ["on_demand"]
    ... )
    'no contributor has taken work: it pays 1 cent for a page of 5 units, its channels are
    on_demand'
    """
    needed, ordered = count_in(ping, "needed_judgments"), count_in(ping, "ordered_units")
    judgments, golden = count_in(ping, "all_judgments"), count_in(ping, "golden_judgments")
    if ordered == 0:
        return "no unit is ordered yet: the service shows an order some time after it was placed"
    if needed == 0 and judgments:
        return "no judgment is needed any more: the service finishes the job some time later"
    if channels == []:
        return "no channel is enabled, so no contributor sees the job: assign job.channels"
    if judgments == 0:
        return f"no contributor has taken work: {_offer(job, channels)}"
    if golden and golden == judgments:
        return (
            "contributors have answered test questions only: they fail the quiz; check whether the"
            " test questions are too hard or wrong"
        )
    return _limit_per_contributor(job, ordered) or (
        f"no contributor takes work at present: {_offer(job, channels)}"
    )


def _offer(job: Mapping[str, Any], channels: object) -> str:
    """Return what contributors are offered, and where."""
    names = [str(each) for each in channels] if isinstance(channels, list) else []
    if names == [INTERNAL]:
        return f"the only channel is {INTERNAL}: send your own contributors the address of the job"
    cents, size = job.get("payment_cents"), job.get("units_per_assignment")
    countries = job.get("included_countries")
    parts = [
        f"it pays {cents} cent{'s' * (cents != 1)} for a page of {size} units" if cents else "",
        f"its channels are {', '.join(names)}" if names else "",
        "only some countries are included" if countries else "",
    ]
    return ", ".join(filter(None, parts)) or "its channels cannot be read"


def _limit_per_contributor(job: Mapping[str, Any], ordered: int | None) -> str:
    """Return the limit that contributors may have reached; empty if there is none."""
    with suppress(InvalidInput):
        limits = pricing.gold_limits(pricing.pick(job, pricing.FIELDS))
        rows = limits.rows_per_contributor
        if rows is not None and (ordered is None or rows < ordered):
            return (
                f"the test questions may be exhausted: {limits.golds_count} of them allow a"
                f" contributor {rows} units; add test questions"
            )
    for name in ("max_judgments_per_worker", "max_judgments_per_ip"):
        most = count_in(job, name)
        if most and (ordered is None or most < ordered):
            return f"contributors may have reached {name}, which is {most}: raise it"
    return ""


def _page_cents(job: Mapping[str, Any]) -> int | None:
    """Return the price of a page with the fee."""
    cents = job.get("payment_cents")
    if isinstance(cents, bool) or not isinstance(cents, (int, float)) or not cents > 0:
        return None
    return ceil(Fraction(str(cents)) * (100 + pricing.FEE_PERCENT) / 100)


def _read(client: BaseClient, path: str) -> Mapping[str, Any]:
    """Return a JSON object; an empty one if it cannot be read."""
    with suppress(ApiError):
        deadline = client.clock.monotonic() + READ_TIMEOUT
        answer = client.request("GET", path, deadline=deadline, warns=False).body
        if isinstance(answer, dict):
            return answer
    return {}
