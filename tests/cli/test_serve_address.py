"""The lines that ``crowdflower serve`` prints for a client work as they are, for every host."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from served import TIMEOUT, serving

from crowdflower.cli.local.server_address import export_lines, outer_host
from crowdflower.sandbox.pages.invitations.public_address import is_loopback

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "from crowdflower import Client; print(Client.from_env().get_account()['email'])"
OWN = outer_host("0.0.0.0")  # noqa: S104 - to find the address of this machine
HOSTS = ["127.0.0.1", "localhost", "0.0.0.0", "127.0.0.2", "::1", "::"]  # noqa: S104 - on purpose
HOSTS += [each for each in (OWN, socket.gethostname()) if each]


def works(host: str) -> bool:
    """Return whether this machine can listen on a host."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, 0), family=family).close()
    except OSError:
        return False
    return True


def paste(lines: str, directory: Path, shell: str = "bash") -> subprocess.CompletedProcess[str]:
    """Paste lines into a shell, and run a program with a client that needs no arguments."""
    script = directory / "script"
    script.write_text(f'{lines}\n"$PYTHON" -c "$PROGRAM"\n', encoding="utf-8")
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CROWDFLOWER_")}
    return subprocess.run(  # noqa: S603 - a shell of this machine
        [shell, script],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
        env={**kept, "PYTHON": sys.executable, "PROGRAM": PROGRAM, "no_proxy": "*"},
    )


def blocks(output: str) -> list[str]:
    """Return the pairs of lines that configure a client."""
    lines = re.findall(r"^  (export .*)$", output, re.MULTILINE)
    assert len(lines) in {2, 4}, output
    return ["\n".join(lines[at : at + 2]) for at in range(0, len(lines), 2)]


@pytest.mark.parametrize("host", HOSTS)
def test_the_two_lines_can_be_pasted(tmp_path: Path, host: str) -> None:
    if not works(host):
        pytest.skip(f"this machine cannot listen on {host}")

    public = [] if is_loopback(host) else ["--public"]
    with serving("--host", host, *public) as server:
        processes = [paste(block, tmp_path) for block in blocks(server.output)]

    assert [process.stdout for process in processes] == ["owner@example.com\n"] * len(processes)
    assert [process.stderr for process in processes] == [""] * len(processes)


@pytest.mark.skipif(OWN is None, reason="this machine has no network")
def test_a_server_on_all_addresses_prints_one_for_other_machines() -> None:
    with serving("--host", "0.0.0.0", "--public") as server:  # noqa: S104 - on purpose
        here, elsewhere = blocks(server.output)

    assert "://127.0.0.1:" in here
    assert f"://{OWN}:" in elsewhere
    assert "CROWDFLOWER_ALLOW_INSECURE=1" in elsewhere
    assert "CROWDFLOWER_ALLOW_INSECURE" not in here


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "dash"])
@pytest.mark.parametrize("key", ["a-key", "it's;a$HOME`key`&(really)!", 'double"quoted', "*~#%=^"])
def test_the_lines_are_quoted_for_shells(tmp_path: Path, shell: str, key: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    lines = export_lines("::1", 8000, key)
    script = tmp_path / "script"
    script.write_text(
        f'{lines}\nprintf "%s\\n%s\\n" "$CROWDFLOWER_API_URL" "$CROWDFLOWER_API_KEY"\n',
        encoding="utf-8",
    )

    process = subprocess.run(  # noqa: S603 - a shell of this machine
        [shell, script], capture_output=True, text=True, check=False, timeout=TIMEOUT
    )

    assert process.stdout == f"http://[::1]:8000/v1\n{key}\n"
