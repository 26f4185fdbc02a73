"""A pass opens while it is genuine, alive, shown live and not revoked; each other case has its own reason."""

from datetime import timedelta

import pytest
from cbor2 import dumps

from pratique.core.canonical import canonical_cbor
from pratique.credentials import base45, pq1
from pratique.credentials.cbor import read_exact
from pratique.credentials.reasons import CredentialError
from pratique.credentials.snapshot import StatusEntry
from pratique.credentials.status import build
from pratique.credentials.verify import verify
from tests.credentials.making import HOLDER, ISSUER, NOW, bundle, es256, pass_bytes, pass_key, show, snapshot


def test_it_works() -> None:
    outcome = verify(show(pass_bytes()), NOW, snapshot())

    assert outcome.ok
    assert outcome.format == "PQ1"
    assert outcome.claims["class"] == pq1.CLEAR
    assert outcome.claims["bound_to"] == "device"


def test_a_pass_fits_the_code_the_brief_gives_it() -> None:
    text = show(pass_bytes(status=(1, 1_000_000)))

    assert len(base45.decode(text[4:])) == 235
    assert len(text) == 357


def test_a_challenge_answered_fits_version_12() -> None:
    text = show(pass_bytes(hints=["A", "B", 12, 3], status=(1, 1_000_000)), nonce=b"12345678")

    assert len(base45.decode(text[4:])) == 251


def reason(text: str, **changes: object) -> str | None:
    return verify(text, NOW, snapshot(**changes)).reason


def test_every_refusal_has_its_reason() -> None:
    whole = pass_bytes()

    assert reason(show(whole, NOW - timedelta(seconds=181))) == "PROOF_TIME"
    assert reason(show(whole, NOW + timedelta(seconds=181))) == "PROOF_TIME"
    assert reason(show(whole, by=es256())) == "PROOF_BAD"
    assert reason(pq1.paper(whole)) == "PROOF_MISSING"
    assert reason(show(pass_bytes(signer=es256()))) == "UNKNOWN_KEY"
    assert reason(show(pass_bytes(expires=NOW))) == "EXPIRED"
    assert reason(show(pass_bytes(issued=NOW + timedelta(seconds=181)))) == "NOT_YET_VALID"
    assert reason(show(pass_bytes(status=(2, 5)))) == "STATUS_UNKNOWN"
    assert reason(show(pass_bytes(status=(1, 1024)))) == "STATUS_UNKNOWN"
    assert reason(show(whole), keys=(pass_key(valid_from=int(NOW.timestamp())),)) == "KEY_NOT_VALID"
    assert reason(show(whole, nonce=b"12345678")) == "PROOF_TIME"
    assert reason(pq1.paper(pass_bytes(holder_key=None)), paper=False) == "PAPER_NOT_ALLOWED"


def test_a_phone_180_seconds_wrong_still_gets_its_holder_in() -> None:
    for seconds in (-180, 180):
        assert reason(show(pass_bytes(), NOW + timedelta(seconds=seconds))) is None


def test_any_clock_gets_in_with_the_gates_own_challenge() -> None:
    text = show(pass_bytes(), NOW - timedelta(days=400), nonce=b"challenge"[:8])

    assert verify(text, NOW, snapshot(), nonces={b"challenge"[:8]}).ok
    assert verify(text, NOW, snapshot(), nonces={b"another!"}).reason == "PROOF_TIME"


def test_a_revoked_index_is_refused_and_its_neighbours_are_not() -> None:
    lists = (StatusEntry("", 1, 1, build(1, 1024, [(5, 1)]).pack(), 1024),)

    assert reason(show(pass_bytes()), status=lists) == "REVOKED"
    assert reason(show(pass_bytes(status=(1, 4))), status=lists) is None
    assert reason(show(pass_bytes(status=(1, 6))), status=lists) is None


def test_stale_lists_follow_the_mandates_table_and_are_never_silent() -> None:
    text, old = show(pass_bytes()), int(NOW.timestamp()) - 1

    admitted = verify(text, NOW, snapshot(expires=old))
    assert admitted.ok
    assert admitted.findings == ("LISTS_STALE",)
    assert reason(text, expires=old, fail={"lists_stale": "see_staff"}) == "STATUS_UNKNOWN"


def test_a_foreign_certificate_key_cannot_sign_passes() -> None:
    assert reason(show(pass_bytes()), keys=(pass_key(purpose="hcert"),)) == "UNKNOWN_KEY"


def test_paper_is_read_and_called_paper() -> None:
    card = pass_bytes(holder_key=None, expires=NOW + timedelta(days=27), hints=["L", None, 4, None])

    outcome = verify(pq1.paper(card), NOW, snapshot())
    assert outcome.ok
    assert outcome.claims["bound_to"] == "paper"
    assert outcome.claims["hints"] == ["L", None, 4, None]
    assert outcome.replay is None


def test_paper_beyond_28_days_is_refused() -> None:
    card = pass_bytes(holder_key=None, expires=NOW + timedelta(days=28))

    assert reason(pq1.paper(card)) == "PAPER_NOT_ALLOWED"


def test_the_same_showing_has_the_same_name_and_another_showing_another() -> None:
    credential = pass_bytes()
    first = verify(show(credential), NOW, snapshot()).replay
    again = verify(show(credential), NOW, snapshot()).replay  # another random signature over the same showing
    later = verify(show(credential, NOW + timedelta(seconds=15)), NOW, snapshot()).replay

    assert first == again
    assert first != later


def test_only_the_deterministic_form_is_a_pass() -> None:
    credential = pass_bytes()
    shown = int(NOW.timestamp())
    proof = HOLDER.sign(pq1.proof_message(credential, shown))
    exact = canonical_cbor([credential, shown, proof])
    longer = exact.replace(b"\x1a" + shown.to_bytes(4, "big"), b"\x1b" + shown.to_bytes(8, "big"))

    for raw in (exact + b"\x00", longer, b"\x9f" + exact[1:] + b"\xff"):
        assert verify("PQ1:" + base45.encode(raw), NOW, snapshot()).reason == "BAD_CBOR"


def test_map_keys_have_one_order() -> None:
    for unordered in ({6: 1, 4: 2, -70001: [1]}, {4: 2, -70001: [1], 6: 1}):
        with pytest.raises(CredentialError):
            pq1.read_cbor(dumps([dumps({1: -7, 4: ISSUER.kid}), {}, dumps(unordered), bytes(64)]))
    pq1.read_cbor(dumps([dumps({1: -7, 4: ISSUER.kid}), {}, dumps({4: 2, 6: 1, -70001: [1]}), bytes(64)]))
    with pytest.raises(CredentialError):
        pq1.read_cbor(dumps([dumps({4: ISSUER.kid, 1: -7}), {}, dumps({4: 2, 6: 1, -70001: [1]}), bytes(64)]))


def test_what_is_issued_is_in_deterministic_form() -> None:
    for credential in (
        pass_bytes(),
        pass_bytes(holder_key=None, hints=["L", None, 4, None], status=(300, 70_000)),
    ):
        protected, _, payload, _ = read_exact(credential)
        read_exact(protected)
        read_exact(payload)
    read_exact(base45.decode(show(pass_bytes(), nonce=b"12345678")[4:]))


@pytest.mark.parametrize("holder", [HOLDER.public_key, None], ids=["device", "paper"])
@pytest.mark.parametrize("status", [None, (1, 5), (0, 23), (24, 255), (300, 70_000), (70_000, (1 << 32) - 1)])
@pytest.mark.parametrize("pass_class", [1, 23, 24, 255])
@pytest.mark.parametrize("year", [2026, 2200])
def test_the_quick_way_to_write_a_pass_writes_what_the_plain_way_does(
    holder: bytes | None, status: tuple[int, int] | None, pass_class: int, year: int
) -> None:
    issued = NOW.replace(year=year)
    ends = issued + timedelta(hours=23)
    made = pass_bytes(holder_key=holder, status=status, pass_class=pass_class, issued=issued, expires=ends)
    _, _, payload, signature = read_exact(made)

    begins, until = int(issued.timestamp()), int(ends.timestamp())
    assert payload == pq1._payload(holder, pass_class, begins, until, status, None)
    assert made == dumps([dumps({1: -7, 4: ISSUER.kid}), {}, payload, signature])


def test_a_holder_key_may_be_compressed() -> None:
    x, odd = pq1.compress(HOLDER.public_key)

    assert pq1.compress((b"\x03" if odd else b"\x02") + x) == (x, odd)
    assert verify(show(pass_bytes(holder_key=(b"\x03" if odd else b"\x02") + x)), NOW, snapshot()).ok
    off_the_curve = HOLDER.public_key[:-1] + bytes([HOLDER.public_key[-1] ^ 1])
    for wrong in (b"", b"\x02" + b"\xff" * 32, off_the_curve, HOLDER.public_key + b"\x00"):
        with pytest.raises(ValueError, match=r".*"):
            pq1.compress(wrong)


def test_a_pass_names_no_person_and_no_health_fact() -> None:
    claims = pq1.read(show(pass_bytes())).claims

    assert set(claims._fields) == {"pass_class", "issued", "expires", "holder", "hints", "status"}
    assert claims.hints is None


def test_a_holder_key_off_the_curve_is_not_issued() -> None:
    with pytest.raises(ValueError, match="not a point"):
        pass_bytes(holder_key=b"\x04" + bytes(64))


def test_reading_raises_only_credential_errors() -> None:
    for text in (
        "",
        "PQ1:",
        "PQ1:%",
        "PQ1:ABCDEF",
        "HC1:" + "A" * 8000,
        "PQ1:" + base45.encode(b"\x83\x00\x00\x00"),
    ):
        with pytest.raises(CredentialError):
            pq1.read(text)
        assert not verify(text, NOW, snapshot()).ok


def test_the_bundle_is_what_the_snapshot_says() -> None:
    assert snapshot().number == bundle().number
