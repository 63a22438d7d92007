"""What the nouns are made of, and what this API is like: fields, endpoints, paths, shapes."""
