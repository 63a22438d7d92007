"""What rows are uploaded from, what their cells become, and how many of them were sent."""
