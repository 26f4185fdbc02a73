"""The few HTTP requests of the sync process: bounded, with a time-out, and a sentence for everything that fails."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from pratique.credentials import gdiff
from pratique.credentials.http_signature import Request as Signed
from pratique.credentials.trust import tag_of

TIMEOUT = 20.0
MAX_ANSWER = 64 << 20


class Refused(Exception):  # noqa: N818 - an answer, not an error of the program
    """The server understood and refused. `code` is the problem's code where it gave one."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail or f"the server answered {status}")
        self.status, self.code = status, code


class Unreachable(Exception):  # noqa: N818 - names the state of the line
    """No answer, or none that can be understood. Nothing is lost; it is tried again."""


class File(NamedTuple):
    """A downloaded file with the fields it came with, names in lower case. `made`: by a delta from the held one."""

    body: bytes
    fields: Mapping[str, str]
    status: int = 200
    made: bool = False


def post_json(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """The decoded answer. Raises Refused or Unreachable."""
    raw = json.dumps(body, ensure_ascii=False).encode()
    return _json(url, raw, {"Content-Type": "application/json", "Accept": "application/json"})


def post_signed(server: str, request: Signed) -> dict[str, Any]:
    """Send a signed request as it is; the decoded answer. Raises Refused or Unreachable."""
    return _json(server + request.path, request.body, request.fields)


def _json(url: str, raw: bytes, fields: Mapping[str, str]) -> dict[str, Any]:
    answer = _send(Request(checked(url), raw, dict(fields)))  # noqa: S310 - the scheme was checked
    try:
        found = json.loads(answer.body)
    except ValueError:
        raise Unreachable("the server's answer is not JSON: check the address") from None
    if not isinstance(found, dict):
        raise Unreachable("the server's answer is not an object: check the address")
    return found


def get_lists(url: str, held: bytes | None = None, *, whole: bool = False) -> File | None:
    """The newest lists, or None if they are the held ones. Raises Refused or Unreachable.

    From held lists a delta is asked for (RFC 3229, `gdiff`), unless `whole`. What it makes must have the ETag that the
    server told, which is its hash; where it has not, the whole is fetched. Whose lists they are, the caller asks.
    """
    fields = {"If-None-Match": tag_of(held)} if held else {}
    if held and not whole:
        fields["A-IM"] = "gdiff"
    try:
        file = _send(Request(checked(url), headers=fields))  # noqa: S310 - the scheme was checked
    except Refused as answer:
        if answer.status == 304:
            return None
        raise
    if file.status != 226:
        return file
    try:
        body = gdiff.apply(held or b"", file.body, MAX_ANSWER)
    except gdiff.BadDelta:
        body = b""
    if whole or tag_of(body) != file.fields.get("etag"):
        return None if whole else get_lists(url, held, whole=True)
    return File(body, file.fields, 200, made=True)


def _send(request: Request) -> File:
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - the scheme was checked
            body = answer.read(MAX_ANSWER + 1)
            fields = {name.lower(): value for name, value in answer.headers.items()}
            status = answer.status
    except HTTPError as fault:
        raise _refusal(fault) from None
    except (URLError, TimeoutError, OSError, ValueError) as fault:
        raise Unreachable(f"no answer: {getattr(fault, 'reason', fault)}") from None
    if len(body) > MAX_ANSWER:
        raise Unreachable("the answer is too large")
    return File(body, fields, status)


def _refusal(fault: HTTPError) -> Refused:
    with fault:
        try:
            problem = json.loads(fault.read(65_536))
        except (ValueError, OSError):
            problem = {}
    if not isinstance(problem, dict):
        problem = {}
    return Refused(fault.code, str(problem.get("code", "")), str(problem.get("detail", "")))


def checked(url: str) -> str:
    """The address itself. Raises Unreachable for one that is none."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise Unreachable("a server is given as https://host or http://host:port")
    return url
