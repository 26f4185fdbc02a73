"""The built faces as static files: an allow-list read once at start, no listing, no path from outside.

Assets carry the hash of their content in their name and are cached for ever; pages and service workers are not.
"""

import mimetypes
from pathlib import Path
from typing import NamedTuple

STATIC = Path(__file__).parent / "static"

CSP = "; ".join(
    (
        "default-src 'self'", "img-src 'self' data: blob:", "object-src 'none'", "base-uri 'none'",
        "form-action 'self'", "frame-ancestors 'none'",
    )
)  # fmt: skip
API_CSP = (
    "default-src 'none'; frame-ancestors 'none'"  # what is no page loads nothing and is shown in no frame
)
SCANS = ("site", "gate", "wallet", "handheld")
SECURITY = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), accelerometer=(), gyroscope=(), magnetometer=()",
}


class Face(NamedTuple):
    """One file as it is served."""

    body: bytes
    media: str
    headers: dict[str, str]


def read_faces(folder: Path = STATIC) -> dict[str, Face]:
    """Every built file by its address. An empty dict where the faces were not built."""
    served: dict[str, Face] = {}
    if not folder.is_dir():
        return served
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".map"):
        name = path.relative_to(folder).as_posix()
        face = _face(path, name)
        served[f"/static/{name}"] = face
        room, _, rest = name.partition("/")
        if rest == "index.html":
            served[f"/{room}/"] = face  # its service worker looks after what lies below this slash
        elif rest in ("sw.js", "manifest.webmanifest"):
            served[f"/{name}"] = face
    return served


def _face(path: Path, name: str) -> Face:
    media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    media = {
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        ".js": "text/javascript",
    }.get(path.suffix, media)
    if media.startswith("text/"):
        media += "; charset=utf-8"
    headers = dict(SECURITY)
    if name.split("/", maxsplit=1)[0] in SCANS and path.suffix in (".html", ".js"):
        headers["Content-Security-Policy"] = (
            CSP + "; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:"
        )
        headers["Permissions-Policy"] = SECURITY["Permissions-Policy"].replace("camera=()", "camera=(self)")
    hashed = any(len(part) >= 8 and part.isalnum() for part in path.stem.replace(".", "-").split("-")[1:])
    headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
    return Face(path.read_bytes(), media, headers)
