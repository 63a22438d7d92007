"""Rows and reports: uploads, exactly once if rows have a key, and downloads."""
