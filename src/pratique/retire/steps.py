"""The steps of a destruction. Each looks whether it was done, does it, and writes down that it is done.

So an interruption anywhere goes on where it stopped, and a step done twice changes nothing.
"""

import time
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec

from pratique.core.canonical import canonical_json
from pratique.fleet import service as fleet
from pratique.mandates import service as mandates
from pratique.mandates.document import digest
from pratique.mandates.keystore import ROOT_KIND
from pratique.mandates.note import parse_note
from pratique.people import service as people
from pratique.retire import canary, certificate, rooms, store
from pratique.retire.house import MAX_CERTIFICATE, Incomplete, Retiring
from pratique.retire.model import FoundBefore, KeyEvidence, Plan, Scanned
from pratique.retire.scan import Needle, files_below, forms, scan
from pratique.retire.store import Row
from pratique.store.store import Store
from pratique.store.tx import Tx

WAL_TRIES, WAL_PAUSE_S = 50, 0.1


def find_before(house: Retiring, row: Row) -> None:
    if row.found_before is not None:
        return
    moment = house.moment()
    house.store.write(lambda tx: store.put(tx, row.mandate_id, started_at=moment.now_ms))
    canaries = canary.known(house.home, row.mandate_id)
    found = wanted = ids = opened = sealed = 0
    for one in canaries:
        one_found, one_wanted = canary.forms_found(house.home, one)
        found, wanted = found + one_found, wanted + one_wanted
        with house.store.read() as tx:
            opened += canary.still_opens(tx, house.sealer, one)
            ids += bool(_in_tables(tx, one.ids())[1])
        sealed += len(one.texts())
    leaked = scan(_places(house), [needle for one in canaries for needle in one.texts()])
    before = FoundBefore(
        planted=len(canaries),
        forms_found=found,
        forms_wanted=wanted,
        ids_found=ids,
        sealed_opened=opened,
        sealed_wanted=sealed,
        leaked=tuple(f"{hit.needle} as {hit.form} in {hit.file} at {hit.offset}" for hit in leaked.hits),
    )
    raw = msgspec.json.encode(before)
    house.store.write(lambda tx: store.put(tx, row.mandate_id, found_before=raw))


def delete_rows(house: Retiring, row: Row) -> None:
    if row.rows_gone_at is not None:
        return
    moment = house.moment()
    canaries = canary.known(house.home, row.mandate_id)
    held = msgspec.json.encode(house.keys.held(row.mandate_id))

    def act(tx: Tx) -> None:
        before = rooms.erase(tx, row.mandate_id)
        canary.forget(tx, moment, house.keys, canaries)
        raw = msgspec.json.encode(before)
        store.put(tx, row.mandate_id, rows_before=raw, rows_gone_at=moment.now_ms, secrets=held)

    house.store.write(act)


def destroy_secrets(house: Retiring, row: Row) -> None:
    if row.secrets_gone_at is not None:
        return
    held = msgspec.json.decode(row.secrets or b"", type=tuple[dict[str, int], str])
    done = house.keys.destroy_mandate(row.mandate_id)
    left = house.keys.held(row.mandate_id).counts
    if any(left.values()):
        raise RuntimeError("the key store still holds secrets of a destroyed mandate")
    house.store.write(lambda tx: people.finish_forgetting(tx, house.keys))
    house.keys.rewrite()
    evidence = KeyEvidence(
        counts=held[0],
        names_digest=held[1],
        root=ROOT_KIND,
        destroyed_generation=done.destroyed_generation,
        generation_now=house.keys.generation,
    )
    moment, raw = house.moment(), msgspec.json.encode(evidence)

    def act(tx: Tx) -> None:
        tx_row = store.find(tx, row.mandate_id)
        if tx_row is not None and tx_row.secrets_gone_at is None:
            store.put(tx, row.mandate_id, secrets_gone_at=moment.now_ms)
            store.put_evidence(tx, row.mandate_id, raw)

    house.store.write(act)


def scan_after(house: Retiring, row: Row) -> None:
    if row.scan is not None:
        return
    _compact(house)
    canaries = canary.known(house.home, row.mandate_id)
    texts = [needle for one in canaries for needle in one.texts()]
    ids = [needle for one in canaries for needle in one.ids()]
    live = scan(_places(house), [*texts, *ids])
    elsewhere = scan(files_below(house.also), texts)
    copies = scan(files_below(path for path, _ in house.backups), [*texts, *ids])
    with house.store.read() as tx:
        tables, in_tables = _in_tables(tx, [*texts, *ids])
    hits = [
        f"{hit.needle} as {hit.form} in {hit.file} at {hit.offset}" for hit in (*live.hits, *elsewhere.hits)
    ]
    # An old copy may hold random ids and sealed values; a personal text must not be in it.
    hits += [
        f"{hit.needle} in the backup {hit.file}"
        for hit in copies.hits
        if hit.needle in {n.name for n in texts}
    ]
    unread = (*live.unread, *elsewhere.unread, *copies.unread)
    if hits or in_tables or unread:
        raise Incomplete((*hits, *in_tables, *unread))
    done = Scanned(
        at=house.moment().now,
        files=live.files + elsewhere.files + copies.files,
        bytes=live.bytes + elsewhere.bytes + copies.bytes,
        tables=tables,
        hits=(),
        in_backups=len(copies.hits),
        unread=(),
        databases={path.name: _sha256(path) for path in sorted(house.home.glob("*.db*"))},
    )
    raw = msgspec.json.encode(done)
    house.store.write(lambda tx: store.put(tx, row.mandate_id, scan=raw))


def certify(house: Retiring, row: Row) -> None:
    moment = house.moment()
    with house.store.read() as tx:
        order = mandates.standing(tx, row.mandate_id)
        gates = sum(gate.mandate_id == row.mandate_id for gate in fleet.gates(tx))
        earlier = [r for r in store.every(tx) if r.certificate is not None and r.finished_at is not None]
    made_plan = msgspec.json.decode(row.plan, type=Plan)
    counted = msgspec.json.decode(row.rows_before or b"{}", type=dict[str, dict[str, int]])
    last = max(earlier, key=lambda r: r.finished_at or moment.now, default=None)
    told = certificate.Told(
        plan=msgspec.structs.replace(made_plan, rows=counted),
        plan_digest=row.plan_digest,
        mandate_log_index=order.log_seq if order.log_seq is not None else -1,
        mandate_digest=order.digest,
        ordered_at=row.ordered_at,
        started_at=row.started_at or moment.now,
        finished_at=moment.now,
        keys=msgspec.json.decode(row.secrets or b"", type=KeyEvidence),
        before=msgspec.json.decode(row.found_before or b"", type=FoundBefore),
        after=msgspec.json.decode(row.scan or b"", type=Scanned),
        address=house.address,
        database=_dialect(house.store),
        version=version("pratique"),
        backups=tuple((path.name, until) for path, until in house.backups),
        gates=counted.get("fleet", {}).get("gate", gates),
        previous=digest(parse_note(last.certificate, max_bytes=MAX_CERTIFICATE).text)
        if last and last.certificate
        else "",
    )
    note = house.log.signer.note(canonical_json(certificate.write(told)) + b"\n")

    def act(tx: Tx) -> None:
        if store.find(tx, row.mandate_id) != row:
            return
        store.put(tx, row.mandate_id, certificate=note.raw, finished_at=moment.now_ms)
        mandates.mark_destroyed(tx, moment, row.mandate_id)

    house.store.write(act)


def _in_tables(tx: Tx, needles: list[Needle]) -> tuple[int, list[str]]:
    """(tables read, what was found where) over every row of every table, whatever room it belongs to."""
    names, found = store.table_names(tx), []
    shapes = {needle.name: list(forms(needle.text).values()) for needle in needles}
    every = [pattern for patterns in shapes.values() for pattern in patterns]
    for table in names if every else []:
        if store.rows_with(tx, table, every):
            for name, patterns in shapes.items():
                if n := store.rows_with(tx, table, patterns):
                    found.append(f"{name} in {n} rows of {table}")
    return len(names), found


def _places(house: Retiring) -> list[Path]:
    return files_below([house.home], [house.home / canary.FOLDER, *(path for path, _ in house.backups)])


def _compact(house: Retiring) -> None:
    """What was deleted leaves the files: SQLite's write-ahead log is emptied, PostgreSQL's tables are rewritten."""
    if house.store.dialect == "postgresql":
        connection = house.store.engine.connect(writer=True)
        try:
            connection.execute("VACUUM (FULL, ANALYZE)")
        finally:
            connection.close()
        return
    for attempt in range(WAL_TRIES):
        try:
            house.store.truncate_wal()
            return
        except RuntimeError:
            if attempt == WAL_TRIES - 1:
                raise
            time.sleep(WAL_PAUSE_S)


def _dialect(opened: Store) -> Literal["sqlite", "postgresql"]:
    return "sqlite" if opened.dialect == "sqlite" else "postgresql"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        made = sha256()
        while chunk := file.read(1 << 20):
            made.update(chunk)
    return made.hexdigest()


STEPS = (find_before, delete_rows, destroy_secrets, scan_after, certify)
