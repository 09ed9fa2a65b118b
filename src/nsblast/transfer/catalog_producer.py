"""A catalog zone that is made here: its members are the zones there are, kept so by what commits say.

Owns: which members a catalog lacks or has too many, the change-sets that mend it, how far it is. Never: when (catalogs.py), records (catalog.py).
The catalog is an ordinary zone with serial, journal and NOTIFY of its own. It follows the change log, a little behind: a change of a zone costs its
catalogs a change of three names, whatever their size. Each change-set's comment says up to which commit it goes, so that after a crash the
log is followed from there; where it does not reach, all zones and members are compared. Records of other names are the operator's.
"""

import re
from collections.abc import Iterable, Iterator

from nsblast._core.name import labels
from nsblast._core.rrset import unpack_entry
from nsblast.backend.local import LocalBackend
from nsblast.errors import Conflict
from nsblast.records import name_from_text, name_to_text
from nsblast.store.layout import FIRST_TENANT
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import What, ZoneRecord
from nsblast.transfer import catalog, catalog_settings
from nsblast.transfer.catalog_settings import Producer
from nsblast.types import CommitNumber, Wire
from nsblast.zones.model import ChangeSet, Contents, NameOp

ACTOR = "catalog"
ZONES_EACH = 1000
"""Zones of one change-set at most."""
COMMITS_BEHIND = 100_000
"""Commits to be read anew at most before all is compared instead."""
_COMMENT = re.compile(r"zones up to commit (\d+)")
_LOOKED_AT = 100
"""Journal records of the catalog that are looked at for the last such comment."""


class Making:
    """One catalog's; all methods are called in one thread at a time, not the loop's."""

    def __init__(self, backend: LocalBackend, reader: StoreReader, apex: Wire) -> None:
        self.apex = apex
        self.position: CommitNumber | None = None
        """Commits up to this one are in it; None: not known."""
        self.stopped = False
        """Nothing more is to be committed."""
        self._began = False
        self._backend = backend
        self._reader = reader

    def forget(self) -> None:
        """Compare all when it is brought up next."""
        self.position = None
        self._began = True

    def bring_up(self, last: CommitNumber) -> None:
        """Make it what it is to be after a commit that is visible. NsblastError."""
        record = self._backend.zone(self.apex)
        producer = catalog_settings.role_of(record) if record is not None else None
        if record is None or not isinstance(producer, Producer):
            return
        if not self._began:
            self._began = True
            self.position = self._last_position()
        if self.position is not None and (
            last - self.position > COMMITS_BEHIND or self._reader.oldest_change() > self.position + 1
        ):
            self.position = None
        if self.position is None:
            self._compare(producer.of, record, last)
        else:
            self._follow(producer.of, record, self.position, last)

    def _last_position(self) -> CommitNumber | None:
        for looked, (_, told) in enumerate(self._reader.journal(self.apex, backwards=True)):
            found = _COMMENT.search(told.comment) if told.actor == ACTOR else None
            if found is not None:
                return int(found[1])
            if looked >= _LOOKED_AT:
                break
        return None

    # -- what commits did

    def _follow(self, of: str, record: ZoneRecord, after: CommitNumber, last: CommitNumber) -> None:
        ended: dict[tuple[Wire, int], None] = {}
        touched: dict[Wire, None] = {}
        for number, change in self._reader.changes(after):
            if number > last:
                break
            if len(touched) >= ZONES_EACH:
                self._apply(self._changes(of, record, ended, touched), record, number - 1)
                ended, touched = {}, {}
            for zone in change.zones:
                if zone.what is What.CHANGED or zone.apex == self.apex:
                    continue
                touched[zone.apex] = None
                if zone.what is What.DELETED and zone.incarnation:
                    ended[zone.apex, zone.incarnation] = None
                elif zone.what is What.DELETED:
                    self.position = None  # an older version wrote it, and which label it had is not known
        if self.position is None:
            self._compare(of, record, last)
            return
        self._apply(self._changes(of, record, ended, touched), record, last)

    def _changes(
        self, of: str, record: ZoneRecord, ended: Iterable[tuple[Wire, int]], touched: Iterable[Wire]
    ) -> list[NameOp]:
        ops: list[NameOp] = []
        for apex, incarnation in ended:
            ops += catalog.drop_ops(self.apex, catalog.label_of(apex, incarnation))
        for apex in touched:
            zone = self._backend.zone(apex)
            if zone is not None:
                ops += self._ops(of, record, apex, zone)
        return ops

    def _ops(self, of: str, record: ZoneRecord, apex: Wire, zone: ZoneRecord) -> tuple[NameOp, ...]:
        """What makes a zone's node right, be it a member or not."""
        label = catalog.label_of(apex, zone.incarnation)
        found = catalog_settings.belongs(of, self.apex, record.tenant, apex, zone)
        if found is None:
            return catalog.drop_ops(self.apex, label)
        coo = name_from_text(found.coo) if found.coo else None
        return catalog.put_ops(self.apex, label, apex, found.group, coo if coo != self.apex else None)

    # -- all of it

    def _compare(self, of: str, record: ZoneRecord, last: CommitNumber) -> None:
        self._apply(list(catalog.version_ops(self.apex)), record, None)
        ops: list[NameOp] = []
        for part in self._wrong(of, record):
            ops += part
            if len(ops) >= 3 * ZONES_EACH:
                self._apply(ops, record, None)
                ops = []
        self._apply(ops, record, last)
        self.position = last

    def _wrong(self, of: str, record: ZoneRecord) -> Iterator[tuple[NameOp, ...]]:
        """What mends it; members are gone through first, and where none is missing then, zones are only counted."""
        right = 0
        dropped: list[bytes] = []
        entries = self._reader.entries(self.apex, below=catalog.zones_of(self.apex))
        for member in catalog.members(self.apex, ((owner, blob) for owner, blob in entries), dropped):
            zone = self._backend.zone(member.zone)
            wanted = self._belongs(of, record, member.zone, zone)
            if zone is None or wanted is None or catalog.label_of(member.zone, zone.incarnation) != member.label:
                yield catalog.drop_ops(self.apex, member.label)
                continue
            right += 1
            if (member.groups, member.coo) != wanted:
                yield self._ops(of, record, member.zone, zone)
        for label in dropped:
            yield catalog.drop_ops(self.apex, label)
        if right == sum(self._belongs(of, record, *each) is not None for each in self._zones(of, record)):
            return
        for apex, zone in self._zones(of, record):
            if self._belongs(of, record, apex, zone) is not None:
                label = catalog.label_of(apex, zone.incarnation)
                if label in dropped or not self._is_there(label):
                    yield self._ops(of, record, apex, zone)

    def _zones(self, of: str, record: ZoneRecord) -> Iterator[tuple[Wire, ZoneRecord]]:
        return self._reader.zones() if of == "all" else self._reader.zones_of(record.tenant or FIRST_TENANT)

    def _belongs(
        self, of: str, record: ZoneRecord, apex: Wire, zone: ZoneRecord | None
    ) -> tuple[tuple[bytes, ...], Wire | None] | None:
        """What a member's groups and coo are to be; None for a zone that is no member."""
        found = catalog_settings.belongs(of, self.apex, record.tenant, apex, zone) if zone is not None else None
        if found is None:
            return None
        coo = name_from_text(found.coo) if found.coo else None
        return (found.group.encode(),) if found.group else (), coo if coo != self.apex else None

    def _is_there(self, label: bytes) -> bool:
        entry = self._backend.entry(label + catalog.zones_of(self.apex), labels(self.apex))
        return entry is not None and any(one[0] == catalog.PTR for one in unpack_entry(entry.blob).rrsets)

    def _apply(self, ops: list[NameOp], record: ZoneRecord, position: CommitNumber | None) -> None:
        """Commit; position: how far the catalog is then."""
        incarnation = record.incarnation

        def guard(contents: Contents) -> None:
            now = contents.record
            if now is None or now.incarnation != incarnation or not isinstance(catalog_settings.role_of(now), Producer):
                raise Conflict(f"{name_to_text(self.apex)} is no longer a catalog that is made here")

        if self.stopped:
            raise Conflict("the server stops")
        if ops:
            comment = f"zones up to commit {position}" if position is not None else ""
            change = ChangeSet(self.apex, tuple(ops), actor=ACTOR, comment=comment, guard=guard)
            self._backend.apply(change)
        if position is not None:
            self.position = position
