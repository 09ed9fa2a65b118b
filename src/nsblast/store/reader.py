"""What a worker may ask of the store: entries in their deepest zone, neighbours in canonical order, zones, journal.

Owns: the look-ups, on a primary or a follower alike. Never: writes, the shared segment, DNS answers.
Invariant: an empty value means a deleted entry and is never handed out.
"""

import hashlib
from base64 import b32hexencode
from collections.abc import Callable, Iterator
from typing import NamedTuple

from nsblast._core.rrset import unpack_entry
from nsblast.store import layout
from nsblast.store.engine import Database
from nsblast.store.values_v1 import ChangeRecord, JournalRecord, ZoneRecord, decode
from nsblast.types import CommitNumber, Labels, Wire

NSEC = 47
NSEC3 = 50
NSEC3PARAM = 51
HASHED_LABEL = 32
"""Octets of a SHA-1 in base32hex (RFC 5155 1.3)."""
ITERATIONS_MAX = 2500
"""Beyond it nobody validates (RFC 9276 3.2 would have 0): no proof is looked for."""

KNOWN_MAX = 4096
"""Names whose zone is remembered at most: parents of what is asked for, some 150 octets each."""

MaybeZone = Callable[[Wire], bool]
"""False only when no zone has that apex."""


class Found(NamedTuple):
    """One entry; blob b"" when there is none."""

    owner: Wire
    apex_labels: Labels
    blob: bytes


class Entry(NamedTuple):
    """One entry of a listing."""

    owner: Wire
    blob: bytes


class Nsec3Params(NamedTuple):
    """RFC 5155 4: how the names of a zone are hashed."""

    iterations: int
    salt: bytes


class StoreReader:
    """A reader over one open database."""

    def __init__(self, database: Database, maybe_zone: MaybeZone | None = None) -> None:
        self.database = database
        self._maybe_zone = maybe_zone
        self._known: dict[Wire, Labels | None] | None = {} if database.follower is not None else None
        """On a follower, whose view stands still between two catch_up(): names, and the deepest zone each lies in."""

    # -- position --

    @property
    def position(self) -> CommitNumber:
        """The last commit that is seen whole."""
        return self.database.position

    @property
    def horizon(self) -> CommitNumber:
        """The last commit of which something may be seen; an answer may be given out once the segment's `done` is there."""
        return self.database.horizon

    def catch_up(self) -> CommitNumber:
        """Follow the primary; the new position."""
        if self._known:
            self._known.clear()
        self.database.catch_up()
        return self.database.position

    # -- entries --

    def find_zone(self, name: Wire) -> tuple[Wire, ZoneRecord] | None:
        """Apex and record of the deepest zone a name lies in."""
        get = self.database.get
        maybe = self._maybe_zone
        for candidate in layout.suffixes(name):
            if maybe is None or maybe(candidate):
                value = get(layout.zone_key(candidate))
                if value:
                    return candidate, decode(ZoneRecord, value)
        return None

    def find_apex(self, name: Wire) -> Labels | None:
        """Labels of the apex of the deepest zone a name lies in."""
        maybe = self._maybe_zone
        if (maybe is None or maybe(name)) and self.database.get(layout.zone_key(name)):
            return len(layout.suffixes(name)) - 1
        if name == b"\0":
            return None
        parent = name[name[0] + 1 :]
        known = self._known
        if known is None:
            return self.find_apex(parent)
        if parent not in known:
            if len(known) >= KNOWN_MAX:
                known.clear()
            known[parent] = self.find_apex(parent)
        return known[parent]

    def fetch(self, name: Wire) -> Found:
        """The entry in the deepest zone the name lies in; apex_labels 0 and no blob when it lies in none."""
        apex = self.find_apex(name)
        return Found(name, 0, b"") if apex is None else self.fetch_in(name, apex)

    def fetch_in(self, name: Wire, apex_labels: Labels) -> Found:
        """The entry in the zone whose apex has that many labels (the parent side of a cut, say)."""
        return Found(name, apex_labels, self.database.get(layout.entry_key(name, apex_labels)) or b"")

    def entry_source(
        self,
    ) -> tuple[Callable[[Wire], Labels | None], Callable[[bytes], bytes | None], dict[Wire, Labels | None], bytes]:
        """What blob() is made of, for the compiled core: find_apex, get, what find_apex remembers, what stands before an owner key."""
        return self.find_apex, self.database.get, self._known if self._known is not None else {}, layout.ENTRY

    def blob(self, name: Wire) -> bytes:
        """What fetch() finds, without the rest: for a worker's misses."""
        apex = self.find_apex(name)
        return b"" if apex is None else self.database.get(layout.entry_key(name, apex)) or b""

    def zone(self, apex: Wire) -> ZoneRecord | None:
        """The record of the zone with exactly this apex."""
        value = self.database.get(layout.zone_key(apex))
        return decode(ZoneRecord, value) if value else None

    # -- neighbours in canonical order --

    def nsec_cover(self, name: Wire, apex_labels: Labels) -> Found:
        """The entry whose NSEC covers (or is at) the name: the last at or before it that has one. RFC 4035 3.1.3."""
        apex = layout.suffix(name, apex_labels)
        low, _ = layout.entries_range(apex)
        key = layout.entry_key(name, apex_labels)
        for found, blob in self.database.range(low, key + b"\0", backwards=True):
            if blob and _has(blob, NSEC):
                return Found(layout.entry_of(found)[0], apex_labels, blob)
        return Found(name, apex_labels, b"")

    def nsec3_match(self, name: Wire, apex_labels: Labels) -> Found:
        """The entry whose NSEC3 matches the name's hash. RFC 5155 1.3."""
        owner = self._hashed(name, apex_labels)
        if owner is None:
            return Found(name, apex_labels, b"")
        found = self.fetch_in(owner, apex_labels)
        return found if found.blob and _has(found.blob, NSEC3) else Found(owner, apex_labels, b"")

    def nsec3_cover(self, name: Wire, apex_labels: Labels) -> Found:
        """The entry whose NSEC3 covers the name's hash: the last hash before it, or the last of all. RFC 5155 1.3."""
        owner = self._hashed(name, apex_labels)
        if owner is None:
            return Found(name, apex_labels, b"")
        low, high = layout.entries_range(layout.suffix(name, apex_labels))
        # An NSEC3's key is the prefix of the zone, its label and the label's end.
        length = len(low) + HASHED_LABEL + 1
        for end in (layout.entry_key(owner, apex_labels), high):
            for found, blob in self.database.range(low, end, backwards=True):
                if len(found) == length and blob and _has(blob, NSEC3):
                    return Found(layout.entry_of(found)[0], apex_labels, blob)
        return Found(name, apex_labels, b"")

    def nsec3_params(self, apex: Wire) -> Nsec3Params | None:
        """What the zone's NSEC3PARAM says; None when there is none of a known hash."""
        apex_labels = len(layout.suffixes(apex)) - 1
        blob = self.fetch_in(apex, apex_labels).blob
        if not blob:
            return None
        for rrtype, _, rdatas in unpack_entry(blob).rrsets:
            for rdata in rdatas if rrtype == NSEC3PARAM else ():
                # hash algorithm 1 is SHA-1, the only one there is; flags 0 or the record is not for servers (RFC 5155 4.1.2)
                if len(rdata) >= 5 and rdata[0] == 1 and rdata[1] == 0 and len(rdata) >= 5 + rdata[4]:
                    return Nsec3Params(int.from_bytes(rdata[2:4], "big"), rdata[5 : 5 + rdata[4]])
        return None

    def _hashed(self, name: Wire, apex_labels: Labels) -> Wire | None:
        apex = layout.suffix(name, apex_labels)
        params = self.nsec3_params(apex)
        if params is None or params.iterations > ITERATIONS_MAX:
            return None
        return hash_owner(name, apex, params)

    # -- listings --

    def zones(
        self, start: Wire | None = None, *, backwards: bool = False, below: Wire | None = None
    ) -> Iterator[tuple[Wire, ZoneRecord]]:
        """Zones in canonical order after (before, when backwards) `start`; only those at or below `below`."""
        low, high = layout.ZONE, layout.after(layout.ZONE)
        if below is not None and below != b"\0":
            low = layout.zone_key(below)
            high = layout.after(low)
        if start is not None:
            key = layout.zone_key(start)
            low, high = (low, min(high, key)) if backwards else (max(low, key + b"\0"), high)
        for key, value in self.database.range(low, high, backwards=backwards):
            if value:
                yield layout.zone_of(key), decode(ZoneRecord, value)

    def zones_of(
        self, tenant: str, start: Wire | None = None, *, backwards: bool = False
    ) -> Iterator[tuple[Wire, ZoneRecord]]:
        """Zones of one tenant in canonical order after (before) `start`."""
        low, high = layout.owned_range(tenant)
        if start is not None:
            key = layout.owned_key(tenant, start)
            low, high = (low, key) if backwards else (key + b"\0", high)
        for key, _ in self.database.range(low, high, backwards=backwards):
            apex = layout.owned_of(key)[1]
            record = self.zone(apex)
            if record is not None:
                yield apex, record

    def entries(
        self, apex: Wire, start: Wire | None = None, *, below: Wire | None = None, backwards: bool = False
    ) -> Iterator[Entry]:
        """Entries of a zone, or of it at and below a name, in canonical order after (before) the name `start`.

        One version of the zone throughout.
        """
        labels = len(layout.suffixes(apex)) - 1
        low, high = layout.entries_range(apex) if below is None else layout.subtree_range(below, labels)
        if start is not None:
            key = layout.entry_key(start, labels)
            low, high = (low, min(high, key)) if backwards else (max(low, key + b"\0"), high)
        for key, value in self.database.range(low, high, backwards=backwards):
            if value:
                yield Entry(layout.entry_of(key)[0], value)

    def journal(
        self, apex: Wire, *, after: CommitNumber = 0, backwards: bool = False, before: CommitNumber | None = None
    ) -> Iterator[tuple[CommitNumber, JournalRecord]]:
        """Records of a zone's journal whose commit is above `after` and below `before`; pieces come one by one."""
        low, high = layout.journal_range(apex)
        low = max(low, layout.journal_key(apex, after + 1, 0))
        if before is not None:
            high = min(high, layout.journal_key(apex, before, 0))
        for key, value in self.database.range(low, high, backwards=backwards):
            if value:
                yield layout.journal_place(key)[0], decode(JournalRecord, value)

    def journal_since(self, apex: Wire, serial: int) -> Iterator[tuple[CommitNumber, JournalRecord]] | None:
        """Records of the change-sets that lead from a serial to what is served now, oldest first; None when they are not all kept.

        One look-up, whatever the journal's length. Empty when the serial is the one served.
        """
        record = self.zone(apex)
        if record is None:
            return None
        if record.serial == serial:
            return iter(())
        place = self.database.get(layout.serial_key(apex, serial))
        if place is None or len(place) != 12:
            return None
        low = layout.JOURNAL + layout.journal_range(apex)[0][1:] + place
        return self._journal_from(low, layout.journal_range(apex)[1])

    def _journal_from(self, low: bytes, high: bytes) -> Iterator[tuple[CommitNumber, JournalRecord]]:
        for key, value in self.database.range(low, high):
            if value:
                record = decode(JournalRecord, value)
                if record.leads:
                    yield layout.journal_place(key)[0], record

    def changes(self, after: CommitNumber = 0) -> Iterator[tuple[CommitNumber, ChangeRecord]]:
        """The change log above a commit; check oldest_change() first to know whether it reaches back so far."""
        for key, value in self.database.range(layout.change_key(after + 1), layout.after(layout.CHANGE)):
            if value:
                yield layout.change_number(key), decode(ChangeRecord, value)

    def audit(
        self, *, after: CommitNumber = 0, backwards: bool = False, before: CommitNumber | None = None
    ) -> Iterator[tuple[CommitNumber, bytes]]:
        """Encoded audit records of commits above `after` and below `before`."""
        low = layout.audit_key(after + 1, 0)
        high = layout.audit_key(before, 0) if before is not None else layout.after(layout.AUDIT)
        for key, value in self.database.range(low, high, backwards=backwards):
            yield layout.audit_place(key)[0], value

    def oldest_change(self) -> CommitNumber:
        """Number of the first commit the change log still has; 0 when it is empty."""
        found = next(self.database.range(layout.CHANGE, layout.after(layout.CHANGE)), None)
        return layout.change_number(found[0]) if found else 0


def _has(blob: bytes, rrtype: int) -> bool:
    return any(number == rrtype for number, _, _ in unpack_entry(blob).rrsets)


def hash_owner(name: Wire, apex: Wire, params: Nsec3Params) -> Wire:
    """The owner name of the NSEC3 of a (lower-case) name. RFC 5155 5."""
    digest = hashlib.sha1(name + params.salt).digest()
    for _ in range(params.iterations):
        digest = hashlib.sha1(digest + params.salt).digest()
    label = b32hexencode(digest).lower()
    return bytes((len(label),)) + label + apex
