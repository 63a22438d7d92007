"""What a requester does about contributors: flag, unflag, reject, pay a bonus, send a message.

Each act is for everyone who was chosen, in the transaction of the request: if it is refused for one
of them, it is done for nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from crowdflower.sandbox.desk.fields.typed_numbers import find_whole, read_whole
from crowdflower.sandbox.desk.fields.typed_text import (
    MAX_MESSAGE_LENGTH,
    MAX_REASON_LENGTH,
    read_text,
)
from crowdflower.sandbox.desk.messages.message_words import refusal_in_words
from crowdflower.sandbox.desk.people.contributor_names import name_with_number
from crowdflower.sandbox.desk.people.people_list import read_names
from crowdflower.sandbox.errors import Invalid, Refusal, Unfunded
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules import money
from crowdflower.sandbox.rules.jobs import caps, jobs
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.store.tables import account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Row
    from werkzeug.datastructures import MultiDict

    from crowdflower.sandbox.store import Transaction

MAX_CHOSEN: Final = 200
"""Contributors in one act."""


def carry_out(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    """Do what a form asks for, for everyone who is chosen in it.

    :param form: ``do`` is ``message``, ``bonus``, ``flag``, ``unflag`` or ``reject``; ``who`` has
        the numbers of the contributors.
    :returns: What was done, in a sentence.
    :raises Invalid: Nobody was chosen, or the act is not possible for one of them; nothing is done.
    """
    act = _ACTS.get(form.get("do", ""))
    if act is None:
        raise Invalid(gettext("Press the button of what is to be done."))
    return act(tx, _Chosen(tx, job, form), form)


class _Chosen:
    """The contributors that were chosen."""

    def __init__(self, tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> None:
        self.job = job
        # The same contributor twice is one contributor, who gets one bonus.
        self.numbers = [*dict.fromkeys(_read_number(each) for each in form.getlist("who"))]
        if not self.numbers:
            raise Invalid(gettext("Choose one or more contributors first."))
        if len(self.numbers) > MAX_CHOSEN:
            problem = gettext("Choose at most %(limit)d contributors at a time.")
            raise Invalid(problem % {"limit": MAX_CHOSEN})
        self._names = read_names(tx, job, self.numbers)
        for number in self.numbers:
            if number not in self._names:
                problem = gettext("Contributor %(number)d has not worked on this job.")
                raise Invalid(problem % {"number": number})

    def name(self, number: int) -> str:
        """Return a contributor's name and number."""
        return name_with_number(self._names[number], number)

    def each(self, do: Callable[[int], object]) -> Iterator[tuple[int, Any]]:
        """Do something for each contributor, and yield their number and what it returned.

        :raises Invalid: It was refused for one of them, who is named.
        """
        for number in self.numbers:
            try:
                yield number, do(number)
            except Refusal as refusal:
                problem = gettext("%(name)s: %(problem)s Nothing was done for anyone.")
                values = {"name": self.name(number), "problem": refusal_in_words(refusal)}
                raise Invalid(problem % values) from None


def _message(tx: Transaction, chosen: _Chosen, form: MultiDict[str, str]) -> str:
    text = read_text(form, "message", gettext("The message"), MAX_MESSAGE_LENGTH)
    if text is None:
        raise Invalid(gettext("Write the message first."))
    sent = [*chosen.each(lambda number: workers.notify(tx, chosen.job, number, text))]
    done = ngettext(
        "The message was sent to %(num)d contributor.",
        "The message was sent to %(num)d contributors.",
        len(sent),
    )
    return done % {"num": len(sent)}


def _bonus(tx: Transaction, chosen: _Chosen, form: MultiDict[str, str]) -> str:
    job = chosen.job
    amount = read_whole(
        form.get("cents", ""), gettext("Cents for each of them"), 1, tx.limits.bonus_cents
    )
    reason = read_text(form, "bonus_reason", gettext("The reason"), MAX_REASON_LENGTH)
    for worker in workers.list_all(tx, job):
        if worker.worker_id in chosen.numbers and not worker.judgments_count:
            problem = gettext(
                "%(name)s has no judgment in this job, and so cannot get a bonus. Nobody was paid."
            )
            raise Invalid(problem % {"name": chosen.name(worker.worker_id)})
    price = len(chosen.numbers) * money.with_fee(amount * money.CENT, fee_percent(tx, job))
    current = jobs.load_for_update(tx, job)
    _require_money(tx, current, price)
    paid = [*chosen.each(lambda number: workers.bonus(tx, job, number, amount, reason))]
    done = ngettext(
        "%(num)d contributor got a bonus of %(amount)s. With the fee it cost %(price)s.",
        "%(num)d contributors got a bonus of %(amount)s each. With the fee it cost %(price)s.",
        len(paid),
    )
    amounts = {"amount": dollars(amount * money.CENT), "price": dollars(price)}
    said = done % {"num": len(paid), **amounts}
    if jobs.reload(tx, job).state != current.state:
        paused = gettext("The job is paused: its cap leaves no room for another page.")
        said = f"{said} {paused}"
    return said


def _require_money(tx: Transaction, job: Row[Any], price: int) -> None:
    """Check that bonuses can be paid, all of them together.

    :raises Invalid: The cap of the job or the balance of the account does not cover them.
    """
    left = caps.left_for_bonuses(tx, job)
    if left is not None and price > left:
        problem = gettext(
            "With the fee this costs %(price)s, and the cap of the job leaves %(left)s for bonuses."
            " Nobody was paid. Raise the cap on the overview, or remove it."
        )
        raise Invalid(problem % {"price": dollars(price), "left": dollars(left)})
    try:
        money.require_funds(tx, job.account_id, price)
    except Unfunded:
        problem = gettext(
            "With the fee this costs %(price)s, and the balance is %(balance)s. Nobody was paid."
        )
        balance = dollars(money.balance(tx, job.account_id))
        raise Invalid(problem % {"price": dollars(price), "balance": balance}) from None


def _flag(tx: Transaction, chosen: _Chosen, form: MultiDict[str, str]) -> str:
    reason = read_text(form, "flag_reason", gettext("The reason"), MAX_REASON_LENGTH)
    everywhere = form.get("persist") == "yes"
    done = chosen.each(
        lambda number: workers.flag(tx, chosen.job, number, reason, persist=everywhere)
    )
    count = sum(changed for _, changed in done)
    said = ngettext(
        "%(num)d contributor was flagged and gets no more pages.",
        "%(num)d contributors were flagged and get no more pages.",
        count,
    )
    return _with_unchanged(said % {"num": count}, chosen, count)


def _unflag(tx: Transaction, chosen: _Chosen, form: MultiDict[str, str]) -> str:
    del form
    done = chosen.each(lambda number: workers.unflag(tx, chosen.job, number))
    count = sum(changed for _, changed in done)
    said = ngettext(
        "%(num)d contributor is no longer flagged.",
        "%(num)d contributors are no longer flagged.",
        count,
    )
    return _with_unchanged(said % {"num": count}, chosen, count)


def _reject(tx: Transaction, chosen: _Chosen, form: MultiDict[str, str]) -> str:
    del form
    before = {each.worker_id: each.judgments_count for each in workers.list_all(tx, chosen.job)}
    done = chosen.each(lambda number: workers.reject(tx, chosen.job, number))
    rejected = [number for number, changed in done if changed]
    judgments = sum(before[number] for number in rejected)
    said = ngettext("%(num)d judgment was removed.", "%(num)d judgments were removed.", judgments)
    return _with_unchanged(said % {"num": judgments}, chosen, len(rejected))


_ACTS: Final = {
    "message": _message,
    "bonus": _bonus,
    "flag": _flag,
    "unflag": _unflag,
    "reject": _reject,
}


def fee_percent(tx: Transaction, job: Row[Any]) -> int:
    """Return the fee on top of a bonus, in percent."""
    return int(tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id))[0])


def _with_unchanged(said: str, chosen: _Chosen, changed: int) -> str:
    """Add to what was done that it made no difference for some."""
    rest = len(chosen.numbers) - changed
    if not rest:
        return said
    unchanged = ngettext(
        "For %(num)d contributor nothing changed: it was done before.",
        "For %(num)d contributors nothing changed: it was done before.",
        rest,
    )
    return f"{said} {unchanged % {'num': rest}}"


def _read_number(text: str) -> int:
    number = find_whole(text)
    if number is None:
        raise Invalid(gettext("Choose contributors by the boxes of the table."))
    return number
