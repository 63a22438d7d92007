"""A launch under a key that was used: what is returned, sent again or left to a person."""

from __future__ import annotations

import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from crowdflower.client import Client
from crowdflower.exceptions import (
    ConfigError,
    JournalError,
    OutcomeUnknown,
    PaymentRequired,
)
from crowdflower.job import Job
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Applied, Operation

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from requests import PreparedRequest
    from responses import RequestsMock

KEY = "s3cret-0123456789abcdef"


class KilledError(BaseException):
    """The process ends here."""


@dataclass
class Service:
    """A service with one job of 20 units, which may remember idempotency keys."""

    remembers: bool = False
    units: int = 20
    ordered: int = 0
    updated_at: str = "2026-11-30T12:00:00+00:00"
    auto_order: bool = False
    replies: dict[str, Any] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None

    def answer(self, request: PreparedRequest) -> Any:
        path = urlsplit(str(request.url)).path.removeprefix("/v1/").removesuffix(".json")
        line = f"{request.method} {path}"
        self.before(line)
        key = request.headers.get("Idempotency-Key", "")
        headers = {"X-CrowdFlower-Idempotency": "1"} if self.remembers else {}
        if self.remembers and key in self.replies:
            headers["Idempotent-Replayed"] = "true"
            status, body = 200, self.replies[key]
        else:
            status, body = self._handle(line, str(request.body or b"", "ascii"))
            if key and status == 200:
                self.replies[key] = body
        self.after(line)
        return status, headers, body if isinstance(body, bytes) else json.dumps(body)

    def _handle(self, line: str, body: str) -> tuple[int, Any]:
        if line == "POST jobs/7/orders":
            count = int(parse_qs(body)["debit[units_count]"][0]) or self.units
            count = min(count, self.units - self.ordered)
            if not count:
                return 422, {"error": {"message": "There is no new unit to order."}}
            self.ordered += count
            return 200, {"id": 80 + len(self.replies), "job_id": 7, "nuggeted_units_count": count}
        job = {
            "id": 7,
            "state": "running" if self.ordered else "unordered",
            "auto_order": self.auto_order,
            "payment_cents": 10,
            "judgments_per_unit": 3,
            "units_per_assignment": 5,
            "updated_at": self.updated_at,
        }
        shown: dict[str, Any] = {
            "GET account": {"id": 1, "balance": 5000},
            "GET jobs/7": job,
            "GET jobs/7/ping": {
                "all_units": self.units, "golden_units": 0, "ordered_units": self.ordered
            },
            "GET jobs/7/units/ping": {"done": True, "count": 20},
            "GET jobs/7/units": {str(100 + n): {"text": "x"} for n in range(self.units)},
            "GET jobs/7/channels": {"enabled_channels": ["on_demand"]},
        }  # fmt: skip
        if found := re.fullmatch(r"GET jobs/7/units/(\d+)", line):
            return 200, self._unit(int(found[1]))
        if line == "GET jobs/7.csv":
            return 200, self._report()
        return (200, shown[line]) if line in shown else (404, {"error": "not found"})

    def _unit(self, number: int) -> dict[str, Any]:
        return {"id": number, "state": "new" if number - 100 >= self.ordered else "judgable"}

    def _report(self) -> bytes:
        content = io.BytesIO()
        lines = (json.dumps(self._unit(100 + number)) for number in range(self.units))
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("job_7.json", "\n".join(lines))
        return content.getvalue()


@pytest.fixture
def service(api: RequestsMock) -> Service:
    service = Service()
    api.assert_all_requests_are_fired = False
    for method in ("GET", "POST"):
        api.add_callback(method, re.compile(".*"), service.answer)
    return service


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.journal"


@pytest.fixture
def made(service: Service, clock: Clock, path: Path) -> Callable[..., Client]:
    def make(**settings: Any) -> Client:
        return Client(KEY, **{"journal": path, "clock": clock, **settings})

    return make


def launch(client: Client, **more: Any) -> Any:
    return Job(client, id=7).launch(key="a day", on_duplicate="return", **more)


def paid(sent: list[SentRequest]) -> int:
    return sum(each.line.startswith("POST") for each in sent)


def killed_at(line: str) -> Callable[[str], None]:
    def kill(at: str) -> None:
        if at == line:
            raise KilledError

    return kill


ORDERS = "POST jobs/7/orders"


def kill_during(service: Service, client: Client, moment: str) -> None:
    """End a launch before or after the service has placed the order."""
    setattr(service, moment, killed_at(ORDERS))
    with pytest.raises(KilledError):
        launch(client)
    setattr(service, moment, lambda _: None)


# Never sent


@pytest.mark.parametrize("line", ["GET jobs/7/ping", "GET jobs/7"])
def test_a_payment_that_was_not_sent_makes_way(
    made: Callable[..., Client], service: Service, path: Path, monkeypatch: Any, line: str
) -> None:
    settle = Journal.settle
    monkeypatch.setattr(Journal, "settle", lambda *_: None)  # the process is gone at once
    service.before = killed_at(line) if line == "GET jobs/7" else lambda _: None
    if line != "GET jobs/7":
        monkeypatch.setattr(Journal, "send", lambda *_: (_ for _ in ()).throw(KilledError()))
    with pytest.raises(KilledError):
        launch(made())
    service.before = lambda _: None
    monkeypatch.undo()
    assert Journal.settle is settle
    (left,) = Journal(path).pending()
    assert left.state == "prepared"

    order = launch(made())

    assert order.nuggeted_units_count == service.ordered == 20
    assert Journal(path).get(left.op_id).state == "rejected"


def test_a_process_that_was_overtaken_sends_nothing_and_gets_the_order(
    made: Callable[..., Client], service: Service, monkeypatch: Any
) -> None:
    """Between its reads and its payment, another process closes its payment and pays."""
    orders = []
    send = Journal.send

    def overtake(self: Journal, op_id: str, *rest: Any) -> Operation:
        monkeypatch.setattr(Journal, "send", send)
        orders.append(launch(made()))
        return send(self, op_id, *rest)

    monkeypatch.setattr(Journal, "send", overtake)

    orders.append(launch(made()))

    assert orders[0].id == orders[1].id
    assert service.ordered == 20
    assert len(service.replies) == 1


def test_an_overtaken_payment_is_an_error_by_default(
    made: Callable[..., Client], service: Service, path: Path, monkeypatch: Any
) -> None:
    send = Journal.send

    def overtake(self: Journal, op_id: str, *rest: Any) -> Operation:
        self.reject_unsent(op_id, "by another process")
        return send(self, op_id, *rest)

    monkeypatch.setattr(Journal, "send", overtake)

    with pytest.raises(JournalError, match="was resolved before it was sent"):
        Job(made(), id=7).launch(key="a day")

    assert service.ordered == 0


# Sent, and perhaps made


def test_the_error_can_look_again(made: Callable[..., Client], service: Service) -> None:
    kill_during(service, made(), "before")
    with pytest.raises(OutcomeUnknown) as caught:
        launch(made())
    service.ordered = 20

    assert type(caught.value.reconcile()) is Applied
    assert launch(made()).job_id == 7


@pytest.mark.parametrize("remembers", [True, False])
def test_an_order_that_shows_is_returned_with_what_is_known(
    made: Callable[..., Client], service: Service, sent: list[SentRequest], remembers: bool
) -> None:
    service.remembers = remembers
    kill_during(service, made(), "after")

    order = launch(made())

    assert (order.id, order.job_id, order.type) == (None, 7, "Debit")
    assert order.not_ordered == ()
    assert (paid(sent), service.ordered) == (0, 20)  # the killed one is not in the list


def test_an_order_that_was_answered_is_returned_though_its_outcome_was_not_recorded(
    made: Callable[..., Client], service: Service, path: Path, monkeypatch: Any
) -> None:
    def kill(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "settle", kill)
        with pytest.raises(KilledError):
            launch(made())
    (left,) = Journal(path).pending()
    assert left.state == "sent"
    service.ordered = 0  # so that nothing shows

    with pytest.warns(UserWarning, match="20 units are not ordered"):
        order = launch(made())

    assert order.id == 80
    assert Journal(path).get(left.op_id).state == "applied"


def test_what_may_have_been_paid_is_not_sent_again(
    made: Callable[..., Client], service: Service, path: Path, sent: list[SentRequest]
) -> None:
    kill_during(service, made(), "before")

    with pytest.raises(OutcomeUnknown, match="ordered_units is still 0") as caught:
        launch(made())

    error = caught.value
    assert f"client.operations.resolve('{error.op_id}', 'applied'), or 'not_applied'" in str(error)
    assert error.operation is not None
    assert (error.operation.state, service.ordered, paid(sent)) == ("sent", 0, 0)
    made().operations.resolve(error.op_id or "", "not_applied")
    assert launch(made()).nuggeted_units_count == 20


def test_a_service_that_remembers_keys_gets_the_same_request_again(
    made: Callable[..., Client], service: Service, path: Path, sent: list[SentRequest]
) -> None:
    service.remembers = True
    kill_during(service, made(), "before")
    (left,) = Journal(path).pending()
    service.units = 25  # the count of the first request stands

    with pytest.warns(UserWarning, match="5 units are not ordered"):
        order = launch(made())

    assert order.nuggeted_units_count == service.ordered == 20
    (request,) = [each for each in sent if each.line.startswith("POST")]
    assert (request.headers["Idempotency-Key"], request.body) == (left.op_id, left.body.encode())
    assert Journal(path).get(left.op_id).state == "applied"
    assert Journal(path).get(left.op_id).result == {
        "id": 80, "job_id": 7, "nuggeted_units_count": 20
    }  # fmt: skip


def test_if_what_shows_does_not_decide_the_service_does(
    made: Callable[..., Client], service: Service
) -> None:
    service.remembers = service.auto_order = True
    kill_during(service, made(), "after")
    assert service.ordered == 20

    order = launch(made())

    assert (order.id, service.ordered, len(service.replies)) == (80, 20, 1)


@pytest.mark.parametrize(
    ("sent_ago", "updated_at"),
    [
        (timedelta(days=1), "2026-11-30T12:00:00+00:00"),
        (timedelta(hours=-1), "2026-11-30T12:00:00+00:00"),
        (timedelta(), "2026-12-02T12:00:00+00:00"),
    ],
    ids=["a day ago", "the clock was set back", "a day ago on the clock of the service"],
)
def test_what_the_service_may_have_forgotten_is_not_sent_again(
    made: Callable[..., Client],
    service: Service,
    path: Path,
    sent: list[SentRequest],
    sent_ago: timedelta,
    updated_at: str,
) -> None:
    service.remembers = service.auto_order = True
    then = datetime.now(UTC) - sent_ago
    kill_during(service, made(journal=Journal(path, now=then.timestamp)), "after")
    service.updated_at = updated_at

    with pytest.raises(OutcomeUnknown, match="ordered by other means"):
        launch(made())

    assert (paid(sent), service.ordered) == (0, 20)


def test_a_repeated_request_that_is_refused_was_never_paid(
    made: Callable[..., Client], service: Service, path: Path
) -> None:
    service.remembers = True
    kill_during(service, made(), "before")
    (left,) = Journal(path).pending()
    handle = service._handle
    service._handle = lambda line, body: (  # type: ignore[method-assign]
        (402, {"error": "too little"}) if line == ORDERS else handle(line, body)
    )

    with pytest.raises(PaymentRequired):
        launch(made())

    assert Journal(path).get(left.op_id).state == "rejected"
    assert Journal(path).pending() == []


def test_a_repeated_request_that_is_not_sent_leaves_the_payment_open(
    made: Callable[..., Client], service: Service, path: Path
) -> None:
    service.remembers = True
    kill_during(service, made(), "before")
    (left,) = Journal(path).pending()

    def lose(line: str) -> None:
        if line == ORDERS:
            raise requests.exceptions.ConnectTimeout("too late")

    service.before = lose
    with pytest.raises(Exception, match="orders"):
        launch(made())

    assert Journal(path).get(left.op_id).state in {"sent", "unknown"}


# Where nothing remembers


def test_without_a_file_nor_a_service_that_remembers_it_is_refused(
    service: Service, clock: Clock, sent: list[SentRequest]
) -> None:
    with pytest.raises(ConfigError, match=r"needs a journal file: .* Client\(journal=PATH\)"):
        launch(Client(KEY, clock=clock))

    assert paid(sent) == 0


def test_without_a_file_a_lost_answer_is_repeated_under_the_same_key(
    service: Service, clock: Clock, sent: list[SentRequest]
) -> None:
    service.remembers = True
    client = Client(KEY, clock=clock)
    kill_during(service, client, "after")

    again, elsewhere = launch(client), launch(Client(KEY, clock=clock))

    assert {again.id, elsewhere.id} <= {80, None}
    assert (service.ordered, len(service.replies)) == (20, 1)


# At once, and limits


@pytest.mark.parametrize("remembers", [True, False])
def test_many_threads_get_the_same_order(
    made: Callable[..., Client], service: Service, remembers: bool, monkeypatch: Any
) -> None:
    service.remembers = remembers
    together, lock = threading.Barrier(6), threading.Lock()
    answer = service._handle

    def one_by_one(*values: Any) -> Any:
        with lock:
            return answer(*values)

    monkeypatch.setattr(service, "_handle", one_by_one)

    def run(_: int) -> Any:
        client = made(clock=time)
        together.wait(60)
        return launch(client).id

    with ThreadPoolExecutor(6) as pool:
        ids = {*pool.map(run, range(6))}

    assert ids - {None} == {80}
    assert (service.ordered, len(service.replies)) == (20, 1)


@pytest.mark.parametrize("remembers", [True, False])
def test_an_order_of_another_process_while_units_are_counted_is_returned(
    made: Callable[..., Client], service: Service, remembers: bool
) -> None:
    service.remembers = remembers
    other: list[int] = []

    def order_elsewhere(line: str) -> None:
        if line == "GET jobs/7/units" and not other:
            other.append(0)  # the launch below reads the units, too
            other.append(launch(made()).id)

    service.after = order_elsewhere

    assert launch(made()).id == 80
    assert other == [0, 80]
    assert (service.ordered, len(service.replies)) == (20, 1)


def test_a_repeated_payment_does_not_count_twice(
    made: Callable[..., Client], service: Service
) -> None:
    service.remembers = True
    kill_during(service, made(), "before")
    client = made(max_spend_cents=1_000)

    launch(client)

    assert client.operations.left_to_spend == 1_000


def test_an_order_that_cannot_be_read_is_returned_as_it_was_recorded(
    made: Callable[..., Client], service: Service
) -> None:
    first = launch(made())

    def lose(line: str) -> None:
        if line in {"GET jobs/7/orders/80", "GET jobs/7/ping"}:
            raise requests.ConnectionError("reset")

    service.before = lose

    with pytest.warns(UserWarning, match="whether units were added to job 7 cannot be read"):
        again = launch(made())

    assert again.json == first.json
