"""A small file whose space is taken beforehand: counts survive a restart even while the disk is full.

Two halves, written in turn; each carries a number and a checksum, so that a torn write leaves the other half good.
"""

import json
import os
import struct
from collections import Counter
from contextlib import suppress
from pathlib import Path
from zlib import crc32

Row = tuple[int, str, str, int]  # slot15, outcome, reason, policy

HALF = 128 * 1024
_HEAD = struct.Struct(">QII")  # number, length, CRC-32


class Ring:
    """Owned by the journal. Does nothing where the file cannot be had: the counts are in memory anyway.

    `number` grows with every write; the journal stores it with the counts it took over.
    """

    def __init__(self, path: Path) -> None:
        self.number = 0
        self._fd: int | None = None
        with suppress(OSError):
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            if os.fstat(fd).st_size < 2 * HALF:
                os.posix_fallocate(fd, 0, 2 * HALF)
            self._fd = fd

    def read(self) -> tuple[int, "Counter[Row]"]:
        """Number and counts of the newest whole half; (0, nothing) if there is none."""
        found = [half for half in (self._half(0), self._half(1)) if half]
        self.number, body = max(found, default=(0, b"[]"))
        return self.number, Counter({(row[0], row[1], row[2], row[3]): row[4] for row in json.loads(body)})

    def write(self, counts: "Counter[Row]") -> None:
        """Put the counts into the older half and wait until they are on disk."""
        body = json.dumps([[*row, n] for row, n in counts.items() if n], separators=(",", ":")).encode()
        if self._fd is None or len(body) > HALF - _HEAD.size:
            return
        self.number += 1
        head = _HEAD.pack(self.number, len(body), crc32(body))
        with suppress(OSError):
            os.pwrite(self._fd, head + body, self.number % 2 * HALF)
            os.fdatasync(self._fd)

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _half(self, half: int) -> tuple[int, bytes] | None:
        if self._fd is None:
            return None
        with suppress(OSError, struct.error):
            raw = os.pread(self._fd, HALF, half * HALF)
            number, length, check = _HEAD.unpack_from(raw)
            body = raw[_HEAD.size : _HEAD.size + length]
            if number and len(body) == length and crc32(body) == check:
                return int(number), body
        return None
