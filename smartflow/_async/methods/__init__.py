"""The methods of the client, one chapter of the documentation in each file."""
