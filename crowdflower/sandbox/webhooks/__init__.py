"""Webhook delivery, and the check of which addresses may be called."""
