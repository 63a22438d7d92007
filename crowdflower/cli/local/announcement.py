"""What ``crowdflower serve`` prints: where it is, how to use it, and whom to send which link."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Final

import click

from crowdflower._types import one_line
from crowdflower.cli.local.exposure import PASSWORD_VARIABLE
from crowdflower.cli.local.server_address import export_lines, local_host, outer_host, url
from crowdflower.sandbox.pages.invitations.open_jobs import read_invitations
from crowdflower.sandbox.pages.invitations.public_address import is_loopback
from crowdflower.sandbox.pages.invitations.qr_code import qr_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.cli.local.exposure import Exposure
    from crowdflower.sandbox import Sandbox
    from crowdflower.sandbox.ampcrowd import AccessPolicy
    from crowdflower.sandbox.server.sockets import Server

MAX_JOBS: Final = 5
"""Jobs whose links are printed: the latest ones."""


def announce(
    server: Server,
    box: Sandbox,
    database: Path | str | None,
    policy: AccessPolicy | None,
    exposure: Exposure,
    *,
    qr: bool | None,
) -> None:
    """Print where the server is, how to use it, and the links of its jobs.

    :param qr: Print QR codes, too; ``None``: if the output is a terminal.
    """
    host = local_host(server.host, server.address)
    origin = url(host, server.port)
    storage = (
        "in memory, lost at the end; use --database FILE to keep it"
        if database is None
        else one_line(f"stored in {database if isinstance(database, Path) else box.database.name}")
    )
    lines = [
        f"Address   {origin}/v1",
        f"API key   {box.key}",
        f"Data      {storage}",
        f"Work      {origin}/label/JOB?secret=SECRET   (id and secret of a job)",
        *_desk_lines(box, origin, exposure),
    ]
    if policy is not None:
        lines.append(f"AMPCrowd  {origin}")
        if policy.token is not None:
            lines.append(f"Token     {policy.token}   (of AMPCrowd's API: ?token=…)")
    if box.control_token is not None:
        lines.append(f"Control   {origin}/_sandbox/   Authorization: Bearer {box.control_token}")
    lines += [
        "",
        "Configure a client, which then needs no arguments:",
        "",
        indent(export_lines(host, server.port, box.key), "  "),
        *_lines_for_other_machines(server, box, exposure),
        *_job_lines(box, _invited_to(server, exposure), with_codes=_prints_codes(qr)),
        "",
        "Ctrl-C ends it.",
    ]
    click.echo("\n".join(lines))


def _desk_lines(box: Sandbox, origin: str, exposure: Exposure) -> Iterator[str]:
    if not exposure.has_desk:
        return
    address = exposure.public_url or origin
    yield f"Desk      {address}{box.desk_path()}   (works once, within 24 hours)"
    if os.environ.get(PASSWORD_VARIABLE):  # which others can keep from signing in for a while
        yield f"          {address}/desk/   (password: {PASSWORD_VARIABLE})"


def _lines_for_other_machines(server: Server, box: Sandbox, exposure: Exposure) -> Iterator[str]:
    """Yield what is needed where the server can be reached from other machines."""
    host = outer_host(server.address)
    if host is not None:
        yield f"\nOn another machine:\n\n{indent(export_lines(host, server.port, box.key), '  ')}"
    if exposure.public_url is None and not is_loopback(exposure.host):
        yield (
            "\nThis is plain HTTP: others in the network can read along. For TLS, listen on this"
            " machine\nonly, and put a reverse proxy in front, such as Caddy:\n\n"
            f"  crowdflower serve --port {server.port} --url https://label.example.org\n"
            f"  caddy reverse-proxy --from label.example.org --to 127.0.0.1:{server.port}"
        )


def _invited_to(server: Server, exposure: Exposure) -> str:
    """Return the address that people open: that of the proxy, or of this machine for others."""
    host = outer_host(server.address) or local_host(server.host, server.address)
    return exposure.public_url or url(host, server.port)


def _job_lines(box: Sandbox, origin: str, *, with_codes: bool) -> Iterator[str]:
    with box.database.snapshot() as tx:
        invitations = read_invitations(tx, MAX_JOBS)
    if invitations:
        yield "\nPages for contributors; anyone who has the link may answer:"
    for each in invitations:
        yield one_line(f"\n  Job {each.job_id}, {each.title}".replace("\n", ""))
        yield f"  {origin}{each.path}"
        if with_codes:
            yield indent(qr_text(f"{origin}{each.path}"), "  ")


def _prints_codes(qr: bool | None) -> bool:
    """Return whether to print QR codes: block characters need an encoding that has them."""
    try:
        "█▀▄".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return sys.stdout.isatty() if qr is None else qr
