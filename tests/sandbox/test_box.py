"""The class ``Sandbox``: client, URL, crowd, reset and close."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sqlalchemy.exc import OperationalError

from crowdflower.client import Client
from crowdflower.exceptions import ApiError, AuthenticationError, SandboxNotImplemented
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.control.delays import Delay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crowdflower.job import Job

ROWS = [
    {"text": f"Review {number}", "answer": "yes" if number % 3 else "no"} for number in range(8)
]

FORM = """
<p>{{text}}</p>
<cml:radios label="Is it about price?" name="price" validates="required">
  <cml:radio label="Yes" value="yes"/>
  <cml:radio label="No" value="no"/>
</cml:radios>
"""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=7) as box:
        yield box


def launch_job(client: Client) -> Job:
    """Create and launch a job; return it."""
    job = client.upload_job(ROWS)
    settings = {"title": "About price", "instructions": "Read the review.", "cml": FORM}
    client.update_job(job.id, settings)
    job = client.get_job(job.id)
    job.launch(len(ROWS), channels=["on_demand"])
    return job


def create_job_with_auto_order(client: Client) -> Job:
    """Create a job with a row that is ordered after a minute; return it."""
    job = client.create_job({"title": "About price"})
    settings = {"instructions": "Read the review.", "cml": FORM, "auto_order": True}
    client.update_job(job.id, {**settings, "auto_order_timeout": 60, "judgments_per_unit": 1})
    client.set_job_channels(job.id, ["on_demand"])
    client.upload_job(ROWS[:1], job.id)
    return client.get_job(job.id)


def test_rows_are_ordered_after_the_auto_order_timeout(box: Sandbox) -> None:
    client = box.client()
    job = create_job_with_auto_order(client)

    box.clock.advance(seconds=59)
    before = client.get_job(job.id).state
    box.clock.advance(seconds=1)

    assert (before, client.get_job(job.id).state) == ("unordered", "running")


def test_rows_that_become_due_during_a_run_are_ordered(box: Sandbox) -> None:
    client = box.client()
    running, waiting = launch_job(client), create_job_with_auto_order(client)

    box.crowd.add(2, profile="perfect", truth={"price": "answer"})
    summary = box.crowd.run(running, interactive=True)

    assert summary.seconds > 60
    assert client.get_job(waiting.id).state == "running"


def test_a_closed_sandbox_no_longer_listens_to_its_clock() -> None:
    clock = Clock()
    with Sandbox(clock=clock) as box:
        box.close()

    clock.advance(minutes=1)

    assert clock.listeners == []


def test_a_resumed_job_orders_the_rows_uploaded_while_it_was_paused(box: Sandbox) -> None:
    client = box.client()
    job = launch_job(client)
    client.update_job(job.id, {"auto_order": True})
    job.pause()
    client.upload_job(ROWS[:4], job.id)
    while_paused = client.get_job(job.id)

    job.resume()

    assert while_paused.state == "paused"
    assert job.ping()["ordered_units"] == len(ROWS) + 4


@pytest.mark.parametrize("over", ["in process", "a socket"])
def test_a_job_runs_from_upload_to_report(box: Sandbox, over: str) -> None:
    client = box.client() if over == "in process" else Client(box.key, box.url)
    job = launch_job(client)

    box.crowd.add(6, profile="perfect", truth={"price": "answer"})
    box.crowd.run(job)

    report = client.get_report(job)
    results = {unit.data["text"]: unit.results["price"]["agg"] for unit in report}
    assert client.get_job(job.id).state == "finished"
    assert results == {row["text"]: row["answer"] for row in ROWS}
    assert job.ping()["all_judgments"] == 3 * len(ROWS)
    client.close()


def test_a_client_in_process_waits_on_the_clock_of_the_sandbox(box: Sandbox) -> None:
    client = box.client()
    start = box.clock.now()

    client.clock.sleep(2)

    assert box.clock.now() - start == 2


def test_waiting_for_a_report_takes_virtual_time_only(box: Sandbox) -> None:
    job = launch_job(box.client(deadline=10))
    box.transitions["report"] = Delay(seconds=1500)

    units = job.get_results_report()

    assert len(units) == len(ROWS)


def test_with_the_system_clock_a_client_waits_in_real_time(tmp_path: Path) -> None:
    with Sandbox(database=tmp_path / "crowd.db") as box:
        client = box.client()
        start = box.clock.now()

        client.clock.sleep(0.1)

        assert box.clock.now() - start >= 0.09


def test_a_job_created_in_process_is_read_over_a_socket(box: Sandbox) -> None:
    created = box.client().create_job({"title": "Made in process"})

    with Client(box.key, box.url) as client:
        assert client.get_job(created.id).title == "Made in process"


def test_the_server_starts_when_its_url_is_read(box: Sandbox) -> None:
    def server_threads() -> list[str]:
        return [each.name for each in threading.enumerate() if each.name.startswith("crowdflower")]

    before = server_threads()
    url = box.url

    assert before == []
    assert server_threads() == [f"crowdflower-sandbox-{url.split(':')[2].split('/')[0]}"]
    assert box.url == url


def test_the_server_stops_when_the_sandbox_is_closed() -> None:
    with Sandbox() as box:
        url = box.url

    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/jobs", timeout=60)


def test_a_key_in_the_environment_is_not_used(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROWDFLOWER_API_KEY", "a-key-that-costs-money")
    monkeypatch.setenv("CROWDFLOWER_API_URL", "https://api.appen.com/v1")

    client = box.client()

    assert client.create_job({"title": "A first job"}).id
    assert repr(client) == "<Client https://sandbox.invalid/v1>"


def test_the_client_of_a_sandbox_sends_no_other_requests(box: Sandbox) -> None:
    session = box.client().transport._session

    with pytest.raises(ApiError, match=r"api\.appen\.com"):
        Client(box.key, "https://api.appen.com/v1", session=session).create_job({})


def test_two_sandboxes_share_nothing(box: Sandbox) -> None:
    box.client().create_job({"title": "Here, not there"})

    with Sandbox(seed=8) as other:
        assert list(other.client().get_jobs()) == []
        assert other.key != box.key
        with pytest.raises(AuthenticationError):
            Client(box.key, other.url).get_job(1)


def test_the_same_seed_gives_the_same_sandbox(box: Sandbox) -> None:
    with Sandbox(seed=7) as twin:
        first = box.client().create_job({"title": "A first job"})
        other = twin.client().create_job({"title": "A first job"})

    assert twin.key == box.key
    assert (first.id, first.secret) == (other.id, other.secret)


def test_a_reset_keeps_only_the_key(box: Sandbox) -> None:
    client = box.client()
    first = client.create_job({"title": "A first job"})
    box.crowd.add(3)
    box.clock.advance(hours=1)
    with pytest.raises(SandboxNotImplemented):
        client.call("users/teams")

    box.reset()

    assert list(client.get_jobs()) == []
    assert box.unimplemented == ()
    created_again = client.create_job({"title": "A first job"})
    assert (created_again.id, created_again.created_at) == (first.id, first.created_at)


def test_unimplemented_requests_are_listed(box: Sandbox) -> None:
    with pytest.raises(SandboxNotImplemented):
        box.client().call("users/teams")

    (missing,) = box.unimplemented
    assert missing == ("GET", "/v1/users/teams", "teams")


def test_a_database_file_keeps_the_data(tmp_path: Path) -> None:
    with Sandbox(database=tmp_path / "crowd.db", balance_cents=500) as box:
        key = box.key
        number = box.client().create_job({"title": "Kept on disk"}).id

    with Sandbox(database=tmp_path / "crowd.db") as box:
        assert box.key == key
        assert box.client().get_job(number).title == "Kept on disk"
        assert box.client().call("account.json")["balance"] == 500


@pytest.mark.parametrize("name", ["crowd?2.db", "100%25.db", "ein Büro.db", "a#b&c=d.db"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    with Sandbox(database=str(tmp_path / name)):
        assert (tmp_path / name).is_file()
        assert all(each.name.startswith(name) for each in tmp_path.iterdir())


@pytest.mark.parametrize("key", ["", "two words", "two\nlines", "schlüssel", 42])
def test_an_invalid_key_is_refused(key: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a key must be printable ASCII"):
        Sandbox(key=key, database=tmp_path / "crowd.db")

    assert not (tmp_path / "crowd.db").exists()


@pytest.mark.parametrize("cents", [-1, 1.5, "500", True, 10**30])
def test_an_invalid_balance_is_refused(cents: Any) -> None:
    with pytest.raises(ValueError, match="balance_cents must be an integer from 0 to"):
        Sandbox(balance_cents=cents)


def test_a_file_may_contain_several_accounts(tmp_path: Path) -> None:
    for key in ("first-key", "second-key"):
        with Sandbox(key=key, database=tmp_path / "crowd.db") as box:
            box.client().create_job({"title": f"Of {key}"})

    with Sandbox(key="first-key", database=tmp_path / "crowd.db") as box:
        assert [job.title for job in box.client().get_jobs()] == ["Of first-key"]


def test_time_is_virtual_in_memory_and_real_with_a_file(tmp_path: Path) -> None:
    with Sandbox() as memory, Sandbox(database=tmp_path / "crowd.db") as file:
        assert memory.clock.virtual
        assert not file.clock.virtual

    clock = Clock(3)
    with Sandbox(database=tmp_path / "other.db", clock=clock) as box:
        assert box.clock is clock


def test_a_report_is_delayed_as_configured() -> None:
    with Sandbox(transitions={"report": 1}) as box:
        job = launch_job(box.client())
        request = {"path": f"jobs/{job.id}.csv", "query": {"type": "full"}, "as_json": False}

        results = [box.client().call(**request).status_code for _ in range(2)]

    assert results == [202, 200]


def test_neither_repr_nor_log_shows_the_key(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        requests.get(f"{box.url}/jobs", params={"key": box.key}, timeout=60)
        requests.get(f"{box.url}/nothing", params={"key": box.key}, timeout=60)

    messages = [each.getMessage() for each in caplog.records if not each.name.startswith("urllib3")]
    assert box.key not in repr(box)
    assert box.key not in "\n".join(messages)


def test_the_repr_of_a_crowd_has_its_size(box: Sandbox) -> None:
    box.crowd.add(3)

    assert repr(box.crowd) == "<Crowd of 3>"


@pytest.mark.parametrize("place", ["in memory", "in a file"])
def test_a_closed_sandbox_refuses_further_use(place: str, tmp_path: Path) -> None:
    with Sandbox(database=tmp_path / "crowd.db" if place == "in a file" else None) as box:
        client = box.client()

    actions = (lambda: client.create_job({}), lambda: box.crowd.add(3), lambda: box.url)
    for action in actions:
        with pytest.raises(RuntimeError, match="The sandbox is closed") as caught:
            action()
        assert box.key not in str(caught.value)


def test_a_database_error_does_not_show_the_key(box: Sandbox) -> None:
    with box.database.transaction() as tx:
        tx.connection.exec_driver_sql("ALTER TABLE account RENAME TO moved")

    with pytest.raises(OperationalError, match="no such table: account") as caught:
        box.client().create_job({})

    assert box.key not in str(caught.value)


def test_closing_twice_is_allowed() -> None:
    box = Sandbox()

    box.close()
    box.close()

    assert repr(box) == "<Sandbox sqlite://>"


@pytest.mark.parametrize("missing", ["flask", "sqlalchemy", "waitress", "liquid"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; import crowdflower.sandbox"

    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )

    assert process.returncode == 1
    assert f"ImportError: the sandbox needs {missing}" in process.stderr
    assert "pip install 'crowdflower-client[sandbox]'" in process.stderr
