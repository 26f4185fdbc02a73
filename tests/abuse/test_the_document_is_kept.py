"""schemathesis over the whole OpenAPI document, as everybody each operation is for and as nobody: no fault of ours, no
answer the document does not name, no body it does not describe.

`PRATIQUE_FUZZ=200 pytest tests/abuse/test_the_document_is_kept.py` looks longer; the default is short.
"""

import os
import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pratique.app import authenticate
from pratique.console.model import COOKIE
from pratique.web.serve import build_app
from tests.abuse.house import House

EXAMPLES = int(os.environ.get("PRATIQUE_FUZZ", "4"))
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip


def headers_of(house: House, who: str) -> dict[str, str]:
    if who in house.tokens:
        return {"Authorization": f"Bearer {house.tokens[who]}"}
    return {"Cookie": f"{COOKIE}={house.sessions[who]}"} if who else {}


@pytest.fixture(scope="module")
def schema(house: House) -> Any:
    unlimited = [route._replace(limit=10**9) for route in house.table]
    app = build_app(unlimited, authenticate(house.port), house.port.moment, {})
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def test_it_works(schema: Any) -> None:
    assert len(list(schema.get_all_operations())) >= 20


def test_no_fault_and_no_answer_the_document_does_not_name(house: House, schema: Any) -> None:
    routes = {
        (route.method.lower(), re.sub(r":\w+}", "}", route.path)): route
        for route in house.table
        if not route.page
    }
    wrong: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        route = routes[operation.method.lower(), operation.path]
        for who in ("", *house.callers(route)[:2]):
            if route.path == "/v1/forget" and who:
                continue
            try_all(
                operation, headers_of(house, who), wrong, f"{who or 'nobody'}: {route.method} {route.path}"
            )
    assert wrong == []


def try_all(operation: Any, headers: dict[str, str], wrong: list[str], name: str) -> None:
    """Up to `EXAMPLES` requests the document allows; the first that goes wrong is noted by name."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=120)

    try:
        run()
    except (Exception, BaseExceptionGroup) as fault:
        wrong.append(f"{name}: {type(fault).__name__}: {str(fault)[:300]}")
