"""A zone's own journal is bounded: the oldest of it goes, with its index, and nothing else is touched."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast.store import changes, layout
from nsblast.store.changes import Keep
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import JournalRecord, ZoneRecord, decode
from nsblast.store.writer import Committer
from nsblast.zones.model import ChangeSet, DeleteZone, PutName, RRset
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import A1, APEX, TXT, put, start, wire

OTHER = wire("other.")
BOUND = 20_000


class World:
    def __init__(self, path: Path, bound: int = BOUND) -> None:
        self.database = Database.primary(path)
        self.committer = Committer(self.database, ZoneRules(), keep=Keep(zone=bound))
        self.committer.start()
        self.reader = StoreReader(self.database)

    def write(self, number: int, octets: int) -> None:
        rdata = b"".join(bytes((200,)) + bytes((number % 251,)) * 200 for _ in range(max(1, octets // 200)))
        self.committer.apply(ChangeSet(APEX, (PutName(wire("a.example."), (RRset(TXT, 60, (rdata,)),)),)))

    def octets(self, apex: bytes = APEX) -> int:
        """Of the zone's journal, counted from what is there."""
        return sum(
            _octets(decode(JournalRecord, value)) for _, value in self.database.range(*layout.journal_range(apex))
        )

    def settled(self) -> None:
        """Wait until the committing thread has nothing to be trimmed."""
        end = time.monotonic() + 10
        time.sleep(0.25)
        while self.committer._overfull and time.monotonic() < end:
            time.sleep(0.05)
        assert not self.committer._overfull

    def record(self) -> ZoneRecord:
        found = self.reader.zone(APEX)
        assert found is not None
        return found

    def close(self) -> None:
        self.committer.close()
        self.database.close()


def _octets(record: JournalRecord) -> int:
    return sum(len(owner) + len(rdata) + 10 for part in (record.removed, record.added) for owner, _, _, rdata in part)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "db")
    world.committer.apply(ChangeSet(APEX, start()))
    world.committer.apply(ChangeSet(OTHER, start(apex=OTHER)))
    yield world
    world.close()


def check(world: World) -> None:
    """What is kept leads on from each serial that the index knows, and all counts agree."""
    now = world.record().serial
    kept = {int.from_bytes(key[-4:], "big"): place for key, place in world.database.range(*layout.serials_range(APEX))}
    assert sorted(kept) == list(range(min(kept), now)), "from some serial on, every one"
    for serial in kept:
        leads = world.reader.journal_since(APEX, serial)
        assert leads is not None
        assert [one.serial_from for _, one in leads if one.part == 0] == list(range(serial, now))
    assert world.reader.journal_since(APEX, min(kept) - 1) is None
    assert world.committer.kept == world.octets() + world.octets(OTHER)
    assert int.from_bytes(world.database.get(layout.KEPT_KEY) or b"", "big") == world.committer.kept


def test_the_oldest_goes_and_its_index(world: World) -> None:
    rng = random.Random(7)
    for number in range(120):
        world.write(number, rng.randrange(200, 1500))
        if number % 3 == 0:
            world.committer.apply(put("b.other.", bytes((10, 0, 0, number)), apex=OTHER))
    world.settled()
    assert world.octets() <= BOUND
    assert world.octets() > BOUND // 2
    check(world)
    assert len(list(world.reader.journal(OTHER))) == 41, "no other zone's"
    # The log of changes stays whole: followers and events read it.
    assert world.reader.oldest_change() == 1


def test_the_newest_stays_whatever_its_size(world: World) -> None:
    world.write(1, 3000)
    world.write(2, 60_000)
    world.settled()
    assert [record.serial_to for _, record in world.reader.journal(APEX) if record.part == 0] == [3]
    check(world)


def test_what_age_or_size_in_all_has_taken_is_not_taken_twice(world: World) -> None:
    for number in range(40):
        world.write(number, 1000)
    world.settled()
    changes.trim(world.database, Keep(commits=2), world.committer.last, world.committer.kept, 0)
    left = world.octets()
    assert left < BOUND // 2
    number = 40
    while world.octets() < BOUND - 4000:  # within the bound again, though more than that was ever written
        world.write(number, 1000)
        number += 1
    world.settled()
    assert world.octets() > BOUND - 5000
    assert world.reader.journal_since(APEX, world.record().serial - 3) is not None


def test_counts_from_nothing_in_a_new_zone_of_the_name(world: World) -> None:
    for number in range(10):
        world.write(number, 1000)
    world.committer.apply(ChangeSet(APEX, (DeleteZone(),)))
    world.committer.apply(ChangeSet(APEX, start()))
    assert world.record().journalled < 1000
    for number in range(30):
        world.write(number, 1000)
    world.settled()
    assert world.octets() <= BOUND
    incarnation = world.record().incarnation
    assert all(number >= incarnation for number, _ in world.reader.journal(APEX)), "the earlier zone's went first"


def test_a_bound_taken_over_while_running(world: World) -> None:
    for number in range(10):
        world.write(number, 1000)
    world.committer.keep = Keep(zone=5000)
    world.committer.apply(put("c.example.", A1))
    world.settled()
    assert world.octets() <= 5000
    check(world)
    world.committer.keep = Keep()
    for number in range(10):
        world.write(number, 1000)
    world.settled()
    assert world.octets() > 15_000
