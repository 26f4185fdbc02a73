"""`pratique policy preview` and `draft`: what a rule set would do, and keeping it with what was seen.

Thin; what is opened is handed in by the composition root.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
from cyclopts import App, Parameter

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.mandates.command_line import Json, file_of, opened, say, time_of
from pratique.mandates.publisher import Publisher
from pratique.notices.model import House
from pratique.policy.city import OUTCOMES
from pratique.policy.drafts import clocks
from pratique.policy.mirror import Mirror
from pratique.policy.ruleset import read_rule_set
from pratique.policy.synthetic import ASSUMED, made_up_city
from pratique.rollout import service
from pratique.rollout.impact import impact, made_up_groups
from pratique.rollout.model import SIGNING_ROLES, Impact, Laboratory, Order
from pratique.rollout.report import report, shown
from pratique.store.sealing import Sealer
from pratique.store.store import Store

WHO = "command line"
MOST_PEOPLE = 50_000_000


class Opened(Protocol):
    """What these commands need of an opened deployment."""

    @property
    def store(self) -> Store: ...
    @property
    def log(self) -> Publisher: ...
    @property
    def sealer(self) -> Sealer: ...
    @property
    def house(self) -> House: ...
    @property
    def mirror(self) -> Mirror: ...
    @property
    def zone(self) -> ZoneInfo: ...
    def moment(self) -> Moment: ...
    def close(self) -> None: ...


Open = Callable[[], Opened]


def add_drafting(app: App, open_house: Open, clock: Callable[[], datetime]) -> None:
    """Put both commands beside those of `app`."""

    @app.command
    def preview(
        old: Annotated[str, Parameter(allow_leading_hyphen=True)],
        new: Path | None = None,
        /,
        *,
        people: int = 0,
        days: int = 14,
        seed: int = 1,
        tubes_a_day: int | None = None,
        people_a_tube: int = 10,
        infected_per_mille: int = 2,
        found_per_mille: int = 900,
        pdf: Path | None = None,
        as_json: Json = False,
    ) -> int:
        """Show what a draft would change, now and at midnight of the coming days.

        With one file: against the policy in force here, on the people who are there, or on a made-up city (--people).
        With two files: from the first (- for none) to the second, on a made-up city; needs no deployment. Prints the
        people by outcome before (rows) and after (columns), then one JSON object. Counts are in tens.

        Parameters
        ----------
        old
            The draft; or, of two files, the rule set in force, - for none.
        new
            The draft, where two files are named.
        people
            How many people the made-up city has.
        days
            How many days ahead.
        seed
            Another seed, another city.
        tubes_a_day
            What the laboratories can do.
        people_a_tube
            People in a mixed tube.
        infected_per_mille
            Of a thousand people tested, how many are thought to be infected.
        found_per_mille
            Of a thousand infected people, how many a test finds.
        pdf
            Also write the preview as a PDF to this file.
        as_json
            Print the JSON object alone.
        """
        if not 0 <= people <= MOST_PEOPLE or not 0 <= days <= 60 or (new is not None and people < 0):
            return called_wrongly("--people is 1 to 50000000 and --days 0 to 60")
        try:
            laboratory = Laboratory(tubes_a_day, people_a_tube, infected_per_mille, found_per_mille)
        except ValueError as fault:
            return called_wrongly(f"--{str(fault).replace('_', '-')} is out of its range; see --help")
        try:
            raws = [None if name == "-" else file_of(Path(name)) for name in (old, new) if name is not None]
        except Refusal as refusal:
            return called_wrongly(refusal.text.en)
        if new is None:
            if raws[0] is None:
                return called_wrongly("name the draft")
            raw = raws[0]
            with opened(open_house) as house:
                moment = house.moment()
                looked = service.look_over(
                    house.store, moment, house.mirror, raw, laboratory, made_up=people, seed=seed, days=days
                )
                seen, zone = looked.impact, house.zone
        else:
            seen = _between(raws[0], raws[1] or b"", people or 100_000, days, seed, laboratory, clock())
            zone = ZoneInfo("UTC")
        if pdf is not None:
            pdf.write_bytes(report(seen, zone))
        _print_impact(seen, as_json)
        return 0

    @app.command
    def draft(
        file: Path,
        /,
        *,
        mandate: str,
        begins: Annotated[str, Parameter(name="--from")] = "",
        as_json: Json = False,
    ) -> int:
        """Check a rule set and keep it as a draft under a mandate, with its preview on the people who are there.

        Prints the order's id and the preview's digest: what two officers sign.

        Parameters
        ----------
        file
            The rule set, each rule with its house block and its tests.
        mandate
            The id of a mandate in force that covers each measure.
        begins
            From when it is in force, as RFC 3339 with a zone; written into the draft.
        """
        raw = file_of(file)
        at = time_of(begins, "--from") if begins else None
        with opened(open_house) as house:
            moment = house.moment()
            made = house.store.write(lambda tx: service.draft(tx, moment, raw, mandate, WHO, at))
            looked = service.look_over(house.store, moment, house.mirror, made.body, Laboratory())
            made = house.store.write(lambda tx: service.keep_preview(tx, moment, made.id, looked))
        say(as_json, row_of(made), f"{made.id}  {made.state}  preview {made.preview_hash}")
        return 0


def _between(
    old: bytes | None, new: bytes, people: int, days: int, seed: int, laboratory: Laboratory, now: datetime
) -> Impact:
    before = None if old is None else read_rule_set(old)
    after = read_rule_set(new)
    try:
        return impact(
            before,
            after,
            made_up_city(people, now, seed),
            clocks(now, after, days),
            laboratory=laboratory,
            draft=after.hash,
            made_up=True,
            groups=made_up_groups(people, seed),
            assumed=(ASSUMED,),
        )
    except ValueError as fault:
        raise Refusal("NOT_A_CITY", "rules", Text(str(fault), f"无法预览：{fault}")) from None


def _print_impact(seen: Impact, as_json: bool) -> None:
    if not as_json:
        print(
            f"{'worse off':>12} {shown(seen.worse)}    better off {shown(seen.better)}    of {shown(seen.people)}"
        )
        print(f"{'':>12}" + "".join(f"{name:>14}" for name in OUTCOMES))
        for name, row in zip(OUTCOMES, seen.days[0].matrix, strict=True):
            print(f"{name:>12}" + "".join(f"{shown(count):>14}" for count in row))
    print(msgspec.json.encode(seen).decode())


def row_of(order: Order) -> dict[str, Any]:
    """An order as these commands print it."""
    signed = [one.role for one in order.signatures]
    return {
        "id": order.id,
        "state": order.state,
        "mandate": order.mandate_id,
        "hash": order.hash,
        "preview": order.preview_hash,
        "lead_hours": order.lead_ms // 3_600_000,
        "signed_by": signed,
        "missing": sorted(set(SIGNING_ROLES) - set(signed)),
        "policy": order.policy_number,
    }


def called_wrongly(told: str) -> int:
    """Say what was wrong with the call; its exit code."""
    print(told, file=sys.stderr)
    return 2
