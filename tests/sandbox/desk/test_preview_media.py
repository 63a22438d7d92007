"""Media in the preview of a form: the operator's files, and the addresses that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crowdflower.client import Client
    from tests.sandbox.desk_browser import Browser

CML = '<img src="{{ picture }}"><cml:text label="What is it?" name="what" validates="required"/>'


def test_the_preview_loads_files_and_names_what_is_not_loaded(
    client: Client, desk: Browser
) -> None:
    job = client.upload_job([{"picture": "files/a.png"}, {"picture": "http://example.org/a.png"}])
    client.update_job(job.id, {"title": "What is it?", "instructions": "Look.", "cml": CML})
    path = f"/desk/jobs/{job.id}/form/preview"

    loaded, refused = desk.get(path), desk.get(path, row=2)

    assert f'src="/label/files/a.png?job={job.id}&amp;secret=' in loaded.text
    assert "will not see" not in loaded.text
    assert "<code>http://example.org/a.png</code>" in refused.text
    policy = refused.headers["Content-Security-Policy"]
    assert "https: data: http://127.0.0.1:* http://localhost:*;" in policy
