"""Who may order what, until when; the public log; keys that can be destroyed."""
