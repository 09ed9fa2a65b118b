"""New zones by the group: all that are right and new appear in one commit; the others say why and take nobody with them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nsblast._core.rrset import pack_entry
from nsblast.access.index import Index
from nsblast.access.rules import AccountRules
from nsblast.backend.local import LocalBackend
from nsblast.backend.rules import AllRules, Change
from nsblast.backend.store import open_for_command
from nsblast.errors import Conflict, InputError, NotFound
from nsblast.settings import Settings
from nsblast.store import changes, layout
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.writer import Committer
from nsblast.types import Wire
from nsblast.zones.build import entries_of
from nsblast.zones.model import ChangeSet, CreateZone, CreateZones, NewZone, PutName, Result, RRset
from tests.unit.zones.editing import A1, NS, SOA, A, soa, wire

CNAME = 5


def zone(name: str, serial: int = 7, *, tenant: str = "", comment: str = "") -> NewZone:
    apex = wire(name)
    rrs = [(apex, SOA, 300, soa(serial)), (apex, NS, 300, wire("ns.elsewhere.")), (wire("www." + name), A, 60, A1)]
    return NewZone(apex, comment, tenant, list(entries_of(apex, rrs)))


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalBackend]:
    one = open_for_command(Settings(db_path=tmp_path / "db"), create=True)
    yield one
    one.close()


def apexes(backend: LocalBackend) -> list[Wire]:
    return [each.apex for each in backend.zones()]


def test_all_are_there_in_one_commit(backend: LocalBackend) -> None:
    zones = [zone(f"z{n:03}.example.", n + 1, comment=f"file {n}") for n in (*range(50, 100), *range(50))]
    results = backend.create_zones(CreateZones(zones, actor="who", address="192.0.2.9", time=1000.0))
    assert [each.serial for each in results if isinstance(each, Result)] == [*range(51, 101), *range(1, 51)]
    assert {each.number for each in results if isinstance(each, Result)} == {1}
    assert apexes(backend) == [wire(f"z{n:03}.example.") for n in range(100)]
    for given in zones:
        record = backend.zone(given.apex)
        assert record is not None
        assert (record.names, record.created, record.incarnation, record.changed_in) == (2, 1000.0, 1, 1)
        assert [each.blob for each in backend.entries(given.apex)] == [blob for _, blob in given.entries]
        (told,) = backend.history(given.apex)
        assert (told.what, told.actor, told.address, told.comment) == ("created", "who", "192.0.2.9", given.comment)
        assert (told.serial_to, told.time, told.diff) == (record.serial, 1000.0, None)
    assert len(list(backend.past.of_actor("who", backwards=False))) == 100
    assert len(list(backend.zones_of(layout.FIRST_TENANT))) == 100


def test_a_new_zone_goes_on_like_any_other(backend: LocalBackend) -> None:
    backend.create_zones(CreateZones([zone("a.example."), zone("b.example.")]))
    result = backend.apply(ChangeSet(wire("a.example."), (PutName(wire("x.a.example."), (RRset(A, 60, (A1,)),)),)))
    assert (result.serial_before, result.serial) == (7, 8)
    again = backend.create_zones(CreateZones([zone("a.example."), zone("c.example.")]))
    assert isinstance(again[0], Conflict)
    assert isinstance(again[1], Result)
    assert apexes(backend) == [wire("a.example."), wire("b.example."), wire("c.example.")]


def spoilt(how: str) -> NewZone:
    good = zone("m.example.")
    (first, second), key = good.entries, good.entries[1][0]
    alias = pack_entry([(A, 60, [A1]), (CNAME, 60, [wire("a.")])], apex_labels=2, flags=0)
    no_ns = pack_entry([(SOA, 60, [soa(1)])], apex_labels=2, flags=1)
    ways = {
        "beheaded": [second],
        "swapped": [second, first],
        "twice": [first, second, second],
        "foreign": [first, (b"example\0zz\0\0", second[1])],
        "alias": [first, (key, alias)],
        "no NS": [(first[0], no_ns), second],
        "damaged": [first, (key, b"?")],
        "nothing": [],
    }
    return good._replace(entries=ways[how])


@pytest.mark.parametrize("how", ["beheaded", "swapped", "twice", "foreign", "alias", "no NS", "damaged", "nothing"])
def test_what_is_not_right_is_left_out(backend: LocalBackend, how: str) -> None:
    results = backend.create_zones(CreateZones([zone("a.example."), spoilt(how), zone("z.example.")]))
    assert [type(each) for each in results] == [Result, InputError, Result]
    assert "m.example." in str(results[1])
    assert apexes(backend) == [wire("a.example."), wire("z.example.")]
    assert list(backend.entries(wire("z.example.")))
    with pytest.raises(NotFound):
        list(backend.entries(wire("m.example.")))


def test_given_twice_and_no_name(backend: LocalBackend) -> None:
    twice, broken = zone("a.example."), zone("b.example.")._replace(apex=b"\x05a")
    results = backend.create_zones(CreateZones([twice, broken, twice]))
    assert [type(each) for each in results] == [Result, InputError, Conflict]


def test_none_of_them_is_no_commit(backend: LocalBackend) -> None:
    assert backend.create_zones(CreateZones([])) == []
    (told,) = backend.create_zones(CreateZones([spoilt("alias")]))
    assert isinstance(told, InputError)
    (made,) = backend.create_zones(CreateZones([zone("a.example.")]))
    assert isinstance(made, Result)
    assert made.number == 1


def test_an_unknown_tenant_stops_all(backend: LocalBackend) -> None:
    with pytest.raises(NotFound, match="no tenant"):
        backend.create_zones(CreateZones([zone("a.example."), zone("b.example.", tenant="nobody")]))
    assert apexes(backend) == []


def test_made_by_others_meanwhile(tmp_path: Path) -> None:
    """The committing thread looks again: what was prepared before others made one of the zones must not be ingested."""
    with closing(Database.primary(tmp_path / "db")) as database:
        rules = AllRules(AccountRules(lambda: Index(database)))

        class Late(AllRules):
            """Another zone is made between preparing and committing."""

            def prepare(self, change: Change, database: Database, folder: Path) -> Any:
                prepared = super().prepare(change, database, folder)
                if isinstance(change, CreateZones) and pending:
                    committer.apply(pending.pop())
                return prepared

        committer = Committer(database, Late(rules._accounts))
        committer.start()
        other = zone("b.example.", 9)
        alone = ChangeSet(other.apex, (CreateZone(), PutName(other.apex, apex_sets(9))))
        pending = [alone]
        group = CreateZones([zone("a.example."), zone("b.example.")])
        with pytest.raises(Conflict, match="1 of 2"):
            committer.apply(group)
        reader = StoreReader(database)
        assert [(each[0], each[1].serial) for each in reader.zones()] == [(other.apex, 9)]
        pending = [ChangeSet(wire("c.example."), (CreateZone(), PutName(wire("c.example."), apex_sets(3))))]
        results = committer.apply(group)
        assert [type(each) for each in results] == [Result, Conflict]
        committer.close()
        assert not list((tmp_path / "db").glob("bulk/*"))


def apex_sets(serial: int) -> tuple[RRset, ...]:
    return RRset(SOA, 300, (soa(serial),)), RRset(NS, 300, (wire("ns.elsewhere."),))


def test_trimmed_with_the_commit(tmp_path: Path) -> None:
    backend = open_for_command(Settings(db_path=tmp_path / "db"), create=True)
    backend.create_zones(CreateZones([zone("a.example."), zone("b.example.")], actor="who"))
    backend.create_zones(CreateZones([zone("c.example.")], actor="who"))
    backend.close()
    database = Database.primary(tmp_path / "db")
    changes.trim(database, changes.Keep(commits=1), 2, 0, 0.0)
    reader = StoreReader(database)
    assert [number for number, _ in reader.changes(0)] == [2]
    kept = [key for key, _ in database.range(layout.JOURNAL, layout.after(layout.JOURNAL))]
    assert [layout.journal_place(key)[0] for key in kept] == [2]
    assert len(list(database.range(*layout.acted_range("who")))) == 1
    database.close()
