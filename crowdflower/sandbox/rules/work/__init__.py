"""The work of contributors: pages handed out and handed in, judgments reviewed."""
