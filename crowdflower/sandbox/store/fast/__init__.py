"""Hand-written SQL, for what happens once a page or once a row."""
