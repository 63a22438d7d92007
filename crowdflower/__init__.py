"""Label data with people: CrowdFlower's API, and the same crowd on your own machine."""

__version__ = "1.0.0"
