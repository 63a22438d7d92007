"""The settings of a job: attributes and their values, channels, tags, countries, questions."""
