"""What a write leaves in the job: each row once, or nothing."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from partition_tables import Forgetful, Interrupting, pickled

from crowdflower.exceptions import DuplicateOperation, InvalidInput, OverBudget, UploadIncomplete
from crowdflower.tables.partitions import (
    abort_write,
    commit_write,
    open_writes,
    start_write,
    write_partition,
)
from crowdflower.tables.partitions.write_claims import WriteClaims

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox
    from crowdflower.tables.partitions import WriteReceipt, WriteToken

NewJob = Callable[..., "Job"]


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number, "text": f"Row {number}."} for number in numbers]


def held(job: Job) -> Counter[int]:
    """Return how often the job holds each key."""
    return Counter(int(unit.data["id"]) for unit in job.client.get_units(job.id))


def titles(client: Client) -> list[str | None]:
    return [job.title for job in client.get_jobs()]


def test_rows_of_several_partitions_are_in_the_job_once(client: Client, new_job: NewJob) -> None:
    job = new_job(2)

    token = pickled(start_write(client, job.id, key="id"))
    receipts = [
        write_partition(client, rows(1, 2, 3), token),
        write_partition(client, iter(rows(4, 5)), token),
        write_partition(client, [], token),
    ]
    done = commit_write(client, token, pickled(receipts))

    assert held(job) == Counter(range(6))
    assert (done.rows, done.found, done.duplicates_removed, done.leftovers_removed) == (5, 1, 0, 0)
    assert titles(client) == ["Reviews"]
    assert job.reload().state == "unordered"


def test_arrow_data_is_written_as_tables_and_as_batches(client: Client, new_job: NewJob) -> None:
    pa = pytest.importorskip("pyarrow")
    job = new_job()
    token = start_write(client, job, key="id")
    table = pa.Table.from_pylist(rows(0, 1, 2))

    receipts = [
        write_partition(client, table, token),
        write_partition(client, pa.Table.from_pylist(rows(3, 4)).to_batches()[0], token),
        write_partition(client, iter(pa.Table.from_pylist(rows(5, 6)).to_batches(1)), token),
        write_partition(client, table.slice(0, 0), token),
        write_partition(client, table.slice(0, 0).to_batches(), token),
        write_partition(client, iter([table.slice(0, 0)]), token),
    ]

    assert [each.rows for each in receipts] == [3, 2, 2, 0, 0, 0]
    assert commit_write(client, token, receipts).rows == 7
    assert held(job) == Counter(range(7))


def test_a_repeated_task_sends_only_what_is_missing(client: Client, new_job: NewJob) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")
    write_partition(client, rows(0, 1), token)

    receipt = write_partition(client, rows(0, 1, 2), token)

    assert (receipt.rows, receipt.sent) == (3, 1)
    assert commit_write(client, token, [receipt]).rows == 3
    assert held(job) == Counter(range(3))


def test_attempts_at_the_same_time_leave_no_doubled_row(
    box: Sandbox, client: Client, new_job: NewJob
) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")
    with ThreadPoolExecutor(3) as pool:
        receipts = list(
            pool.map(
                lambda _: write_partition(box.client(), rows(*range(40)), token, partition=7),
                range(3),
            )
        )

    done = commit_write(client, token, receipts)

    assert held(job) == Counter(range(40))
    assert done.rows == 40
    assert done.duplicates_removed == sum(each.sent for each in receipts) - 40


def test_rows_of_an_attempt_without_a_receipt_are_removed_by_the_commit(
    client: Client, new_job: NewJob
) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")
    write_partition(client, rows(0, 1, 99), token)

    done = commit_write(client, token, [write_partition(client, rows(0, 1, 2), token)])

    assert held(job) == Counter(range(3))
    assert done.leftovers_removed == 1


def test_a_key_of_two_partitions_is_named_and_everything_stays(
    client: Client, new_job: NewJob
) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")
    receipts = [
        write_partition(client, rows(1, 2), token, partition=0),
        write_partition(client, rows(2, 3), token, partition=1),
    ]

    with pytest.raises(InvalidInput, match="two partitions have a row with the 'id' '2'"):
        commit_write(client, token, receipts, launch_key="may", max_cost_cents=1000)

    assert held(job) == Counter([1, 2, 3])
    assert job.reload().state == "unordered"
    assert abort_write(client, token) == 3


def test_missing_rows_stop_the_commit_and_stay_staged(client: Client, new_job: NewJob) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")
    receipts = [write_partition(client, rows(1, 2, 3), token)]
    client.get_unit(job, job.units[1].id).delete()

    with pytest.raises(UploadIncomplete, match=f"1 of 3 rows are missing in job {job.id}"):
        commit_write(client, token, receipts, launch_key="may", max_cost_cents=1000)

    assert held(job) == Counter([1, 3])
    assert job.reload().state == "unordered"
    again = write_partition(client, rows(1, 2, 3), token)
    assert again.sent == 1
    assert commit_write(client, token, [again]).rows == 3


def test_a_commit_launches_once_however_often_it_is_called(client: Client, new_job: NewJob) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")
    receipts = [write_partition(client, rows(1, 2, 3, 4, 5), token)]

    orders, balances = [], set()
    for _ in range(3):
        done = commit_write(client, token, receipts, launch_key="may", max_cost_cents=1000)
        orders.append(done.order)
        balances.add(client.get_account()["balance"])

    assert {order.id for order in orders} == {orders[0].id}
    assert orders[0].nuggeted_units_count == 5
    assert job.reload().state == "running"
    assert len(balances) == 1


def test_a_launch_that_may_cost_too_much_leaves_the_rows_and_may_be_aborted(
    client: Client, new_job: NewJob
) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")
    receipts = [write_partition(client, rows(*range(50)), token)]

    with pytest.raises(OverBudget) as caught:
        commit_write(client, token, receipts, launch_key="may", max_cost_cents=1)

    assert f"All 50 rows are in job {job.id}" in caught.value.__notes__[0]
    assert job.reload().state == "unordered"
    assert commit_write(client, token, receipts).rows == 50


def test_a_launch_is_not_repeated_where_the_service_forgets_keys(
    box: Sandbox, client: Client, new_job: NewJob
) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")
    receipts = [write_partition(client, rows(*range(5)), token)]
    client.transport.__class__ = Forgetful
    assert commit_write(client, token, receipts, launch_key="may", max_cost_cents=999).order

    with pytest.raises(DuplicateOperation):
        client.get_job(job.id).launch(key="may", max_cost_cents=999)


def test_an_abort_removes_what_was_staged_and_nothing_else(client: Client, new_job: NewJob) -> None:
    job = new_job(2)
    first, second = (start_write(client, job.id, key="id") for _ in range(2))
    receipt = write_partition(client, rows(1, 2, 3), first)
    other = write_partition(client, rows(10, 11), second)
    job.upload(rows(20), key="id")
    write_partition(client, rows(1, 4, 10), first)  # a task that was killed has no receipt

    assert abort_write(client, first, [receipt]) == 3
    assert abort_write(client, first) == 0
    assert held(job) == Counter([0, 1, 10, 11, 20])
    assert commit_write(client, second, [other]).rows == 2
    assert held(job) == Counter([0, 1, 10, 11, 20])


def test_a_write_that_is_over_takes_no_rows(client: Client, new_job: NewJob) -> None:
    job = new_job()
    committed, aborted = (start_write(client, job.id, key="id") for _ in range(2))
    receipts = [write_partition(client, rows(1), committed)]
    commit_write(client, committed, receipts)
    abort_write(client, aborted)

    for token in (committed, aborted):
        with pytest.raises(InvalidInput, match="takes no more rows"):
            write_partition(client, rows(2), token)
    with pytest.raises(InvalidInput, match="was committed"):
        abort_write(client, committed)
    with pytest.raises(InvalidInput, match="was aborted"):
        commit_write(client, aborted, [])
    assert commit_write(client, committed, receipts).rows == 1
    assert held(job) == Counter([1])


def test_a_launched_job_takes_rows_too_and_an_abort_cancels_them(
    client: Client, new_job: NewJob
) -> None:
    job = new_job(5)
    job.launch(channels=["cf_internal"])
    token = start_write(client, job.id, key="id")
    write_partition(client, rows(10, 11), token)

    assert abort_write(client, token) == 2
    assert abort_write(client, token) == 0

    states = [client.get_unit(job, unit.id).state for unit in client.get_units(job)]
    assert states[5:] == ["canceled"] * 2


@pytest.mark.parametrize(
    ("settings", "problem"),
    [({"auto_order": True}, "orders rows as they arrive"), ({"title": ""}, "has no column 'sku'")],
)
def test_a_job_that_cannot_be_written_to_is_refused(
    client: Client, new_job: NewJob, settings: dict[str, Any], problem: str
) -> None:
    job = new_job(2)
    if settings.get("auto_order"):
        client.update_job(job.id, settings)

    with pytest.raises(InvalidInput, match=problem):
        start_write(client, job.id, key="sku")

    assert titles(client) == ["Reviews"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([{"id": 1}, {"id": 1}], "rows 1 and 2 have the same 'id'"),
        ([{"text": "x"}], "has no column 'id'"),
        (["x"], "a str, not a dict"),
        ("rows.csv", "to upload a file"),
        ({"id": 1}, "put one row in a list"),
    ],
)
def test_rows_that_cannot_be_sent_are_refused_before_the_first(
    client: Client, new_job: NewJob, given: Any, problem: str
) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")

    with pytest.raises(InvalidInput, match=problem):
        write_partition(client, given, token)

    assert abort_write(client, token) == 0
    assert held(job) == Counter()


def test_the_job_of_another_server_is_not_written_to(client: Client, new_job: NewJob) -> None:
    token = start_write(client, new_job().id, key="id")

    with pytest.raises(InvalidInput, match="is not the job of this write"):
        write_partition(client, rows(1), replace(token, job_created_at="2001-01-01T00:00:00Z"))


@pytest.mark.parametrize(
    "call",
    [
        lambda client, _: write_partition(client, [], "token"),
        lambda client, token: commit_write(client, token, ["receipt"]),
        lambda client, token: commit_write(client, token, token),
        lambda client, token: commit_write(client, token, [], max_cost_cents=5),
        lambda client, token: commit_write(client, token, [], launch_key="a", max_cost_cents=-1),
        lambda client, _: abort_write(client, None),
        lambda client, _: start_write(client, 0, key="id"),
        lambda client, token: start_write(client, token.job_id, key=["id"]),
    ],
    ids=str.split("token receipt receipts limit cents abort job key"),
)
def test_wrong_arguments_are_refused(
    client: Client, new_job: NewJob, call: Callable[[Client, Any], object]
) -> None:
    token = start_write(client, new_job().id, key="id")

    with pytest.raises(InvalidInput):
        call(client, token)


def test_a_receipt_of_another_write_is_refused(client: Client, new_job: NewJob) -> None:
    job = new_job()
    first, second = (start_write(client, job.id, key="id") for _ in range(2))
    receipt = write_partition(client, rows(1), first)

    with pytest.raises(InvalidInput, match="is not of this write"):
        commit_write(client, second, [receipt])


def test_receipts_and_tokens_are_small_and_have_no_key(
    box: Sandbox, client: Client, new_job: NewJob
) -> None:
    token = start_write(client, new_job().id, key="id")
    receipt = write_partition(client, rows(*range(3000)), token)

    for value in (token, receipt):
        assert len(pickle.dumps(value)) < 400
        assert box.key not in repr(value) + str(pickle.dumps(value))
    assert commit_write(client, token, [receipt]).rows == 3000


@pytest.mark.parametrize("keys", [True, False], ids=["service remembers keys", "it does not"])
@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_response_loses_and_doubles_nothing(
    box: Sandbox, client: Client, new_job: NewJob, *, keys: bool, arrived: bool
) -> None:
    job = new_job()
    token = start_write(client, job.id, key="id")
    if not keys:
        client.transport.__class__ = Forgetful
    box.faults.next(path=f"/jobs/{job.id}/upload", drop=True, done=arrived)

    receipt = write_partition(client, rows(*range(30)), token)

    assert commit_write(client, token, [receipt]).rows == 30
    assert held(job) == Counter(range(30))


def test_a_write_whose_driver_was_killed_can_be_found_and_aborted(
    client: Client, new_job: NewJob
) -> None:
    job, other = new_job(1), new_job(1)
    tokens = [start_write(client, job.id, key="id", force=force) for force in (True, False)]
    start_write(client, other.id, key="id")
    write_partition(client, rows(1, 2), tokens[0])

    found = open_writes(client, job)

    assert {each.claims_job: each for each in found} == {each.claims_job: each for each in tokens}
    assert sum(abort_write(client, each) for each in found) == 2
    assert open_writes(client, job) == []
    assert held(job) == Counter([0])


def interrupted_at_every_request(client: Client, call: Callable[[], Any]) -> Any:
    """Repeat a call until it is not interrupted, each time after one more request."""
    client.transport.__class__ = Interrupting
    for count in range(1, 300):
        client.transport.left = count
        try:
            return call()
        except KeyboardInterrupt:
            continue
        finally:
            client.transport.left = 0
    raise AssertionError


def test_a_commit_that_is_interrupted_anywhere_can_be_repeated(
    box: Sandbox, client: Client, new_job: NewJob
) -> None:
    job = new_job(1)
    token = start_write(client, job.id, key="id")
    write_partition(client, rows(1, 2, 90, 91), token)
    receipt = write_partition(client, rows(1, 2, 3, 4, 5), token)
    box.client().upload_job(rows(3, 4), job.id)  # as if an attempt had run at the same time

    done = interrupted_at_every_request(
        client,
        lambda: commit_write(client, token, [receipt], launch_key="may", max_cost_cents=999),
    )

    assert held(job) == Counter(range(6))
    assert done.order.nuggeted_units_count == 6
    assert job.reload().state == "running"
    assert titles(client) == ["Reviews"]


def test_an_abort_that_is_interrupted_anywhere_can_be_repeated(
    client: Client, new_job: NewJob
) -> None:
    job = new_job(1)
    token = start_write(client, job.id, key="id")
    write_partition(client, rows(1, 2, 3), token)

    interrupted_at_every_request(client, lambda: abort_write(client, token))

    assert held(job) == Counter([0])
    assert titles(client) == ["Reviews"]


def test_an_abort_leaves_what_another_write_has_committed(client: Client, new_job: NewJob) -> None:
    job = new_job()
    first = start_write(client, job.id, key="id")
    write_partition(client, rows(1, 2, 3, 4, 9), first)  # its driver dies
    again = start_write(client, job.id, key="id")
    receipt = write_partition(client, rows(1, 2, 3, 4), again)
    assert receipt.sent == 0
    commit_write(client, again, [receipt])

    assert [abort_write(client, each) for each in open_writes(client, job)] == [1]

    assert held(job) == Counter([1, 2, 3, 4])


def test_an_abort_leaves_what_another_open_write_has_found_and_that_one_removes_it(
    client: Client, new_job: NewJob
) -> None:
    job = new_job()
    first, second = (start_write(client, job.id, key="id") for _ in range(2))
    write_partition(client, rows(1, 2, 9), first)
    receipt = write_partition(client, rows(1, 2), second)
    write_partition(client, rows(1), second)

    assert abort_write(client, first) == 1

    assert held(job) == Counter([1, 2])
    with pytest.raises(UploadIncomplete):
        commit_write(client, second, [receipt, write_partition_and_lose_it(client, second)])
    assert abort_write(client, second) == 2
    assert held(job) == Counter()


def write_partition_and_lose_it(client: Client, token: WriteToken) -> WriteReceipt:
    receipt = write_partition(client, rows(7), token)
    (unit,) = [unit for unit in client.get_units(token.job_id) if unit.data["id"] == 7]
    unit.delete()
    return receipt


def test_a_commit_leaves_what_another_open_write_has_found(client: Client, new_job: NewJob) -> None:
    job = new_job()
    first, second = (start_write(client, job.id, key="id") for _ in range(2))
    write_partition(client, rows(1, 2, 3), first)  # killed
    receipt = write_partition(client, rows(3), first)
    other = write_partition(client, rows(2), second)

    assert commit_write(client, first, [receipt]).leftovers_removed == 1

    assert held(job) == Counter([2, 3])
    assert commit_write(client, second, [other]).rows == 1
    assert held(job) == Counter([2, 3])


def test_rows_that_arrive_after_the_commit_of_another_write_are_removed_once(
    box: Sandbox, client: Client, new_job: NewJob
) -> None:
    job = new_job()
    late, token = (start_write(client, job.id, key="id") for _ in range(2))
    commit_write(client, token, [write_partition(client, rows(1, 2), token)])
    WriteClaims(client, late.claims_job).claim("a task", sent=["1"], found=[])
    box.client().upload_job(rows(1), job.id)  # it had read the job before the commit

    assert abort_write(client, late) == 0

    assert held(job) == Counter([1, 2])


def test_a_write_whose_commit_failed_frees_what_it_has_taken_over(
    client: Client, new_job: NewJob
) -> None:
    job = new_job()
    first, second = (start_write(client, job.id, key="id") for _ in range(2))
    write_partition(client, rows(*range(50)), first)
    receipt = write_partition(client, rows(*range(50)), second)
    with pytest.raises(OverBudget):
        commit_write(client, second, [receipt], launch_key="may", max_cost_cents=1)

    assert abort_write(client, second) == 0
    assert abort_write(client, first) == 50
    assert held(job) == Counter()


def test_no_interruption_of_a_commit_or_an_abort_loses_rows_of_the_other(
    client: Client, new_job: NewJob
) -> None:
    client.transport.__class__ = Interrupting
    for call in ("commit", "abort"):
        count, is_interrupted = 0, True
        while is_interrupted:
            count += 3  # before and after a request in turn
            job = new_job()
            first, second = (start_write(client, job.id, key="id") for _ in range(2))
            write_partition(client, rows(1, 2, 9), first)
            receipts = [write_partition(client, rows(1, 2), second)]
            client.transport.left = count
            is_interrupted = False
            try:
                if call == "commit":
                    commit_write(client, second, receipts)
                else:
                    abort_write(client, first)
            except KeyboardInterrupt:
                is_interrupted = True
            client.transport.left = 0

            if call == "commit":
                abort_write(client, first)
                commit_write(client, second, receipts)
            else:
                end(client, first, second, receipts)
            assert held(job) == Counter([1, 2]), (call, count)
            assert open_writes(client, job) == []


def end(
    client: Client, first: WriteToken, second: WriteToken, receipts: list[WriteReceipt]
) -> None:
    """Commit the second write, and abort the first, in the order that the errors demand."""
    message = ""
    try:
        commit_write(client, second, receipts)
    except UploadIncomplete as error:
        message = str(error)
    abort_write(client, first)
    if message:
        assert f"claims are in job {first.claims_job}" in message
        commit_write(client, second, receipts)


def test_a_repeated_commit_or_abort_leaves_rows_that_were_written_since(
    client: Client, new_job: NewJob
) -> None:
    job = new_job()
    first, second = (start_write(client, job.id, key="id") for _ in range(2))
    write_partition(client, rows(1, 2), first)
    receipt = write_partition(client, rows(3), first)
    commit_write(client, first, [receipt])
    write_partition(client, rows(4), second)
    abort_write(client, second)
    assert held(job) == Counter([3])
    job.upload(rows(1, 2, 4), key="id")

    commit_write(client, first, [receipt])
    assert abort_write(client, second) == 0

    assert held(job) == Counter([1, 2, 3, 4])


def test_floats_of_a_key_column_are_sent_as_integers_from_tables_and_from_batches(
    client: Client, new_job: NewJob
) -> None:
    pa = pytest.importorskip("pyarrow")
    job = new_job(2)
    token = start_write(client, job, key="id")
    table = pa.table({"id": [1.0, 2.0, 3.0], "text": ["Fine."] * 3})

    receipts = [
        write_partition(client, table.slice(0, 2), token),
        write_partition(client, iter(table.slice(2).to_batches()), token),
    ]

    assert commit_write(client, token, receipts).found == 1
    assert [unit.data["id"] for unit in client.get_units(job.id)] == [0, 1, 2, 3]
