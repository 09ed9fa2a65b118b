"""From what a group changed to the octets of one commit.

Owns: which records a commit writes, as a WriteBatch or as a sorted file to be ingested. Never: rules, visibility, numbers.
Every commit holds its entries, zone records, journals, account and audit records, its change log record, `mseq` and `mkept`: all or
nothing.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import rocksdict

from nsblast._core.keys import name_key
from nsblast._core.rrset import ZONE_SPECIAL
from nsblast.store import layout
from nsblast.store.commit import Applied, BulkEnd, Newborn, NewbornEnd
from nsblast.store.engine import Batch, Database, meaning
from nsblast.store.overlay import Overlay
from nsblast.store.values_v1 import ChangeRecord, JournalRecord, What, ZoneChange, encode
from nsblast.types import CommitNumber, Wire


def octets_kept(database: Database) -> int:
    """Octets of all journals together, as far as it was counted."""
    return int.from_bytes(database.get(layout.KEPT_KEY) or b"", "big")


def batch_of(group: Overlay, applied: Iterable[Applied], number: CommitNumber, now: float, kept: int) -> Batch:
    """The batch of a group. kept: octets of all journals after it."""
    batch = Batch(raw_mode=True)
    put, delete = batch.put, batch.delete
    for low, high in group.cleared:
        batch.delete_range(low, high)
    for key, node in group.nodes.items():
        if node is not None:
            put(key, node.pack())
        else:
            delete(key)
    for apex, record in group.zones.items():
        if record is not None:
            put(layout.zone_key(apex), encode(record))
        else:
            delete(layout.zone_key(apex))
        had = group.under.zone(apex)
        is_catalog = record is not None and layout.CATALOG_SETTING in record.settings
        if is_catalog:
            put(layout.catalog_key(apex), b"1")
        elif had is not None and layout.CATALOG_SETTING in had.settings:
            delete(layout.catalog_key(apex))
    for key, special in _special(group):
        if special:
            put(key, b"")
        else:
            delete(key)
    octets = audits = 0
    changes = []
    pieces: dict[Wire, int] = {}
    actors: dict[str, int] = {}
    """Who did something, and how much."""

    def acted(actor: str, value: bytes) -> None:
        if actor:
            count = actors[actor] = actors.get(actor, -1) + 1
            put(layout.acted_key(actor, number, count), value)

    for key, value in group.records.items():
        if value is not None:
            put(key, value)
        else:
            delete(key)
    for one in applied:
        octets += one.octets
        for audit in one.audit:
            put(layout.audit_key(number, audits), audit)
            acted(one.actor, acted_value(b"", audits))
            audits += 1
        if one.zone is None:
            continue
        changes.append(one.zone)
        if one.moved is not None:
            _move(batch, one.zone.apex, *one.moved)
        if one.forget is not None:
            # The journal stays, as history, until it is trimmed; nothing leads on from its serials any more.
            batch.delete_range(*layout.serials_range(one.forget))
        if one.journal:
            apex = one.zone.apex
            first = pieces.get(apex, 0)
            pieces[apex] = first + len(one.journal) + len(one.pieces)
            for piece, octets_of_piece in enumerate([*map(encode, one.journal), *one.pieces], first):
                put(layout.journal_key(apex, number, piece), octets_of_piece)
            for at in _index(one.zone, number, first):
                put(*at)
            acted(one.journal[0].actor, acted_value(apex, first))
    bulk = {layout.entries_range(change.apex) for change in changes if change.bulk}
    keys = group.ordered()
    if bulk:
        keys = [key for key in keys if not any(low <= key < high for low, high in bulk)]
    change = ChangeRecord(
        time=now,
        zones=changes,
        keys=keys,
        octets=octets,
        records=list(group.records),
        audits=audits,
        actors=list(actors),
    )
    put(layout.change_key(number), encode(change))
    put(layout.SEQUENCE_KEY, number.to_bytes(8, "big"))
    put(layout.KEPT_KEY, (kept + octets).to_bytes(8, "big"))
    return batch


def _move(batch: Batch, apex: Wire, before: str | None, after: str | None) -> None:
    """Which tenant's list of zones a zone is in."""
    if before is not None:
        batch.delete(layout.owned_key(before, apex))
    if after is not None:
        batch.put(layout.owned_key(after, apex), b"")


def _special(group: Overlay) -> Iterator[tuple[bytes, bool]]:
    """Marks of zones whose ZONE_SPECIAL changed."""
    for apex, record in group.zones.items():
        key = layout.entries_range(apex)[0]
        before = group.before(key)
        after = group.node(key) if record is not None else None
        was = bool(before is not None and before.flags & ZONE_SPECIAL)
        now = bool(after is not None and after.flags & ZONE_SPECIAL)
        if was != now:
            yield layout.special_key(apex), now


def files_of(
    database: Database, folder: Path, apex: Wire, end: BulkEnd, number: CommitNumber, now: float, kept: int
) -> list[Path]:
    """The two small files that go with a bulk change's entries, below and above them in key order."""
    head, tail = folder / f"{number}-head.sst", folder / f"{number}-tail.sst"
    actor = end.journal[0].actor
    change = ChangeRecord(time=now, zones=[end.zone], octets=end.octets, actors=[actor] if actor else [])
    _write(database, head, [(layout.change_key(number), encode(change))])
    records: list[tuple[bytes, bytes | None]] = []
    if actor:
        records.append((layout.acted_key(actor, number, 0), acted_value(apex, 0)))
    records += [*_index(end.zone, number, 0), *_journal(apex, end.journal, number)]
    if layout.CATALOG_SETTING in end.record.settings:
        records.append((layout.catalog_key(apex), b"1"))
    records.append((layout.KEPT_KEY, (kept + end.octets).to_bytes(8, "big")))
    records.append((layout.SEQUENCE_KEY, number.to_bytes(8, "big")))
    records.append((layout.special_key(apex), b"" if end.special else None))
    records.append((layout.owned_key(end.record.tenant, apex), b""))
    records.append((layout.zone_key(apex), encode(end.record)))
    _write(database, tail, records)
    return [head, tail]


def newborn_files(
    database: Database, folder: Path, born: Newborn, end: NewbornEnd, number: CommitNumber, now: float, kept: int
) -> list[Path]:
    """The files that go with the entries of new zones, one a letter: narrow ranges of keys seldom lie over those of others."""
    changes = []
    acted: list[tuple[bytes, bytes | None]] = []
    journals: list[tuple[bytes, bytes | None]] = []
    owned: list[tuple[bytes, bytes | None]] = []
    zones: list[tuple[bytes, bytes | None]] = []
    actor = end.journal[0].actor
    for apex, record, journal in zip(born.apexes, end.records, end.journal, strict=True):
        keys = layout.newborn_keys(name_key(apex), record.tenant, number)
        changes.append(ZoneChange(apex, What.CREATED, record.serial, True))
        journals.append((keys[0], encode(journal)))
        owned.append((keys[1], b""))
        zones.append((keys[2], encode(record)))
    if actor:
        low = layout.acted_key(actor, number, 0)[:-4]
        acted = [(low + n.to_bytes(4, "big"), acted_value(apex, 0)) for n, apex in enumerate(born.apexes)]
    owned.sort()
    change = ChangeRecord(time=now, zones=changes, actors=[actor] if actor else [], newborn=True)
    counters: list[tuple[bytes, bytes | None]] = [
        (layout.KEPT_KEY, kept.to_bytes(8, "big")),
        (layout.SEQUENCE_KEY, number.to_bytes(8, "big")),
    ]
    files = []
    for letter, records in (
        ("c", [(layout.change_key(number), encode(change))]),
        ("h", acted),
        ("j", journals),
        ("m", counters),
        ("o", owned),
        ("z", zones),
    ):
        if records:
            files.append(folder / f"{number}-{letter}.sst")
            _write(database, files[-1], records)
    return files


def acted_value(apex: Wire, piece: int) -> bytes:
    """What an actor's index says: the first journal record of a zone's change, or (no apex) which audit record."""
    return piece.to_bytes(4, "big") + apex


def _index(zone: ZoneChange, number: CommitNumber, piece: int) -> Iterator[tuple[bytes, bytes]]:
    """Where the journal leads on from the serial before; nowhere from that of a zone that was not there."""
    if zone.before is not None and zone.before != zone.serial:
        yield layout.serial_key(zone.apex, zone.before), layout.serial_place(number, piece)


def _journal(apex: Wire, journal: list[JournalRecord], number: CommitNumber) -> Iterator[tuple[bytes, bytes]]:
    for piece, record in enumerate(journal):
        yield layout.journal_key(apex, number, piece), encode(record)


def _write(database: Database, path: Path, records: Iterable[tuple[bytes, bytes | None]]) -> None:
    try:
        writer = rocksdict.SstFileWriter(database.options())
        writer.open(str(path))
        for key, value in records:
            if value is None:
                del writer[key]
            else:
                writer[key] = value
        writer.finish()
    except Exception as error:  # rocksdict raises nothing narrower
        raise meaning(error, str(path.parent), "write to") from None
