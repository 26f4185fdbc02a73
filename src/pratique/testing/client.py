"""The laboratory's side of MLLP: frames out, answers back. For `pratique lab send`, tests and benches."""

import asyncio
import ssl
from collections.abc import Iterable
from typing import NamedTuple

from pratique.testing.mllp import END, START

ANSWER_SECONDS = 30.0


class Answer(NamedTuple):
    """MSA-1, MSA-2 and, on a refusal, ERR-2, ERR-3 and ERR-8 of one acknowledgement."""

    letters: str
    control_id: str
    where: str = ""
    code: str = ""
    why: str = ""

    @property
    def accepted(self) -> bool:
        return self.letters in ("AA", "CA")


def read_answer(raw: bytes) -> list[Answer]:
    """The acknowledgements in one frame, one for each message of a batch."""
    found: list[Answer] = []
    for line in raw.decode("utf-8", "replace").replace("\n", "\r").split("\r"):
        fields = line.split("|")
        if fields[0] == "MSA" and len(fields) > 2:
            found.append(Answer(fields[1], fields[2]))
        elif fields[0] == "ERR" and len(fields) > 8 and found:
            found[-1] = found[-1]._replace(where=fields[2], code=fields[3].split("^")[0], why=fields[8])
    return found


async def send(
    host: str,
    port: int,
    frames: Iterable[bytes],
    tls: ssl.SSLContext | None = None,
    wait: float = ANSWER_SECONDS,
) -> list[list[Answer]]:
    """Send each frame and wait for its answer before the next; an empty list where none came in time.

    Raises OSError where nobody listens.
    """
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    answers: list[list[Answer]] = []
    try:
        for raw in frames:
            writer.write(START + raw + END)
            await writer.drain()
            try:
                frame = await asyncio.wait_for(reader.readuntil(END), wait)
            except (TimeoutError, asyncio.IncompleteReadError):
                answers.append([])
                if reader.at_eof():
                    break
                continue
            answers.append(read_answer(frame.strip(START + END)))
    finally:
        writer.close()
    return answers
