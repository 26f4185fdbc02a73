"""Tables of what laboratories sent: messages, quarantine, versions, states, runs. SQL only, no decisions."""

import msgspec

from pratique.store.tx import Row, Tx
from pratique.testing.model import Lab, Version
from pratique.testing.release import Prior

# Laboratories


def add_lab(tx: Tx, lab: Lab, now: int) -> None:
    tx.run(
        "INSERT INTO lab (id, name, oid, zone, charset, always_answer, sends_controls, run_minutes,"
        " filler_is_tube, tubes_a_day, created_at) VALUES (:id, :name, :oid, :zone, :charset, :always, :controls,"
        " :minutes, :filler, :tubes, :now)",
        id=lab.id, name=lab.name, oid=lab.oid, zone=lab.zone, charset=lab.charset, always=int(lab.always_answer),
        controls=int(lab.sends_controls), minutes=lab.run_minutes, filler=int(lab.filler_is_tube),
        tubes=lab.tubes_a_day, now=now,
    )  # fmt: skip


LAB = (
    "SELECT id, name, oid, zone, charset, always_answer, sends_controls, run_minutes, filler_is_tube, tubes_a_day"
    " FROM lab"
)


def lab_named(tx: Tx, name: str) -> Lab | None:
    row = tx.one(LAB + " WHERE name = :name", name=name)
    return _lab(row) if row else None


def lab(tx: Tx, lab_id: str) -> Lab | None:
    row = tx.one(LAB + " WHERE id = :id", id=lab_id)
    return _lab(row) if row else None


def labs(tx: Tx) -> list[Lab]:
    return [_lab(row) for row in tx.all(LAB + " ORDER BY name")]


def _lab(row: Row) -> Lab:
    return Lab(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        bool(row[5]),
        bool(row[6]),
        int(row[7]),
        bool(row[8]),
        int(row[9]),
    )


# Messages


def lab_and_repeat(tx: Tx, name: str, msh3: str, msh4: str, msh10: str) -> tuple[Lab, bytes | None] | None:
    """The laboratory of that name and the hash of the message that came under this key before, if one did."""
    row = tx.one(
        "SELECT id, name, oid, zone, charset, always_answer, sends_controls, run_minutes, filler_is_tube,"
        " tubes_a_day, (SELECT sha256 FROM lab_message WHERE msh3 = :a AND msh4 = :b AND msh10 = :c) FROM lab"
        " WHERE name = :name",
        name=name, a=msh3, b=msh4, c=msh10,
    )  # fmt: skip
    return (_lab(row), bytes(row[10]) if row[10] is not None else None) if row else None


def add_message(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO lab_message (msh3, msh4, msh10, sha256, lab_id, tube, kept, named, received_at)"
        " VALUES (:msh3, :msh4, :msh10, :sha256, :lab_id, :tube, :kept, :named, :received_at)",
        **row,
    )


def add_quarantine(tx: Tx, **row: object) -> int:
    return tx.run(
        "INSERT INTO lab_quarantine (id, lab_id, control_id, code, field, why_en, why_zh, sha256, kept,"
        " sealed_under, received_at, expires_at) VALUES (:id, :lab_id, :control_id, :code, :field, :why_en,"
        " :why_zh, :sha256, :kept, :sealed_under, :received_at, :expires_at) ON CONFLICT (sha256) DO NOTHING",
        **row,
    )


def quarantine(tx: Tx, only: str = "", limit: int = 200) -> list[Row]:
    return tx.all(
        "SELECT q.id, COALESCE(l.name, ''), q.control_id, q.code, q.field, q.why_en, q.why_zh, q.received_at,"
        " q.sealed_under, q.kept, q.asked, q.reason, q.asked_by FROM lab_quarantine q"
        " LEFT JOIN lab l ON l.id = q.lab_id"
        " WHERE q.resolved_at IS NULL AND (:only = '' OR q.id = :only) ORDER BY q.received_at, q.id LIMIT :n",
        only=only, n=limit,
    )  # fmt: skip


def ask_quarantine(tx: Tx, quarantine_id: str, asked: str, reason: str, by: str, now: int | None) -> int:
    return tx.run(
        "UPDATE lab_quarantine SET asked = :asked, reason = :reason, asked_by = :by, asked_at = CAST(:now AS BIGINT)"
        " WHERE id = :id AND resolved_at IS NULL",
        id=quarantine_id, asked=asked, reason=reason, by=by, now=now,
    )  # fmt: skip


def quarantine_bytes(tx: Tx, quarantine_id: str) -> tuple[bytes, bytes]:
    """(SHA-256 of the bytes as received, the redacted message) of one that is legible."""
    row = tx.one("SELECT sha256, kept FROM lab_quarantine WHERE id = :id", id=quarantine_id)
    assert row is not None  # noqa: S101 - the caller has just read it
    return bytes(row[0]), bytes(row[1])


def drop_quarantine(tx: Tx, now: int) -> int:
    """Forget the bytes of what is resolved or 30 days old; the verdict stays."""
    return tx.run(
        "UPDATE lab_quarantine SET kept = NULL, resolved_at = COALESCE(resolved_at, :now)"
        " WHERE kept IS NOT NULL AND (resolved_at IS NOT NULL OR expires_at <= :now)",
        now=now,
    )


def resolve_quarantine(tx: Tx, quarantine_id: str, by: str, now: int) -> int:
    return tx.run(
        "UPDATE lab_quarantine SET resolved_at = :now, resolved_by = :by, kept = NULL"
        " WHERE id = :id AND resolved_at IS NULL",
        id=quarantine_id, by=by, now=now,
    )  # fmt: skip


def add_refusal(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO lab_refusal (id, lab_id, control_id, answer, code, field, received_at)"
        " VALUES (:id, :lab_id, :control_id, :answer, :code, :field, :received_at)",
        **row,
    )


def refusals(tx: Tx, limit: int) -> list[Row]:
    return tx.all(
        "SELECT lab_id, control_id, answer, code, field, received_at FROM lab_refusal"
        " ORDER BY received_at DESC, id LIMIT :n",
        n=limit,
    )


def intake_counts(tx: Tx, since: int) -> Row:
    row = tx.one(
        "SELECT (SELECT COUNT(*) FROM lab_message WHERE received_at >= :since),"
        " (SELECT COUNT(*) FROM lab_quarantine WHERE resolved_at IS NULL),"
        " (SELECT COUNT(*) FROM lab_refusal WHERE received_at >= :since),"
        " (SELECT COUNT(*) FROM tube_state WHERE state = 'held')",
        since=since,
    )
    assert row is not None  # noqa: S101 - counts always have a row
    return row


# Versions


def add_version(tx: Tx, v: Version, **row: object) -> bool:
    """False if the same content is there already: then nothing was added."""
    rows = tx.run(
        "INSERT INTO result_version (id, code, analyte, outcome, sent_code, pooled_code, status, lab_id, tested_at,"
        " analysed_at, reported_at, message_at, received_at, ct_milli, ct2_milli, people, reject, run_id,"
        " content_key) VALUES (:id, :code, :analyte, :outcome, :sent_code, :pooled_code, :status, :lab_id,"
        " :tested_at, :analysed_at,"
        " :reported_at, :message_at, :received_at, :ct_milli, :ct2_milli, :people, :reject, :run_id, :content_key)"
        " ON CONFLICT (code, analyte, content_key) DO NOTHING",
        id=v.id, outcome=v.outcome, pooled_code=int(v.pooled_code), status=v.status, lab_id=v.lab_id,
        tested_at=v.tested_at, analysed_at=v.analysed_at, reported_at=v.reported_at, message_at=v.message_at,
        received_at=v.received_at, people=v.people, run_id=v.run_id, **row,
    )  # fmt: skip
    return rows == 1


def versions(tx: Tx, code: str, analyte: str) -> list[Version]:
    rows = tx.all(
        "SELECT v.id, v.outcome, v.status, v.lab_id, v.reported_at, COALESCE(f.message_at, v.message_at),"
        " v.received_at,"
        " CASE WHEN f.message_at IS NULL THEN v.tested_at ELSE f.tested_at END,"
        " CASE WHEN f.message_at IS NULL THEN v.analysed_at ELSE f.analysed_at END,"
        " CASE WHEN f.message_at IS NULL THEN v.people ELSE f.people END, v.pooled_code, v.run_id"
        " FROM result_version v LEFT JOIN result_first_sent f ON f.code = v.code AND f.analyte = v.analyte"
        " AND f.content_key = v.content_key WHERE v.code = :code AND v.analyte = :analyte ORDER BY v.id",
        code=code, analyte=analyte,
    )  # fmt: skip
    return [
        Version(
            id=r[0], outcome=r[1], status=r[2], lab_id=r[3], reported_at=r[4], message_at=r[5], received_at=r[6],
            tested_at=r[7], analysed_at=r[8], people=r[9], pooled_code=bool(r[10]), run_id=r[11],
        )
        for r in rows
    ]  # fmt: skip


def sent_earlier(tx: Tx, v: Version, *, code: str, analyte: str, content_key: bytes) -> bool:
    """A repeat of a version that is there already: True if it was sent before the one we have (of two sent at one
    moment, the one with the smaller figures), and then its times and count are the version's from now on."""
    figures = "message_at, COALESCE(people, -1), COALESCE(tested_at, -1), COALESCE(analysed_at, -1)"
    known = tx.all(
        f"SELECT {figures} FROM result_first_sent WHERE code = :code AND analyte = :analyte AND content_key = :key"
        f" UNION ALL SELECT {figures} FROM result_version WHERE code = :code AND analyte = :analyte"
        " AND content_key = :key",
        code=code, analyte=analyte, key=content_key,
    )  # fmt: skip
    mine = tuple(-1 if one is None else one for one in (v.message_at, v.people, v.tested_at, v.analysed_at))
    if not known or mine >= min(known):
        return False
    tx.run(
        "INSERT INTO result_first_sent (code, analyte, content_key, message_at, people, tested_at, analysed_at) VALUES"
        " (:code, :analyte, :key, :message_at, :people, :tested_at, :analysed_at) ON CONFLICT (code, analyte,"
        " content_key) DO UPDATE SET message_at = :message_at, people = :people, tested_at = :tested_at,"
        " analysed_at = :analysed_at",
        code=code, analyte=analyte, key=content_key, message_at=v.message_at, people=v.people,
        tested_at=v.tested_at, analysed_at=v.analysed_at,
    )  # fmt: skip
    return True


def analytes_reported(tx: Tx, code: str) -> list[str]:
    rows = tx.all(
        "SELECT DISTINCT analyte FROM result_version WHERE code = :code ORDER BY analyte", code=code
    )
    return [row[0] for row in rows]


# States


class Standing(msgspec.Struct):
    """One row of tube_state. `told_version` and `told_outcome` are what the members know."""

    state: str = "no-result"
    version_id: str = ""
    outcome: str = ""
    told_version: str = ""
    told_outcome: str = ""
    held_because: str = ""
    run_id: str = ""


def standing(tx: Tx, code: str, analyte: str) -> Standing:
    row = tx.one(
        "SELECT state, version_id, outcome, told_version, told_outcome, held_because, run_id FROM tube_state"
        " WHERE code = :code AND analyte = :analyte",
        code=code, analyte=analyte,
    )  # fmt: skip
    return Standing(*row) if row else Standing()


def put_standing(tx: Tx, code: str, analyte: str, s: Standing, now: int) -> None:
    tx.run(
        "INSERT INTO tube_state (code, analyte, state, version_id, outcome, told_version, told_outcome,"
        " held_because, run_id, since_at) VALUES (:code, :analyte, :state, :version, :outcome, :told_version,"
        " :told_outcome, :because, :run_id, :now) ON CONFLICT (code, analyte) DO UPDATE SET state = :state,"
        " version_id = :version, outcome = :outcome, told_version = :told_version, told_outcome = :told_outcome,"
        " held_because = :because, run_id = :run_id, since_at = :now",
        code=code, analyte=analyte, state=s.state, version=s.version_id, outcome=s.outcome,
        told_version=s.told_version, told_outcome=s.told_outcome, because=s.held_because, run_id=s.run_id, now=now,
    )  # fmt: skip


def is_told(tx: Tx, code: str) -> bool:
    """True if anybody was told a result of this tube."""
    return tx.one("SELECT 1 FROM tube_state WHERE code = :c AND told_version <> ''", c=code) is not None


def states(tx: Tx, code: str) -> list[tuple[str, str]]:
    rows = tx.all("SELECT analyte, state FROM tube_state WHERE code = :code ORDER BY analyte", code=code)
    return [(str(row[0]), str(row[1])) for row in rows]


def waiting_in(tx: Tx, run_id: str, *, held: bool = False) -> list[tuple[str, str]]:
    """(code, analyte) of what waits for this run, or, if `held`, of what is held because of it."""
    rows = tx.all(
        "SELECT code, analyte FROM tube_state WHERE run_id = :run AND state IN ('waiting', 'held')"
        " AND (state = 'waiting' OR (:held = 1 AND held_because = 'run')) ORDER BY code, analyte",
        run=run_id, held=int(held),
    )  # fmt: skip
    return [(str(row[0]), str(row[1])) for row in rows]


def held_tubes(tx: Tx) -> list[Row]:
    return tx.all(
        "SELECT code, analyte, held_because, run_id, since_at FROM tube_state WHERE state = 'held'"
        " ORDER BY since_at, code"
    )


def state_counts(tx: Tx, campaign_id: str) -> list[Row]:
    return tx.all(
        "SELECT s.state, COUNT(*) FROM tube_state s JOIN tube t ON t.code = s.code WHERE t.campaign_id = :id"
        " GROUP BY s.state ORDER BY s.state",
        id=campaign_id,
    )


def results_of(tx: Tx, subject_id: str) -> list[Row]:
    """(kind, told outcome, sampled, known, analyte, state) of one person's tubes, latest first; no code, no site."""
    return tx.all(
        "SELECT t.kind, COALESCE(s.told_outcome, ''), t.sealed_at, COALESCE(s.since_at, t.registered_at),"
        " COALESCE(s.analyte, c.analytes), COALESCE(s.state, 'no-result') FROM tube_member x"
        " JOIN tube t ON t.code = x.code JOIN campaign c ON c.id = t.campaign_id"
        " LEFT JOIN tube_state s ON s.code = t.code WHERE x.subject_id = :subject ORDER BY t.sealed_at DESC, t.code",
        subject=subject_id,
    )


# Runs


RUN = "SELECT id, state, n, positives, first_at, last_at, waits_since, lab_id, analyte, purpose, uploader FROM run"


class Run(msgspec.Struct):
    """One row of run."""

    id: str
    state: str
    n: int
    positives: int
    first_at: int
    last_at: int
    waits_since: int | None
    lab_id: str
    analyte: str
    purpose: str
    uploader: str


def count_into_current(
    tx: Tx, lab_id: str, analyte: str, purpose: str, key: str, *, positive: int, now: int, quiet_since: int,
    first_since: int, size: int,
) -> Run | None:  # fmt: skip
    """Count one result into the run that goes on under this key; None where there is none or it is over."""
    row = tx.one(
        "UPDATE run SET n = n + 1, positives = positives + :positive, last_at = :now WHERE lab_id = :lab"
        " AND analyte = :analyte AND purpose = :purpose AND run_key = :key AND is_current = 1"
        " AND state IN ('open', 'suspect', 'held') AND last_at > :quiet AND first_at >= :first AND n < :size"
        " RETURNING id, state, n, positives, first_at, last_at, waits_since, lab_id, analyte, purpose, uploader",
        lab=lab_id, analyte=analyte, purpose=purpose, key=key, positive=positive, now=now, quiet=quiet_since,
        first=first_since, size=size,
    )  # fmt: skip
    return Run(*row) if row else None


def uncount(tx: Tx, run_id: str, positive: int) -> None:
    """Take one result out of its run again: it was no news."""
    tx.run("UPDATE run SET n = n - 1, positives = positives - :x WHERE id = :id", id=run_id, x=positive)


def end_current(tx: Tx, lab_id: str, analyte: str, purpose: str, key: str) -> None:
    """New results under this key go to another run from now on."""
    tx.run(
        "UPDATE run SET is_current = 0 WHERE lab_id = :lab AND analyte = :analyte AND purpose = :purpose"
        " AND run_key = :key AND is_current = 1",
        lab=lab_id, analyte=analyte, purpose=purpose, key=key,
    )  # fmt: skip


def run(tx: Tx, run_id: str) -> Run | None:
    row = tx.one(RUN + " WHERE id = :id", id=run_id)
    return Run(*row) if row else None


def add_run(tx: Tx, run: Run, key: str) -> None:
    tx.run(
        "INSERT INTO run (id, lab_id, analyte, purpose, run_key, first_at, last_at, n, positives, state, uploader,"
        " is_current) VALUES (:id, :lab, :analyte, :purpose, :key, :first_at, :last_at, :n, :positives, :state,"
        " :uploader, 1)",
        id=run.id, lab=run.lab_id, analyte=run.analyte, purpose=run.purpose, key=key, first_at=run.first_at,
        last_at=run.last_at, n=run.n, positives=run.positives, state=run.state, uploader=run.uploader,
    )  # fmt: skip


def set_run_state(tx: Tx, run_id: str, state: str) -> None:
    tx.run("UPDATE run SET state = :state WHERE id = :id", id=run_id, state=state)


def run_waits(tx: Tx, run_id: str, since: int) -> None:
    tx.run("UPDATE run SET waits_since = :at WHERE id = :id AND waits_since IS NULL", id=run_id, at=since)


def settle_run(tx: Tx, run_id: str, state: str) -> None:
    tx.run("UPDATE run SET state = :state, waits_since = NULL WHERE id = :id", id=run_id, state=state)


def review_run(tx: Tx, run_id: str, state: str, reviewer: str, now: int) -> None:
    tx.run(
        "UPDATE run SET state = :state, reviewer = :by, reviewed_at = :now, waits_since = NULL WHERE id = :id",
        id=run_id, state=state, by=reviewer, now=now,
    )  # fmt: skip


def due_runs(tx: Tx, quiet_since: int, waiting_since: int) -> list[str]:
    rows = tx.all(
        "SELECT id FROM run WHERE waits_since IS NOT NULL AND (last_at <= :quiet OR waits_since <= :waiting)"
        " ORDER BY id",
        quiet=quiet_since, waiting=waiting_since,
    )  # fmt: skip
    return [row[0] for row in rows]


def held_runs(tx: Tx) -> list[Row]:
    return tx.all(
        "SELECT r.id, l.name, r.analyte, r.purpose, r.n, r.positives, r.first_at, r.last_at, r.uploader,"
        " r.lab_id, r.run_key FROM run r"
        " JOIN lab l ON l.id = r.lab_id WHERE r.state = 'held' ORDER BY r.first_at, r.id"
    )


# Priors


def prior(tx: Tx, lab_id: str, analyte: str, purpose: str) -> Prior | None:
    row = tx.one(
        "SELECT a_milli, b_milli FROM lab_prior WHERE lab_id = :lab AND analyte = :analyte AND purpose = :purpose",
        lab=lab_id, analyte=analyte, purpose=purpose,
    )  # fmt: skip
    return Prior(row[0] / 1000, row[1] / 1000) if row else None


def put_prior(tx: Tx, lab_id: str, analyte: str, purpose: str, prior: Prior, now: int) -> None:
    tx.run(
        "INSERT INTO lab_prior (lab_id, analyte, purpose, a_milli, b_milli, computed_at)"
        " VALUES (:lab, :analyte, :purpose, :a, :b, :now) ON CONFLICT (lab_id, analyte, purpose)"
        " DO UPDATE SET a_milli = :a, b_milli = :b, computed_at = :now",
        lab=lab_id, analyte=analyte, purpose=purpose, a=round(prior.a * 1000), b=round(prior.b * 1000), now=now,
    )  # fmt: skip


def runs_since(tx: Tx, since: int) -> list[Row]:
    """(lab, analyte, purpose, n, positives) of runs that were not held or rejected."""
    return tx.all(
        "SELECT lab_id, analyte, purpose, n, positives FROM run WHERE first_at >= :since"
        " AND state IN ('open', 'released') ORDER BY lab_id, analyte, purpose",
        since=since,
    )
