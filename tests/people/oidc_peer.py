"""A small conforming OpenID Connect provider on a real socket: discovery, keys, code flow with PKCE, one-time codes.

It holds a client to the letter: redirect address, client secret, code verifier and one use per code. `said` turns
claims of the next ID token, `sign_with` and `algorithm` how it is signed, so that a test can lie.
"""

import hmac
import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "pratique", "a secret & a half"


class Provider:
    """Serves until `close`. Whoever comes is signed in as `subject` without being asked."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self.sign_with: Any = self.key
        self.algorithm = "RS256"
        self.subject = "kc-0001"
        self.said: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.back = ""
        here = self

        class Handler(_Handler):
            of = here

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}/realms/town"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT, "exp": now + 300, "iat": now,
            "nonce": asked.get("nonce"), "auth_time": now,
        } | self.said  # fmt: skip
        header = {"alg": self.algorithm, "kid": "k1"}
        if self.algorithm != "RS256":  # by hand: a library refuses to make these
            parts = [urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (header, claims)]
            pem = self.key.as_pem(private=False)
            tag = hmac.digest(pem, b".".join(parts), "sha256") if self.algorithm == "HS256" else b""
            return b".".join([*parts, urlsafe_b64encode(tag).rstrip(b"=")]).decode()
        return jwt.encode(header, claims, self.sign_with, algorithms=[self.algorithm])


class _Handler(BaseHTTPRequestHandler):
    of: Provider

    def do_GET(self) -> None:
        parts, of = urlsplit(self.path), self.of
        asked = {k: v[0] for k, v in parse_qs(parts.query).items()}
        if parts.path.endswith("/.well-known/openid-configuration"):
            ends = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "certs"}
            self._say({"issuer": of.issuer} | {k: f"{of.issuer}/{v}" for k, v in ends.items()})
        elif parts.path.endswith("/certs"):
            self._say({"keys": [of.key.as_dict(private=False)]})
        elif parts.path.endswith("/auth"):
            good = asked.get("client_id") == CLIENT and asked.get("redirect_uri") == of.back
            if not good or asked.get("code_challenge_method") != "S256" or "openid" not in asked["scope"]:
                self._say({"error": "invalid_request"}, 400)
                return
            code = secrets.token_urlsafe(24)
            of.codes[code] = asked
            query = urlencode({"code": code, "state": asked["state"], "iss": of.issuer})
            self.send_response(302)
            self.send_header("Location", f"{of.back}?{query}")
            self.end_headers()
        else:
            self._say({"error": "not_found"}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {k: v[0] for k, v in parse_qs(body).items()}
        pair = b64decode(self.headers.get("Authorization", "Basic Og==").split(" ")[1]).decode()
        client, _, secret = pair.partition(":")
        asked = self.of.codes.pop(form.get("code", ""), None)
        verifier = sha256(form.get("code_verifier", "").encode()).digest()
        good = (
            asked is not None
            and (unquote(client), unquote(secret)) == (CLIENT, SECRET)
            and form.get("redirect_uri") == self.of.back
            and urlsafe_b64encode(verifier).rstrip(b"=").decode() == asked["code_challenge"]
        )
        if not good or asked is None:
            self._say({"error": "invalid_grant"}, 400)
            return
        self._say({"access_token": "x", "token_type": "Bearer", "id_token": self.of.id_token(asked)})

    def _say(self, value: dict[str, Any], status: int = 200) -> None:
        raw = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        pass
