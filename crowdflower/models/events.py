"""What a notification is, before it is one about a job, a unit or a judgment."""

from __future__ import annotations

from dataclasses import dataclass, field

from crowdflower._types import JSON


@dataclass(frozen=True)
class Event:
    """A notification from the service; this class itself stands for signals not documented yet.

    Two events are equal if one is a repetition of the other.
    """

    signal: str
    """One of :data:`~crowdflower.states.SIGNALS`, or a new one. The signature does not cover it."""

    payload: JSON = field(repr=False, compare=False)
    """The decoded JSON, as it came."""

    identity: str = field(repr=False)
    """64 hexadecimal digits, equal for a notification and its repetition: a hash of the signal and
    the id and ``updated_at`` of its subject. Usable as a unique column."""
