"""Changes of very many names: what a deletion keeps of them, and reverts that hold nobody up."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast._core.rrset import unpack_entry
from nsblast.backend.history import History
from nsblast.errors import NotFound, UsageError
from nsblast.store import layout
from nsblast.store.commit import BULK
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import What
from nsblast.store.writer import Committer
from nsblast.types import Rr
from nsblast.zones import deletion
from nsblast.zones.build import entries_of
from nsblast.zones.model import ChangeSet, DeleteZone, PutName, ReplaceZone, RevertZone, RRset
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import APEX, NS, SOA, TXT, A, put, soa, start, wire

NAMES = BULK + 1500
OTHER = wire("other.")


def records(last: int) -> list[Rr]:
    rrs: list[Rr] = [(APEX, SOA, 300, soa(1)), (APEX, NS, 300, wire("ns.example."))]
    for number in range(NAMES):
        owner = wire(f"n{number:05d}.example.")
        rrs.append((owner, A, 60, bytes((10, number >> 8, number & 255, last))))
        if number % 3 == 0:
            rrs.append((owner, TXT, 60, bytes((30,)) + b"x" * 30))
    return rrs


class World:
    def __init__(self, path: Path) -> None:
        self.database = Database.primary(path)
        self.committer = Committer(self.database, ZoneRules())
        self.committer.start()
        self.reader = StoreReader(self.database)
        self.replace(1)
        self.committer.apply(ChangeSet(OTHER, start(apex=OTHER)))

    def replace(self, last: int) -> None:
        self.committer.apply(ChangeSet(APEX, (ReplaceZone(entries_of(APEX, records(last))),)))

    def contents(self) -> set[Rr]:
        """Without the SOA."""
        return {
            (owner, rrtype, ttl, rdata)
            for owner, blob in self.reader.entries(APEX)
            for rrtype, ttl, rdatas in unpack_entry(blob).rrsets
            for rdata in rdatas
            if rrtype != SOA
        }

    def close(self) -> None:
        self.committer.close()
        self.database.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "db")
    yield world
    world.close()


def test_a_deletion_keeps_every_record(world: World) -> None:
    all_there_was = world.contents()
    result = world.committer.apply(ChangeSet(APEX, (DeleteZone(),), actor="ann", address="192.0.2.9"))
    assert result.names_changed == NAMES + 1
    assert world.reader.zone(APEX) is None
    assert not list(world.database.range(*layout.entries_range(APEX)))
    assert not list(world.database.range(*layout.serials_range(APEX)))
    (last,) = [one for one in History(world.reader).of_zone(APEX, backwards=True) if one.what == "deleted"]
    assert (last.actor, last.address, last.serial_from) == ("ann", "192.0.2.9", 1)
    assert last.before is not None
    assert last.diff is not None
    assert {rr for rr in last.diff.removed if rr[1] != SOA} == all_there_was
    assert last.diff.added == ()
    pieces = [one for _, one in world.reader.journal(APEX) if one.what is What.DELETED]
    assert len(pieces) > 5
    assert [one.part for one in pieces] == list(range(len(pieces)))
    assert [one.more for one in pieces] == [True] * (len(pieces) - 1) + [False]
    kept = sum(len(owner) + len(rdata) + 10 for one in pieces for owner, _, _, rdata in one.removed)
    assert kept <= world.committer.kept < kept + 2000, "and it counts within the bound of all journals"


@pytest.mark.parametrize("most", [2000, 200_000])
def test_one_too_large_to_be_kept_is_deleted_with_a_gap(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Seen at once by a sample, or in the middle of it."""
    monkeypatch.setattr(deletion, "JOURNAL_OCTETS", most)
    world.committer.apply(ChangeSet(APEX, (DeleteZone(),)))
    assert world.reader.zone(APEX) is None
    (last,) = [one for _, one in world.reader.journal(APEX) if one.what is What.DELETED]
    assert last.gap
    assert not last.removed


def test_what_comes_meanwhile_waits_for_the_deletion(world: World) -> None:
    futures = [
        world.committer.submit(ChangeSet(APEX, (DeleteZone(),))),
        world.committer.submit(put("late.example.", bytes(4))),
        world.committer.submit(ChangeSet(APEX, start(serial=9))),
        world.committer.submit(ChangeSet(APEX, (DeleteZone(), PutName(APEX, ())))),
    ]
    assert futures[0].result(30).serial is None
    with pytest.raises(NotFound):
        futures[1].result(30)
    assert futures[2].result(30).serial == 9
    with pytest.raises(UsageError):
        futures[3].result(30)


def test_a_dry_run_deletes_nothing(world: World) -> None:
    before = world.contents()
    assert world.committer.apply(ChangeSet(APEX, (DeleteZone(),), dry_run=True)).names_changed == NAMES + 1
    assert world.contents() == before


def test_a_large_revert(world: World) -> None:
    first = world.contents()
    world.replace(2)
    second = world.contents()
    assert first != second
    dry = world.committer.apply(ChangeSet(APEX, (RevertZone(1),), dry_run=True))
    assert dry.diff is not None
    assert len(dry.diff.added) == NAMES + 1
    assert world.contents() == second
    result = world.committer.apply(ChangeSet(APEX, (RevertZone(1),)))
    assert (result.serial_before, result.serial) == (2, 3)
    assert world.contents() == first
    record = world.reader.zone(APEX)
    assert record is not None
    assert record.names == NAMES + 1
    assert world.committer.apply(ChangeSet(APEX, (RevertZone(2),))).serial == 4
    assert world.contents() == second


def test_other_zones_are_written_while_one_is_reverted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.replace(2)
    begun, go_on = threading.Event(), threading.Event()
    prepare = ZoneRules.prepare

    def slow(self: ZoneRules, *args: object) -> object:
        begun.set()
        assert go_on.wait(20)
        return prepare(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(ZoneRules, "prepare", slow)
    revert = world.committer.submit(ChangeSet(APEX, (RevertZone(1),)))
    assert begun.wait(20)
    world.committer.submit(put("a.other.", bytes(4), apex=OTHER)).result(20)
    assert not revert.done()
    go_on.set()
    assert revert.result(20).serial == 3


def test_deletion_and_records_of_one_name(world: World) -> None:
    """A name with more records than a piece takes is spread over pieces."""
    many = tuple(bytes((9,)) + b"%09d" % number for number in range(2500))
    world.committer.apply(ChangeSet(APEX, (PutName(wire("many.example."), (RRset(TXT, 60, many),)),)))
    before = world.contents()
    world.committer.apply(ChangeSet(APEX, (DeleteZone(),)))
    (last,) = [one for one in History(world.reader).of_zone(APEX, backwards=True) if one.what == "deleted"]
    assert last.diff is not None
    assert {rr for rr in last.diff.removed if rr[1] != SOA} == before
