"""Reading reports into tables: which units, and how their lines become columns."""
