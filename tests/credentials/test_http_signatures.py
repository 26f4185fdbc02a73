"""RFC 9421's and RFC 9530's own examples, and everything about a signed request that is refused."""

import secrets
from base64 import b64decode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from pratique.credentials.http_signature import (
    BadSignature,
    Request,
    content_digest,
    is_digest,
    is_signed,
    read,
    read_message,
    read_upload,
    sign,
    signature_base,
    write_message,
)

# RFC 9421 B.1.4: test-key-ed25519
PUBLIC = b64decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")
_DER = b64decode("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF")
B26 = '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"'  # noqa: E501
B4 = '("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"'
POSTED = Request(  # RFC 9421 B.2
    "POST",
    "/foo",
    {
        "host": "example.com",
        "date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "content-type": "application/json",
        "content-digest": "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",  # noqa: E501
        "content-length": "18",
        "signature-input": f"sig-b26={B26}",
        "signature": "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",  # noqa: E501
    },
    b'{"hello": "world"}',
    "param=Value&Pet=dog",
)
ASKED = Request(  # RFC 9421 B.4
    "GET",
    "/demo",
    {
        "host": "example.org",
        "accept": "application/json, */*",
        "signature-input": f"transform={B4}",
        "signature": "transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:",  # noqa: E501
    },
    query="name1=Value1&Name2=value2",
)
KEY = Ed25519PrivateKey.generate()
OURS = KEY.public_key().public_bytes_raw()


def upload(body: bytes = b'{"n":1}', **changes: str) -> Request:
    bare = Request("POST", "/v1/gate-counts", {}, body)
    return bare._replace(
        fields=sign(bare, KEY.sign, keyid="G", nonce=secrets.token_hex(8), created=1_800_000_000) | changes
    )


def test_the_rfc_s_own_ed25519_example_is_made_and_read() -> None:
    private = load_der_private_key(_DER, None)
    assert isinstance(private, Ed25519PrivateKey)
    expected = (
        b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n'
        b'"content-type": application/json\n"content-length": 18\n"@signature-params": ' + B26.encode()
    )
    signed = read(POSTED)

    assert signed.base == expected
    assert is_signed(signed, PUBLIC)
    assert private.sign(signed.base) == signed.signature
    assert not is_signed(signed, OURS)
    assert not is_signed(signed._replace(base=signed.base[:-1]), PUBLIC)


def test_the_rfc_s_message_survives_what_it_says_and_nothing_else() -> None:
    assert is_signed(read(ASKED), PUBLIC)
    assert is_signed(read(ASKED._replace(query="", fields={**ASKED.fields, "accept-language": "en"})), PUBLIC)
    assert not is_signed(read(ASKED._replace(method="POST")), PUBLIC)
    assert not is_signed(read(ASKED._replace(fields={**ASKED.fields, "host": "example.com"})), PUBLIC)
    turned = {**ASKED.fields, "accept": "*/*, application/json"}
    assert not is_signed(read(ASKED._replace(fields=turned)), PUBLIC)


def test_query_and_authority_are_components_too() -> None:
    base = signature_base(POSTED, ("@query", "@authority"), "()")
    assert base == b'"@query": ?param=Value&Pet=dog\n"@authority": example.com\n"@signature-params": ()'


def test_digests_are_those_of_rfc_9421_and_9530() -> None:
    assert content_digest(b'{"hello": "world"}') == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    both = f"{content_digest(POSTED.body)}, {POSTED.fields['content-digest']}"
    assert is_digest(both, POSTED.body)
    assert not is_digest(both, POSTED.body + b" ")
    for value in ("", "sha-256=", "sha-256=:AA==:", "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:", f"{both}, x=:AA==:"):
        assert not is_digest(value, POSTED.body)


def test_it_works() -> None:
    request = upload()
    signed = read_upload(request)

    assert (signed.keyid, signed.parameters["created"]) == ("G", 1_800_000_000)
    assert is_signed(signed, OURS)
    assert is_signed(read_upload(read_message(write_message(request))), OURS)


INPUT = '("@method" "@path" "content-digest");created=1;keyid="G";nonce="n";tag="pratique-gate"'


@pytest.mark.parametrize(
    "text",
    [
        "",
        INPUT.replace('"@path" ', ""),
        INPUT.replace('"@path"', '"@path" "@authority"'),
        INPUT.replace('"@path"', '"@path" "@path"'),
        INPUT.replace('"@path"', '"@path";req'),
        INPUT.replace('"@path"', '"@query"'),
        INPUT.replace(" ", "  "),
        INPUT.replace("created=1;", ""),
        INPUT.replace("created=1", 'created="1"'),
        INPUT.replace("created=1", "created=-1"),
        INPUT.replace('nonce="n";', ""),
        INPUT.replace('nonce="n"', 'nonce="n";nonce="m"'),
        INPUT.replace('tag="pratique-gate"', 'tag="other"'),
        INPUT + ';alg="hmac-sha256"',
        INPUT + ";expires=5",
        INPUT + ', b=("@method")',
        INPUT + "\n",
    ],
)
def test_an_input_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadSignature):
        read_upload(upload(**{"signature-input": f"gate={text}" if text else ""}))


@pytest.mark.parametrize(
    "text", ["", "gate=AA", "other=:AAAA:", "gate=:AAAA:, b=:AAAA:", "gate=:A*:", "gate=::"]
)
def test_a_signature_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadSignature):
        read_upload(upload(signature=text))


def test_another_body_method_or_path_is_found_out() -> None:
    request = upload()
    with pytest.raises(BadSignature, match="Content-Digest"):
        read_upload(request._replace(body=b'{"n":2}'))
    for changed in (
        request._replace(method="PUT"),
        request._replace(path="/v1/gates"),
        request._replace(body=b"", fields={**request.fields, "content-digest": content_digest(b"")}),
        request._replace(
            fields={
                **request.fields,
                "signature-input": request.fields["signature-input"].replace("1800", "1801"),
            }
        ),
    ):
        assert not is_signed(read_upload(changed), OURS)
    assert not is_signed(read_upload(request)._replace(signature=b"short"), OURS)
    assert not is_signed(read_upload(request), b"short")


CUTS: list[Callable[[bytes], bytes]] = [
    lambda raw: raw[:-1],
    lambda raw: raw + b"x",
    lambda raw: raw[:30],
    lambda raw: b"",
    lambda raw: raw.replace(b"HTTP/1.1", b"HTTP/1.0"),
    lambda raw: raw.replace(b"signature:", b"signature"),
    lambda raw: raw.replace(b"signature:", b"signature-input:"),
    lambda raw: raw.replace(b"POST", "哨".encode()),
]


@pytest.mark.parametrize("cut", CUTS)
def test_a_message_that_is_not_whole_is_refused(cut: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadSignature):
        read_message(cut(write_message(upload())))
