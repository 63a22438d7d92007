"""The API, one module a resource: read the request, ask the rules, answer.

``routes`` is the table of what there is; ``parameters`` and ``json_text`` read what clients send in
its many forms, ``csv_rows`` and ``json_rows`` the files that they upload; ``shapes`` writes what
they get back. Nothing here decides anything about jobs: that is what the rules are for.
"""
