"""The faces in a real browser: wallet, site app, gate screen."""
