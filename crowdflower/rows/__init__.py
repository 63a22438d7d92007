"""Rows on their way up, exactly once, and reports on their way down."""
