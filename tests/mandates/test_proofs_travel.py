"""Cosignatures, quorums, proofs that travel, and what a witness answers."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.mandates.checkpoint import Checkpoint
from pratique.mandates.cosign import Cosigner, message_mldsa44
from pratique.mandates.note import COSIGN_ED25519, COSIGN_MLDSA44, BadNote, Note, NoteSigner
from pratique.mandates.proof import Proof, check_proof, parse_policy, parse_proof
from pratique.mandates.tree import (
    EMPTY_ROOT,
    BadProof,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_hash,
)
from pratique.mandates.witness import NOTHING_SEEN, Seen, add_checkpoint

NOW = 1_767_571_200
LOG = NoteSigner("log.port.example", b"L" * 32)
NAMES = ("hospital", "university", "bar")
COSIGNERS = [
    Cosigner(f"{name}.example/witness", kind, sha256(name.encode()).digest())
    for name, kind in zip(NAMES, (COSIGN_ED25519, COSIGN_MLDSA44, COSIGN_ED25519), strict=True)
]
POLICY = "\n".join(
    [
        "# who watches",
        f"log {LOG.vkey.text} https://log.port.example/",
        *(f"witness\t{name} {c.vkey.text}" for name, c in zip(NAMES, COSIGNERS, strict=True)),
        "group three 2 hospital university bar",
        "quorum three  # any two",
        "",
    ]
).encode()
ENTRIES = [bytes([i]) * 5 for i in range(9)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def _ranges(start: int, end: int) -> bytes:
    return root_hash(LEAVES[start:end])


def _checkpoint(size: int = len(LEAVES)) -> Checkpoint:
    return Checkpoint(LOG.name, size, _ranges(0, size))


def _proof(index: int = 4, cosigners: tuple[int, ...] = (0, 1), time: int = NOW) -> bytes:
    checkpoint = _checkpoint()
    lines = [COSIGNERS[i].cosign(checkpoint, time) for i in cosigners]
    note = Note(checkpoint.text, (LOG.signature(checkpoint.text), *lines))
    return Proof(index, tuple(prove_inclusion(index, len(LEAVES), _ranges)), note.raw).raw


def test_it_works() -> None:
    proved = check_proof(_proof(), ENTRIES[4], parse_policy(POLICY), NOW)

    assert proved.checkpoint == _checkpoint()
    assert sorted(proved.seen) == ["hospital", "university"]
    assert proved.time() == NOW


@pytest.mark.parametrize("cosigners", [(), (0,), (1,), (2,)])
def test_fewer_than_the_quorum_is_refused(cosigners: tuple[int, ...]) -> None:
    with pytest.raises(BadNote, match="too few"):
        check_proof(_proof(cosigners=cosigners), ENTRIES[4], parse_policy(POLICY), NOW)


@pytest.mark.parametrize("entry", [ENTRIES[3], b"", ENTRIES[4] + b"x"])
def test_another_document_is_refused(entry: bytes) -> None:
    with pytest.raises(BadProof):
        check_proof(_proof(), entry, parse_policy(POLICY), NOW)


def test_another_log_is_refused() -> None:
    other = NoteSigner("log.port.example", b"M" * 32)
    policy = POLICY.replace(LOG.vkey.text.encode(), other.vkey.text.encode())

    with pytest.raises(BadNote):
        check_proof(_proof(), ENTRIES[4], parse_policy(policy), NOW)


def test_the_future_is_refused() -> None:
    assert check_proof(_proof(time=NOW + 300), ENTRIES[4], parse_policy(POLICY), NOW)
    for time in (NOW + 301, 2**63):
        with pytest.raises(BadNote, match="future"):
            check_proof(_proof(time=time), ENTRIES[4], parse_policy(POLICY), NOW)


@given(st.data())
def test_a_flipped_bit_is_refused(draw: st.DataObject) -> None:
    raw = bytearray(_proof())
    at = draw.draw(st.integers(0, len(raw) * 8 - 1))
    raw[at // 8] ^= 1 << at % 8

    with pytest.raises((BadNote, BadProof)):
        check_proof(bytes(raw), ENTRIES[4], parse_policy(POLICY), NOW)


def test_the_extra_line_is_ignored() -> None:
    raw = _proof().replace(b"\nindex", b"\nextra AAAA\nindex", 1)

    assert check_proof(raw, ENTRIES[4], parse_policy(POLICY), NOW)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        _proof()[1:],
        _proof().replace(b"index 4", b"index 04"),
        _proof().replace(b"index 4", b"index -4"),
    ],
)
def test_other_forms_of_proofs_are_refused(raw: bytes) -> None:
    with pytest.raises(BadNote):
        parse_proof(raw)


def test_the_post_quantum_message_is_what_the_specification_says() -> None:
    message = message_mldsa44("w", Checkpoint("o", 2, b"R" * 32), 1)

    assert (
        message
        == b"subtree/v1\n\0"
        + b"\x01w"
        + bytes(7)
        + b"\x01"
        + b"\x01o"
        + bytes(8)
        + bytes(7)
        + b"\x02"
        + b"R" * 32
    )
    assert len(COSIGNERS[1].vkey.public_key) == 1312
    assert len(COSIGNERS[1].cosign(_checkpoint(), NOW).signature) == 8 + 2420


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("quorum three", "quorum four"),
        ("quorum three", "quorum three\nquorum three"),
        ("quorum three", ""),
        ("group three 2", "group three 4"),
        ("group three 2", "group three 0"),
        ("group three 2 hospital", "group three 2 police"),
        ("group three 2", "group hospital 2"),
        ("group three 2 hospital university", "group other 1 hospital\ngroup three 2 hospital university"),
        ("witness\tuniversity", "witness\thospital"),
        ("# who", "watcher x\n# who"),
        ("# who", "\x0b# who"),
    ],
)
def test_wrong_policies_are_refused(old: str, new: str) -> None:
    assert old.encode() in POLICY
    with pytest.raises(BadNote):
        parse_policy(POLICY.replace(old.encode(), new.encode(), 1))


def test_one_key_under_two_names_is_refused() -> None:
    twice = POLICY.replace(b"group", b"witness again " + COSIGNERS[0].vkey.text.encode() + b"\ngroup")

    with pytest.raises(BadNote, match="twice"):
        parse_policy(twice)


@pytest.mark.parametrize(("needs", "met"), [("all", False), ("any", True), ("1", True), ("3", False)])
def test_quorums_count(needs: str, met: bool) -> None:
    policy = parse_policy(POLICY.replace(b"three 2", b"three " + needs.encode()))

    assert policy.is_met(["hospital", "bar"]) is met


# The witness


def _request(old: int, new: int, signer: NoteSigner = LOG, proof: list[bytes] | None = None) -> bytes:
    from base64 import b64encode

    checkpoint = Checkpoint(LOG.name, new, _ranges(0, new))
    hashes = prove_consistency(old, new, _ranges) if proof is None and 0 < old <= new else proof or []
    lines = "".join(b64encode(h).decode() + "\n" for h in hashes)
    return f"old {old}\n{lines}\n".encode() + signer.note(checkpoint.text).raw


def _ask(raw: bytes, seen: Seen = NOTHING_SEEN) -> int:
    return add_checkpoint(raw, {LOG.name: [LOG.vkey]}, {LOG.name: seen}, COSIGNERS, NOW).status


def test_a_witness_cosigns_what_continues() -> None:
    seen = NOTHING_SEEN
    for size in (3, 3, 8, 9):
        answer = add_checkpoint(
            _request(seen.size, size), {LOG.name: [LOG.vkey]}, {LOG.name: seen}, COSIGNERS[:1], NOW
        )
        assert answer.status == 200
        assert answer.store == _checkpoint(size)
        seen = Seen(answer.store.size, answer.store.root)
        assert answer.body == COSIGNERS[0].cosign(_checkpoint(size), NOW).line


def test_a_witness_refuses_the_rest() -> None:
    three = Seen(3, _ranges(0, 3))
    empty = Checkpoint(LOG.name, 0, b"x" * 32)
    stranger = NoteSigner("log.port.example", b"Z" * 32)

    assert _ask(b"nonsense") == 400
    assert _ask(_request(9, 3), Seen(9, _ranges(0, 9))) == 400
    assert _ask(_request(3, 9).replace(b"log.port.example", b"other.example")) == 404
    assert _ask(_request(3, 9, stranger), three) == 403
    assert _ask(_request(0, 9), three) == 409
    assert _ask(_request(3, 9, proof=[b"p" * 32]), three) == 422
    assert _ask(_request(0, 9, proof=[b"p" * 32])) == 422
    assert _ask(_request(3, 3), Seen(3, b"r" * 32)) == 422
    assert _ask(b"old 0\n\n" + LOG.note(empty.text).raw) == 422
    assert _ask(b"old 0\n\n" + LOG.note(Checkpoint(LOG.name, 0, EMPTY_ROOT).text).raw) == 200
