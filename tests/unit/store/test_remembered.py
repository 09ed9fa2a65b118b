"""What the writer remembers of the store is what the store says, whatever was written."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from nsblast.store import overlay
from nsblast.store.engine import Database
from nsblast.store.overlay import Base, Remembered
from nsblast.store.writer import Committer
from nsblast.types import Rr
from nsblast.zones.build import entries_of
from nsblast.zones.model import ChangeSet, DeleteName, DeleteZone, ReplaceZone
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import A1, A2, APEX, NS, SOA, A, put, soa, start, wire

OTHER = wire("other.")
LOWS = (b"e\x07example\0\0", b"e\x05other\0\0")


class Counted(Database):
    """Counts reads of entries and zone records; the past is trimmed by the clock, whatever is asked meanwhile."""

    reads = 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += key[:1] in (overlay.layout.ENTRY, overlay.layout.ZONE)
        return super().get(key)

    def range(self, low: bytes, high: bytes, *, backwards: bool = False) -> Generator[tuple[bytes, bytes], None, None]:
        for each in super().range(low, high, backwards=backwards):
            self.reads += low[:1] in (overlay.layout.ENTRY, overlay.layout.ZONE)
            yield each


@pytest.fixture
def committer(tmp_path: Path) -> Iterator[Committer]:
    database = Counted.primary(tmp_path / "db")
    committer = Committer(database, ZoneRules())
    committer.start()
    yield committer
    committer.close()
    database.close()


def agrees(committer: Committer) -> None:
    remembered, base = committer._store, Base(committer.database)
    for apex in (APEX, OTHER):
        assert remembered.zone(apex) == base.zone(apex)
        assert remembered.has_zone(apex) == base.has_zone(apex)
        key = overlay.layout.entries_range(apex)[0]
        mine, stored = remembered.node(key), base.node(key)
        assert (mine and mine.pack()) == (stored and stored.pack())


def big(serial: int, names: int) -> ChangeSet:
    rrs: list[Rr] = [(APEX, SOA, 300, soa(serial)), (APEX, NS, 300, wire("ns.example."))]
    rrs += [(wire(f"n{number}.example."), A, 60, A1) for number in range(names)]
    return ChangeSet(APEX, (ReplaceZone(entries_of(APEX, rrs)),))


def test_agrees_with_the_store_after_every_kind_of_change(committer: Committer) -> None:
    agrees(committer)
    changes: list[Any] = [ChangeSet(APEX, start()), ChangeSet(OTHER, start(apex=OTHER)), put("a.example.", A1)]
    changes += [
        put("a.example.", A2),
        big(5, 30),
        big(9, 6000),
        put("b.example.", A1),
        ChangeSet(APEX, (DeleteZone(),)),
    ]
    changes += [ChangeSet(APEX, start(20)), ChangeSet(OTHER, (DeleteZone(),))]
    for change in changes:
        committer.apply(change)
        agrees(committer)


def test_zone_and_apex_are_read_once(committer: Committer) -> None:
    committer.apply(ChangeSet(APEX, start()))
    committer.apply(put("a.example.", A1))
    database = committer.database
    assert isinstance(database, Counted)
    before = database.reads
    committer.apply(put("a.example.", A2))
    assert database.reads == before + 1


@pytest.mark.parametrize("change", ["a.example.", "n7.example.", "deep.er.example."])
def test_what_a_change_reads_does_not_depend_on_the_size_of_the_zone(committer: Committer, change: str) -> None:
    database = committer.database
    assert isinstance(database, Counted)
    read = []
    for serial, names in ((1, 20), (9, 6000)):
        committer.apply(big(serial, names))
        committer.apply(put("warm.example.", A1))
        before = database.reads
        committer.apply(put(change, A2))
        committer.apply(ChangeSet(APEX, (DeleteName(wire(change)),)))
        read.append(database.reads - before)
    assert read[0] == read[1] < 20


def test_a_change_that_fails_is_not_remembered(committer: Committer, monkeypatch: pytest.MonkeyPatch) -> None:
    committer.apply(ChangeSet(APEX, start()))

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no")

    with monkeypatch.context() as patch:
        patch.setattr(committer.database, "write", fail)
        with pytest.raises(OSError, match="no"):
            committer.apply(put("a.example.", A1))
    agrees(committer)
    assert committer.apply(put("a.example.", A1)).serial == 2


def test_it_keeps_a_bounded_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "REMEMBERED", 10)
    database = Database.primary(tmp_path / "db")
    remembered = Remembered(database)
    for number in range(100):
        remembered.zone(wire(f"n{number}."))
        assert len(remembered._zones) <= 11
    database.close()
