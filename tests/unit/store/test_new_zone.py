"""Large zones that are new: nothing to compare with, but the same rules; what fails leaves nothing behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast._core.rrset import pack_entry
from nsblast.errors import InputError, NotFound
from nsblast.store.commit import BULK
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.writer import Committer
from nsblast.types import Rr
from nsblast.zones.build import entries_of
from nsblast.zones.model import ChangeSet, ReplaceZone
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import A1, APEX, NS, SOA, A, soa, wire

Entries = list[tuple[bytes, bytes]]


@pytest.fixture
def committer(tmp_path: Path) -> Iterator[Committer]:
    database = Database.primary(tmp_path / "db")
    one = Committer(database, ZoneRules())
    one.start()
    yield one
    one.close()
    database.close()


@pytest.fixture(scope="module")
def whole() -> Entries:
    rrs: list[Rr] = [(APEX, SOA, 300, soa(7)), (APEX, NS, 300, wire("ns.elsewhere."))]
    rrs += [(wire(f"n{number:06}.example."), A, 60, A1) for number in range(BULK + 2000)]
    return list(entries_of(APEX, rrs))


def test_it_is_stored_as_it_came(committer: Committer, whole: Entries) -> None:
    result = committer.apply(ChangeSet(APEX, (ReplaceZone(iter(whole)),)))
    assert (result.serial_before, result.serial, result.names_changed, result.diff) == (None, 7, len(whole), None)
    reader = StoreReader(committer.database)
    record = reader.zone(APEX)
    assert record is not None
    assert (record.serial, record.names) == (7, len(whole))
    assert [entry.blob for entry in reader.entries(APEX)] == [blob for _, blob in whole]
    assert committer.apply(ChangeSet(APEX, (ReplaceZone(iter(whole)),))).number == 0


def spoilt(whole: Entries, how: str) -> Entries:
    alias = pack_entry([(A, 60, [A1]), (5, 60, [wire("a.")])], apex_labels=1, flags=0)
    ways = {
        "swapped": [*whole[:-2], whole[-1], whole[-2]],
        "twice": [*whole, whole[-1]],
        "foreign": [*whole, (b"zz", whole[-1][1])],
        "beheaded": whole[1:],
        "alias": [*whole[:-1], (whole[-1][0], alias)],
    }
    return ways[how]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("swapped", "out of order"),
        ("twice", "out of order"),
        ("foreign", "outside the zone"),
        ("beheaded", "must have a SOA"),
        ("alias", "a CNAME must stand alone"),
    ],
)
def test_what_breaks_a_rule_leaves_nothing(committer: Committer, whole: Entries, how: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        committer.apply(ChangeSet(APEX, (ReplaceZone(iter(spoilt(whole, how))),)))
    assert list((committer.database.path / "bulk").iterdir()) == []
    assert StoreReader(committer.database).zone(APEX) is None
    assert committer.database.position == 0


def test_it_is_made_only_when_it_may_be(committer: Committer, whole: Entries) -> None:
    with pytest.raises(NotFound):
        committer.apply(ChangeSet(APEX, (ReplaceZone(iter(whole), create=False),)))
    assert committer.database.position == 0
