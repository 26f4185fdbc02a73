"""The HTTP frame: routes with declared access, problem details, languages, static faces."""
