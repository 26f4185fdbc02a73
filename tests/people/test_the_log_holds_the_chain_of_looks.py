"""The head of the chain of looks stands in the public log: a chain written anew, or cut off, is found by it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from pratique import operate, town
from pratique.chores import log_looks
from pratique.core.moment import Moment
from pratique.mandates.cli import looks_in
from pratique.mandates.verify import read_folder, verify
from pratique.peers import Holder
from pratique.people import service as people
from pratique.people import store as tables
from pratique.people.looks import FIRST_PREV, Verdict, _hash
from pratique.people.model import ContactCard, Reader
from pratique.port import Port, open_port
from pratique.settings import Settings


@pytest.fixture
def port(tmp_path: Path) -> Port:
    """A house in which somebody was looked at three times, the head logged after the second."""
    made = open_port(Settings(home=tmp_path / "home"))
    moment = made.moment()
    town.found(made, moment)
    holder = Holder()
    town.settle(made, moment, [holder])
    card = ContactCard("Test Person", "+999 0000 0001", "en")
    made.store.write(lambda tx: people.write_card(tx, moment, made.sealer, holder.subject_id, card))
    for n in range(3):
        look(made, moment, holder.subject_id)
        if n == 1:
            made.store.write(lambda tx: log_looks(tx, moment))
    made.log.publish(moment)
    return made


def look(port: Port, moment: Moment, subject_id: str) -> None:
    reader = Reader("STAFF-1", "case-worker", moment.now + timedelta(hours=1), moment.now)
    port.store.write(
        lambda tx: people.read_card(tx, moment, port.sealer, reader, subject_id, purpose="call", inside=True)
    )


def heads(port: Port) -> dict[int, bytes]:
    return looks_in(str(port.log_folder), "")


def check(port: Port) -> Verdict:
    with port.store.read() as tx:
        return people.check_chain(tx, heads(port))


def write_anew(port: Port) -> None:
    """What somebody with the whole database could do: change one look, and every hash after it."""
    with port.store.read() as tx:
        rows = [row for page in tables.access_pages(tx) for row in page]
    prev, entries = FIRST_PREV, []
    for row in rows:
        kept = (row[0], row[1], "STAFF-2", *row[3:9], prev)
        prev = _hash(kept)
        entries.append(dict(zip(tables.ACCESS_COLUMNS.split(", "), (*kept, prev), strict=True)))
    port.store.write(lambda tx: tx.run("DROP TRIGGER append_only_access_log"))
    port.store.write(lambda tx: tx.run("DROP TRIGGER IF EXISTS kept_access_log"))
    port.store.write(lambda tx: tx.run("DELETE FROM access_log"))
    port.store.write(lambda tx: tables.add_access(tx, entries, []))


def test_it_works(port: Port) -> None:
    assert list(heads(port)) == [2]
    assert check(port) == Verdict(3, None)
    assert not port.store.write(lambda tx: _twice(port, tx))  # nobody looked since: nothing is logged
    port.log.publish(port.moment())
    assert list(heads(port)) == [2, 3]
    entries = b"".join(
        path.read_bytes() for path in (port.log_folder / "tile/entries").rglob("*") if path.is_file()
    )
    assert b"access-head" in entries
    assert b"STAFF" not in entries
    key = (port.log_folder / "log.vkey").read_text().strip()
    from pratique.mandates.note import parse_vkey

    verdict = verify(read_folder(port.log_folder), parse_vkey(key), port.moment().now)
    assert verdict.problems == ()


def _twice(port: Port, tx: object) -> bool:
    moment = port.moment()
    assert log_looks(tx, moment)  # type: ignore[arg-type]
    return log_looks(tx, moment)  # type: ignore[arg-type]


def test_a_chain_written_anew_is_found_by_the_log_alone(port: Port) -> None:
    write_anew(port)
    with port.store.read() as tx:
        assert people.first_bad_entry(tx) is None
    assert check(port) == Verdict(2, 2, by_log=True)


def test_a_chain_cut_off_is_found_by_the_log_alone(port: Port) -> None:
    port.store.write(lambda tx: tx.run("DROP TRIGGER append_only_access_log"))
    port.store.write(lambda tx: tx.run("DROP TRIGGER IF EXISTS kept_access_log"))
    port.store.write(lambda tx: tx.run("DELETE FROM access_log WHERE n > 1"))
    assert check(port) == Verdict(1, 2, by_log=True)


def test_the_command_says_so(
    port: Port, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operate, "opened", lambda: port)
    assert operate.chain(as_json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["entries"], said["first_bad"], said["logged"]) == (3, None, 1)
    again = open_port(port.settings)
    write_anew(again)
    monkeypatch.setattr(operate, "opened", lambda: again)
    assert operate.chain(log=str(port.log_folder)) == 1
    assert "broken at entry 2: the public log holds another one" in capsys.readouterr().out
