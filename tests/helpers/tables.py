"""Zones as plain dictionaries, with the face of the store's reader: the slow twin that conformance tests check the core against.

Obvious rather than fast. Says what docs/architecture.md says: an entry for each owner name in each zone, empty
non-terminals included, with the flags that depend on neighbours; the deepest zone has a name.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dns.dnssec
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zonefile

from nsblast._core import rrset as core

Name = dns.name.Name
Records = dict[tuple[int, int], tuple[int, list[bytes]]]  # (type, covered type) -> ttl, rdata


def wire(name: Name) -> bytes:
    """Lower-case wire form, as names are inside the program."""
    return name.canonicalize().to_wire()


class Zone:
    """One zone: owner names with their records, spelling and flags."""

    def __init__(self, text: str) -> None:
        self.records: dict[Name, Records] = {}
        self.spelling: dict[Name, bytes] = {}
        self.apex = self._load(text)
        self.names = self._with_empty_non_terminals()
        self.nsec3param: tuple[int, int, bytes] | None = None
        if self.has(self.apex, "NSEC3PARAM"):
            rdata = self.records[self.apex][int(dns.rdatatype.NSEC3PARAM), 0][1][0]
            self.nsec3param = (rdata[0], int.from_bytes(rdata[2:4], "big"), rdata[5:])
        self.ordered = sorted(name for name in self.names if self.has(name, "NSEC") and not self.occluded(name))
        self.hashed = sorted(name for name in self.names if self.has(name, "NSEC3"))

    def _load(self, text: str) -> Name:
        apex = None
        for owner, ttl, rdtype, rdata in read(text):
            lower = owner.canonicalize()
            if rdtype == dns.rdatatype.SOA:
                apex = lower
            spelled = owner.to_wire()
            if spelled != lower.to_wire():
                self.spelling.setdefault(lower, spelled)
            covered = int.from_bytes(rdata[:2], "big") if rdtype == dns.rdatatype.RRSIG else 0
            sets = self.records.setdefault(lower, {})
            kept, rdatas = sets.get((rdtype, covered), (ttl, []))
            sets[rdtype, covered] = (min(kept, ttl), [*rdatas, rdata])
        assert apex is not None, "the zone has no SOA"
        return apex

    def _with_empty_non_terminals(self) -> set[Name]:
        names = set(self.records)
        for name in self.records:
            assert name.is_subdomain(self.apex), f"{name} is not in {self.apex}"
            while name != self.apex:
                name = name.parent()
                names.add(name)
        return names

    def has(self, name: Name, rdtype: str) -> bool:
        return (int(dns.rdatatype.from_text(rdtype)), 0) in self.records.get(name, {})

    def ancestors(self, name: Name) -> Iterator[Name]:
        """Names of the zone strictly above, nearest first."""
        while name != self.apex:
            name = name.parent()
            yield name

    def cut(self, name: Name) -> bool:
        return name != self.apex and self.has(name, "NS")

    def occluded(self, name: Name) -> bool:
        return any(self.cut(above) or self.has(above, "DNAME") for above in self.ancestors(name))

    def flags(self, name: Name) -> int:
        """Those that do not follow from the entry's own records."""
        value = 0
        if name == self.apex:
            value |= core.IS_APEX
            value |= core.ZONE_NSEC if self.has(name, "NSEC") else 0
            value |= core.ZONE_NSEC3 if self.nsec3param else 0
        value |= core.IS_CUT if self.cut(name) else 0
        value |= core.IS_OCCLUDED if self.occluded(name) else 0
        if len(wire(name)) <= 253 and dns.name.Name((b"*", *name.labels)) in self.names:
            value |= core.HAS_WILDCARD
        return value

    def entry(self, name: Name) -> bytes:
        """The packed entry, b"" when there is none."""
        if name not in self.names:
            return b""
        rrsets = [(rdtype, ttl, rdatas) for (rdtype, _), (ttl, rdatas) in self.records.get(name, {}).items()]
        return core.pack_entry(
            rrsets,
            apex_labels=len(self.apex.labels) - 1,
            flags=self.flags(name),
            spelling=self.spelling.get(name, b""),
        )

    def nsec_cover(self, name: Name) -> Name | None:
        """Owner of the NSEC at or before a name in canonical order."""
        return max((owner for owner in self.ordered if owner <= name), default=None)

    def hash(self, name: Name) -> Name | None:
        """Where the NSEC3 of a name would stand."""
        if self.nsec3param is None:
            return None
        algorithm, iterations, salt = self.nsec3param
        text = dns.dnssec.nsec3_hash(name, salt or None, iterations, algorithm)
        return dns.name.Name((text.lower().encode(), *self.apex.labels))

    def nsec3(self, name: Name, *, cover: bool) -> Name | None:
        """Owner of the NSEC3 that matches a name's hash, or of the one that covers it."""
        hashed = self.hash(name)
        if hashed is None or not self.hashed or (hashed in self.hashed) == cover:
            return None
        if not cover:
            return hashed
        return max((owner for owner in self.hashed if owner < hashed), default=self.hashed[-1])


def read(text: str) -> list[tuple[Name, int, int, bytes]]:
    """The records of a master file in their order: owner as spelled, TTL, type, rdata. Checks nothing: zones may be nasty."""
    found: list[tuple[Name, int, int, bytes]] = []

    class Collector(dns.zonefile.RRsetsReaderTransaction):
        def add(self, *args: Any) -> None:
            owner, ttl, rdata = args
            found.append((owner, int(ttl), int(rdata.rdtype), rdata.to_wire()))

    manager = dns.zonefile.RRSetsReaderManager()
    with Collector(manager, True, False) as transaction:
        dns.zonefile.Reader(dns.tokenizer.Tokenizer(text), dns.rdataclass.IN, transaction).read()
    return found


class Tables:
    """Any number of zones with the face of the store's reader."""

    position = 1

    def __init__(self, texts: Iterable[str]) -> None:
        self.zones = {zone.apex: zone for zone in map(Zone, texts)}

    def deepest(self, name: Name) -> Zone | None:
        """The zone a name belongs to."""
        while name not in self.zones:
            if name == dns.name.root:
                return None
            name = name.parent()
        return self.zones[name]

    def fetch(self, kind: int, apex_labels: int, asked: bytes) -> tuple[bytes, bytes]:
        """(owner, blob) for a miss; blob b"" = nothing. The kinds are those of nodes.pxd, in its order."""
        name = dns.name.from_wire(asked, 0)[0]
        zone = self.deepest(name) if kind == 0 else self.zones.get(name.split(apex_labels + 1)[1])
        if zone is None:
            return asked, b""
        owner: Name | None = name
        if kind == 2:
            owner = zone.nsec_cover(name)
        elif kind >= 3:
            owner = zone.nsec3(name, cover=kind == 4)
        if owner is None:
            return asked, b""
        return wire(owner), zone.entry(owner)
