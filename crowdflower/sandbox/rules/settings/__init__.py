"""What a job may be set to: attributes and their values, channels, tags, countries, its form."""
