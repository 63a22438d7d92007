"""One account of the service: its paths, its verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.account_jobs import AccountJobs
from crowdflower.account_reports import AccountReports
from crowdflower.account_units import AccountUnits
from crowdflower.exceptions import ApiError
from crowdflower.models.paths import PathFactory

if TYPE_CHECKING:
    from crowdflower.webhook import Webhook

__all__ = ["ApiError", "Client", "PathFactory"]


class Client(AccountJobs, AccountUnits, AccountReports):
    """One account.

    :param key: The API key; ``CROWDFLOWER_API_KEY`` by default.
    :param base_url: Where the service is, version included; ``CROWDFLOWER_API_URL`` by default, and
        ``https://api.appen.com/v1`` without that.
    :param timeout: Seconds to wait for a connection and for each piece of an answer: a pair, or one
        number for both; by default 5 and 30, or 120 where the service is known to take its time.
    :param deadline: Seconds that a call may take, repeated attempts included; by default 90 for
        reading, 180 for changing, 600 for an upload.
    :param retries: How often a call that failed may be repeated at most, where that is safe.
    :param lookahead: Pages of a list that are fetched while one is consumed; 1 fetches one after
        the other.
    :param session: A :class:`requests.Session` to send through, with its proxies and certificates;
        it stays yours to close.
    :param allow_insecure: Send the key over plain HTTP to another machine.
    :param journal: The file in which payments are written down before they are sent, so that none
        is made twice; ``CROWDFLOWER_JOURNAL`` by default, and without that it is in memory, and
        ends with this client.
    :param max_spend_cents: What this client may spend in all, in US cents, estimates included.
    :param max_requests_per_second: Requests wait for their turn, so that no more leave than this,
        after a rest two seconds' worth at once; each 429 halves it for a while. By default they
        leave as fast as they can: what the service allows is not published.
    :param clock: Tells the time and waits, as :mod:`time` does; a test may bring one that does not
        wait.
    :raises ConfigError: The key, the address or a limit cannot be used.

    A client may be shared between threads, and is its own context manager:

    >>> with Client("a-key", base_url="http://localhost:8000/v1") as client:
    ...     client
    <Client http://localhost:8000/v1>
    """

    def webhook(self, *keys: str) -> Webhook:
        """Return what checks and reads the notifications that a job's ``webhook_uri`` is sent.

        :param keys: What the service signs them with, where that is not the API key of this client:
            on today's service, the webhook token of the account settings.
        :raises ConfigError: Something of this cannot be a key.

        >>> webhook = client.webhook()
        >>> box.receive_webhooks(lambda notification: print(webhook.receive(notification.body)))
        >>> job.webhook_uri = "https://example.com/crowd"
        >>> job.update()
        >>> job.fire_test_question_webhooks()
        >>> [attempt.problem for attempt in box.deliver_webhooks()]
        UnitEvent(signal='unit_complete', units=(<Unit ... golden>,))
        UnitEvent(signal='unit_complete', units=(<Unit ... golden>,))
        [None, None]
        """
        # Imported where it is asked for: most clients never are told anything.
        from crowdflower.webhook import Webhook  # noqa: PLC0415

        return Webhook(*(keys or (self._transport.secret,)), client=self)
