"""Cards are sealed under a mandate; a look is allowed by the table, logged in a chain, and shown to its subject."""

import json
from datetime import timedelta

import msgspec
import pytest

from pratique.core.errors import NoMandate, NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment
from pratique.people import service
from pratique.people.access import FIELDS, PURPOSES, ROLES, TABLE, Scope, allow
from pratique.people.model import ContactCard, Reader
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from tests.people.law import put_mandate

CARD = ContactCard("Canary Wren 金丝雀", "+86 000 5550 0199", "zh-Hans")


@pytest.fixture
def subject(store: Store, moment: Moment) -> str:
    store.write(lambda tx: put_mandate(tx, moment))
    return store.write(lambda tx: service.create_subject(tx, moment, "paper"))


def worker(moment: Moment, role: str = "case-worker") -> Reader:
    return Reader("STAFF1", role, moment.now + timedelta(hours=1), moment.now)


def test_it_works(store: Store, moment: Moment, sealer: Sealer, subject: str) -> None:
    store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))
    shown = store.write(
        lambda tx: service.read_card(tx, moment, sealer, worker(moment), subject, purpose="call", inside=True)
    )

    assert shown == {"name": CARD.name, "phone": CARD.phone, "language": "zh-Hans"}
    with store.read() as tx:
        (look,) = service.looks_at(tx, sealer, subject)
        assert (look.at, look.role, look.purpose) == (moment.now, "case-worker", PURPOSES["call"])
        assert look.fields == ("name", "phone", "language")
        assert "STAFF1" not in str(msgspec.to_builtins(look))
        assert service.own_card(tx, sealer, subject) == CARD
        assert service.first_bad_entry(tx) is None


def test_no_mandate_no_card(sqlite_store: Store, moment: Moment, sealer: Sealer) -> None:
    subject = sqlite_store.write(lambda tx: service.create_subject(tx, moment, "paper"))
    only = sqlite_store.write(lambda tx: put_mandate(tx, moment, unlocks=("campaign",)))
    with pytest.raises(NoMandate):
        sqlite_store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))
    with pytest.raises(NoMandate):  # the database says it too
        sqlite_store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD, mandate_id=only))


def test_unknown_fields_are_refused_by_name() -> None:
    raw = json.dumps({"name": "A", "phone": "12345", "language": "en", "employer": "B"})
    with pytest.raises(msgspec.ValidationError, match="employer"):
        msgspec.json.decode(raw, type=ContactCard)


def test_nothing_of_a_card_is_plain(store: Store, moment: Moment, sealer: Sealer, subject: str) -> None:
    store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))
    with store.read() as tx:
        kept = b"".join(
            bytes(v) for row in tx.all("SELECT phone_index, sealed FROM contact_card") for v in row
        )
    for plain in (CARD.name, CARD.phone, "0055500199", "zh-Hans"):
        assert plain.encode() not in kept


def test_a_second_card_replaces_the_first(store: Store, moment: Moment, sealer: Sealer, subject: str) -> None:
    other = msgspec.structs.replace(CARD, phone="12345")
    store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))
    later = moment._replace(now=moment.now + timedelta(days=1))
    store.write(lambda tx: service.write_card(tx, later, sealer, subject, other))
    with store.read() as tx:
        assert service.own_card(tx, sealer, subject) == other
        assert tx.one("SELECT count(*) FROM contact_card") == (1,)


def test_no_open_task_no_look(store: Store, moment: Moment, sealer: Sealer, subject: str) -> None:
    store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))
    for reader, purpose in (
        (Reader("STAFF1", "case-worker", None, moment.now), "call"),
        (Reader("STAFF1", "case-worker", moment.now, moment.now), "call"),
        (worker(moment), "planning"),
        (worker(moment, "auditor"), "audit"),
        (worker(moment, "mandate-officer"), "call"),
    ):
        with pytest.raises(NotAllowed):
            store.write(
                lambda tx, r=reader, p=purpose: service.read_card(
                    tx, moment, sealer, r, subject, purpose=p, inside=True
                )
            )
    with store.read() as tx:
        assert service.looks_at(tx, sealer, subject) == []


def test_a_look_that_cannot_be_logged_fails(sqlite_store: Store, moment: Moment, sealer: Sealer) -> None:
    sqlite_store.write(lambda tx: put_mandate(tx, moment))
    subject = sqlite_store.write(lambda tx: service.create_subject(tx, moment, "paper"))
    sqlite_store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))
    sqlite_store.write(
        lambda tx: tx.run(
            "CREATE TRIGGER full BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    )
    with pytest.raises(Exception, match="no room"):
        sqlite_store.write(
            lambda tx: service.read_card(
                tx, moment, sealer, worker(moment), subject, purpose="call", inside=True
            )
        )


def test_entries_are_never_changed(store: Store, moment: Moment, sealer: Sealer, subject: str) -> None:
    store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))
    store.write(
        lambda tx: service.read_card(tx, moment, sealer, worker(moment), subject, purpose="call", inside=True)
    )
    with pytest.raises(Exception, match="APPEND_ONLY"):
        store.write(lambda tx: tx.run("UPDATE access_log SET role = 'nobody'"))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE access_log SET fields = 'name' WHERE n = 2",
        "UPDATE access_log SET at = at + 1 WHERE n = 2",
        "UPDATE access_log SET hash = zeroblob(32) WHERE n = 2",
        "DELETE FROM access_log WHERE n = 2",
    ],
)
def test_the_chain_names_the_first_bad_entry(
    sqlite_store: Store, moment: Moment, sealer: Sealer, damage: str
) -> None:
    sqlite_store.write(lambda tx: put_mandate(tx, moment))
    subject = sqlite_store.write(lambda tx: service.create_subject(tx, moment, "paper"))
    sqlite_store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))
    for _ in range(3):
        sqlite_store.write(
            lambda tx: service.read_card(
                tx, moment, sealer, worker(moment), subject, purpose="call", inside=True
            )
        )
    sqlite_store.write(lambda tx: tx.run("DROP TRIGGER append_only_access_log"))
    sqlite_store.write(lambda tx: tx.run(damage))
    with sqlite_store.read() as tx:
        assert service.first_bad_entry(tx) == 2


def test_a_look_needs_a_published_purpose(store: Store, moment: Moment, sealer: Sealer, subject: str) -> None:
    with pytest.raises(Refusal) as refused:
        store.write(
            lambda tx: service.log_looks(
                tx, moment, sealer, worker(moment), [], purpose="curiosity", action="card"
            )
        )
    assert refused.value.field == "purpose"


def test_a_caller_is_found_by_the_exact_number(
    store: Store, moment: Moment, sealer: Sealer, subject: str
) -> None:
    sibling = store.write(lambda tx: service.create_subject(tx, moment, "paper"))
    for one in (subject, sibling):
        store.write(lambda tx, s=one: service.write_card(tx, moment, sealer, s, CARD))

    def find(phone: str, role: str = "case-worker") -> list[str]:
        return store.write(
            lambda tx: service.find_by_phone(tx, moment, sealer, worker(moment, role), phone, purpose="call")
        )

    assert find("+86-000-5550-0199") == sorted([subject, sibling])
    assert find("0000") == []
    with pytest.raises(NotAllowed):
        find(CARD.phone, "auditor")
    with store.read() as tx:
        assert [look.fields for look in service.looks_at(tx, sealer, sibling)] == [("phone",)]


def test_the_table_is_the_only_source_of_rights(moment: Moment) -> None:
    """Every role, purpose, field, inside and outside, with and without an open task."""
    for role in ROLES:
        for purpose in PURPOSES:
            for field in FIELDS:
                right = TABLE.get((role, purpose), {}).get(field)
                open_until = moment.now + timedelta(minutes=1)
                seen = allow(role, Scope("inside", open_until), purpose, field, moment.now)
                closed = allow(role, Scope("inside", None), purpose, field, moment.now)
                outside = allow(role, Scope("outside", open_until), purpose, field, moment.now)

                assert seen == (right.seen if right else "absent")
                assert closed == ("absent" if right is None or right.bound else right.seen)
                assert outside in ("absent", "pseudonym")
                assert outside == "absent" or field == "subject"


def test_the_table_names_only_known_words() -> None:
    for (role, purpose), rights in TABLE.items():
        assert role in ROLES
        assert purpose in PURPOSES
        assert set(rights) <= set(FIELDS)
    officers = ("auditor", "data-officer", "mandate-officer", "console", "campaign-officer", "courier", "lab")
    for (role, _), rights in TABLE.items():
        assert role not in officers or not {"name", "phone", "address", "evidence"} & set(rights)


def test_nobody_there_sounds_like_not_yours(
    store: Store, moment: Moment, sealer: Sealer, subject: str
) -> None:
    with pytest.raises(NotFound):
        store.write(
            lambda tx: service.read_card(
                tx, moment, sealer, worker(moment), subject, purpose="call", inside=True
            )
        )
