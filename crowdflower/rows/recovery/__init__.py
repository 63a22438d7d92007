"""What an upload with a key needs after a lost response or a kill."""
