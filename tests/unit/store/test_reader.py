"""Look-ups in the store: deepest zone, neighbours, listings, NSEC3 hashing by the RFC's own example."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.name
import pytest

from nsblast._core.rrset import pack_entry
from nsblast.store import layout
from nsblast.store.engine import Batch, Database
from nsblast.store.reader import Nsec3Params, StoreReader, hash_owner
from nsblast.store.values_v1 import ChangeRecord, JournalRecord, What, ZoneChange, ZoneRecord, encode


def wire(text: str) -> bytes:
    return dns.name.from_text(text).to_wire()


def put(database: Database, zone: str, *names: str, types: tuple[int, ...] = (1,)) -> None:
    batch = Batch(raw_mode=True)
    labels = len(layout.suffixes(wire(zone))) - 1
    batch.put(layout.zone_key(wire(zone)), encode(ZoneRecord(serial=labels)))
    for name in names:
        blob = pack_entry([(rrtype, 60, [b"\1\2\3\4"]) for rrtype in types], apex_labels=labels, flags=0)
        batch.put(layout.entry_key(wire(name), labels), blob)
    database.write(batch)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[StoreReader]:
    database = Database.primary(tmp_path / "db")
    put(database, "example.", "example.", "a.example.", "sub.example.", "x.sub.example.", "z.example.")
    put(database, "sub.example.", "sub.example.", "x.sub.example.")
    put(database, "a-b.example.", "a-b.example.")
    yield StoreReader(database)
    database.close()


def test_deepest_zone(reader: StoreReader) -> None:
    assert reader.fetch(wire("x.sub.example.")).apex_labels == 2
    assert reader.fetch(wire("a.example.")).apex_labels == 1
    assert reader.fetch(wire("sub.example."))[:2] == (wire("sub.example."), 2)
    assert reader.fetch(wire("none.example.")) == (wire("none.example."), 1, b"")
    assert reader.fetch(wire("other.")) == (wire("other."), 0, b"")
    assert reader.find_apex(wire("other.")) is None
    found = reader.find_zone(wire("deep.below.sub.example."))
    assert found is not None
    assert found[0] == wire("sub.example.")
    assert reader.fetch_in(wire("x.sub.example."), 1).blob
    assert not reader.fetch_in(wire("y.sub.example."), 1).blob


def test_the_filter_saves_reads(reader: StoreReader) -> None:
    asked: list[bytes] = []

    def maybe(name: bytes) -> bool:
        asked.append(name)
        return name == wire("example.")

    assert StoreReader(reader.database, maybe).fetch(wire("a.b.example.")).apex_labels == 1
    assert asked == [wire("a.b.example."), wire("b.example."), wire("example.")]


def test_a_follower_asks_for_a_zone_once_until_it_catches_up(reader: StoreReader) -> None:
    asked: list[bytes] = []

    def maybe(name: bytes) -> bool:
        asked.append(name)
        return True

    worker = StoreReader(Database.secondary(reader.database.path, "1"), maybe)
    try:
        assert worker.fetch(wire("x.b.example.")).apex_labels == 1
        assert asked == [wire("x.b.example."), wire("b.example."), wire("example.")]
        put(reader.database, "b.example.", "b.example.", "x.b.example.")
        assert worker.fetch(wire("y.b.example.")).apex_labels == 1
        assert asked[3:] == [wire("y.b.example.")]
        assert worker.find_apex(wire("other.")) is None
        worker.catch_up()
        assert worker.fetch(wire("x.b.example.")).apex_labels == 2
        assert worker.blob(wire("x.b.example.")) == worker.fetch(wire("x.b.example.")).blob != b""
        assert worker.blob(wire("none.b.example.")) == worker.blob(wire("other.")) == b""
    finally:
        worker.database.close()


def test_what_a_follower_remembers_is_bounded(reader: StoreReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nsblast.store.reader.KNOWN_MAX", 3)
    worker = StoreReader(Database.secondary(reader.database.path, "1"))
    try:
        for number in range(20):
            assert worker.fetch(wire(f"x.{number}.sub.example.")).apex_labels == 2
            assert worker._known is not None
            assert len(worker._known) <= 3
    finally:
        worker.database.close()


def test_zones_page_both_ways(reader: StoreReader) -> None:
    order = [wire(text) for text in ("example.", "a-b.example.", "sub.example.")]
    assert [apex for apex, _ in reader.zones()] == order
    assert [apex for apex, _ in reader.zones(backwards=True)] == order[::-1]
    assert [apex for apex, _ in reader.zones(order[0])] == order[1:]
    assert [apex for apex, _ in reader.zones(order[2], backwards=True)] == order[1::-1]
    assert [apex for apex, _ in reader.zones(below=wire("sub.example."))] == order[2:]
    assert [apex for apex, _ in reader.zones(below=wire("example."))] == order
    assert [apex for apex, _ in reader.zones(below=b"\0")] == order


def test_entries_stay_in_their_zone(reader: StoreReader) -> None:
    names = [wire(text) for text in ("example.", "a.example.", "sub.example.", "x.sub.example.", "z.example.")]
    assert [entry.owner for entry in reader.entries(wire("example."))] == names
    assert [entry.owner for entry in reader.entries(wire("example."), names[1])] == names[2:]
    assert [entry.owner for entry in reader.entries(wire("example."), names[3], backwards=True)] == names[2::-1]


def test_entries_below_a_name_page_both_ways(reader: StoreReader) -> None:
    apex, sub, below = wire("example."), wire("sub.example."), wire("x.sub.example.")

    def owners(**how: Any) -> list[bytes]:
        return [entry.owner for entry in reader.entries(apex, **how)]

    assert owners(below=sub) == [sub, below]
    assert owners(below=sub, backwards=True) == [below, sub]
    assert owners(below=sub, start=sub) == [below]
    assert owners(below=sub, start=below, backwards=True) == [sub]
    assert owners(below=below) == [below]
    assert owners(below=wire("none.example.")) == []
    assert owners(below=apex) == owners()
    # A start outside the subtree does not widen it.
    assert owners(below=sub, start=wire("a.example.")) == [sub, below]
    assert owners(below=sub, start=wire("z.example."), backwards=True) == [below, sub]


def test_a_subtree_ends_at_labels() -> None:
    """Labels that begin alike, or with the octets that are escaped, are no part of it."""
    low, high = layout.subtree_range(wire("a.example."), 1)
    for name in ("a.example.", r"\000.a.example.", r"\255.a.example.", "b.a.example."):
        assert low <= layout.entry_key(wire(name), 1) < high
    for name in ("example.", "aa.example.", r"a\000.example.", r"a\001.example.", "b.example.", "-.example."):
        assert not low <= layout.entry_key(wire(name), 1) < high


def test_empty_values_are_deleted_entries(reader: StoreReader) -> None:
    batch = Batch(raw_mode=True)
    batch.put(layout.entry_key(wire("a.example."), 1), b"")
    batch.put(layout.zone_key(wire("a-b.example.")), b"")
    reader.database.write(batch)
    assert reader.fetch(wire("a.example.")).blob == b""
    assert wire("a.example.") not in [entry.owner for entry in reader.entries(wire("example."))]
    assert wire("a-b.example.") not in [apex for apex, _ in reader.zones()]
    assert reader.find_apex(wire("a-b.example.")) == 1


def test_nsec_cover_takes_the_last_nsec_at_or_before(reader: StoreReader) -> None:
    put(reader.database, "signed.", "signed.", "b.signed.", "m.signed.", types=(1, 47))
    put(reader.database, "signed.", "c.signed.", types=(1,))
    cover = lambda text: reader.nsec_cover(wire(text), 1).owner  # noqa: E731
    assert cover("a.signed.") == wire("signed.")
    assert cover("b.signed.") == wire("b.signed.")
    assert cover("x.c.signed.") == wire("b.signed.")
    assert cover("zz.signed.") == wire("m.signed.")
    assert reader.nsec_cover(wire("a.example."), 1).blob == b""


SALT = bytes.fromhex("aabbccdd")
HASHES = {  # RFC 5155, appendix A
    "example.": "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
    "a.example.": "35mthgpgcu1qg68fab165klnsnk3dpvl",
    "ai.example.": "gjeqe526plbf1g8mklp59enfd789njgi",
    "ns1.example.": "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
    "ns2.example.": "q04jkcevqvmu85r014c7dkba38o0ji5r",
    "w.example.": "k8udemvp1j2f7eg6jebps17vp3n8i58h",
    "*.w.example.": "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
    "x.w.example.": "b4um86eghhds6nea196smvmlo4ors995",
    "y.w.example.": "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
    "x.y.w.example.": "2vptu5timamqttgl4luu9kg21e0aor3s",
    "xx.example.": "t644ebqk9bibcna874givr6joj62mlhv",
}


@pytest.mark.parametrize(("name", "label"), HASHES.items())
def test_hashes_of_rfc5155_appendix_a(name: str, label: str) -> None:
    assert hash_owner(wire(name), wire("example."), Nsec3Params(12, SALT)) == wire(label + ".example.")


def test_nsec3_match_and_cover(tmp_path: Path) -> None:
    database = Database.primary(tmp_path / "db")
    reader = StoreReader(database)
    batch = Batch(raw_mode=True)
    param = bytes((1, 0, 0, 12, 4)) + SALT
    batch.put(layout.zone_key(wire("example.")), encode(ZoneRecord()))
    batch.put(layout.entry_key(wire("example."), 1), pack_entry([(51, 0, [param])], apex_labels=1, flags=1))
    for label in HASHES.values():
        blob = pack_entry([(50, 60, [b"x"])], apex_labels=1, flags=0)
        batch.put(layout.entry_key(wire(label + ".example."), 1), blob)
    for name in ("2zz.example.", "aaaa.example.", "zzzz.example.", "a" * 32 + ".example."):
        blob = pack_entry([(1, 60, [b"\1\2\3\4"])], apex_labels=1, flags=0)
        batch.put(layout.entry_key(wire(name), 1), blob)
    database.write(batch)
    order = sorted(HASHES.values())
    for name, label in HASHES.items():
        assert reader.nsec3_match(wire(name), 1).owner == wire(label + ".example.")
        before = order[order.index(label) - 1]
        assert reader.nsec3_cover(wire(name), 1).owner == wire(before + ".example.")
    # RFC 5155 B.1: the next closer name c.x.w.example is covered by the NSEC3 of the apex
    assert reader.nsec3_cover(wire("c.x.w.example."), 1).owner == wire(HASHES["example."] + ".example.")
    assert reader.nsec3_match(wire("nothing.example."), 1).blob == b""
    batch = Batch(raw_mode=True)
    batch.put(layout.entry_key(wire("example."), 1), pack_entry([(1, 0, [b"1234"])], apex_labels=1, flags=1))
    database.write(batch)
    assert reader.nsec3_match(wire("example."), 1).blob == reader.nsec3_cover(wire("example."), 1).blob == b""
    database.close()


def test_journal_and_changes(reader: StoreReader) -> None:
    batch = Batch(raw_mode=True)
    for number in (3, 4, 6):
        for part in range(2):
            record = JournalRecord(serial_from=number, serial_to=number + 1, time=1.0, part=part, more=part == 0)
            batch.put(layout.journal_key(wire("example."), number, part), encode(record))
        change = ChangeRecord(time=1.0, zones=[ZoneChange(wire("example."), What.CHANGED, number)], keys=[b"e"])
        batch.put(layout.change_key(number), encode(change))
    batch.put(layout.journal_key(wire("a.example."), 9, 0), encode(JournalRecord(serial_from=1, serial_to=2, time=1.0)))
    reader.database.write(batch)
    apex = wire("example.")
    assert [(n, r.part) for n, r in reader.journal(apex)] == [(3, 0), (3, 1), (4, 0), (4, 1), (6, 0), (6, 1)]
    assert [n for n, _ in reader.journal(apex, after=3)] == [4, 4, 6, 6]
    assert [(n, r.part) for n, r in reader.journal(apex, backwards=True, before=6)] == [(4, 1), (4, 0), (3, 1), (3, 0)]
    assert [n for n, _ in reader.changes()] == [3, 4, 6]
    assert [n for n, _ in reader.changes(4)] == [6]
    assert reader.oldest_change() == 3
