"""The end of a gate: what it holds is destroyed, and a signed certificate says so.

Overwriting proves little on flash, where blocks are remapped; the certificate says which method was used and claims no
more. What was never stored need not be destroyed: no person's data is on a gate at any time.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pratique.core.canonical import canonical_json
from pratique.gate.enrol import ENROLMENT, KEY, base64url, write_whole

ENDED = "ended.json"
METHOD = "overwritten once, forced to disk, deleted; relies on the disk to write where it is told"


def destroy(
    home: Path,
    files: Sequence[Path],
    sign: Callable[[bytes], bytes] | None,
    told: dict[str, Any],
) -> dict[str, Any]:
    """Destroy `files` and the gate's key and enrolment; leave a certificate in `home/ended.json`.

    `told` is what the certificate says beside the files. The key signs it last of all and is then destroyed itself, so
    the signature can never be made again. Running it twice finishes what the first run began.
    """
    doomed = [path for path in (*files, home / ENROLMENT, home / KEY) if path.exists()]
    body = told | {
        "v": 1,
        "kind": "gate-end",
        "method": METHOD,
        "files": [{"name": path.name, "bytes": path.stat().st_size} for path in doomed],
    }
    signature = base64url(sign(b"pratique-gate-end\n" + canonical_json(body))) if sign else ""
    certificate = body | {"sig": signature}
    if not (home / ENDED).exists():
        write_whole(home / ENDED, canonical_json(certificate))
    for path in doomed:
        _overwrite(path)
    return certificate


def _overwrite(path: Path) -> None:
    with suppress(OSError):
        handle = os.open(path, os.O_WRONLY)
        try:
            left = os.fstat(handle).st_size
            while left > 0:
                left -= os.write(handle, bytes(min(left, 1 << 20)))
            os.fsync(handle)
        finally:
            os.close(handle)
    path.unlink(missing_ok=True)
