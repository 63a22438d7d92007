"""What a browser's request brings: the contributor's cookie, and the token of a form."""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from flask import current_app, request

from crowdflower.sandbox.errors import Forbidden
from crowdflower.sandbox.pages.contributor import visitors
from crowdflower.sandbox.pages.invitations.public_address import is_secure
from crowdflower.sandbox.pages.origins import refuse_other_sites
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.pages.contributor.visitors import Visitor
    from crowdflower.sandbox.store import Database, Transaction

DATABASE: Final = "database"
"""Key of the database in the extensions of the application."""

COOKIE: Final = "crowdflower_contributor"
COOKIE_PATH: Final = "/label"
COOKIE_LIFETIME: Final = 365 * 24 * 3600
"""Seconds for which the browser keeps the cookie: one year."""

FORM_TOKEN: Final = "form_token"  # noqa: S105 - the name of a field
"""Field of every form of a contributor that is not a page of rows."""


def database() -> Database:
    """Return the database of the application."""
    found: Database = current_app.extensions[DATABASE]
    return found


def find_visitor(tx: Transaction) -> Visitor | None:
    """Return the contributor whose cookie the request has, if there is one."""
    return visitors.find(tx, request.cookies.get(COOKIE))


def require_form_token(visitor: Visitor) -> None:
    """Check that a form was written by a page of this browser.

    :raises Forbidden: The form comes from elsewhere.
    """
    refuse_other_sites(request.headers, request.host)
    token = request.form.get(FORM_TOKEN, "")
    if not compare_digest(token.encode("utf-8", "replace"), visitor.form_token.encode()):
        text = gettext("This form is too old: someone else signed in. Go back and open it again.")
        raise Forbidden(text)


def set_cookie(response: Response, token: str) -> Response:
    """Let a browser be known as the contributor with this token."""
    response.set_cookie(
        COOKIE,
        token,
        COOKIE_LIFETIME,
        path=COOKIE_PATH,
        secure=is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


def delete_cookie(response: Response) -> Response:
    """Let a browser be unknown again."""
    response.delete_cookie(
        COOKIE, path=COOKIE_PATH, secure=is_secure(), httponly=True, samesite="Lax"
    )
    return response
