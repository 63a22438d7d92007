"""What follows from judgments: units are finalized, contributors lose trust, jobs finish."""
