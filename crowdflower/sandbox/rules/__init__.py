"""What may happen, and what follows: every rule takes the transaction it happens in.

Rows in, rows out; what may not be is refused (:mod:`crowdflower.sandbox.errors`) before anything
has changed. Nothing here knows of HTTP.
"""
