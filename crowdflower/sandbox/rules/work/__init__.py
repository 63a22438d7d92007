"""The work of contributors: pages are handed out and submitted, judgments are reviewed."""
