"""What a group of change-sets has changed and not yet written, laid over the store.

Owns: Node (one entry taken apart), and layers of them: Base reads the store, an Overlay lies on a Base or on another Overlay.
Never: the rules of zones, writing. Invariants: a node that came from a layer below is never altered, edit() copies it first;
layers are used by one thread.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Protocol

from nsblast._core.rrset import pack_entry, unpack_entry
from nsblast.store import layout
from nsblast.store.engine import Database
from nsblast.store.values_v1 import ZoneRecord, decode
from nsblast.types import Labels, RawRrset, Rr, Wire

RRSIG = 46
REMEMBERED = 4096
"""Zones whose record and apex a Remembered keeps at most: some kilobytes each."""
APEX_END = b"\0\0"
"""How the key of an apex ends: with the separator that the rest of the name would follow."""

SetKey = int
"""The type; for signatures RRSIG | covered type << 16, since they are kept as one set per covered type."""


def set_key(rrtype: int, rdata: bytes) -> SetKey:
    """Which set of a node an RR belongs to."""
    return rrtype if rrtype != RRSIG else RRSIG | int.from_bytes(rdata[:2], "big") << 16


class Node:
    """One entry: packed, taken apart, or both."""

    __slots__ = ("_blob", "_sets", "apex_labels", "flags", "spelling")

    def __init__(self, apex_labels: Labels, flags: int = 0, spelling: bytes = b"") -> None:
        self.apex_labels = apex_labels
        self.flags = flags
        self.spelling = spelling
        self._blob: bytes | None = None
        self._sets: dict[SetKey, RawRrset] | None = {}

    @classmethod
    def load(cls, blob: bytes) -> "Node":
        """From the store; RRsets are read when they are asked for."""
        node = cls(blob[1], blob[2] << 8 | blob[3], blob[8 : 8 + blob[6]])
        node._blob = blob
        node._sets = None
        return node

    def copy(self) -> "Node":
        """One that may be altered."""
        node = Node(self.apex_labels, self.flags, self.spelling)
        node._sets = dict(self.sets)
        return node

    @property
    def sets(self) -> dict[SetKey, RawRrset]:
        """RRsets by key, in stored order. Not to be altered but through replace()."""
        if self._sets is None:
            assert self._blob is not None
            self._sets = {set_key(one[0], one[2][0]): one for one in unpack_entry(self._blob).rrsets}
        return self._sets

    def replace(self, sets: dict[SetKey, RawRrset]) -> None:
        """Other RRsets."""
        self._sets = sets
        self._blob = None

    def reflag(self, flags: int) -> None:
        """Other flags."""
        if flags != self.flags:
            self.flags = flags
            self._blob = None

    def respell(self, spelling: bytes) -> None:
        """Another stored spelling."""
        if spelling != self.spelling:
            self.spelling = spelling
            self._blob = None

    def pack(self) -> bytes:
        """The stored form; afterwards `sets` is in canonical order without duplicates. ValueError when it cannot be stored."""
        if self._blob is None:
            rrsets = [one for one in self.sets.values() if one[2]]
            self._blob = pack_entry(rrsets, apex_labels=self.apex_labels, flags=self.flags, spelling=self.spelling)
            self.flags = self._blob[2] << 8 | self._blob[3]
            if len(rrsets) != 1 or len(rrsets[0][2]) != 1 or len(self.sets) != 1:
                self._sets = None  # a single RR is in order by itself
        return self._blob

    def rrs(self, name: Wire) -> Iterator[Rr]:
        """Its RRs, for an owner `name` without a stored spelling."""
        owner = self.spelling or name
        for rrtype, ttl, rdatas in self.sets.values():
            for rdata in rdatas:
                yield owner, rrtype, ttl, rdata


class Layer(Protocol):
    """What both kinds of layer offer."""

    def node(self, key: bytes) -> Node | None:
        """The entry at a key."""

    def zone(self, apex: Wire) -> ZoneRecord | None:
        """The record of a zone."""

    def record(self, key: bytes) -> bytes | None:
        """The stored value of an account record."""

    def pending(self, prefix: bytes) -> dict[bytes, bytes | None]:
        """Account records not yet in the store."""

    def has_zone(self, apex: Wire) -> bool:
        """Whether there is a zone with exactly this apex."""

    def walk(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, Node]]:
        """Entries of low <= key < high, ascending."""


class Base:
    """The store itself."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def node(self, key: bytes) -> Node | None:
        """The entry at a key."""
        blob = self.database.get(key)
        return Node.load(blob) if blob else None

    def zone(self, apex: Wire) -> ZoneRecord | None:
        """The record of a zone."""
        value = self.database.get(layout.zone_key(apex))
        return decode(ZoneRecord, value) if value else None

    def record(self, key: bytes) -> bytes | None:
        """The stored value of an account record."""
        return self.database.get(key)

    def pending(self, _: bytes) -> dict[bytes, bytes | None]:
        """Nothing is pending in the store."""
        return {}

    def has_zone(self, apex: Wire) -> bool:
        """Whether there is a zone with exactly this apex."""
        return bool(self.database.get(layout.zone_key(apex)))

    def knows_zone(self, _: Wire) -> bool:
        """Nothing is known that was not written."""
        return False

    def walk(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, Node]]:
        """Entries of low <= key < high, ascending."""
        for key, blob in self.database.range(low, high):
            if blob:
                yield key, Node.load(blob)


class Remembered(Base):
    """The store as its one writer knows it: zone records and apexes, which every change asks for, are read once."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._zones: dict[Wire, ZoneRecord | None] = {}
        self._apexes: dict[bytes, Node | None] = {}

    def node(self, key: bytes) -> Node | None:
        """The entry at a key."""
        if key[-2:] != APEX_END:
            return super().node(key)
        if key not in self._apexes:
            self._make_room()
            self._apexes[key] = super().node(key)
        return self._apexes[key]

    def zone(self, apex: Wire) -> ZoneRecord | None:
        """The record of a zone."""
        if apex not in self._zones:
            self._make_room()
            self._zones[apex] = super().zone(apex)
        return self._zones[apex]

    def has_zone(self, apex: Wire) -> bool:
        """Whether there is a zone with exactly this apex."""
        return self._zones[apex] is not None if apex in self._zones else super().has_zone(apex)

    def learn(self, written: "Overlay") -> None:
        """This layer on the store was written."""
        if written.cleared:
            self.forget()
        self._make_room()
        self._zones.update(written.zones)
        for key, node in written.nodes.items():
            if key[-2:] == APEX_END:
                self._apexes[key] = node

    def _make_room(self) -> None:
        if len(self._zones) > REMEMBERED or len(self._apexes) > REMEMBERED:
            self.forget()

    def forget(self) -> None:
        """Something else was written."""
        self._zones.clear()
        self._apexes.clear()


class Overlay:
    """Changes on top of another layer."""

    def __init__(self, under: Layer) -> None:
        self.under = under
        self.nodes: dict[bytes, Node | None] = {}
        self.zones: dict[Wire, ZoneRecord | None] = {}
        self.records: dict[bytes, bytes | None] = {}
        """Account records; their meaning is access/rules.py's."""
        self.cleared: list[tuple[bytes, bytes]] = []
        """Ranges below which nothing of the layers below shows."""
        self._order: list[bytes] = []
        self._before: dict[bytes, Node | None] = {}

    def node(self, key: bytes) -> Node | None:
        """The entry at a key; not to be altered."""
        if key in self.nodes:
            return self.nodes[key]
        if self.cleared and self._is_cleared(key):
            return None
        before = self._before
        if key not in before:
            before[key] = self.under.node(key)
        return before[key]

    def before(self, key: bytes) -> Node | None:
        """The entry as the layer below has it."""
        return self._before[key] if key in self._before else self.under.node(key)

    def zone(self, apex: Wire) -> ZoneRecord | None:
        """The record of a zone."""
        return self.zones[apex] if apex in self.zones else self.under.zone(apex)

    def record(self, key: bytes) -> bytes | None:
        """The stored value of an account record."""
        return self.records[key] if key in self.records else self.under.record(key)

    def pending(self, prefix: bytes) -> dict[bytes, bytes | None]:
        """Account records that are changed and not yet in the store, this layer's and those below; None = deleted."""
        mine = {key: value for key, value in self.records.items() if key.startswith(prefix)}
        return {**self.under.pending(prefix), **mine}

    def has_zone(self, apex: Wire) -> bool:
        """Whether there is a zone with exactly this apex."""
        if apex in self.zones:
            return self.zones[apex] is not None
        return self.under.has_zone(apex)

    def knows_zone(self, apex: Wire) -> bool:
        """Whether this layer itself says if there is such a zone."""
        return apex in self.zones

    def edit(self, key: bytes) -> Node:
        """The entry at a key, to be altered; KeyError when there is none."""
        node = self.nodes.get(key)
        if node is None:
            found = self.node(key)
            if found is None:
                raise KeyError(key)
            node = found.copy()
            self.put(key, node)
        return node

    def put(self, key: bytes, node: Node | None) -> None:
        """Set the entry; None takes it away."""
        if key not in self.nodes:
            insort(self._order, key)
        self.nodes[key] = node

    def ordered(self) -> list[bytes]:
        """Keys of this layer's own entries, ascending."""
        return self._order.copy()

    def revert(self, key: bytes) -> None:
        """Show what the layer below has."""
        del self.nodes[key]
        del self._order[bisect_left(self._order, key)]

    def clear(self, low: bytes, high: bytes) -> None:
        """Take every entry of a range away."""
        first, last = bisect_left(self._order, low), bisect_left(self._order, high)
        for key in self._order[first:last]:
            del self.nodes[key]
        del self._order[first:last]
        self.cleared.append((low, high))

    def walk(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, Node]]:
        """Entries of low <= key < high, ascending; what is altered meanwhile may or may not show."""
        mine = self._order[bisect_left(self._order, low) : bisect_left(self._order, high)]
        at = 0
        for key, node in self.under.walk(low, high):
            while at < len(mine) and mine[at] < key:
                yield from self._shown(mine[at])
                at += 1
            if at < len(mine) and mine[at] == key:
                yield from self._shown(key)
                at += 1
            elif key in self.nodes:
                yield from self._shown(key)
            elif not (self.cleared and self._is_cleared(key)):
                yield key, node
        for key in mine[at:]:
            yield from self._shown(key)

    def has_any(self, low: bytes, high: bytes) -> bool:
        """Whether some entry lies in the range."""
        return next(self.walk(low, high), None) is not None

    def take(self, child: "Overlay") -> None:
        """Make the changes of an overlay that lies on this one one's own."""
        for low, high in child.cleared:
            self.clear(low, high)
        for key, node in child.nodes.items():
            self.put(key, node)
        self.zones.update(child.zones)
        self.records.update(child.records)

    def _shown(self, key: bytes) -> Iterator[tuple[bytes, Node]]:
        node = self.nodes.get(key)
        if node is not None:
            yield key, node

    def _is_cleared(self, key: bytes) -> bool:
        return any(low <= key < high for low, high in self.cleared)
