"""Tables as data frames of pandas and polars."""
