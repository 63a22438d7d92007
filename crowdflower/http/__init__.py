"""How a call travels: from a method and a path to a checked response or an error.

Nothing here knows a job, a unit or a contributor; what depends on the API is handed in.
"""
