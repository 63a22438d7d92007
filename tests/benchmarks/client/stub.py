"""A server with canned responses of the API and a configurable latency; it counts requests.

The benchmark starts it as a separate process::

    python -m tests.benchmarks.client.stub PORT-FILE REPORT-ZIP [CERTIFICATE KEY]

To cost as little time as possible, it encodes each response once, and sends with asyncio.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

UNITS_PER_PAGE = 1000
AGGREGATES_PER_PAGE = 100
JOB = {"id": 7, "title": "Benchmark", "state": "finished", "fields": {"answer": "agg"}}


def row(number: int) -> dict[str, object]:
    """Return one row of five columns."""
    return {
        "id": number,
        "product": f"product {number % 97}",
        "text": f"Row {number}: it arrived late, cost too much, and does what it should do so far.",
        "country": "FIN",
        "price": number % 1000 / 10,
    }


def judgment(unit: int, ordinal: int) -> dict[str, object]:
    """Return one judgment, with the keys that the service sends."""
    return {
        "id": unit * 10 + ordinal,
        "created_at": "2015-06-25T10:54:20+00:00",
        "started_at": "2015-06-25T10:54:02+00:00",
        "acknowledged_at": None,
        "external_type": "clixsense",
        "golden": False,
        "missed": None,
        "rejected": None,
        "tainted": False,
        "country": "FIN",
        "region": "13",
        "city": "Helsinki",
        "job_id": 7,
        "unit_id": unit,
        "worker_id": 31883685 + ordinal,
        "judgment": 1,
        "trust": 0.9444,
        "worker_trust": 0.9444,
        "unit_state": "finalized",
        "data": {"answer": "yes" if ordinal else "no"},
        "unit_data": row(unit),
    }


def unit(number: int) -> dict[str, object]:
    """Return one unit with the results of three judgments."""
    return {
        "id": number,
        "data": row(number),
        "judgments_count": 3,
        "state": "finalized",
        "agreement": 0.6667,
        "job_id": 7,
        "results": {
            "judgments": [judgment(number, ordinal) for ordinal in range(3)],
            "answer": {"agg": "yes", "confidence": 0.6667},
        },
    }


def _aggregate(number: int) -> dict[str, object]:
    return {
        "_ids": [number * 10 + ordinal for ordinal in range(3)],
        "_agreement": 0.6667,
        "_state": "finalized",
        "_updated_at": "2015-06-25T10:59:00+00:00",
        **row(number),
        "answer": {"agg": "yes", "confidence": 0.6667, "res": ["no", "yes", "yes"]},
    }


class Stub:
    """The responses, and the number of requests."""

    def __init__(self, report: Path) -> None:
        self.report = report
        self.latency = 0.0
        self.units = 0
        self.requests = 0
        self.pages: dict[tuple[str, int], bytes] = {}

    def answer(self, target: str) -> bytes:
        """Return the response body for a path."""
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/_set":
            units = int(query["units"])
            if units != self.units:
                self.units, self.pages = units, {}
            self.latency, self.requests = float(query["latency"]), 0
            return b"{}"
        if url.path == "/_count":
            return json.dumps({"requests": self.requests}).encode()
        self.requests += 1
        if listing := re.search(r"/jobs/7/(units|judgments).json$", url.path):
            return self._page(listing[1], int(query["page"]))
        if url.path.endswith("/jobs/7.csv"):
            return self.report.read_bytes()
        if match := re.search(r"/units/(\d+)/judgments.json$", url.path):
            number = int(match[1])
            return json.dumps([judgment(number, ordinal) for ordinal in range(3)]).encode()
        return json.dumps({**JOB, "units_count": self.units}).encode()

    def _page(self, kind: str, page: int) -> bytes:
        if (kind, page) not in self.pages:
            size = UNITS_PER_PAGE if kind == "units" else AGGREGATES_PER_PAGE
            numbers = range((page - 1) * size + 1, min(page * size, self.units) + 1)
            make = row if kind == "units" else _aggregate
            self.pages[kind, page] = json.dumps({str(n): make(n) for n in numbers}).encode()
        return self.pages[kind, page]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond to the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
                await _read_body(reader, headers)
                body = self.answer(first.split()[1])
                if self.latency:
                    await asyncio.sleep(self.latency)
                kind = "application/zip" if body[:2] == b"PK" else "application/json"
                writer.write(
                    f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n".encode()
                )
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> None:
    """Read a request body and discard it."""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
        return
    remaining = int(headers.get("content-length", 0))
    while remaining:
        remaining -= len(await reader.read(min(remaining, 1 << 18)))


async def main(port_file: str, report: str, *certificate: str) -> None:
    """Serve until killed; write the port to a file once it is open."""
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    server = await asyncio.start_server(
        Stub(Path(report)).serve, "127.0.0.1", 0, ssl=context, limit=1 << 20
    )
    Path(port_file).write_text(str(server.sockets[0].getsockname()[1]))  # noqa: ASYNC240
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
