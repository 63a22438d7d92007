"""Where the command finds the key and the address of the account; ``crowdflower account``."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

    from crowdflower.sandbox import Sandbox


def test_the_account_is_shown_with_its_balance(run: Run, box: Sandbox) -> None:
    result = run("account")

    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert result.exit_code == 0
    assert lines["email"] == "owner@example.com"
    assert lines["balance"] == "$1,000.00"


def test_the_account_for_programs_has_cents_and_no_secrets(run: Run, box: Sandbox) -> None:
    in_json = json.loads(run("account", "--json").stdout)
    (in_csv,) = csv.DictReader(io.StringIO(run("account", "--csv").stdout))

    assert (in_json["balance"], in_csv["balance"]) == (100_000, "100000")
    assert "auth_key" not in in_json


def test_without_a_key_the_error_says_how_to_give_one(run: Run) -> None:
    result = run("account")

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: no API key: set CROWDFLOWER_API_KEY, or name the file")
    for advice in ("--key-file", "CROWDFLOWER_API_KEY_FILE", "crowdflower serve", "demo"):
        assert advice in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture
def key_file(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the key, which is not in the environment."""
    monkeypatch.delenv("CROWDFLOWER_API_KEY")
    file = tmp_path / "key"
    file.write_text(f"{box.key}\n", encoding="utf-8")
    return file


def test_the_key_is_read_from_a_file(
    run: Run, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run("--key-file", str(key_file), "account")
    after = run("account", "--key-file", str(key_file))
    monkeypatch.setenv("CROWDFLOWER_API_KEY_FILE", str(key_file))
    from_environment = run("account")

    assert [each.exit_code for each in (before, after, from_environment)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is empty"),
        (b"s3cret\nand more\n", "it must contain the key and nothing else"),
        (b"\xff\xfe", "it is not a text file"),
        (None, "No such file or directory"),
    ],
)
def test_a_file_without_a_key_is_refused(
    run: Run, key_file: Path, content: bytes | None, problem: str
) -> None:
    key_file.unlink()
    if content is not None:
        key_file.write_bytes(content)

    result = run("account", "--key-file", str(key_file))

    assert result.exit_code == 2
    assert result.stderr == f"Error: the key cannot be read from {key_file}: {problem}\n"


def test_a_key_on_the_command_line_works_with_a_warning(
    run: Run, box: Sandbox, key_file: Path
) -> None:
    result = run("account", "--api-key", box.key)

    assert result.exit_code == 0
    assert "Warning: all users of this machine can read --api-key" in result.stderr


def test_an_option_counts_more_than_the_environment(
    run: Run, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROWDFLOWER_API_URL", "http://127.0.0.1:9/v1")

    assert run("account", "--api-url", box.url).exit_code == 0


def test_a_wrong_key_is_refused_and_not_shown(
    run: Run, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROWDFLOWER_API_KEY", "s3cret-but-wrong")

    result = run("account", "-vv")

    assert result.exit_code == 1
    assert "401" in result.stderr
    assert "s3cret" not in result.output


def test_a_server_that_cannot_be_reached_is_one_line(
    run: Run, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("account", "--api-url", "http://example.com/v1")

    assert result.exit_code == 2
    assert "plain http:// would send your API key to example.com unencrypted" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_log_of_the_library_is_printed_on_request(run: Run, box: Sandbox) -> None:
    logger = logging.getLogger("crowdflower")
    before = list(logger.handlers)

    quiet = run("account")

    assert quiet.stderr == ""
    assert logger.handlers == before


def test_warnings_are_one_line_each(run: Run, box: Sandbox) -> None:
    result = run("job", "create", "title=What does it say?", "css=p { color: red }")

    assert result.exit_code == 0
    (warning,) = [line for line in result.stderr.splitlines() if line.startswith("Warning: ")]
    assert "css is stored, but has no effect" in warning
