"""The API key: header, masking, signatures, and the addresses it may be sent to."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from hashlib import sha1, sha256
from hmac import compare_digest
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote, urlsplit

from crowdflower._types import JSON, SecretText, masked
from crowdflower.exceptions import ConfigError

if TYPE_CHECKING:
    from requests import PreparedRequest


class ApiKey:
    """An API key that never appears in a repr, a traceback or a pickle.

    :raises ConfigError: The key is missing, or has invalid characters; the message does not show
        it.
    """

    __slots__ = ("__key", "__variants")

    def __init__(self, key: str | None) -> None:
        key = masked(key)
        if not key:
            raise ConfigError(
                "no API key; pass Client(key) or set CROWDFLOWER_API_KEY: the account settings of"
                " the service show it, and `crowdflower serve` prints its own"
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError(
                "the API key contains a space, a line break or another character that no key has;"
                " copy it again"
            )
        self.__key = key
        self.__variants = (key, quote(key, safe=""), b64encode(key.encode()).decode())

    def authorize(self, request: PreparedRequest) -> None:
        """Add the key to the headers of a request."""
        request.headers["Authorization"] = SecretText(f"Token token={self.__key}")

    @staticmethod
    def mask_header(request: PreparedRequest) -> None:
        """Mask the key in a request that was sent: errors and responses keep a reference to it."""
        if "Authorization" in request.headers:
            request.headers["Authorization"] = "Token token=****"

    def mask(self, text: str) -> str:
        """Return a string with the key (plain, percent-encoded or in base64) as ``****``."""
        for variant in self.__variants:
            text = text.replace(variant, "****")
        return text

    def mask_json(self, value: JSON) -> JSON:
        """Return a copy of decoded JSON with the key masked in every string.

        >>> ApiKey("s3cret").mask_json({"id": 7, "urls": ["https://example.com/?key=s3cret"]})
        {'id': 7, 'urls': ['https://example.com/?key=****']}
        """
        if isinstance(value, dict):
            return {self.mask(name): self.mask_json(each) for name, each in value.items()}
        if isinstance(value, list):
            return [*map(self.mask_json, value)]
        return self.mask(value) if isinstance(value, str) else value

    def fingerprint(self, base_url: str) -> str:
        """Return a hash of address and key, which does not reveal the key."""
        return sha256(f"{base_url}\n{self.__key}".encode()).hexdigest()

    def verify_signature(self, payload: bytes, signature: bytes) -> bool:
        """Return whether the service signed a payload with this key; takes constant time.

        A signature is the SHA-1 of the payload followed by the key, in 40 hexadecimal digits.
        """
        digest = sha1(payload, usedforsecurity=False)  # the service's choice; FIPS builds forbid it
        digest.update(self.__key.encode())
        return compare_digest(digest.hexdigest().encode(), signature)

    def __repr__(self) -> str:
        return "****"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key cannot be pickled; create a new Client where you need one")


class NoKey(ApiKey):
    """Stands in for a key where a service needs none."""

    __slots__ = ()

    def __init__(self) -> None:
        """Store nothing."""

    def authorize(self, request: PreparedRequest) -> None:
        """Leave a request unchanged."""

    def mask(self, text: str) -> str:
        """Return the string unchanged: there is nothing to mask."""
        return text

    def verify_signature(self, payload: bytes, signature: bytes) -> bool:  # noqa: ARG002
        """Reject every signature: there is no key to verify it with."""
        return False

    def fingerprint(self, base_url: str) -> str:
        """Return a hash of the address."""
        return sha256(base_url.encode()).hexdigest()


def mask_key(key: object) -> Any:
    """Return a key as an ``ApiKey`` or a masked string: error reporters show local variables."""
    return key if isinstance(key, ApiKey) else masked(key)


def check_base_url(base_url: str, *, allow_insecure: bool) -> str:
    """Return the base URL of the API, without a trailing slash, if it is safe to send the key to.

    :raises ConfigError: The URL is invalid, or the network could read the key. The message does not
        show the URL: if the caller swapped two arguments, it is the key.
    """
    base_url = masked(base_url)
    problem = _problem_of(base_url, allow_insecure=allow_insecure)
    if problem is not None:
        raise ConfigError(problem)
    return base_url.rstrip("/")


def _problem_of(base_url: str, *, allow_insecure: bool) -> str | None:
    """Return why a URL cannot be used; no variable of the frame that raises holds its parts."""
    try:
        parts = urlsplit(base_url)
        scheme, host, _ = origin(base_url)
    except ValueError:
        scheme, host = "", None
    if scheme not in {"http", "https"} or not host:
        return "the base URL is not valid; expected one such as https://api.appen.com/v1"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "the base URL has a user, a query or a fragment; remove it"
    if scheme == "http" and not (allow_insecure or _is_loopback(host)):
        return (
            f"plain http:// would send your API key to {host} unencrypted; use https://, or in a"
            " network that you trust allow_insecure=True (CROWDFLOWER_ALLOW_INSECURE=1)"
        )
    return None


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port: two URLs with the same origin are on one server.

    >>> origin("https://api.appen.com/v1/jobs") == origin("HTTPS://API.appen.com:443/v1")
    True
    """
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, _normalize_host(parts.hostname), port


def _normalize_host(host: str | None) -> str | None:
    """Return a host in one spelling: ASCII, no trailing dot, a short IPv6 address."""
    if not host:
        return None
    with suppress(ValueError):
        return ip_address(host).compressed
    with suppress(UnicodeError):
        host = host.removesuffix(".").encode("idna").decode("ascii")
    return host


_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
