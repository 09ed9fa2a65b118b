"""One open store for a module, its zones as at the start for each test, and what gives them out."""

from collections.abc import Iterator

import pytest

from tests.helpers.giving import Giving, giving


@pytest.fixture(scope="module")
def opened() -> Iterator[Giving]:
    with giving() as place:
        yield place


@pytest.fixture
def place(opened: Giving) -> Giving:
    opened.reset()
    opened.begin()
    return opened
