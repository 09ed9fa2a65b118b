"""Every answer is asked for twice: from zones in plain dictionaries, and from the same zones imported into a real store."""

from collections.abc import Iterator

import pytest

from tests.helpers import ask
from tests.helpers.stored import Stored
from tests.helpers.tables import Tables

SOURCES = {"tables": Tables, "store": Stored}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both ways where tests.helpers.ask.Server is asked."""
    if getattr(metafunc.module, "Server", None) is ask.Server:
        metafunc.parametrize("source", SOURCES, indirect=True, scope="module")


@pytest.fixture(scope="module", autouse=True)
def source(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where tests.helpers.ask.Server gets its zones from."""
    before = ask.Server.source
    ask.Server.source = SOURCES[getattr(request, "param", "tables")]
    yield
    ask.Server.source = before
