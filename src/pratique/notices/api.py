"""HTTP routes of the room `notices`: the wallet's one read, appeals, "I have read it", forgetting. Thin."""

import asyncio
from datetime import UTC, tzinfo

import msgspec

from pratique.core.errors import Refusal
from pratique.core.moment import rfc3339
from pratique.core.text import Text
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.reasons import BadText
from pratique.notices import service
from pratique.notices.appeal import MAX_TEXT
from pratique.notices.model import AppealView, AttachmentView, House, PassView, Results, WalletView
from pratique.notices.my_data import bundle, pdf
from pratique.notices.publishing import WeekView
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route


class AppealText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the holder writes; it may be empty: one tap is enough."""

    text: str = ""


class DayKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One to eight fresh P-256 points of the wallet, 65 bytes each in base64url: one pass for each."""

    keys: tuple[str, ...]


class DayPasses(msgspec.Struct, frozen=True):
    """A pass for each key, in their order; none on hold."""

    passes: tuple[PassView, ...]


class Forgetting(msgspec.Struct, frozen=True):
    """When nobody can read it here any more, and by when the keys are gone from every copy (RFC 3339)."""

    online_at: str
    final_by: str
    ends: tuple[Text, ...]
    stays: tuple[Text, ...]


class Weeks(msgspec.Struct, frozen=True):
    """Appeals in public, newest week first."""

    weeks: tuple[WeekView, ...]
    now: str


class Noted(msgspec.Struct, frozen=True):
    """Done."""

    now: str


ENDS = (
    Text(
        "your passes, notices, appeals, results and contact card here",
        "您在此处的通行凭证、提示、申诉、结果和联系卡",
    ),
    Text("the link between your key and every tube you were in", "您的密钥与所在采样管之间的联系"),
)
STAYS = (
    Text("counts that name nobody", "不含个人的计数"),
    Text("log entries that point at nobody any more", "不再指向任何人的日志条目"),
)
SKEW_S = 90


def _saved(name: str) -> dict[str, str]:
    """Headers of an answer that is saved as a file."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _points(texts: tuple[str, ...]) -> list[bytes]:
    try:
        return [unb64url(text) for text in texts]
    except BadText:
        text = Text("a key is not base64url without padding", "密钥不是无填充的 base64url")
        raise Refusal("KEYS", "keys", text) from None


def routes(
    store: Store,
    house: House,
    results: Results,
    skew_s: int = SKEW_S,
    zone: tzinfo = UTC,
) -> list[Route]:
    """`results` gives a subject's results (from testing); `skew_s` the seconds a presentation may be old."""

    async def wallet(call: Call) -> Answer:
        me, moment = call.caller.id, call.moment
        asked = call.headers.get("if-none-match")
        tag = await store.apeek(lambda tx: service.wallet_tag(tx, moment, me))
        if asked == tag:
            return Answer(None, 304, {"ETag": tag, "Cache-Control": "no-cache"})
        if await store.aread(lambda tx: service.needs_refresh(tx, moment, house, me)):
            await store.awrite(lambda tx: service.catch_up(tx, moment, house, me))

        def read(tx: Tx) -> tuple[str, WalletView]:
            view = service.wallet_view(tx, moment, house, me, results, skew_s)
            return service.wallet_tag(tx, moment, me), view

        tag, view = await store.aread(read)
        return Answer(view, 200, {"ETag": tag, "Cache-Control": "no-cache"})

    async def appeal(call: Call) -> Answer:
        view = await store.awrite(
            lambda tx: service.appeal(
                tx,
                call.moment,
                house,
                subject_id=call.caller.id,
                notice_id=call.path["id"],
                text=call.body.text,
            )
        )
        return Answer(view, 201)

    async def attach(call: Call) -> Answer:
        view = await store.awrite(
            lambda tx: service.attach(
                tx, call.moment, house, subject_id=call.caller.id, appeal_id=call.path["id"], raw=call.raw
            )
        )
        return Answer(view, 201)

    async def attachment(call: Call) -> Answer:
        found = await store.aread(
            lambda tx: service.own_attachment(
                tx, house, subject_id=call.caller.id, attachment_id=call.path["id"]
            )
        )
        return Answer(found.body, media=found.media, headers={"Content-Disposition": "attachment"})

    async def statistics(call: Call) -> Weeks:
        weeks = await store.aread(service.appeal_weeks)
        return Weeks(tuple(weeks), rfc3339(call.moment.now))

    async def my_data(call: Call) -> Answer:
        mine = await store.aread(lambda tx: service.held(tx, call.moment, house, call.caller.id, results))
        return Answer(bundle(mine), media="application/fhir+json", headers=_saved("pratique.json"))

    async def my_data_pdf(call: Call) -> Answer:
        mine = await store.aread(lambda tx: service.held(tx, call.moment, house, call.caller.id, results))
        made = await asyncio.to_thread(pdf, mine, zone)
        return Answer(made, media="application/pdf", headers=_saved("pratique.pdf"))

    async def passes(call: Call) -> Answer:
        keys = _points(call.body.keys)
        made = await store.awrite(lambda tx: service.day_passes(tx, call.moment, house, call.caller.id, keys))
        shown = (PassView(b64url(one.credential), rfc3339(one.expires)) for one in made)
        return Answer(DayPasses(tuple(shown)), 201)

    async def was_read(call: Call) -> Noted:
        await store.awrite(
            lambda tx: service.note(
                tx, call.moment, "read", notice_id=call.path["id"], subject_id=call.caller.id
            )
        )
        return Noted(rfc3339(call.moment.now))

    async def forget(call: Call) -> Forgetting:
        done = await store.awrite(lambda tx: service.forget(tx, call.moment, house, call.caller.id))
        return Forgetting(rfc3339(done.online_at), rfc3339(done.final_by), ENDS, STAYS)

    me = ("holder",)
    return [
        Route("GET", "/v1/wallet", wallet, me, "everything a wallet shows", None, WalletView, sheds=True),
        Route(
            "POST", "/v1/notices/{id}/appeals", appeal, me,
            f"appeal; at most {MAX_TEXT} characters", AppealText, AppealView, 30,
        ),
        Route(
            "POST", "/v1/appeals/{id}/attachments", attach, me,
            "add a JPEG, a PNG or a PDF to an open appeal: the bytes themselves", None, AttachmentView, 20,
        ),
        Route(
            "POST", "/v1/wallet/passes", passes, me,
            "passes of one day for fresh keys, so that visits cannot be told to be one holder's", DayKeys, DayPasses, 4,
        ),
        Route("GET", "/v1/attachments/{id}", attachment, me, "one's own attachment", None, None, 60),
        Route(
            "GET", "/v1/statistics/appeals", statistics, ("public",),
            "appeals by finished week and kind of notice; null is too few to say", None, Weeks, 120,
        ),
        Route("GET", "/v1/my-data", my_data, me, "all that is held of me, as a FHIR Bundle", None, None, 20),
        Route("GET", "/v1/my-data/pdf", my_data_pdf, me, "the same to read", None, None, 10),
        Route("POST", "/v1/notices/{id}/read", was_read, me, "the holder has read it", None, Noted, 60),
        Route("POST", "/v1/forget", forget, me, "forget me", None, Forgetting, 5),
    ]  # fmt: skip
