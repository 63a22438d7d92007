"""What the options and the environment say about the account: key, address, journal."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crowdflower._types import SecretText, masked
from crowdflower.cli.exit_codes import CommandError, ExitCode
from crowdflower.client import DEFAULT_BASE_URL, Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEY: Final = "CROWDFLOWER_API_KEY"
KEY_FILE: Final = "CROWDFLOWER_API_KEY_FILE"
URL: Final = "CROWDFLOWER_API_URL"
JOURNAL: Final = "CROWDFLOWER_JOURNAL"

MAX_KEY_FILE: Final = 4096
"""Characters that are read of a file with a key: it may be the wrong file, of any size."""

NO_KEY: Final = (
    f"no API key: set {KEY}, or name the file that holds it with --key-file or {KEY_FILE}."
    " Without an account, try `crowdflower demo`, or `crowdflower serve`, which prints a key of its"
    " own"
)


def default_journal() -> Path:
    """Return the default path of the journal, in the user's state folder."""
    folder = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(folder) / "crowdflower" / "journal.db"


@dataclass
class Settings:
    """The settings of one run of the command; those of the environment are read when used."""

    command_line: Sequence[str] = ()
    """The words of the command line, without the name of the command."""

    api_key: SecretText | None = None
    key_file: Path | None = None
    api_url: str | None = None
    allow_insecure: bool = False
    journal: Path | None = None

    @property
    def base_url(self) -> str:
        """The address of the API."""
        return self.api_url or os.environ.get(URL) or DEFAULT_BASE_URL

    @property
    def journal_path(self) -> Path:
        """The file of the journal. Payments of the command always have one."""
        return self.journal or Path(os.environ.get(JOURNAL) or default_journal())

    def read_key(self) -> SecretText:
        """Return the API key, with a masked repr.

        An option counts more than the environment, and there the key more than its file.

        :raises CommandError: The key is missing, or its file cannot be used.
        """
        if self.api_key:
            return self.api_key
        if self.key_file is None and os.environ.get(KEY):
            return masked(os.environ[KEY])
        path = self.key_file or os.environ.get(KEY_FILE)
        if not path:
            raise CommandError(NO_KEY, ExitCode.USAGE)
        return _read_key_file(Path(path))

    @property
    def key_source(self) -> str:
        """Where the key comes from; empty if there is none."""
        if self.api_key:
            return "--api-key"
        if self.key_file is not None:
            return str(self.key_file)
        return KEY if os.environ.get(KEY) else os.environ.get(KEY_FILE, "")

    @contextmanager
    def client(self, kind: type[Client] = Client, **more: Any) -> Iterator[Client]:
        """Open a client of the account for the block.

        :param more: Other settings of the client.
        :raises CommandError: The key is missing, or its file cannot be used.
        :raises ConfigError: The key or the address cannot be used.
        """
        key = self.read_key()
        with kind(
            key,
            self.base_url,
            allow_insecure=self.allow_insecure,
            journal=self.journal_path,
            **more,
        ) as client:
            yield client


def _read_key_file(path: Path) -> SecretText:
    """Return the only line of a file.

    :raises CommandError: The file cannot be read, or is not a key; the message does not show it.
    """
    try:
        with path.expanduser().open(encoding="utf-8") as file:
            key = masked(file.read(MAX_KEY_FILE).strip())
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        problem = "it is not a text file"
    else:
        if key and len(key.split()) == 1:
            return key
        problem = "it must contain the key and nothing else" if key else "it is empty"
    raise CommandError(f"the key cannot be read from {path}: {problem}", ExitCode.USAGE)
