"""The endpoints of one job that an upload uses; rows get lost, or arrive late or twice."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from server import Act, Request, Wire, respond

Rows = list[dict[str, Any]]

UNPROCESSABLE = "422 Unprocessable Entity"


class Service:
    """A job as the service has it; a list says how each upload is treated.

    :param treats: For each upload, which of its rows are stored, and how it is answered.
    """

    def __init__(self, *treats: tuple[str, Act | None]) -> None:
        self.state = "unordered"
        self.auto_order = False
        self.created_at = "2026-01-05T09:00:00+00:00"
        self.units: dict[int, dict[str, Any]] = {}
        self.states: dict[int, str] = {}
        self.judgments: dict[int, int] = {}
        self.uploads: list[int] = []
        self.deleted: list[int] = []
        self.canceled: list[int] = []
        self.refuses_cancel = False
        self.pages: list[int] = []
        self.late: list[Rows] = []
        self.pings_until_late = 0
        self._treats = [*treats]
        self._next_id = 1

    def __call__(self, wire: Wire, request: Request) -> None:
        url = urlsplit(request.target)
        path = url.path.removeprefix("/v1/jobs/7").removesuffix(".json")
        if path == "/upload":
            return self._upload(wire, request)
        if path.startswith("/units/") and path != "/units/ping":
            number, _, verb = path.removeprefix("/units/").partition("/")
            return self._unit(wire, request, int(number), verb or request.method)
        if path == "/units/ping":
            self._arrive()
            return self._say(wire, request, {"done": True, "count": len(self.units)})
        if path == "/units":
            page = int(parse_qs(url.query)["page"][0])
            self.pages.append(page)
            shown = list(self.units.items())[(page - 1) * 1000 : page * 1000]
            return self._say(wire, request, {str(number): data for number, data in shown})
        if path == "/v1/account":
            return self._say(wire, request, {"id": 5})
        job = {"id": 7, "state": self.state, "auto_order": self.auto_order}
        job |= {"units_count": len(self.units), "created_at": self.created_at}
        return self._say(wire, request, job)

    @property
    def keys(self) -> list[int]:
        """The keys of all rows of the job that are not canceled."""
        return sorted(
            data["id"]
            for number, data in self.units.items()
            if self.states.get(number) != "canceled"
        )

    def treat(self, *treats: tuple[str, Act | None]) -> None:
        """Say how the next uploads are treated."""
        self._treats = [*treats]

    def store(self, rows: Rows) -> None:
        for row in rows:
            self.units[self._next_id] = row
            self._next_id += 1

    def _upload(self, wire: Wire, request: Request) -> None:
        rows = [json.loads(line) for line in request.body.splitlines()]
        self.uploads.append(len(rows))
        stored, act = self._treats.pop(0) if self._treats else ("all", None)
        if stored == "late":
            self.late.append(rows)
        parts = {"all": rows, "half": rows[::2], "twice": [*rows, *rows]}
        self.store(parts.get(stored, []))
        (act or respond(b'{"id": 7}'))(wire, request)

    def _unit(self, wire: Wire, request: Request, number: int, verb: str) -> None:
        if verb == "DELETE" and self.state == "unordered":
            self.deleted.append(number)
            del self.units[number]
            return self._say(wire, request, {})
        if verb == "cancel" and not self.refuses_cancel:
            self.canceled.append(number)
            self.states[number] = "canceled"
            return self._say(wire, request, {"success": f"Unit {number} has been canceled"})
        if verb == "GET":
            state, count = self.states.get(number, "new"), self.judgments.get(number, 0)
            unit = {"id": number, "state": state, "judgments_count": count}
            return self._say(wire, request, unit)
        refusal = {"error": {"message": f"Job 7 is {self.state}."}}
        return respond(json.dumps(refusal).encode(), status=UNPROCESSABLE)(wire, request)

    def _arrive(self) -> None:
        if self.late:
            self.pings_until_late -= 1
            if self.pings_until_late < 0:
                for rows in self.late:
                    self.store(rows)
                self.late.clear()

    def _say(self, wire: Wire, request: Request, body: object) -> None:
        respond(json.dumps(body).encode())(wire, request)
