"""SQLite and PostgreSQL: connections, schema, locks."""
