"""Sends requests byte for byte as other people's programs send them."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from string import Template
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict

from crowdflower.sandbox.server.in_process import ORIGIN

if TYPE_CHECKING:
    from tests.scenarios.conftest import Box

TIMEOUT = 60


class Reply(NamedTuple):
    """A response."""

    status: int
    warning: str
    content: bytes

    def json(self) -> Any:
        """Return the body, which must have status 200."""
        assert self.status == 200, self.content
        return json.loads(self.content)


def send(box: Box, request: str, **values: object) -> Reply:
    """Send a request that is written as on the wire; neither path nor body is changed.

    :param request: Request line, headers, an empty line, and the body. ``$key`` and ``$host`` are
        replaced, ``Content-Length`` is added to a request with a body.
    :param values: Further names to replace.
    """
    host = urlsplit(box.url).netloc
    text = Template(dedent(request).strip("\n")).substitute(
        key=box.sandbox.key, host=host, **values
    )
    head, _, body = text.partition("\n\n")
    content = body.encode()
    lines = head.split("\n") + ([f"Content-Length: {len(content)}"] if content else [])
    if box.url == ORIGIN:
        return _send_in_process(box, lines, content)
    verb = lines[0].partition(" ")[0]
    address = urlsplit(box.url)
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT)) as link:
        link.connect()
        link.sock.sendall("\r\n".join([*lines, "", ""]).encode() + content)
        response = HTTPResponse(link.sock, method=verb)
        response.begin()
        warning = response.headers.get("X-Sandbox-Warning", "")
        return Reply(response.status, warning, response.read())


def _send_in_process(box: Box, lines: list[str], content: bytes) -> Reply:
    verb, target, _ = lines[0].split(" ")
    request = PreparedRequest()
    request.method, request.url, request.body = verb, ORIGIN + target, content
    request.headers = CaseInsensitiveDict(line.split(": ", 1) for line in lines[1:])
    response = box.session.get_adapter(ORIGIN).send(request, timeout=TIMEOUT)
    warning = response.headers.get("X-Sandbox-Warning", "")
    return Reply(response.status_code, warning, response.content)
