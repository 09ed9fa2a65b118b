"""Whole zones: what a replacement changes, found out away from the committing thread.

Owns: turning ReplaceZone into a list of changes or, when they are many, into files to be ingested with the serial, record, journal
that go with them. Never: the merge (store/bulk.py), small edits (edit.py).
"""

from collections.abc import Iterator
from dataclasses import replace as with_fields
from itertools import chain, islice
from pathlib import Path

import msgspec

from nsblast._core.rrset import HAS_CNAME, HAS_DNAME, ZONE_SPECIAL, survey
from nsblast.errors import InputError, NotFound, UsageError
from nsblast.store import layout
from nsblast.store.bulk import EntryFiles, difference, slices
from nsblast.store.commit import BULK, Applied, Bulk, BulkEnd
from nsblast.store.engine import Database
from nsblast.store.overlay import Base, Layer, Node, Overlay
from nsblast.store.values_v1 import JournalRecord, What, ZoneChange, ZoneRecord
from nsblast.types import CommitNumber, Rr, Wire
from nsblast.zones import checks, edit
from nsblast.zones.checks import SOA, text
from nsblast.zones.deletion import is_large, keep
from nsblast.zones.edit import Changed, work_in
from nsblast.zones.journal import JOURNAL_OCTETS, gap, journal_of, mark_of
from nsblast.zones.model import OF_NAMES, ChangeSet, DeleteZone, Diff, ReplaceZone, Result, RevertZone
from nsblast.zones.revert import is_revert, work_out
from nsblast.zones.structure import flags_of, is_restricted
from nsblast.zones.turns import in_turns

FEW = 4
"""Operations of a change-set that is small."""
CHECK_OCTETS = 32 << 10
"""Entries larger than this are always checked whole; smaller ones only where a rule may be broken."""


class ZoneRules:
    """The Rules of zones, for the Committer: a change is a ChangeSet."""

    def zone_of(self, change: ChangeSet) -> Wire:
        """Changes of one zone are not interleaved."""
        return change.apex

    def is_dry(self, change: ChangeSet) -> bool:
        """Only tried?"""
        return change.dry_run

    def is_small(self, change: ChangeSet) -> bool:
        """A few names."""
        return len(change.ops) <= FEW and all(type(op) in OF_NAMES for op in change.ops)

    def needs_preparing(self, change: ChangeSet, store: Layer) -> bool:
        """Whole replacements, unless they are prepared already; reverts; deletions of large zones."""
        return any(
            isinstance(op, RevertZone) or (isinstance(op, ReplaceZone) and not isinstance(op.entries, Changed))
            for op in change.ops
        ) or is_large(change, store)

    def prepare(self, change: ChangeSet, database: Database, folder: Path) -> ChangeSet | Bulk:
        """The same change-set with what differs in place of the contents; a Bulk when that is much."""
        if is_revert(change):
            return _reverted(change, database, folder)
        if any(isinstance(op, DeleteZone) for op in change.ops):
            return keep(change, database)
        return _prepare(change, database, folder)

    def apply(self, change: ChangeSet, view: Overlay, number: CommitNumber, now: float) -> Applied:
        """See edit.apply."""
        return edit.apply(change, view, number, now)


def _prepare(change: ChangeSet, database: Database, folder: Path) -> ChangeSet | Bulk:
    if len(change.ops) != 1 or not isinstance(change.ops[0], ReplaceZone):
        raise UsageError(f"{text(change.apex)}: the replacement of a zone is a change-set of its own")
    op = change.ops[0]
    entries = iter(op.entries)
    if _is_empty(Overlay(Base(database)), change.apex):
        few = list(islice(entries, BULK + 1))
        entries = chain(few, entries)
        if len(few) > BULK:
            return _Replacement(change, op, database).new_to_files(EntryFiles(database, folder), entries)
    changes: list[tuple[bytes, bytes | None]] = []
    before: list[bytes | None] = []
    found = difference(database, change.apex, entries)
    for key, old, new in found:
        changes.append((key, new))
        before.append(old)
        if len(changes) > BULK:
            first = ((one[0], had, one[1]) for one, had in zip(changes, before, strict=True))
            return _Replacement(change, op, database).to_files(EntryFiles(database, folder), chain(first, found))
    return with_fields(change, ops=(with_fields(op, entries=Changed(changes)),))


def _is_empty(view: Overlay, apex: Wire) -> bool:
    """Whether there is nothing to compare with: no such zone, or a secondary whose contents never came."""
    record = view.zone(apex)
    if record is None:
        return True
    node = view.node(layout.entries_range(apex)[0]) if record.names <= 1 else None
    return node is not None and SOA not in node.sets


def _reverted(change: ChangeSet, database: Database, folder: Path) -> ChangeSet | Bulk:
    """A revert as a replacement whose difference is known: the committing thread has no name to work out."""
    worked = work_out(change, database)
    view = Overlay(Base(database))
    work_in(worked, view)
    found = ((key, _packed(view.before(key)), _packed(view.nodes[key])) for key in in_turns(view.ordered()))
    differing = [(key, old, new) for key, old, new in found if old != new]
    if len(differing) <= BULK:
        op = ReplaceZone(Changed([(key, new) for key, _, new in differing]), create=False)
        return with_fields(worked, ops=(op,))
    op = ReplaceZone((), create=False)
    return _Replacement(worked, op, database).to_files(EntryFiles(database, folder), chain(in_turns(differing)))


def _packed(node: Node | None) -> bytes | None:
    return node.pack() if node is not None else None


class _Replacement:
    """A large replacement of one zone."""

    def __init__(self, change: ChangeSet, op: ReplaceZone, database: Database) -> None:
        self.change = change
        self.op = op
        self.apex = change.apex
        self.low, _ = layout.entries_range(change.apex)
        view = Overlay(Base(database))
        self.before = view.zone(change.apex)
        self.node = view.node(self.low)
        if self.before is None and not op.create:
            raise NotFound(f"there is no zone {text(self.apex)}")
        checks.check_master(self.apex, self.before, inbound=change.inbound)
        if change.guard is not None:
            change.guard(edit.contents_of(view, change.apex))
        self.restricted = is_restricted(self.before.settings if self.before is not None else op.settings)
        self.serial = self.before.serial if self.before is not None else 0
        self.names = self.touched = self.octets = 0
        self.removed: list[Rr] = []
        self.added: list[Rr] = []
        self.empty = _is_empty(view, change.apex)
        self.kept = not self.empty
        """Whether the difference is still small enough to be kept; that of a new zone is the zone."""

    def to_files(self, files: EntryFiles, found: "chain[tuple[bytes, bytes | None, bytes | None]]") -> Bulk:
        """Write what differs; the apex's SOA gets its serial on the way."""
        try:
            first = next(found)
            if first[0] != self.low:
                # The apex did not change, and so brings no newer serial.
                found = chain([first], found)
                first = (self.low, self.node.pack() if self.node else None, self.node.pack() if self.node else None)
            self._write(files, *self._with_serial(first))
            for one in found:
                self._write(files, *one)
            files.end()
        except BaseException:
            Bulk(self.apex, files.files, [], self._end).discard()
            raise
        return Bulk(self.apex, files.files, files.hashes, self._end)

    def new_to_files(self, files: EntryFiles, entries: Iterator[tuple[bytes, bytes]]) -> Bulk:
        """The same for a zone that is not there yet, or has nothing yet."""
        try:
            key, blob = next(entries)
            _, _, settled = self._with_serial((self.low, None, blob if layout.ENTRY + key == self.low else None))
            assert settled is not None
            for keys, part in slices(self.apex, chain([(key, settled)], entries)):
                octets, to_check = survey(part, HAS_CNAME | HAS_DNAME, CHECK_OCTETS)
                for each in to_check:
                    checks.check_entry(layout.entry_of(keys[each])[0], Node.load(part[each][1]))
                files.put_slice(keys, part, octets)
                self.touched += len(keys)
            self.names = self.touched
            files.end()
        except BaseException:
            Bulk(self.apex, files.files, [], self._end).discard()
            raise
        return Bulk(self.apex, files.files, files.hashes, self._end)

    def _with_serial(self, first: tuple[bytes, bytes | None, bytes | None]) -> tuple[bytes, bytes | None, bytes | None]:
        key, old, new = first
        if new is None:
            raise InputError(f"{text(self.apex)}: the zone's apex must have a SOA")
        node = Node.load(new).copy()
        checks.check_apex(self.apex, node)
        rrtype, ttl, rdatas = node.sets[SOA]
        given = checks.soa_serial(self.apex, rdatas[0])
        had = Node.load(old).sets.get(SOA) if old is not None else None
        self.serial = given
        if had is not None and not self.op.keep_serial:
            past = checks.soa_serial(self.apex, had[2][0])
            if not checks.is_newer(given, past):
                checks.check_signed_serial(self.apex, node, given, past)
                self.serial = checks.next_serial(past)
                rdata = checks.with_serial(rdatas[0], self.serial)
                node.replace({**node.sets, SOA: (rrtype, ttl, [rdata])})
        node.reflag(flags_of(node.flags, node.sets) | (ZONE_SPECIAL if self.restricted else 0))
        return key, old, node.pack()

    def _write(self, files: EntryFiles, key: bytes, old: bytes | None, new: bytes | None) -> None:
        files.put(key, new, gained=old is None)
        self.touched += 1
        self.names += (new is not None) - (old is not None)
        if new is not None and (len(new) > CHECK_OCTETS or (new[2] << 8 | new[3]) & (HAS_CNAME | HAS_DNAME)):
            checks.check_entry(layout.entry_of(key)[0], Node.load(new))
        if self.kept:
            self.octets += len(old or b"") + len(new or b"")
            if self.octets > JOURNAL_OCTETS:
                self.kept = False
                self.removed, self.added = [], []
                return
            name = layout.entry_of(key)[0]
            edit.compare(
                name, Node.load(old) if old else None, Node.load(new) if new else None, self.removed, self.added
            )

    def _end(self, number: CommitNumber, now: float) -> BulkEnd:
        before, op = self.before, self.op
        now = self.change.time if self.change.time is not None else now
        record = before or ZoneRecord(
            kind=op.kind, tenant=op.tenant, settings=op.settings, created=now, incarnation=number
        )
        record = msgspec.structs.replace(
            record,
            serial=self.serial,
            changed=now,
            names=self.names if self.empty else record.names + self.names,
            changed_in=number,
            expired=False,
        )
        octets, journal = self._journal(record, now)
        record = msgspec.structs.replace(record, journalled=record.journalled + octets)
        diff = Diff(tuple(self.removed), tuple(self.added)) if self.kept else None
        number = 0 if self.change.dry_run else number
        past = before.serial if before is not None else None
        result = Result(self.apex, number, past, self.serial, diff, self.touched)
        what = What.CHANGED if before is not None else What.CREATED
        zone = ZoneChange(self.apex, what, self.serial, True, past)
        return BulkEnd(result, record, zone, journal, octets, self.restricted)

    def _journal(self, record: ZoneRecord, now: float) -> tuple[int, list[JournalRecord]]:
        what = What.CHANGED if self.before is not None else What.CREATED
        mark = mark_of(self.change, what, self.before, record, now)
        return journal_of(mark, self.removed, self.added) if self.kept else (0, [gap(mark)])
