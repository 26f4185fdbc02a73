"""Changed, cut and invented inputs for every decoder of `credentials`; see README.md."""
