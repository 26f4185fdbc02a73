"""Signed notes: the specification's example, one form only, one flipped bit is enough to refuse."""

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.mandates.note import (
    BadNote,
    NoteSigner,
    VerifierKey,
    check_note,
    open_note,
    parse_note,
    parse_vkey,
    sign_note,
)

# The example of the C2SP signed-note specification.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
ONE, TWO = NoteSigner("one.example/legal", b"1" * 32), NoteSigner("two.example/public-health", b"2" * 32)


def test_it_works() -> None:
    note = open_note(NOTE, [parse_vkey(VKEY)])

    assert note.text == b"This is an example message.\n"
    assert note.raw == NOTE
    assert parse_vkey(VKEY).text == VKEY


def test_key_ids_are_the_hash_of_name_type_and_key() -> None:
    public = ONE.public_key

    assert ONE.kid == sha256(b"one.example/legal\n\x01" + public).digest()[:4]
    packed = base64.b64encode(b"\x01" + public).decode()
    assert ONE.vkey.text == f"one.example/legal+{ONE.kid.hex()}+{packed}"
    assert parse_vkey(ONE.vkey.text) == ONE.vkey


def test_a_private_key_comes_back_from_its_text() -> None:
    again = NoteSigner.read(ONE.private_text())

    assert again.vkey == ONE.vkey
    for spoiled in ("", ONE.vkey.text, ONE.private_text()[:-8], ONE.private_text().replace("legal", "court")):
        with pytest.raises(BadNote):
            NoteSigner.read(spoiled)


@given(
    st.text(
        st.characters(exclude_characters="\r", exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=200
    )
)
def test_what_is_signed_verifies_and_every_flipped_bit_is_refused(body: str) -> None:
    text = body.encode() + b"\n"
    raw = sign_note(text, ONE, TWO).raw

    assert check_note(parse_note(raw), [ONE.vkey, TWO.vkey]) == (ONE.vkey, TWO.vkey)
    at = len(raw) * 7 // 11
    spoiled = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
    try:
        signers = check_note(parse_note(spoiled), [ONE.vkey, TWO.vkey])
    except BadNote:
        return
    # A flip in a line's name or key id makes that key unknown; it can never make it good.
    assert len(signers) < 2


def test_every_bit_of_the_example_counts() -> None:
    key = parse_vkey(VKEY)
    for at in range(len(NOTE) * 8):
        spoiled = bytearray(NOTE)
        spoiled[at // 8] ^= 1 << at % 8
        with pytest.raises(BadNote):
            open_note(bytes(spoiled), [key])


def test_unknown_keys_are_ignored_and_a_bad_known_one_spoils_the_note() -> None:
    raw = sign_note(b"text\n", ONE, TWO).raw
    same_name = NoteSigner(ONE.name, b"9" * 32)
    same_id = VerifierKey("other.example/legal", 1, ONE.public_key)
    bad = parse_note(raw)
    bad = bad._replace(signatures=(bad.signatures[0]._replace(signature=bytes(64)), bad.signatures[1]))

    assert check_note(parse_note(raw), [ONE.vkey, same_name.vkey, same_id]) == (ONE.vkey,)
    with pytest.raises(BadNote, match="no known key"):
        check_note(parse_note(raw), [same_name.vkey, same_id])
    with pytest.raises(BadNote, match="wrong"):
        check_note(bad, [ONE.vkey, TWO.vkey])
    assert check_note(bad, [TWO.vkey]) == (TWO.vkey,)


def test_the_last_empty_line_separates() -> None:
    text = b"first\n\n\xe2\x80\x94 looks like a signature\n\nlast\n"

    assert parse_note(sign_note(text, ONE).raw).text == text


def test_sixteen_signatures_and_more_are_read() -> None:
    signers = [NoteSigner(f"k{i}.example", bytes([i]) * 32) for i in range(40)]

    assert len(check_note(parse_note(sign_note(b"t\n", *signers).raw), [s.vkey for s in signers])) == 40


LINE = ONE.signature(b"t\n").line


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"t\n",
        b"t\n\n",
        b"t" + b"\n" + LINE,
        b"t\n\n" + LINE[:-1],
        b"t\n\n" + LINE + b"\n",
        b"t\r\n\r\n" + LINE,
        b"t\x00\n\n" + LINE,
        b"t\t\n\n" + LINE,
        b"\xff\n\n" + LINE,
        b"t\n\n-" + LINE[3:],
        b"t\n\n" + LINE.replace(b"=", b""),
        b"t\n\n" + "— a+b AAAAAAAA\n".encode(),
        b"t\n\n" + "— ab AAAA\n".encode(),
        b"t\n\n" + "— ab  AAAAAAAA\n".encode(),
        b"t\n\n" + "— ab AAAAAAB=\n".encode(),
        b"t\n\n" + LINE * 65,
        b"t\n\n" + LINE * 20_000,
        b"t" * 70_000 + b"\n\n" + LINE,
    ],
)
def test_other_forms_are_refused(raw: bytes) -> None:
    with pytest.raises(BadNote):
        parse_note(raw)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("530d903a", "530D903A"),
        VKEY.replace("foo", "fob"),
        VKEY.replace("/", " ", 1),
        VKEY[:-4],
        VKEY + "AA==",
        "a+00000000+Ag==",
    ],
)
def test_other_forms_of_keys_are_refused(text: str) -> None:
    with pytest.raises(BadNote):
        parse_vkey(text)


@pytest.mark.parametrize("text", [b"", b"no newline", b"\x00\n", b"\xff\n"])
def test_what_is_no_text_is_not_signed(text: bytes) -> None:
    with pytest.raises(BadNote):
        sign_note(text, ONE)


@given(st.binary(max_size=400))
def test_anything_is_parsed_or_refused(raw: bytes) -> None:
    try:
        note = parse_note(raw)
    except BadNote:
        return
    assert note.raw == raw
