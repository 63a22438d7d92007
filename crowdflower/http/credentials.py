"""The key, and where it may go."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1, sha256
from hmac import compare_digest
from ipaddress import ip_address
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, urlsplit

from crowdflower.exceptions import ConfigError

if TYPE_CHECKING:
    from requests import PreparedRequest


class ApiKey:
    """An API key that shows itself to nobody: not in a repr, a traceback, a pickle.

    :raises ConfigError: It cannot be a key; the text does not repeat it.
    """

    __slots__ = ("__key", "__spellings")

    def __init__(self, key: str | None) -> None:
        if not isinstance(key, str) or not key:
            raise ConfigError(
                "no API key: give Client(key), or set CROWDFLOWER_API_KEY; it is shown in the"
                " account settings of the service, and `crowdflower serve` prints its own"
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError(
                "the API key holds a space, a line break or a character that no key has; was it"
                " copied whole, and nothing else with it?"
            )
        self.__key = key
        self.__spellings = (key, quote(key, safe=""), b64encode(key.encode()).decode())

    def authorize(self, request: PreparedRequest) -> None:
        """Put the key into the header of a request that is about to leave."""
        request.headers["Authorization"] = _Unshown(f"Token token={self.__key}")

    @staticmethod
    def conceal(request: PreparedRequest) -> None:
        """Mask the key in a request that has left; errors and answers hold on to it."""
        if "Authorization" in request.headers:
            request.headers["Authorization"] = "Token token=****"

    def mask(self, text: str) -> str:
        """Return a text with ``****`` for the key, plain, percent-encoded or in base 64."""
        for spelling in self.__spellings:
            text = text.replace(spelling, "****")
        return text

    def fingerprint(self, base_url: str) -> str:
        """Tell one account from another, without a way back to its key."""
        return sha256(f"{base_url}\n{self.__key}".encode()).hexdigest()

    def signs(self, text: bytes, signature: bytes) -> bool:
        """Tell whether this is how the service signs a text, in the same time for any signature.

        A signature is the SHA-1 of the text with the key after it, in 40 hexadecimal digits.
        """
        digest = sha1(text, usedforsecurity=False)  # the service chose it; some builds forbid it
        digest.update(self.__key.encode())
        return compare_digest(digest.hexdigest().encode(), signature)

    def __repr__(self) -> str:
        return "****"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled; build a new Client where you need one")


class _Unshown(str):
    """A header that may be sent and not be shown.

    Until it has left, it stands in the local variables of the libraries. The traceback of what ends
    a call from within, an interrupt or an error of the caller's own iterator, leads through those.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'****'"


class NoKey(ApiKey):
    """What stands in the place of a key where a service asks for none."""

    __slots__ = ()

    def __init__(self) -> None:
        """Hold nothing."""

    def authorize(self, request: PreparedRequest) -> None:
        """Let a request leave as it is."""

    def mask(self, text: str) -> str:
        """Return the text: there is nothing to hide in it."""
        return text

    def signs(self, text: bytes, signature: bytes) -> bool:  # noqa: ARG002
        """Believe no signature: there is nothing to sign with."""
        return False

    def fingerprint(self, base_url: str) -> str:
        """Tell one address from another: that is all there is."""
        return sha256(base_url.encode()).hexdigest()


def check_base_url(base_url: str, *, allow_insecure: bool) -> str:
    """Return the address of the API if the key may be sent there.

    :raises ConfigError: It is no address, or anybody on the way could read the key. The address is
        not shown: where two arguments were swapped, it is the key.
    """
    try:
        parts = urlsplit(base_url)
        scheme, host, _ = origin(base_url)
    except (ValueError, AttributeError):  # the latter where it is no text
        scheme, host = "", None
    if scheme not in {"http", "https"} or not host:
        raise ConfigError("the base URL is no address; it looks like https://api.appen.com/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError("the base URL holds a user, a query or a fragment; leave them off")
    if scheme == "http" and not (allow_insecure or _is_here(host)):
        raise ConfigError(
            f"plain http:// would show your API key to the network between you and {host};"
            f" use https://, or allow_insecure=True where that network is yours"
        )
    return base_url.rstrip("/")


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return what must be the same for two URLs to be of one server.

    >>> origin("https://api.appen.com/v1/jobs") == origin("https://api.appen.com/v1")
    True
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
