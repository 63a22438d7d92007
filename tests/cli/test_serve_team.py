"""``crowdflower serve`` for a team: who may connect, the links that it prints, and the desk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
from click.testing import CliRunner
from served import TIMEOUT, serving

from crowdflower.cli.local.exposure import PASSWORD_VARIABLE, check_exposure
from crowdflower.cli.local.serve import serve
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.access import MAX_TRIES
from crowdflower.sandbox.pages.invitations.public_address import check_origin
from crowdflower.sandbox.pages.invitations.qr_code import QUIET_ZONE, qr_picture, qr_text
from crowdflower.sandbox.server.sockets import Server

if TYPE_CHECKING:
    from pathlib import Path

ALL = "0.0.0.0"  # noqa: S104 - on purpose
TLS = "https://label.example.org"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a job, as ``crowdflower pull`` writes it."""
    with Sandbox() as box:
        job = box.client().upload_job([{"review": "Boils fast."} for _ in range(5)])
        cml = '<cml:text label="What is it?" validates="required"/>'
        settings = {"title": "What does it say?", "instructions": "Read.", "cml": cml}
        job.client.update_job(job.id, settings)
        job.reload().save_files(tmp_path / "reviews", rows=True)
    return tmp_path / "reviews"


@pytest.mark.parametrize("host", [ALL, "::", "192.0.2.1", "host.example.org"])
def test_other_machines_connect_only_if_that_is_asked_for(host: str) -> None:
    result = CliRunner().invoke(serve, ["--host", host, "--port", "8765", "--key", "s3cret"])

    assert result.exit_code == 2
    assert f"--host {host} lets other machines connect" in result.output
    assert f"  crowdflower serve --host {host} --port 8765 --public" in result.output
    assert "s3cret" not in result.output


@pytest.mark.parametrize(
    ("options", "has_desk"),
    [
        ({"host": "127.0.0.1"}, True),
        ({"host": "localhost"}, True),
        ({"host": "::1", "desk": False}, False),
        ({"host": ALL, "is_public": True}, False),
        ({"host": ALL, "is_public": True, "desk": True, "insecure_desk": True}, True),
        ({"host": "127.0.0.1", "public_url": TLS}, False),
        ({"host": "127.0.0.1", "public_url": TLS, "desk": True}, True),
    ],
)
def test_the_desk_is_on_by_default_where_only_this_machine_connects(
    options: dict[str, object], has_desk: bool
) -> None:
    defaults = {"public_url": None, "is_public": False, "desk": None, "insecure_desk": False}

    exposure = check_exposure(**{**defaults, **options})  # type: ignore[arg-type]

    assert exposure.has_desk is has_desk


@pytest.mark.parametrize(
    "arguments",
    [["--host", ALL, "--public", "--desk"], ["--url", "http://label.example.org", "--desk"]],
)
def test_a_desk_over_plain_http_is_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(serve, arguments)

    assert result.exit_code == 2
    assert "over plain HTTP, and so would its password" in result.output
    assert f"  crowdflower serve {' '.join(arguments)} --insecure-desk" in result.output


@pytest.mark.parametrize(
    "url",
    ["label.example.org", "ftp://a.org", "https://", "https://a.org/path", "https://u:p@a.org"],
)
def test_what_is_not_the_address_of_a_server_is_refused(url: str) -> None:
    result = CliRunner().invoke(serve, ["--url", url])

    assert result.exit_code == 2
    assert "is not like https://label.example.org" in result.output


def test_an_address_may_have_a_port_and_a_slash() -> None:
    assert check_origin("https://Label.example.org:8443/") == "https://label.example.org:8443"
    assert check_origin("http://[::1]:80") == "http://[::1]:80"


def test_a_short_password_of_the_desk_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "short")

    result = CliRunner().invoke(serve, ["--port", "0"])

    assert result.exit_code == 1
    assert f"{PASSWORD_VARIABLE}: the password of the desk needs" in result.output


def test_a_public_server_prints_the_links_and_codes_of_its_jobs(folder: Path) -> None:
    arguments = ["--host", ALL, "--public", "--load", str(folder), "--qr"]
    with serving(*arguments) as server:
        title, link = re.findall(r"^  (Job \d+, .*)\n  (http://\S+)$", server.output, re.MULTILINE)[
            0
        ]
        local = re.sub(r"//[^/]+", f"//127.0.0.1:{server.url.split(':')[2][:-3]}", link)
        page = requests.get(local, timeout=TIMEOUT)

    assert title.endswith("What does it say?")
    assert "127.0.0.1" not in link or "On another machine" not in server.output
    assert "What does it say?" in page.text
    assert qr_text(link).splitlines()[0] in server.output
    assert [line.strip() for line in qr_text(link).splitlines()][5] in server.output
    assert "caddy reverse-proxy --from label.example.org" in server.output
    assert "Desk " not in server.output


def test_without_a_terminal_no_code_is_printed(folder: Path) -> None:
    with serving("--load", str(folder)) as server:
        assert "█" not in server.output
        assert re.search(
            r"^  http://127\.0\.0\.1:\d+/label/\d+\?secret=", server.output, re.MULTILINE
        )


def test_the_printed_link_opens_the_desk() -> None:
    with serving() as server, requests.Session() as browser:
        link = server.find(r"^Desk +(\S+)")
        form = {"link": link.partition("link=")[2]}
        signed_in = browser.post(link.partition("?")[0], form, timeout=TIMEOUT)
        again = requests.post(link.partition("?")[0], form, timeout=TIMEOUT)

    assert (signed_in.status_code, signed_in.url) == (200, link.partition("sign-in")[0])
    assert again.status_code == 403


def test_the_password_of_the_desk_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "correct horse")
    with serving() as server, requests.Session() as browser:
        link = server.find(r"^Desk +(\S+link=\S+) ")
        home = server.find(rf"^ +(\S+)   \(password: {PASSWORD_VARIABLE}\)$")
        form = {"password": "correct horse"}
        signed_in = browser.post(f"{home}sign-in", form, timeout=TIMEOUT)
        for _ in range(MAX_TRIES):
            requests.post(f"{home}sign-in", {"password": "wrong"}, timeout=TIMEOUT)
        locked_out = requests.post(f"{home}sign-in", form, timeout=TIMEOUT)
        by_link = requests.post(
            f"{home}sign-in", {"link": link.partition("link=")[2]}, timeout=TIMEOUT
        )

    assert signed_in.url == home
    assert locked_out.status_code == 429
    assert by_link.history[0].status_code == 303, "the link that is printed, too, always opens it"
    assert "correct horse" not in server.output


def test_without_the_desk_there_is_none() -> None:
    with serving("--no-desk") as server:
        address = f"{server.url.removesuffix('/v1')}/desk/"

        assert requests.get(address, timeout=TIMEOUT).status_code == 404
        assert "Desk " not in server.output


def test_behind_a_proxy_links_and_cookies_are_those_of_its_address(folder: Path) -> None:
    with serving("--load", str(folder), "--url", TLS) as server:
        path = server.find(rf"^  {TLS}(/label/\S+)$")
        local = f"{server.url.removesuffix('/v1')}{path}"
        headers = {"Host": "label.example.org", "Origin": TLS, "X-Forwarded-Proto": "https"}
        answer = requests.post(
            local, {"name": "Ada"}, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
        elsewhere = requests.get(local, headers={"Host": "evil.example.org"}, timeout=TIMEOUT)

    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]
    assert elsewhere.status_code == 421


def test_only_a_proxy_is_believed_where_a_request_comes_from() -> None:
    with Sandbox() as box:
        job = box.client().create_job({"title": "What is it?"})
        query = box.work_url(job).partition("/label/")[2]
        secure = {}
        for has_proxy in (False, True):
            with Server(box.app, kind_of=box.app.kind_of, has_proxy=has_proxy) as server:
                answer = requests.post(
                    f"{server.url}/label/{query}",
                    {"name": "Ada"},
                    headers={"X-Forwarded-Proto": "https"},
                    timeout=TIMEOUT,
                    allow_redirects=False,
                )
            secure[has_proxy] = "Secure" in answer.headers["Set-Cookie"]

    assert secure == {False: False, True: True}


def test_a_code_in_text_and_in_a_picture_are_the_same() -> None:
    address = "http://192.0.2.7:8000/label/700001?secret=abc"
    lines = qr_text(address).splitlines()
    picture = qr_picture(address, "<b>")

    size = 2 * len(lines)
    assert {len(line) for line in lines} <= {size, size - 1}
    assert set("".join(lines)) == set("█▀▄ ")
    assert all(line.startswith("█" * QUIET_ZONE) for line in lines)
    assert "&lt;b&gt;" in picture
    assert "style" not in picture
