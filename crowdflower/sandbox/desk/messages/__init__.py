"""What the rules of the API warn of and refuse, in the words and the language of the desk."""
