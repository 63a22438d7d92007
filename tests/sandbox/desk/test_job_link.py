"""The link of a job for contributors, on the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox import Sandbox
from tests.sandbox.desk_browser import PASSWORD, Browser

if TYPE_CHECKING:
    from crowdflower.client import Client


def test_the_link_is_shown_with_its_code(client: Client, box: Sandbox, desk: Browser) -> None:
    job = client.create_job({"title": "What is it?"})

    html = desk.get(f"/desk/jobs/{job.id}/link").text

    assert f'href="http://localhost/label/{job.id}?secret=' in html
    assert '<svg class="qr" role="img"' in html
    assert "works on this machine only" in html
    assert f"/desk/jobs/{job.id}/link" in html


def test_behind_a_proxy_the_link_has_its_address() -> None:
    with Sandbox(desk=PASSWORD, public_url="https://label.example.org") as box:
        job = box.client().create_job({"title": "What is it?"})
        desk = Browser(box)
        cookie = desk.http.post(
            "/desk/sign-in", data={"password": PASSWORD}, base_url="https://label.example.org"
        )

        html = desk.http.get(f"/desk/jobs/{job.id}/link", base_url="https://label.example.org").text

    assert "Secure" in cookie.headers["Set-Cookie"]
    assert f'href="https://label.example.org/label/{job.id}?secret=' in html
    assert "this machine only" not in html


def test_a_job_that_does_not_exist_has_no_link(desk: Browser) -> None:
    assert desk.get("/desk/jobs/1/link").status_code == 404
