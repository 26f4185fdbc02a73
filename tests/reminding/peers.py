"""Real peers: a push service that checks who sends and decrypts with somebody else's code, and an SMPP server.

`http_ece` (by the author of RFC 8188) and `smpp34` share no line with what they check.
"""

import asyncio
import contextlib
import json
import socket
import threading
from base64 import urlsafe_b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
import smpp34
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.reminding.model import PushWish
from pratique.reminding.webpush import b64


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class PushService:
    """Answers POST with `status`; keeps what it could decrypt for its one browser, and the claims of who sent."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.auth = b"0123456789abcdef"
        self.status = 201
        self.texts: list[str] = []
        self.claims: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        here = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                here.raw.append(body)
                here.claims.append(here.checked(self.headers["authorization"]))
                assert self.headers["content-encoding"] == "aes128gcm"
                assert int(self.headers["ttl"]) > 0
                plain = http_ece.decrypt(body, private_key=here.key, auth_secret=here.auth)
                here.texts.append(json.loads(plain)["text"])
                self.send_response(here.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wish(self, **more: Any) -> PushWish:
        given = {"language": "en", "quiet_from": 0, "quiet_to": 0} | more
        return PushWish(
            endpoint=f"http://{self.host}/push/planted-address",
            p256dh=b64(self.point),
            auth=b64(self.auth),
            **given,
        )

    def checked(self, header: str) -> dict[str, Any]:
        """The claims of the token; an assertion fails where its signature is not by the key it names."""
        kind, _, rest = header.partition(" ")
        parts = dict(one.strip().split("=", 1) for one in rest.split(","))
        head, claims, signature = parts["t"].split(".")
        assert kind == "vapid"
        assert json.loads(unb64(head)) == {"alg": "ES256", "typ": "JWT"}
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(parts["k"]))
        raw = unb64(signature)
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
        return json.loads(unb64(claims))  # type: ignore[no-any-return]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Gateway:
    """An SMPP server in a thread of its own: takes messages, or answers with `status`."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.status = 0
        self.messages: list[tuple[str, str, int, bytes]] = []
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def text(self, n: int = -1) -> str:
        _, _, coding, raw = self.messages[n]
        return raw.decode("utf-16-be" if coding == 8 else "ascii")

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._serve())
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.close()

    async def _serve(self) -> None:
        server = smpp34.Server("127.0.0.1", self.port)
        await server.start()
        self._ready.set()
        try:
            while True:
                event = await server.next()
                if isinstance(event, smpp34.SubmitSmEvent):
                    self._take(event)
        finally:
            await server.stop()

    def _take(self, event: Any) -> None:
        if self.status:
            event.reject(self.status)
            return
        self.messages.append(
            (event.source_addr, event.destination_addr, event.data_coding, bytes(event.short_message))
        )
        event.accept(f"id-{len(self.messages)}")
