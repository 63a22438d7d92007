"""The pages of the whole account: money, contributors, events, and what this server lacks."""
