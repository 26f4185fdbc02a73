"""HTTP Message Signatures (RFC 9421) with Ed25519, and Content-Digest (RFC 9530): the subset that gates speak, strict.

One signature to a message. Components are fields and `@method @path @query @authority`, without parameters; only the
canonical serialisation is read, so the text after the label is itself the last line of the signature base. A message
of any other form is refused, never guessed at. Pure: no clock, no chance, no socket.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256, sha512
from hmac import compare_digest
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# What a gate's upload covers. Not `@authority` or `@target-uri` (§2.2.2, §2.2.3): a hub relays under a name and scheme
# of its own. Path, digest and a key that one server alone knows say where a message belongs.
COVERED = ("@method", "@path", "content-digest")
TAG = "pratique-gate"
LABEL = "gate"
MAX_MESSAGE = 1 << 20

_NAME = r'"[@a-z0-9-]{1,64}"'
_INPUT = re.compile(
    rf"([a-z*][a-z0-9_.*-]{{0,31}})=(\(({_NAME}(?: {_NAME})*)?\)"
    r'((?:;[a-z]+=(?:[0-9]{1,15}|"[ !#-\[\]-~]{0,128}"))*))'
)
_PARAMETER = re.compile(r';([a-z]+)=(?:([0-9]+)|"([^"]*)")')
_SIGNATURE = re.compile(r"([a-z*][a-z0-9_.*-]{0,31})=:([A-Za-z0-9+/]+={0,2}):")
_DIGEST = re.compile(r"(sha-256|sha-512)=:([A-Za-z0-9+/]+={0,2}):")
_HASHES = {"sha-256": sha256, "sha-512": sha512}


class BadSignature(Exception):  # noqa: N818 - an answer about a message, not an error of the program
    """`field` is the header field that is missing, of another form, or does not fit."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


class Request(NamedTuple):
    """A request as both sides see it. `path` is the target without a query; field names are in lower case."""

    method: str
    path: str
    fields: Mapping[str, str]
    body: bytes = b""
    query: str = ""


class Signed(NamedTuple):
    """A signature that was read, not yet checked. `parameters` holds created, keyid, nonce, tag and alg where given."""

    covered: tuple[str, ...]
    parameters: Mapping[str, str | int]
    base: bytes
    signature: bytes

    @property
    def keyid(self) -> str:
        """Whose key it claims to be by; "" where it does not say."""
        return str(self.parameters.get("keyid", ""))

    @property
    def nonce(self) -> str:
        """What makes this sending differ from every other; "" where there is none."""
        return str(self.parameters.get("nonce", ""))


def content_digest(body: bytes) -> str:
    """The value of Content-Digest (RFC 9530 §2) by SHA-256."""
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


def is_digest(value: str, body: bytes) -> bool:
    """True if each digest in a Content-Digest of SHA-256 and SHA-512 is that of the body, and there is one."""
    found = [_DIGEST.fullmatch(member) for member in value.split(", ")]
    return all(
        one is not None and compare_digest(_HASHES[one[1]](body).digest(), _raw(one[2])) for one in found
    )


def signature_base(request: Request, covered: Sequence[str], parameters: str) -> bytes:
    """RFC 9421 §2.5. `parameters` is the list with its parameters, as text. Raises BadSignature for what is missing."""
    lines = [f'"{name}": {_component(request, name)}' for name in covered]
    lines.append(f'"@signature-params": {parameters}')
    return "\n".join(lines).encode("ascii", "backslashreplace")


def sign(
    request: Request, by: Callable[[bytes], bytes], *, keyid: str, nonce: str, created: int
) -> dict[str, str]:
    """The fields of a gate's upload: Content-Digest, Signature-Input, Signature. `created` in seconds since 1970.

    It stands at slot grain, as every time that leaves a gate.
    """
    fields = {"content-digest": content_digest(request.body)}
    names = " ".join(f'"{name}"' for name in COVERED)
    parameters = f'({names});created={created};keyid="{keyid}";nonce="{nonce}";tag="{TAG}"'
    base = signature_base(request._replace(fields={**request.fields, **fields}), COVERED, parameters)
    value = b64encode(by(base)).decode()
    return fields | {"signature-input": f"{LABEL}={parameters}", "signature": f"{LABEL}=:{value}:"}


def read(request: Request) -> Signed:
    """The one signature of a message, with its base; its digest, where covered, is checked. Raises BadSignature."""
    given = _INPUT.fullmatch(request.fields.get("signature-input", ""))
    if given is None:
        raise BadSignature("Signature-Input", "one signature, serialised as RFC 9421 §4.1 says")
    label, text, names, rest = given[1], given[2], given[3] or "", given[4]
    value = _SIGNATURE.fullmatch(request.fields.get("signature", ""))
    if value is None or value[1] != label:
        raise BadSignature("Signature", "a byte sequence under the label of Signature-Input")
    covered = tuple(name.strip('"') for name in names.split(" ")) if names else ()
    found = _PARAMETER.findall(rest)
    parameters = {name: int(number) if number else text for name, number, text in found}
    if len(set(covered)) != len(covered) or len(parameters) != len(found):
        raise BadSignature("Signature-Input", "a component or a parameter stands twice")
    if "content-digest" in covered and not is_digest(request.fields.get("content-digest", ""), request.body):
        raise BadSignature("Content-Digest", "not that of the body (sha-256 or sha-512, RFC 9530)")
    return Signed(covered, parameters, signature_base(request, covered, text), _raw(value[2]))


def read_upload(request: Request) -> Signed:
    """A signature that covers what a gate's must, and nothing that a hub may change. Raises BadSignature."""
    signed = read(request)
    if set(signed.covered) != set(COVERED):
        raise BadSignature("Signature-Input", f"covers {', '.join(COVERED)} and nothing else")
    given = signed.parameters
    if (
        not set(given) <= {"created", "keyid", "nonce", "tag", "alg"}
        or given.get("alg", "ed25519") != "ed25519"
    ):
        raise BadSignature("Signature-Input", "created, keyid, nonce, tag; alg, if given, is ed25519")
    if given.get("tag") != TAG or not isinstance(given.get("created"), int) or not signed.nonce:
        raise BadSignature("Signature-Input", f'created, keyid, nonce and tag="{TAG}" must be there')
    return signed


def is_signed(signed: Signed, key: bytes) -> bool:
    """True if this Ed25519 key (32 bytes) signed exactly this base. The comparison is OpenSSL's, in constant time."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signed.signature, signed.base)
    except (InvalidSignature, ValueError):
        return False
    return True


def write_message(request: Request) -> bytes:
    """The request as it would stand on the wire (message/http), for carrying it on a stick."""
    fields = {**request.fields, "content-length": str(len(request.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{request.method} {request.path} HTTP/1.1\r\n{head}\r\n".encode() + request.body


def read_message(raw: bytes) -> Request:
    """What `write_message` wrote. Raises BadSignature for anything that is not one whole message."""
    head, there, body = raw.partition(b"\r\n\r\n")
    try:
        first, *lines = head.decode("ascii").split("\r\n")
        method, path, version = first.split(" ")
        pairs = [line.split(": ", 1) for line in lines]
        fields = {name.lower(): value for name, value in pairs}
    except ValueError:
        raise BadSignature("message", "not an HTTP request") from None
    whole = there and len(raw) <= MAX_MESSAGE and len(fields) == len(pairs)
    if not whole or version != "HTTP/1.1" or fields.get("content-length") != str(len(body)):
        raise BadSignature("message", "not one whole HTTP request")
    return Request(method, path, fields, body)


def _component(request: Request, name: str) -> str:
    """The value of a component (RFC 9421 §2.1, §2.2)."""
    if name == "@method":
        return request.method
    if name == "@path":
        return request.path or "/"
    if name == "@query":
        return f"?{request.query}"
    if name == "@authority":
        name = "host"
    value = request.fields.get(name)
    if value is None or name.startswith("@") or "\n" in value:
        raise BadSignature(name, "covered by the signature and not there, or not a component of this subset")
    return value.strip(" \t").lower() if name == "host" else value.strip(" \t")


def _raw(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except binascii.Error:
        return b""
