"""The integration script of the vendor's own client, call by call.

The calls have the format of that client: brackets in parameter names, a body with every verb.
"""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.scenarios.conftest import Box

REPORTS = ("full", "aggregated", "json", "gold_report", "workset", "source")
PICTURE = "data:image/png;base64," + "iVBORw0KGgo" * 1359
"""As long as the one in the script's file; longer than a field may be where nobody says more."""

GARMENTS = [
    ("Boots", "gold", PICTURE),
    ("Scarf, wool", "red", ""),
    ("Hat", 'silver "plain"', ""),
    ("Söckchen", "green", ""),
    ("Glove", "blue", ""),
    ("Belt", "gold", ""),
]

CML = """
<p>{{item}} in {{glitter_color}}</p>
<cml:radios label="Is this funny or not?" name="funny" validates="required" gold="true">
  <cml:radio label="yes"/>
  <cml:radio label="no"/>
</cml:radios>
<cml:text label="Why?" name="why" only-if="funny:[yes]" validates="required"/>
"""


def make_csv() -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([("Item", "Glitter Color", "Image"), *GARMENTS])
    return text.getvalue().encode()


def test_the_vendors_script_runs_to_its_end(box: Box) -> None:
    blank = box.api("POST", "/jobs.json", data={"job[title]": "A blank job"}).json()
    assert blank["state"] == "unordered"
    assert read_channels(box, blank["id"])["enabled_channels"] == []
    box.api("POST", f"/jobs/{blank['id']}/channels", data={"channels[]": "cf_internal"})
    assert read_channels(box, blank["id"])["enabled_channels"] == ["cf_internal"]

    job = upload_twelve_rows(box)
    set_form_and_tags(box, job)
    units = order_twelve_units(box, job)
    add_units(box, job, units)
    work_and_manage_contributors(box, job)

    for verb, state in (("pause", "paused"), ("resume", "running"), ("cancel", "canceled")):
        assert "success" in box.api("GET", f"/jobs/{job}/{verb}.json").json()
        assert read_job(box, job)["state"] == state
    box.api("DELETE", f"/jobs/{blank['id']}.json")
    assert read_job(box, blank["id"])["state"] == "unordered", "deleted, and still there to be read"
    assert box.api("GET", f"/jobs/{job}/legend.json").json()["funny"]
    copied = box.api("GET", f"/jobs/{job}/copy.json", params={"all_units": "true"}).json()
    assert read_job(box, copied["id"])["units_count"] == 14
    assert read_job(box, copied["id"])["golds_count"] == 2
    for report in REPORTS:
        assert len(download_report(box, job, report)) > 1


def upload_twelve_rows(box: Box) -> int:
    headers = {"Content-Type": "text/csv"}
    job: int = box.api("POST", "/jobs/upload.json", data=make_csv(), headers=headers).json()["id"]
    assert read_channels(box, job)["enabled_channels"] != []
    assert read_job(box, job)["units_count"] == 6

    box.api("PUT", f"/jobs/{job}/upload.json", data=make_csv(), headers=headers)

    assert box.api("GET", f"/jobs/{job}/units/ping.json").json() == {"count": 12, "done": True}
    rows = list(box.api("GET", f"/jobs/{job}/units.json").json().values())
    found = [(row["item"], row["glitter_color"], row["image"] or "") for row in rows]
    assert found == GARMENTS * 2
    return job


def set_form_and_tags(box: Box, job: int) -> None:
    about = {
        "job[title]": "Is it funny?",
        "job[instructions]": "Look at the garment.",
        "job[cml]": CML,
        "job[judgments_per_unit]": "2",
        "job[included_countries][]": ["FI", "US"],
        "job[options][front_load]": "0",
    }
    saved = box.api("PUT", f"/jobs/{job}.json", data=about).json()
    assert 'only-if="funny:[yes]"' in saved["cml"]
    assert [each["code"] for each in saved["included_countries"]] == ["FI", "US"]
    assert saved["completed"] is False

    for verb, names, left in (
        ("POST", "boots, scarves", ["boots", "scarves"]),
        ("DELETE", "boots", ["scarves"]),
        ("PUT", "fashion, glitter", ["fashion", "glitter"]),
    ):
        box.api(verb, f"/jobs/{job}/tags", data={"tags": names})
        found = box.api("GET", f"/jobs/{job}/tags").json()
        assert found == [{"name": name} for name in left]


def order_twelve_units(box: Box, job: int) -> list[str]:
    wanted = ["4x4bux_com", "bitcoinget", "cf_internal"]
    order = {"debit[units_count]": "12", "channels[]": wanted}
    placed = box.api("POST", f"/jobs/{job}/orders.json", data=order)

    assert placed.ok
    assert read_job(box, job)["state"] == "running"
    assert read_channels(box, job)["enabled_channels"] == [*wanted, "on_demand"]
    box.api("POST", f"/jobs/{job}/disable_channel", data={"channel_name": "bitcoinget"})
    assert read_channels(box, job)["enabled_channels"] == ["4x4bux_com", "cf_internal", "on_demand"]
    units = list(box.api("GET", f"/jobs/{job}/units.json").json())
    assert [read_unit(box, job, unit)["state"] for unit in units] == ["judgable"] * 12
    return units


def add_units(box: Box, job: int, units: list[str]) -> None:
    first, second, *_ = units
    right = {"funny_gold": "yes", **read_unit(box, job, first)["data"]}
    box.api("PUT", f"/jobs/{job}/units/{first}.json", json={"unit": {"data": right}})
    box.api("PUT", f"/jobs/{job}/units/{first}.json", data={"unit[golden]": "true"})
    assert read_unit(box, job, first)["state"] == "golden"

    copied = box.api("GET", f"/jobs/{job}/units/{second}/copy.json").json()
    assert copied["data"] == read_unit(box, job, second)["data"]
    assert read_job(box, job)["units_count"] == 13

    golden = {"unit[data]": '{"item": "Cape", "funny_gold": "no"}', "unit[golden]": "true"}
    assert box.api("POST", f"/jobs/{job}/units.json", data=golden).json()["state"] == "golden"
    assert (read_job(box, job)["units_count"], read_job(box, job)["golds_count"]) == (14, 2)

    assert "success" in box.api("POST", f"/jobs/{job}/units/{second}/cancel.json").json()
    assert read_unit(box, job, second)["state"] == "canceled"


def work_and_manage_contributors(box: Box, job: int) -> None:
    worker, other = box.contributor(country="USA"), box.contributor()
    page = box.take(box.client.get_job(job), worker)
    box.submit(worker, page, {"funny": "yes", "why": "It glitters."})
    box.work(box.client.get_job(job), other, {"funny": "no"})
    (judgment, *_) = box.api("GET", f"/jobs/{job}/units/{page.units[0].id}/judgments.json").json()
    assert judgment["judgment"] == 1
    assert judgment["data"] == {"funny": "yes", "why": "It glitters."}

    at = f"/jobs/{job}/workers/{worker.id}"
    for verb, path, asked in (
        ("POST", f"{at}/bonus.json", {"amount": "10", "reason": "Well written"}),
        ("POST", f"{at}/notify.json", {"message": "Thank you"}),
        ("PUT", f"{at}.json", {"flag": "A test", "persist": "false"}),
        ("PUT", f"{at}.json", {"deflag": "It was one"}),
        ("PUT", f"{at}/reject.json", {"reject": "Not funny"}),
    ):
        answer = box.api(verb, path, data=asked)
        assert answer.status_code == 200
        assert list(answer.json()) == ["success"]


def read_job(box: Box, job: int) -> dict[str, Any]:
    found: dict[str, Any] = box.api("GET", f"/jobs/{job}.json").json()
    return found


def read_unit(box: Box, job: int, unit: str) -> dict[str, Any]:
    found: dict[str, Any] = box.api("GET", f"/jobs/{job}/units/{unit}.json").json()
    return found


def read_channels(box: Box, job: int) -> dict[str, Any]:
    found: dict[str, Any] = box.api("GET", f"/jobs/{job}/channels").json()
    return found


def download_report(box: Box, job: int, report: str) -> list[str]:
    assert box.api("POST", f"/jobs/{job}/regenerate", data={"type": report}).text == "OK"
    answer = box.api("GET", f"/jobs/{job}.csv", params={"type": report}, allow_redirects=True)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = archive.namelist()
        return archive.read(name).decode().splitlines()
