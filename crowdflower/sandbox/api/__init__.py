"""The API: one module a resource, whose handlers call the rules and shape the response.

``routes`` is the table of endpoints, ``openapi`` describes it for programs. ``request_parsing``
and ``parameters`` read requests, ``csv_rows`` and ``json_rows`` uploaded files. What may happen to
a job, and what follows from it, is decided in :mod:`crowdflower.sandbox.rules`.
"""
