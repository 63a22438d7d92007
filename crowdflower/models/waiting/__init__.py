"""Waits for a job: its counts, the goal of a program, and the loop that polls."""
