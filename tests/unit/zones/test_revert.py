"""A revert brings the contents of any kept serial back, as a new serial, or says how far back the journal goes."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast._core.rrset import unpack_entry
from nsblast.errors import Conflict, InputError, NotFound, NotKept
from nsblast.store import changes
from nsblast.store.changes import Keep
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import ZoneKind
from nsblast.store.writer import Committer
from nsblast.zones.model import (
    AppendRRs,
    ChangeSet,
    ConfigureZone,
    DeleteName,
    DeleteZone,
    Expect,
    PutName,
    Result,
    RevertZone,
    RRset,
)
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import A1, A2, A3, APEX, CNAME, DNAME, NS, SOA, TXT, A, a, put, soa, start, wire

Contents = dict[tuple[bytes, int], tuple[int, frozenset[bytes]]]


class World:
    def __init__(self, path: Path) -> None:
        self.database = Database.primary(path)
        self.committer = Committer(self.database, ZoneRules())
        self.committer.start()
        self.reader = StoreReader(self.database)

    def do(self, *ops: Any, **more: Any) -> Result:
        result = self.committer.apply(ChangeSet(APEX, ops, **more))
        assert isinstance(result, Result)
        return result

    def contents(self) -> Contents:
        """All but the SOA's serial."""
        found: Contents = {}
        for owner, blob in self.reader.entries(APEX):
            for rrtype, ttl, rdatas in unpack_entry(blob).rrsets:
                kept = frozenset(rdata[:-20] + rdata[-16:] if rrtype == SOA else rdata for rdata in rdatas)
                found[owner, rrtype] = (ttl, kept)
        return found

    def serial(self) -> int:
        record = self.reader.zone(APEX)
        assert record is not None
        return record.serial

    def close(self) -> None:
        self.committer.close()
        self.database.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "db")
    world.do(*start())
    yield world
    world.close()


def test_back_and_forth(world: World) -> None:
    world.committer.apply(put("a.example.", A1, A2))
    two = world.contents()
    world.do(
        PutName(wire("a.example."), (RRset(A, 900, (A2, A3)),)),
        PutName(wire("x.y.example."), a(A1)),
        PutName(APEX, (RRset(SOA, 60, (soa(2)[:-4] + bytes(4),)), RRset(NS, 60, (wire("ns2.example."),)))),
    )
    three = world.contents()
    assert three != two
    result = world.do(RevertZone(2), actor="ann")
    assert (result.serial_before, result.serial) == (3, 4)
    assert world.contents() == two
    assert world.do(RevertZone(3)).serial == 5
    assert world.contents() == three
    assert world.do(RevertZone(5)).serial == 5  # nothing to be changed
    last = list(world.reader.journal(APEX))[-1][1]
    assert (last.comment, last.serial_to) == ("revert to serial 3", 5)


def test_dry(world: World) -> None:
    world.committer.apply(put("a.example.", A1))
    before = world.contents()
    result = world.do(RevertZone(1), dry_run=True)
    assert result.diff is not None
    assert [rr[1] for rr in result.diff.removed] == [SOA, A]
    assert world.contents() == before
    assert world.serial() == 2


def test_what_stands_in_each_others_way(world: World) -> None:
    world.do(PutName(wire("a.example."), (RRset(DNAME, 60, (wire("else.where."),)),)))
    world.do(PutName(wire("c.example."), (RRset(CNAME, 60, (wire("a.example."),)),)))
    serial, before = world.serial(), world.contents()
    world.do(DeleteName(wire("a.example.")), PutName(wire("b.a.example."), a(A1)), PutName(wire("c.example."), a(A1)))
    after = world.contents()
    world.do(RevertZone(serial))
    assert world.contents() == before
    world.do(RevertZone(serial + 1))
    assert world.contents() == after


def test_spelling_comes_back(world: World) -> None:
    world.do(PutName(wire("a.example.")[:1] + b"A" + wire("a.example.")[2:], a(A1)))
    world.do(DeleteName(wire("a.example.")))
    world.do(RevertZone(2))
    ((_, blob),) = [entry for entry in world.reader.entries(APEX) if entry.owner == wire("a.example.")]
    assert unpack_entry(blob).spelling[1:2] == b"A"


def test_serials_the_journal_does_not_have(world: World) -> None:
    for number in range(4):
        world.committer.apply(put("a.example.", bytes((192, 0, 2, number))))
    with pytest.raises(NotKept, match=r"example\.: the journal does not reach serial 77; it has 1 to 5"):
        world.do(RevertZone(77))
    changes.trim(world.database, Keep(commits=2), world.committer.last, 0, 0)
    with pytest.raises(NotKept, match=r"does not reach serial 2; it has 3 to 5"):
        world.do(RevertZone(2))
    assert world.do(RevertZone(3)).serial == 6


def test_not_across_a_deletion(world: World) -> None:
    world.committer.apply(put("a.example.", A1))
    world.do(DeleteZone())
    with pytest.raises(NotFound, match="there is no zone"):
        world.do(RevertZone(1))
    world.do(*start(5))
    with pytest.raises(NotKept, match=r"does not reach serial 1; it has 5 to 5"):
        world.do(RevertZone(1))


def test_refusals(world: World) -> None:
    with pytest.raises(InputError, match="a change-set of its own"):
        world.do(RevertZone(1), PutName(wire("a.example."), a(A1)))
    world.do(ConfigureZone(kind=ZoneKind.SECONDARY))
    with pytest.raises(Conflict, match="secondary zone"):
        world.do(RevertZone(1))


def test_a_signed_zone_stays(world: World) -> None:
    signature = (SOA).to_bytes(2, "big") + bytes((8, 1)) + bytes(12) + bytes(2) + APEX + bytes(8)
    world.do(AppendRRs(APEX, (RRset(46, 300, (signature,)),)))
    for serial in (1, 2):
        world.committer.apply(put(f"n{serial}.example.", A1))
        with pytest.raises(InputError, match="signed elsewhere"):
            world.do(RevertZone(serial))


def test_changes_that_come_at_the_same_time_are_not_lost(world: World) -> None:
    """What is submitted before a revert is undone by it, what comes after it stays, whatever shares a commit."""
    for turn in range(40):
        serial = world.serial()
        before = world.contents()
        name = wire(f"t{turn}.example.")
        gate = threading.Barrier(2)

        def noise(name: bytes = name, gate: threading.Barrier = gate) -> None:
            gate.wait()
            world.committer.apply(ChangeSet(wire("other."), start(apex=wire("other."))))
            world.committer.apply(ChangeSet(wire("other."), (DeleteZone(),)))

        other = threading.Thread(target=noise)
        other.start()
        gate.wait()
        world.committer.submit(ChangeSet(APEX, (PutName(name, a(A1)),)))
        back = world.committer.submit(ChangeSet(APEX, (RevertZone(serial),)))
        last = world.committer.submit(ChangeSet(APEX, (PutName(name, a(A2)),)))
        assert back.result(10).serial == serial + 2
        assert last.result(10).serial == serial + 3
        other.join()
        assert world.contents() == {**before, (name, A): (60, frozenset((A2,)))}


NAMES = [wire(name) for name in ("a.example.", "b.a.example.", "*.example.", "d.c.example.")]
OPS = st.one_of(
    st.builds(
        lambda n, r: PutName(n, a(*r)), st.sampled_from(NAMES), st.sets(st.sampled_from([A1, A2, A3]), min_size=1)
    ),
    st.builds(lambda n, t: AppendRRs(n, (RRset(TXT, t, (b"\1x",)),)), st.sampled_from(NAMES), st.sampled_from([5, 9])),
    st.builds(lambda n: DeleteName(n, Expect.ANY), st.sampled_from(NAMES)),
)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.lists(OPS, min_size=1, max_size=3), min_size=1, max_size=8), data=st.data())
def test_any_serial_comes_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[Any]], data: st.DataObject
) -> None:
    world = World(tmp_path_factory.mktemp("revert"))
    try:
        world.do(*start())
        was = {1: world.contents()}
        for ops in steps:
            world.do(*ops)
            was[world.serial()] = world.contents()
        for _ in range(3):
            serial = data.draw(st.sampled_from(sorted(was)))
            world.do(RevertZone(serial))
            assert world.contents() == was[serial]
            was[world.serial()] = world.contents()
    finally:
        world.close()
