"""The test questions of a job: how they are answered, contested, edited and switched off."""
