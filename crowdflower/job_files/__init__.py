"""A job as a folder of files that people read, edit and keep in version control. Pure.

The client writes and reads such folders (``crowdflower pull`` and ``push``), and the sandbox starts
with them (``crowdflower serve --load``).
"""

from __future__ import annotations

from crowdflower.job_files.content import JobContent, TestQuestion
from crowdflower.job_files.file_error import JobFileError
from crowdflower.job_files.folder import JobFolder

__all__ = ["JobContent", "JobFileError", "JobFolder", "TestQuestion"]
