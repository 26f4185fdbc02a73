"""A gate in a browser signs what a gate in Python signs."""

import re

from pratique.credentials.http_signature import Request, read_upload, sign
from tests.web_twin.asking import Twin, b64


def test_uploads_are_signed_over_the_same_bytes(twin: Twin) -> None:
    body = '{"at":"2026-01-05T00:00:00Z","gate_id":"哨位"}'.encode()
    fields = sign(
        Request("POST", "/v1/gate-counts", {}, body),
        lambda base: b"x",
        keyid="G1",
        nonce="AbC_-9",
        created=1_767_571_200,
    )
    ours = read_upload(Request("POST", "/v1/gate-counts", fields, body))

    theirs = twin.ask(
        "upload",
        method="POST",
        path="/v1/gate-counts",
        body=b64(body),
        keyid="G1",
        nonce="AbC_-9",
        created=1_767_571_200,
    )

    assert theirs["digest"] == fields["content-digest"]
    assert theirs["base"].encode() == ours.base
    assert re.sub("^gate=", "", fields["signature-input"]) == theirs["parameters"]
