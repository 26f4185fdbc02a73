"""`pratique member …`: an organisation's doors, its members and their attendance. Thin.

Exit codes: 0 done · 1 refused · 2 called wrongly · 3 a fault of ours. Refusals reach the one handler.
"""

import json
import threading
from datetime import timedelta
from pathlib import Path

import msgspec
from cyclopts import App

from pratique.core.moment import rfc3339
from pratique.core.text import Text
from pratique.membership import register
from pratique.membership.attendance import as_csv, check
from pratique.membership.command_line import Json, now, numbers, say, tell
from pratique.membership.files import House
from pratique.membership.files import found as found_house
from pratique.membership.offer import MEMBER, Offer, offer_text
from pratique.membership.table import Page

member = App(name="member", help="Memberships: found, door, issue, withdraw, publish, list, attendance.")


@member.command
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
    say(as_json, said, f"{en} / {zh}: give {said['file']} to each gate (`pratique gate repurpose`)")
    return 0 if house else 3


@member.command
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
    path = house.publish(now())
    said = {"number": number, "snapshot": house.register.number, "file": str(path)}
    say(as_json, said, f"door {number}; list {house.register.number} is {path}: bring it to the gates")
    return 0


@member.command
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
        now(),
        timedelta(days=days),
        hosts=host,
        doors=numbers(doors),
        hours=register.read_hours(hours),
    )
    house.keep(kept)
    text = offer_text(Offer(made, house.member.public_key, house.register.name))
    link = f"{wallet.rstrip('/')}/wallet/{MEMBER}{text}" if wallet else ""
    said = {"offer": text, "link": link, "expires": rfc3339(now() + timedelta(days=days))}
    say(as_json, said, link or text)
    return 0


@member.command
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
    house.publish(now())
    said = {"withdrawn": count, "snapshot": house.register.number}
    say(as_json, said, f"{count} withdrawn; list {house.register.number} tells the gates")
    return 0


@member.command
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
    path = house.publish(now())
    say(
        as_json,
        {"snapshot": house.register.number, "file": str(path)},
        f"list {house.register.number}: {path}",
    )
    return 0


@member.command(name="list")
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


@member.command
def attendance(home: Path, files: list[Path], /, *, out: Path | None = None, as_json: Json = False) -> int:
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
        tell(f"{where}: {one.code}: {one.text.en} / {one.text.zh_hans}")
    return 1 if found.refused else 0


@member.command
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
        tell(f"--port {port}: this port is taken: name another one")
        return 2
    print(f"attendance at {opened.address}", flush=True)
    try:
        threading.Event().wait()
    finally:
        opened.close()
    return 0
