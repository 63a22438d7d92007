"""Finish what an earlier process began: a payment under the same key, a job with the same alias."""
