"""A town to be attacked: two people with notices and cards, one worker of every role, the route table, the document."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from pratique import town
from pratique.app import desk_of, routes, web_app
from pratique.console.model import COOKIE
from pratique.core.ids import encode_id
from pratique.exports import service as exports
from pratique.exports.model import Wish
from pratique.notices import service as notices
from pratique.peers import Holder
from pratique.people import service as people
from pratique.people.access import ROLES
from pratique.people.model import ContactCard, Staff
from pratique.port import Port, open_port
from pratique.settings import Settings
from pratique.web.frame import Route

NOBODY = encode_id(bytes(range(100, 116)))  # an id that names nothing


class House:
    """Everything is made by the rooms' own use cases; the attacks go through the wire only."""

    def __init__(self, home: Path) -> None:
        self.port: Port = open_port(Settings(home=home, address="http://testserver"))
        port, moment = self.port, self.port.moment()
        self.town = town.found(port, moment)
        self.me, self.other = Holder(), Holder()
        town.settle(port, moment, [self.me, self.other])
        card = ContactCard("Canary Dunnock 岩鹨", "+86 000 5550 0177", "en")
        port.store.write(lambda tx: people.write_card(tx, moment, port.sealer, self.other.subject_id, card))
        self.tokens = {
            who: people.token_for(port.secret, holder.subject_id, moment.now)[0]
            for who, holder in (("me", self.me), ("other", self.other))
        }
        self.staff: dict[str, Staff] = {}
        self.sessions: dict[str, str] = {}
        for role in ROLES:
            made = port.store.write(
                lambda tx, r=role: people.invite_staff(tx, moment, None, name=f"Test {r}", role=r, trial=True)
            )
            session = port.store.write(lambda tx, t=made.token: people.accept_invite(tx, moment, t))
            self.staff[role], self.sessions[role] = session.staff, session.token
        made = port.store.write(
            lambda tx: people.invite_staff(tx, moment, None, name="Test new", role="console")
        )
        self.sessions["newcomer"] = port.store.write(
            lambda tx: people.accept_invite(tx, moment, made.token)
        ).token
        wish = Wish(self.town.mandate_id, "capacity", "beds for the coming week", "Harbour hospital", 7)
        self.export_id = port.store.write(
            lambda tx: exports.ask(tx, moment, self.staff["campaign-officer"], wish)
        ).id
        with port.store.read() as tx:
            self.notice_ids = [
                row[0]
                for row in tx.all("SELECT id FROM notice WHERE subject_id = :id", id=self.other.subject_id)
            ]
        house, told = port.house, self.notice_ids[0]
        self.appeal_id = port.store.write(
            lambda tx: notices.appeal(
                tx, moment, house, subject_id=self.other.subject_id, notice_id=told, text="I was not there"
            )
        ).id
        self.table: list[Route] = routes(port, desk_of(port))
        self.app = web_app(port)
        self.document: dict[str, Any] = self.client().get("/openapi.json").json()

    @property
    def foreign_ids(self) -> list[str]:
        """Ids that exist and are none of the caller's business."""
        ids = [self.other.subject_id, self.me.subject_id, *self.notice_ids, self.appeal_id, self.export_id]
        return [
            *ids,
            self.town.mandate_id,
            self.town.campaign_id,
            self.town.site_id,
            self.staff["reviewer"].id,
        ]

    def client(self, who: str = "") -> TestClient:
        """A browser: of nobody, of a holder (`me`, `other`), or of a worker by role."""
        client = TestClient(self.app, follow_redirects=False, raise_server_exceptions=False)
        if who in self.tokens:
            client.headers["Authorization"] = f"Bearer {self.tokens[who]}"
        elif who:
            client.cookies.set(COOKIE, self.sessions[who])
        return client

    def callers(self, route: Route) -> list[str]:
        """Everybody who may call this route."""
        holders = ["me"] if {"holder", "public"} & set(route.who) else []
        workers = [r for r in ROLES if {"staff", "public", f"staff:{r}"} & set(route.who)]
        return holders + workers

    def reached(self, route: Route) -> bool:
        """True where a person or a worker may call it; devices and laboratories are held in their own rooms' tests."""
        return "public" in route.who or bool(self.callers(route))

    def strangers(self, route: Route) -> list[str]:
        """Everybody signed in who may not."""
        if "public" in route.who:
            return []
        known = ["me", *ROLES] + ([] if "newcomer" in route.who else ["newcomer"])
        return [who for who in known if who not in self.callers(route)]

    def body(self, route: Route) -> dict[str, Any]:
        """The parts of a request that pass the decoder: a smallest body for this route, or a form."""
        if route.takes is None or route.method == "GET":
            return {}
        path = re.sub(r":\w+}", "}", route.path)
        operation = self.document["paths"][path][route.method.lower()]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        return {"json": smallest(schema, self.document["components"]["schemas"])}

    def send(self, who: str, route: Route, path: str, **more: Any) -> httpx2.Response:
        """One request as `who`."""
        return self.client(who).request(route.method, path, **(self.body(route) | more))

    def close(self) -> None:
        self.port.close()


def fill(path: str, value: str) -> str:
    """A path with every parameter set to `value`."""
    return re.sub(r"{\w+(:\w+)?}", value, path)


def smallest(schema: dict[str, Any], known: dict[str, Any]) -> Any:
    """The least value a schema allows."""
    if "$ref" in schema:
        return smallest(known[schema["$ref"].rsplit("/", 1)[1]], known)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return smallest(schema[word][0], known)
    kind = schema.get("type")
    if kind == "object":
        wanted = schema.get("required", [])
        return {name: smallest(schema["properties"][name], known) for name in wanted}
    if kind == "array":
        return [smallest(schema["items"], known)] * schema.get("minItems", 0) if "items" in schema else []
    if kind == "string":
        if "pattern" in schema:
            return "+86 000 5550 0100" if "+" in schema["pattern"] else NOBODY
        return "x" * max(1, schema.get("minLength", 1))
    return {"integer": schema.get("minimum", 1), "number": 1.0, "boolean": False}.get(str(kind))


def said(answer: httpx2.Response) -> Any:
    """What a caller can tell two answers apart by."""
    try:
        body = answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        body = None
    return answer.status_code, body


LATER = timedelta(days=1)
