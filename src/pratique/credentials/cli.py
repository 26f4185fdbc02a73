"""`pratique verify`: credentials as text or pictures in, one JSON object a line out (HOUSE section 5).

Thin: reads files, calls `verify`, prints. Exit codes: 0 all good · 1 something refused · 2 called wrongly.
"""

import os
import re
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple

import msgspec
from cyclopts import Parameter

from pratique.credentials import sources
from pratique.credentials.model import Outcome, Stages
from pratique.credentials.qr import read_picture
from pratique.credentials.reasons import REASONS, BadText, CredentialError
from pratique.credentials.shc_files import cards_in
from pratique.credentials.snapshot import Snapshot
from pratique.credentials.trust import read_bundle, read_trust, snapshot_of
from pratique.credentials.verify import verify as verify_text

_CHUNK = re.compile(r"shc:/[1-9][0-9]?/[1-9][0-9]?/[0-9]*")
_KNOWN = ("HC1:", "PQ1:", "shc:/")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")
_MAX_FILE = 64 << 20


class CalledWrongly(Exception):  # noqa: N818 - an answer to the caller
    """What, where, what to do; ends with exit code 2."""


class TrustRefused(Exception):  # noqa: N818 - an answer to the caller
    """The trust that was named cannot be used; ends with exit code 1."""


def verify(
    files: Annotated[
        list[str] | None, Parameter(negative="", consume_multiple=True, allow_leading_hyphen=True)
    ] = None,
    /,
    *,
    trust: Annotated[list[Path] | None, Parameter(negative="")] = None,
    at: str | None = None,
    jsonl: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    root: Annotated[list[str] | None, Parameter(negative="", allow_leading_hyphen=True)] = None,
    quorum: int = 1,
    grace: float = 0,
    icvp: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Verify health certificates and passes, offline.

    Prints one JSON object a line: file (or id), ok, format, reason, stages, claims, findings, and why in words.

    Parameters
    ----------
    files
        Texts, PNG or JPEG pictures, .smart-health-card files; - reads texts from standard input, one a line.
    trust
        A signed bundle, a DGCG list, a key set, a did document, a status list token, or a folder of PEM, DER and all
        these. Repeatable.
    at
        The time to verify at, RFC 3339; no zone means UTC. Without it, now.
    jsonl
        A file (or -) with one object a line: {"id", "text", "at"}.
    root
        A root key of a bundle, base64url. With it a bundle must be signed by `quorum` roots. May be repeated.
    quorum
        How many roots must have signed.
    grace
        Hours for which a bundle with `root` may still be used after its end; every line then carries LISTS_STALE.
    icvp
        Also read what WHO has proposed: vaccination certificates (ICVP), DDCC, health links.
    """
    try:
        moment = parse_time(at) if at else datetime.now(UTC)  # noqa: TID251 - the edge
        if not trust:
            raise CalledWrongly("--trust is missing: name a trust list, a bundle or a folder of keys")
        if not files and jsonl is None:
            raise CalledWrongly("nothing to verify: name files, - for standard input, or --jsonl")
        limits = _Limits(tuple(_root(text) for text in root or ()), quorum, grace, icvp)
        snapshot = _snapshot(trust, limits, moment)
        for note in (*snapshot.age_notes(moment), *snapshot.notes):
            print(f"pratique verify: {note}", file=sys.stderr)
        lines = list(files or [])
        judged = _of_files(lines, moment, snapshot) if lines else iter(())
        good = _print(judged)
        if jsonl is not None:
            with _open(jsonl) as source:
                good = _print(_of_lines(source, moment, snapshot)) and good
        return 0 if good else 1
    except CalledWrongly as fault:
        print(f"pratique verify: {fault}", file=sys.stderr)
        return 2
    except TrustRefused as fault:
        print(f"pratique verify: {fault}", file=sys.stderr)
        return 1


def parse_time(text: str) -> datetime:
    """RFC 3339, and what test data holds besides: no zone (UTC), `+0200`, long fractions, seconds since 1970."""
    try:
        if re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", text) and not re.fullmatch(r"[0-9]{4}|[0-9]{8}", text):
            return datetime.fromtimestamp(float(text), UTC)
        at = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text.strip()))
    except (ValueError, OverflowError):
        raise CalledWrongly("a time is not RFC 3339, such as 2021-06-01T12:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class _Limits(NamedTuple):
    """What the caller says about the trust: its roots, how many must have signed, hours of grace, proposals."""

    roots: tuple[bytes, ...]
    quorum: int
    grace: float
    icvp: bool


def _snapshot(paths: list[Path], limits: _Limits, now: datetime) -> Snapshot:
    for path in paths:
        if not os.access(path, os.R_OK):
            raise CalledWrongly(f"{path}: No such file, or it cannot be read")
    try:
        if limits.roots:
            if len(paths) > 1:
                raise CalledWrongly("--root: name one bundle with --trust")
            grace_s = round(limits.grace * 3600)
            bundle = read_bundle(paths[0].read_bytes(), limits.roots, limits.quorum, 0, now, grace_s=grace_s)
            return Snapshot(bundle.bundle, icvp=limits.icvp)
        if len(paths) == 1:
            return read_trust(paths[0], icvp=limits.icvp)
        found = [
            sources.read_folder(path) if path.is_dir() else sources.read_source(path.read_bytes())
            for path in paths
        ]
        return snapshot_of(sources.merge(found), icvp=limits.icvp)
    except CredentialError as fault:
        raise TrustRefused(f"{', '.join(map(str, paths))}: {fault.detail or fault.code}") from None
    except OSError as fault:
        raise CalledWrongly(f"{fault.filename}: {fault.strerror}") from None


def _root(text: str) -> bytes:
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise CalledWrongly("--root: an Ed25519 key is 32 bytes in base64url")
    return raw


def _of_files(names: list[str], at: datetime, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    chunks: list[tuple[str, str]] = []
    for name in names:
        try:
            texts = _texts(name)
        except CredentialError as fault:
            yield _line(Outcome(False, None, fault.code, Stages(), detail=fault.detail), file=name)
            continue
        for text in texts:
            if _CHUNK.fullmatch(text):
                chunks.append((name, text))
            else:
                yield _line(verify_text(text, at, snapshot), file=name)
    if chunks:  # the parts of one card may come in several pictures
        joined = " ".join(text for _, text in chunks)
        yield _line(verify_text(joined, at, snapshot), file=chunks[0][0])


def _texts(name: str) -> list[str]:
    """The credentials in a file. A text keeps its spaces: base45 uses them, also at the end."""
    with _open(name) as source:
        raw = source.read(_MAX_FILE)
    if raw.startswith(_PICTURES):
        found = read_picture(raw)
        if not found:
            raise CredentialError("UNREADABLE", "no QR code in the picture")
        return [text for text in found if text.startswith(_KNOWN)] or found[:1]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadText("neither a picture nor text") from None
    if text.lstrip().startswith("{"):
        return cards_in(text)
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    return lines or [""]


def _of_lines(source: BinaryIO, at: datetime, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    for raw in source:
        if not raw.strip():
            continue
        name: Any = None
        try:
            row = msgspec.json.decode(raw)
            name = row["id"]
            moment = parse_time(str(row["at"])) if row.get("at") is not None else at
            outcome = verify_text(str(row["text"]), moment, snapshot)
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError, CalledWrongly):
            detail = "the line is not an object with id, text and an RFC 3339 at"
            outcome = Outcome(False, None, "BAD_TEXT", Stages(), detail=detail)
        yield _line(outcome, id=name)


def _line(outcome: Outcome, **name: Any) -> dict[str, Any]:
    line = name | {
        "ok": outcome.ok,
        "format": outcome.format,
        "reason": outcome.reason,
        "stages": outcome.stages,
        "claims": outcome.claims,
        "findings": outcome.findings,
    }
    if outcome.detail:
        line["detail"] = outcome.detail
    if outcome.reason:
        why = REASONS[outcome.reason]
        line |= {"why": why.why, "remedy": why.remedy}
    return line


def _print(lines: Iterable[dict[str, Any]]) -> bool:
    good = True
    encoder = msgspec.json.Encoder()
    for line in lines:
        good = good and line["ok"]
        sys.stdout.buffer.write(encoder.encode(line) + b"\n")
        sys.stdout.buffer.flush()
    return good


def _open(name: str) -> BinaryIO:
    try:
        return sys.stdin.buffer if name == "-" else Path(name).open("rb")
    except OSError as fault:
        raise CalledWrongly(f"{name}: {fault.strerror}") from None
