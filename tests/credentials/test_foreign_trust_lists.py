"""Trust lists of others become keys; a private key among them is refused, and what cannot be read is named."""

import json
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pratique.credentials import sources
from pratique.credentials.cose import kid_of, public_key
from pratique.credentials.hashlist import HashBatch, HashLists, read_batch
from pratique.credentials.jose import point_jwk
from pratique.credentials.keys import Es256Signer
from pratique.credentials.reasons import BadTrust
from pratique.credentials.trust import read_trust
from pratique.credentials.verify import verify
from pratique.credentials.x509 import read_certificate
from tests.credentials.making import NOW, bundle, hcert_key, hcert_text, snapshot

KEY = ec.generate_private_key(ec.SECP256R1())
SIGNER = Es256Signer(KEY)
OID = "1.3.6.1.4.1.1847.2021.1"
OTHER_ARC = "1.3.6.1.4.1.0.1847.2021.1"


def der(*usages: str, uri: str = "", unusual: x509.ExtensionType | None = None) -> bytes:
    """A self-signed synthetic signing certificate."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Synthetic signer")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=100))
        .not_valid_after(NOW + timedelta(days=100))
    )
    if usages:
        oids = [x509.ObjectIdentifier(oid) for oid in usages]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=False)
    if uri:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        builder = builder.add_extension(names, critical=False)
    if unusual:
        builder = builder.add_extension(unusual, critical=False)
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


CERTIFICATE = der()


class Listed:
    """SIGNER under the key id of its certificate."""

    def __init__(self, kid: bytes) -> None:
        self.kid = kid
        self.spki = SIGNER.spki
        self.sign = SIGNER.sign


def text(kid: bytes = b"") -> str:
    signer: Any = Listed(kid or kid_of(CERTIFICATE))
    return hcert_text(signer=signer)


def found_in(folder: Path, name: str, content: object) -> str | None:
    """The reason, with a trust file of that content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return verify(text(), NOW, read_trust(path)).reason


def dgcg(**changes: object) -> dict[str, object]:
    row = {
        "kid": b64encode(kid_of(CERTIFICATE)).decode(),
        "country": "AT",
        "rawData": b64encode(CERTIFICATE).decode(),
    }
    return row | changes


def pem(raw: bytes, label: str = "CERTIFICATE") -> bytes:
    return f"-----BEGIN {label}-----\n{b64encode(raw).decode()}\n-----END {label}-----\n".encode()


def test_it_works(tmp_path: Path) -> None:
    assert found_in(tmp_path, "dgcg.json", [dgcg()]) is None
    assert found_in(tmp_path, "one.pem", pem(CERTIFICATE)) is None
    assert found_in(tmp_path, "one.der", CERTIFICATE) is None


def test_the_country_is_told(tmp_path: Path) -> None:
    (tmp_path / "dgcg.json").write_text(json.dumps([dgcg()]))

    outcome = verify(text(), NOW, read_trust(tmp_path / "dgcg.json"))
    assert outcome.claims["country"] == "AT"


def test_keys_count_under_the_listed_and_the_computed_id() -> None:
    found = sources.read_source(json.dumps([dgcg(kid=b64encode(b"8 bytes!").decode())]).encode())

    assert {entry.kid for entry in found.keys} == {b"8 bytes!", kid_of(CERTIFICATE)}


def test_certificates_that_sign_nothing_for_verifiers_are_left_out() -> None:
    assert sources.read_source(json.dumps([dgcg(certificateType="CSCA")]).encode()).keys == ()


def test_one_unusable_entry_does_not_spoil_the_list() -> None:
    dsa_spki = CERTIFICATE.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0209"))
    for bad in (b"", b"junk", CERTIFICATE[:50], dsa_spki):
        rows = [dgcg(), dgcg(rawData=b64encode(bad).decode()), {"kid": "AAAA", "rawData": 7}]
        found = sources.read_source(json.dumps(rows).encode())
        assert [entry.kid for entry in found.keys] == [kid_of(CERTIFICATE)]
        assert len(found.notes) == 2


def test_a_folder_holds_everything(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(pem(CERTIFICATE))
    (tmp_path / "b.json").write_text(
        json.dumps({"valueSetId": "country-2-codes", "valueSetValues": {"DE": {}}})
    )
    (tmp_path / "notes.txt").write_text("nothing to see")

    trust = read_trust(tmp_path)
    assert trust.notes == ("notes.txt was left out: neither JSON, PEM, DER nor a status list token",)
    assert verify(text(), NOW, trust).findings == ("CODE_UNKNOWN",)


def test_a_private_key_is_refused_wherever_it_turns_up(tmp_path: Path) -> None:
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, raw in (
        ("key.pem", pem(CERTIFICATE) + private),
        ("keys.json", json.dumps({"keys": [jwk() | {"d": "AAAA"}]}).encode()),
        ("did.json", json.dumps(did(jwk() | {"d": "AAAA"})).encode()),
    ):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_bytes(raw)
        with pytest.raises(BadTrust) as refused:
            read_trust(folder)
        assert refused.value.code == "PRIVATE_KEY"


def jwk() -> dict[str, str]:
    return point_jwk(KEY.public_key())


def did(key: dict[str, str], kid: bytes = kid_of(CERTIFICATE)) -> dict[str, object]:
    place = "did:web:tng.example:v2:trustlist:DCC:XXA:DSC"
    return {
        "id": place,
        "verificationMethod": [
            {"id": f"{place}#{b64encode(kid).decode()}", "type": "JsonWebKey2020", "publicKeyJwk": key}
        ],
    }


def test_did_documents_with_coordinates_of_33_bytes(tmp_path: Path) -> None:
    numbers = KEY.public_key().public_numbers()
    wide = {name: b64encode(b"\0" + value.to_bytes(32, "big")).decode().replace("+", "-").replace("/", "_")
            for name, value in (("x", numbers.x), ("y", numbers.y))}  # fmt: skip

    assert found_in(tmp_path, "did.json", did(jwk())) is None
    assert found_in(tmp_path, "wide.json", did(jwk() | wide)) is None
    found = sources.read_source(json.dumps(did(jwk())).encode())
    assert found.keys[0].issuer == "XXA"
    assert public_key(found.keys[0].key) == KEY.public_key()


def test_key_sets_and_bare_public_keys(tmp_path: Path) -> None:
    kid = b64encode(kid_of(CERTIFICATE)).decode()
    assert found_in(tmp_path, "keys.json", {"keys": [jwk() | {"kid": kid}]}) is None
    with_chain = jwk() | {"kid": kid, "x5c": [b64encode(CERTIFICATE).decode()]}
    assert found_in(tmp_path, "chain.json", {"keys": [with_chain]}) is None
    spki = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(spki)
    assert verify(text(SIGNER.kid), NOW, read_trust(tmp_path / "public.pem")).reason is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"[1]",
        b'{"keys": 7}',
        b"\x30\x00",
        b"-----BEGIN X-----\n!\n-----END X-----",
        b"x",
    ],
)
def test_what_is_no_trust_list_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "list").write_bytes(raw)

    with pytest.raises(BadTrust):
        read_trust(tmp_path / "list")


@pytest.mark.parametrize(
    ("usages", "types"),
    [
        ((), ()),
        (("1.3.6.1.5.5.7.3.1",), ()),
        ((f"{OID}.1",), ("t",)),
        ((f"{OID}.2", f"{OTHER_ARC}.3"), ("r", "v")),
        ((f"{OTHER_ARC}.1", f"{OTHER_ARC}.2"), ("t", "v")),
        ((f"{OID}.4",), ()),
    ],
)
def test_both_arcs_of_usages_are_read(usages: tuple[str, ...], types: tuple[str, ...]) -> None:
    assert read_certificate(der(*usages)).usages == types


@pytest.mark.parametrize(
    ("oid", "value"),
    [("2.5.29.19", b"\x30\x03\x01\x01\x00"), ("2.5.29.37", b"\x30\x00")],
    ids=["default", "empty"],
)
def test_certificates_are_read_where_strict_readers_stop(oid: str, value: bytes) -> None:
    """A default value written out in BasicConstraints; an empty list of usages."""
    odd = der(
        unusual=x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), uri="https://issuer.example"
    )

    with pytest.raises(ValueError, match="parsing"):
        x509.load_der_x509_certificate(odd).extensions.get_extension_for_class(x509.BasicConstraints)
    assert read_certificate(odd).uris == ("https://issuer.example",)
    assert read_certificate(odd).usages == ()


def test_broken_certificates_are_refused() -> None:
    for cut in range(0, len(CERTIFICATE), 11):
        with pytest.raises(BadTrust):
            read_certificate(CERTIFICATE[:cut])


def batch(kind: str, raw: bytes, kid: str = "", country: str = "AT") -> HashBatch:
    value = {
        "country": country,
        "expires": "2026-06-01T00:00:00+02:00",
        "kid": kid or b64encode(SIGNER.kid).decode(),
        "hashType": kind,
        "entries": [{"hash": b64encode(sha256(raw).digest()[:16]).decode()}],
    }
    return read_batch(value)


UCI = "URN:UVCI:01:AT:SYNTHETIC000000000000000001#8"


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        (batch("UCI", UCI.encode()), "REVOKED"),
        (batch("COUNTRYCODEUCI", b"AT" + UCI.encode()), "REVOKED"),
        (batch("COUNTRYCODEUCI", b"DE" + UCI.encode()), None),
        (batch("UCI", UCI.encode(), kid="UNKNOWN_KID"), "REVOKED"),
        (batch("UCI", UCI.encode(), kid=b64encode(b"another!").decode()), None),
        (batch("UCI", UCI.encode(), country="DE"), None),
        (batch("UCI", b"another"), None),
    ],
)
def test_eu_hash_lists(listed: HashBatch, reason: str | None) -> None:
    trust = snapshot(keys=(hcert_key(SIGNER),), hashes=(listed,))

    assert verify(hcert_text(signer=SIGNER), NOW, trust).reason == reason
    assert verify(hcert_text(signer=SIGNER), NOW + timedelta(hours=1), trust).reason == reason


def test_a_signature_hash_covers_its_first_half() -> None:
    signature = bytes(range(64))
    lists = HashLists([batch("SIGNATURE", signature[:32])])

    assert lists.revoked("AT", SIGNER.kid, [], signature, -7, NOW.timestamp())
    assert not lists.revoked("AT", SIGNER.kid, [], signature, -37, NOW.timestamp())


@pytest.mark.parametrize("value", [None, [], {}, {"entries": [{}] * 1001}, {"country": "AT", "entries": "x"}])
def test_broken_batches_are_refused(value: object) -> None:
    with pytest.raises(BadTrust):
        read_batch(value)


def test_an_unsigned_bundle_says_so(tmp_path: Path) -> None:
    from pratique.credentials.keys import new_signer
    from pratique.credentials.trust import make_bundle

    (tmp_path / "bundle").write_bytes(make_bundle(bundle(keys=(hcert_key(SIGNER),)), [new_signer("Ed25519")]))

    trust = read_trust(tmp_path / "bundle")
    assert "not checked" in trust.notes[0]
    assert verify(text(SIGNER.kid), NOW, trust).ok
