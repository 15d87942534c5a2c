"""What is known of the providers behind a gateway."""
