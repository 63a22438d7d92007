"""The commands for the account and for payments: what it costs, what was paid."""
