"""Areas are one list: the first mandate begins it; later ones, grants and cases name nothing else, nor does raw SQL."""

import msgspec
import pytest

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.mandates import service
from pratique.mandates.area_cli import area_commands
from pratique.mandates.model import Scope
from pratique.people import service as people
from pratique.people.scope import Grant
from pratique.store.store import Store
from tests.mandates.making import HEALTH, LEGAL, READING, document, live, trust

NORTH = Text("North quay", "北码头")


def named(moment: Moment, *areas: str) -> object:
    return msgspec.structs.replace(document(moment), id=moment.new_id(), scope=Scope(areas, ("everyone",)))


def test_it_works(store: Store, moment: Moment) -> None:
    store.write(lambda tx: live(tx, moment))
    with store.read() as tx:
        assert [one.code for one in service.areas(tx)] == ["test-port"]
    made = named(moment, "test-port", "north-quay")
    with pytest.raises(Refusal) as refused:
        store.write(lambda tx: service.draft(tx, moment, made, READING))  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.field) == ("UNKNOWN_AREA", "scope.areas[1]")
    assert "pratique area add" in refused.value.text.en
    assert "north-quay" not in refused.value.text.en
    store.write(lambda tx: service.add_area(tx, moment, "north-quay", NORTH))
    store.write(lambda tx: service.draft(tx, moment, made, READING))  # type: ignore[arg-type]
    with store.read() as tx:
        first = service.areas(tx)[0]
        assert (first.code, first.name) == ("north-quay", NORTH)


def test_a_draft_of_before_is_asked_again_when_it_is_published(sqlite_store: Store, moment: Moment) -> None:
    made = named(moment, "somewhere")
    sqlite_store.write(lambda tx: trust(tx, moment))
    sqlite_store.write(lambda tx: service.draft(tx, moment, made, READING))  # type: ignore[arg-type]
    sqlite_store.write(lambda tx: live(tx, moment))
    for signer in (LEGAL, HEALTH):
        sqlite_store.write(lambda tx, s=signer: service.sign_with(tx, moment, made.id, s))  # type: ignore[attr-defined]
    with pytest.raises(Refusal):
        sqlite_store.write(lambda tx: service.publish(tx, moment, made.id))  # type: ignore[attr-defined]


def test_reach_is_given_into_an_area_of_the_list(store: Store, moment: Moment) -> None:
    def hire(area: str) -> object:
        return store.write(
            lambda tx: people.invite_staff(
                tx, moment, None, name="Test worker", role="case-worker", grants=[Grant("area", area)]
            )
        )

    hire("anywhere")  # nothing is ordered yet: there is no list to hold it to
    store.write(lambda tx: live(tx, moment))
    hire("test-port")
    with pytest.raises(Refusal) as refused:
        hire("test-prot")
    assert (refused.value.code, refused.value.field) == ("UNKNOWN_AREA", "grant")
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM staff") == (2,)


def test_raw_sql_meets_the_list(store: Store, moment: Moment) -> None:
    mandate = store.write(lambda tx: live(tx, moment))
    for sql in (
        "INSERT INTO staff_grant (staff_id, kind, what, granted_at, granted_by) "
        "VALUES ('S', 'area', 'nowhere', 1, 'x')",
        "INSERT INTO desk_case (id, subject_id, mandate_id, kind, notice_id, area, opened_at, due_at, state, state_at) "
        f"VALUES ('C', 'S', '{mandate.id}', 'call', 'N', 'nowhere', {moment.now_ms}, 2, 'open', 1)",
    ):
        with pytest.raises(Exception, match="UNKNOWN_AREA"):
            store.write(lambda tx, sql=sql: tx.run(sql))


@pytest.mark.parametrize(
    ("code", "en", "zh", "field"),
    [
        ("North", "N", "北", "code"),
        ("n" * 41, "N", "北", "code"),
        ("n", " ", "北", "en"),
        ("n", "N", "北" * 61, "zh"),
    ],
)
def test_an_area_needs_a_code_and_both_names(
    sqlite_store: Store, moment: Moment, code: str, en: str, zh: str, field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        sqlite_store.write(lambda tx: service.add_area(tx, moment, code, Text(en, zh)))
    assert refused.value.field == field


class Opened:
    """A house for the command line that stays open."""

    log = None

    def __init__(self, store: Store, moment: Moment) -> None:
        self.store, self._moment = store, moment

    def moment(self) -> Moment:
        return self._moment

    def close(self) -> None:
        """Stays open."""


def test_the_operator_lists_and_adds(
    sqlite_store: Store, moment: Moment, capsys: pytest.CaptureFixture[str]
) -> None:
    app = area_commands(lambda: Opened(sqlite_store, moment))  # type: ignore[arg-type, return-value]
    assert (
        app(["add", "north-quay", "--en", "North quay", "--zh", "北码头"], result_action="return_value") == 0
    )
    assert app(["list"], result_action="return_value") == 0
    assert capsys.readouterr().out.splitlines() == [
        "north-quay: North quay / 北码头", "north-quay  North quay / 北码头",
    ]  # fmt: skip
