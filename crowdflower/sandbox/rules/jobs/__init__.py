"""The life of a job: created, copied, ordered, paused, resumed, canceled, finished."""
