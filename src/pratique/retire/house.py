"""What destruction needs of an opened deployment, and the refusal that means: not gone yet, nothing is certified."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from typing import NamedTuple

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.mandates.keystore import KeyStore
from pratique.mandates.publisher import Publisher
from pratique.store.sealing import Sealer
from pratique.store.store import Store

MAX_CERTIFICATE = 1 << 20


class Retiring(NamedTuple):
    """What destruction needs of an opened deployment. `home` is scanned whole; `also` names files and folders
    elsewhere (logs, exports, the database server's own folder); `backups` are copies with their latest expiry."""

    store: Store
    keys: KeyStore
    log: Publisher
    home: Path
    moment: Callable[[], Moment]
    address: str
    backups: tuple[tuple[Path, datetime | None], ...] = ()
    also: tuple[Path, ...] = ()

    @property
    def sealer(self) -> Sealer:
        """For planting and reading canaries."""
        return Sealer(self.keys, self.moment().random)


class Incomplete(Refusal):
    """The scan found something after the destruction: nothing is certified, it is tried again."""

    def __init__(self, hits: tuple[str, ...]) -> None:
        shown = "; ".join(hits[:5])
        super().__init__(
            "NOT_GONE",
            "scan",
            Text(
                f"{len(hits)} traces are left: {shown}; remove these files or close what reads them, and run it again",
                f"尚有 {len(hits)} 处痕迹：{shown}；请删除这些文件或关闭占用程序后重试",
            ),
        )
        self.hits = hits


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """One destruction at a time on this machine."""
    handle = os.open(home / "retire.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        flock(handle, LOCK_EX)
        yield
    finally:
        flock(handle, LOCK_UN)
        os.close(handle)
