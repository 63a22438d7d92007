"""``crowdflower bonus``: pay a contributor a bonus."""

from __future__ import annotations

from typing import Final

import click

from crowdflower.cli.dry_run import describe_payment
from crowdflower.cli.money.confirmation import confirm, mention_pending
from crowdflower.cli.options import (
    Command,
    job_argument,
    payment_key_option,
    with_client,
    yes_option,
)
from crowdflower.cli.output import say
from crowdflower.cli.results.workers import worker_argument
from crowdflower.cli.values import DollarsType, format_dollars
from crowdflower.client import Client
from crowdflower.payments.pricing import bonus_cents
from crowdflower.worker import MOST_BONUS_CENTS

AMOUNT: Final = DollarsType(least=1, most=MOST_BONUS_CENTS)


@click.command(cls=Command)
@job_argument
@worker_argument
@click.argument("amount", metavar="DOLLARS", type=AMOUNT)
@click.option("--reason", metavar="TEXT", help="Message to the contributor.")
@payment_key_option
@yes_option
@click.option("--dry-run", "-n", is_flag=True, help="Print the request, and do not send it.")
@with_client
def bonus(
    client: Client,
    job_id: int | str,
    worker_id: int,
    amount: int,
    reason: str | None,
    key: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """Pay a contributor of a job a bonus, such as 0.50 dollars.

    The cost is shown first, and a terminal asks; without a terminal, --yes is needed. Running the
    command again pays again, unless --key is the same.
    """
    job = client.get_job(job_id)
    worker = job.get_worker(worker_id)
    cost = (
        f"a bonus of {format_dollars(amount)} to contributor {worker_id} of job {job.id};"
        f" with the fee, it costs at most {format_dollars(bonus_cents(amount))}"
    )
    if dry_run:
        lines = describe_payment(worker.bonus(amount, reason, key=key, dry_run=True))
        click.echo("\n".join(lines))
        say(f"Dry run: this was not sent: {cost}.")
        return
    balance = client.get_account().get("balance")
    say(f"{cost[0].upper()}{cost[1:]}. The balance is {format_dollars(balance)}.")
    confirm("Pay it?", yes=yes)
    with mention_pending():
        worker.bonus(amount, reason, key=key)
    say(f"Paid {format_dollars(amount)} to contributor {worker_id}.")
