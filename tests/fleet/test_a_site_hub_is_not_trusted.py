"""A hub between gates and server: late at worst. And a stick where there is no line at all."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.fleet.making import PASSES, ROOTS
from tests.fleet.test_a_gate_and_its_server_agree import CLEAR, Server

from pratique.credentials.trust import Bundle, open_bundle, read_body
from pratique.fleet import carry as server_side
from pratique.fleet import service
from pratique.gate import carry, hub
from pratique.gate.clock import Clock
from pratique.gate.enrol import JOURNAL, SNAPSHOT, Enrolment, device_signer
from pratique.gate.http import Refused, Unreachable, get_lists, post_json
from pratique.gate.hub import Hub
from pratique.gate.journal import Journal
from pratique.gate.sync import Sync
from pratique.store.store import Store
from pratique.store.tx import Tx


@pytest.fixture
def server(sqlite_store: Store) -> Iterator[Server]:
    made = Server(sqlite_store)
    yield made
    made.stop()


class Site:
    """A hub on a real socket; started again on the same disk."""

    def __init__(self, upstream: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hub, "ASK_EVERY", 0.0)
        self.upstream, self.home = upstream, home
        self.start()

    def start(self) -> None:
        self.hub = Hub(self.upstream, self.home, ("127.0.0.1", 0))
        threading.Thread(target=self.hub.serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.hub.port}"


@pytest.fixture
def site(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(server.address, tmp_path / "hub", monkeypatch)
    yield made
    made.hub.close()


def gate(home: Path, address: str, server: Server) -> tuple[Enrolment, Sync, list[dict[str, object]]]:
    enrolment = server.enrolled(home, address)
    signer = device_signer(home)
    assert signer is not None
    told: list[dict[str, object]] = []
    return enrolment, Sync(enrolment, signer, home / SNAPSHOT, home / JOURNAL, told.append), told


def pass_people(home: Path, people: int) -> None:
    journal = Journal(home / JOURNAL, device_signer(home).sign)  # type: ignore[union-attr]
    for _ in range(people):
        journal.record(CLEAR, 1_963_000)
    journal.close_slots(1_963_001 * 900.0, 1, all_of_them=True)
    journal.close()


def test_it_works(server: Server, site: Site, tmp_path: Path) -> None:
    home = tmp_path / "gate"
    _, sync, told = gate(home, site.address, server)
    pass_people(home, 7)

    sync.round()

    assert told[-2:] == [{"confirmed": told[-2]["confirmed"]}, {"push": ""}]
    assert (home / SNAPSHOT).exists()
    assert server.counted() == 7


def test_with_the_server_away_the_lists_are_still_there_and_no_count_is_lost(
    server: Server, site: Site, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    _, one, _ = gate(first, site.address, server)
    _, two, told = gate(second, site.address, server)
    one.round()
    server.stop()
    site.hub.close()
    site.start()  # the hub itself starts anew while the server is away
    two._to = msgspec.structs.replace(two._to, server=site.address)
    pass_people(second, 3)

    two.round()

    assert {"pull": ""} in told
    assert told[-1] == {"push": "offline"}
    assert (second / SNAPSHOT).read_bytes() == (first / SNAPSHOT).read_bytes()
    server.start()
    two.round()
    assert server.counted() == 3


def test_a_hub_that_lies_is_found_out(server: Server, site: Site, tmp_path: Path) -> None:
    home = tmp_path / "gate"
    _, sync, told = gate(home, site.address, server)
    sync.round()
    good = (home / SNAPSHOT).read_bytes()
    server.publish()
    lied = bytearray(good)
    lied[len(lied) // 2] ^= 1
    site.hub.lists._ask = lambda: None  # type: ignore[method-assign]
    site.hub.lists._kept = hub.Kept(bytes(lied), {"ETag": '"a lie"'})

    sync.round()

    assert told[-2]["pull"] not in ("", "offline")
    assert (home / SNAPSHOT).read_bytes() == good


def test_a_hub_takes_and_gives_deltas(server: Server, site: Site, tmp_path: Path) -> None:
    home = tmp_path / "gate"
    _, sync, _ = gate(home, site.address, server)
    sync.round()
    held = (home / SNAPSHOT).read_bytes()
    server.publish()

    found = get_lists(f"{site.address}/v1/snapshot", held)

    assert found is not None
    assert found.made
    assert int(found.fields["content-length"]) < len(found.body) / 2
    assert found.body == get_lists(f"{server.address}/v1/snapshot").body  # type: ignore[union-attr]
    sync.round()
    assert (home / SNAPSHOT).read_bytes() == found.body


def test_while_a_policy_comes_in_each_gate_has_its_own_lists_behind_a_hub(
    server: Server, site: Site, tmp_path: Path
) -> None:
    homes = {name: tmp_path / name for name in ("early", "waits")}
    gates = {name: gate(home, site.address, server) for name, home in homes.items()}
    early_id = gates["early"][0].gate_id

    def step(act: Callable[[Tx], None]) -> None:
        server.store.write(act)
        server.publish()
        for _, sync, told in gates.values():
            sync.round()
            assert {"pull": ""} in told

    def numbers() -> list[int]:
        return [read_body(open_bundle((homes[name] / SNAPSHOT).read_bytes())[0]).number for name in homes]

    step(lambda tx: None)
    assert numbers() == [2, 2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "_contents", two_of(service._contents))
        step(lambda tx: (service.hold_back(tx, 1, None), service.let_in(tx, [early_id]))[0])
        assert numbers() == [4, 3]
        assert site.hub.lists._gates.keys() == {early_id, gates["waits"][0].gate_id}
        server.stop()
        assert (
            get_lists(f"{site.address}/v1/snapshot?gate={early_id}").body
            == (homes["early"] / SNAPSHOT).read_bytes()
        )  # type: ignore[union-attr]
        with pytest.raises(
            Refused, match="the server is away"
        ):  # not the lists of others, which it would refuse
            get_lists(f"{site.address}/v1/snapshot?gate={'0' * 26}")
        server.start()
    step(service.let_all_in)
    assert numbers() == [5, 5]
    assert site.hub.lists._gates == {}
    assert early_id.encode() not in b"".join(path.read_bytes() for path in site.home.iterdir())


def two_of(contents: Callable[..., list[Bundle]]) -> Callable[..., list[Bundle]]:
    """What a cascade makes: one for gates that wait, one for gates that have the new policy."""

    def both(tx: Tx, *given: object) -> list[Bundle]:
        (one,) = contents(tx, *given)
        return [one, msgspec.structs.replace(one, skew_s=60)]

    return both


@pytest.mark.parametrize("path", ["/v1/wallet", "/", "/v1/snapshot/../wallet", "/console"])
def test_a_hub_passes_nothing_else_on(site: Site, path: str) -> None:
    with pytest.raises(Refused, match="gates' addresses only"):
        get_lists(site.address + path)
    with pytest.raises(Refused):
        post_json(site.address + path, {})


def test_the_server_s_refusal_comes_through_word_for_word(server: Server, site: Site) -> None:
    body = {"token": "0" * 26, "public_key": "A" * 43}
    said = []
    for address in (server.address, site.address):
        with pytest.raises(Refused) as refusal:
            post_json(f"{address}/v1/gates", body)
        said.append((refusal.value.status, refusal.value.code, str(refusal.value)))

    assert said[0] == said[1]


def test_nothing_of_a_gate_stays_on_a_hub(server: Server, site: Site, tmp_path: Path) -> None:
    enrolment, sync, _ = gate(tmp_path / "gate", site.address, server)
    sync.round()

    kept = {path.name: path.read_bytes() for path in site.home.iterdir()}

    assert set(kept) == {"snapshot.cbor", "snapshot.json"}
    assert enrolment.gate_id.encode() not in b"".join(kept.values())


def test_a_stick_carries_lists_there_and_counts_back_once(server: Server, tmp_path: Path) -> None:
    home, stick = tmp_path / "gate", tmp_path / "stick"
    stick.mkdir()
    enrolment = server.enrolled(home)
    signer = device_signer(home)
    assert signer is not None
    journal = home / JOURNAL

    def at_the_server() -> list[server_side.Taken]:
        return server_side.take(server.store, server.moment, ROOTS, PASSES, stick)

    assert at_the_server() == []
    assert carry.take_lists(stick, home / SNAPSHOT, enrolment, journal, Clock().read().now)
    assert not carry.take_lists(stick, home / SNAPSHOT, enrolment, journal, Clock().read().now)
    pass_people(home, 5)
    assert carry.give_counts(stick, enrolment, signer, journal)[0] == 0
    assert [one.fresh for one in at_the_server()] == [True]
    assert [one.fresh for one in at_the_server()] == [False]
    assert server.counted() == 5
    assert carry.give_counts(stick, enrolment, signer, journal) == (1, 0)
    assert carry.give_counts(stick, enrolment, signer, journal) == (0, 0)


def test_a_forged_answer_on_a_stick_acknowledges_nothing(server: Server, tmp_path: Path) -> None:
    home, stick = tmp_path / "gate", tmp_path / "stick"
    stick.mkdir()
    enrolment = server.enrolled(home)
    signer = device_signer(home)
    assert signer is not None
    pass_people(home, 5)
    carry.give_counts(stick, enrolment, signer, home / JOURNAL)
    upload = next(stick.glob("*/*.http"))
    forged = {
        "gate_id": enrolment.gate_id,
        "seq": int(upload.stem),
        "nonce": "n",
        "now": "2026-01-05T00:00:00Z",
        "sig": "A" * 86,
    }
    upload.with_name(f"{upload.stem}.ack.json").write_text(json.dumps(forged))

    assert carry.give_counts(stick, enrolment, signer, home / JOURNAL) == (0, 1)
    raw = upload.read_bytes()
    for old, new in (
        (b'"n":5', b'"n":6'),
        (b"POST ", b"PUT "),
        (b"/v1/gate-counts", b"/v1/gates"),
        (b"gate=:", b"gate=:A"),
    ):
        upload.write_bytes(raw.replace(old, new))
        assert raw != upload.read_bytes()
        told = server_side.take(server.store, server.moment, ROOTS, PASSES, stick)
        assert told[0].refused
    assert server.counted() == 0


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        with pytest.raises(OSError, match="in use"):
            Hub("http://127.0.0.1:1", tmp_path, ("127.0.0.1", held.getsockname()[1]))
    with pytest.raises(Unreachable):
        get_lists("http://127.0.0.1:1/v1/snapshot")
