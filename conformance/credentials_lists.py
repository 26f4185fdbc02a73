"""Status lists of the draft (`status-list`): decoded, encoded again, and inside its example tokens."""

import json
from collections.abc import Iterable
from pathlib import Path

from conformance.tally import Tally
from pratique.credentials import cbor, status
from pratique.credentials.cose import unwrap
from pratique.credentials.jose import unb64url


def run(creds: Path) -> Iterable[tuple[str, int, int, int, list[str]]]:
    """Both lists in both forms, both ways; the example tokens."""
    folder = creds / "status-list"
    tally = Tally("status-list")
    for path in sorted(folder.glob("status_list_*bit.json")):
        vector = json.loads(path.read_bytes())
        marks, size, bits = dict(vector["statuses"]), vector["size"], vector["bits"]
        made = status.build(bits, size, marks.items())
        from_json = status.from_json(vector["json"])
        from_cbor = status.from_cbor(cbor.read(bytes.fromhex(vector["cbor_hex"])))
        for name, found in (("json", from_json), ("cbor", from_cbor)):
            values = {i: v for i in range(size) if (v := found.value(i))}
            tally.check(f"{path.name} {name}", marks, values)
            tally.check(f"{path.name} {name} encoded again", found.blocks, made.blocks)
        tally.check(f"{path.name} as json", from_json.blocks, status.from_json(made.as_json()).blocks)
        tally.check(f"{path.name} as cbor", from_cbor.blocks, status.from_cbor(made.as_cbor()).blocks)
    tokens = json.loads((folder / "example-tokens.json").read_bytes())
    claims = cbor.read(unwrap(bytes.fromhex(tokens["status_list_token_cwt_hex"])).payload)
    tally.check("token as CWT", "b9a3", status.from_cbor(claims[65533]).blocks.hex())
    body = json.loads(unb64url(tokens["status_list_token_jwt"].split(".")[1]))
    tally.check("token as JWT", "b9a3", status.from_json(body["status_list"]).blocks.hex())
    referenced = cbor.read(unwrap(bytes.fromhex(tokens["referenced_token_cwt_hex"])).payload)
    tally.check("referenced token", claims[2], referenced[65535]["status_list"]["uri"])
    yield tally.row()
