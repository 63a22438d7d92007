"""The commands that need no account: a demonstration, and the sandbox as a server."""
