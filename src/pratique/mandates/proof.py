"""Proofs that travel (C2SP tlog-proof@v1) and the trust policy that judges them (tlog-policy), as pure functions.

A `.tlog-proof` file shows, offline, that a document is in the public log: the log signed, a quorum of witnesses saw
it, the leaf is included.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pratique.mandates.checkpoint import Checkpoint, open_checkpoint, read_hash
from pratique.mandates.cosign import Cosignature, check_cosignature
from pratique.mandates.note import ED25519, BadNote, Note, VerifierKey, parse_vkey
from pratique.mandates.tree import MAX_PROOF, BadProof, check_inclusion, leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_FILE, MAX_POLICY, MOST = 131_072, 131_072, 32


class Proof(NamedTuple):
    """The leaf's index, the hashes (its sibling first) and the signed checkpoint."""

    leaf_index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    @property
    def raw(self) -> bytes:
        """The file."""
        lines = [
            HEADER,
            f"index {self.leaf_index}",
            *(base64.b64encode(h).decode() for h in self.hashes),
            "",
            "",
        ]
        return "\n".join(lines).encode() + self.checkpoint


def parse_proof(raw: bytes) -> Proof:
    """A `.tlog-proof` file. Its `extra` line is not authenticated and is ignored. Raises BadNote."""
    if len(raw) > MAX_PROOF_FILE:
        raise BadNote("a proof file has at most 128 KiB")
    top, found, checkpoint = raw.partition(b"\n\n")
    try:
        lines = top.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise BadNote("a proof's lines are ASCII") from None
    if not found or lines.pop(0) != HEADER:
        raise BadNote("this is not a tlog-proof of version 1")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)
    index = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0) if lines else "")
    if index is None:
        raise BadNote("the index is missing or not a decimal number without leading zeros")
    if len(lines) > MAX_PROOF:
        raise BadNote("a proof has at most 64 hashes")
    return Proof(int(index.group(1)), tuple(map(read_hash, lines)), checkpoint)


class Group(NamedTuple):
    """`needs` of `members` must agree; a member is a witness or an earlier group."""

    needs: int
    members: tuple[str, ...]


class TrustPolicy(NamedTuple):
    """Logs, witnesses, groups by name, and the name whose agreement is the quorum (`none`: nobody's)."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str

    def is_met(self, seen: Iterable[str]) -> bool:
        """True if the witnesses named in `seen` make the quorum."""
        agreed = dict.fromkeys(seen, True)
        for name, group in self.groups.items():  # only earlier names: one pass in order
            agreed[name] = sum(agreed.get(member, False) for member in group.members) >= group.needs
        return self.quorum == "none" or agreed.get(self.quorum, False)


def parse_policy(raw: bytes) -> TrustPolicy:
    """A tlog-policy file. Raises BadNote with the number of the line."""
    if len(raw) > MAX_POLICY or re.search(rb"[^\x09\x0a\x20-\x7e\x80-\xff]", raw):
        raise BadNote("a policy has at most 128 KiB and no control characters")
    logs: list[VerifierKey] = []
    witnesses: dict[str, VerifierKey] = {}
    groups: dict[str, Group] = {}
    grouped: set[str] = set()
    quorum: str | None = None
    for number, line in enumerate(raw.decode("utf-8", "replace").split("\n"), 1):
        words = re.split(r"[ \t]+", line.partition("#")[0].strip(" \t"))
        try:
            match words:
                case [""]:
                    continue
                case ["log", key] | ["log", key, _]:
                    logs.append(_fresh_key(key, logs, witnesses.values()))
                    if logs[-1].type != ED25519:
                        raise BadNote("a log signs with an Ed25519 key")
                case ["witness", name, key] | ["witness", name, key, _]:
                    _fresh_name(name, witnesses, groups)
                    witnesses[name] = _fresh_key(key, logs, witnesses.values())
                    if witnesses[name].type == ED25519:
                        raise BadNote("a witness signs with a cosignature key")
                case ["group", name, needs, *members] if members:
                    _fresh_name(name, witnesses, groups)
                    _fresh_members(members, {*witnesses, *groups}, grouped)
                    groups[name] = Group(_count(needs, len(members)), tuple(members))
                case ["quorum", name]:
                    if quorum is not None or (
                        name != "none" and name not in witnesses and name not in groups
                    ):
                        raise BadNote("one quorum line, of a name defined before")
                    quorum = name
                case _:
                    raise BadNote("not a line of a policy: log, witness, group or quorum")
            if max(len(logs), len(witnesses), len(groups)) > MOST:
                raise BadNote("at most 32 logs, 32 witnesses, 32 groups")
        except BadNote as fault:
            raise BadNote(f"line {number}: {fault}") from None
    if quorum is None or not logs:
        raise BadNote("a policy needs a log and a quorum line")
    return TrustPolicy(tuple(logs), witnesses, groups, quorum)


def _fresh_key(text: str, logs: list[VerifierKey], witnesses: Iterable[VerifierKey]) -> VerifierKey:
    key = parse_vkey(text)
    if any(key.public_key == known.public_key for known in [*logs, *witnesses]):
        raise BadNote("the same key stands twice")
    return key


def _fresh_name(name: str, *known: Mapping[str, object]) -> None:
    if name == "none" or any(name in names for names in known):
        raise BadNote("this name is taken")


def _fresh_members(members: list[str], known: set[str], grouped: set[str]) -> None:
    for name in members:
        if name not in known:
            raise BadNote("a member is not defined on an earlier line")
        if name in grouped:
            raise BadNote("a member is in two groups")
        grouped.add(name)


def _count(text: str, members: int) -> int:
    if text in ("any", "all"):
        return 1 if text == "any" else members
    if not re.fullmatch(r"[1-9][0-9]?", text) or int(text) > members:
        raise BadNote("a group needs all, any or a number of its members")
    return int(text)


class Proved(NamedTuple):
    """What a proof showed. `seen` holds each witness's name in the policy with its cosignature."""

    checkpoint: Checkpoint
    seen: Mapping[str, Cosignature]

    def time(self) -> int | None:
        """The median of the witnesses' times, seconds since 1970; None without witnesses."""
        times = sorted(cosignature.time for cosignature in self.seen.values())
        return times[len(times) // 2] if times else None


def check_proof(raw: bytes, entry: bytes, policy: TrustPolicy, now: int) -> Proved:
    """The entry is in a log of the policy, seen by its quorum. `now` in seconds. Raises BadNote or BadProof."""
    proof = parse_proof(raw)
    origin = proof.checkpoint.split(b"\n", 1)[0].decode("utf-8", "replace")
    keys = [key for key in policy.logs if key.name == origin]
    note, checkpoint = open_checkpoint(proof.checkpoint, keys, origin)
    seen = check_witnesses(note, checkpoint, policy, now)
    check_inclusion(proof.leaf_index, checkpoint.size, leaf_hash(entry), proof.hashes, checkpoint.root)
    return Proved(checkpoint, seen)


def check_witnesses(
    note: Note, checkpoint: Checkpoint, policy: TrustPolicy, now: int
) -> dict[str, Cosignature]:
    """The witnesses that cosigned. Raises BadNote if one is wrong or the quorum is not met."""
    seen = {
        name: found
        for name, key in policy.witnesses.items()
        if (found := check_cosignature(key, note, checkpoint, now)) is not None
    }
    if not policy.is_met(seen):
        raise BadNote("too few witnesses have seen this checkpoint")
    return seen


__all__ = ["BadProof", "Proof", "Proved", "TrustPolicy", "check_proof", "parse_policy", "parse_proof"]
