"""Refusals: one clear sentence that names the field and the way out.

A refusal is not a fault. It carries a stable code, the field it is about and a text in both languages, and it
becomes a problem detail over HTTP (RFC 9457), one line at the command line, a sentence on a face.
It never carries the value that was refused.
"""

from pratique.core.text import Text


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """The request was understood and is refused. `status` is the HTTP status it maps to."""

    status = 422

    def __init__(self, code: str, field: str, text: Text) -> None:
        super().__init__(f"{field}: {text.en}" if field else text.en)
        self.code = code
        self.field = field
        self.text = text


class NotFound(Refusal):
    """No such thing, or not yours: the two are never told apart (incidents S01 to S05)."""

    status = 404


class Conflict(Refusal):
    """The thing exists already in another form; nothing was overwritten."""

    status = 409


class NotAllowed(Refusal):
    """Known caller, no right to this."""

    status = 403


class NoMandate(Refusal):
    """Law 1: no live mandate unlocks this."""

    status = 403

    def __init__(self, field: str = "mandate_id", what: str = "this") -> None:
        super().__init__(
            "NO_MANDATE",
            field,
            Text(
                f"no mandate in force allows {what}; name one that does, or have one signed and published",
                f"没有生效的授权令允许此操作（{what}）；请指明有效授权令，或先签署并公布",
            ),
        )


class Busy(Refusal):
    """Too much at once, or the database is locked: nothing was stored, try again after `retry_after` seconds."""

    status = 503

    def __init__(self, retry_after: int = 2) -> None:
        super().__init__(
            "BUSY",
            "",
            Text(
                f"too much work is waiting; nothing was stored, send it again in {retry_after} seconds",
                f"系统繁忙，内容未保存，请在 {retry_after} 秒后重试",
            ),
        )
        self.retry_after = retry_after


class TooOften(Refusal):
    """Too many wrong guesses from here: nothing more is tried for `retry_after` seconds."""

    status = 429

    def __init__(self, field: str, retry_after: int) -> None:
        super().__init__(
            "TOO_OFTEN",
            field,
            Text(
                "too many wrong codes from here; wait a quarter of an hour, or ask at any sampling site",
                "此处输错次数过多，请等待一刻钟，或到任一采样点办理",
            ),
        )
        self.retry_after = retry_after


class StorageFull(Refusal):
    """The disk is full or read-only: nothing was stored and nothing acknowledged."""

    status = 507

    def __init__(self) -> None:
        super().__init__(
            "STORAGE_FULL",
            "",
            Text(
                "the disk is full; nothing was stored, free some space and send it again",
                "磁盘已满，内容未保存；请清理空间后重新发送",
            ),
        )


class Destroyed(Exception):  # noqa: N818 - names the state of the data
    """The key of this data has been destroyed: nobody can read it any more (law 6)."""
