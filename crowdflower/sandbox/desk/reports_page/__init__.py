"""The page of a job's reports, webhooks, events and warnings."""
