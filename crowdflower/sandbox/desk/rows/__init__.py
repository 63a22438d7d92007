"""The rows of a job on the desk: the list with its search and filters, and one row in detail."""
