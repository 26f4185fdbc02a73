"""HTTP routes for laboratories: FHIR, tables, manifests, and what a laboratory sees of itself. Thin.

A laboratory is known by its key (`Authorization: Bearer PQL-…`, made by `pratique lab key NAME`) and speaks for itself
only. Everything is committed before it is answered; refusals name element, row or field.
"""

from typing import Any

import msgspec

from pratique.core.errors import NotFound, Refusal
from pratique.core.text import Text
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing import emitting, service, tables
from pratique.testing.laboratories import Manifest, OwnDay, OwnRun, OwnTube
from pratique.testing.model import Ack
from pratique.web.frame import Answer, Call, Route

LAB = ("lab",)
LARGEST_TABLE = tables.MAX_FILE
FHIR = "application/fhir+json"


class RefusedRow(msgspec.Struct, frozen=True):
    """One row that was not taken: where (`row 7/result`) and why."""

    where: str
    why: str


class TableAnswer(msgspec.Struct, frozen=True):
    """accepted + refused = rows in the file, always."""

    rows: int
    accepted: int
    refused: list[RefusedRow]


class ManifestAnswer(msgspec.Struct, frozen=True):
    """How many results this let go on that had waited for their controls."""

    judged_again: int


class LabView(msgspec.Struct, frozen=True):
    """A laboratory's own desk: what is held and why, with the rule's numbers, and its balance of the last days."""

    name: str
    held_runs: list[OwnRun]
    held_tubes: list[OwnTube]
    days: list[OwnDay]


def routes(store: Store, tell: service.Tell, sealer: Sealer) -> list[Route]:
    """`tell` reaches policy and notices; `sealer` seals what nobody could read."""

    async def fhir(call: Call) -> Answer:
        name, by = call.caller.name, f"http:{call.caller.name}"
        ack = await store.awrite(
            lambda tx: service.receive_document(tx, call.moment, call.raw, name, by, tell)
        )
        return Answer(_outcome(ack, call), 200 if ack.letter == "A" else 422, media=FHIR)

    async def hl7(call: Call) -> Answer:
        channel = service.LabChannel(call.caller.name, f"http:{call.caller.name}")

        def take(tx: Tx) -> bytes:
            return service.receive_file(tx, call.moment, call.raw, channel, tell, sealer)

        return Answer(await store.awrite(take), 200, media="application/hl7-v2")

    async def table(call: Call) -> TableAnswer:
        rows = call.query.get("rows", "")
        if not rows.isdigit():
            raise _refuse(
                "rows", "say how many rows the file has: ?rows=93&sha256=…", "请声明行数：?rows=93&sha256=…"
            )
        done = await store.awrite(
            lambda tx: service.receive_table(
                tx, call.moment, call.raw, rows=int(rows), digest=call.query.get("sha256", ""),
                lab_name=call.caller.name, by=f"http:{call.caller.name}", tell=tell,
            )
        )  # fmt: skip
        return TableAnswer(
            done.rows,
            done.accepted,
            [RefusedRow(where, why.of(call.language)) for where, why in done.refused],
        )

    async def manifest(call: Call) -> ManifestAnswer:
        name = call.caller.name
        again = await store.awrite(
            lambda tx: service.take_manifest(tx, call.moment, name, call.body, f"http:{name}", tell)
        )
        return ManifestAnswer(again)

    async def look(call: Call) -> LabView:
        def read(tx: Tx) -> LabView:
            return LabView(
                call.caller.name,
                service.own_runs(tx, call.caller.id),
                service.own_tubes(tx, call.caller.id),
                service.own_days(tx, call.moment, call.caller.name),
            )

        return await store.aread(read)

    async def box(call: Call) -> Answer:
        tubes = await store.aread(lambda tx: service.tubes_of_box(tx, service.scanned(call.path["box"])))
        if not tubes:
            raise NotFound("NO_SUCH_BOX", "box", Text("nothing was put into this box", "该箱内无采样管"))
        if "hl7" in call.headers.get("accept", ""):
            control = call.moment.new_id()
            raw = emitting.order_message(tubes, call.caller.name, call.moment.now, control)
            return Answer(raw, media="application/hl7-v2")
        return Answer(emitting.specimen_bundle(tubes, call.moment.now), media=FHIR)

    return [
        Route("POST", "/v1/lab/fhir", fhir, LAB, "a FHIR R4 Bundle or DiagnosticReport", limit=6000),
        Route("POST", "/v1/lab/hl7", hl7, LAB, "HL7 v2 messages, answered as over MLLP", limit=6000),
        Route(
            "POST", "/v1/lab/tables", table, LAB, "a CSV or XLSX file with its row count and SHA-256",
            gives=TableAnswer, largest=LARGEST_TABLE,
        ),
        Route(
            "POST", "/v1/lab/manifests", manifest, LAB, "what a run held, and whether its controls were right",
            Manifest, ManifestAnswer,
        ),
        Route("GET", "/v1/lab", look, LAB, "a laboratory's own holds and balance", gives=LabView),
        Route("GET", "/v1/lab/boxes/{box}", box, LAB, "the tubes of a box, as FHIR or as an HL7 order"),
    ]  # fmt: skip


def _outcome(ack: Ack, call: Call) -> dict[str, Any]:
    """FHIR OperationOutcome: what became of the document, with the element path of a refusal."""
    if ack.letter == "A":
        said = Text("stored", "已保存").of(call.language)
        return _issue("information", "informational", said, "")
    why = ack.text.of(call.language) if ack.text else ""
    return _issue(
        "error", {"101": "required", "103": "code-invalid"}.get(ack.code, "invalid"), why, ack.field
    )


def _issue(severity: str, code: str, text: str, path: str) -> dict[str, Any]:
    issue: dict[str, Any] = {"severity": severity, "code": code, "details": {"text": text}}
    if path:
        issue["expression"] = [path.removeprefix("$.")]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _refuse(field: str, en: str, zh: str) -> Refusal:
    return Refusal("101", field, Text(en, zh))
