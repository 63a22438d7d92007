"""What a test controls: faults, delays, and the HTTP interface to both."""
