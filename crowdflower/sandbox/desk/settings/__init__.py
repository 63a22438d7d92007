"""The settings of a job: fields, what they mean for cost and people, and the page."""
