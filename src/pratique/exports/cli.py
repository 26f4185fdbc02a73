"""`pratique export`: what was asked and agreed, and whose copy leaked."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from pratique.core.moment import rfc3339
from pratique.credentials.qr import read_picture
from pratique.exports import service
from pratique.exports.marks import observe
from pratique.exports.trace import Verdict
from pratique.store.store import Store

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def commands(open_house: Any) -> App:
    """`open_house()` gives the opened port: `store`, `secret`, `close`."""
    export = App(name="export", help="Exports: list, trace.")

    @export.command
    def trace(file: str, /, *, as_json: Annotated[bool, Parameter(name="--json")] = False) -> int:
        """Name the receiver of a leaked copy from its rows or from a picture of a view.

        Parameters
        ----------
        file: a text, CSV or picture (PNG, JPEG, WebP); `-` reads text from standard input.
        as_json: one JSON object.
        """
        house = open_house()
        try:
            verdict = look(house.store, house.secret, file)
            said: dict[str, Any] = verdict._asdict()
            if verdict.copy_id:
                with house.store.read() as tx:
                    who, name, at, found = service.receiver(tx, verdict.copy_id)
                said |= {
                    "receiver": name or who,
                    "staff_id": who,
                    "taken_at": rfc3339(at),
                    "export_id": found.id,
                    "recipient": found.recipient,
                }
        finally:
            house.close()
        print(json.dumps(said, ensure_ascii=False) if as_json else sentence(said))
        return 0 if verdict.copy_id else 1

    @export.command(name="list")
    def listing() -> int:
        """Every export with its state, newest first: one JSON object a line."""
        house = open_house()
        try:
            now = house.moment().now
            with house.store.read() as tx:
                rows = service.all_exports(tx)
        finally:
            house.close()
        for row in rows:
            said = {
                "id": row.id,
                "state": row.state(now),
                "purpose": row.purpose,
                "recipient": row.recipient,
                "copies": row.copies,
                "ends_at": rfc3339(row.ends_at),
            }
            print(json.dumps(said, ensure_ascii=False))
        return 0

    return export


def look(store: Store, secret: bytes, file: str) -> Verdict:
    """The verdict on a text or a picture."""
    if Path(file).suffix.lower() in PICTURES:
        texts = read_picture(Path(file).read_bytes())
        with store.read() as tx:
            named = service.trace_code(tx, secret, texts)
        return named or Verdict("", 0, 0, 0, 1.0, "no code of ours on this picture: type twenty rows off it")
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8", errors="replace")
    with store.read() as tx:
        return service.trace_rows(tx, observe(text))


def sentence(said: dict[str, Any]) -> str:
    """The verdict for a reader."""
    if not said["copy_id"]:
        return (
            f"nobody is named: {said['why']} ({said['rows']} rows, {said['matching']} of {said['bits']} bits)"
        )
    return (
        f"{said['receiver']} ({said['staff_id']}) took this copy at {said['taken_at']} for {said['recipient']}: "
        f"{said['why']}, {said['matching']} of {said['bits']} bits; chance of an innocent match {said['chance']:.1e}"
    )
