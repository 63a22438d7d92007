"""``crowdflower pending`` and ``resolve``: payments whose outcome is unknown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from crowdflower.cli.group import crowdflower
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Operation

if TYPE_CHECKING:
    from click.testing import Result


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal in the user's state folder."""
    monkeypatch.delenv("CROWDFLOWER_JOURNAL", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "crowdflower" / "journal.db"


def send_bonus(path: Path) -> Operation:
    """Record a bonus that was sent and is pending."""
    journal = Journal(path)
    bonus = Operation(
        "op-1", "bonus", "account", "POST", "jobs/7/workers/5/bonus.json", "amount=150", "may"
    )
    journal.prepare(bonus)
    return journal.send("op-1", {"balance": 900}, 180)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(crowdflower, arguments)


def test_a_pending_payment_is_printed_in_one_line(path: Path) -> None:
    operation = send_bonus(path)

    result = run("pending")

    (line,) = result.stdout.splitlines()
    assert line.startswith(f"op-1  sent      {operation.sent_at:%Y-%m-%d}")
    assert line.endswith(
        "bonus /jobs/7/workers/5/bonus.json  amount=150  key may  at most 180 cents"
    )


def test_without_a_journal_nothing_is_pending_and_none_is_created(path: Path) -> None:
    result = run("pending")

    assert (result.exit_code, result.stdout) == (0, "")
    assert f"No pending payments in {path}." in result.stderr
    assert not path.parent.exists()


def test_a_payment_is_resolved_with_a_note(path: Path) -> None:
    send_bonus(path)

    result = run("resolve", "op-1", "not_applied", "--note", "not in the list of May")

    assert (result.exit_code, result.stdout) == (0, "Recorded: op-1 is not_applied.\n")
    assert Journal(path).get("op-1").note == "not in the list of May"
    assert run("pending").stdout == ""


def test_the_journal_is_set_by_option_or_environment(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    send_bonus(other)

    by_option = run("pending", "--journal", str(other))
    by_environment = CliRunner(env={"CROWDFLOWER_JOURNAL": str(other)}).invoke(
        crowdflower, ["pending"]
    )

    assert by_option.stdout == by_environment.stdout != ""


@pytest.mark.parametrize("name", ["op-2", "op-1"])
def test_a_payment_that_is_not_pending_is_not_resolved(path: Path, name: str) -> None:
    send_bonus(path)
    Journal(path).settle("op-1", "applied", "status 200")

    result = run("resolve", name, "applied")

    assert result.exit_code == 1
    assert name in result.stderr


def test_a_file_that_is_not_a_journal_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database " * 300)

    results = [run("pending"), run("resolve", "op-1", "applied")]

    assert [result.exit_code for result in results] == [1, 1]
    assert all(str(path) in result.stderr for result in results)


def test_a_path_cannot_change_what_a_terminal_shows(tmp_path: Path) -> None:
    """Line breaks and escape sequences in a path, as CWE-117 describes them for logs."""
    odd = tmp_path / "no\x1b[2J\n"
    odd.write_bytes(b"not a database " * 300)
    below = odd / "journal.db"

    results = [
        run("pending", "--journal", str(odd)),
        run("pending", "--journal", str(below)),
        run("pending", "--journal", str(tmp_path / "none\x1b[2J\n")),
        run("resolve", "op-1", "applied", "--journal", str(tmp_path / "none\x1b[2J\n")),
        run("serve", "--database", str(below)),
    ]

    for result in results:
        assert "\x1b" not in result.output
        assert r"\x1b[2J " in result.stderr.splitlines()[-1]


def test_without_a_journal_nothing_is_resolved(path: Path) -> None:
    result = run("resolve", "op-1", "applied")

    assert result.exit_code == 1
    assert "there is no journal" in result.stderr
