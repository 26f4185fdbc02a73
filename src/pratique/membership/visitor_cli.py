"""`pratique visitor …`: a member without a wallet invites, and is told while the visitor stands at the door. Thin.

Exit codes: 0 done · 1 refused, or nobody came · 2 called wrongly · 3 a fault of ours.
"""

import secrets
import time
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cyclopts import App

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.credentials import membership
from pratique.credentials.reasons import CredentialError
from pratique.membership import hosting, texts
from pratique.membership.command_line import Json, now, numbers, say
from pratique.membership.line import ask
from pratique.membership.offer import MEMBER, VISIT, read_offer

ASK_AGAIN = 2.0  # seconds after an answer that did not come

visitor = App(name="visitor", help="Visitors: key, take, invite, wait.")


@visitor.command
def key(home: Path, /) -> int:
    """The text of your key, for the organisation to give you a membership.

    Parameters
    ----------
    home
        your own folder.
    """
    print(hosting.wallet_key(hosting.holder_of(home)))
    return 0


@visitor.command
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


@visitor.command
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
    start = begins or now()
    if start.tzinfo is None:
        raise Refusal("BAD_VISIT", "begins", texts.BAD_VISIT)
    sent = hosting.make_invitation(
        hosting.holder_of(home),
        hosting.kept_offer(home),
        Moment(now(), secrets.token_bytes),
        start,
        start + timedelta(hours=hours),
        doors=numbers(doors),
        on_paper=paper,
    )
    hosting.keep_awaited(home / f"{name}.visit.json", sent.awaited)
    link = f"{wallet.rstrip('/')}/wallet/{VISIT}{sent.link}" if wallet and sent.link else sent.link
    said = {"link": link, "code": sent.paper, "until": rfc3339(start + timedelta(hours=hours))}
    say(as_json, said, link or sent.paper)
    return 0


@visitor.command
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
            say(as_json, said, f"your visitor is at the door: {place.en} / {place.zh_hans}")
    return 0 if heard else 1
