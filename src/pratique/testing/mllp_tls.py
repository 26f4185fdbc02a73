"""TLS for the laboratory's door and for who knocks at it: 1.2 or newer, certificates both ways."""

import ssl
from pathlib import Path


def server_tls(cert: Path | None, key: Path | None, client_ca: Path | None) -> ssl.SSLContext | None:
    """What the listener speaks; None without a certificate. With `client_ca` nobody enters without a certificate of
    that authority, whose common name is the laboratory. Raises OSError for files that cannot be read."""
    if cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(ca: Path, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """What a laboratory speaks: it trusts `ca` and shows its own certificate. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(ca)
    if cert is not None:
        context.load_cert_chain(cert, key)
    return context
