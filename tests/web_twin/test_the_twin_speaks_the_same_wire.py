"""A gate in a browser signs what a gate in Python signs, and makes the same files of deltas."""

import re

import pytest

from pratique.credentials import gdiff
from pratique.credentials.http_signature import Request, read_upload, sign
from pratique.credentials.pairing import pairing, roots_hash
from tests.credentials.test_deltas import BY_HAND, MADE
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


def test_deltas_make_the_same_bytes_and_refuse_the_same(twin: Twin) -> None:
    old = bytes(range(256)) * 300
    new = old[:70_000] + b"new" * 100 + old[70_100:]
    asked = [(b"abcd", BY_HAND[:cut], 100) for cut in range(len(BY_HAND))]
    asked += [
        (b"abcd", BY_HAND, 100),
        (b"abc", BY_HAND, 100),
        (b"abcd", BY_HAND + b"\0", 100),
        (b"abcd", BY_HAND, len(MADE) - 1),
    ]
    asked.append((old, gdiff.make(old, new), len(new)))

    told = twin.ask_all(
        {"op": "gdiff", "old": b64(o), "delta": b64(d), "largest": most} for o, d, most in asked
    )

    for (held, delta, most), answer in zip(asked, told, strict=True):
        try:
            assert answer == {"made": b64(gdiff.apply(held, delta, most))}
        except gdiff.BadDelta:
            assert answer == {"refused": "RANGE"}


@pytest.mark.parametrize("quorum", [1, 2])
def test_the_words_on_both_screens_are_the_same(twin: Twin, quorum: int) -> None:
    roots = [bytes([n]) * 32 for n in (7, 250, 3)]
    asked = {
        "device": b64(bytes(range(32))),
        "roots": [b64(root) for root in roots],
        "quorum": quorum,
        "token": "0ABC",
    }

    told = twin.ask("pairing", **asked)

    chosen = pairing(bytes(range(32)), roots, quorum, "0ABC")
    assert told == {"chosen": b64(chosen), "roots": roots_hash(roots, quorum)}
