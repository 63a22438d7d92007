"""A row as a contributor sees it: its questions, conditions, styles and pictures."""
