"""A campaign asks everybody for a test: one ground, one notice N1 a person, opened in batches."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from pratique.core.canonical import canonical_json
from pratique.core.moment import Moment, from_ms, rfc3339, to_ms
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.notices import store
from pratique.notices.kinds import fact_text
from pratique.notices.model import Campaign, House, Opening, Said
from pratique.notices.opening import open_many
from pratique.people import service as people
from pratique.store.tx import Row, Tx

BATCH = 1000


def start_campaign(
    tx: Tx, moment: Moment, house: House, campaign: Campaign, subject_ids: Sequence[str] | None = None
) -> int:
    """Open N1 for these subjects (None: for everybody known), once each; how many were opened now.

    Raises NoMandate where the campaign's mandate does not allow asking.
    """
    ground_id = store.ground_of_campaign(tx, campaign.id) or _keep_ground(tx, moment, campaign)
    if subject_ids is not None:
        known = people.existing(tx, subject_ids)
        return _ask(tx, moment, house, ground_id, campaign, [one for one in subject_ids if one in known])
    opened, after = 0, ""
    while batch := people.subjects_after(tx, after, BATCH):
        opened += _ask(tx, moment, house, ground_id, campaign, batch)
        after = batch[-1]
    return opened


def join_campaigns(tx: Tx, moment: Moment, house: House, subject_id: str) -> int:
    """N1 of each running campaign for somebody who came later; how many were opened now."""
    since = moment.now.replace(microsecond=0)  # sites write whole seconds
    openings = [
        _opening(subject_id, ground_id, mandate_id, campaign_id, analyte, since, from_ms(closes_at))
        for ground_id, mandate_id, campaign_id, analyte, closes_at in missing_campaigns(
            tx, moment, subject_id
        )
    ]
    return len(open_many(tx, moment, house, openings))


def missing_campaigns(tx: Tx, moment: Moment, subject_id: str) -> list[Row]:
    """The grounds of running campaigns that nobody has told this subject of."""
    found = []
    for row in store.running_grounds(tx, moment.now_ms):
        if not store.told_already(tx, row[0], [subject_id]):
            mandate = mandates.mandate_by_id(tx, row[1])
            if mandate is not None and mandate.in_force(moment.now, "restriction"):
                found.append(row)
    return found


def _ask(
    tx: Tx, moment: Moment, house: House, ground_id: str, campaign: Campaign, subject_ids: Sequence[str]
) -> int:
    told = store.told_already(tx, ground_id, subject_ids)
    since = min(campaign.opens_at, moment.now).replace(microsecond=0)  # sites write whole seconds
    openings = [
        _opening(
            one, ground_id, campaign.mandate_id, campaign.id, campaign.analyte, since, campaign.closes_at
        )
        for one in dict.fromkeys(subject_ids)
        if one not in told
    ]
    return len(open_many(tx, moment, house, openings))


def _opening(
    subject_id: str,
    ground_id: str,
    mandate_id: str,
    campaign_id: str,
    analyte: str,
    since: datetime,
    closes_at: datetime,
) -> Opening:
    return Opening(
        subject_id=subject_id,
        kind="N1",
        mandate_id=mandate_id,
        reason="CAMPAIGN",
        ground_id=ground_id,
        analyte=analyte,
        since=since,
        deadline=closes_at,
        campaign_id=campaign_id,
    )


def _keep_ground(tx: Tx, moment: Moment, campaign: Campaign) -> str:
    mandate = mandates.require(tx, campaign.mandate_id, "restriction", moment.now)
    runs = fact_text("campaign")
    named = Text(f"{runs.en} {campaign.name.en}", f"{runs.zh_hans}{campaign.name.zh_hans}")
    facts = (
        Said(named, mandate.issuer, rfc3339(campaign.opens_at)),
        Said(fact_text("closes"), mandate.issuer, rfc3339(campaign.closes_at)),
    )
    body = canonical_json(facts)
    ground_id = moment.new_id()
    store.add_ground(
        tx,
        id=ground_id,
        mandate_id=campaign.mandate_id,
        campaign_id=campaign.id,
        analyte=campaign.analyte,
        closes_at=to_ms(campaign.closes_at),
        body=body.decode(),
        hash=sha256(body).hexdigest(),
        made_at=moment.now_ms,
    )
    return ground_id
