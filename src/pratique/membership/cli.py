"""`pratique member …` and `pratique visitor …`: an organisation's doors, and its members' visitors. Thin.

Exit codes: 0 done · 1 refused · 2 called wrongly · 3 a fault of ours. Refusals reach the one handler.
"""

import json
import secrets
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.credentials import membership
from pratique.credentials.reasons import CredentialError
from pratique.membership import hosting, register, texts
from pratique.membership.attendance import as_csv, check
from pratique.membership.files import House
from pratique.membership.files import found as found_house
from pratique.membership.line import ask
from pratique.membership.offer import MEMBER, VISIT, Offer, offer_text, read_offer
from pratique.membership.table import Page

Json = Annotated[bool, Parameter(name="--json", negative="")]
Clock = Callable[[], datetime]
ASK_AGAIN = 2.0  # seconds after an answer that did not come


def member_commands(clock: Clock) -> App:
    """The commands of an organisation."""
    app = App(name="member", help="Memberships: found, door, issue, withdraw, publish, list, attendance.")

    @app.command
    def found(
        home: Path,
        /,
        *,
        en: str,
        zh: str,
        zone: str = "Asia/Shanghai",
        server: str = "",
        as_json: Json = False,
    ) -> int:
        """Make an organisation: its keys, its register, and organisation.json for its gates.

        Parameters
        ----------
        home
            its folder.
        en
            its name in English.
        zh
            its name in Chinese.
        zone
            the zone in which doors have hours.
        server
            https://host where snapshot.cbor will be, as /v1/snapshot, and where doors ring.
        as_json
            one JSON line: organisation, root.
        """
        house = found_house(home, Text(en, zh), zone, server)
        said = {"organisation": en, "file": str(home / "organisation.json")}
        _say(as_json, said, f"{en} / {zh}: give {said['file']} to each gate (`pratique gate repurpose`)")
        return 0 if house else 3

    @app.command
    def door(
        home: Path,
        /,
        *,
        key: str = "",
        en: str = "",
        zh: str = "",
        remove: int = 0,
        visitors: bool = True,
        receipts: bool = True,
        as_json: Json = False,
    ) -> int:
        """Add a door, change it (the same key again), or remove one; then the next list is signed.

        Parameters
        ----------
        home
            the organisation's folder.
        key
            what `pratique gate repurpose` printed at the gate.
        en
            the door's name in English.
        zh
            the door's name in Chinese.
        remove
            the number of a door to take away.
        visitors
            whether visitors may come in here.
        receipts
            whether this door hands receipts to members.
        as_json
            one JSON line: number, snapshot.
        """
        house = House(home)
        if remove:
            kept, number = register.without_door(house.register, remove), remove
        else:
            kept, row = register.with_door(
                house.register, key, Text(en or "Door", zh or "门"), visitors=visitors, receipts=receipts
            )
            number = row.number
        house.keep(kept)
        path = house.publish(clock())
        said = {"number": number, "snapshot": house.register.number, "file": str(path)}
        _say(as_json, said, f"door {number}; list {house.register.number} is {path}: bring it to the gates")
        return 0

    @app.command
    def issue(
        home: Path,
        /,
        *,
        key: str,
        label: str,
        days: float = 30,
        doors: str = "",
        hours: str = "",
        host: bool = False,
        wallet: str = "",
        as_json: Json = False,
    ) -> int:
        """Give a member a pass, bound to the key of their wallet.

        Parameters
        ----------
        home
            the organisation's folder.
        key
            what the wallet shows under Memberships, Join (PQK1:…).
        label
            your own word for the member, for the attendance table: a number will do.
        days
            how long the pass lasts, at most 400.
        doors
            numbers of doors, as 1,2; nothing is all.
        hours
            as mon-fri 07:00-19:00, sat 09:00-12:00; nothing is always.
        host
            whether the member may invite visitors.
        wallet
            https://host of the wallet, to make a link of it.
        as_json
            one JSON line: offer, link, expires.
        """
        house = House(home)
        kept, made = register.with_member(
            house.register,
            house.member,
            key,
            label,
            clock(),
            timedelta(days=days),
            hosts=host,
            doors=_numbers(doors),
            hours=register.read_hours(hours),
        )
        house.keep(kept)
        text = offer_text(Offer(made, house.member.public_key, house.register.name))
        link = f"{wallet.rstrip('/')}/wallet/{MEMBER}{text}" if wallet else ""
        said = {"offer": text, "link": link, "expires": rfc3339(clock() + timedelta(days=days))}
        _say(as_json, said, link or text)
        return 0

    @app.command
    def withdraw(home: Path, label: str, /, *, as_json: Json = False) -> int:
        """Withdraw every pass of a member; gates know it with their next list.

        Parameters
        ----------
        home
            the organisation's folder.
        label
            your word for the member.
        as_json
            one JSON line: withdrawn, snapshot.
        """
        house = House(home)
        kept, count = register.withdraw(house.register, label)
        house.keep(kept)
        house.publish(clock())
        said = {"withdrawn": count, "snapshot": house.register.number}
        _say(as_json, said, f"{count} withdrawn; list {house.register.number} tells the gates")
        return 0

    @app.command
    def publish(home: Path, /, *, as_json: Json = False) -> int:
        """Sign the next list for the gates. Lists are fresh for a day and in date for three: run it daily.

        Parameters
        ----------
        home
            the organisation's folder.
        as_json
            one JSON line: snapshot, file.
        """
        house = House(home)
        path = house.publish(clock())
        _say(
            as_json,
            {"snapshot": house.register.number, "file": str(path)},
            f"list {house.register.number}: {path}",
        )
        return 0

    @app.command(name="list")
    def listing(home: Path, /) -> int:
        """Doors and members, one JSON object a line.

        Parameters
        ----------
        home
            the organisation's folder.
        """
        house = House(home)
        for one in house.register.doors:
            print(json.dumps({"door": one.number, **msgspec.to_builtins(one)}, ensure_ascii=False))
        for member in house.register.members:
            print(json.dumps({"member": member.label, **msgspec.to_builtins(member)}, ensure_ascii=False))
        return 0

    @app.command
    def attendance(
        home: Path, files: list[Path], /, *, out: Path | None = None, as_json: Json = False
    ) -> int:
        """Check what members handed in; the table as CSV. Each receipt that does not hold is refused by name.

        Parameters
        ----------
        home
            the organisation's folder.
        files
            hand-ins of wallets.
        out
            write the CSV here instead of on standard output.
        as_json
            instead of CSV on standard output, one JSON line: rows, refused.
        """
        house = House(home)
        found = check([(path.name, path.read_bytes()) for path in files], house.register, house.keys())
        if out:
            out.write_text(as_csv(found.rows), encoding="utf-8-sig", newline="")
        if as_json:
            print(json.dumps(msgspec.to_builtins(found), ensure_ascii=False))
        elif not out:
            print(as_csv(found.rows), end="")
        for one in found.refused:
            where = f"{one.file}, receipt {one.place}" if one.place else one.file
            _tell(f"{where}: {one.code}: {one.text.en} / {one.text.zh_hans}")
        return 1 if found.refused else 0

    @app.command
    def page(home: Path, /, *, port: int = 8095) -> int:
        """The same table as a page on this machine, for who has no liking for commands. Until it is stopped.

        Parameters
        ----------
        home
            the organisation's folder.
        port
            the port on 127.0.0.1 (0: any free one).
        """
        try:
            opened = Page(House(home), port)
        except OSError:
            _tell(f"--port {port}: this port is taken: name another one")
            return 2
        print(f"attendance at {opened.address}", flush=True)
        try:
            threading.Event().wait()
        finally:
            opened.close()
        return 0

    return app


def visitor_commands(clock: Clock) -> App:
    """The commands of a member who invites, without a wallet."""
    app = App(name="visitor", help="Visitors: key, take, invite, wait.")

    @app.command
    def key(home: Path, /) -> int:
        """The text of your key, for the organisation to give you a membership.

        Parameters
        ----------
        home
            your own folder.
        """
        print(hosting.wallet_key(hosting.holder_of(home)))
        return 0

    @app.command
    def take(home: Path, offer: str, /) -> int:
        """Keep the membership that the organisation gave you.

        Parameters
        ----------
        home
            your own folder.
        offer
            the link, or what stands in it after #/member/.
        """
        text = offer.rpartition(MEMBER)[2]
        read_offer(text)
        (home / hosting.MEMBERSHIP).write_text(text + "\n")
        return 0

    @app.command
    def invite(
        home: Path,
        name: str,
        /,
        *,
        begins: datetime | None = None,
        hours: float = 4,
        doors: str = "",
        paper: bool = False,
        wallet: str = "",
        as_json: Json = False,
    ) -> int:
        """Make an invitation: a link for the visitor's phone, or the text of a code to print.

        Parameters
        ----------
        home
            your own folder.
        name
            your word for the visit; NAME.visit.json is kept here for `pratique visitor wait`.
        begins
            when it begins, as RFC 3339; now if not given.
        hours
            how long it lasts, at most 72.
        doors
            numbers of doors, as 1,2; nothing is all of yours.
        paper
            a code to print instead of a link.
        wallet
            https://host of the wallet, to make a link of it.
        as_json
            one JSON line: link, code, until.
        """
        start = begins or clock()
        if start.tzinfo is None:
            raise Refusal("BAD_VISIT", "begins", texts.BAD_VISIT)
        sent = hosting.make_invitation(
            hosting.holder_of(home),
            hosting.kept_offer(home),
            Moment(clock(), secrets.token_bytes),
            start,
            start + timedelta(hours=hours),
            doors=_numbers(doors),
            on_paper=paper,
        )
        hosting.keep_awaited(home / f"{name}.visit.json", sent.awaited)
        link = f"{wallet.rstrip('/')}/wallet/{VISIT}{sent.link}" if wallet and sent.link else sent.link
        said = {"link": link, "code": sent.paper, "until": rfc3339(start + timedelta(hours=hours))}
        _say(as_json, said, link or sent.paper)
        return 0

    @app.command
    def wait(
        home: Path,
        name: str,
        /,
        *,
        server: str,
        seconds: float = 3600,
        once: bool = False,
        as_json: Json = False,
    ) -> int:
        """Be told while your visitor stands at a door. Nothing is stored, here or there.

        Parameters
        ----------
        home
            your own folder.
        name
            the visit.
        server
            https://host where the doors ring.
        seconds
            how long to wait.
        once
            stop after the first ring.
        as_json
            one JSON line for each ring: door, at.
        """
        awaited = msgspec.json.decode((home / f"{name}.visit.json").read_bytes(), type=hosting.Awaited)
        offer = hosting.kept_offer(home)
        kid = membership.read_membership(offer.membership).kid
        until, heard = time.monotonic() + seconds, 0
        while time.monotonic() < until and not (once and heard):
            told = ask(server, "/v1/doorbell-waits", {"secret": awaited.secret})
            if "rings" not in told:
                time.sleep(ASK_AGAIN)
            for one in told.get("rings", ()):
                try:
                    ring = hosting.heard_ring(awaited, one["sealed"], offer.organisation, kid)
                except CredentialError:
                    continue  # not from a door of this organisation: nobody is called to it
                ask(server, "/v1/doorbell-heard", {"secret": awaited.secret, "id": one["id"]})
                heard += 1
                place = hosting.place_name(ring)
                said = {"door": msgspec.to_builtins(place), "at": rfc3339(ring.at)}
                _say(as_json, said, f"your visitor is at the door: {place.en} / {place.zh_hans}")
        return 0 if heard else 1

    return app


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(one) for one in text.split(",") if one.strip())
    except ValueError:
        raise Refusal("NO_SUCH_DOOR", "doors", texts.NO_SUCH_DOOR) from None


def _say(as_json: bool, said: dict[str, Any], sentence: str) -> None:
    print(json.dumps(said, ensure_ascii=False) if as_json else sentence, flush=True)


def _tell(text: str) -> None:
    print(f"pratique member: {text}", file=sys.stderr)


def _now() -> datetime:
    # An organisation's tool is a program of its own, as a gate is: it needs nothing of the server.
    return datetime.now(UTC)  # noqa: TID251


member, visitor = member_commands(_now), visitor_commands(_now)
