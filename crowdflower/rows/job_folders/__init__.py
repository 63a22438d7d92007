"""A job on the service and its folder: ``pull`` writes the folder, ``push`` sends its changes."""
