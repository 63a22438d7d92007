"""Hand-written SQL for what runs once per page or once per unit."""
