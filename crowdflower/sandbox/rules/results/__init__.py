"""Results: aggregated answers, the JSON that the API shows, and the payloads of webhooks."""
