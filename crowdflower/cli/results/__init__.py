"""The commands for results: reports, answers, contributors."""
