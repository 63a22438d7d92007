"""The form of a job: its editor, the problems in it by line, and the preview of a row."""
