"""One HTTPS request to a push service: no redirects, a time limit, nothing kept of the answer but its status."""

import http.client
import ssl
from urllib.parse import urlsplit

SECONDS = 10.0


def post(address: str, headers: dict[str, str], body: bytes) -> int:
    """The status of the answer. Raises OSError where there is none."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        link: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port or 443, timeout=SECONDS, context=ssl.create_default_context()
        )
    else:
        link = http.client.HTTPConnection(host, port or 80, timeout=SECONDS)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        link.request("POST", path or "/", body, headers)
        answer = link.getresponse()
        answer.read(4096)
        return answer.status
    except http.client.HTTPException as fault:
        raise OSError("the push service does not speak HTTP") from fault
    finally:
        link.close()
