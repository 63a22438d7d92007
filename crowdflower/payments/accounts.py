"""Recognise the account of a client in a journal, also after its key was renewed."""

from __future__ import annotations

from urllib.parse import urlsplit

from crowdflower.exceptions import (
    InvalidInput,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    PermissionDenied,
)
from crowdflower.http.base_client import BaseClient
from crowdflower.http.credentials import origin
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Operation


class Account:
    """The account of a client, as a journal names it.

    A journal file outlives keys: an account is known by its id, which the service is asked for
    once. If the service shows no id, and for a journal in memory, the address and the key identify
    the account.

    :param client: A client of the account.
    :param journal: Where its payments are recorded.
    """

    def __init__(self, client: BaseClient, journal: Journal) -> None:
        self._client = client
        self.journal = journal
        self._name: str | None = None

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Hashes of address and key: of the address in normal form, and as it was given.

        Version 1.0.0 recorded the second.
        """
        key, url = self._client.transport.key, self._client.transport.base_url
        return key.fingerprint(_normalize(url)), key.fingerprint(url)

    def name(self) -> str:
        """Return the name of the account; the first time, the service may be asked for its id.

        :raises ApiError: The id cannot be read now.
        """
        if self._name is None:
            fingerprints = self.fingerprints
            if self.journal.path is None:
                self._name = fingerprints[0]
            elif (known := self.journal.find_account(fingerprints)) is not None:
                self._name = known
            elif (account_id := self._read_id()) is None:
                self._name = fingerprints[0]
            else:
                scheme, host, port = origin(self._client.transport.base_url)
                self._name = f"{scheme}://{host}:{port} account {account_id}"
                self.journal.add_account(fingerprints, self._name)
        return self._name

    def known_name(self) -> str:
        """Return the name under which the journal has the account so far; sends nothing."""
        if self._name is not None:
            return self._name
        fingerprints = self.fingerprints
        known = None if self.journal.path is None else self.journal.find_account(fingerprints)
        return known if known is not None else fingerprints[0]

    def owns(self, operation: Operation) -> bool:
        """Return whether a payment is one of this account."""
        return operation.account in self.fingerprints or operation.account == self.name()

    def check(self, operation: Operation) -> None:
        """Refuse a payment of another account.

        :raises InvalidInput: The payment is not of this account.
        """
        if not self.owns(operation):
            raise InvalidInput(
                f"operation {operation.op_id} is a payment of another account: use a client of that"
                f" account; this one is {self.name()}"
            )

    def _read_id(self) -> int | str | None:
        """Return the account's id; ``None`` if the service does not show it."""
        try:
            body = self._client.request("GET", "account.json").body
        except (PermissionDenied, NotFound, MethodNotAllowed, NotAcceptable):
            return None
        account_id = body.get("id") if isinstance(body, dict) else None
        is_id = isinstance(account_id, (int, str)) and not isinstance(account_id, bool)
        return account_id if is_id and account_id != "" else None


def _normalize(base_url: str) -> str:
    """Return an address in one spelling.

    >>> _normalize("HTTPS://API.appen.com./v1") == _normalize("https://api.appen.com:443/v1/")
    True
    """
    scheme, host, port = origin(base_url)
    return f"{scheme}://{host}:{port}{urlsplit(base_url).path.rstrip('/')}"
