"""The facts of the room: what a verification found, what a holder was given."""

from datetime import datetime
from typing import Any

import msgspec


class Stages(msgspec.Struct, frozen=True, gc=False):
    """How far the chain came: true, false, or null where not reached (HOUSE section 5)."""

    prefix: bool | None = None
    base45: bool | None = None
    compression: bool | None = None
    cose: bool | None = None
    signature: bool | None = None
    expiry: bool | None = None
    key_usage: bool | None = None
    schema: bool | None = None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What `verify` found.

    `format` is HC1, SHC, PQ1, or null where the prefix is unknown. `reason` is null exactly if `ok`; else a code
    of `reasons.REASONS`. `findings` are codes that do not refuse by themselves: SCHEMA, CODE_UNKNOWN, LISTS_STALE.
    `claims` holds contents only after a good signature. `replay` names one showing of a pass, for the gate's memory.
    """

    ok: bool
    format: str | None
    reason: str | None
    stages: Stages
    claims: dict[str, Any] = {}
    findings: tuple[str, ...] = ()
    detail: str = ""
    replay: bytes | None = None


class HeldPass(msgspec.Struct, frozen=True):
    """A pass that waits for its holder."""

    credential: bytes
    issued: datetime
    expires: datetime
