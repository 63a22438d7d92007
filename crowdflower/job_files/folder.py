"""The folder of a job: reads its files, and replaces them one by one, the settings last.

Only regular files are read and replaced; a symbolic link in the place of one could lead anywhere.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BufferedReader
from os import PathLike
from pathlib import Path
from typing import Final

from crowdflower._types import JSONObject, describe_type, is_path
from crowdflower.job_files.content import JobContent
from crowdflower.job_files.file_error import JobFileError
from crowdflower.job_files.question_file import (
    read_questions,
    read_rows,
    write_questions,
    write_row,
)
from crowdflower.job_files.setting_names import (
    QUESTIONS_FILE,
    ROWS_FILE,
    SETTINGS_FILE,
    TEXT_FILES,
)
from crowdflower.job_files.settings_file import read_settings, write_settings

BYTE_ORDER_MARK: Final = "\ufeff"

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
"""Do not wait for a writer if the file is a pipe."""


class JobFolder:
    """A folder with the files of a job.

    :param path: The folder; it need not exist yet.
    :raises JobFileError: The path cannot be that of a folder.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        if not is_path(path):
            raise JobFileError(f"a folder must be a string or a Path, not {describe_type(path)}")
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise JobFileError("it is a file, not a folder", self.path)

    def read(self) -> JobContent:
        """Return the job in the folder; a file that is missing is left out.

        :raises JobFileError: There is no ``job.toml``, or a file cannot be used.
        """
        if not self.path.is_dir():
            raise JobFileError("there is no such folder", self.path)
        content = self.read_partly()
        if self.read_file(SETTINGS_FILE) is None:
            raise JobFileError(
                f"it has no {SETTINGS_FILE}: it is not the folder of a job, or a pull into it was"
                " interrupted",
                self.path,
            )
        return content

    def read_partly(self) -> JobContent:
        """Return what the folder has of a job, which may be nothing.

        :raises JobFileError: A file cannot be used.
        """
        settings = self.read_file(SETTINGS_FILE)
        found = {} if settings is None else read_settings(settings, self.path / SETTINGS_FILE)
        for name, file in TEXT_FILES.items():
            text = self.read_file(file)
            if text is not None:
                found[name] = self._decode(text, file)
        questions = self.read_file(QUESTIONS_FILE)
        if questions is None:
            return JobContent(found)
        return JobContent(found, read_questions(questions, self.path / QUESTIONS_FILE))

    @property
    def has_rows(self) -> bool:
        """Whether the folder has a file of rows."""
        return (self.path / ROWS_FILE).exists()

    def rows(self) -> Iterator[JSONObject]:
        """Yield the rows in the folder, if it has any, one at a time.

        :raises JobFileError: The file cannot be used.
        """
        file = self._open(ROWS_FILE)
        if file is not None:
            with file:
                yield from read_rows(file, self.path / ROWS_FILE)

    def write(self, content: JobContent, rows: Iterable[JSONObject] | None = None) -> list[Path]:
        """Replace the files that differ, and return their paths.

        Each file is replaced as a whole or not at all, the settings last.

        :param rows: Also write these rows.
        :raises ImportError: The settings differ, and TOML Kit is not installed.
        :raises JobFileError: A file cannot be replaced.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        settings = write_settings(content.settings, self.read_file(SETTINGS_FILE))
        files = {
            file: self._encode(str(content.settings[name]), file)
            for name, file in TEXT_FILES.items()
            if name in content.settings
        }
        if content.test_questions is not None:
            files[QUESTIONS_FILE] = write_questions(content.test_questions)
        changed = []
        if rows is not None:
            self.replace(ROWS_FILE, map(write_row, rows))
            changed.append(self.path / ROWS_FILE)
        for file, data in {**files, SETTINGS_FILE: settings}.items():
            if self.read_file(file) != data:
                self.replace(file, [data])
                changed.append(self.path / file)
        return changed

    def replace(self, name: str, parts: Iterable[bytes]) -> None:
        """Write a file, which appears complete or not at all.

        :raises JobFileError: It cannot be written, or is not a regular file.
        """
        target, part = self.path / name, self.path / f".{name}.part"
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(target.lstat().st_mode):
                raise JobFileError("it is not a regular file, and is not replaced", target)
        try:
            with suppress(FileNotFoundError):
                part.unlink()
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            with os.fdopen(handle, "wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileNotFoundError):
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            os.replace(part, target)  # noqa: PTH105 - documented as atomic, Path.replace is not
        except OSError as error:
            raise JobFileError(f"it cannot be written: {error.strerror or error}", target) from None
        finally:
            with suppress(OSError):
                part.unlink()

    def digest(self, name: str) -> str:
        """Return the hash of a file; empty if it does not exist.

        :raises JobFileError: It cannot be read, or is not a regular file.
        """
        file = self._open(name)
        if file is None:
            return ""
        with file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read_file(self, name: str) -> bytes | None:
        """Return the content of a file; ``None`` if it does not exist.

        :raises JobFileError: It cannot be read, or is not a regular file.
        """
        file = self._open(name)
        if file is None:
            return None
        with file:
            return file.read()

    def _open(self, name: str) -> BufferedReader | None:
        path = self.path / name
        try:
            if path.is_symlink():
                raise JobFileError("it is a symbolic link; put the file itself there", path)
            handle = os.open(path, os.O_RDONLY | NO_LINK | NO_WAIT | getattr(os, "O_BINARY", 0))
            file = os.fdopen(handle, "rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JobFileError(f"it cannot be read: {error.strerror or error}", path) from None
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise JobFileError("it is not a regular file", path)
        return file

    def _decode(self, content: bytes, name: str) -> str:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
        raise JobFileError("it is not UTF-8; save it as UTF-8", self.path / name, line)

    def _encode(self, text: str, name: str) -> bytes:
        mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""  # one is dropped
        try:
            return f"{mark}{text}".encode()
        except UnicodeEncodeError as error:
            problem = f"character {error.start + 1} is half of a surrogate pair"
        raise JobFileError(f"it cannot be written as UTF-8: {problem}", self.path / name)
