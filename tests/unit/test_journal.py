"""The journal of payments: written first, shared by processes, and safe from damaged files."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from crowdflower.exceptions import (
    DuplicateOperation,
    InvalidInput,
    JournalCorrupt,
    JournalError,
    JournalLocked,
)
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Operation

NUMBERS = count(1)


def bonus(key: str | None = None, **changed: Any) -> Operation:
    """Return a bonus that is about to be paid."""
    made = Operation(
        f"op-{next(NUMBERS)}",
        "bonus",
        "account",
        "POST",
        "jobs/7/workers/5/bonus.json",
        "amount=150&reason=Thanks",
        key,
    )
    return replace(made, **changed)


@pytest.fixture(params=["memory", "file"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    path = None if request.param == "memory" else tmp_path / "journal.db"
    return Journal(path, patience=60, now=lambda: 50.0)  # many write at once, on whatever disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with one payment in it."""
    path = tmp_path / "journal.db"
    Journal(path).prepare(bonus("first"))
    return path


# The life of a payment


def test_each_state_is_recorded(journal: Journal) -> None:
    prepared = journal.prepare(bonus("may"))
    sent = journal.send(prepared.op_id, {"balance": 900}, 180)
    settled = journal.settle(prepared.op_id, "applied", "status 200")

    at = datetime.fromtimestamp(50, UTC)
    assert (prepared.state, prepared.prepared_at, prepared.sent_at) == ("prepared", at, None)
    assert (sent.state, sent.sent_at, sent.before, sent.cents) == (
        "sent",
        at,
        {"balance": 900},
        180,
    )
    assert (settled.state, settled.settled_at, settled.evidence) == ("applied", at, "status 200")
    assert journal.get(prepared.op_id) == settled


def test_what_the_service_answered_is_recorded(journal: Journal) -> None:
    made = journal.prepare(bonus("a key"))
    order = {"id": 3, "meta": {"units": [1, 2.5, None, "\U0001f600 \ud800"]}}

    journal.keep_result(made.op_id, order)
    settled = journal.settle(made.op_id, "applied", "status 200")

    assert settled.result == order == journal.get(made.op_id).result
    assert made.result is None


def test_an_outcome_that_is_known_is_not_replaced_by_unknown(journal: Journal) -> None:
    """One process lost the response; another has seen that the payment was made."""
    made = journal.prepare(bonus("a key"))
    journal.send(made.op_id, {}, 180)
    journal.settle(made.op_id, "applied", "it shows")

    settled = journal.settle(made.op_id, "unknown", "the response was lost")

    assert (settled.state, settled.evidence) == ("applied", "it shows")


def test_pending_payments_of_all_accounts_are_listed_oldest_first(journal: Journal) -> None:
    first = journal.prepare(bonus())
    second = journal.prepare(bonus())
    journal.send(second.op_id, {}, None)
    third = journal.prepare(bonus(account="another"))
    done = journal.prepare(bonus())
    journal.settle(done.op_id, "applied", "")

    assert [each.op_id for each in journal.pending()] == [first.op_id, second.op_id, third.op_id]


@pytest.mark.parametrize("state", ["prepared", "sent", "unknown", "applied"])
def test_a_key_is_in_use_until_it_is_certain_that_nothing_was_paid(
    journal: Journal, state: Any
) -> None:
    earlier = journal.prepare(bonus("may"))
    journal.settle(earlier.op_id, state, "")

    with pytest.raises(DuplicateOperation, match="'may' was started before") as caught:
        journal.prepare(bonus("may"))

    assert caught.value.operation is not None
    assert (caught.value.operation.op_id, caught.value.operation.state) == (earlier.op_id, state)
    revived = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert revived.operation == caught.value.operation


def test_a_rejected_payment_frees_its_key(journal: Journal) -> None:
    refused = journal.prepare(bonus("may"))
    journal.settle(refused.op_id, "rejected", "PaymentRequired")

    again = journal.prepare(bonus("may"))

    assert again.state == "prepared"


def test_resolving_as_not_applied_frees_the_key(journal: Journal) -> None:
    lost = journal.prepare(bonus("may"))
    journal.settle(lost.op_id, "unknown", "sent, ConnectionLost")

    resolved = journal.resolve(lost.op_id, "not_applied", "not in the list of May")

    assert (resolved.state, resolved.note) == ("not_applied", "not in the list of May")
    assert resolved.evidence == "sent, ConnectionLost"
    assert journal.prepare(bonus("may")).state == "prepared"


@pytest.mark.parametrize(
    ("changed", "earlier"),
    [
        ({"body": "amount=151&reason=Thanks"}, "with amount=150, not 151"),
        (
            {"body": "amount=9&reason=Fast%0Awork&note=x"},
            "with amount=150, not 9 and reason=Thanks, not Fast work and note=none, not x",
        ),
        ({"path": "jobs/7/workers/6/bonus.json"}, "by POST /jobs/7/workers/5/bonus.json"),
        ({"name": "launch"}, "by POST /jobs/7/workers/5/bonus.json"),
    ],
)
def test_a_key_cannot_be_used_for_another_payment(
    journal: Journal, changed: Any, earlier: str
) -> None:
    journal.prepare(bonus("may"))

    with pytest.raises(InvalidInput) as caught:
        journal.prepare(bonus("may", **changed))

    assert str(caught.value) == (
        f"the key 'may' names another payment: a bonus {earlier}; nothing was sent"
    )


def test_the_order_of_parameters_does_not_matter(journal: Journal) -> None:
    journal.prepare(bonus("may"))

    with pytest.raises(DuplicateOperation):
        journal.prepare(bonus("may", body="reason=Thanks&amount=150"))


def test_keys_are_per_account_and_payments_without_a_key_are_distinct(journal: Journal) -> None:
    for each in (bonus(), bonus(), bonus("may"), bonus("may", account="another")):
        journal.prepare(each)

    assert len(journal.pending()) == 4


def test_a_payment_resolved_before_it_was_sent_is_not_sent(journal: Journal) -> None:
    prepared = journal.prepare(bonus("may"))
    journal.resolve(prepared.op_id, "not_applied")

    with pytest.raises(JournalError, match="not sent"):
        journal.send(prepared.op_id, {}, None)

    assert journal.get(prepared.op_id).state == "not_applied"


@pytest.mark.parametrize("state", ["applied", "rejected", "not_applied"])
def test_a_settled_payment_cannot_be_resolved(journal: Journal, state: Any) -> None:
    settled = journal.prepare(bonus())
    journal.settle(settled.op_id, state, "")

    with pytest.raises(InvalidInput, match="is not pending"):
        journal.resolve(settled.op_id, "applied")


def test_resolve_refuses_an_unknown_id_and_an_unknown_outcome(
    journal: Journal,
) -> None:
    with pytest.raises(InvalidInput, match="no operation 'nobody'"):
        journal.resolve("nobody", "applied")
    with pytest.raises(InvalidInput, match="applied or not_applied"):
        journal.resolve("nobody", "perhaps")  # type: ignore[arg-type]


# The file


def test_the_file_is_created_by_the_first_payment(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")

    assert journal.pending() == []
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_can_read_the_file_and_new_folders(tmp_path: Path) -> None:
    path = tmp_path / "state" / "crowdflower" / "journal.db"

    Journal(path).prepare(bonus())

    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert [each.name for each in path.parent.iterdir()] == ["journal.db"]


def test_writes_are_synchronous(path: Path) -> None:
    with Journal(path)._store._connect() as connection:
        (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()

    assert (synchronous, mode) == (2, "wal")


def test_journals_on_one_file_share_its_keys(path: Path) -> None:
    with pytest.raises(DuplicateOperation):
        Journal(path).prepare(bonus("first"))


def _foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (a)")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 4")


def _overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda path: path.write_bytes(b"no database at all " * 300), JournalCorrupt),
        (lambda path: path.write_bytes(b""), JournalCorrupt),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), JournalCorrupt),
        (_overwritten, JournalCorrupt),
        (_foreign, JournalCorrupt),
        (_newer, JournalError),
        (_folder, JournalError),
    ],
    ids=["garbage", "empty", "cut short", "overwritten", "foreign", "newer", "a folder"],
)
def test_a_file_that_is_not_an_intact_journal_is_refused_and_not_changed(
    path: Path, spoil: Any, error: type[JournalError]
) -> None:
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""

    with pytest.raises(error, match=str(path)) as caught:
        Journal(path).prepare(bonus())

    assert type(caught.value) is error
    assert (path.read_bytes() if path.is_file() else b"") == before


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.rename(f"{path}.old")])
def test_a_journal_that_disappears_is_not_recreated(path: Path, spoil: Any) -> None:
    journal = Journal(path)
    journal.prepare(bonus())
    spoil(path)

    with pytest.raises(JournalError):
        journal.prepare(bonus())

    assert not path.exists()


def test_a_replaced_journal_is_not_written_to(path: Path, tmp_path: Path) -> None:
    journal = Journal(path)
    journal.prepare(bonus())
    other = tmp_path / "other.db"
    Journal(other).prepare(bonus())
    other.replace(path)

    with pytest.raises(JournalError, match="replaced"):
        journal.prepare(bonus())


def test_a_locked_journal_is_an_error_after_the_busy_timeout(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(JournalLocked):
            Journal(path, patience=0.01).prepare(bonus())

        other.execute("ROLLBACK")
    assert len(Journal(path).pending()) == 1


@pytest.mark.parametrize("path", ["/dev/null/journal.db", "/dev/null/in/a/folder.db"])
def test_a_path_where_no_file_can_be_created_is_refused(path: str) -> None:
    with pytest.raises(JournalError, match=path):
        Journal(path).prepare(bonus())


ON_A_FULL_DISK = """
import resource, signal, sys
sys.path.insert(0, {tests!r})
from test_journal import Journal, JournalError, bonus
journal = Journal({path!r}, patience=60)
journal.prepare(bonus())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    journal.prepare(bonus())
except JournalError as error:
    print(type(error).__name__)
"""


def test_a_full_disk_is_an_error_and_earlier_payments_stay(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    said = run(ON_A_FULL_DISK.format(tests=str(Path(__file__).parent), path=str(path)))

    assert said == "JournalError\n"
    assert len(Journal(path).pending()) == 1


class Interrupted:
    """A connection that is interrupted right after a statement."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement = statement

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> Any:
        done = self._connection.execute(statement, *values)
        if statement.startswith(self._statement):
            raise KeyboardInterrupt
        return done


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT", "COMMIT"])
def test_an_interrupt_at_any_statement_leaves_a_usable_journal(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    connected = journal._store._connect

    @contextmanager
    def interrupted() -> Iterator[Any]:
        with connected() as connection:
            yield Interrupted(connection, statement)

    monkeypatch.setattr(journal._store, "_connect", interrupted)
    with pytest.raises(KeyboardInterrupt):
        journal.prepare(bonus("may"))
    monkeypatch.undo()

    assert journal.prepare(bonus("june", op_id="2")).key == "june"
    begun = {operation.key for operation in journal.pending()}
    assert begun == ({"may", "june"} if statement == "COMMIT" else {"june"})


# Threads and processes


def test_of_many_threads_with_one_key_exactly_one_starts_a_payment(journal: Journal) -> None:
    def begin(_: int) -> bool:
        try:
            journal.prepare(bonus("may"))
        except DuplicateOperation:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        begun = list(pool.map(begin, range(64)))

    assert sum(begun) == 1


BEGIN = """
import sys
sys.path.insert(0, {tests!r})
from test_journal import DuplicateOperation, Journal, bonus
sys.stdin.readline()
journal = Journal({path!r}, patience=60)
for number in range(40):
    try:
        journal.prepare(bonus(f"key {{number}}", op_id=f"{name} {{number}}"))
    except DuplicateOperation:
        continue
    print(number)
"""


def test_each_key_is_used_by_exactly_one_of_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    scripts = [
        BEGIN.format(tests=str(Path(__file__).parent), path=str(path), name=name)
        for name in ("one", "two", "three")
    ]
    started = [start(script) for script in scripts]

    said = [process.communicate("now\n", timeout=240) for process in started]

    assert [errors for _, errors in said] == ["", "", ""]
    begun = sorted(int(number) for output, _ in said for number in output.split())
    assert begun == list(range(40))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_knows_earlier_keys(journal: Journal) -> None:
    journal.prepare(bonus("may"))
    with journal._store._lock:  # as if another thread were writing when the process forks
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            try:
                journal.prepare(bonus("may"))
            except DuplicateOperation:
                os._exit(7)
            os._exit(0)

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 7


def start(script: str) -> subprocess.Popen[str]:
    """Start a script in a new Python process."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def run(script: str) -> str:
    """Run a script in a new Python process; return its output."""
    output, errors = start(script).communicate(timeout=240)
    assert not errors, errors
    return output
