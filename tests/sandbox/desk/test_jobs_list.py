"""The list of jobs on the desk."""

from __future__ import annotations

from crowdflower.client import Client
from crowdflower.sandbox import Sandbox
from tests.sandbox.desk_browser import Browser

CML = """
<cml:radios label="Mood" name="mood" validates="required">
<cml:radio label="good"/><cml:radio label="bad"/></cml:radios>
"""


def test_no_job_yet(desk: Browser) -> None:
    assert "Make your first job" in desk.text("/desk/")


def test_a_job_shows_its_progress_and_its_cost(box: Sandbox, client: Client, desk: Browser) -> None:
    settings = {"title": "Moods", "cml": CML, "judgments_per_unit": 1, "instructions": "Read."}
    job = client.create_job({**settings, "units_per_assignment": 2, "payment_cents": 10})
    job.upload([{"text": f"row {number}"} for number in range(6)])
    job.launch(6, channels=["on_demand"])
    box.crowd.add(2, truth={"mood": lambda _: "good"})
    box.crowd.run(job)

    text = desk.text("/desk/")

    assert "Moods" in text
    assert "Finished" in text
    assert "6 of 6" in text
    assert "$0.36" in text


def test_search_state_and_sort(client: Client, desk: Browser) -> None:
    for title in ("Moods of cats", "Moods of dogs", "100 % of birds"):
        client.create_job({"title": title})

    assert "dogs" in desk.text("/desk/", q="MOODS")
    assert "birds" not in desk.text("/desk/", q="MOODS")
    assert "birds" in desk.text("/desk/", q="100 %")
    assert "cats" not in desk.text("/desk/", q="%")
    assert "No job matches" in desk.text("/desk/", state="running")
    newest = desk.text("/desk/", sort="newest")
    assert newest.index("birds") < newest.index("dogs") < newest.index("cats")
    for sort in ("spent", "agreement", "activity"):
        assert "1–3 of 3" in desk.text("/desk/", sort=sort)


def test_a_long_list_has_pages_that_keep_the_filter(client: Client, desk: Browser) -> None:
    for number in range(52):
        client.create_job({"title": f"Job of {number}"})

    first = desk.get("/desk/", q="job", page=1)
    second = desk.get("/desk/", q="job", page=2)

    assert "1–50 of 52" in first.text
    assert "/desk?q=job&amp;page=2" in first.text
    assert "51–52 of 52" in second.text


def test_what_people_wrote_is_shown_as_text(client: Client, desk: Browser) -> None:
    client.create_job({"title": "<script>alert(1)</script>"}).tags = ["<b>x</b>"]

    page = desk.get("/desk/").text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "&lt;b&gt;x" in page
