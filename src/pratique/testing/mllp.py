"""The laboratory's door: MLLP (HL7 minimal lower layer protocol) over TCP or TLS.

Frame: 0x0B message 0x1C 0x0D. Promises: an answer is written only after the commit that holds the message; answers
come in the order of the messages, also when a laboratory sends the next without waiting; a frame that is cut off
leaves nothing; sizes, connections and what waits are bounded. Knows bytes, verdicts and the store's queue; what a
message means is `intake.py`.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple, cast

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing import ack as acks
from pratique.testing import er7
from pratique.testing.intake import Judged, LabChannel, receive
from pratique.testing.model import Ack
from pratique.testing.releasing import Tell, settle

START, END = b"\x0b", b"\x1c\r"
MAX_FRAME = 16 << 20  # a batch; each message in it has its own cap
MAX_CONNECTIONS = 1000
MAX_IN_FLIGHT = 64  # frames of one connection that wait for their commit
IDLE_SECONDS = 300.0
TICK_SECONDS = 0.25

_log = logging.getLogger("pratique.lab")


class Door(NamedTuple):
    """What the listener needs of the house; `app.py` makes it."""

    store: Store
    moment: Callable[[], Moment]
    tell: Tell
    sealer: Sealer


class Listener:
    """One listening socket. `open` and `close` from the event loop that serves it."""

    def __init__(self, door: Door, *, always_answer: bool = False) -> None:
        self.door = door
        self.always_answer = always_answer
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; the port it is (port 0 picks one). With `tls` asking for client certificates, the common name of
        the certificate is the laboratory's name and no other may speak on that connection."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), host, port, ssl=tls, backlog=512)
        self._ticker = asyncio.create_task(self._tick())
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, let what was read be committed and answered, close."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.finish()
        for _ in range(100):
            if not self.connections:
                return
            await asyncio.sleep(0.05)

    async def _tick(self) -> None:
        """Judge runs that have been quiet long enough, several times a second."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                # Shielded: a listener that closes must not cancel what the writer has begun.
                await asyncio.shield(asyncio.wrap_future(self.door.store.submit(self.settle)))
            except Refusal as refusal:
                _log.warning("runs were not judged: %s", refusal)
            except Exception:  # noqa: BLE001 - whatever it was, the next tick tries again
                _log.exception("runs were not judged")

    def settle(self, tx: Tx) -> int:
        return settle(tx, self.door.moment(), self.door.tell)

    def submit(self, raw: bytes, channel: LabChannel, batch_key: str) -> "Future[Judged]":
        door, moment = self.door, self.door.moment()
        return door.store.submit(
            lambda tx: receive(tx, moment, raw, channel, door.tell, door.sealer, batch_key)
        )


class _Frame:
    """One frame that waits: a verdict for each of its messages, then one answer."""

    __slots__ = ("answers", "is_batch", "left", "owner")

    def __init__(self, owner: "_Connection", n: int, *, is_batch: bool) -> None:
        self.owner = owner
        self.is_batch = is_batch
        self.answers: list[bytes] = [b""] * n
        self.left = n


class _Connection(asyncio.Protocol):
    """Bytes in, frames out, answers back in order."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._waiting: deque[_Frame] = deque()
        self._paused = False
        self._finishing = False
        self._channel = LabChannel()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A stream server makes no other, but not every event loop's class says so.
        self._transport = cast(asyncio.Transport, transport)
        if len(self._listener.connections) >= MAX_CONNECTIONS:
            self._transport.abort()
            return
        self._listener.connections.add(self)
        certificate = transport.get_extra_info("peercert")
        names = [v for rdn in (certificate or {}).get("subject", ()) for k, v in rdn if k == "commonName"]
        if names:
            self._channel = LabChannel(lab=names[0], by=f"mllp:{names[0]}")
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.connections.discard(self)
        self._buffer.clear()  # a partial frame leaves nothing
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, chunk: bytes) -> None:
        self._buffer += chunk
        self._wait()
        self._read_frames()

    def _read_frames(self) -> None:
        buffer = self._buffer
        while len(self._waiting) < MAX_IN_FLIGHT:
            end = buffer.find(END)
            if end < 0:
                break
            start = buffer.find(START, 0, end)
            raw = bytes(buffer[start + 1 : end]) if start >= 0 else b""
            del buffer[: end + len(END)]
            if start >= 0:
                self._take(raw)
        else:
            self._pause()
        if len(buffer) > MAX_FRAME:
            self._too_large()
        elif buffer and START not in buffer[:1024] and len(buffer) >= 1024:
            self._close()  # not MLLP

    # One frame

    def _take(self, raw: bytes) -> None:
        try:
            batch = er7.split_batch(raw)
        except er7.Unreadable:
            batch = er7.Batch([raw], False, None, "")  # intake gives the verdict and keeps it
        if batch.declared is not None and batch.declared != len(batch.messages):
            _log.warning("a batch declares %d messages and holds %d", batch.declared, len(batch.messages))
        frame = _Frame(self, len(batch.messages), is_batch=batch.is_batch)
        self._waiting.append(frame)
        for n, message in enumerate(batch.messages):
            try:
                future = self._listener.submit(message, self._channel, batch.key)
            except Refusal as refusal:
                self._answered(frame, n, message, refusal)
                continue
            future.add_done_callback(
                lambda done, n=n, message=message: self._loop.call_soon_threadsafe(  # type: ignore[misc]
                    self._answered, frame, n, message, done.exception() or done.result()
                )
            )

    def _answered(self, frame: _Frame, n: int, raw: bytes, outcome: Judged | BaseException) -> None:
        door = self._listener.door
        judged = outcome if isinstance(outcome, Judged) else _fault(raw, outcome)
        letters = acks.wants(judged.message, judged.ack, always=judged.always or self._listener.always_answer)
        if letters:
            moment = door.moment()
            frame.answers[n] = acks.write(judged.message, judged.ack, letters, moment.now, moment.new_id())
        frame.left -= 1
        while self._waiting and self._waiting[0].left == 0:
            self._send(self._waiting.popleft())
        if self._paused and len(self._waiting) < MAX_IN_FLIGHT // 2:
            self._resume()
        if self._finishing and not self._waiting:
            self._close()

    def _send(self, frame: _Frame) -> None:
        answers = [answer for answer in frame.answers if answer]
        if not answers or self._transport is None or self._transport.is_closing():
            return
        body = answers[0]
        if frame.is_batch:
            moment = self._listener.door.moment()
            body = acks.write_batch(answers, moment.now, moment.new_id())
        self._transport.write(START + body + END)

    # Bounds

    def _too_large(self) -> None:
        refusal = er7.refuse("207", "message", "the frame is larger than 16 MiB", "帧超过 16 MiB", "R")
        verdict = Ack(
            "R", er7.control_id(bytes(self._buffer[1:4096])), refusal.code, refusal.field, refusal.text
        )
        self._buffer.clear()
        moment = self._listener.door.moment()
        if self._transport is not None:
            answer = acks.write(None, verdict, "AR", moment.now, moment.new_id())
            self._transport.write(START + answer + END)
        self._close()

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
            self._read_frames()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(IDLE_SECONDS, self._close)

    def finish(self) -> None:
        """Read no more; close once everything read so far is answered."""
        self._finishing = True
        self._pause()
        if not self._waiting:
            self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _fault(raw: bytes, fault: BaseException) -> Judged:
    """The verdict where the house could not store: nothing was kept, the laboratory sends again."""
    if isinstance(fault, Refusal):
        text = fault.text
        _log.error("a laboratory message could not be stored: %s", fault)
    else:
        text = Text(
            "a fault of ours; nothing was stored, send it again", "系统内部故障,内容未保存,请重新发送"
        )
        _log.error("a laboratory message could not be stored", exc_info=fault)
    try:
        message: er7.Message | None = er7.read(raw)
    except er7.Unreadable:
        message = None
    return Judged(Ack("E", er7.control_id(raw), "207", "", text), message, False)
