"""A short-message gateway over SMPP 3.4: bind as transmitter, submit, unbind. One message fits one part or is refused.

A session is a plain socket, used by one thread. What the gateway says decides: taken, try later, or never.
"""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

BIND, SUBMIT, UNBIND, ENQUIRE, NACK = 0x2, 0x4, 0x6, 0x15, 0x80000000
RESPONSE = 0x80000000
VERSION = 0x34
LATER = {
    0x08,
    0x14,
    0x45,
    0x58,
    0x64,
}  # system error, queue full, submit failed, throttled, temporary at the receiver
NEVER = {0x0A, 0x0B, 0x0C}  # source or destination address, message id
LONGEST_PDU = 4096
SECONDS = 10.0


class Gateway(NamedTuple):
    """Where messages go, from `smpp://system:password@host:port?from=Pratique` (`smpps` over TLS)."""

    host: str
    port: int
    system: str
    password: str
    sender: str
    tls: bool = False


class Later(Exception):  # noqa: N818 - an answer, not a fault of the program
    """Nothing was taken; try again."""


class Never(Exception):  # noqa: N818
    """The gateway will not take this number."""


def read_gateway(address: str) -> Gateway:
    """The gateway of a setting. Raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme not in ("smpp", "smpps") or not parts.hostname or not parts.username:
        raise ValueError("a gateway is smpp://system:password@host:port?from=NAME")
    sender = parse_qs(parts.query).get("from", ["Pratique"])[0]
    if not 1 <= len(sender) <= 11 or not sender.isascii():
        raise ValueError("the sender's name is 1 to 11 plain letters")
    return Gateway(
        parts.hostname,
        parts.port or 2775,
        unquote(parts.username),
        unquote(parts.password or ""),
        sender,
        parts.scheme == "smpps",
    )


def coded(text: str) -> tuple[int, bytes]:
    """The data coding and the bytes of a message of one part. Raises ValueError where it is too long."""
    if text.isascii() and not set(text) & set("$@[\\]^_`{|}~"):
        coding, raw, longest = 0, text.encode("ascii"), 160
    else:
        coding, raw, longest = 8, text.encode("utf-16-be"), 140
    if len(raw) > longest:
        raise ValueError("the message does not fit one part")
    return coding, raw


class Session:
    """A bound connection."""

    def __init__(self, link: socket.socket, gateway: Gateway) -> None:
        self._link = link
        self._gateway = gateway
        self._number = 0

    def bind(self) -> None:
        """Sign in. Raises Later, with nothing of the password in it."""
        body = b"".join(_c(part) for part in (self._gateway.system, self._gateway.password, ""))
        status, _ = self._ask(BIND, body + bytes([VERSION, 0, 0]) + _c(""))
        if status:
            raise Later(f"the gateway refused to bind: status {status:#x}")

    def submit(self, number: str, text: str) -> str:
        """Hand over one message; the gateway's id for it. Raises Later, Never, ValueError."""
        coding, raw = coded(text)
        digits = "".join(c for c in number if c.isdigit())
        if not 5 <= len(digits) <= 15:
            raise Never("the number is no number")
        ton = 1 if number.strip().startswith("+") else 0
        body = (
            _c("") + bytes([5, 0]) + _c(self._gateway.sender) + bytes([ton, 1]) + _c(digits)
            + bytes([0, 0, 0]) + _c("") + _c("") + bytes([0, 0, coding, 0, len(raw)]) + raw
        )  # fmt: skip
        status, answer = self._ask(SUBMIT, body)
        if status in NEVER:
            raise Never(f"the gateway does not take this number: status {status:#x}")
        if status:
            raise Later(f"the gateway did not take it: status {status:#x}")
        return answer.split(b"\x00", 1)[0].decode("ascii", "replace")

    def unbind(self) -> None:
        """Say good-bye."""
        self._ask(UNBIND, b"")

    def _ask(self, command: int, body: bytes) -> tuple[int, bytes]:
        self._number += 1
        self._send(command, 0, self._number, body)
        while True:
            got, status, number, answer = self._receive()
            if got == ENQUIRE:
                self._send(ENQUIRE | RESPONSE, 0, number, b"")
            elif number == self._number and got in (command | RESPONSE, NACK):
                return (status or 0xFF if got == NACK else status), answer
            elif got == UNBIND:
                raise Later("the gateway said good-bye")

    def _send(self, command: int, status: int, number: int, body: bytes) -> None:
        try:
            self._link.sendall(struct.pack(">IIII", 16 + len(body), command, status, number) + body)
        except OSError as fault:
            raise Later("the gateway hung up") from fault

    def _receive(self) -> tuple[int, int, int, bytes]:
        length, command, status, number = struct.unpack(">IIII", self._exactly(16))
        if not 16 <= length <= LONGEST_PDU:
            raise Later("the gateway speaks something else")
        return command, status, number, self._exactly(length - 16)

    def _exactly(self, n: int) -> bytes:
        got = b""
        try:
            while len(got) < n:
                part = self._link.recv(n - len(got))
                if not part:
                    raise Later("the gateway hung up")
                got += part
        except OSError as fault:
            raise Later("the gateway is silent") from fault
        return got


@contextmanager
def session(gateway: Gateway, seconds: float = SECONDS) -> Iterator[Session]:
    """A bound session. Raises Later where the gateway cannot be reached or does not let us in."""
    try:
        link: socket.socket = socket.create_connection((gateway.host, gateway.port), seconds)
        if gateway.tls:
            link = ssl.create_default_context().wrap_socket(link, server_hostname=gateway.host)
    except OSError as fault:
        raise Later("the gateway cannot be reached") from fault
    with link:
        bound = Session(link, gateway)
        bound.bind()
        yield bound
        with suppress(Later):
            bound.unbind()


def _c(text: str) -> bytes:
    return text.encode("ascii") + b"\x00"
