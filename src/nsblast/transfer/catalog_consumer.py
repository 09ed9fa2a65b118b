"""A catalog zone that is followed: zones are made, changed and removed here as its members say.

Owns: what each member means for the zones here, the change-sets for it, what is told of the catalog's state. Never: transfers of the catalog
or of the zones it makes (secondary.py follows both by their records), when (catalogs.py), records (catalog.py).
A zone that this catalog did not make is never touched: its member is a clash, tried again when the zone changes. One that it made
is deleted by nobody else (zones/checks.py); made a primary by hand it is a clash like others. What could not be committed is tried again,
later each time. A broken catalog is followed in
nothing until it is mended. What a catalog has done stands in the zones themselves (settings "from_catalog"), so that nothing else is kept: at the
start all is compared, later versions by the journal. RFC 9432 5.
"""

import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, NamedTuple

from nsblast._core.name import fold, labels
from nsblast._core.rrset import ZONE_SPECIAL, unpack_entry
from nsblast.access.accounts import Accounts
from nsblast.access.may import Actor
from nsblast.backend.local import LocalBackend
from nsblast.errors import Conflict, NsblastError
from nsblast.logs import log
from nsblast.records import name_from_text, name_to_text
from nsblast.store.layout import FIRST_TENANT
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer import catalog, catalog_settings
from nsblast.transfer.catalog import Broken, Member
from nsblast.transfer.catalog_settings import Consumer, Origin
from nsblast.types import RawRrset, Wire
from nsblast.zones.model import ChangeSet, ConfigureZone, Contents, CreateZone, DeleteZone, Guard, Op

ACTOR = "catalog"
AT_ONCE = 512
"""Change-sets handed to the writer before the first of them must be done: they share commits."""
AGAIN = 5.0
"""Seconds until what failed is tried again; doubled each time, up to AGAIN_MOST."""
AGAIN_MOST = 600.0
SOA = 6
NAME_OCTETS = 255


class State(NamedTuple):
    """What is told of a catalog that is followed."""

    state: str
    """"waiting" (no contents yet), "ok" or "broken"."""
    problem: str = ""
    serial: int | None = None
    """Of the version that was followed last."""


class Following:
    """One catalog's; all methods are called in one thread at a time, not the loop's."""

    def __init__(self, backend: LocalBackend, reader: StoreReader, accounts: Accounts, apex: Wire) -> None:
        self.apex = apex
        self.state = State("waiting")
        self.clashes: dict[Wire, tuple[bytes, str]] = {}
        """Members that could not be made: label and reason, by name."""
        self.undone: dict[Wire, tuple[bytes, str]] = {}
        """Members whose change failed, likewise: one that is to be made, set up or removed."""
        self.undone_at = 0.0
        """When they are tried again, by the monotonic clock."""
        self._wait = 0.0
        self.leaving: set[tuple[Wire, Wire]] = set()
        """(catalog, member): what the last version gave away."""
        self.stopped = False
        """Nothing more is to be committed."""
        self._backend = backend
        self._reader = reader
        self._accounts = accounts
        self._serial: int | None = None
        self._record = ZoneRecord()
        self._consumer = Consumer()

    def forget(self) -> None:
        """Compare all when it is brought up next."""
        self._serial = None

    def bring_up(self) -> None:
        """Follow the version that is there. NsblastError."""
        if not self._open():
            return
        record = self._record
        if self._serial == record.serial:
            return
        try:
            catalog.check_version(self.apex, self._rrsets)
            touched = self._touched()
            if touched is None:
                self._compare()
            else:
                self._follow(*touched)
        except Broken as error:
            if self.state.problem != error.message:
                log().error("a catalog is broken", catalog=name_to_text(self.apex), reason=error.message)
            self.state = self.state._replace(state="broken", problem=error.message)
            return
        self._serial = record.serial
        self.state = State("ok", "", record.serial)

    def retry(self, names: Iterable[Wire]) -> None:
        """Look again at members of these names that are not made yet."""
        if self._serial is None or not self._open():
            return
        found = {}
        for name in names:
            clash = self.clashes.get(name)
            member = self._member(clash[0]) if clash is not None else None
            if member is not None and member.zone == name:
                found[name] = member
        self._make(found.values())

    def look(self, label: bytes, zone: Wire) -> None:
        """At one member again, whose zone was set up otherwise: by hand it may be a primary now."""
        if self._serial is None or not self._open():
            return
        member = self._member(label)
        if member is not None and member.zone == zone:
            self._make((member,))

    def do_undone(self) -> None:
        """Try again what failed. NsblastError."""
        undone, self.undone = self.undone, {}
        if self._serial is None or not self._open():
            return  # all is compared when it is followed again
        members = {zone: self._member(label) for zone, (label, _) in undone.items()}
        there = [member for zone, member in members.items() if member is not None and member.zone == zone]
        names = {member.zone for member in there}
        self._remove([(label, zone) for zone, (label, _) in undone.items() if zone not in names])
        self._make(there)
        if not self.undone:
            self._wait = 0.0

    def _failed(self, zone: Wire, label: bytes, error: NsblastError) -> None:
        """To be tried again; all that failed together, so that a store without room is not asked for each."""
        now = time.monotonic()
        if now >= self.undone_at:
            self._wait = min(max(2 * self._wait, AGAIN), AGAIN_MOST)
            self.undone_at = now + self._wait
        self.undone[zone] = label, error.message

    def _open(self) -> bool:
        """Whether there is something to follow."""
        record = self._backend.zone(self.apex)
        consumer = catalog_settings.role_of(record) if record is not None else None
        if record is None or not isinstance(consumer, Consumer):
            return False
        entry = self._backend.entry(self.apex, labels(self.apex))
        there = unpack_entry(entry.blob) if entry is not None else None
        if there is None or there.flags & ZONE_SPECIAL or not any(one[0] == SOA for one in there.rrsets):
            return False
        self._record, self._consumer = record, consumer
        return True

    # -- reading the catalog

    def _rrsets(self, owner: Wire) -> list[RawRrset]:
        if len(owner) > NAME_OCTETS:
            return []  # below a member at the longest name there is no room for properties
        entry = self._backend.entry(owner, labels(self.apex))
        return unpack_entry(entry.blob).rrsets if entry is not None else []

    def _member(self, label: bytes) -> Member | None:
        return catalog.member_of(self.apex, label, self._rrsets)

    def _touched(self) -> tuple[set[bytes], dict[bytes, Wire]] | None:
        """Labels that changed since the version followed last, and the members that were at them; None when that is not kept."""
        if self._serial is None:
            return None
        found = self._reader.journal_since(self.apex, self._serial)
        if found is None:
            return None
        touched: set[bytes] = set()
        were: dict[bytes, Wire] = {}
        first = True
        for _, piece in found:
            if piece.gap or (first and piece.serial_from != self._serial):
                return None  # the second: it was trimmed just now
            first = False
            for removed, rr in chain(((True, rr) for rr in piece.removed), ((False, rr) for rr in piece.added)):
                label = catalog.label_at(self.apex, rr[0])
                if label is None:
                    continue
                touched.add(label)
                if removed and rr[1] == catalog.PTR and fold(rr[0]) == label + catalog.zones_of(self.apex):
                    were.setdefault(label, fold(rr[3]))
        return touched, were

    def _follow(self, touched: set[bytes], were: dict[bytes, Wire]) -> None:
        """What changed between two versions."""
        now = {label: self._member(label) for label in touched}
        present = [member for member in now.values() if member is not None]
        self._demand_once(present)
        gone = [(label, zone) for label, zone in were.items() if (one := now[label]) is None or one.zone != zone]
        self._remove(gone)
        self._make(present)

    def _demand_once(self, present: list[Member]) -> None:
        """Broken when a zone is a member twice (RFC 9432 4.2)."""
        seen: dict[Wire, bytes] = {}
        for member in present:
            others = [seen.get(member.zone), self.clashes.get(member.zone, (None,))[0]]
            record = self._backend.zone(member.zone)
            origin = catalog_settings.origin_of(record) if record is not None else None
            if origin is not None and origin.catalog == name_to_text(self.apex):
                others.append(_label(origin))
            for other in others:
                if other is not None and other != member.label:
                    rival = self._member(other)
                    if rival is not None and rival.zone == member.zone:
                        raise Broken(f"{name_to_text(member.zone)} is a member twice")
            seen[member.zone] = member.label

    def _compare(self) -> None:
        """All members and all zones."""
        names: set[int] = set()
        count = 0
        for member in self._members():
            names.add(hash(member.zone))
            count += 1
            if len(names) != count:
                self._find_twice()
                count = len(names)  # two names have one hash
        self.clashes = {}
        self.undone = {}
        self._remove(self._stale())
        self._make(self._members())

    def _find_twice(self) -> None:
        """Broken for what is there twice indeed."""
        names: set[Wire] = set()
        for member in self._members():
            if member.zone in names:
                raise Broken(f"{name_to_text(member.zone)} is a member twice")
            names.add(member.zone)

    def _members(self) -> Iterator[Member]:
        entries = self._reader.entries(self.apex, below=catalog.zones_of(self.apex))
        return catalog.members(self.apex, ((owner, blob) for owner, blob in entries))

    def _stale(self) -> Iterator[tuple[bytes, Wire]]:
        """Zones that the catalog made and that are no members of it any more."""
        mine = name_to_text(self.apex)
        for apex, record in self._reader.zones_of(self._record.tenant or FIRST_TENANT):
            origin = catalog_settings.origin_of(record)
            if origin is not None and origin.catalog == mine:
                member = self._member(_label(origin))
                if member is None or member.zone != apex:
                    yield _label(origin), apex

    # -- doing what it says

    def _remove(self, gone: Iterable[tuple[bytes, Wire]]) -> None:
        """RFC 9432 5.3: only what this catalog made, at this label."""

        nodes: dict[Wire, bytes] = {}

        def changes() -> Iterator[tuple[Wire, ChangeSet]]:
            for label, zone in gone:
                self.undone.pop(zone, None)
                if self.clashes.get(zone, (b"",))[0] == label:
                    del self.clashes[zone]
                record = self._backend.zone(zone)
                if record is not None and self._is_mine(record, label):
                    nodes[zone] = label
                    yield zone, self._change(zone, (DeleteZone(),), "no longer a member of", self._still(label))

        for zone, error in self._apply(changes()):
            log().error("a member is not removed", zone=name_to_text(zone), reason=error.message)
            self._failed(zone, nodes[zone], error)

    def _make(self, members: Iterable[Member]) -> None:
        """Zones that are missing, and what they are set up with."""
        nodes: dict[Wire, bytes] = {}

        def changes() -> Iterator[tuple[Wire, ChangeSet]]:
            for member in members:
                if member.coo is not None and member.coo != self.apex:
                    self.leaving.add((member.coo, member.zone))
                self.undone.pop(member.zone, None)
                for change in self._judge(member):
                    nodes[member.zone] = member.label
                    yield member.zone, change

        for zone, error in self._apply(changes()):
            log().error("a member is not made", zone=name_to_text(zone), reason=error.message)
            self._failed(zone, nodes[zone], error)

    def _judge(self, member: Member) -> list[ChangeSet]:
        """The change-sets it takes; a clash is noted."""
        while True:
            record = self._backend.zone(member.zone)
            reason, found = self._changes(member)
            self._tell(member, reason)
            # What changed before the clash was noted is told to nobody who would look at it again.
            if not reason or self._backend.zone(member.zone) == record:
                return found

    def _tell(self, member: Member, reason: str) -> None:
        if not reason:
            self.clashes.pop(member.zone, None)
        elif self.clashes.get(member.zone) != (member.label, reason):
            self.clashes[member.zone] = (member.label, reason)
            log().error(
                "a member is not made", catalog=name_to_text(self.apex), zone=name_to_text(member.zone), reason=reason
            )

    def _changes(self, member: Member) -> tuple[str, list[ChangeSet]]:
        """(why the member is a clash, or "", the change-sets it takes)."""
        record = self._backend.zone(member.zone)
        if record is None:
            reason = self._forbidden(member.zone)
            return (reason, []) if reason else ("", [self._create(member)])
        if self._is_mine(record, None):
            if self._is_mine(record, member.label):
                return "", self._configure(member, record)
        elif not self._comes_here(member, record):
            origin = catalog_settings.origin_of(record)
            return f"the zone is there already{f', from the catalog {origin.catalog}' if origin else ''}", []
        elif _label_of(record) == member.label:
            return "", self._configure(member, record)
        # Another label: what was known of the zone goes (RFC 9432 5.4, 5.6).
        drop = self._change(member.zone, (DeleteZone(),), "made anew by", _same(record))
        return "", [drop, self._create(member)]

    def _forbidden(self, zone: Wire) -> str:
        """Why the catalog's tenant may not have a zone there; "" when it may."""
        tenant = self._record.tenant or FIRST_TENANT
        try:
            self._accounts.demand_new_zone(Actor(ACTOR, tenant, tenant, ()), zone)
        except NsblastError as error:
            return error.message
        return ""

    def _comes_here(self, member: Member, record: ZoneRecord) -> bool:
        """Whether the catalog that made the zone gives it to this one (RFC 9432 4.4.1)."""
        origin = catalog_settings.origin_of(record)
        if origin is None or (record.tenant or FIRST_TENANT) != (self._record.tenant or FIRST_TENANT):
            return False
        other = _wire(origin.catalog)
        there = self._backend.zone(other)
        if there is None or not isinstance(catalog_settings.role_of(there), Consumer):
            return False
        giving = Following(self._backend, self._reader, self._accounts, other)
        try:
            left = giving._member(_label(origin))
        except Broken:
            return False
        return left is not None and left.zone == member.zone and left.coo == self.apex

    def _configure(self, member: Member, record: ZoneRecord) -> list[ChangeSet]:
        settings = self._settings(member, record.settings)
        if settings == record.settings:
            return []
        return [self._change(member.zone, (ConfigureZone(None, None, settings),), "set up by", _same(record))]

    def _create(self, member: Member) -> ChangeSet:
        settings = self._settings(member, {})
        op = CreateZone(ZoneKind.SECONDARY, self._record.tenant, settings)
        return self._change(member.zone, (op,), "a member of", None)

    def _settings(self, member: Member, had: dict[str, Any]) -> dict[str, Any]:
        groups = [each.decode("utf-8", "replace") for each in member.groups]
        origin = Origin(catalog=name_to_text(self.apex), label=member.label[1:].hex(), groups=groups)
        return catalog_settings.settings_of(self._consumer, self._record.settings, had, origin)

    def _change(self, zone: Wire, ops: tuple[Op, ...], comment: str, guard: Guard | None) -> ChangeSet:
        told = f"{comment} {name_to_text(self.apex)}"
        return ChangeSet(zone, ops, actor=ACTOR, comment=told, guard=guard, inbound=True)

    def _is_mine(self, record: ZoneRecord, label: bytes | None) -> bool:
        origin = catalog_settings.origin_of(record)
        if origin is None or origin.catalog != name_to_text(self.apex) or record.kind is not ZoneKind.SECONDARY:
            return False
        # A catalog's name becomes free with it: another tenant's next one has no zones of the one before.
        if (record.tenant or FIRST_TENANT) != (self._record.tenant or FIRST_TENANT):
            return False
        return label is None or _label(origin) == label

    def _still(self, label: bytes) -> Guard:
        def guard(contents: Contents) -> None:
            if contents.record is not None and not self._is_mine(contents.record, label):
                raise Conflict("it is not the catalog's any more")

        return guard

    def _apply(self, changes: Iterable[tuple[Wire, ChangeSet]]) -> Iterator[tuple[Wire, NsblastError]]:
        """Commit them, many at a time; those that failed."""
        left = iter(changes)
        while part := list(islice(left, AT_ONCE)):
            if self.stopped:
                raise Conflict("the server stops")
            futures = [(zone, self._backend.submit(change)) for zone, change in part]
            for zone, future in futures:
                try:
                    future.result()
                except NsblastError as error:
                    yield zone, error


def _wire(text: str) -> Wire:
    return fold(name_from_text(text))


def place_of(record: ZoneRecord) -> tuple[Wire, bytes] | None:
    """The catalog that made a zone, and the label it is a member at; None = none did."""
    origin = catalog_settings.origin_of(record)
    return (_wire(origin.catalog), _label(origin)) if origin is not None else None


def _label(origin: Origin) -> bytes:
    octets = bytes.fromhex(origin.label)
    return bytes((len(octets),)) + octets


def _label_of(record: ZoneRecord) -> bytes | None:
    origin = catalog_settings.origin_of(record)
    return _label(origin) if origin is not None else None


def _same(record: ZoneRecord) -> Guard:
    """The zone is still the one that was looked at."""

    def guard(contents: Contents) -> None:
        now = contents.record
        if now is None or now.incarnation != record.incarnation or now.settings != record.settings:
            raise Conflict("the zone was changed meanwhile")

    return guard
