"""Units that repeat a row: keep one, and delete or cancel the others before they cost anything.

The service deletes units of a job that is not launched, and cancels units that nobody has judged.
A canceled unit stays in the list of units, which does not show its state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from crowdflower._types import JSONObject
from crowdflower.exceptions import (
    ApplicationError,
    Conflict,
    MethodNotAllowed,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RefusedError,
    ValidationError,
    warn,
)
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.models.shapes import json_object

NOT_ALLOWED: Final = (
    ApplicationError,
    Conflict,
    MethodNotAllowed,
    PermissionDenied,
    ValidationError,
)
"""Refusals of an action that the state of a job or a unit does not allow."""


class UnitStaysError(Exception):
    """A unit that repeats a row can neither be deleted nor canceled."""


class DuplicateUnits:
    """Reduces the units with the same row to one.

    :param path: The path of the job.
    :param ignored: Units that stay in the job and do not count as rows; new ones are added to it.
    :ivar removed: How many units were deleted or canceled.
    """

    def __init__(self, client: BaseClient, path: str, ignored: set[int]) -> None:
        self._client = client
        self._path = path
        self._can_delete = True
        self.ignored = ignored
        self.removed = 0

    def keep_one(self, units: Sequence[int], *, is_launched: bool) -> None:
        """Delete or cancel all but one of the units with the same row.

        In a job that is not launched, the oldest stays. Otherwise the one that got furthest stays,
        and only units without judgments are removed.

        :param units: Their ids, in order.
        :raises UnitStaysError: A new unit can neither be deleted nor canceled.
        """
        if not is_launched and self._can_delete:
            for unit in units[1:]:
                if not self._delete(unit):
                    break
            else:
                return
        active = self._by_progress(self.find_active(units))
        for repeated in active[1:]:
            self._remove(repeated, active[0])

    def remove(self, unit: int) -> bool | None:
        """Delete a unit, or cancel it if it is new.

        :returns: Whether it was removed; ``None`` if it was canceled before.
        """
        if self._can_delete and self._delete(unit):
            return True
        active = self.find_active([unit])
        if not active:
            self.ignored.add(unit)
            return None
        is_untouched = _is_new(active[0]) and _judgments(active[0]) == 0
        return is_untouched and self._cancel(unit) is None

    def find_active(self, units: Sequence[int]) -> list[JSONObject]:
        """Read units; return those that are not canceled, and ignore the others from now on.

        If all are canceled, the first still counts as the row, which then is not sent again.
        """
        shape = partial(json_object, kind="unit")
        active = []
        for unit in units:
            with suppress(NotFound):
                path = f"{self._path}/units/{segment(unit)}.json"
                body = self._client.request("GET", path, query={"simple": True}, shape=shape).body
                if body.get("state") == "canceled":
                    self.ignored.add(unit)
                else:
                    active.append({**body, "id": unit})
        if not active:
            self.ignored.discard(units[0])
        return active

    def _by_progress(self, units: Iterable[JSONObject]) -> list[JSONObject]:
        return sorted(units, key=lambda unit: (-_judgments(unit), _is_new(unit), unit["id"]))

    def _remove(self, unit: JSONObject, kept: JSONObject) -> None:
        """Delete or cancel a unit; one that must be paid is ignored, with a warning."""
        number = unit["id"]
        repeats = f"unit {number} repeats the row of unit {kept['id']}"
        if _judgments(unit) == 0:
            if _is_new(unit) and self._can_delete and self._delete(number):
                return
            refusal = self._cancel(number)
            if refusal is None:
                if not _is_new(unit):
                    warn(f"{repeats} and was ordered; it was canceled, which may not be refunded")
                return
            if _is_new(unit):
                raise UnitStaysError(
                    f"{repeats}, and can neither be deleted nor canceled: {refusal}"
                )
        self.ignored.add(number)
        warn(f"{repeats}, and stays: it is {unit.get('state')}, too late to cancel it")

    def _delete(self, unit: int) -> bool:
        """Delete a unit; return whether the state of the job allows it."""
        with suppress(NotFound, OutcomeUnknown):  # the next read shows whether it is gone
            try:
                self._client.request("DELETE", f"{self._path}/units/{segment(unit)}.json")
            except NOT_ALLOWED:
                self._can_delete = False
                return False
            self.removed += 1
        return True

    def _cancel(self, unit: int) -> RefusedError | None:
        """Cancel a unit; return the refusal."""
        with suppress(NotFound, OutcomeUnknown):
            try:
                self._client.request("POST", f"{self._path}/units/{segment(unit)}/cancel.json")
            except NOT_ALLOWED as error:
                return error
            self.ignored.add(unit)
            self.removed += 1
        return None


def _judgments(unit: JSONObject) -> int:
    count = unit.get("judgments_count")
    return count if isinstance(count, int) else 0


def _is_new(unit: JSONObject) -> bool:
    return unit.get("state") in {"new", None}
