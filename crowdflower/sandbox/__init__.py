"""The sandbox: a local server with the API of the hosted service, and simulated contributors.

.. code-block:: text

    box          Sandbox: all of it as one object
    server       the WSGI application, over sockets or in process
    desk         the requester's pages
    api          the API, one module per resource
    ampcrowd     the API of a second service, AMPCrowd, on the same rules
    pages        the contributor's pages
    crowd        simulated and replayed contributors
    reports      report archives
    rules        what may happen, and what follows
    webhooks     delivery of notifications
    control      faults and delays, in Python and over HTTP
    forms        Liquid and CML
    store        tables, transactions, queries
    clock        time, ids and random numbers
    errors       error responses of the service

A request passes from ``server`` to ``api``, ``ampcrowd``, ``pages`` or ``desk``, then to ``rules``
and ``store``.
"""

from __future__ import annotations

import logging

try:
    from crowdflower.sandbox.box import Sandbox
except ModuleNotFoundError as missing:
    if (missing.name or "").startswith("crowdflower"):
        raise
    raise ImportError(
        f"the sandbox needs {missing.name}, which is not installed;"
        " pip install 'crowdflower-client[sandbox]' installs everything it needs"
    ) from missing

__all__ = ["Sandbox"]


class _LastResort(logging.Handler):
    """Prints warnings where the program has not configured logging, as :mod:`logging` itself does.

    The handler of the package, which keeps the client silent, would suppress them.
    """

    def emit(self, record: logging.LogRecord) -> None:
        others = logging.getLogger().handlers + logging.getLogger("crowdflower").handlers
        is_configured = any(not isinstance(each, logging.NullHandler) for each in others)
        if logging.lastResort is not None and not is_configured:
            logging.lastResort.handle(record)


logging.getLogger(__name__).addHandler(_LastResort(logging.WARNING))
