"""Webhooks: delivery with retries, to addresses that a user has chosen."""
