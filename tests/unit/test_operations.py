"""Payments: recorded, sent once, reconciled when their response is lost, never made twice."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower.client import Client
from crowdflower.exceptions import (
    ApiError,
    AuthenticationError,
    ConfigError,
    ConnectionLost,
    DuplicateOperation,
    InvalidInput,
    JournalCorrupt,
    JournalError,
    OutcomeUnknown,
    OverBudget,
    PaymentRequired,
    ServerError,
)
from crowdflower.job import Job
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Applied, DryRun, Finding, Inconclusive, NotSeen
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from requests import PreparedRequest
    from responses import RequestsMock

API = "https://api.appen.com/v1"
KEY = "s3cret-0123456789abcdef"

Pay = Callable[..., Any]


class Service:
    """What the service shows, and how it answers a payment."""

    def __init__(self, api: RequestsMock) -> None:
        self.ping: Any = {"ordered_units": 0}
        self.job: Any = {
            "id": 7,
            "state": "unordered",
            "auto_order": False,
            "crowd_costs": 0.0,
            "payment_cents": 10,
            "judgments_per_unit": 3,
            "units_per_assignment": 5,
            "golds_count": 0,
        }
        self.account: Any = {"id": 1, "balance": 5000}
        self.unit: Any = {"id": 3, "state": "finalized", "judgments_count": 3}
        self.answer: Callable[[PreparedRequest], Any] = lambda _: (200, {}, '{"id": 88}')
        self.looks: list[Callable[[], None]] = []
        api.assert_all_requests_are_fired = False
        for path, name in (
            ("jobs/7/ping", "ping"),
            ("jobs/7", "job"),
            ("account", "account"),
            ("jobs/7/units/3", "unit"),
        ):
            api.add_callback("GET", f"{API}/{path}.json", self._shown(name))
        api.add_callback("POST", re.compile(".*"), self._answered)

    def _answered(self, request: PreparedRequest) -> Any:
        return self.answer(request)

    def _shown(self, name: str) -> Callable[[PreparedRequest], Any]:
        def answer(_: PreparedRequest) -> Any:
            if name in {"ping", "account", "unit"} and self.looks:
                self.looks.pop(0)()
            shown = getattr(self, name)
            return shown if isinstance(shown, (tuple, Exception)) else (200, {}, json.dumps(shown))

        return answer

    def lose_the_answer(self) -> None:
        self.answer = lambda _: requests.ConnectionError("reset")

    def refuse(self) -> None:
        self.answer = lambda _: (402, {}, '{"error": "too little"}')


@pytest.fixture
def service(api: RequestsMock) -> Service:
    return Service(api)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def made(service: Service, clock: Clock, path: Path) -> Callable[..., Client]:
    """Make clients of one account with the same file as their journal."""

    def make(key: str = KEY, **settings: Any) -> Client:
        client = Client(key, **{"journal": path, **settings})
        client._clock = clock
        return client

    return make


@pytest.fixture
def client(made: Callable[..., Client]) -> Client:
    return made()


def launch(client: Client, **more: Any) -> Any:
    return Job(client, id=7).launch(20, **more)


def bonus(client: Client, **more: Any) -> Any:
    return Job(client, id=7).get_worker(5).bonus(150, **more)


def judgments(client: Client, **more: Any) -> Any:
    return Unit(Job(client, id=7), id=3).request_more_judgments(2, **more)


EACH = pytest.mark.parametrize("pay", [launch, bonus, judgments])


def paid(sent: list[SentRequest]) -> list[SentRequest]:
    return [each for each in sent if each.line.startswith("POST")]


def lost(pay: Pay, client: Client, service: Service, **more: Any) -> OutcomeUnknown:
    """Make a payment whose response is lost."""
    service.lose_the_answer()
    with pytest.raises(OutcomeUnknown) as caught:
        pay(client, **more)
    return caught.value


# Recorded before they are sent, once


@EACH
def test_a_payment_is_sent_in_the_journal_before_its_request_leaves(
    client: Client, service: Service, path: Path, pay: Pay
) -> None:
    seen = []

    def answer(request: PreparedRequest) -> Any:
        (operation,) = Journal(path).pending()
        seen.append((operation.state, operation.op_id, operation.body.encode()))
        assert (request.headers["Idempotency-Key"], request.body) == seen[0][1:]
        return 200, {}, '{"id": 88}'

    service.answer = answer

    pay(client)

    assert [state for state, *_ in seen] == ["sent"]
    assert client.operations.journal.get(seen[0][1]).state == "applied"
    assert client.operations.pending() == []


def test_the_order_is_recorded_without_the_api_key(client: Client, service: Service) -> None:
    service.answer = lambda _: (200, {}, json.dumps({"id": 88, "meta": {"by": [f"key {KEY}"]}}))

    launch(client, key="may")

    with pytest.raises(DuplicateOperation) as caught:
        launch(client, key="may")
    assert caught.value.operation is not None
    assert caught.value.operation.result == {"id": 88, "meta": {"by": ["key ****"]}}


@pytest.mark.parametrize(
    ("pay", "lines"),
    [
        (launch, ["GET /jobs/7/ping.json", "GET /jobs/7.json", "POST /jobs/7/orders.json"]),
        (bonus, ["GET /account.json", "POST /jobs/7/workers/5/bonus.json"]),
        (
            judgments,
            [
                "GET /jobs/7/units/3.json",
                "GET /jobs/7.json",
                "POST /jobs/7/units/3/request_more_judgments.json",
            ],
        ),
    ],
)
def test_the_fields_that_a_payment_changes_are_read_first(
    client: Client, service: Service, sent: list[SentRequest], pay: Pay, lines: list[str]
) -> None:
    pay(client)

    first, *others = [each.line for each in sent]
    assert first == "GET /account.json"  # whose payment it is, for the journal
    assert others[: len(lines)] == lines
    assert len(paid(sent)) == 1


@EACH
def test_a_key_is_paid_once(client: Client, sent: list[SentRequest], pay: Pay) -> None:
    pay(client, key="may")
    before = len(sent)

    with pytest.raises(DuplicateOperation, match="it was paid") as caught:
        pay(client, key="may")

    assert caught.value.operation is not None
    assert caught.value.operation.state == "applied"
    assert len(sent) == before


@EACH
def test_without_a_key_each_call_pays(client: Client, sent: list[SentRequest], pay: Pay) -> None:
    pay(client)
    pay(client)

    first, second = paid(sent)
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]


@EACH
def test_a_key_whose_answer_was_lost_is_not_paid_again_not_even_by_another_client(
    made: Callable[..., Client], service: Service, sent: list[SentRequest], pay: Pay
) -> None:
    error = lost(pay, made(), service, key="may")
    arrived = len(sent)

    with pytest.raises(DuplicateOperation, match="whether it was paid is not known") as caught:
        pay(made(), key="may")

    assert caught.value.operation == error.operation
    assert len(sent) == arrived


def test_a_key_does_not_change_what_it_pays(client: Client, sent: list[SentRequest]) -> None:
    worker = Job(client, id=7).get_worker(5)
    worker.bonus(150, key="may")

    with pytest.raises(InvalidInput, match="names another payment"):
        worker.bonus(151, key="may")

    assert len(paid(sent)) == 1


@pytest.mark.parametrize("key", ["", 5, b"may"])
def test_a_key_must_be_a_non_empty_string(
    client: Client, sent: list[SentRequest], key: Any
) -> None:
    with pytest.raises(InvalidInput, match="a key must be a non-empty string"):
        bonus(client, key=key)

    assert sent == []


@EACH
def test_the_key_of_a_refused_payment_can_be_used_again(
    client: Client, service: Service, sent: list[SentRequest], pay: Pay
) -> None:
    accepted = service.answer
    service.refuse()
    with pytest.raises(PaymentRequired):
        pay(client, key="may")
    assert client.operations.pending() == []
    service.answer = accepted

    pay(client, key="may")

    assert len(paid(sent)) == 2


@EACH
def test_nothing_is_paid_if_the_service_cannot_be_reached(
    client: Client, service: Service, sent: list[SentRequest], pay: Pay
) -> None:
    service.ping = service.account = service.unit = requests.ConnectionError("reset")

    with pytest.raises(ConnectionLost):
        pay(client)

    assert paid(sent) == []
    assert client.operations.pending() == []


@EACH
def test_a_refused_read_does_not_prevent_a_payment(
    client: Client, service: Service, sent: list[SentRequest], pay: Pay
) -> None:
    service.ping = service.account = service.unit = (403, {}, "{}")

    pay(client)

    assert len(paid(sent)) == 1


@EACH
def test_an_interrupt_leaves_the_payment_pending(
    client: Client, service: Service, pay: Pay
) -> None:
    def interrupted(_: PreparedRequest) -> Any:
        raise KeyboardInterrupt

    service.answer = interrupted

    with pytest.raises(KeyboardInterrupt):
        pay(client)

    assert [each.state for each in client.operations.pending()] == ["sent"]


# The error


@EACH
def test_a_lost_answer_is_outcome_unknown_with_advice(
    client: Client, service: Service, sent: list[SentRequest], pay: Pay
) -> None:
    error = lost(pay, client, service)

    (operation,) = client.operations.pending()
    assert error.operation == operation
    assert (operation.state, error.op_id) == ("unknown", operation.op_id)
    assert isinstance(error.sent_at, datetime)
    assert error.evidence.endswith("ConnectionLost")
    assert error.phase
    assert re.search("may have been paid: error.reconcile", str(error))
    assert not isinstance(error, (OSError, TimeoutError, ConnectionError))
    assert error.__context__ is None


@pytest.mark.parametrize(
    "travel",
    [lambda error: pickle.loads(pickle.dumps(error)), copy.copy],  # noqa: S301
)
def test_a_pickled_error_loses_its_client_and_another_client_reconciles(
    made: Callable[..., Client], service: Service, travel: Any
) -> None:
    error = lost(launch, made(), service)
    service.ping = {"ordered_units": 20}

    travelled = travel(error)

    assert vars(travelled).keys() == vars(error).keys() - {"_reconciler"}
    with pytest.raises(RuntimeError, match=f"operations.reconcile\\('{error.op_id}'\\)"):
        travelled.reconcile()
    assert isinstance(made().operations.reconcile(travelled.op_id), Applied)


def test_a_change_that_is_not_a_payment_cannot_be_reconciled(
    client: Client, service: Service
) -> None:
    service.lose_the_answer()
    with pytest.raises(OutcomeUnknown) as caught:
        client.create_job({"title": "Sentiment"})

    with pytest.raises(RuntimeError, match="only payments can be reconciled"):
        caught.value.reconcile()

    assert (caught.value.op_id, caught.value.sent_at) == (None, None)


# Reconciling


def test_a_launch_that_shows_is_applied_and_not_pending(
    client: Client, service: Service, sent: list[SentRequest]
) -> None:
    error = lost(launch, client, service)
    service.ping = {"ordered_units": 20}

    found = error.reconcile()

    assert found == Applied("ordered_units rose from 0 to 20, 20 were ordered")
    assert client.operations.pending() == []
    assert client.operations.journal.get(str(error.op_id)).evidence == found.evidence
    assert error.reconcile() == found
    assert paid(sent) == []  # the fixture does not count the lost one


def test_reconcile_polls_until_the_effect_shows(
    client: Client, service: Service, clock: Clock
) -> None:
    error = lost(launch, client, service)

    def ordered() -> None:
        service.ping = {"ordered_units": 20}

    service.looks = [lambda: None, lambda: None, lambda: None, ordered]

    assert isinstance(error.reconcile(), Applied)
    assert clock.slept == [1, 2, 4]


def test_an_effect_that_never_shows_is_not_seen_and_stays_pending(
    client: Client, service: Service, sent: list[SentRequest], clock: Clock
) -> None:
    error = lost(launch, client, service, key="may")

    found = error.reconcile(wait=40)

    assert found == NotSeen("ordered_units is still 0")
    assert clock.slept == [1, 2, 4, 8, 15, 10]
    assert [each.state for each in client.operations.pending()] == ["unknown"]
    with pytest.raises(DuplicateOperation):
        launch(client, key="may")


def test_the_time_of_reading_counts_as_waiting(
    client: Client, service: Service, clock: Clock
) -> None:
    error = lost(launch, client, service)

    def slow() -> None:
        clock.now += 35

    service.looks = [slow]

    error.reconcile(wait=40)

    assert clock.slept == [1, 2, 2]


RUNNING = {"state": "running"}

LAUNCHES = [
    ({}, {"ordered_units": 20}, {}, Applied),
    ({}, {"ordered_units": 12}, {}, Applied),  # the job has no more
    ({}, {"ordered_units": 0}, {}, NotSeen),
    ({}, {"ordered_units": 0}, RUNNING, Applied),  # the count lags
    ({}, {}, RUNNING, Applied),
    ({}, {}, {}, NotSeen),
    ({}, {"ordered_units": 90}, {}, Inconclusive),
    ({}, {"ordered_units": 20}, {"auto_order": True}, Inconclusive),
    (RUNNING, {"ordered_units": 20}, {}, Applied),
    (RUNNING, {"ordered_units": 0}, {}, NotSeen),
    (RUNNING, {}, {}, Inconclusive),
    ({}, {"ordered_units": ["20"]}, {"state": ["running"]}, Inconclusive),
    ({}, {}, {"state": {}}, Inconclusive),
    (RUNNING, requests.ConnectionError("reset"), {}, Inconclusive),
]


@pytest.mark.parametrize(("before", "ping", "after", "kind"), LAUNCHES)
def test_the_job_decides_the_outcome_of_its_launch(
    client: Client, service: Service, before: Any, ping: Any, after: Any, kind: type[Finding]
) -> None:
    service.job |= before
    error = lost(launch, client, service)
    service.job |= after
    service.ping = ping

    assert type(error.reconcile()) is kind


def test_two_launches_at_once_are_inconclusive(client: Client, service: Service) -> None:
    first, second = lost(launch, client, service), lost(launch, client, service)
    service.ping = {"ordered_units": 20}

    findings = [type(first.reconcile()), type(second.reconcile())]

    assert findings == [Inconclusive, Inconclusive]


@pytest.mark.parametrize(
    ("balance", "says"),
    [
        (4850, "speaks for it"),
        (4820, "speaks for it"),  # with the fee
        (4000, "neither for nor against it"),
        (5000, "speaks against it"),
        (None, "could not be read"),
        ([5000], "could not be read"),
        (-1e308, "to -1e+308 cents"),
    ],
)
def test_a_bonus_is_never_proven_by_the_balance_alone(
    client: Client, service: Service, balance: int | None, says: str
) -> None:
    error = lost(bonus, client, service)
    service.account = {"id": 1, "balance": balance}

    found = error.reconcile()

    assert type(found) is Inconclusive
    assert says in found.evidence
    assert len(client.operations.pending()) == 1


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("finalized", "judgable", Applied),
        ("finalized", "finalized", NotSeen),
        ("judgable", "judgable", Inconclusive),
        (None, "judgable", Inconclusive),
        ("finalized", ["judgable"], Inconclusive),
    ],
)
def test_a_unit_that_opens_again_shows_that_judgments_were_requested(
    client: Client, service: Service, before: Any, after: Any, kind: type[Finding]
) -> None:
    service.unit["state"] = before
    error = lost(judgments, client, service)
    service.unit["state"] = after

    assert type(error.reconcile()) is kind


def test_a_payment_that_was_never_sent_is_not_seen(client: Client, service: Service) -> None:
    operation = lost(bonus, client, service).operation
    assert operation is not None
    client.operations.journal.prepare(replace(operation, op_id="again", state="prepared"))

    assert type(client.operations.reconcile("again")) is NotSeen


# After a restart


def test_another_client_of_the_account_resolves_a_pending_payment(
    made: Callable[..., Client], service: Service
) -> None:
    error = lost(bonus, made(), service, key="may")
    service.account = {"id": 2}
    assert made("another-key").operations.pending() == []

    (operation,) = made().operations.pending()
    made().operations.resolve(operation.op_id, "not_applied", note="not in the list of May")

    assert operation == error.operation
    assert made().operations.pending() == []
    service.answer = lambda _: (200, {}, '{"success": "Paid."}')
    bonus(made(), key="may")


@pytest.mark.parametrize(
    "settings",
    [
        {"key": "renewed-0123456789abcdef"},
        {"base_url": "HTTPS://API.APPEN.COM/v1"},
        {"base_url": "https://api.appen.com:443/v1/"},
        {"base_url": "https://api.appen.com./v1"},
        {"key": "renewed-0123456789abcdef", "base_url": "https://API.appen.com/v1"},
    ],
)
def test_a_renewed_key_or_another_spelling_of_the_address_is_the_same_account(
    made: Callable[..., Client], service: Service, sent: list[SentRequest], settings: dict[str, str]
) -> None:
    error = lost(bonus, made(), service, key="may")
    again = made(**settings)
    service.answer = lambda _: (200, {}, "{}")

    assert again.operations.pending() == [error.operation]
    with pytest.raises(DuplicateOperation):
        bonus(again, key="may")
    assert paid(sent) == []


@pytest.mark.parametrize("call", ["reconcile", "resolve"])
def test_a_payment_of_another_account_is_refused(
    made: Callable[..., Client], service: Service, call: str
) -> None:
    operation = lost(launch, made(), service).operation
    assert operation is not None
    service.account, service.ping = {"id": 2}, {"ordered_units": 20}
    other = made("another-key").operations
    calls = {
        "reconcile": lambda: other.reconcile(operation.op_id),
        "resolve": lambda: other.resolve(operation.op_id, "not_applied"),
    }

    with pytest.raises(InvalidInput, match=f"{operation.op_id} is a payment of another account"):
        calls[call]()

    assert made().operations.pending() == [operation]


@pytest.mark.parametrize("shown", [(403, {}, "{}"), (404, {}, "{}"), {"balance": 5}, {"id": None}])
def test_without_an_account_id_the_key_identifies_the_account(
    made: Callable[..., Client], service: Service, shown: Any
) -> None:
    service.account = shown
    error = lost(launch, made(), service, key="may")

    assert made().operations.pending() == [error.operation]
    assert made("another-key").operations.pending() == []
    with pytest.raises(DuplicateOperation):
        launch(made(), key="may")

    service.account = {"id": 1}  # shown at last: what was recorded becomes the account's
    bonus_key = "june"
    service.answer = lambda _: (200, {}, "{}")
    bonus(made(), key=bonus_key)
    assert [each.op_id for each in made("renewed").operations.pending()] == [error.op_id]
    with pytest.raises(DuplicateOperation):
        bonus(made("renewed"), key=bonus_key)


@pytest.mark.parametrize(
    ("shown", "error"),
    [((500, {}, "{}"), ServerError), ((401, {}, "{}"), AuthenticationError)],
)
def test_nothing_is_paid_while_the_account_cannot_be_recognised(
    client: Client, service: Service, sent: list[SentRequest], shown: Any, error: type[ApiError]
) -> None:
    service.account = shown

    with pytest.raises(error):
        launch(client, key="may")

    assert paid(sent) == []
    service.account = {"id": 1}
    assert launch(client, key="may").id == 88


def test_the_account_is_read_once_and_remembered_in_the_file(
    made: Callable[..., Client], service: Service, sent: list[SentRequest]
) -> None:
    client = made()
    launch(client)
    launch(client)
    launch(made())

    assert [each.line for each in sent].count("GET /account.json") == 1


def test_a_journal_in_memory_does_not_ask_for_the_account(
    made: Callable[..., Client], service: Service, sent: list[SentRequest]
) -> None:
    launch(made(journal=Journal()))

    assert "GET /account.json" not in [each.line for each in sent]


@pytest.mark.parametrize("step", [-86_400, -60, 0, 60])
def test_the_order_of_payments_does_not_depend_on_the_wall_clock(
    made: Callable[..., Client], service: Service, path: Path, step: float
) -> None:
    """The first of two launches is lost and not made; the second is made, and is not proof."""
    times = iter([1e9 + step * number for number in range(10)])
    client = made(journal=Journal(path, now=lambda: next(times)))
    error = lost(launch, client, service, key="a")
    service.answer = lambda _: (200, {}, '{"id": 88}')
    launch(client, key="b")
    service.ping = {"ordered_units": 20}

    assert type(error.reconcile()) is Inconclusive


def test_the_environment_names_a_journal(
    service: Service, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROWDFLOWER_JOURNAL", str(path))

    bonus(Client(KEY))

    assert path.exists()


def test_without_a_file_the_journal_is_in_memory(
    service: Service, sent: list[SentRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = Client(KEY)
    bonus(client, key="may")

    with pytest.raises(DuplicateOperation):
        bonus(client, key="may")

    assert list(tmp_path.iterdir()) == []
    assert len(paid(sent)) == 1


@EACH
def test_the_journal_does_not_hold_the_api_key(
    made: Callable[..., Client], service: Service, path: Path, pay: Pay
) -> None:
    pay(made())
    lost(pay, made(), service)

    assert not [each for each in path.parent.iterdir() if KEY.encode() in each.read_bytes()]


# A journal that cannot be used


@EACH
def test_a_payment_that_cannot_be_recorded_is_not_sent_and_reading_works(
    client: Client, path: Path, sent: list[SentRequest], pay: Pay
) -> None:
    path.write_bytes(b"no database at all " * 300)

    with pytest.raises(JournalCorrupt):
        pay(client)

    assert sent == []
    assert client.get_account()["balance"] == 5000


def test_a_paid_order_is_returned_even_if_the_journal_breaks_meanwhile(
    client: Client, service: Service, path: Path
) -> None:
    def answer(_: PreparedRequest) -> Any:
        path.rename(f"{path}.old")
        return 200, {}, '{"id": 88}'

    service.answer = answer

    with pytest.warns(UserWarning, match="is applied, but the journal could not record"):
        order = launch(client)

    assert order.id == 88
    (operation,) = Journal(f"{path}.old").pending()
    assert operation.state == "sent"


def test_a_payment_that_cannot_be_marked_as_sent_is_not_sent(
    client: Client, service: Service, path: Path, sent: list[SentRequest]
) -> None:
    client.operations.pending()  # a client reads the account's id once
    bonus(client)
    sent.clear()
    service.looks = [path.unlink]

    with pytest.raises(JournalError):
        bonus(client)

    assert paid(sent) == []


# Limits


def test_a_launch_that_may_cost_more_than_allowed_is_not_sent(
    client: Client, service: Service, sent: list[SentRequest]
) -> None:
    with pytest.raises(OverBudget, match="may cost 180 cents, and max_cost_cents is 179"):
        launch(client, max_cost_cents=179, key="may")
    assert paid(sent) == []

    launch(client, max_cost_cents=180, key="may")

    assert len(paid(sent)) == 1


def test_a_launch_of_unknown_cost_is_not_sent_under_a_limit(
    client: Client, service: Service, sent: list[SentRequest]
) -> None:
    del service.job["payment_cents"]

    with pytest.raises(OverBudget, match="payment_cents"):
        launch(client, max_cost_cents=10_000)

    assert paid(sent) == []
    launch(client)


def test_a_client_spends_no_more_than_it_may(
    made: Callable[..., Client], service: Service, sent: list[SentRequest]
) -> None:
    client = made(max_spend_cents=400)
    bonus(client)  # 150 and a fee of 30
    bonus(client)

    with pytest.raises(OverBudget, match="180 cents after 360 that were spent"):
        bonus(client)

    assert len(paid(sent)) == 2


def test_unknown_payments_count_as_spent_and_refused_ones_do_not(
    made: Callable[..., Client], service: Service
) -> None:
    client = made(max_spend_cents=200)
    service.refuse()
    for _ in range(2):
        with pytest.raises(PaymentRequired):
            bonus(client)
    lost(bonus, client, service)

    with pytest.raises(OverBudget):
        bonus(client)


@pytest.mark.parametrize("limit", [-1, 1.5, "5", True])
def test_a_limit_is_a_number_of_cents(client: Client, sent: list[SentRequest], limit: Any) -> None:
    with pytest.raises(ConfigError, match="max_spend_cents"):
        Client(KEY, max_spend_cents=limit)
    with pytest.raises(InvalidInput, match="max_cost_cents"):
        launch(client, max_cost_cents=limit)

    assert sent == []


@pytest.mark.parametrize(
    ("pay", "path_of_it", "body"),
    [
        (bonus, "jobs/7/workers/5/bonus.json", "amount=150"),
        (judgments, "jobs/7/units/3/request_more_judgments.json", "nb_judgments=2"),
    ],
)
def test_a_dry_run_returns_the_request_and_sends_and_records_nothing(
    client: Client, sent: list[SentRequest], path: Path, pay: Pay, path_of_it: str, body: str
) -> None:
    shown = pay(client, dry_run=True)

    assert type(shown) is DryRun
    assert (shown.method, shown.url, shown.body) == ("POST", f"{API}/{path_of_it}", body)
    assert str(shown).startswith(f"POST {API}/{path_of_it}\n")
    assert str(shown).endswith(f"\n\n{body}")
    assert "Authorization" not in shown.headers
    assert (sent, path.exists()) == ([], False)


def test_a_dry_run_of_a_launch_only_reads_and_records_nothing(
    client: Client, sent: list[SentRequest], path: Path
) -> None:
    shown = launch(client, dry_run=True)

    body = "debit%5Bunits_count%5D=20&channels%5B%5D=on_demand"
    assert (shown.method, shown.url, shown.body) == ("POST", f"{API}/jobs/7/orders.json", body)
    assert str(shown).startswith(f"POST {API}/jobs/7/orders.json\n")
    assert f"\n\n{body}\n\n20 units " in str(shown)
    assert (shown.balance_cents, shown.estimate.units_count) == (5000, 20)
    assert "Authorization" not in shown.headers
    assert (paid(sent), path.exists()) == ([], False)


@pytest.mark.parametrize("amount", [0, 1.5, 2001])
def test_a_dry_run_refuses_the_same_arguments(client: Client, amount: Any) -> None:
    with pytest.raises(InvalidInput):
        Job(client, id=7).get_worker(5).bonus(amount, dry_run=True)


def test_a_server_error_leaves_a_payment_unknown(
    client: Client, service: Service, sent: list[SentRequest]
) -> None:
    service.answer = lambda _: (500, {}, "")

    with pytest.raises(OutcomeUnknown) as caught:
        bonus(client)

    assert ServerError.__name__ in caught.value.evidence
    assert len(paid(sent)) == 1


PAGE = {"Content-Type": "text/html"}
PAGES = ("<html>Please sign in</html>", PAGE)


@pytest.mark.parametrize(
    ("pay", "text", "headers"),
    [
        *((pay, text, {}) for pay in (launch, bonus, judgments) for text in ("[]", '"no"', "null")),
        *((pay, *PAGES) for pay in (launch, bonus, judgments)),
        *((pay, "OK", {}) for pay in (launch, bonus)),
    ],
)
def test_an_answer_that_is_not_an_acknowledgement_is_outcome_unknown(
    client: Client, service: Service, pay: Pay, text: str, headers: dict[str, str]
) -> None:
    service.answer = lambda _: (200, headers, text)

    with pytest.raises(OutcomeUnknown):
        pay(client)

    assert [each.state for each in client.operations.pending()] == ["unknown"]


@pytest.mark.parametrize("text", ["", "OK", "{}", '{"success": "2 more"}'])
def test_a_success_without_content_is_enough(client: Client, service: Service, text: str) -> None:
    service.answer = lambda _: (200, {"Content-Type": "text/plain"}, text)

    judgments(client)

    assert client.operations.pending() == []


@EACH
def test_a_406_leaves_a_payment_unknown(client: Client, service: Service, pay: Pay) -> None:
    service.answer = lambda _: (406, {}, "")

    with pytest.raises(OutcomeUnknown) as caught:
        pay(client, key="may")

    assert caught.value.evidence == "answered with status 406, NotAcceptable"
    assert caught.value.__context__ is None
    assert len(client.operations.pending()) == 1


# Structure


def test_a_launch_reaches_requests_in_six_calls(client: Client, service: Service) -> None:
    calls: list[str] = []

    def answer(_: PreparedRequest) -> Any:
        frame = inspect.currentframe()
        while frame is not None:
            if "/crowdflower/" in frame.f_code.co_filename:
                calls.insert(0, frame.f_code.co_qualname)
            frame = frame.f_back
        return 200, {}, '{"id": 88}'

    service.answer = answer

    launch(client)

    assert calls == [
        "Job.launch",
        "Operations.pay",
        "Operations._send",
        "BaseClient.request",
        "BaseClient._attempt",
        "Transport.send",
    ]


def test_importing_the_records_and_kinds_does_not_load_a_database() -> None:
    code = (
        "import sys, crowdflower.payments.kinds, crowdflower.payments.records;"
        "sys.exit('sqlite3' in sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own program
