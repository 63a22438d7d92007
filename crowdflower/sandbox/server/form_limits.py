"""How large a form that a browser posts may be, by the page that it is posted to.

A form is parsed before anything else is known of a request, and many small fields take much longer
than a large one: eight million empty ones six seconds. The API reads its own forms.
"""

from __future__ import annotations

from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Final

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from crowdflower.sandbox.api.request_parsing import MAX_BODY

if TYPE_CHECKING:
    from werkzeug.datastructures import FileStorage, MultiDict

CONTRIBUTORS: Final = "/label"
"""Begins the path of each page of contributors."""

MAX_ANSWERS: Final = 4 * 1024 * 1024
"""Bytes of a form of contributors: fifty rows, each with ten thousand letters of any script."""

MAX_SIGN_IN: Final = 64 * 1024
"""Bytes of the form that signs in to the desk, or out."""

MAX_FIELDS: Final = 20_000
"""Fields of a form: two hundred boxes that are ticked in each of a hundred rows."""

_URL_ENCODED: Final = "application/x-www-form-urlencoded"


def size_limit(path: str) -> int | None:
    """Return how many bytes a form may have; ``None`` if only those of its fields count.

    >>> size_limit("/label/700001"), size_limit("/desk/sign-in"), size_limit("/desk/new")
    (4194304, 65536, None)
    """
    if path.startswith(CONTRIBUTORS):
        return MAX_ANSWERS
    return MAX_SIGN_IN if path.startswith("/desk/sign-") else None


class LimitedParser(FormDataParser):
    """Parses a form, unless it is too large for its page."""

    size_limit: int | None = None

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        """Parse a form.

        :raises RequestEntityTooLarge: The form has too many bytes or fields.
        """
        if self.size_limit is not None and (content_length or 0) > self.size_limit:
            raise RequestEntityTooLarge
        if mimetype == _URL_ENCODED:
            most = self.size_limit or MAX_BODY
            body = stream.read(most + 1)
            if len(body) > most or body.count(b"&") >= MAX_FIELDS:
                raise RequestEntityTooLarge
            stream = BytesIO(body)
        return super().parse(stream, mimetype, content_length, options)


class LimitedRequest(Request):
    """A request whose form may be as large as its page needs."""

    form_data_parser_class = LimitedParser

    def make_form_data_parser(self) -> Any:
        """Return the parser of the form, with the limit of its page."""
        parser = super().make_form_data_parser()
        assert isinstance(parser, LimitedParser)  # noqa: S101 - the class above
        parser.size_limit = size_limit(self.path)
        return parser
