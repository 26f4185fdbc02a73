"""The TypeScript twin in node, one process for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.web_twin.asking import Twin


@pytest.fixture(scope="package")
def twin() -> Iterator[Twin]:
    with Twin() as running:
        yield running
