"""The two doors from outside: HTTP with kept connections, MLLP with several frames under way. Nothing else is known."""

import asyncio
import contextlib
from collections import deque
from typing import NamedTuple

from pratique.testing.client import read_answer
from pratique.testing.mllp import END, START

ANSWER_SECONDS = 60.0
IN_FLIGHT = 32


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes
    retry_after: float


class HttpLine:
    """One kept connection from an address of its own (as sites have), so that limits per caller count as they would."""

    def __init__(self, host: str, port: int, source: str = "") -> None:
        self._host, self._port, self._source = host, port, source
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes, **headers: str) -> Reply:
        """Raises OSError where the server is not there or went away before it answered."""
        try:
            return await asyncio.wait_for(self._post(path, body, headers), ANSWER_SECONDS)
        except (OSError, EOFError, TimeoutError) as fault:
            self.close()
            raise OSError(str(fault) or type(fault).__name__) from fault

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        if self._streams is None:
            local = (self._source, 0) if self._source else None
            self._streams = await asyncio.open_connection(self._host, self._port, local_addr=local)
        reader, writer = self._streams
        lines = {"Host": self._host, "Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        raw = await reader.readuntil(b"\r\n\r\n")
        found = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in raw.split(b"\r\n")[1:])
        }
        told = await reader.readexactly(int(found.get(b"content-length", b"0")))
        return Reply(int(raw[9:12]), told, float(found.get(b"retry-after", b"0")))

    def close(self) -> None:
        """Drop the connection."""
        if self._streams is not None:
            with contextlib.suppress(Exception):
                self._streams[1].close()
            self._streams = None


class MllpLine:
    """One laboratory's connection. Frames stay in `waiting` until they are acknowledged."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.waiting: deque[bytes] = deque()
        self.accepted = 0
        self.refused: list[str] = []

    async def drain(self) -> bool:
        """Send all that waits. False where the server went away: the rest waits on."""
        if not self.waiting:
            return True
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            return False
        try:
            return await self._drain(reader, writer)
        except (OSError, EOFError, TimeoutError):
            return False
        finally:
            writer.close()

    async def _drain(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        sent = 0
        while self.waiting:
            while sent < min(IN_FLIGHT, len(self.waiting)):
                writer.write(START + self.waiting[sent] + END)
                sent += 1
            frame = await asyncio.wait_for(reader.readuntil(END), ANSWER_SECONDS)
            for answer in read_answer(frame.strip(START + END)):
                if answer.accepted:
                    self.accepted += 1
                elif answer.code == "207":  # ours: too busy or a fault; it is sent again
                    return False
                else:
                    self.refused.append(f"{answer.letters} {answer.code} {answer.where} {answer.why}")
            self.waiting.popleft()
            sent -= 1
        return True
