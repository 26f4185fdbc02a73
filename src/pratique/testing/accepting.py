"""From a message that could be read to result versions: whose tube, may they, is it news. One transaction.

Everything is checked before the first row is written. The same content is one version; what was sent earlier speaks
for both, so that the order of arrival means nothing.
"""

from hashlib import sha256

import msgspec

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, to_ms
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import releasing, store, store_results, store_tubes
from pratique.testing.model import Incoming, Lab, Observed, Version
from pratique.testing.releasing import Tell
from pratique.testing.store_tubes import Seen


class Refused(Refusal):
    """A verdict on a message we could read: goes to quarantine under its field."""


def refuse(code: str, field: str, en: str, zh: str) -> Refused:
    """A `Refused` with both texts; `code` of HL7 table 0357."""
    return Refused(code, field, Text(en, zh))


def accept(tx: Tx, moment: Moment, incoming: Incoming, lab: Lab, digest: bytes, by: str, tell: Tell) -> None:
    """Store the message and its versions and act on them. Raises Refused."""
    seen = store_tubes.seen(tx, incoming.code, lab.id)
    several = [(incoming, seen)]
    if seen.tube is None and incoming.parents:
        several = _of_lab_pool(tx, incoming, lab)
    wanted = [_wanted(tx, moment, one, lab, its) for one, its in several]
    s = incoming.sender
    store_results.add_message(
        tx, msh3=s.application, msh4=s.facility, msh10=s.control_id, sha256=digest, lab_id=lab.id,
        tube=incoming.code, kept=incoming.kept, named=int(incoming.named), received_at=moment.now_ms,
    )  # fmt: skip
    if incoming.named:
        store.open_task(tx, moment.new_id(), "names", lab.id, lab.id, moment.now_ms)
    for (one, its), ours in zip(several, wanted, strict=True):
        first = its.versions == 0 and len(ours) == 1
        for observed in ours:
            _version(tx, moment, one, observed, lab, by, tell, its, first=first)


def _of_lab_pool(tx: Tx, incoming: Incoming, lab: Lab) -> list[tuple[Incoming, Seen]]:
    """A pool the laboratory made of separate tubes of one person each: a negative is each one's; anything else asks
    the person of each tube for a result of their own, which the laboratory may still send of the same tube.

    Tubes of several people must not be pooled again (tens mixed to thirties miss the positive): refused.
    """
    observed = tuple(
        msgspec.structs.replace(
            one, outcome="indeterminate" if one.outcome == "positive" else one.outcome, pooled_code=True
        )
        for one in incoming.observed
    )
    several = []
    for code in incoming.parents:
        seen = store_tubes.seen(tx, code, lab.id)
        if seen.tube is not None and seen.tube.kind == "mixed":
            raise refuse("103", "SPM[1]/3", f"tube {code} holds several people and must not be pooled again",
                         f"采样管 {code} 为多人混采，不得再次混检")  # fmt: skip
        several.append((msgspec.structs.replace(incoming, code=code, observed=observed, people=1), seen))
    return several


def _wanted(tx: Tx, moment: Moment, incoming: Incoming, lab: Lab, seen: Seen) -> list[Observed]:
    """The results of this message that the tube's campaign looks for; of an analyte said twice the last counts."""
    tube = seen.tube
    analytes = tube.analytes if tube else _analytes_of_live(tx, moment)
    ours = {one.analyte: one for one in incoming.observed if one.analyte in analytes}
    if not ours:
        raise refuse("103", incoming.observed[0].where, "this analyte is not looked for in the tube's campaign",
                     "该检测项目不属于本采样行动")  # fmt: skip
    if tube is not None and not tube.in_force[0] <= moment.now_ms < tube.in_force[1]:
        raise refuse("207", "SPM[1]/2", "the mandate of this tube's campaign is not in force",
                     "该管所属采样行动的授权令未生效")  # fmt: skip
    if seen.received_at is None and store_tubes.held_elsewhere(tx, incoming.code, lab.id):
        store.open_task(tx, moment.new_id(), "not-in-custody", incoming.code, lab.id, moment.now_ms)
        raise refuse("204", "SPM[1]/2", "another laboratory holds this tube; you have never received it",
                     "该管由其他检测机构持有，贵机构从未接收")  # fmt: skip
    return list(ours.values())


def _version(
    tx: Tx, moment: Moment, incoming: Incoming, one: Observed, lab: Lab, by: str, tell: Tell, seen: Seen,
    *, first: bool,
) -> None:  # fmt: skip
    """One version, unless the same content is there already: then nobody is told again."""
    tube, run = seen.tube, None
    positive = one.outcome in ("positive", "indeterminate")
    if one.status != "P" and one.outcome != "withdrawn":
        run = releasing.count(
            tx, moment, lab_id=lab.id, analyte=one.analyte, purpose=tube.purpose if tube else "screen",
            key=incoming.run_key, uploader=by, positive=positive,
        )  # fmt: skip
    version = Version(
        id=moment.new_id(), outcome=one.outcome, status=one.status, lab_id=lab.id,
        reported_at=to_ms(one.reported_at), message_at=to_ms(incoming.message_at), received_at=moment.now_ms,
        tested_at=to_ms(one.tested_at) if one.tested_at else None,
        analysed_at=to_ms(one.analysed_at) if one.analysed_at else None,
        people=incoming.people, pooled_code=one.pooled_code, run_id=run.id if run else "",
    )  # fmt: skip
    content = (incoming.code, one.analyte, one.outcome, one.status, str(version.reported_at), lab.id)
    key = sha256("\x1f".join(content).encode()).digest()
    added = store_results.add_version(
        tx, version, code=incoming.code, analyte=one.analyte, sent_code=one.sent_code, ct_milli=one.ct_milli,
        ct2_milli=one.ct2_milli, reject=incoming.reject[:20], content_key=key,
    )  # fmt: skip
    if not added:
        if run is not None:
            store_results.uncount(tx, run.id, int(positive))
        earlier = store_results.sent_earlier(
            tx, version, code=incoming.code, analyte=one.analyte, content_key=key
        )
        if earlier and tube is not None:
            releasing.judge(tx, moment, incoming.code, one.analyte, tell)
        return
    if tube is not None:
        known = releasing.Known(tube, lab, seen.received_at, run, version if first else None)
        releasing.judge(tx, moment, incoming.code, one.analyte, tell, known=known)


def _analytes_of_live(tx: Tx, moment: Moment) -> frozenset[str]:
    live = store.live_campaigns(tx, moment.now_ms)
    if not live:
        raise refuse("207", "SPM[1]/2", "no campaign is open, and nobody knows this tube",
                     "没有进行中的采样行动，且该管未登记")  # fmt: skip
    return frozenset(analyte for row in live for analyte in row[5].split())
