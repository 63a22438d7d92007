"""The requesters' accounts: their API keys and their balance."""

from __future__ import annotations

from hmac import compare_digest
from typing import Any, Final

from sqlalchemy import Row, select

from crowdflower.sandbox.rules import money
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.tables import account

KEY_BITS: Final = 160
"""Size of a generated API key."""

MAX_CENTS: Final = 10**12
"""Largest amount that can be credited at once: ten billion US dollars."""


def check_key(key: str) -> str:
    """Return an API key if a client can send it in a header, in a URL and from a shell.

    :raises ValueError: The key is empty or has other characters; the message does not repeat it.

    >>> check_key("two words")
    Traceback (most recent call last):
      ...
    ValueError: a key must be printable ASCII without spaces, at least one character
    """
    is_text = isinstance(key, str) and key != ""
    if not is_text or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("a key must be printable ASCII without spaces, at least one character")
    return key


def open_account(
    tx: Transaction, *, key: str, email: str = "owner@example.com", balance_cents: int = 0
) -> Row[Any]:
    """Open an account.

    :param key: Its API key; must be unique.
    :param balance_cents: Opening balance, in US cents.
    :returns: The account.

    >>> from crowdflower.sandbox.store import Database
    >>> database = Database()
    >>> with database.transaction() as tx:
    ...     balance_cents(tx, open_account(tx, key="k", balance_cents=500))
    500
    >>> database.close()
    """
    values = {"email": email, "api_key": key, "created_at": tx.clock.now()}
    number = tx.add(account, values)
    if balance_cents:
        amount = balance_cents * money.CENT
        money.post(tx, number, "credit", amount, note="opening balance")
    found: Row[Any] = tx.one(select(account).where(account.c.id == number))
    return found


def authenticate(tx: Transaction, key: str) -> Row[Any] | None:
    """Return the account with this API key, or ``None``."""
    if not key.isprintable():
        return None
    found: Row[Any] | None = tx.one(select(account).where(account.c.api_key == key))
    if found is None or not compare_digest(found.api_key.encode(), key.encode()):
        return None
    return found


def balance_cents(tx: Transaction, account: Row[Any]) -> int:
    """Return the balance of an account, in whole US cents, rounded down."""
    return money.balance(tx, account.id) // money.CENT


def credit(tx: Transaction, account: Row[Any], cents: int, note: str = "") -> None:
    """Add money to an account, or remove it with a negative amount.

    :param cents: The amount, in US cents.
    :param note: The reason, for the ledger.
    """
    kind = "credit" if cents >= 0 else "adjust"
    money.post(tx, account.id, kind, cents * money.CENT, note=note)


def check_cents(name: str, cents: float, *, minimum: int) -> None:
    """Raise if an amount is not an integer from the minimum to :data:`MAX_CENTS`.

    :param name: What the amount is called in the message.
    :raises ValueError: The amount is not an integer, or out of range.

    >>> check_cents("cents", 1.5, minimum=1)
    Traceback (most recent call last):
      ...
    ValueError: cents must be an integer from 1 to 1000000000000, not 1.5.
    """
    is_integer = isinstance(cents, int) and not isinstance(cents, bool)
    if not is_integer or not minimum <= cents <= MAX_CENTS:
        raise ValueError(f"{name} must be an integer from {minimum} to {MAX_CENTS}, not {cents!r}.")


def find_or_open(tx: Transaction, key: str | None, *, balance_cents: int) -> Row[Any]:
    """Return the account with a key, or open it if it does not exist.

    :param key: ``None`` for the first account of the database, or a new one with a generated key.
    :param balance_cents: Opening balance of a new account, in US cents.
    """
    locks.lock_name(tx, "the first account")
    found: Row[Any] | None
    if key is None:
        found = tx.one(account.select().order_by(account.c.id).limit(1))
    else:
        found = authenticate(tx, key)
    if found is None:
        key = tx.clock.token(KEY_BITS) if key is None else key
        found = open_account(tx, key=key, balance_cents=balance_cents)
    return found
