"""A browser that is signed in to the desk, without a script."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

PASSWORD = "correct horse"


class Browser:
    """Reads pages of the desk, and posts to them with the token of their forms."""

    def __init__(self, box: Sandbox) -> None:
        self.http = box.app.test_client()

    def sign_in(self) -> TestResponse:
        return self.http.post("/desk/sign-in", data={"password": PASSWORD})

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.http.get(path, query_string=query or None)

    def text(self, path: str, **query: Any) -> str:
        """Return a page as text, without markup."""
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        return readable(response.text)

    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.get("/desk/").text)
        assert found is not None
        return found[1]

    def post(self, path: str, **fields: Any) -> TestResponse:
        """Post a form to a page; ``token=None`` leaves the token out."""
        fields.setdefault("token", self.token())
        given = {name: value for name, value in fields.items() if value is not None}
        return self.http.post(path, data=given)

    def said(self, response: TestResponse) -> str:
        """Follow the redirect after a POST, and return the page as text."""
        assert response.status_code == 303, response.text
        return self.text(response.headers["Location"])


def readable(page: str) -> str:
    """Return what a page says, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
