"""The requester's desk: pages on which the owner of the jobs makes, watches and exports them.

Behind a password or a one-time link of its own, never behind the API key. Each page is a function
that shows it, and one that carries out what is posted to it, by the same rules as the API's calls.
"""

from __future__ import annotations

from crowdflower.sandbox.desk.desk import Desk

__all__ = ["Desk"]
