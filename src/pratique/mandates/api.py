"""HTTP: the public log and its documents as static files, with the caching their names allow."""

import asyncio
import gzip
import re
from pathlib import Path

from pratique.core.errors import NotFound
from pratique.core.text import Text
from pratique.web.frame import Answer, Call, Route

# Only what the publisher writes can be asked for: no dot files, no parents, no drafts.
_NAME = re.compile(
    r"checkpoint|log\.vkey|tile/(\d{1,2}|entries)/(x\d{3}/)*\d{3}(\.p/\d{1,3})?"
    r"|mandate/[0-9A-Z]{26}\.(note|reading|end)|certificate/[0-9a-f]{64}\.note"
)
_FOR_EVER = "public, max-age=31536000, immutable"
_SECONDS = "public, max-age=5"


def routes(folder: Path) -> list[Route]:
    """`GET /log/…`: what `pratique log verify` reads."""

    async def file(call: Call) -> Answer:
        name = call.path["name"]
        raw = await asyncio.to_thread(_read, folder, name)
        if raw is None:
            raise NotFound("NO_SUCH_FILE", "name", Text("the log has no such file", "日志中没有此文件"))
        headers = {"Cache-Control": _FOR_EVER if name.startswith("tile/") else _SECONDS}
        if name.startswith("tile/entries/") and "gzip" in call.headers.get("accept-encoding", ""):
            raw = gzip.compress(raw, mtime=0)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Answer(
            raw, headers=headers, media="application/octet-stream" if "tile/" in name else "text/plain"
        )

    return [
        Route("GET", "/log/{name:path}", file, ("public",), "a file of the public log", limit=6000),
    ]


def _read(folder: Path, name: str) -> bytes | None:
    path = folder / name
    return path.read_bytes() if _NAME.fullmatch(name) and path.is_file() else None
