"""The end: destruction of keys and rows, the scan, the certificate."""
