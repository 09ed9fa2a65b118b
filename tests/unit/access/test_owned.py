"""The zones of a tenant in order: kept by every commit, completed for databases that have none."""

from pathlib import Path

from nsblast.store import layout
from nsblast.store.engine import Batch, Database
from nsblast.store.reader import StoreReader
from nsblast.store.writer import Committer
from nsblast.zones.build import entries_of
from nsblast.zones.model import ChangeSet, ConfigureZone, ReplaceZone
from nsblast.zones.replace import ZoneRules
from tests.unit.access.conftest import OTHER, Place, wire


def names(reader: StoreReader, tenant: str, **more: object) -> list[bytes]:
    return [apex for apex, _ in reader.zones_of(tenant, **more)]  # type: ignore[arg-type]


def test_commits_keep_the_list(place: Place) -> None:
    for name in ("b.example.", "a.example.", "example.", "c.example."):
        place.zone(name, OTHER)
    place.zone("org.")
    wanted = [wire(name) for name in ("example.", "a.example.", "b.example.", "c.example.")]
    assert names(place.reader, OTHER) == wanted
    assert names(place.reader, OTHER, backwards=True) == wanted[::-1]
    assert names(place.reader, OTHER, start=wanted[1]) == wanted[2:]
    assert names(place.reader, OTHER, start=wanted[2], backwards=True) == wanted[1::-1]
    assert names(place.reader, "") == [wire("org.")] == names(place.reader, layout.FIRST_TENANT)
    place.committer.apply(ChangeSet(wanted[1], (ConfigureZone(tenant=""),)))
    place.drop_zone("c.example.")
    assert names(place.reader, OTHER) == [wanted[0], wanted[2]]
    assert names(place.reader, "") == [wanted[1], wire("org.")]


def test_a_bulk_zone_is_in_the_list(place: Place) -> None:
    apex = wire("big.")
    rrs = [(apex, 6, 60, b"\0\0" + bytes(19) + b"\1"), (apex, 2, 60, b"\0")]
    rrs += [(b"\5" + b"%05d" % number + apex, 1, 60, bytes(4)) for number in range(5200)]
    place.committer.apply(ChangeSet(apex, (ReplaceZone(list(entries_of(apex, rrs)), tenant=OTHER),)))
    assert names(place.reader, OTHER) == [apex]
    place.drop_zone("big.")
    assert names(place.reader, OTHER) == []


def test_a_database_without_the_list_gets_it(place: Place, tmp_path: Path) -> None:
    place.zone("a.", OTHER)
    place.zone("b.")
    batch = Batch(raw_mode=True)
    batch.delete_range(layout.OWNED, layout.after(layout.OWNED))
    batch.delete(layout.OWNED_KEY)
    place.database.write(batch)
    assert names(place.reader, OTHER) == []
    place.close()
    database = Database.primary(place.path)
    Committer(database, ZoneRules()).start()
    assert names(StoreReader(database), OTHER) == [wire("a.")]
    assert names(StoreReader(database), "") == [wire("b.")]
    database.close()
