"""The form of a job with a row, as a page for notebooks and browsers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path

from crowdflower.exceptions import warn


@dataclass(frozen=True, repr=False)
class Preview:
    """The form of a job with one row, as contributors see it.

    A notebook displays it. At a prompt, call :meth:`open`.
    """

    html: str
    """The page: it needs no other file, and runs no scripts. Images of the row are loaded from
    where they are."""

    name: str
    """What it shows, such as ``job 7, unit 5``."""

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the page to a file.

        :param overwrite: Replace an existing file.
        :returns: The path.
        :raises FileExistsError: The file exists.

        >>> job.preview().save("form.html").name
        'form.html'
        """
        target = Path(path)
        with target.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(self.html)
        return target

    def open(self) -> Path:
        """Show the page in a browser, from a temporary file that only you may read.

        The file is not deleted, since the browser may read it later. If no browser can be started,
        a warning says so.

        :returns: The path of the file.
        """
        import tempfile  # noqa: PLC0415 - rarely used
        import webbrowser  # noqa: PLC0415

        number, path = tempfile.mkstemp(prefix="crowdflower-preview-", suffix=".html")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(self.html)
        target = Path(path)
        if not webbrowser.open(target.as_uri()):
            warn(f"no browser could be started; the preview is in {target}")
        return target

    def __repr__(self) -> str:
        return f"<Preview of {self.name}: open() shows it in a browser>"

    def _repr_html_(self) -> str:
        """Return a frame in which nothing can run, or reach the notebook around it."""
        return (
            f'<iframe sandbox srcdoc="{escape(self.html)}" title="{escape(repr(self)[1:-1])}"'
            ' referrerpolicy="no-referrer" width="100%" height="480"'
            ' style="border: 1px solid; resize: vertical"></iframe>'
        )
