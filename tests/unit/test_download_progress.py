"""Progress of a download: bytes of the archive; a caller's function that fails leaves no file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crowdflower import Progress
from crowdflower.rows.report_download import body_size

if TYPE_CHECKING:
    from conftest import Clock
    from responses import RequestsMock

    from crowdflower.client import Client
    from crowdflower.job import Job

REPORT = "https://api.appen.com/v1/jobs/712034.csv"
NOTICE = {"notice": {"message": "Your CSV is being generated.  Try again in 10 seconds."}}


def archive(size: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as zipped:
        zipped.writestr("job_712034.json", b"\n" * size)
    return packed.getvalue()


def respond(api: RequestsMock, body: bytes) -> None:
    length = {"Content-Length": str(len(body))}
    api.get(REPORT, body=body, content_type="application/zip", headers=length)


def test_a_download_reports_the_bytes_of_the_archive(
    api: RequestsMock, job: Job, tmp_path: Path
) -> None:
    body = archive(200_000)
    api.get(REPORT, status=202, json=NOTICE)
    respond(api, body)
    seen: list[Progress] = []

    job.download_report("full", tmp_path / "full.zip", progress=seen.append)

    assert (seen[0].done, seen[0].total, seen[0].unit) == (0, len(body), "bytes")
    assert (seen[-1].done, seen[-1].total) == (len(body), len(body))
    assert len(seen) == 2  # what came in between was within a tenth of a second


def test_a_download_that_begins_again_counts_again(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    body = archive(1000)
    respond(api, body[:500])
    respond(api, body)
    seen: list[Progress] = []

    assert list(client.stream_report(712034, progress=seen.append)) == []

    assert [(progress.done, progress.total) for progress in seen] == [
        (0, 500),
        (500, 500),
        (0, len(body)),
        (len(body), len(body)),
    ]


def test_an_exception_of_the_function_leaves_no_file(
    api: RequestsMock, client: Client, tmp_path: Path
) -> None:
    respond(api, archive(1000))

    def stop(progress: Progress) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        client.download_report(712034, "full", tmp_path / "full.csv", progress=stop)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        ({"Content-Length": "12"}, 12),
        ({}, None),
        ({"Content-Length": "-1"}, None),
        ({"Content-Length": "²"}, None),
        ({"Content-Length": "12", "Content-Encoding": "gzip"}, None),
    ],
)
def test_the_size_is_known_if_the_service_says_it(
    headers: dict[str, str], size: int | None
) -> None:
    assert body_size(headers) == size
