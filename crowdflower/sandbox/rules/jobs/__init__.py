"""Jobs: created, changed, copied, ordered, paused, resumed, canceled, deleted."""
