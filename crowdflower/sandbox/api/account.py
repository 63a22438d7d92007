"""The account that a key belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.clock import iso
from crowdflower.sandbox.rules import accounts

if TYPE_CHECKING:
    from crowdflower.sandbox.api.request_context import RequestContext, Result


def show(context: RequestContext) -> Result:
    """Return the account, with its balance in US cents."""
    row = context.account
    return {
        "id": row.id,
        "email": row.email,
        "auth_code": None,
        "first_name": "Sandbox",
        "last_name": "Owner",
        "auth_key": None,
        "akon_id": _external_id(row.id, 1),
        "status": "active",
        "created_at": iso(row.created_at),
        "job_template_id": None,
        "balance": accounts.balance_cents(context.tx, row),
        "api_team_id": _external_id(row.id, 2),
    }


def _external_id(account: int, number: int) -> str:
    """Return an id of the form that other systems give the account."""
    return f"{account:08x}-0000-4000-8000-{number:012x}"
