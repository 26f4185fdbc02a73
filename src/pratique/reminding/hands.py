"""What sending needs of the house."""

from collections.abc import Callable, Collection
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pratique.core.signer import Signer
from pratique.reminding import smpp
from pratique.store.sealing import Sealer
from pratique.store.store import Store

Post = Callable[[str, dict[str, str], bytes], int]


class Hands(NamedTuple):
    """What sending needs of the house. `hosts`: where push services may be (`*.example` for all below);
    `post` sends one request and gives the status; `gateway` None where no SMS is sent; `duty` the
    numbers of the duty officer, who reads `duty_language`."""

    store: Store
    sealer: Sealer
    signer: Signer
    point: bytes
    contact: str
    hosts: Collection[str]
    zone: ZoneInfo
    post: Post
    gateway: smpp.Gateway | None = None
    duty: tuple[str, ...] = ()
    duty_language: str = "zh-Hans"
