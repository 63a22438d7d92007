"""The commands for jobs: settings, rows, test questions, progress."""
