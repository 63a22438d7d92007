"""A folder with pictures, sounds and films: which of its files are served, and as what."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

TYPES: Final = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "ogv": "video/ogg",
    "vtt": "text/vtt; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "pdf": "application/pdf",
}
"""End of a name to type of content. No other file is served."""

DOWNLOADED: Final = frozenset({"svg", "pdf"})
"""These may contain scripts, so that a browser saves them instead of opening them.

A picture in SVG is shown on a page all the same: there it runs no scripts.
"""

MAX_NAME_LENGTH: Final = 1000

_DEVICES: Final = frozenset(
    [
        "aux",
        "con",
        "nul",
        "prn",
        *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789"),
    ]
)
"""Names that are devices on Windows, whatever their ending."""

# A pipe would block, and a link that was put in the place of the file would lead elsewhere.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


@dataclass(frozen=True)
class MediaFile:
    """An open file of the folder."""

    content: IO[bytes]
    content_type: str
    size: int
    """In bytes."""

    modified_at: float
    """Seconds since 1970 UTC."""

    etag: str
    """Changes with the content."""

    is_download: bool
    """Whether a browser saves it instead of opening it."""


class MediaFolder:
    """A folder whose files contributors may load.

    :param path: The folder. Links in it are followed as long as they stay in it.
    :raises ValueError: It is not a folder, or cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            self._root = Path(path).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise ValueError(f"{path} does not exist") from None
        if not self._root.is_dir():
            raise ValueError(f"{path} is not a folder")
        if not os.access(self._root, os.R_OK | os.X_OK):
            raise ValueError(f"{path} cannot be read")

    def open_file(self, name: str) -> MediaFile | None:
        """Open a file; ``None`` if none with this name is served.

        :param name: Its path in the folder, with ``/`` between the parts.
        """
        path = self._find(name)
        if path is None:
            return None
        try:
            descriptor = os.open(path, _FLAGS)
        except (OSError, ValueError):
            return None
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            return None
        suffix = _suffix(name)
        return MediaFile(
            content=os.fdopen(descriptor, "rb"),
            content_type=TYPES[suffix],
            size=found.st_size,
            modified_at=found.st_mtime,
            etag=f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}",
            is_download=suffix in DOWNLOADED,
        )

    def _find(self, name: str) -> Path | None:
        if not is_served(name):
            return None
        try:
            path = (self._root / name).resolve(strict=True)
            inside = path.relative_to(self._root)
        except (OSError, RuntimeError, ValueError):  # missing, a loop of links, or outside
            return None
        # A link may lead to a file with another name.
        return path if is_served(inside.as_posix()) else None


def is_served(name: str) -> bool:
    """Return whether a name may be that of a file that is served.

    >>> is_served("cats/7.jpg"), is_served("../7.jpg"), is_served(".git/7.jpg"), is_served("7.html")
    (True, False, False, False)
    """
    return (
        len(name) <= MAX_NAME_LENGTH
        and name.isprintable()
        and "\\" not in name
        and ":" not in name
        and _suffix(name) in TYPES
        and all(map(_is_plain, name.split("/")))
    )


def _is_plain(part: str) -> bool:
    """Return whether a part of a path names a file or folder that is not hidden."""
    return (
        bool(part)
        and part[0] != "."
        and part.strip(" ") == part
        and part[-1] != "."
        and part.partition(".")[0].lower() not in _DEVICES
    )


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix[1:].lower()
