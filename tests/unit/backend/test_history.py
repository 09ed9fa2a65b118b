"""History by zone, by actor and by time; paging from any place in both directions; trimmed with the journal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast.backend.history import Happened, History
from nsblast.store import changes, layout
from nsblast.store.changes import Keep
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.writer import Committer
from nsblast.zones.model import ChangeSet, ConfigureZone, DeleteZone, PutName, RRset
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import A1, A2, APEX, TXT, A, put, start, wire

OTHER = wire("other.")


class World:
    """A store whose commits come a second apart, from 1001."""

    def __init__(self, path: Path) -> None:
        self.database = Database.primary(path)
        self.now = 1000.0
        self.committer = Committer(self.database, ZoneRules(), clock=lambda: self.now)
        self.committer.start()
        self.history = History(StoreReader(self.database))

    def do(self, change: ChangeSet) -> None:
        self.now += 1
        self.committer.apply(change)

    def close(self) -> None:
        self.committer.close()
        self.database.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "db")
    world.do(ChangeSet(APEX, start(), actor="ann", address="192.0.2.1"))
    world.do(put("a.example.", A1, actor="bob", comment="first"))
    world.do(ChangeSet(OTHER, start(apex=OTHER), actor="ann"))
    world.do(put("a.example.", A2, actor="ann"))
    world.do(ChangeSet(APEX, (ConfigureZone(tenant="t1"),), actor="bob"))
    world.do(ChangeSet(OTHER, (DeleteZone(),), actor="ann"))
    yield world
    world.close()


def told(found: Iterator[Happened]) -> list[tuple[int, str, str]]:
    return [(one.place.number, one.actor, one.what) for one in found]


EVERYTHING = [
    (1, "ann", "created"),
    (2, "bob", "changed"),
    (3, "ann", "created"),
    (4, "ann", "changed"),
    (5, "bob", "configured"),
    (6, "ann", "deleted"),
]


def test_all_in_both_directions(world: World) -> None:
    assert told(world.history.of_all(backwards=False)) == EVERYTHING
    assert told(world.history.of_all(backwards=True)) == EVERYTHING[::-1]


def test_before_and_after(world: World) -> None:
    _, first, second, configured = world.history.of_zone(APEX, backwards=False)
    assert (first.actor, first.address, first.comment, first.time) == ("bob", "", "first", 1002)
    assert (second.serial_from, second.serial_to) == (2, 3)
    assert second.diff is not None
    assert [rr[3] for rr in second.diff.removed if rr[1] == A] == [A1]
    assert [rr[3] for rr in second.diff.added if rr[1] == A] == [A2]
    assert configured.before is not None
    assert configured.after is not None
    assert (configured.before["tenant"], configured.after["tenant"]) == ("", "t1")


def test_of_a_deleted_zone(world: World) -> None:
    created, deleted = world.history.of_zone(OTHER, backwards=False)
    assert (created.what, deleted.what) == ("created", "deleted")
    assert created.diff is not None
    assert deleted.diff is not None
    assert set(deleted.diff.removed) == set(created.diff.added)


def test_by_actor(world: World) -> None:
    assert told(world.history.of_actor("bob", backwards=True)) == [EVERYTHING[4], EVERYTHING[1]]
    assert told(world.history.of_actor("ann", backwards=False)) == [each for each in EVERYTHING if each[1] == "ann"]
    assert told(world.history.of_actor("an", backwards=False)) == []


def test_by_time(world: World) -> None:
    for since in range(1000, 1009):
        for until in range(since, 1009):
            low, high = world.history.numbers(since, until)
            found = told(world.history.of_all(low=low, high=high, backwards=False))
            assert found == [each for each in EVERYTHING if since <= 1000 + each[0] <= until]
    low, high = world.history.numbers(1002.5, None)
    assert [one[0] for one in told(world.history.of_zone(APEX, low=low, high=high, backwards=True))] == [5, 4]
    assert [one[0] for one in told(world.history.of_actor("bob", low=low, high=high, backwards=True))] == [5]


@pytest.mark.parametrize("backwards", [False, True])
def test_goes_on_from_any_place(world: World, backwards: bool) -> None:
    futures = [world.committer.submit(put(f"n{n}.example.", A1, actor="ann")) for n in range(20)]
    for future in futures:
        future.result(10)
    long = tuple(bytes((200,)) + b"%200d" % number for number in range(3000))
    world.do(ChangeSet(APEX, (PutName(wire("big.example."), (RRset(TXT, 60, long[:250]),)),), actor="ann"))
    many = tuple(PutName(wire(f"m{n}.example."), (RRset(TXT, 60, long[n * 50 : n * 50 + 50]),)) for n in range(40))
    world.do(ChangeSet(APEX, many, actor="ann"))
    ways = [
        world.history.of_all,
        lambda **more: world.history.of_zone(APEX, **more),
        lambda **more: world.history.of_actor("ann", **more),
    ]
    for way in ways:
        whole = list(way(backwards=backwards))
        assert len(whole) > 20
        assert len({one.place for one in whole}) == len(whole)
        for at, one in enumerate(whole):
            assert list(way(start=one.place, backwards=backwards)) == whole[at + 1 :]
    pieces = [record for number, record in StoreReader(world.database).journal(APEX) if number == world.committer.last]
    assert len(pieces) > 1  # a change-set in pieces was among them


def test_is_trimmed_with_the_journal(world: World) -> None:
    changes.trim(world.database, Keep(commits=2), world.committer.last, 0, world.now)
    assert told(world.history.of_all(backwards=False)) == EVERYTHING[-2:]
    assert told(world.history.of_actor("ann", backwards=False)) == EVERYTHING[-1:]
    assert told(world.history.of_zone(APEX, backwards=False)) == [EVERYTHING[4]]
    assert len(list(world.database.range(layout.ACTED, layout.after(layout.ACTED)))) == 2
