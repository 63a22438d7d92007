"""Packages that only some users have: imported where they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def require(package: str, extra: str, method: str) -> Any:
    """Import a package.

    :param extra: The extra of ``crowdflower-client`` that installs it.
    :param method: What needs it, for the message.
    :raises ImportError: It is not installed; the message says how to install it.

    >>> require("no_such_package", "pandas", "to_pandas")
    Traceback (most recent call last):
      ...
    ImportError: to_pandas needs no_such_package, which is not installed: pip install \
'crowdflower-client[pandas]'
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:  # it is installed, but lacks something itself
            raise
    raise ImportError(
        f"{method} needs {package}, which is not installed: pip install"
        f" 'crowdflower-client[{extra}]'",
        name=package,
    )


def find(package: str) -> Any | None:
    """Import a package if it is installed.

    >>> find("no_such_package") is None
    True
    """
    try:
        return import_module(package)
    except ImportError:
        return None
