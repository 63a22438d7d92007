"""The API, one module a resource: read the request, ask the rules, answer.

``routes`` is the table of what there is, and ``openapi`` writes it for programs; ``parameters``
reads what clients send in its many forms, ``csv_rows`` and ``json_rows`` the files that they
upload. Nothing here decides anything about jobs: that is what the rules are for.
"""
