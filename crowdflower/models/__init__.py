"""What Job, Unit and the other nouns are made of: fields, endpoints, paths, response shapes."""
