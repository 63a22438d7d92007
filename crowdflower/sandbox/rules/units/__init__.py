"""Units: uploaded, created, changed, canceled, deleted, and converted to test questions."""
