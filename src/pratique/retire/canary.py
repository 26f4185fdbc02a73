"""Canaries: made-up people with random texts, planted under a mandate so that its end can be proved.

Their names stand in a file of their own below `canaries/`, the one place the scan leaves out. Knows the rooms only
through their services, as any other writer does.
"""

import os
import shutil
from datetime import datetime
from pathlib import Path

import msgspec

from pratique.core.errors import Destroyed
from pratique.core.mandate import Mandate
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.people import service as people
from pratique.people.model import ContactCard
from pratique.policy import service as policy
from pratique.policy.model import Evidence
from pratique.retire.scan import Needle, forms, scan
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx

FOLDER = "canaries"


class Canary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One made-up person: a random id in plain columns, texts in sealed ones ("" where the mandate has no place)."""

    mandate: str
    subject: str
    name: str
    phone: str
    source: str
    planted_at: datetime

    def texts(self) -> list[Needle]:
        """What must stand nowhere in clear, before or after."""
        listed = (("name", self.name), ("phone", self.phone), ("evidence", self.source))
        return [Needle(f"canary {name}", text) for name, text in listed if text]

    def ids(self) -> list[Needle]:
        """What stands in plain columns before, and nowhere after."""
        return [Needle("canary subject", self.subject)]


def path_of(home: Path, mandate_id: str) -> Path:
    """Where a mandate's canaries are written down."""
    return home / FOLDER / f"{mandate_id}.json"


def known(home: Path, mandate_id: str) -> list[Canary]:
    """The canaries of a mandate; none if they were never planted."""
    path = path_of(home, mandate_id)
    return msgspec.json.decode(path.read_bytes(), type=list[Canary]) if path.exists() else []


def plant(store: Store, sealer: Sealer, moment: Moment, mandate: Mandate, home: Path) -> list[Canary]:
    """Plant one canary under a mandate in force, once. Nothing is planted where nothing personal may be held."""
    if (found := known(home, mandate.id)) or not {"enrolment", "restriction"} & mandate.unlocks:
        return found
    canary = store.write(lambda tx: _plant(tx, sealer, moment, mandate))
    path = path_of(home, mandate.id)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(msgspec.json.encode([canary]))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    return [canary]


def _plant(tx: Tx, sealer: Sealer, moment: Moment, mandate: Mandate) -> Canary:
    subject = people.create_subject(tx, moment, "paper")
    digits = "".join(str(byte % 10) for byte in moment.random(18))
    canary = Canary(
        mandate.id,
        subject,
        f"Canary 金丝雀 {moment.new_id()}" if "enrolment" in mandate.unlocks else "",
        f"+999{digits}" if "enrolment" in mandate.unlocks else "",
        f"Canary/金丝雀 {moment.new_id()}" if "restriction" in mandate.unlocks else "",
        moment.now,
    )
    if canary.name:
        card = ContactCard(canary.name, canary.phone, "en")
        people.write_card(tx, moment, sealer, subject, card, mandate_id=mandate.id)
    if canary.source:
        evidence = Evidence(
            id=moment.new_id(),
            subject_id=subject,
            kind="test",
            outcome="not-detected",
            sampled_at=moment.now,
            known_at=moment.now,
            source=Text(canary.source, canary.source),
            ref=moment.new_id(),
            mandate_id=mandate.id,
        )
        policy.record_evidence(tx, moment, sealer, evidence, None)
    return canary


def still_opens(tx: Tx, sealer: Sealer, canary: Canary) -> int:
    """How many of the canary's sealed texts can be read: name, phone, evidence."""
    opened = 0
    try:
        if canary.name and (card := people.own_card(tx, sealer, canary.subject)):
            opened += (card.name == canary.name) + (card.phone == canary.phone)
        if canary.source:
            found = policy.evidence_of(tx, sealer, canary.subject)
            opened += any(evidence.source == Text(canary.source, canary.source) for evidence in found)
    except Destroyed:
        pass
    return opened


def forget(tx: Tx, moment: Moment, keys: people.SubjectSecrets, canaries: list[Canary]) -> None:
    """What is left of the canaries outside their mandate: the bare subject, if other mandates keep subjects."""
    for canary in canaries:
        if people.subject_exists(tx, canary.subject):
            people.forget(tx, moment, keys, canary.subject)


def forms_found(folder: Path, canary: Canary) -> tuple[int, int]:
    """Write the canary's texts in every form into a file of their own, scan it, remove it: (found, wanted)."""
    path = folder / "canary-control"
    needles = [*canary.texts(), *canary.ids()]
    wanted = {(needle.name, form) for needle in needles for form in forms(needle.text)}
    path.write_bytes(b"\x00".join(raw for needle in needles for raw in forms(needle.text).values()))
    try:
        found = {(hit.needle, hit.form) for hit in scan([path], needles).hits}
    finally:
        path.write_bytes(bytes(path.stat().st_size))
        path.unlink()
    return len(wanted & found), len(wanted)


def drop_list(home: Path, mandate_id: str) -> None:
    """The list itself, once the certificate stands."""
    path = path_of(home, mandate_id)
    if path.exists():
        path.write_bytes(bytes(path.stat().st_size))
        path.unlink()
    if path.parent.exists() and not any(path.parent.iterdir()):
        shutil.rmtree(path.parent)
