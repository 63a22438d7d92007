"""Reads partitions in this process, as another one would, on a clock that does not wait."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, TypeVar

from crowdflower.http.transport import Transport

if TYPE_CHECKING:
    import pyarrow as pa

    from crowdflower.client import Client
    from crowdflower.tables.partitions import PartitionPlan

T = TypeVar("T")

CML = """
<p>{{ text }}</p>
<cml:radios name="mood" label="Mood" validates="required" gold="true">
  <cml:radio label="Good"/>
  <cml:radio label="Bad"/>
</cml:radios>
<cml:checkboxes name="topics" label="Topics">
  <cml:checkbox label="Price"/>
  <cml:checkbox label="Delivery"/>
</cml:checkboxes>
<cml:text name="why" label="Why"/>
<cml:text name="score" label="Score" aggregation="avg" validates="numeric"/>
"""


class NoWait:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Forgetful(Transport):
    """Sends requests to a service that has no idempotency keys."""

    honours_keys = property(lambda _: False, lambda _, __: None)  # type: ignore[assignment]


class Interrupting(Transport):
    """Is interrupted before or after some request, as by Ctrl-C."""

    left = 0
    """Requests until then; two each, for before and after it is sent."""

    def send(self, *arguments: Any, **how: Any) -> Any:
        self._count_down()
        response = super().send(*arguments, **how)
        self._count_down()
        return response

    def _count_down(self) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def read(client: Client, plan: PartitionPlan, **how: Any) -> pa.Table:
    """Read all partitions of a plan, each after it was pickled."""
    import pyarrow as pa  # noqa: PLC0415 - optional

    from crowdflower.tables.partitions import read_partition  # noqa: PLC0415

    batches = [
        batch for each in plan.partitions for batch in read_partition(client, pickled(each), **how)
    ]
    return pa.Table.from_batches(batches, plan.schema)


def pickled(value: T) -> T:
    """Return what another process gets of a value."""
    copy: T = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
    return copy
