"""The link of a job's page for contributors, to send to people and to scan with a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crowdflower.sandbox.pages.invitations.public_address import is_loopback, public_origin
from crowdflower.sandbox.pages.invitations.qr_code import qr_picture
from crowdflower.sandbox.pages.routes import work_path
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.desk.desk_request import DeskRequest


def show(request: DeskRequest) -> Response:
    """Show the link, also as a QR code."""
    origin = public_origin()
    address = f"{origin}{work_path(request.tx, request.require_job.id)}"
    return request.job_page(
        "job_link.html",
        "overview",
        address=address,
        picture=qr_picture(address, gettext("QR code of the link")),
        is_local=is_loopback(urlsplit(origin).hostname or ""),
    )
