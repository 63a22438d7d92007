"""A one-time link signs another browser in as the same person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from crowdflower.sandbox.store.contributor_tables import device, sign_in_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox


def make_link(browser: Any) -> str:
    """Make a one-time link, and return its path."""
    browser.get("/label/")
    html = browser.send("/label/", do="make_link").text
    (link,) = re.findall(r"<code[^>]*>(http://[^<]*/label/me/[0-9a-f]{32})</code>", html)
    return urlsplit(link).path


def test_two_devices_are_one_contributor(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    laptop, phone = new_browser(), new_browser()
    job = launch()
    laptop.sign_in(job)
    laptop.submit(job, says="good")

    link = make_link(laptop)
    assert "Go on as Ada on this device?" in phone.get(link).text
    assert "Hello, Ada" in phone.send(link).text

    assert "Page 2" in phone.get(phone.path(job)).text
    assert phone.fields(job).keys() == laptop.fields(job).keys()
    phone.submit(job, says="bad")
    assert len({judgment.worker_id for judgment in job.judgments()}) == 1
    assert "2 pages" in laptop.get("/label/").text
    assert "2 pages" in phone.get("/label/").text


def test_a_link_works_once(launch: Callable[..., Job], new_browser: Callable[[], Any]) -> None:
    laptop, phone, other = new_browser(), new_browser(), new_browser()
    laptop.sign_in(launch())
    link = make_link(laptop)

    for _ in range(3):  # a preview of the link opens it too
        assert "Go on as Ada" in other.get(link).text
    phone.send(link)

    assert phone.get(link).status_code == 404
    assert "does not work any more" in other.send(link).text
    assert "This browser is not known yet" in other.get("/label/").text
    assert "Hello, Ada" in phone.get("/label/").text


def test_a_link_works_for_ten_minutes(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    laptop, phone = new_browser(), new_browser()
    laptop.sign_in(launch())
    link = make_link(laptop)

    box.clock.advance(minutes=10)

    assert phone.get(link).status_code == 404
    assert phone.post(link, {}).status_code == 404
    assert phone.get("/label/me/nothing").status_code == 404


def test_a_new_link_replaces_the_last_one(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    laptop, phone = new_browser(), new_browser()
    laptop.sign_in(launch())
    first, second = make_link(laptop), make_link(laptop)

    assert phone.get(first).status_code == 404
    assert phone.get(second).status_code == 200


def test_a_link_is_shown_once_and_only_its_hash_is_stored(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    laptop, phone = new_browser(), new_browser()
    laptop.sign_in(launch())

    link = make_link(laptop)
    token = link.rpartition("/")[2]
    phone.send(link)

    assert token not in laptop.get("/label/").text
    with box.app.services.database.transaction() as tx:
        stored = str([*tx.all(select(sign_in_link)), *tx.all(select(device))])
    assert token not in stored
    assert phone.client.get_cookie("crowdflower_contributor", path="/label").value not in stored


def test_a_browser_of_another_person_is_told_that_it_changes(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    ada, eve = new_browser(), new_browser()
    job = launch()
    ada.sign_in(job)
    eve.sign_in(job, "Eve")
    link = make_link(ada)

    assert "This browser works as you already." in ada.get(link).text
    assert "This browser works as Eve now. It will not any more." in eve.get(link).text
    assert "Hello, Ada" in eve.send(link).text


def test_a_link_of_another_site_signs_nobody_in(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    ada, eve = new_browser(), new_browser()
    ada.sign_in(launch())
    link = make_link(ada)

    assert eve.post(link, {}, Origin="http://evil.example").status_code == 403
    assert eve.post(link, {}, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert "This browser is not known yet" in eve.get("/label/").text


def test_signing_out_on_one_device_leaves_the_other_signed_in(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    laptop, phone, third = new_browser(), new_browser(), new_browser()
    laptop.sign_in(launch())
    phone.send(make_link(laptop))

    laptop.get("/label/")
    laptop.send("/label/", do="sign_out")
    assert "not known yet" in laptop.get("/label/").text
    third.send(make_link(phone))
    phone.get("/label/")
    phone.send("/label/", do="sign_out")

    assert "not known yet" in phone.get("/label/").text
    assert "Hello, Ada" in third.get("/label/").text


def test_a_link_can_be_pasted(launch: Callable[..., Job], new_browser: Callable[[], Any]) -> None:
    laptop, phone = new_browser(), new_browser()
    laptop.sign_in(launch())
    link = make_link(laptop)

    response = phone.send("/label/", link=f" http://localhost{link}\n")

    assert "Go on as Ada on this device?" in response.text


@pytest.mark.parametrize(
    "text", ["", "x", "https://evil.example/a", "/label/me/x", "é" * 32, "http://[", "[" + "a" * 32]
)
def test_a_pasted_text_that_is_no_link_is_refused(
    new_browser: Callable[[], Any], text: str
) -> None:
    response = new_browser().post("/label/", {"link": text})

    assert response.status_code == 422
    assert "This is not a one-time link." in response.text
