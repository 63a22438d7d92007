"""What judgments add up to, and how the API shows it."""
