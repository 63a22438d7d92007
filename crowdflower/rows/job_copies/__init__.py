"""Jobs and their copies: the units of a copy, and an upload that one job cannot hold."""
