"""Status lists follow the draft's own vectors, refuse to guess, and hand out each place once."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.credentials import read_trust, status, verify
from pratique.credentials.issue import issue_hcert
from pratique.credentials.reasons import CredentialError
from pratique.credentials.shuffle import KEY_BYTES, place_of, places_of
from tests.credentials.making import NOW, certificate, es256

ISSUER = es256()
URI = "https://status.example/lists/1"


def test_it_works() -> None:
    """draft-ietf-oauth-status-list-20 section 4.1: sixteen entries of one bit are b9 a3."""
    marks = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    made = status.build(1, 16, enumerate(marks))

    assert made.blocks.hex() == "b9a3"
    assert made.pack().hex() == "78dadbb918000217015d"
    assert [made.value(i) for i in range(16)] == marks


def test_two_bits() -> None:
    """Section 4.1, second example: c9 44 f9."""
    marks = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]

    assert status.build(2, 12, enumerate(marks)).blocks.hex() == "c944f9"


@settings(deadline=None)
@given(st.sampled_from([1, 2, 4, 8]), st.data())
def test_any_list_reads_back(bits: int, data: st.DataObject) -> None:
    marks = data.draw(st.dictionaries(st.integers(0, 799), st.integers(0, (1 << bits) - 1)))
    made = status.build(bits, 800, marks.items())

    for again in (status.from_json(made.as_json()), status.from_cbor(made.as_cbor())):
        assert [again.value(i) for i in range(800)] == [marks.get(i, 0) for i in range(800)]


def test_no_statement_is_not_valid() -> None:
    made = status.build(1, 16, [])

    for index in (-1, 16, 1 << 40):
        with pytest.raises(CredentialError, match="STATUS_UNKNOWN"):
            made.value(index)


def test_a_bomb_and_a_cut_list_are_refused() -> None:
    bomb = status.build(8, 1 << 20, []).pack()

    for lst in (bomb, bomb[:-1], b"", b"x", status.build(1, 16, []).pack() + b"x"):
        with pytest.raises(CredentialError, match="STATUS_UNKNOWN"):
            status.unpack(1, lst, 1024)


def test_tokens_count_for_their_uri_key_and_time_only() -> None:
    made = status.build(2, 64, [(3, 2)])
    ends = NOW + timedelta(hours=72)
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    from pratique.credentials.cose import PublicKey

    def key(of: object) -> PublicKey:
        return load_der_public_key(of.spki)  # type: ignore[attr-defined,return-value]

    cwt = status.cwt_token(ISSUER, made, URI, NOW, ends, 21600)
    jwt = status.jwt_token(ISSUER, made, URI, NOW, ends, 21600)
    for token in (
        status.read_cwt_token(cwt, key(ISSUER), URI, NOW),
        status.read_jwt_token(jwt, key(ISSUER), URI, NOW),
    ):
        assert token.statuses.value(3) == status.SUSPENDED
        assert token.ttl == 21600
    for uri, signer, at in (
        (URI + "x", ISSUER, NOW),
        (URI, es256(), NOW),
        (URI, ISSUER, ends + timedelta(1)),
    ):
        with pytest.raises(CredentialError):
            status.read_cwt_token(cwt, key(signer), uri, at)
        with pytest.raises(CredentialError):
            status.read_jwt_token(jwt, key(signer), uri, at)


def test_a_certificate_s_own_list_is_asked_from_files_alone(tmp_path: Path) -> None:
    """Key and token in one folder; the token's key must be a trusted one, the newest token counts."""
    ends = NOW + timedelta(hours=72)
    (tmp_path / "issuer.der").write_bytes(ISSUER.spki)
    stranger = es256()
    for name, raw in (
        ("a", status.cwt_token(stranger, status.build(1, 64, []), URI, NOW, ends, 60)),
        ("b", status.cwt_token(ISSUER, status.build(1, 64, [(3, 1)]), URI, NOW, ends, 60)),
        ("c", status.jwt_token(ISSUER, status.build(1, 64, []), URI, NOW - timedelta(1), ends, 60).encode()),
        ("d", status.jwt_token(ISSUER, status.build(1, 64, []), URI + "2", NOW, ends, 60).encode()),
    ):
        (tmp_path / name).write_bytes(raw)
    trust = read_trust(tmp_path)

    def reason(index: int, uri: str = URI, at: datetime = NOW) -> str | None:
        text = issue_hcert(ISSUER, certificate(), "AT", NOW, NOW + timedelta(30), status=(uri, index))
        return verify(text, at, trust).reason

    assert (reason(2), reason(3), reason(3, URI + "2")) == (None, "REVOKED", None)
    assert reason(2, at=ends) == reason(64) == reason(2, URI + "3") == "STATUS_UNKNOWN"
    assert [note for note in trust.notes if "token" in note] == [
        "a status list token was left out: UNKNOWN_KEY: status list token"
    ]


@pytest.mark.parametrize("width", [KEY_BYTES, 32])
@pytest.mark.parametrize("size", [1, 2, 3, 100, 1000, 4096])
def test_places_come_once_each_in_no_order(size: int, width: int) -> None:
    places = [place_of(b"k" * width, n, size) for n in range(size)]

    assert sorted(places) == list(range(size))
    if size >= 100:
        assert places != sorted(places)
        assert places != [place_of(b"l" * width, n, size) for n in range(size)]
    assert places_of(b"k" * width, 0, size, size) == places
    assert places_of(b"k" * width, size // 2, size - size // 2, size) == places[size // 2 :]
    for first, count in ((size, 1), (-1, 1), (0, size + 1)):
        with pytest.raises(IndexError):
            places_of(b"k" * width, first, count, size)
