"""The transparency log beside published vectors: proofs, whole logs as files, notes, witness steps."""

import base64
import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from pratique.mandates import tree
from pratique.mandates.checkpoint import Checkpoint, open_checkpoint
from pratique.mandates.cosign import Cosigner
from pratique.mandates.note import (
    COSIGN_ED25519,
    COSIGN_MLDSA44,
    BadNote,
    NoteSigner,
    VerifierKey,
    open_note,
    parse_vkey,
)
from pratique.mandates.tiles import (
    TreeOfTiles,
    bundle_path,
    bundles_of,
    pack_bundle,
    tile_path,
    tiles_of,
    unpack_bundle,
)
from pratique.mandates.tree import BadProof
from pratique.mandates.witness import Seen, add_checkpoint

Row = tuple[str, int, int, int, list[str]]


def run(data: Path) -> Iterable[Row]:
    """(source, passed, failed, skipped, first failures) for each group of vectors under signals/tlog."""
    folder = data / "signals" / "tlog"
    for path in sorted((folder / "merkle").glob("*.jsonl")):
        yield _score(f"merkle/{path.name}", _merkle(path))
    for path in sorted((folder / "tiles").iterdir()):
        yield _score(f"tiles/{path.name} files", _rebuild(path))
        yield _score(f"tiles/{path.name} proofs", _proofs(path))
    yield _score("notes", _notes(folder / "notes" / "notes.json"))
    for path in sorted((folder / "witness").glob("*.json")):
        yield _score(f"witness/{path.name}", _witness(path))


def _score(source: str, cases: Iterable[tuple[str, bool]]) -> Row:
    passed, failures = 0, []
    for name, good in cases:
        if good:
            passed += 1
        else:
            failures.append(name)
    return source, passed, len(failures), 0, failures[:5]


def _holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except BadProof:
        return False
    return True


def _b64(values: list[str] | None) -> list[bytes]:
    return [base64.b64decode(value) for value in values or []]


def _merkle(path: Path) -> Iterable[tuple[str, bool]]:
    for line in path.read_text().splitlines():
        v = json.loads(line)
        proof = _b64(v["proof"])
        if path.stem == "inclusion":
            leaf, root = _b64([v["leafHash"], v["root"]])
            held = _holds(
                lambda v=v, le=leaf, p=proof, r=root: tree.check_inclusion(
                    v["leafIdx"], v["treeSize"], le, p, r
                )
            )
        elif path.stem == "consistency":
            one, two = _b64([v["root1"], v["root2"]])
            held = _holds(
                lambda v=v, o=one, t=two, p=proof: tree.check_consistency(v["size1"], v["size2"], p, o, t)
            )
        elif path.stem == "subtreeinclusion":
            leaf, root = _b64([v["leafHash"], v["root"]])
            held = _holds(
                lambda v=v, le=leaf, p=proof, r=root: tree.check_subtree_inclusion(
                    v["leafIdx"], v["start"], v["end"], le, p, r
                )
            )
        else:
            one, two = _b64([v["root1"], v["root2"]])
            held = _holds(
                lambda v=v, o=one, t=two, p=proof: tree.check_subtree_consistency(
                    v["start"], v["end"], v["size"], p, o, t
                )
            )
        yield v["name"], held is not v["wantErr"]


def _rebuild(folder: Path) -> Iterable[tuple[str, bool]]:
    """From the entries alone: every tile, every bundle and the checkpoint, byte for byte."""
    vectors = json.loads((folder / "vectors.json").read_text())
    size = vectors["size"]
    entries: list[bytes] = []
    expected = {"checkpoint"}
    for index, width in bundles_of(size):
        path = bundle_path(index, width)
        raw = (folder / path).read_bytes()
        entries += (found := unpack_bundle(raw, width))
        expected.add(path)
        yield path, pack_bundle(found) == raw
    level_hashes = [list(map(tree.leaf_hash, entries))]
    for level, index, width in tiles_of(size):
        if level == len(level_hashes):
            below = level_hashes[-1]
            level_hashes.append(
                [tree.root_hash(below[i : i + 256]) for i in range(0, len(below) // 256 * 256, 256)]
            )
        path = tile_path(level, index, width)
        expected.add(path)
        made = b"".join(level_hashes[level][index * 256 : index * 256 + width])
        yield path, made == (folder / path).read_bytes()
    signer = NoteSigner(vectors["origin"], sha256(vectors["seed_sha256_of"].encode()).digest())
    made = signer.note(Checkpoint(vectors["origin"], size, tree.root_hash(level_hashes[0])).text).raw
    yield "checkpoint", made == (folder / "checkpoint").read_bytes() and signer.vkey.text == vectors["vkey"]
    # Files of earlier sizes may lie there as well: a log keeps a partial tile at least until it is full.
    yield "every tile of this size was looked at", all((folder / path).is_file() for path in expected)


def _proofs(folder: Path) -> Iterable[tuple[str, bool]]:
    """Every root and proof is found again from the tiles, holds, and fails with any one bit flipped."""
    vectors: dict[str, Any] = json.loads((folder / "vectors.json").read_text())
    size = vectors["size"]
    _, checkpoint = open_checkpoint(
        (folder / "checkpoint").read_bytes(), [parse_vkey(vectors["vkey"])], vectors["origin"]
    )
    tiles = TreeOfTiles(
        size, lambda level, index, width: (folder / tile_path(level, index, width)).read_bytes()
    )
    yield "root", tiles.root() == checkpoint.root
    for text, root in vectors["roots"].items():
        yield f"root at {text}", tiles.root(int(text)) == base64.b64decode(root)
    for v in vectors["inclusion"]:
        leaf, root = _b64([v["leaf"], v["root"]])
        proof = _b64(v["proof"])
        good = _holds(
            lambda v=v, le=leaf, p=proof, r=root: tree.check_inclusion(v["index"], v["size"], le, p, r)
        )
        made = tiles.inclusion(v["index"], v["size"]) == proof and tiles.leaf(v["index"]) == leaf
        spoiled = all(
            not _holds(lambda v=v, c=changed: tree.check_inclusion(v["index"], v["size"], c[0], c[2:], c[1]))
            for changed in _flips([leaf, root, *proof])
        )
        yield f"inclusion {v['index']} in {v['size']}", good and made and spoiled
    for v in vectors["consistency"]:
        old, new = _b64([v["old_root"], v["new_root"]])
        proof = _b64(v["proof"])
        good = _holds(lambda v=v, o=old, n=new, p=proof: tree.check_consistency(v["old"], v["new"], p, o, n))
        made = tiles.consistency(v["old"], v["new"]) == proof
        spoiled = all(
            not _holds(lambda v=v, c=changed: tree.check_consistency(v["old"], v["new"], c[2:], c[0], c[1]))
            for changed in _flips([old, new, *proof])
        )
        yield f"consistency {v['old']} to {v['new']}", good and made and spoiled


def _flips(values: list[bytes]) -> Iterable[list[bytes]]:
    """The same values with one bit changed, once in each."""
    for i, value in enumerate(values):
        bit = (7 * i + 3) % 256
        changed = bytearray(value)
        changed[bit // 8] ^= 1 << bit % 8
        yield [*values[:i], bytes(changed), *values[i + 1 :]]


def _notes(path: Path) -> Iterable[tuple[str, bool]]:
    for i, v in enumerate(json.loads(path.read_text())["notes"]):
        try:
            open_note(v["note"].encode(), [parse_vkey(v["vkey"])])
            valid = True
        except BadNote:
            valid = False
        yield f"note {i}", valid is v["valid"]


def _witness(path: Path) -> Iterable[tuple[str, bool]]:
    """The requests in order against an empty witness. An unknown log is 404, as the specification says."""
    vectors = json.loads(path.read_text())
    logs = dict(_log(line) for line in vectors["log_setup"] if "-key" in line)
    name = vectors["witness_name"]
    cosigners = [
        Cosigner(name, kind, sha256(b"conformance").digest()) for kind in (COSIGN_ED25519, COSIGN_MLDSA44)
    ]
    seen: dict[str, Seen] = {}
    for i, request in enumerate(vectors["requests"]):
        answer = add_checkpoint(request["body"].encode(), logs, seen, cosigners, 1_700_000_000)
        if answer.store is not None:
            seen[answer.store.origin] = Seen(answer.store.size, answer.store.root)
        wanted = request.get("status_spec", request["status"])
        bodies = all(_says(answer.body.decode(), line) for line in request["asserts"])
        yield f"request {i}: {answer.status}, wanted {wanted}", answer.status == wanted and bodies


def _log(line: str) -> tuple[str, list[VerifierKey]]:
    words = line.replace("'", '"')
    key = line.rsplit("-key", 1)[1].strip(" =")
    if line.startswith("add-sigsum-log"):
        public = bytes.fromhex(key)
        origin = f"sigsum.org/v1/tree/{sha256(public).hexdigest()}"
        return origin, [VerifierKey(origin, 1, public)]
    return words.split('"')[1], [parse_vkey(key)]


def _says(body: str, line: str) -> bool:
    verb, quoted = line.removeprefix("body ").split(" ", 1)
    wanted = json.loads(quoted)
    return body == wanted if verb == "==" else wanted in body
