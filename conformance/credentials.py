"""Credentials beside the published data: EU vectors flag by flag, pictures, SMART Health Cards, status lists."""

from collections.abc import Iterable
from pathlib import Path

from conformance import (
    credentials_dcc,
    credentials_lists,
    credentials_pictures,
    credentials_schema,
    credentials_shc,
)

Score = tuple[str, int, int, int, list[str]]


def run(data: Path) -> Iterable[Score]:
    """One row a source, the EU vectors one row a flag."""
    creds = data / "creds"
    yield from credentials_dcc.run(creds)
    yield from credentials_schema.run(creds)
    yield from credentials_pictures.run(creds)
    yield from credentials_shc.run(creds)
    yield from credentials_lists.run(creds)
