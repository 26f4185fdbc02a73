"""Routes of the fleet. Snapshots are public files; uploads carry their own signature: no token stands in a header."""

import asyncio
from collections.abc import Sequence

from pratique.core.errors import NotFound
from pratique.core.ids import tidy_typed
from pratique.core.moment import Moment, rfc3339
from pratique.core.signer import Signer
from pratique.core.text import Text
from pratique.credentials.gdiff import wants_delta
from pratique.credentials.http_signature import Request
from pratique.credentials.pairing import pairing
from pratique.fleet import service
from pratique.fleet.counts import ADDRESS, Upload, upload
from pratique.fleet.deltas import Deltas
from pratique.fleet.form import base64url, unbase64url
from pratique.fleet.model import CountBatch, Enrolled, Enrolment, Heard, IssuerKeys, heard_bytes
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route


def routes(store: Store, signers: Sequence[Signer], quorum: int, pass_signer: Signer) -> list[Route]:
    """`signers` are the root keys; `quorum` of them make a snapshot valid. The first also tells gates the time.

    `pass_signer` says to wallets what a gate is.
    """

    deltas = Deltas(store)

    async def enrol(call: Call) -> Answer:
        body: Enrolment = call.body
        key, token = unbase64url(body.public_key) or b"", tidy_typed(body.token)
        chosen = await asyncio.to_thread(pairing, key, [s.public_key for s in signers], quorum, token)
        gate_id, place = await store.awrite(
            lambda tx: service.enrol(tx, call.moment, body.token, body.public_key, chosen)
        )
        roots = tuple(base64url(signer.public_key) for signer in signers)
        return Answer(Enrolled(gate_id, place, roots, quorum, call.moment.now), 201)

    async def snapshot(call: Call) -> Answer:
        gate_id = call.query.get("gate", "")
        newest = await store.apeek(lambda tx: service.newest_snapshot(tx, gate_id))
        if newest is None:
            text = Text(
                "no snapshot was published yet: publish a mandate for gates",
                "尚未发布名单：请先公布哨位授权令",
            )
            raise NotFound("NO_SNAPSHOT", "", text)
        number, tag, varies = newest
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Pratique-Snapshot": str(number), "Vary": "A-IM"}
        if varies:  # a hub asks for each gate by name as long as this stands
            headers["Pratique-Varies"] = "gate"
        held = call.headers.get("if-none-match", "")
        if held == tag:
            return Answer(None, 304, headers, _MEDIA)
        if held and wants_delta(call.headers.get("a-im", "")):
            delta = await deltas.between(held, number)
            if delta is not None:
                return Answer(delta, 226, headers | {"IM": "gdiff", "Delta-Base": held}, _MEDIA)
        return Answer(await deltas.body(number), 200, headers, _MEDIA)

    async def counts(call: Call) -> Heard:
        sent = upload(Request("POST", ADDRESS, call.headers, call.raw), call.body)

        def take(tx: Tx) -> tuple[bytes, str]:
            service.record_counts(tx, call.moment, sent)
            gate_id = sent.batch.gate_id
            return service.certificate(tx, call.moment, pass_signer, gate_id), service.group_of(tx, gate_id)

        return heard(call.moment, signers[0], sent, *await store.awrite(take))

    async def issuer_keys(call: Call) -> IssuerKeys:
        found = await store.aread(lambda tx: service.issuer_keys(tx, call.moment.now))
        return IssuerKeys(tuple(found))

    return [
        Route(
            "GET",
            "/v1/issuer-keys",
            issuer_keys,
            ("public",),
            "The keys that sign passes and gates' certificates",
            gives=IssuerKeys,
        ),
        Route(
            "POST",
            "/v1/gates",
            enrol,
            ("public",),
            "Enrol a gate with a one-time token",
            Enrolment,
            Enrolled,
            20,
        ),
        Route(
            "GET",
            "/v1/snapshot",
            snapshot,
            ("public",),
            "What gates decide by: one signed bundle",
            limit=6000,
        ),
        Route(
            "POST",
            ADDRESS,
            counts,
            ("public",),
            "Signed counts and alarms of a gate",
            CountBatch,
            Heard,
        ),
    ]


def heard(moment: Moment, signer: Signer, sent: Upload, certificate: bytes, group: str) -> Heard:
    """The signed answer to an upload that is stored."""
    batch, nonce, now = sent.batch, sent.signed.nonce, rfc3339(moment.now)
    signature = signer.sign(heard_bytes(batch.gate_id, batch.seq, nonce, now, group))
    return Heard(batch.gate_id, batch.seq, nonce, now, group, base64url(signature), base64url(certificate))


_MEDIA = "application/octet-stream"
