"""Payments, each made at most once: kinds, prices, and the journal they are recorded in."""
