"""Staff pages that join several rooms, rendered on the server."""
