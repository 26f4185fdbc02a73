"""The certificate's words (pure): every field of NIST SP 800-88r1 4.8 filled, or said in words why it is not."""

from datetime import datetime
from typing import Literal, NamedTuple

from pratique.core.text import Text
from pratique.retire.model import Act, Canaries, Certificate, FoundBefore, KeyEvidence, Medium, Plan, Scanned

TOOL = "pratique retire"
_UNKNOWN = Text("not known to the program; ask the operator", "程序不掌握；请询问运营方")
_VIRTUAL = Text("a file, not a device: it has none", "为文件而非设备，无此项")


class Told(NamedTuple):
    """What the service knows when it writes the certificate."""

    plan: Plan
    plan_digest: str
    mandate_log_index: int
    mandate_digest: str
    ordered_at: datetime
    started_at: datetime
    finished_at: datetime
    keys: KeyEvidence
    before: FoundBefore | None
    after: Scanned
    address: str
    database: Literal["sqlite", "postgresql"]
    version: str
    backups: tuple[tuple[str, datetime | None], ...]
    gates: int
    previous: str


def write(told: Told) -> Certificate:
    """The certificate. Raises ValueError if a field were empty."""
    return Certificate(
        mandate=told.plan.mandate,
        mandate_log_index=told.mandate_log_index,
        mandate_digest=told.mandate_digest,
        why=_EARLY if told.plan.early else _AT_THE_END,
        plan_digest=told.plan_digest,
        classes=told.plan.classes,
        records_before=told.plan.per_class(),
        records_after=dict.fromkeys(told.plan.per_class(), 0),
        keys=told.keys,
        ordered_at=told.ordered_at,
        started_at=told.started_at,
        finished_at=told.finished_at,
        media=(_database(told), _key_store(told)),
        canaries=Canaries(
            valid=_valid(told.before), result=_result(told.before, told.after), before=told.before, after=told.after
        ),
        backups=_backups(told),
        replicas=Text(
            "this deployment has no replicas of its database that the program knows of",
            "据程序所知，本部署的数据库没有副本",
        ),
        gates=Text(
            f"{told.gates} gates stood under this mandate; each stops and destroys by itself at the mandate's end, "
            "offline too; none of them has reported its own certificate here",
            f"该授权令下有 {told.gates} 个哨位；各自在授权令终止时（离线亦然）停止并自行销毁；尚未有哨位在此报告其证明",
        ),
        holds=Text("no legal hold was in force", "没有生效的司法保全"),
        previous=Text(told.previous, told.previous) if told.previous else _FIRST,
    )  # fmt: skip


def _valid(before: FoundBefore | None) -> bool:
    return before is not None and before.valid


def _result(before: FoundBefore | None, after: Scanned) -> Text:
    if before is None or not before.planted:
        return Text(
            "void as a proof by scan: no canary was planted, so the scanner could not first find one; the destruction "
            "of the keys stands by itself",
            "扫描证明无效：未曾植入标记数据，扫描器无从先行找到；密钥销毁本身仍然成立",
        )  # fmt: skip
    if not before.valid:
        return Text(
            "void as a proof by scan: before the destruction the scanner did not find everything that was planted",
            "扫描证明无效：销毁之前扫描器未能找到全部植入数据",
        )
    return Text(
        f"found before in {before.forms_found} forms; 0 found after in {after.files} files of {after.bytes} bytes and "
        f"{after.tables} tables",
        f"销毁前以 {before.forms_found} 种形式找到；销毁后在 {after.files} 个文件（共 {after.bytes} 字节）和 "
        f"{after.tables} 个表中找到 0 处",
    )  # fmt: skip


def _database(told: Told) -> Medium:
    sqlite = told.database == "sqlite"
    method = (
        Text(
            "cryptographic erase: the mandate's secrets destroyed; besides, rows deleted with secure_delete=ON and the "
            "write-ahead log truncated",
            "密码擦除：销毁授权令密钥；并以 secure_delete=ON 删除行、清空预写日志",
        )
        if sqlite
        else Text(
            "cryptographic erase: the mandate's secrets destroyed; besides, rows deleted and tables rewritten (VACUUM "
            "FULL); the server's write-ahead log holds sealed values without key and random ids until it is recycled",
            "密码擦除：销毁授权令密钥；并删除行、重写表（VACUUM FULL）；服务器预写日志在回收前仅含无密钥密文和随机编号",
        )
    )
    return _medium(
        told,
        model=Text("SQLite database file", "SQLite 数据库文件")
        if sqlite
        else Text("PostgreSQL database", "PostgreSQL 数据库"),
        method=method,
        source=Text(f"the database of {told.address}", f"{told.address} 的数据库"),
        destination=Text(
            "stays in use for other mandates and the public trace", "继续用于其他授权令及公开痕迹"
        ),
        description="Purge",
    )


def _key_store(told: Told) -> Medium:
    keys = told.keys
    return _medium(
        told,
        model=Text("key store: a folder of flat files", "密钥库：平面文件目录"),
        method=Text(
            f"rewritten without the mandate's secrets under root generation {keys.generation_now}; generation "
            f"{keys.destroyed_generation} overwritten and unlinked ({keys.root})",
            f"以第 {keys.generation_now} 代根密钥重写且不含该令密钥；第 {keys.destroyed_generation} 代"
            "已覆写并删除（软件根密钥，依赖覆写）",
        ),
        source=Text(f"the key store of {told.address}", f"{told.address} 的密钥库"),
        destination=Text("stays in use for other mandates", "继续用于其他授权令"),
        description="Purge",
    )


def _medium(
    told: Told,
    *,
    model: Text,
    method: Text,
    source: Text,
    destination: Text,
    description: Literal["Clear", "Purge"],
) -> Medium:
    def act(at: datetime, what: Text) -> Act:
        return Act(
            name=Text("no person: the program", "非个人：程序"),
            title=Text(f"{TOOL} {told.version}", f"{TOOL} {told.version}"),
            at=at,
            place=Text(told.address, told.address),
            contact=Text(f"the operator of {told.address}", f"{told.address} 的运营方"),
            signature=what,
        )

    signed = Text(
        "the log's key over this text; officers' lines follow where they attested",
        "日志密钥对本文签名；官员如已见证，其签名行随后",
    )
    return Medium(
        manufacturer=_UNKNOWN,
        model=model,
        serial_number=_VIRTUAL,
        property_number=_VIRTUAL,
        media_type=Text("files on the server's disk", "服务器磁盘文件"),
        media_source=source,
        confidentiality_before=Text("personal health data, sealed", "个人健康数据（已加密封存）"),
        confidentiality_after=Text("nothing personal of this mandate", "不含该授权令的个人数据"),
        description=description,
        method=method,
        tool=Text(f"{TOOL} {told.version}", f"{TOOL} {told.version}"),
        verification=Text(
            "canary scan of every byte and every table, before and after", "销毁前后逐字节、逐表扫描标记数据"
        ),
        destination=destination,
        sanitised=act(told.started_at, signed),
        verified=act(told.after.at, signed),
        backups=_backups(told),
    )


def _backups(told: Told) -> Text:
    if not told.backups:
        return Text(
            "the program knows of no backup; any older copy holds sealed values whose keys are destroyed",
            "程序不掌握任何备份；更早的副本仅含密钥已销毁的密文",
        )
    listed = "; ".join(
        f"{name} until {until.date().isoformat()}" if until else f"{name}, no expiry known"
        for name, until in told.backups
    )
    return Text(
        f"hold sealed values without key and random ids: {listed}",
        f"仅含无密钥密文和随机编号：{listed}",
    )


_EARLY = Text("ordered early by two officers, 24 hours before", "两名官员提前下令，满 24 小时后执行")
_AT_THE_END = Text("the mandate ended and its grace time ran out", "授权令终止且宽限期届满")
_FIRST = Text("there is no certificate before this one", "此前没有证明")
