"""The channels of a job: where its contributors may come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select

from crowdflower._types import Message
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job_channel
from crowdflower.states import INTERNAL, ON_DEMAND

AVAILABLE: Final = (
    "4x4bux_com",
    "amt",
    "bitcoinget",
    INTERNAL,
    "clixsense",
    "elite",
    "gambit",
    "iphone",
    "mob",
    "neodev",
    ON_DEMAND,
    "sama",
)
"""Channels of every account in the sandbox, sorted.

Source: published jobs of 2014 to 2017; ``amt``, ``gambit``, ``iphone``, ``mob`` and ``sama`` are in
the Jobs document of 2011.
"""

DEFAULT: Final = (INTERNAL,)
"""Channels of a job that is created by an upload; a blank job has none."""


def read(tx: Transaction, job: Row[Any]) -> tuple[list[str], list[str]]:
    """Return the enabled and the available channels of a job, both sorted."""
    return enabled(tx, job.id), list(AVAILABLE)


def enabled(tx: Transaction, job_id: int) -> list[str]:
    """Return the enabled channels of a job, sorted."""
    query = select(job_channel.c.channel).where(job_channel.c.job_id == job_id)
    return sorted(row.channel for row in tx.all(query))


def replace(tx: Transaction, job: Row[Any], names: Iterable[str]) -> None:
    """Enable these channels, and disable all others.

    :raises Invalid: A channel is unknown; nothing is changed.
    """
    wanted = check_names(names)
    tx.run(delete(job_channel).where(job_channel.c.job_id == job.id))
    _enable(tx, job, wanted)


def add(tx: Transaction, job: Row[Any], names: Iterable[str]) -> None:
    """Enable these channels in addition to those that are enabled.

    :raises Invalid: A channel is unknown; nothing is changed.
    """
    wanted = check_names(names)
    already = enabled(tx, job.id)
    _enable(tx, job, [name for name in wanted if name not in already])


def disable(tx: Transaction, job: Row[Any], name: str) -> None:
    """Disable a channel: its contributors get no more pages; their open pages stay open.

    :raises Invalid: The channel is unknown.
    """
    check_names([name])
    is_it = (job_channel.c.job_id == job.id, job_channel.c.channel == name)
    tx.run(delete(job_channel).where(*is_it))


def check_names(names: Iterable[str]) -> list[str]:
    """Return the names without duplicates.

    :raises Invalid: A channel is unknown.

    >>> check_names(["on_demand", "cf_internal", "on_demand"])
    ['on_demand', 'cf_internal']
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in AVAILABLE:
            text = f"The channel {name} could not be found."
            raise Invalid.text(Message(text, "unknown_channel", channel=name))
    return wanted


def _enable(tx: Transaction, job: Row[Any], names: list[str]) -> None:
    if names:
        lines = [{"job_id": job.id, "channel": name} for name in names]
        tx.connection.execute(insert(job_channel), lines)
