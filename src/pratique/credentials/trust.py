"""Signed bundles: made by the server, carried to every verifier, refused when older than what is there.

    file = CBOR {"body": bstr, "signatures": [[kid, sig], …]}
    sig  = Ed25519 over "pratique-bundle\\n" ‖ body, by root keys; a quorum of different roots must have signed

The body is the deterministic CBOR of `Bundle`. Nothing in this file is taken on trust from the file itself.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ed25519

from pratique.core.canonical import canonical_cbor
from pratique.core.signer import Signer
from pratique.credentials import sources
from pratique.credentials.cbor import read_exact
from pratique.credentials.cose import EDDSA, is_signed, public_key
from pratique.credentials.reasons import BadCbor, BadTrust, CredentialError, TooLarge
from pratique.credentials.shc_keys import ANY_ISSUER, ShcIssuer
from pratique.credentials.snapshot import Bundle, KeyEntry, Snapshot, StatusEntry
from pratique.credentials.status import Token, cwt_token_kid, jwt_token_kid, open_cwt_token, open_jwt_token

__all__ = [
    "Bundle",
    "KeyEntry",
    "Snapshot",
    "StatusEntry",
    "bundle_body",
    "make_bundle",
    "read_bundle",
    "read_trust",
    "tag_of",
]

_DOMAIN = b"pratique-bundle\n"
MAX_BUNDLE = 256 << 20


def bundle_body(bundle: Bundle) -> bytes:
    """The bytes that roots sign (after the domain line): deterministic, equal for equal bundles."""
    return canonical_cbor(msgspec.to_builtins(bundle, builtin_types=(bytes,)))


def make_bundle(bundle: Bundle, signers: Sequence[Signer]) -> bytes:
    """A signed bundle file. Raises BadTrust without a signer or where it expires before it was issued."""
    if not signers or bundle.expires <= bundle.issued:
        raise BadTrust("a bundle is signed and ends after it begins")
    body = bundle_body(bundle)
    signatures = [[signer.kid, signer.sign(_DOMAIN + body)] for signer in signers]
    return canonical_cbor({"body": body, "signatures": signatures})


def tag_of(raw: bytes) -> str:
    """The ETag of a bundle file: half of its SHA-256, quoted. Whoever holds the file knows its tag."""
    return f'"{sha256(raw).hexdigest()[:32]}"'


def read_bundle(
    raw: bytes, roots: Sequence[bytes], quorum: int, at_least: int, now: datetime, *, grace_s: int = 0
) -> Snapshot:
    """The snapshot of a bundle signed by at least `quorum` of the `roots` (raw Ed25519 keys).

    Raises BadTrust: BAD_TRUST for form or signatures, ROLLBACK for a number below `at_least` (the highest seen),
    LIST_EXPIRED at or after its end plus `grace_s` seconds (within the grace `verify` reports LISTS_STALE).
    """
    body, signatures = open_bundle(raw)
    signed_by = {root for root in set(roots) if any(_is_signed(root, sig, body) for sig in signatures)}
    if quorum < 1 or len(signed_by) < quorum:
        raise BadTrust(f"signed by {len(signed_by)} of the {quorum} root keys that are needed")
    bundle = read_body(body)
    if bundle.number < at_least:
        raise BadTrust(f"number {bundle.number}, and {at_least} was seen already", "ROLLBACK")
    if bundle.expires + grace_s <= now.timestamp():
        raise BadTrust("the bundle has expired", "LIST_EXPIRED")
    return Snapshot(bundle)


def open_bundle(raw: bytes) -> tuple[bytes, list[bytes]]:
    """Body and signatures, unchecked. Raises BadTrust where the file is not a bundle."""
    if len(raw) > MAX_BUNDLE:
        raise BadTrust("larger than any bundle")
    try:
        value = read_exact(raw)
    except (BadCbor, TooLarge):
        raise BadTrust("not a bundle file") from None
    if (
        not isinstance(value, dict)
        or value.keys() != {"body", "signatures"}
        or not isinstance(value["body"], bytes)
    ):
        raise BadTrust("not a bundle file")
    rows = value["signatures"]
    if not isinstance(rows, list) or len(rows) > 16 or not all(_is_row(row) for row in rows):
        raise BadTrust("the signatures are not a list of key id and signature")
    return value["body"], [row[1] for row in rows]


def read_body(body: bytes) -> Bundle:
    """The bundle in signed bytes. Raises BadTrust for unknown fields and wrong types."""
    try:
        return msgspec.convert(read_exact(body), Bundle, builtin_types=(bytes,))
    except (BadCbor, TooLarge, msgspec.ValidationError):
        raise BadTrust("the bundle's body is not of the known form") from None


def _is_row(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 2 and isinstance(row[0], bytes) and isinstance(row[1], bytes)


def _is_signed(root: bytes, signature: bytes, body: bytes) -> bool:
    return is_signed(EDDSA, ed25519.Ed25519PublicKey.from_public_bytes(root), signature, _DOMAIN + body)


_NEVER = 1 << 53


def read_trust(path: Path, *, icvp: bool = False) -> Snapshot:
    """The snapshot of trust given by hand: a bundle, a DGCG list, a key set, a did document, or a folder of such.

    A file named by the one who runs the program is trusted for being named: a bundle's signatures are counted and
    reported in `Snapshot.notes`, not required. Raises BadTrust, also where the path cannot be read.
    """
    try:
        if path.is_dir():
            return snapshot_of(sources.read_folder(path), icvp=icvp)
        raw = path.read_bytes()
    except OSError as fault:
        raise BadTrust(f"{path.name} cannot be read: {fault.strerror}") from None
    if raw[:1] == b"\xa2" and b"signatures" in raw:
        body, signatures = open_bundle(raw)
        note = f"a bundle with {len(signatures)} signatures that were not checked against root keys"
        return Snapshot(read_body(body), icvp=icvp, notes=(note,))
    return snapshot_of(sources.read_source(raw), icvp=icvp)


def snapshot_of(found: sources.Found, *, icvp: bool = False) -> Snapshot:
    """A snapshot that never ends of what was found in files. Raises BadTrust where there is no key at all."""
    if not found.keys and not found.shc:
        raise BadTrust("; ".join(("there is no key to trust in it", *found.notes)))
    listed = set(found.directory)
    shc = tuple(
        ShcIssuer(
            one.iss,
            one.keys,
            (*one.crls, *found.crls),
            one.name,
            listed=not listed or one.iss == ANY_ISSUER or one.iss in listed,
        )
        for one in found.shc
    )
    value_sets = dict(found.value_sets)
    status, notes = status_entries(found)
    made = Bundle(
        number=0,
        issued=0,
        expires=_NEVER,
        keys=found.keys,
        status=status,
        shc=shc,
        hashes=found.hashes,
        value_sets=value_sets,
    )
    return Snapshot(made, icvp=icvp, notes=(*found.notes, *notes))


def status_entries(found: sources.Found) -> tuple[tuple[StatusEntry, ...], tuple[str, ...]]:
    """The status lists in tokens that a certificate key among `found` signed, the newest of each address; and in words
    why others were left out. A list counts for the certificates of its signer's country only."""
    made: dict[str, tuple[int, StatusEntry]] = {}
    notes: list[str] = []
    for raw in found.status_tokens:
        try:
            token, issuer = _opened(raw, found.keys)
        except CredentialError as fault:
            notes.append(f"a status list token was left out: {fault}")
            continue
        statuses = token.statuses
        entry = StatusEntry(
            issuer, 0, statuses.bits, statuses.pack(), statuses.size, uri=token.uri, expires=token.expires
        )
        if token.uri not in made or made[token.uri][0] < token.issued:
            made[token.uri] = token.issued, entry
    return tuple(entry for _, entry in made.values()), tuple(notes)


def _opened(raw: bytes, keys: Sequence[KeyEntry]) -> tuple[Token, str]:
    is_cwt = raw[:1] == b"\xd2"
    text = "" if is_cwt else raw.decode("ascii").strip()
    kid = cwt_token_kid(raw) if is_cwt else jwt_token_kid(text)
    fault = CredentialError("UNKNOWN_KEY", "status list token")
    for entry in keys:
        if entry.kid != kid or entry.purpose != "hcert":
            continue
        try:
            key = public_key(entry.key)
            return open_cwt_token(raw, key) if is_cwt else open_jwt_token(text, key), entry.issuer
        except CredentialError as why:
            fault = why
    raise fault
