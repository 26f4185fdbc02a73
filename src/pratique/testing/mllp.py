"""The laboratory's door: MLLP (HL7 minimal lower layer protocol) over TCP or TLS.

Frame: 0x0B message 0x1C 0x0D. Promises: an answer is written only after the commit that holds the message; answers
come in the order of the messages, also when a laboratory sends the next without waiting; a frame that is cut off
leaves nothing; sizes, connections and what waits are bounded. Knows bytes and verdicts; what a message means is
`intake.py`, how it reaches the disk `committing.py`.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar, cast

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import ack as acks
from pratique.testing import er7
from pratique.testing.committing import Committer, Door, Verdict
from pratique.testing.intake import Judged, LabChannel
from pratique.testing.model import Ack
from pratique.testing.releasing import due, settle_run

T = TypeVar("T")

START, END = b"\x0b", b"\x1c\r"
MAX_FRAME = 16 << 20  # a batch; each message in it has its own cap
MAX_CONNECTIONS = 1000
MAX_IN_FLIGHT = 64  # frames of one connection that wait for their commit
IDLE_SECONDS = 300.0
TICK_SECONDS = 0.25

__all__ = ["END", "START", "Door", "Listener"]

_log = logging.getLogger("pratique.lab")


class Listener:
    """One listening socket. `open` and `close` from the event loop that serves it."""

    def __init__(self, door: Door, *, always_answer: bool = False) -> None:
        self.door = door
        self.always_answer = always_answer
        self.connections: set[_Connection] = set()
        self.committer: Committer
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._own, self._answers = door.moment().new_id(), 0

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; the port it is (port 0 picks one). With `tls` asking for client certificates, the common name of
        the certificate is the laboratory's name and no other may speak on that connection."""
        loop = asyncio.get_running_loop()
        self.committer = Committer(self.door)
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
        """Several times a second: judge runs that have been quiet long enough, close connections that are silent."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for connection in list(self.connections):
                connection.close_if_silent()
            try:
                for run_id in await self._write(lambda tx: due(tx, self.door.moment())):
                    await self._settle(run_id)
            except Refusal as refusal:
                _log.warning("runs were not judged: %s", refusal)
            except Exception:  # noqa: BLE001 - whatever it was, the next tick tries again
                _log.exception("runs were not judged")

    async def _settle(self, run_id: str) -> None:
        """One run in a transaction of its own: one that fails does not hold up the others."""
        try:
            await self._write(lambda tx: settle_run(tx, self.door.moment(), run_id, self.door.tell))
        except Refusal:
            raise
        except Exception:  # noqa: BLE001 - whatever it was, the next tick tries again
            _log.exception("run %s was not judged", run_id)

    async def _write(self, act: Callable[[Tx], T]) -> T:
        # Shielded: a listener that closes must not cancel what the writer has begun.
        return await asyncio.shield(asyncio.wrap_future(self.door.store.submit(act)))

    def stamp(self) -> tuple[datetime, str]:
        """The time of an answer and a control id of our own, never used twice."""
        self._answers += 1
        return self.door.moment().now, f"{self._own}{self._answers}"


class _Frame:
    """One frame that waits: a verdict for each of its messages, then one answer."""

    __slots__ = ("answers", "is_batch", "left")

    def __init__(self, n: int, *, is_batch: bool) -> None:
        self.is_batch = is_batch
        self.answers: list[bytes] = [b""] * n
        self.left = n


class _Connection(asyncio.Protocol):
    """Bytes in, frames out, answers back in order."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._buffer = bytearray()
        self._waiting: deque[_Frame] = deque()
        self._paused = False
        self._finishing = False
        self._channel = LabChannel()
        self._transport: asyncio.Transport | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's is none by class, only by deed
        self._transport = transport
        if len(self._listener.connections) >= MAX_CONNECTIONS:
            transport.abort()
            return
        self._listener.connections.add(self)
        certificate = transport.get_extra_info("peercert")
        names = [v for rdn in (certificate or {}).get("subject", ()) for k, v in rdn if k == "commonName"]
        if names:
            self._channel = LabChannel(lab=names[0], by=f"mllp:{names[0]}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.connections.discard(self)
        self._buffer.clear()  # a partial frame leaves nothing

    def data_received(self, chunk: bytes) -> None:
        self._heard_at = self._loop.time()
        self._buffer += chunk
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
        elif len(buffer) >= 1024 and START not in buffer[:1024]:
            self._close()  # not MLLP

    # One frame

    def _take(self, raw: bytes) -> None:
        try:
            batch = er7.split_batch(raw)
        except er7.Unreadable:
            batch = er7.Batch([raw], False, None, "")  # intake gives the verdict and keeps it
        if batch.declared is not None and batch.declared != len(batch.messages):
            _log.warning("a batch declares %d messages and holds %d", batch.declared, len(batch.messages))
        frame = _Frame(len(batch.messages), is_batch=batch.is_batch)
        self._waiting.append(frame)
        for n, message in enumerate(batch.messages):
            then = partial(self._judged, frame, n, message)
            try:
                self._listener.committer.submit(message, self._channel, batch.key, then)
            except Refusal as refusal:
                then(refusal)

    def _judged(self, frame: _Frame, n: int, raw: bytes, verdict: Verdict) -> None:
        judged = verdict if isinstance(verdict, Judged) else _fault(raw, verdict)
        letters = acks.wants(judged.message, judged.ack, always=judged.always or self._listener.always_answer)
        if letters:
            frame.answers[n] = acks.write(judged.message, judged.ack, letters, *self._listener.stamp())
        frame.left -= 1
        while self._waiting and self._waiting[0].left == 0:
            self._send(self._waiting.popleft())
        if self._paused and not self._finishing and len(self._waiting) < MAX_IN_FLIGHT // 2:
            self._resume()
        if self._finishing and not self._waiting:
            self._close()

    def _send(self, frame: _Frame) -> None:
        answers = [answer for answer in frame.answers if answer]
        if not answers or self._transport is None or self._transport.is_closing():
            return
        body = acks.write_batch(answers, *self._listener.stamp()) if frame.is_batch else answers[0]
        self._transport.write(START + body + END)

    # Bounds

    def _too_large(self) -> None:
        refusal = er7.refuse("207", "message", "the frame is larger than 16 MiB", "帧超过 16 MiB", "R")
        verdict = Ack(
            "R", er7.control_id(bytes(self._buffer[1:4096])), refusal.code, refusal.field, refusal.text
        )
        self._buffer.clear()
        if self._transport is not None:
            self._transport.write(START + acks.write(None, verdict, "AR", *self._listener.stamp()) + END)
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

    def close_if_silent(self) -> None:
        """Close what has sent nothing for a long time and waits for nothing."""
        if not self._waiting and self._loop.time() - self._heard_at > IDLE_SECONDS:
            self._close()

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
            "a fault of ours; nothing was stored, send it again", "系统内部故障，内容未保存，请重新发送"
        )
        _log.error("a laboratory message could not be stored", exc_info=fault)
    try:
        message: er7.Message | None = er7.read(raw)
    except er7.Unreadable:
        message = None
    return Judged(Ack("E", er7.control_id(raw), "207", "", text), message, False)
