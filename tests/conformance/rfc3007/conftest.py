"""One open store for a module, its zones as at the start for each test."""

from collections.abc import Iterator

import pytest

from tests.helpers.updating import Updating, updating


@pytest.fixture(scope="module")
def opened() -> Iterator[Updating]:
    with updating() as place:
        yield place


@pytest.fixture
def place(opened: Updating) -> Updating:
    opened.reset()
    return opened
