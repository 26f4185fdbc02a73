"""OpenAPI 3.1 from the route table and the structs themselves, so that it cannot say anything else."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from pratique.web.frame import Route
from pratique.web.problems import Problem


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """The document at /openapi.json. Pages are left out: they are for people."""
    shown = [r for r in routes if not r.page]
    types = [Problem, *(t for r in shown for t in (r.takes, r.gives) if t is not None)]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    by_type = dict(zip(map(id, types), schemas, strict=True))
    problem = {"application/problem+json": {"schema": by_type[id(Problem)]}}
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        operation: dict[str, Any] = {
            "summary": route.summary,
            "operationId": _name(route),
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in re.findall(r"{(\w+)", route.path)
            ],
            "responses": {
                "2XX": {"description": "done"}
                | (
                    {"content": {"application/json": {"schema": by_type[id(route.gives)]}}}
                    if route.gives is not None
                    else {}
                ),
                "4XX": {"description": "refused: the code and the field say why", "content": problem},
                "503": {"description": "too busy: see Retry-After", "content": problem},
            }
            | (
                {"304": {"description": "what you hold is current (If-None-Match)"}}
                if route.method == "GET"
                else {"507": {"description": "the disk is full; nothing was stored", "content": problem}}
            ),
            "security": _security(route),
            "x-who": list(route.who),
        }
        if route.takes is not None:
            operation["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": by_type[id(route.takes)]}},
            }
        paths.setdefault(re.sub(r":\w+}", "}", route.path), {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pratique", "version": "1"},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SCHEMES},
    }


# How a caller shows who it is. Devices and gates sign what they send: their routes are open to the wire.
SCHEMES = {
    "holder": {"type": "http", "scheme": "bearer"},
    "staff": {"type": "apiKey", "in": "cookie", "name": "pratique_session"},
}


def _security(route: Route) -> list[dict[str, list[str]]]:
    if "public" in route.who:
        return []
    kinds = {"staff" if kind == "newcomer" else kind for kind in (name.split(":")[0] for name in route.who)}
    return [{kind: []} for kind in sorted(kinds) if kind in SCHEMES]


def _name(route: Route) -> str:
    return route.method.lower() + "_" + re.sub(r"\W+", "_", route.path).strip("_")
