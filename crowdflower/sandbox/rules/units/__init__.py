"""The life of a unit: uploaded, ordered, judged, finalized, canceled; or a test question."""
