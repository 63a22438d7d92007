"""One request to the desk, as its pages see it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from flask import Response, request

from crowdflower.sandbox.desk.desk_rendering import render_desk
from crowdflower.sandbox.desk.job_head import read_head
from crowdflower.sandbox.pages.work_page import redirect
from crowdflower.sandbox.rules import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Row
    from werkzeug.datastructures import FileStorage, MultiDict

    from crowdflower.sandbox.desk.access import Session
    from crowdflower.sandbox.desk.desk import Desk
    from crowdflower.sandbox.store import Transaction

UNPROCESSABLE = 422


class DeskPage(NamedTuple):
    """A page of the desk: its path, how it is shown, and what is posted to it."""

    path: str
    """``<int:number>`` in it is the id of a job."""
    show: Callable[[DeskRequest], Response]
    """Handles GET, in a transaction that reads."""
    receive: Callable[[DeskRequest], Response] | None = None
    """Handles POST, in a transaction that writes; what it refuses is shown on the same page."""
    owns_transactions: bool = False
    """Whether ``receive`` opens its own transactions, since it takes long."""


@dataclass
class DeskRequest:
    """A request of a person who is signed in."""

    desk: Desk
    session: Session
    tx: Transaction
    account: Row[Any]
    job: Row[Any] | None = None
    """The job whose page it is."""
    ids: Mapping[str, int] = field(default_factory=dict)
    """Other numbers in the path."""
    refused: str | None = None
    """Why what was posted was not done: the page is shown again, with what was typed."""

    @property
    def require_job(self) -> Row[Any]:
        """The job of a page that has one."""
        assert self.job is not None  # noqa: S101 - by its path
        return self.job

    @property
    def args(self) -> MultiDict[str, str]:
        """The query of the address."""
        return request.args

    @property
    def form(self) -> MultiDict[str, str]:
        """What was posted; empty for GET."""
        return request.form

    @property
    def files(self) -> MultiDict[str, FileStorage]:
        """The files that were posted."""
        return request.files

    @property
    def address(self) -> Callable[..., str]:
        """The address of this page with other parameters: ``address(page=2)`` keeps the rest."""
        return self._address

    def _address(self, **changes: object) -> str:
        kept = {**self.args.to_dict(), **{name: str(value) for name, value in changes.items()}}
        query = urlencode({name: value for name, value in kept.items() if value})
        return f"{request.path}?{query}" if query else request.path

    def once(self) -> str:
        """Return a key for a hidden field ``once``: a form with it is carried out once."""
        return secrets.token_urlsafe()

    def page(self, template: str, *, heading: str, **values: Any) -> Response:
        """Return a page of the desk; with status 422 if what was posted was refused.

        :param heading: What it shows, for its title.
        """
        notices, self.session.notices[:] = tuple(self.session.notices), ()
        return render_desk(
            template,
            UNPROCESSABLE if self.refused else 200,
            heading=heading,
            hidden_token=self.session.token,
            notices=notices,
            refused=self.refused,
            balance_cents=accounts.balance_cents(self.tx, self.account),
            once=self.once,
            **{"job": None, "head": None, "tab": None, **values},
        )

    def job_page(self, template: str, tab: str, **values: Any) -> Response:
        """Return a page of a job, below its head and its tabs.

        :param tab: ``overview``, ``rows``, ``people``, ``tests``, ``form``, ``settings`` or
            ``reports``.
        """
        head = read_head(self.tx, self.require_job)
        heading = values.pop("heading", head.title)
        return self.page(
            template, heading=heading, job=self.require_job, head=head, tab=tab, **values
        )

    def redirect(self, url: str, said: str = "") -> Response:
        """Lead to another page, which says once what was done."""
        if said:
            self.session.notices.append(said)
        return redirect(url)
