"""The error of a folder that cannot be read as a job."""

from __future__ import annotations

from crowdflower._types import one_line


class JobFileError(ValueError):
    """A file of a job's folder cannot be used as it is.

    :param problem: What is wrong and what to do.
    :param path: The file.
    :param line: Line in the file, from 1; ``None`` if it is not known.

    >>> print(JobFileError("titel is not a setting", "reviews/job.toml", 3))
    reviews/job.toml, line 3: titel is not a setting
    """

    def __init__(self, problem: str, path: object = None, line: int | None = None) -> None:
        where = "" if path is None else f"{path}{f', line {line}' if line else ''}: "
        super().__init__(one_line(f"{where}{problem}"))
