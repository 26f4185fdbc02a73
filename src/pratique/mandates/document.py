"""The mandate's text: read it strictly, refuse by field, judge its signatures (pure).

The text of the note is one line of canonical JSON (RFC 8785) and a newline: one document has one form.
A refusal names the field and never repeats what stood there.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from pratique.core.canonical import canonical_json, strict_json
from pratique.core.errors import Refusal
from pratique.core.ids import is_id
from pratique.core.mandate import LONGEST, LONGEST_GRACE_HOURS, Mandate
from pratique.core.text import Text
from pratique.mandates.model import CEILINGS, FAIL_ACTIONS, LEAD_HOURS, ROLES, Document, EndOrder
from pratique.mandates.note import BadNote, Note, VerifierKey, check_note, parse_vkey

MAX_TEXT = 48_000  # a note with two signatures stays under 64 KiB
LONGEST_APPEAL_HOURS = 72
LONGEST_PATH = (
    300  # characters: where and within what time an order is contested; it has to fit a printed page
)
_HEX64 = re.compile(r"[0-9a-f]{64}")
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_URL = re.compile(r"https?://[^\s]+")
T = TypeVar("T")


def document_text(document: Document | EndOrder) -> bytes:
    """The note text: canonical JSON and a newline."""
    return canonical_json(document) + b"\n"


def digest(text: bytes) -> str:
    """Lower-case hex SHA-256 of a note text."""
    return sha256(text).hexdigest()


def read_document(text: bytes) -> Document:
    """A mandate's document from its note text. Raises Refusal naming the field."""
    document = _read(text, Document)
    check_document(document)
    return document


def read_end(text: bytes) -> EndOrder:
    """An early end from its note text. Raises Refusal naming the field."""
    order = _read(text, EndOrder)
    _need(is_id(order.id), "id", "MANDATE_FORM", _FORM)
    _need(_CODE.fullmatch(order.reason) is not None, "reason", "MANDATE_FORM", _FORM)
    _need(order.at.tzinfo is not None, "at", "NO_ZONE", _ZONE)
    return order


def check_document(document: Document) -> None:
    """Every rule of format 1 that is not plain form. Raises Refusal naming the field."""
    need = _need
    need(is_id(document.id), "id", "MANDATE_FORM", _FORM)
    for name in ("extends", "supersedes"):
        other = getattr(document, name)
        need(other is None or (is_id(other) and other != document.id), name, "MANDATE_FORM", _FORM)
    for name in ("start", "end"):
        need(getattr(document, name).tzinfo is not None, name, "NO_ZONE", _ZONE)
    need(document.end > document.start, "end", "END_BEFORE_START", _END_BEFORE_START)
    need(document.end - document.start <= LONGEST, "end", "TOO_LONG", _TOO_LONG)
    need(0 <= document.grace_hours <= LONGEST_GRACE_HOURS, "grace_hours", "GRACE_TOO_LONG", _GRACE)
    need(
        1 <= document.appeal.clock_hours <= LONGEST_APPEAL_HOURS,
        "appeal.clock_hours",
        "APPEAL_CLOCK",
        _APPEAL,
    )
    need(0 <= document.lead_hours <= LEAD_HOURS, "lead_hours", "LEAD_TIME", _LEAD)
    for name in ("review", "court") if document.paths else ():
        path: Text = getattr(document.paths, name)
        fits = max(len(path.en), len(path.zh_hans)) <= LONGEST_PATH
        need(fits, f"paths.{name}", "PATH_TOO_LONG", _PATH)
    need(len(set(document.unlocks)) == len(document.unlocks), "unlocks", "TWICE", _TWICE)
    need(bool(document.data) or not document.unlocks, "data", "NO_DATA_NAMED", _NO_DATA)
    classes = [kept.data_class for kept in document.data]
    need(len(set(classes)) == len(classes), "data", "TWICE", _TWICE)
    for i, kept in enumerate(document.data):
        need(kept.data_class in CEILINGS, f"data[{i}].class", "UNKNOWN_CLASS", _CLASS)
        within = 1 <= kept.max_days <= CEILINGS[kept.data_class]
        need(within, f"data[{i}].max_days", "KEPT_TOO_LONG", _KEPT)
    need(bool(document.basis), "basis", "NO_BASIS", _BASIS)
    for i, basis in enumerate(document.basis):
        need(_HEX64.fullmatch(basis.sha256) is not None, f"basis[{i}].sha256", "BAD_DIGEST", _DIGEST)
        need(_URL.fullmatch(basis.url) is not None, f"basis[{i}].url", "BAD_ADDRESS", _ADDRESS)
    need(_CODE.fullmatch(document.purpose.code) is not None, "purpose.code", "MANDATE_FORM", _FORM)
    need(_HEX64.fullmatch(document.text.sha256) is not None, "text.sha256", "BAD_DIGEST", _DIGEST)
    need(_URL.fullmatch(document.text.url) is not None, "text.url", "BAD_ADDRESS", _ADDRESS)
    for cause, action in document.fail.items():
        need(action in FAIL_ACTIONS.get(cause, ()), f"fail.{_shown(cause)}", "FAIL_ACTION", _FAIL)
    for indicator, amount in document.eps.items():
        need(_is_eps(amount), f"eps.{_shown(indicator)}", "BAD_EPS", _EPS)
    for text, where in _texts(msgspec.to_builtins(document), ""):
        need(bool(text.strip()), where, "EMPTY_TEXT", _EMPTY)
    _check_keys(document)


def _check_keys(document: Document) -> None:
    roles = set()
    for i, vkey in enumerate(document.issuer.vkeys):
        try:
            roles.add(role_of(parse_vkey(vkey)))
        except BadNote:
            _need(False, f"issuer.vkeys[{i}]", "BAD_KEY", _KEY)
    _need({"legal", "public-health"} <= roles, "issuer.vkeys", "ROLES_MISSING", _ROLES)
    _need(len(set(document.issuer.vkeys)) == len(document.issuer.vkeys), "issuer.vkeys", "TWICE", _TWICE)


def role_of(key: VerifierKey) -> str:
    """The role a key's name ends with: `health.port.example/legal`. Raises BadNote."""
    role = key.name.rsplit("/", 1)[-1]
    if role not in ROLES:
        raise BadNote("the name of an officer's key ends with /legal, /public-health or /court")
    return role


def signed_roles(note: Note, document_keys: Iterable[str]) -> frozenset[str]:
    """The roles that signed well, by the keys the document itself names. Raises BadNote."""
    return frozenset(role_of(key) for key in check_note(note, map(parse_vkey, document_keys)))


def open_mandate(note: Note) -> Document:
    """The document of a fully signed mandate note, for whoever holds only the note (a gate, a verifier).

    The caller must know from elsewhere that the issuer's keys are to be trusted. Raises Refusal.
    """
    document = read_document(note.text)
    try:
        roles = signed_roles(note, document.issuer.vkeys)
    except BadNote:
        raise Refusal("SIGNATURE_WRONG", "signatures", _SIGNATURE) from None
    _need({"legal", "public-health"} <= roles, "signatures", "SIGNATURES_MISSING", _TWO)
    return document


def mandate_of(document: Document, published_at: datetime, ended_at: datetime | None) -> Mandate:
    """What rooms act under. It is in force from its start, and never before it was published."""
    return Mandate(
        id=document.id,
        purpose=document.purpose.text,
        issuer=document.issuer.name,
        unlocks=frozenset(document.unlocks),
        data=document.data,
        start=max(document.start, published_at),
        end=document.end,
        grace_hours=document.grace_hours,
        appeal_office=document.appeal.office,
        appeal_hours=document.appeal.clock_hours,
        ended_at=ended_at,
    )


def days_left(mandate: Mandate, now: datetime) -> int:
    """Whole days until the end, rounded up; 0 after it."""
    return max(0, -((now - mandate.ends()) // timedelta(days=1)))


def _read(text: bytes, kind: type[T]) -> T:
    _need(len(text) <= MAX_TEXT, "text", "MANDATE_FORM", _SIZE)
    try:
        plain = strict_json(text)
        canonical = canonical_json(plain) + b"\n"
    except (ValueError, TypeError, RecursionError):
        raise Refusal("MANDATE_FORM", "text", _JSON) from None
    _need(canonical == text, "text", "NOT_CANONICAL", _CANONICAL)
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as fault:
        raise _by_field(str(fault)) from None


def _by_field(said: str) -> Refusal:
    """What msgspec says, as a refusal: the field yes, the value never."""
    where = re.search(r"at `(key in )?\$\.?([^`]*)`", said)
    path = where.group(2) if where else ""
    for pattern, code, text in (
        (r"unknown field `([^`]*)`", "UNKNOWN_FIELD", _UNKNOWN),
        (r"missing required field `([^`]*)`", "FIELD_MISSING", _MISSING),
    ):
        if found := re.search(pattern, said):
            return Refusal(code, ".".join(filter(None, (path, _shown(found.group(1))))), text)
    return Refusal("MANDATE_FORM", path or "text", _FORM)


def _shown(name: str) -> str:
    return name[:40] if re.fullmatch(r"[\w.-]+", name) else "?"


def _is_eps(amount: str) -> bool:
    return re.fullmatch(r"\d{1,3}(\.\d{1,6})?", amount) is not None and Decimal(amount) > 0


def _texts(plain: Any, path: str) -> Iterable[tuple[str, str]]:
    if isinstance(plain, dict):
        for name, value in plain.items():
            if name in ("en", "zh-Hans"):
                yield value, f"{path}.{name}".lstrip(".")
            else:
                yield from _texts(value, f"{path}.{name}")
    elif isinstance(plain, list | tuple):
        for i, value in enumerate(plain):
            yield from _texts(value, f"{path}[{i}]")


def _need(holds: bool, field: str, code: str, text: Text) -> None:
    if not holds:
        raise Refusal(code, field, text)


_FORM = Text(
    "this field is not of the form a mandate has; compare docs/mandates.md",
    "该字段格式不符；请对照 docs/mandates.md",
)
_JSON = Text(
    "a mandate's text is one JSON object without doubled keys or floats",
    "授权令正文须为单个 JSON 对象，无重复键和浮点数",
)
_CANONICAL = Text("the text is not canonical JSON (RFC 8785) with one newline at its end; write it with `pratique mandate new`", "正文不是规范 JSON(RFC 8785)加一个换行；请用 `pratique mandate new` 生成")  # fmt: skip  # noqa: E501
_SIZE = Text("a mandate's text has at most 48,000 bytes", "授权令正文最多 48000 字节")
_UNKNOWN = Text("a mandate has no such field; leave it out", "授权令没有此字段，请删除")
_MISSING = Text(
    "this field is missing; fill it in, texts in both languages", "缺少此字段；请填写，文字须有中英两种语言"
)
_EMPTY = Text("this text is empty in one language; write it in both", "此文字有一种语言为空；请补全两种语言")
_ZONE = Text(
    "a time needs a zone: write it as RFC 3339, such as 2026-01-05T00:00:00Z",
    "时间须带时区，如 2026-01-05T00:00:00Z",
)
_END_BEFORE_START = Text("the end must lie after the start", "结束时间须晚于开始时间")
_TOO_LONG = Text(
    "a mandate lasts at most 90 days; a longer need is a new mandate with new signatures",
    "授权令最长 90 天；需要更久须重新签署新令",
)
_GRACE = Text("the grace time is 0 to 72 hours", "宽限时间为 0 至 72 小时")
_APPEAL = Text("an appeal is answered within 1 to 72 hours", "申诉须在 1 至 72 小时内答复")
_PATH = Text(
    f"say it in at most {LONGEST_PATH} characters, so that it fits the printed order",
    f"请在 {LONGEST_PATH} 字以内写明，以便印在命令上",
)
_LEAD = Text(
    f"the lead time of rules is 0 to {LEAD_HOURS} hours; leave it out for {LEAD_HOURS}",
    f"规则的公示期为 0 至 {LEAD_HOURS} 小时；不写即为 {LEAD_HOURS} 小时",
)
_TWICE = Text("the same thing is named twice; name it once", "同一项重复出现；请只写一次")
_NO_DATA = Text(
    "a mandate that unlocks something names the data it holds and for how long",
    "授权令开放任何事项，均须写明持有何种数据及期限",
)
_CLASS = Text(
    "no such class of data exists in the house; the list is in docs/mandates.md",
    "系统没有此类数据；目录见 docs/mandates.md",
)
_KEPT = Text(
    "kept longer than the ceiling of this class of data; lower the days",
    "保存期限超出该类数据的上限；请缩短天数",
)
_BASIS = Text("a mandate names at least one law it stands on", "授权令须至少写明一项法律依据")
_DIGEST = Text(
    "a digest is 64 lower-case hexadecimal characters (SHA-256)", "摘要须为 64 位小写十六进制（SHA-256）"
)
_ADDRESS = Text("an address starts with http:// or https://", "地址须以 http:// 或 https:// 开头")
_FAIL = Text(
    "this cause and answer are not in the table of what a gate may do", "哨位故障表中没有此原因或处理方式"
)
_EPS = Text(
    "a privacy budget is a positive decimal written as text, such as 0.5",
    "隐私预算须为正的十进制文本，如 0.5",
)
_KEY = Text(
    "not a verifier key whose name ends with /legal, /public-health or /court",
    "不是名称以 /legal、/public-health 或 /court 结尾的验证公钥",
)
_ROLES = Text("the issuer names a legal key and a public-health key", "签发机关须列出法务和公共卫生两把公钥")
_SIGNATURE = Text(
    "a signature is wrong, or no key of the issuer signed", "签名有误，或签发机关的公钥均未签名"
)
_TWO = Text("two signatures are needed: one legal, one public-health", "须有两个签名：法务与公共卫生各一")
