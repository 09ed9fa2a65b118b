"""The journal by serial: one look-up finds the change-set that leads on from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast.store import changes, layout
from nsblast.store.changes import Keep
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.writer import Committer
from nsblast.types import Rr
from nsblast.zones.build import entries_of
from nsblast.zones.model import ChangeSet, DeleteZone, MergeRRsets, ReplaceZone, RRset
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import A1, A2, APEX, NS, SOA, put, soa, start, wire

APEX_RRS: list[Rr] = [(APEX, SOA, 300, soa(1)), (APEX, NS, 300, wire("ns.example."))]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.primary(tmp_path / "db")
    yield database
    database.close()


def serials(reader: StoreReader, serial: int) -> list[tuple[int, int]] | None:
    found = reader.journal_since(APEX, serial)
    return None if found is None else [(record.serial_from, record.serial_to) for _, record in found]


def changed(database: Database, *many: ChangeSet) -> None:
    committer = Committer(database, ZoneRules())
    # Submitted before it starts, they share a commit.
    futures = [committer.submit(each) for each in many]
    committer.start()
    for future in futures:
        future.result(10)
    committer.close()


def test_leads_from_each_serial_to_now(database: Database) -> None:
    changed(database, ChangeSet(APEX, start()))
    changed(database, *(put(f"n{n}.example.", A1) for n in range(5)))
    changed(database, put("x.example.", A1), put("x.example.", A2))
    reader = StoreReader(database)
    steps = [(serial, serial + 1) for serial in range(1, 8)]
    for serial in range(1, 9):
        assert serials(reader, serial) == steps[serial - 1 :]
    assert serials(reader, 9) is None
    assert serials(reader, 0) is None
    assert reader.journal_since(wire("other."), 1) is None


def test_goes_with_the_journal_when_that_is_trimmed(database: Database) -> None:
    changed(database, ChangeSet(APEX, start()))
    for n in range(4):
        changed(database, put(f"n{n}.example.", A1))
    reader = StoreReader(database)
    changes.trim(database, Keep(commits=2), reader.position, 0, 0)
    assert [serials(reader, serial) for serial in range(1, 6)] == [None, None, [(3, 4), (4, 5)], [(4, 5)], []]


def test_a_serial_that_came_back_leads_on_from_its_last_time(database: Database) -> None:
    changed(database, ChangeSet(APEX, start()))
    changed(database, put("x.example.", A1))
    changed(database, ChangeSet(APEX, (ReplaceZone(entries_of(APEX, APEX_RRS), keep_serial=True),)))
    changed(database, put("y.example.", A1))
    reader = StoreReader(database)
    assert serials(reader, 1) == [(1, 2)]
    changes.trim(database, Keep(commits=1), reader.position, 0, 0)
    assert serials(reader, 1) == [(1, 2)]


def test_goes_with_the_zone(database: Database) -> None:
    changed(database, ChangeSet(APEX, start()))
    changed(database, put("x.example.", A1))
    changed(database, ChangeSet(APEX, (DeleteZone(),)))
    assert not list(database.range(*layout.serials_range(APEX)))
    changed(database, ChangeSet(APEX, start()), ChangeSet(APEX, (MergeRRsets(APEX, (RRset(SOA, 300, (soa(7),)),)),)))
    assert serials(StoreReader(database), 1) == [(1, 7)]
    assert serials(StoreReader(database), 2) is None
