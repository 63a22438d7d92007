"""Launches without a count, under the same key again, and as a dry run, in a sandbox."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest

from crowdflower.client import Client
from crowdflower.exceptions import (
    DuplicateOperation,
    InvalidInput,
    OutcomeUnknown,
    OverBudget,
    ValidationError,
    WaitTimeout,
)
from crowdflower.rows import unordered_units

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:.*contributor will be tested")

MORE = [{"review": f"More {number}", "truth": "good"} for number in range(3)]


def sent(box: Sandbox) -> list[str]:
    return [f"{each.verb} {each.path.removeprefix('/v1')}" for each in box.requests]


def orders(box: Sandbox) -> int:
    """Return how many orders were placed; a request that is replayed places none."""
    return sum(1 for entry in box.ledger() if entry["kind"] == "reserve")


def new_units(job: Job) -> tuple[int, ...]:
    """Return the ids of the units that an order could take, by looking at each."""
    return tuple(u.id for u in job.client.get_units(job.id) if job.get_unit(u.id).state == "new")


def another(client: Client, journal: Path | None = None) -> Client:
    """Return another client of the account, as in another process."""
    transport = client.transport
    return Client(
        transport.key,  # type: ignore[arg-type]
        transport.base_url,
        session=transport._session,
        journal=journal,
        clock=client.clock,
    )


@pytest.fixture
def recorded(client: Client, tmp_path: Path) -> Callable[[], Client]:
    """Make clients of the account that share a journal file."""
    return lambda: another(client, tmp_path / "a.journal")


# Everything that is left


@pytest.mark.filterwarnings("ignore:.* test questions have no accepted answer")
def test_everything_is_ordered_that_is_neither_ordered_nor_a_test_question(
    client: Client, draft: Job
) -> None:
    units = draft.units
    for unit, state in zip(units, ("golden", "hidden_gold", "golden"), strict=False):
        full = draft.get_unit(unit.id)
        full.state = state
        full.update()
    client.cancel_unit(draft.id, units[5].id)
    draft.get_unit(units[6].id).delete()

    order = draft.launch(max_cost_cents=draft.estimate(7).at_most_cents)

    assert order is not None
    assert order.nuggeted_units_count == 7
    assert order.not_ordered == new_units(draft) == ()
    assert draft.state == "running"
    assert draft.channels == ["on_demand"]


def test_only_rows_that_were_added_are_ordered_and_channels_stay(draft: Job, box: Sandbox) -> None:
    draft.launch(12, channels=["cf_internal"])
    draft.upload(MORE)

    order = draft.launch()

    assert order is not None
    assert order.nuggeted_units_count == 3
    assert draft.channels == ["cf_internal"]
    assert box.ledger() == [entry for entry in box.ledger() if entry["kind"] != "reserve"]


@pytest.mark.filterwarnings("ignore:.* test questions have no accepted answer")
@pytest.mark.parametrize("rows", [3, 40], ids=["few", "many"])
def test_rows_that_are_meant_as_test_questions_are_named_before_they_are_paid(
    client: Client, draft: Job, box: Sandbox, rows: int
) -> None:
    draft = client.create_job({"title": draft.title, "instructions": "Read.", "cml": draft.cml})
    draft.upload(
        {"review": f"Row {number}", "truth": "good", "_golden": number < 2}
        for number in range(rows + 2)
    )

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"say _golden, but are not test questions: 2\. They"):
            draft.launch()

    assert orders(box) == 0
    draft.convert_test_questions()
    order = draft.launch()
    assert order is not None
    assert order.nuggeted_units_count == rows


def test_with_nothing_to_order_nothing_is_sent_and_the_key_stays_free(
    recorded: Callable[[], Client], draft: Job, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    job = recorded().get_job(draft.id)
    job.launch(12)
    box.forget_requests()

    with caplog.at_level("INFO", "crowdflower"):
        assert job.launch(key="a day", on_duplicate="return") is None

    assert [line for line in sent(box) if not line.startswith("GET")] == []
    assert "every unit is ordered" in caplog.text
    job.upload(MORE)
    order = job.launch(key="a day", on_duplicate="return")
    assert order is not None
    assert order.nuggeted_units_count == 3


def test_if_only_canceled_units_are_left_there_is_nothing_to_order(
    client: Client, draft: Job, box: Sandbox
) -> None:
    draft.launch(12)
    canceled = client.add_unit(draft, {"review": "It hums."})
    canceled.cancel()
    box.forget_requests()

    assert draft.launch() is None

    assert [line for line in sent(box) if not line.startswith("GET")] == []


def test_rows_are_waited_for(draft: Job, box: Sandbox) -> None:
    box.transitions["upload"] = 3
    draft.upload(MORE)
    box.forget_requests()

    order = draft.launch()

    assert order is not None
    assert order.nuggeted_units_count == 15
    assert sum(line.endswith("/units/ping.json") for line in sent(box)) == 4


def test_an_upload_that_does_not_end_is_an_error(draft: Job, box: Sandbox) -> None:
    box.transitions["upload"] = 1000
    draft.upload(MORE)
    draft.client._clock = box.client().clock  # which does not wait

    with pytest.raises(WaitTimeout, match="still reading the rows"):
        draft.launch()


def test_a_failed_upload_is_a_warning(client: Client, draft: Job, box: Sandbox) -> None:
    with pytest.raises(ValidationError, match="row 1"):
        client.call(f"jobs/{draft.id}/upload.json", '{"review": "cut', method="put")

    with pytest.warns(UserWarning, match=r"the latest upload to job \d+ failed: .* row 1"):
        order = draft.launch()

    assert order is not None
    assert order.nuggeted_units_count == 12


@pytest.mark.parametrize("few", [0, 2, 20])
@pytest.mark.parametrize("many", [3, 10_000])
def test_units_are_found_whatever_is_between_them(
    client: Client, draft: Job, monkeypatch: pytest.MonkeyPatch, few: int, many: int
) -> None:
    monkeypatch.setattr(unordered_units, "FEW", few)
    monkeypatch.setattr(unordered_units, "MANY", many)
    monkeypatch.setattr(unordered_units, "UNITS_PER_PAGE", 5)
    get = client.request

    def in_small_pages(method: str, path: str, *rest: object, **more: object) -> object:
        if path.endswith("units.json") and "query" in more:
            more["query"] = {**more["query"], "limit": 5}  # type: ignore[dict-item]
        return get(method, path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "request", in_small_pages)
    order = draft.launch(5)
    canceled: list[int] = []  # may be counted among more than a few

    def check() -> None:
        order.__dict__.pop("_not_ordered", None)
        found = [unit for unit in order.not_ordered if unit not in canceled or few == 20]
        assert tuple(found) == new_units(draft)

    check()
    draft.upload([{**row, "_golden": True, "sentiment_gold": "good"} for row in MORE], force=True)
    check()  # marked as test questions, and still new
    draft.convert_test_questions()
    check()
    canceled.append(draft.reload().units[8].id)
    client.cancel_unit(draft.id, canceled[0])
    check()
    draft.pause()
    draft.get_unit(draft.units[10].id).delete()
    check()
    draft.resume()
    draft.mark_test_questions("sentiment", "sentiment_gold")
    check()
    draft.launch(2)
    check()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The order has units_count")
        draft.launch()
    check()


# The same key again


def test_the_earlier_order_is_returned(
    recorded: Callable[[], Client], draft: Job, box: Sandbox
) -> None:
    first = recorded().get_job(draft.id).launch(key="a day", on_duplicate="return")
    assert first is not None
    box.forget_requests()
    job = recorded().get_job(draft.id)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = job.launch(key="a day", on_duplicate="return")

    assert again is not None
    assert again.json == first.json
    assert again.not_ordered == ()
    assert job.state == "running"
    assert [line for line in sent(box) if not line.startswith("GET")] == []
    assert orders(box) == 1


def test_units_that_it_does_not_cover_are_named(
    recorded: Callable[[], Client], draft: Job, box: Sandbox
) -> None:
    job = recorded().get_job(draft.id)
    job.launch(key="a day", on_duplicate="return")
    job.upload([{"review": f"New {number}", "truth": "good"} for number in range(5)])

    with pytest.warns(UserWarning, match="launch under another key") as seen:
        again = job.launch(key="a day", on_duplicate="return")

    assert again is not None
    assert again.not_ordered == new_units(job)
    first, second, third, *_ = again.not_ordered
    (warning,) = seen
    assert str(warning.message) == (
        f"job {job.id}: 5 units are not ordered: {first}, {second}, {third} and 2 more; the order"
        " with the key 'a day' was placed before and does not cover them: launch under another key"
    )
    assert orders(box) == 1


def test_by_default_a_key_that_was_used_is_an_error(
    recorded: Callable[[], Client], draft: Job, box: Sandbox
) -> None:
    job = recorded().get_job(draft.id)
    job.launch(key="a day")
    box.forget_requests()

    with pytest.raises(DuplicateOperation, match="it was paid"):
        job.launch(key="a day")
    with pytest.raises(InvalidInput, match="a launch with units_count=12, not 5; nothing"):
        job.launch(5, key="a day", on_duplicate="return")
    with pytest.raises(InvalidInput, match="a launch with channels=on_demand, not cf_internal;"):
        job.launch(channels=["cf_internal"], key="a day", on_duplicate="return")

    assert sent(box) == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"on_duplicate": "return"}, "needs a key"),
        ({"on_duplicate": "again", "key": "a"}, "must be 'raise' or 'return'"),
        ({"key": ""}, "a key must be a non-empty string"),
        ({"units_count": 0}, "units_count must be a positive integer"),
        ({"channels": []}, "channels is empty"),
        ({"max_cost_cents": "5"}, "max_cost_cents must be a whole number of US cents, not '5'"),
        ({"max_cost_cents": 0.5, "dry_run": True}, "max_cost_cents must be a whole number"),
    ],
)
def test_arguments_are_checked_before_anything_is_sent(
    draft: Job, box: Sandbox, options: dict[str, object], problem: str
) -> None:
    box.forget_requests()

    with pytest.raises(InvalidInput, match=problem):
        draft.launch(**options)  # type: ignore[call-overload]

    assert sent(box) == []


# Without a file, where the service remembers keys


def test_without_a_file_the_service_gives_the_same_order_to_every_process(
    draft: Job, box: Sandbox
) -> None:
    def job() -> Job:
        return another(draft.client).get_job(draft.id)

    first = job().launch(key="a day", on_duplicate="return")
    again = job().launch(key="a day", on_duplicate="return")
    job().upload(MORE)
    with pytest.warns(UserWarning, match="3 units are not ordered"):
        later = job().launch(key="a day", on_duplicate="return")
    next_day = job().launch(key="another day", on_duplicate="return")

    assert first is not None
    assert again is not None
    assert later is not None
    assert next_day is not None
    assert first.id == again.id == later.id != next_day.id
    assert next_day.nuggeted_units_count == 3
    assert orders(box) == 2


def test_without_a_file_nothing_to_order_is_no_order(draft: Job, box: Sandbox) -> None:
    draft.launch(12)

    assert draft.launch(key="a day", on_duplicate="return") is None

    draft.upload(MORE)
    order = draft.launch(key="a day", on_duplicate="return")
    assert order is not None
    assert order.nuggeted_units_count == 3
    assert orders(box) == 2


def test_without_a_file_another_count_is_another_payment(draft: Job, box: Sandbox) -> None:
    draft.launch(5, key="a day", on_duplicate="return")

    with pytest.raises(InvalidInput, match="another count or other channels"):
        another(draft.client).get_job(draft.id).launch(6, key="a day", on_duplicate="return")

    assert orders(box) == 1


def test_without_a_file_a_refused_payment_leaves_its_key_free(draft: Job, box: Sandbox) -> None:
    with pytest.raises(OverBudget):
        draft.launch(5, key="a day", on_duplicate="return", max_cost_cents=1)

    order = draft.launch(5, key="a day", on_duplicate="return")

    assert order.nuggeted_units_count == 5
    assert orders(box) == 1


# Dry runs


def test_a_dry_run_shows_cost_balance_and_problems_and_only_reads(draft: Job, box: Sandbox) -> None:
    draft.css = "p { color: red }"
    box.forget_requests()

    shown = draft.launch(dry_run=True, key="a day", max_cost_cents=10)

    assert shown is not None
    assert shown.body == "debit%5Bunits_count%5D=12&channels%5B%5D=on_demand"
    assert shown.estimate is not None
    assert shown.estimate == draft.estimate(12)
    assert shown.balance_cents == draft.client.get_account()["balance"]
    assert shown.problems == (
        "css was assigned but not sent; call update()",
        "the job has no test questions: nothing shows which contributors guess",
        f"launch may cost {shown.estimate.at_most_cents} cents, and max_cost_cents is 10",
    )
    lines = str(shown).splitlines()
    assert lines[0] == f"POST {draft.client.transport.base_url}/jobs/{draft.id}/orders.json"
    assert "12 units                     expected   at most" in lines
    assert f"balance: ${shown.balance_cents / 100:,.2f}" in lines
    assert lines[-1] == f"problem: {shown.problems[-1]}"
    assert {line.partition(" ")[0] for line in sent(box)} == {"GET"}
    assert draft.reload().state == "unordered"


def test_a_dry_run_names_what_would_be_refused(
    recorded: Callable[[], Client], draft: Job, box: Sandbox
) -> None:
    job = recorded().get_job(draft.id)
    job.launch(2, key="a day")
    job.cancel()
    job.payment_cents = 100_000
    job.cml = job.cml.replace("{{ review }}", "{{ reveiw }}").replace(  # type: ignore[union-attr]
        ' validates="required"', ""
    )
    with pytest.warns(UserWarning, match="reveiw"):
        job.update()

    shown = job.launch(5, key="a day", dry_run=True)

    found = " | ".join(shown.problems or ())
    for problem in (
        "the job was canceled",
        'no question of the form has validates="required"',
        'No row has a column "reveiw"',
        "the key 'a day' names another payment",
        f"the balance is {shown.balance_cents} cents, and the service reserves 360000",
    ):
        assert problem in found


def test_a_dry_run_shows_that_the_earlier_order_would_be_returned(
    recorded: Callable[[], Client], draft: Job, box: Sandbox
) -> None:
    job = recorded().get_job(draft.id)
    order = job.launch(key="a day")
    job.upload(MORE[:1])
    box.forget_requests()

    shown = job.launch(key="a day", on_duplicate="return", dry_run=True)

    assert order is not None
    assert shown is not None
    assert shown.earlier is not None
    assert shown.earlier.result is not None
    assert shown.earlier.result["id"] == order.id
    assert (shown.estimate, shown.balance_cents) == (None, None)
    (new,) = new_units(job)
    assert shown.problems is not None
    assert str(shown).splitlines() == [
        f"orders nothing, returns the order {order.id} with the key 'a day'",
        "",
        f"problem: {shown.problems[0]}",
    ]
    (problem,) = shown.problems
    assert problem == (
        f"job {job.id}: 1 unit is not ordered: {new}; the order with the key 'a day' was placed"
        " before and does not cover it: launch under another key"
    )
    assert {line.partition(" ")[0] for line in sent(box)} == {"GET"}


def test_a_dry_run_does_not_decide_whether_an_order_was_placed(
    recorded: Callable[[], Client], draft: Job, box: Sandbox
) -> None:
    job = recorded().get_job(draft.id)
    box.faults.next(path="/jobs/*/orders", drop=True, done=True, times=9)
    with pytest.raises(OutcomeUnknown) as lost:
        job.launch(2, key="a day")

    shown = job.launch(2, key="a day", on_duplicate="return", dry_run=True)

    assert shown.earlier is None
    assert shown.estimate is not None
    assert (
        "the order with the key 'a day' may have been placed before (operation"
        f" {lost.value.op_id}): launch() finds out first, and may return it"
    ) in (shown.problems or ())
    assert [each.state for each in job.client.operations.pending()] == ["unknown"]


def test_a_dry_run_with_nothing_to_order_is_none(draft: Job) -> None:
    draft.launch(12)

    assert draft.launch(dry_run=True) is None
