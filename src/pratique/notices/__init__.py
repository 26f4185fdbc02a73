"""What a person is told to do, why, by when, and how to appeal."""
