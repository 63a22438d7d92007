"""What judgments bring to an end: units are finalized, trust falls, jobs finish."""
