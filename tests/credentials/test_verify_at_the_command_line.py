"""`pratique verify`: one JSON object a line, exit code 0, 1 or 2, errors in one line."""

import io
import json
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from pratique.cli import main
from pratique.credentials import cli, qr
from pratique.credentials.keys import new_signer
from pratique.credentials.trust import make_bundle
from tests.credentials.making import ISSUER, NOW, bundle, hcert_key, hcert_text, pass_bytes, show
from tests.credentials.test_smart_health_cards import card, chunks, issuer

AT = "2026-01-05T12:00:00Z"


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    """A folder with ISSUER's public key."""
    folder = tmp_path / "trust"
    folder.mkdir()
    (folder / "issuer.der").write_bytes(ISSUER.spki)
    keys = json.loads(issuer().keys) | {"iss": issuer().iss}
    (folder / "shc.json").write_text(json.dumps(keys))
    return folder


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]], str]:
    with pytest.raises(SystemExit) as stopped:
        main(["verify", *map(str, arguments)])
    out, err = capfd.readouterr()
    return int(stopped.value.code or 0), [json.loads(line) for line in out.splitlines()], err


def test_it_works(tmp_path: Path, trust: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text, picture = tmp_path / "one.txt", tmp_path / "two.png"
    text.write_text(hcert_text() + "\n")
    picture.write_bytes(qr.to_png(qr.write(show(pass_bytes(status=None)))))

    code, lines, _ = run(capfd, text, picture, "--trust", trust, "--at", AT)
    assert code == 0
    assert [line["format"] for line in lines] == ["HC1", "PQ1"]
    assert lines[0]["file"] == str(text)
    assert lines[0]["stages"] == dict.fromkeys(
        ("prefix", "base45", "compression", "cose", "signature", "expiry", "key_usage", "schema"), True
    )


def test_a_refusal_says_why_in_both_languages_and_ends_with_1(
    tmp_path: Path, trust: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.txt").write_text(hcert_text())

    code, lines, _ = run(capfd, tmp_path / "one.txt", "--trust", trust, "--at", "2027-01-01T00:00:00Z")
    assert code == 1
    assert lines[0]["reason"] == "EXPIRED"
    assert lines[0]["why"].keys() == lines[0]["remedy"].keys() == {"en", "zh-Hans"}


def test_lines_of_json(
    tmp_path: Path, trust: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"id": 1, "text": hcert_text(), "at": AT},
        {"id": "two", "text": hcert_text(), "at": "2027-01-01T00:00:00.1234567+0200"},
        {"id": 3},
        {"id": 4, "text": hcert_text(), "at": "soon"},
    ]
    raw = "\n".join(json.dumps(row) for row in rows) + "\nnot json\n[]\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw.encode())))

    code, lines, _ = run(capfd, "--jsonl", "-", "--trust", trust)
    assert code == 1
    assert [(line["id"], line["reason"]) for line in lines] == [
        (1, None),
        ("two", "EXPIRED"),
        (3, "BAD_TEXT"),
        (4, "BAD_TEXT"),
        (None, "BAD_TEXT"),
        (None, "BAD_TEXT"),
    ]


def test_chunks_in_several_files_are_one_card(
    tmp_path: Path, trust: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = []
    for number, chunk in enumerate(chunks(card())):
        names.append(tmp_path / f"{number}.png")
        names[-1].write_bytes(qr.to_png(qr.write(chunk)))
    (tmp_path / "all.smart-health-card").write_text(json.dumps({"verifiableCredential": [card(), card()]}))

    code, lines, _ = run(capfd, *names, tmp_path / "all.smart-health-card", "--trust", trust, "--at", AT)
    assert code == 0
    assert [line["format"] for line in lines] == ["SHC"] * 3


def test_an_unreadable_picture_is_a_refusal(
    tmp_path: Path, trust: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.png").write_bytes(qr.to_png(qr.write("X"))[:50])

    code, lines, _ = run(capfd, tmp_path / "cut.png", "--trust", trust)
    assert code == 1
    assert lines[0]["reason"] == "UNREADABLE"


def test_a_bundle_under_roots(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root, other = new_signer("Ed25519"), new_signer("Ed25519")
    (tmp_path / "bundle").write_bytes(make_bundle(bundle(keys=(hcert_key(),)), [root]))
    (tmp_path / "one.txt").write_text(hcert_text())
    common = [tmp_path / "one.txt", "--trust", tmp_path / "bundle", "--at", AT, "--root"]

    code, _, _ = run(capfd, *common, urlsafe_b64encode(root.public_key).decode().rstrip("="))
    assert code == 0
    code, _, err = run(capfd, *common, urlsafe_b64encode(other.public_key).decode().rstrip("="))
    assert code == 1
    assert "signed by 0 of the 1 root keys" in err
    code, _, err = run(capfd, *common, "AAAA")
    assert (code, "32 bytes" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--trust is missing"),
        (["--trust", "{trust}"], "nothing to verify"),
        (["none.txt", "--trust", "{trust}"], "none.txt: No such file"),
        (["x", "--trust", "/nowhere"], "/nowhere: No such file"),
        (["x", "--trust", "{trust}", "--at", "tomorrow"], "RFC 3339"),
    ],
)
def test_calling_it_wrongly_ends_with_2_and_one_line(
    arguments: list[str], said: str, trust: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, lines, err = run(capfd, *(argument.format(trust=trust) for argument in arguments))

    assert code == 2
    assert lines == []
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2021-05-30T13:38:52.135211", "2021-05-30T13:38:52.135211+00:00"),
        ("2021-05-18T20:00:00+0200", "2021-05-18T20:00:00+02:00"),
        ("2021-05-18T20:00:00.1234567Z", "2021-05-18T20:00:00.123456+00:00"),
        ("1767614400", "2026-01-05T12:00:00+00:00"),
    ],
)
def test_times_as_test_data_writes_them(text: str, iso: str) -> None:
    assert cli.parse_time(text).isoformat() == iso


def test_now_is_used_where_no_time_is_given(
    tmp_path: Path, trust: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.txt").write_text(hcert_text())

    _, lines, _ = run(capfd, tmp_path / "one.txt", "--trust", trust)
    assert lines[0]["reason"] in ("EXPIRED", "NOT_YET_VALID")


def test_a_private_key_as_trust_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    keys = json.loads(issuer().keys)
    keys["keys"][0]["d"] = "AAAA"
    (tmp_path / "keys.json").write_text(json.dumps(keys))

    code, lines, err = run(capfd, tmp_path / "none.txt", "--trust", tmp_path / "keys.json")
    assert (code, lines) == (1, [])
    assert "private key" in err


def test_the_age_of_a_bundle_is_said_and_its_grace_is_the_callers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = new_signer("Ed25519")
    ends = int(NOW.timestamp()) + 3600
    (tmp_path / "bundle").write_bytes(make_bundle(bundle(keys=(hcert_key(),), expires=ends), [root]))
    (tmp_path / "one.txt").write_text(hcert_text())
    key = urlsafe_b64encode(root.public_key).decode()
    common = [tmp_path / "one.txt", "--trust", tmp_path / "bundle", "--root", key, "--at"]

    code, lines, err = run(capfd, *common, AT)
    assert (code, lines[0]["findings"]) == (0, [])
    assert "trust: list 7 of 2026-01-05, 0.0 days old\n" in err

    code, lines, err = run(capfd, *common, "2026-01-05T15:00:00Z")
    assert (code, lines) == (1, [])
    assert "has expired" in err

    code, lines, err = run(capfd, *common, "2026-01-05T15:00:00Z", "--grace", "2.5")
    assert (code, lines[0]["findings"]) == (0, ["LISTS_STALE"])
    assert "0.2 days old; it has ended" in err

    code, _, err = run(capfd, *common, AT, "--trust", tmp_path / "bundle")
    assert code == 2
    assert "name one bundle" in err
