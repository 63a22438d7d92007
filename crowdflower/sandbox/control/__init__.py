"""What a test sets from outside: faults and delays, in Python and over HTTP."""
