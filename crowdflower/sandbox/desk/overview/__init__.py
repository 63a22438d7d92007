"""The overview of a job: its figures, its alerts, its charts, and the acts that steer it."""
