"""A store, and a zone edited in a layer over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast.store.engine import Database
from tests.unit.zones.editing import Zone, start


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.primary(tmp_path / "db")
    yield database
    database.close()


@pytest.fixture
def zone(database: Database) -> Zone:
    zone = Zone(database)
    zone.do(*start())
    return zone
