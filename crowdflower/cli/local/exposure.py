"""Who can reach a server: this machine, or others too, and what that needs to be told."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import click

from crowdflower.cli.values import ValueType
from crowdflower.sandbox.pages.invitations.public_address import check_origin, is_loopback

PASSWORD_VARIABLE: Final = "CROWDFLOWER_DESK_PASSWORD"  # noqa: S105 - a name
"""The password of the desk; without one, only the printed link signs in."""

_ARGUMENTS: Final = f"{__name__}.arguments"


class OriginOption(ValueType):
    """The address of a server: scheme, host and port."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address without a slash at its end."""
        try:
            return check_origin(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True)
class Exposure:
    """Who can reach a server."""

    host: str
    """What it listens on."""

    public_url: str | None
    """Address of the reverse proxy in front of it."""

    has_desk: bool

    @property
    def is_open(self) -> bool:
        """Whether others than this machine can reach the server."""
        return not is_loopback(self.host) or self.public_url is not None

    @property
    def host_names(self) -> tuple[str, ...]:
        """Further names in the ``Host`` header of requests that come through the proxy."""
        name = urlsplit(self.public_url or "").hostname
        return () if name is None else (name,)


def check_exposure(
    host: str,
    public_url: str | None,
    *,
    is_public: bool,
    desk: bool | None,
    insecure_desk: bool,
) -> Exposure:
    """Return who can reach a server, if that was asked for.

    :param is_public: Other machines may connect.
    :param desk: Whether the desk is served; ``None``: only if no other machine can reach it.
    :param insecure_desk: The desk may be served to other machines over plain HTTP.
    :raises click.UsageError: An option is missing; the message has the line to type.
    """
    is_local = is_loopback(host)
    if not is_local and not is_public:
        raise click.UsageError(
            f"--host {host} lets other machines connect. If you want that, type:\n\n"
            f"  {_line_with('--public')}"
        )
    is_plain = not is_local or (public_url or "").startswith("http:")
    has_desk = (is_local and public_url is None) if desk is None else desk
    if has_desk and is_plain and not insecure_desk:
        raise click.UsageError(
            "the desk would be open to other machines over plain HTTP, and so would its password."
            " Listen on this machine only, with a reverse proxy that has TLS in front of it"
            " (--url https://…). If everyone in the network may read along, type:\n\n"
            f"  {_line_with('--insecure-desk')}"
        )
    return Exposure(host, public_url, has_desk)


class ServeCommand(click.Command):
    """A command that keeps its arguments, to repeat them in a line to type."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments, and parse them."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)


def _line_with(option: str) -> str:
    """Return the command as it was typed, with one more option and without secrets."""
    arguments = list(click.get_current_context().meta.get(_ARGUMENTS, ()))
    kept: list[str] = []
    while arguments:
        each = arguments.pop(0)
        if each == "--key":
            del arguments[:1]
        elif not each.startswith("--key="):
            kept.append("postgresql://…" if "://" in each and "@" in each else each)
    return f"crowdflower serve {shlex.join([*kept, option])}"
