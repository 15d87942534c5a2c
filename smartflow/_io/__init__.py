"""What differs between the async and the sync client, in pairs (`aio`, `sync`), and what both share (`tls`, `inflate`)."""
