"""Make the files of ``made_by_1_0_0``: run this where version 1.0.0 is installed.

``python make_fixtures.py FOLDER [postgresql://…]`` makes a journal, an upload plan and a database
of a sandbox in the folder, and what 1.0.0 showed of them as ``shown.json``; with the address of an
empty PostgreSQL database also ``sandbox.sql``, by ``pg_dump``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
import responses

from crowdflower import Client
from crowdflower.exceptions import ApiError, OutcomeUnknown, UploadIncomplete
from crowdflower.job import Job
from crowdflower.sandbox import Sandbox

API = "https://api.appen.com/v1"
KEY = "made-by-version-1-0-0"
CML = (
    '<p>{{text}}</p><cml:radios label="Sentiment" validates="required" gold="true">'
    '<cml:radio label="good"/><cml:radio label="bad"/></cml:radios>'
)


def make_journal(path: Path) -> None:
    """Make payments in all states: one applied, one rejected, one resolved, one unknown."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
        job = {"id": 7, "state": "running", "payment_cents": 10, "judgments_per_unit": 3}
        api.get(f"{API}/jobs/7/ping.json", json={"ordered_units": 0})
        api.get(f"{API}/jobs/7.json", json=job)
        api.get(f"{API}/account.json", json={"id": 1, "balance": 5000})
        bonus = f"{API}/jobs/7/workers/5/bonus.json"
        api.post(bonus, json={"success": "Paid."})
        api.post(bonus, status=402, json={"error": "Insufficient funds."})
        api.post(bonus, body=requests.ConnectionError("lost"))
        api.post(f"{API}/jobs/7/orders.json", body=requests.ConnectionError("lost"))
        client = Client(KEY, journal=path)
        worker = Job(client, id=7).get_worker(5)
        worker.bonus(100, "Thanks", key="applied")
        with suppress(ApiError):
            worker.bonus(200, key="rejected")
        with suppress(OutcomeUnknown):
            worker.bonus(300, key="resolved")
        (lost,) = client.operations.pending()
        client.operations.resolve(lost.op_id, "not_applied", note="not in the list of May")
        with suppress(OutcomeUnknown):
            Job(client, id=7).launch(20, key="unknown")


def make_plan(box: Sandbox, path: Path) -> int:
    """Make the plan of an upload of 6,000 rows whose first responses were lost; return its job."""
    job = box.client().create_job({"title": "An upload that stopped"})
    box.faults.next(drop=True, path="/jobs/*/upload", times=100)
    rows = ({"sku": f"A{number}", "text": "x"} for number in range(6_000))
    with suppress(UploadIncomplete):
        job.upload(rows, key="sku", resume=path)
    box.faults.clear()
    return job.id


def fill(box: Sandbox) -> dict[str, Any]:
    """Make jobs in several states; return what shows of them."""
    client = box.client()
    rows = [{"text": f"Row {number}"} for number in range(12)]
    gold = [{"text": f"Test {n}", "sentiment_gold": "good", "_golden": "true"} for n in range(8)]
    job = client.upload_job(rows + gold)
    job.title, job.instructions, job.cml = "What is the sentiment?", "Read the text.", CML
    job.webhook_uri = "https://hooks.example.com/crowdflower"
    job.units_per_assignment, job.payment_cents = 4, 7
    job.update()
    client.convert_job_test_questions(job.id)
    job.reload()
    job.launch(12, channels=["on_demand"])
    box.crowd.add(6, truth={"sentiment": lambda _: "good"})
    box.crowd.run(job)
    paused = job.copy(all_units=True)
    paused.title = "A copy that is paused"
    paused.update()
    paused.launch(5, channels=["cf_internal"])
    paused.pause()
    draft = client.create_job({"title": "A draft"})
    shown = {
        "jobs": [dict(client.get_job(each.id).json) for each in (job, paused, draft)],
        "units": {
            str(unit.id): client.call(f"jobs/{job.id}/units/{unit.id}.json") for unit in job.units
        },
        "balance": client.get_account()["balance"],
        "ledger": box.ledger(),
    }
    return json.loads(json.dumps(shown, default=str))


def main(folder: Path, address: str | None) -> None:
    make_journal(folder / "journal.db")
    with Sandbox(3, key=KEY, database=folder / "sandbox.db", ampcrowd=True) as box:
        shown = fill(box)
        shown["upload"] = make_plan(box, folder / "upload.plan")
    (folder / "shown.json").write_text(json.dumps(shown, indent=1, sort_keys=True) + "\n")
    if address:
        with Sandbox(3, key=KEY, database=address, ampcrowd=True) as box:
            fill(box)
        command = ["pg_dump", "--inserts", "--no-owner", "--no-privileges", address]
        dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
        lines = [line for line in dump.splitlines(keepends=True) if not line.startswith("\\")]
        (folder / "sandbox.sql").write_text("".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
