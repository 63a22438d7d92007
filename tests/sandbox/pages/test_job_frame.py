"""The frame of a job's own scripts: where it is, what it gets, and what its headers allow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.pages.job_frame.frame_policy import (
    MAX_HOSTS,
    SCRIPTS,
    frame_headers,
    media_hosts,
)
from crowdflower.sandbox.pages.job_frame.own_code import element_text, with_nonces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from crowdflower.job import Job

CML = """<script>a('{{ word }}')</script><p onclick="b()">{{ word }}</p>
<img src="https://pictures.example/a.png"><img src="files/b.png">
<cml:text label="What is it?" name="what" class="first" validates="required"/>"""
CHANNEL = "channel-of-a-test"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, job_scripts=True) as box:
        yield box


def launch(box: Sandbox, **settings: Any) -> tuple[Job, FlaskClient, str]:
    """Return a job, and the browser of a contributor who is on its page, at this path."""
    job = box.client().upload_job([{"word": f"<b>{number}</b>"} for number in range(5)])
    needed = {"title": "What is it?", "instructions": "Look.", "cml": CML}
    job.client.update_job(job.id, {**needed, **settings})
    job.launch(5, channels=["cf_internal"])
    url = urlsplit(box.work_url(job))
    browser = box.app.test_client()
    path = f"{url.path}?{url.query}"
    browser.post(path, data={"name": "Ada"})
    return job, browser, path


def fields(browser: FlaskClient, path: str) -> dict[str, str]:
    html = browser.get(path).text
    found = dict(re.findall(r'name="(assignment|token)" value="([^"]*)"', html))
    return {**found, "channel": CHANNEL}


def test_the_frame_has_the_scripts_and_the_page_has_not(box: Sandbox) -> None:
    job, browser, path = launch(box, js="run('</script>')", css="p { color: red }")
    page = browser.get(path)

    frame = browser.post(path.replace("?", "/frame?"), data=fields(browser, path))

    assert f'data-frame="/label/{job.id}/frame?secret=' in page.text
    assert "frame_host.js" in page.text
    assert "<script>" not in page.text
    assert "color: red" not in page.text
    policy = frame.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)';", policy)
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">a(\'&lt;b&gt;' in frame.text, "a value ends no script"
    assert "run('<\\/script>')" in frame.text
    assert "<style>p { color: red }</style>" in frame.text
    assert f'src="/label/files/b.png?job={job.id}&amp;secret=' in frame.text
    assert 'data-hooks="{&#34;what&#34;: [&#34;text&#34;' in frame.text


def test_the_frame_may_do_nothing_but_run_scripts(box: Sandbox) -> None:
    _, browser, path = launch(box)

    headers = browser.post(path.replace("?", "/frame?"), data=fields(browser, path)).headers

    policy, scripts = headers["Content-Security-Policy"].split(", ")
    policy = policy.split("; ")
    media = "data: http://localhost/label/files/ https://pictures.example"
    assert policy[:2] == ["sandbox allow-scripts", "default-src 'none'"]
    assert {f"img-src {media}", f"media-src {media}", "connect-src 'none'"} < set(policy)
    assert {"form-action 'none'", "base-uri 'none'", "frame-src 'none'"} < set(policy)
    assert "frame-ancestors 'self'" in policy
    assert scripts == (
        "script-src 'unsafe-inline' http://localhost/desk.js http://localhost/frame_library.js"
        " http://localhost/frame_guest.js http://localhost/label/frame/jquery.js"
    ), "a nonce that a script read loads no other script"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-src 'self'" in browser.get(path).headers["Content-Security-Policy"]


def test_the_policy_names_each_script_of_the_frame(box: Sandbox) -> None:
    _, browser, path = launch(box)

    html = browser.post(path.replace("?", "/frame?"), data=fields(browser, path)).text

    loaded = re.findall(r'<script src="([^"?]+)', html)
    assert sorted(loaded) == sorted(SCRIPTS)


def test_at_an_address_of_ipv6_the_frame_loads_from_itself() -> None:
    policy = frame_headers("", "n", "http://[::1]:8000")["Content-Security-Policy"]

    assert "[" not in policy
    assert policy.endswith(", script-src 'unsafe-inline' 'self'")


def test_the_frame_begins_with_the_answers_so_far(box: Sandbox) -> None:
    _, browser, path = launch(box)
    given = fields(browser, path)
    unit = re.search(r"u(\d+)\[what\]", browser.get(path).text)
    assert unit is not None

    frame = browser.post(
        path.replace("?", "/frame?"), data={**given, f"u{unit[1]}[what]": "<i>so far</i>"}
    )

    assert 'value="&lt;i&gt;so far&lt;/i&gt;"' in frame.text
    assert f'data-channel="{CHANNEL}"' in frame.text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"token": "x"}, 409),
        ({"assignment": "1"}, 409),
        ({"channel": '"><script>'}, 404),
        ({"channel": ""}, 404),
    ],
)
def test_only_the_open_page_of_the_contributor_is_shown(
    box: Sandbox, change: dict[str, str], status: int
) -> None:
    _, browser, path = launch(box)

    given = {**fields(browser, path), **change}

    assert browser.post(path.replace("?", "/frame?"), data=given).status_code == status


def test_strangers_and_other_sites_get_no_frame(box: Sandbox) -> None:
    _, browser, path = launch(box)
    given, frame = fields(browser, path), path.replace("?", "/frame?")

    assert box.app.test_client().post(frame, data=given).status_code == 404
    other = {"Origin": "https://evil.example"}
    assert browser.post(frame, data=given, headers=other).status_code == 403
    assert browser.post(frame[:-1] + "x", data=given).status_code == 404


def test_unless_allowed_there_is_no_frame_no_library_and_a_warning() -> None:
    with Sandbox(seed=5) as box:
        with pytest.warns(UserWarning, match="scripts are not run|removed from the page"):
            _, browser, path = launch(box, js="run()")
        html = browser.get(path).text

        frame = browser.post(path.replace("?", "/frame?"), data=fields(browser, path))

        assert "data-frame" not in html
        assert "run()" not in html
        assert frame.status_code == 404
        assert browser.get("/label/frame/jquery.js").status_code == 404


def test_a_job_without_own_code_has_no_frame(box: Sandbox) -> None:
    _, browser, path = launch(box, cml='<cml:text label="What?" validates="required"/>')

    assert "data-frame" not in browser.get(path).text


def test_the_library_is_served_where_scripts_run(box: Sandbox) -> None:
    response = box.app.test_client().get("/label/frame/jquery.js")

    assert response.status_code == 200
    assert response.data.startswith(b"/*! jQuery v3.7.1 |")


def test_a_wrapped_script_is_unwrapped_and_cannot_end_its_element() -> None:
    assert element_text("<script type='x'>a()</script>") == "a()"
    assert element_text("<style>\np {}\n</style>\n") == "\np {}\n"
    assert element_text("a('</SCRIPT>')") == "a('<\\/SCRIPT>')"
    assert element_text("<!-- <script>") == "<!-- <\\script>"
    assert element_text("if (a <script.length) {}") == "if (a <script.length) {}"
    assert element_text(None) == ""


def test_only_scripts_of_the_form_itself_get_the_nonce() -> None:
    assert with_nonces("<SCRIPT >a()</SCRIPT>", "n") == '<script nonce="n" >a()</SCRIPT>'
    assert "nonce" not in with_nonces("<script\nsrc=//example.org/a.js></script>", "n")
    assert "nonce" not in with_nonces("<script/src=//example.org/a.js></script>", "n")
    assert "nonce" not in with_nonces('<script a="b"src=//example.org/a.js></script>', "n")
    assert "nonce" not in with_nonces("<script a='b'src=//example.org/a.js></script>", "n")
    assert "nonce" not in with_nonces("<scripts>", "n")


def test_media_are_loaded_from_the_hosts_that_rows_name() -> None:
    html = """<img src='https://a.example/x'><source srcset="https://b.example:8443/x 1x, y 2x">
    <video poster=http://localhost:9000/x></video><img src="http://c.example/x">
    <a href="https://d.example/">x</a><img src="https://e.example;script-src *">
    <img src="https://[">"""

    assert media_hosts(html) == [
        "https://a.example",
        "https://b.example:8443",
        "http://localhost:9000",
    ]
    many = "".join(f'<img src="https://h{number}.example/x">' for number in range(100))
    assert len(media_hosts(many)) == MAX_HOSTS
