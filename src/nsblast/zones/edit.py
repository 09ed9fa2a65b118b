"""A change-set becomes changed entries, a new serial, a difference and a journal record, in a layer over the store.

Owns: what each operation means, the serial, the difference. Never: writing, the shape of the zone (structure.py), the rules
(checks.py). Serial: a change-set that changes anything makes the zone's serial its plus one, unless it brings a SOA whose serial
is newer (RFC 1982), which then stands; a new zone keeps its SOA's. A change-set that changes nothing has no effect at all.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from nsblast._core.rrset import ZONE_SPECIAL, with_serial
from nsblast.errors import Conflict, InputError, NotFound, UsageError
from nsblast.store import layout
from nsblast.store.commit import BULK, Applied
from nsblast.store.overlay import RRSIG, Node, Overlay, SetKey, set_key
from nsblast.store.values_v1 import JournalRecord, What, ZoneChange, ZoneKind, ZoneRecord
from nsblast.types import CommitNumber, RawRrset, Rr, Wire
from nsblast.zones import checks
from nsblast.zones.checks import NS, SOA, text
from nsblast.zones.journal import gap, journal_of, mark_of
from nsblast.zones.model import (
    AppendRRs,
    ChangeSet,
    ConfigureZone,
    Contents,
    CreateZone,
    DeleteName,
    DeleteRRs,
    DeleteTypes,
    DeleteZone,
    Diff,
    EditName,
    Expect,
    MergeRRsets,
    Op,
    PutName,
    ReplaceZone,
    Result,
    RevertZone,
    RRset,
)
from nsblast.zones.structure import Structure, is_restricted
from nsblast.zones.turns import in_turns


def apply(change: ChangeSet, view: Overlay, number: CommitNumber, now: float) -> Applied:
    """Work a change-set into an empty layer of its own. Raises InputError, Conflict or NotFound, whatever the guard raises."""
    return _Edit(change, view, number, change.time if change.time is not None else now).run()


class Changed:
    """The entries a prepared replacement changes, in place of ReplaceZone.entries: (key, blob or None)."""

    def __init__(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        self.changes = changes

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        raise UsageError("a prepared replacement is read through `changes`")


@dataclass(frozen=True, slots=True)
class KeptDeletion(DeleteZone):
    """The deletion of a large zone, with what its journal is to hold: the first record, and the others encoded."""

    first: JournalRecord
    pieces: list[bytes]
    octets: int


def work_in(change: ChangeSet, view: Overlay) -> None:
    """Do what a change-set says to an empty layer, and no more: no serial, no record, no journal. For what is prepared."""
    _Edit(change, view, 0, 0.0).do_all(in_turns(change.ops))


class _Edit:
    def __init__(self, change: ChangeSet, view: Overlay, number: CommitNumber, now: float) -> None:
        self.change = change
        self.view = view
        self.number = number
        self.now = now
        self.apex = change.apex
        self.before = view.zone(change.apex)
        self.record = self.before
        self.structure = Structure(view, change.apex)
        self.keep_serial = False
        self.replaced = False
        self.deletion: KeptDeletion | None = None
        self.soa: tuple[int, bytes, bytes] | None = None
        """When nothing but the serial was changed at the apex: TTL of the SOA, its rdata before and after."""

    def run(self) -> Applied:
        ops = self.change.ops
        if len(ops) > 1 and any(isinstance(op, DeleteZone) for op in ops):
            raise UsageError(f"{text(self.apex)}: the deletion of a zone is a change-set of its own")
        if self.change.guard is not None:
            self.change.guard(contents_of(self.view, self.apex))
        if not all(isinstance(op, (ConfigureZone, DeleteZone)) for op in ops):
            checks.check_master(self.apex, self.before, inbound=self.change.inbound)
        self.do_all(ops)
        if self.record is None:
            return self._deleted()
        return self._finish(self.record)

    def do_all(self, ops: Iterable[Op]) -> None:
        """The operations."""
        for op in ops:
            if self.record is None and not isinstance(op, (CreateZone, ReplaceZone)):
                raise NotFound(f"there is no zone {text(self.apex)}")
            _DOING[type(op)](self, op)
        self.structure.check_dnames()

    # -- operations on the zone --

    def _create(self, op: CreateZone) -> None:
        if self.record is not None:
            raise Conflict(f"there is a zone {text(self.apex)} already")
        self.record = ZoneRecord(
            kind=op.kind,
            tenant=op.tenant,
            settings=op.settings,
            created=self.now,
            incarnation=self.number,
        )
        self.structure.make_apex()

    def _delete(self, op: DeleteZone) -> None:
        if self.record is None:
            raise NotFound(f"there is no zone {text(self.apex)}")
        checks.check_catalog(self.apex, self.record, self.view.zone, inbound=self.change.inbound)
        low, high = self.structure.low, self.structure.high
        self.deletion = op if isinstance(op, KeptDeletion) else None
        if self.record.names > BULK:
            self.view.clear(low, high)
        else:
            for key in [key for key, _ in self.view.walk(low, high)]:
                self.view.put(key, None)
        self.record = None

    def _configure(self, op: ConfigureZone) -> None:
        primary = op.kind is ZoneKind.PRIMARY
        given = {
            "kind": op.kind,
            "tenant": op.tenant,
            "settings": op.settings,
            "expired": False if primary else op.expired,
        }
        assert self.record is not None
        self.record = msgspec.structs.replace(
            self.record, **{name: value for name, value in given.items() if value is not None}
        )

    def _revert(self, _: RevertZone) -> None:
        raise UsageError("a revert must be prepared before it is applied")

    def _replace(self, op: ReplaceZone) -> None:
        if not isinstance(op.entries, Changed):
            raise UsageError("a replacement must be prepared before it is applied")
        self.keep_serial = op.keep_serial
        self.replaced = True
        if self.record is None:
            if not op.create:
                raise NotFound(f"there is no zone {text(self.apex)}")
            self._create(CreateZone(op.kind, op.tenant, op.settings))
        if self.record is not None and self.record.expired:
            self.record = msgspec.structs.replace(self.record, expired=False)
        for key, blob in op.entries.changes:
            self.view.put(key, Node.load(blob) if blob else None)

    # -- operations on names --

    def _sets(self, owner: Wire, expect: Expect) -> dict[SetKey, RawRrset]:
        """A copy of the name's RRsets, after its presence was checked."""
        node = self.view.node(self.structure.place(owner)[1])
        present = node is not None and bool(node.sets)
        if expect is Expect.PRESENT and not present:
            raise NotFound(f"there is nothing at {text(owner)}")
        if expect is Expect.ABSENT and present:
            raise Conflict(f"there is something at {text(owner)} already")
        return dict(node.sets) if node is not None else {}

    def _put(self, op: PutName) -> None:
        had = self._sets(op.owner, op.expect)
        sets = _collect(op.rrsets)
        if self._is_apex(op.owner) and SOA not in sets and SOA in had:
            raise InputError(f"{text(op.owner)}: the zone's apex must have a SOA")
        self.structure.set_rrsets(op.owner, sets, spell=True)

    def _edit(self, op: EditName) -> None:
        had = self._sets(op.owner, Expect.ANY)
        sets = _collect(op.edit(_shown(had)))
        if self._is_apex(op.owner) and SOA not in sets and SOA in had:
            raise InputError(f"{text(op.owner)}: the zone's apex must have a SOA")
        self.structure.set_rrsets(op.owner, sets, spell=op.spell)

    def _merge(self, op: MergeRRsets) -> None:
        sets = self._sets(op.owner, op.expect)
        given = _collect(op.rrsets)
        gone = {rrset.type for rrset in op.rrsets}
        sets = {key: rrset for key, rrset in sets.items() if rrset[0] not in gone}
        self.structure.set_rrsets(op.owner, {**sets, **given}, spell=False)

    def _append(self, op: AppendRRs) -> None:
        sets = self._sets(op.owner, op.expect)
        for key, (rrtype, ttl, rdatas) in _collect(op.rrsets).items():
            had = sets.get(key)
            # The one SOA, CNAME or DNAME is replaced, not joined (RFC 2136 3.4.2.2).
            keep = had[2] if had and rrtype not in checks.SINGLE else []
            sets[key] = (rrtype, ttl, [*keep, *rdatas])
        self.structure.set_rrsets(op.owner, sets, spell=False)

    def _delete_rrs(self, op: DeleteRRs) -> None:
        sets = self._sets(op.owner, Expect.ANY)
        for key, (rrtype, _, rdatas) in _collect(op.rrsets).items():
            if key in sets:
                gone = frozenset(rdatas)
                left = [rdata for rdata in sets[key][2] if rdata not in gone]
                if left:
                    sets[key] = (rrtype, sets[key][1], left)
                else:
                    del sets[key]
        self._store(op.owner, sets)

    def _delete_types(self, op: DeleteTypes) -> None:
        sets = self._sets(op.owner, op.expect)
        for rrtype in op.types:
            if self._is_apex(op.owner) and rrtype in (SOA, NS):
                raise InputError(f"{text(op.owner)}: the apex's {checks.type_text(rrtype)} cannot be deleted")
            gone = (rrtype, RRSIG | rrtype << 16)
            sets = {key: rrset for key, rrset in sets.items() if key not in gone and rrset[0] != rrtype}
        self._store(op.owner, sets)

    def _delete_name(self, op: DeleteName) -> None:
        self._sets(op.owner, op.expect)
        if self._is_apex(op.owner):
            raise InputError(f"{text(op.owner)}: the apex cannot be deleted, only its zone")
        self._store(op.owner, {})

    def _store(self, owner: Wire, sets: dict[SetKey, RawRrset]) -> None:
        self.structure.set_rrsets(owner, sets, spell=False)

    def _is_apex(self, owner: Wire) -> bool:
        return self.structure.place(owner)[1] == self.structure.low

    # -- the end --

    def _deleted(self) -> Applied:
        before = self.before
        if before is None:
            return Applied(Result(self.apex, 0, None, None, Diff((), ())))
        self.view.zones[self.apex] = None
        mark = mark_of(self.change, What.DELETED, before, None, self.now)
        removed: list[Rr] = []
        for key in self.view.ordered():
            compare(layout.entry_of(key)[0], self.view.before(key), None, removed, [])
        octets, journal = journal_of(mark, removed, []) if not self.view.cleared else (0, [gap(mark)])
        pieces: list[bytes] = []
        if self.deletion is not None:
            octets, journal, pieces = self.deletion.octets, [self.deletion.first], self.deletion.pieces
        return Applied(
            Result(self.apex, self._told_number(), before.serial, None, None, before.names),
            ZoneChange(
                self.apex, What.DELETED, before.serial, bool(self.view.cleared), before.serial, before.incarnation
            ),
            journal,
            pieces,
            octets,
            forget=self.apex,
            moved=(before.tenant, None),
        )

    def _finish(self, record: ZoneRecord) -> Applied:
        before = self.before
        self._keep_mark()
        serial = self._settle_serial(record)
        self._mark_special(record)
        removed: list[Rr] = []
        added: list[Rr] = []
        names, touched = self._difference(removed, added)
        if not touched and before == record:
            return Applied(Result(self.apex, 0, record.serial, record.serial, Diff((), ())))
        changed = bool(removed or added)  # an apex may be touched for its flags alone
        what = What.CREATED if before is None else What.CHANGED if changed else What.CONFIGURED
        record = msgspec.structs.replace(
            record,
            names=record.names + names,
            serial=serial,
            changed=self.now,
            changed_in=self.number if changed else record.changed_in,
        )
        octets, journal = journal_of(mark_of(self.change, what, before, record, self.now), removed, added)
        record = msgspec.structs.replace(record, journalled=record.journalled + octets)
        self.view.zones[self.apex] = record
        diff = Diff(tuple(removed), tuple(added))
        result = Result(self.apex, self._told_number(), before.serial if before else None, serial, diff, touched)
        zone = ZoneChange(self.apex, what, serial, touched > BULK, before.serial if before else None)
        had = before.tenant if before is not None else None
        moved = (had, record.tenant) if had != record.tenant else None
        return Applied(result, zone, journal, octets=octets, moved=moved)

    def _told_number(self) -> int:
        """What a result says: a dry run has no commit."""
        return 0 if self.change.dry_run else self.number

    def _settle_serial(self, record: ZoneRecord) -> int:
        """Decide the serial and write it into the apex's SOA; what did not change is dropped from the layer."""
        apex_key = self.structure.low
        node = self.view.node(apex_key)
        if node is None:
            raise InputError(f"{text(self.apex)}: the zone's apex must have a SOA")
        old = self.view.before(apex_key)
        if node is old and self.before is not None and not node.flags & ZONE_SPECIAL:
            # Nothing was done to the apex: the record tells what its SOA says.
            if not self._anything_differs():
                return record.serial
            if self.keep_serial:
                return record.serial
            if self.replaced:
                checks.check_signed_serial(self.apex, node, record.serial, record.serial)
            serial = checks.next_serial(record.serial)
            blob, ttl, was, now = with_serial(node.pack(), serial)
            self.soa = (ttl, was, now)
            self.view.put(apex_key, Node.load(blob))
            return serial
        if record.kind is ZoneKind.SECONDARY and SOA not in node.sets:
            return record.serial
        checks.check_apex(self.apex, node)
        rdata = node.sets[SOA][2][0]
        given = checks.soa_serial(self.apex, rdata)
        if self.before is None or old is None or SOA not in old.sets or self.keep_serial:
            return given
        had = checks.soa_serial(self.apex, old.sets[SOA][2][0])
        if checks.is_newer(given, had):
            return given
        if given != had:
            if self.replaced:
                checks.check_signed_serial(self.apex, node, given, had)
            self._write_serial(had)
        if not self._anything_differs():
            return had
        if self.replaced:
            checks.check_signed_serial(self.apex, node, given, had)
        self._write_serial(checks.next_serial(had))
        return checks.next_serial(had)

    def _keep_mark(self) -> None:
        """A new apex is marked like the old one for now: the mark is no part of the contents, and raises no serial."""
        node, old = self.view.node(self.structure.low), self.view.before(self.structure.low)
        if node is None or old is None or SOA not in node.sets or SOA not in old.sets:
            return
        if (node.flags ^ old.flags) & ZONE_SPECIAL:
            self.view.edit(self.structure.low).reflag(node.flags ^ ZONE_SPECIAL)

    def _mark_special(self, record: ZoneRecord) -> None:
        """ZONE_SPECIAL at the apex of a zone that does not answer with its contents, has none, or is not for everybody."""
        node = self.view.node(self.structure.low)
        assert node is not None
        special = record.expired or SOA not in node.sets or is_restricted(record.settings)
        if bool(node.flags & ZONE_SPECIAL) is not special:
            self.view.edit(self.structure.low).reflag(node.flags ^ ZONE_SPECIAL)

    def _write_serial(self, serial: int) -> None:
        node = self.view.edit(self.structure.low)
        rrtype, ttl, rdatas = node.sets[SOA]
        node.replace({**node.sets, SOA: (rrtype, ttl, [checks.with_serial(rdatas[0], serial)])})

    def _anything_differs(self) -> bool:
        """Whether some entry differs from what was there; one that does not leaves the layer."""
        view = self.view
        nodes = view.nodes
        same = []
        for key, node in nodes.items():
            before = view.before(key)
            if before is node or (before and node and self._pack(key, node) == before.pack()):
                same.append(key)
        for key in same:
            view.revert(key)
        return bool(nodes)

    def _pack(self, key: bytes, node: Node) -> bytes:
        try:
            return node.pack()
        except ValueError as error:
            raise InputError(f"{text(layout.entry_of(key)[0])}: {error}") from None

    def _difference(self, removed: list[Rr], added: list[Rr]) -> tuple[int, int]:
        """(names gained, entries changed), the RRs appended to the lists; unchanged entries leave the layer."""
        view = self.view
        if self.soa is None and not self._anything_differs():
            return 0, 0
        gained = 0
        for key in view.ordered():
            node = view.nodes[key]
            name = layout.entry_of(key)[0]
            before = view.before(key)
            if before is None:
                gained += 1
            if node is None:
                gained -= 1
            elif self.soa is not None and key == self.structure.low:
                owner, (ttl, was, now) = node.spelling or name, self.soa
                removed.append((owner, SOA, ttl, was))
                added.append((owner, SOA, ttl, now))
                continue
            else:
                checks.check_entry(name, node, before)
            compare(name, before, node, removed, added)
        return gained, len(view.nodes)


def contents_of(view: Overlay, apex: Wire) -> Contents:
    """What a guard may look at."""
    record = view.zone(apex)
    structure = Structure(view, apex)

    def rrsets(owner: Wire) -> tuple[RRset, ...]:
        node = view.node(structure.place(owner)[1])
        return _shown(node.sets) if node else ()

    return Contents(record is not None, record.serial if record else 0, rrsets, record)


def _shown(sets: dict[SetKey, RawRrset]) -> tuple[RRset, ...]:
    return tuple(RRset(one[0], one[1], tuple(one[2])) for one in sets.values())


def compare(name: Wire, before: Node | None, after: Node | None, removed: list[Rr], added: list[Rr]) -> None:
    """Append what an entry lost and gained."""
    if before is None or after is None:
        if before is not None:
            removed += before.rrs(name)
        if after is not None:
            added += after.rrs(name)
        return
    old, new = before.sets, after.sets
    owner_before = before.spelling or name
    owner_after = after.spelling or name
    for key, (rrtype, ttl, rdatas) in old.items():
        kept = new.get(key)
        if kept == (rrtype, ttl, rdatas):
            continue
        same = frozenset(kept[2]) if kept is not None and kept[1] == ttl else ()
        removed += [(owner_before, rrtype, ttl, rdata) for rdata in rdatas if rdata not in same]
    for key, (rrtype, ttl, rdatas) in new.items():
        had = old.get(key)
        if had == (rrtype, ttl, rdatas):
            continue
        same = frozenset(had[2]) if had is not None and had[1] == ttl else ()
        added += [(owner_after, rrtype, ttl, rdata) for rdata in rdatas if rdata not in same]


def _collect(rrsets: Iterable[RRset]) -> dict[SetKey, RawRrset]:
    """RRsets by key; signatures are parted by what they cover; those without rdata are left out."""
    sets: dict[SetKey, RawRrset] = {}
    for rrtype, ttl, rdatas in rrsets:
        for rdata in rdatas:
            key = set_key(rrtype, rdata)
            if key in sets:
                sets[key][2].append(rdata)
            else:
                sets[key] = (rrtype, ttl, [rdata])
    return sets


_DOING: dict[type, Callable[[_Edit, Any], None]] = {
    CreateZone: _Edit._create,
    DeleteZone: _Edit._delete,
    KeptDeletion: _Edit._delete,
    ConfigureZone: _Edit._configure,
    ReplaceZone: _Edit._replace,
    RevertZone: _Edit._revert,
    PutName: _Edit._put,
    EditName: _Edit._edit,
    MergeRRsets: _Edit._merge,
    AppendRRs: _Edit._append,
    DeleteRRs: _Edit._delete_rrs,
    DeleteTypes: _Edit._delete_types,
    DeleteName: _Edit._delete_name,
}
