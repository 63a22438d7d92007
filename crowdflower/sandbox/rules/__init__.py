"""The business rules: what is allowed in a job, and what each change leads to.

Every rule takes a transaction and works on rows of the database. A request that is not allowed is
refused (:mod:`crowdflower.sandbox.errors`) before anything has changed. Nothing here knows HTTP.
"""
