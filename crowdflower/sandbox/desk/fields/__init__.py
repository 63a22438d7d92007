"""What people type into the fields of the desk: numbers, amounts of money and strings."""
