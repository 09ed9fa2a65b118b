"""Zones as plain dictionaries, for the slow twin of the compiled core.

Owns: which names exist, what lies at them, which are cuts, occluded or empty; NSEC and NSEC3 neighbours.
Never: answers questions (lookup.py). Names are wire form, lower case, `bytes`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import dns.name
import dns.rdatatype
import dns.zone

from tests.interop.wireform import read_rdata

NS, CNAME, SOA, DNAME, DS, RRSIG, NSEC, NSEC3, NSEC3PARAM = 2, 5, 6, 39, 43, 46, 47, 50, 51


def parent(name: bytes) -> bytes:
    """The name without its first label."""
    return name[name[0] + 1 :]


def labels(name: bytes) -> list[bytes]:
    """Labels without the root, leftmost first."""
    out = []
    while name[0]:
        out.append(name[1 : name[0] + 1])
        name = parent(name)
    return out


def order(name: bytes) -> list[bytes]:
    """Sorting by this is canonical order (RFC 4034 6.1)."""
    return labels(name)[::-1]


def ancestors(name: bytes) -> list[bytes]:
    """The name itself, its parent, …, the root."""
    out = [name]
    while name[0]:
        name = parent(name)
        out.append(name)
    return out


@dataclass
class Set:
    """An RRset with its signatures; rdata in wire form with names in lower case, and once more as written."""

    rdtype: int
    ttl: int
    rdatas: list[bytes]
    written: list[bytes]
    sigs: list[bytes] = field(default_factory=list)
    sig_ttl: int = 0


Node = dict[int, Set]


class Zone:
    """One zone: owner names to RRsets, empty non-terminals included as empty nodes."""

    def __init__(self, source: dns.zone.Zone) -> None:
        assert source.origin is not None
        self.apex = source.origin.to_wire().lower()
        self.nodes: dict[bytes, Node] = {}
        self.spelling: dict[bytes, bytes] = {}
        for name, node in source.nodes.items():
            written = name.to_wire()
            owner = written.lower()
            self.spelling[owner] = written
            mine = self.nodes.setdefault(owner, {})
            for rdataset in node.rdatasets:
                if rdataset.rdtype != dns.rdatatype.RRSIG:
                    wires = [rdata.to_wire() or b"" for rdata in rdataset]
                    folded = [read_rdata(wire, 0, len(wire), int(rdataset.rdtype)) for wire in wires]
                    mine[int(rdataset.rdtype)] = Set(int(rdataset.rdtype), rdataset.ttl, folded, wires)
            for rdataset in node.rdatasets:
                if rdataset.rdtype == dns.rdatatype.RRSIG:
                    covered = mine.get(int(rdataset.covers))
                    if covered is None:  # signatures of what is not there
                        continue
                    covered.sigs = [rdata.to_wire() or b"" for rdata in rdataset]
                    covered.sig_ttl = rdataset.ttl
        for owner in list(self.nodes):
            while owner != self.apex:
                owner = parent(owner)
                self.nodes.setdefault(owner, {})
        self.name_space = {name for name, node in self.nodes.items() if not self._only_nsec3(name)}
        self.nsec = sorted((name for name, node in self.nodes.items() if NSEC in node), key=order)
        self.nsec3 = sorted(name for name, node in self.nodes.items() if NSEC3 in node)
        self.param = self.nodes[self.apex].get(NSEC3PARAM)

    def _only_nsec3(self, name: bytes) -> bool:
        """RFC 5155 7.2.8: owner names that exist only for NSEC3 are not part of the name space."""
        return set(self.nodes[name]) == {NSEC3}

    @property
    def signed(self) -> bool:
        """Does it hold a chain of NSEC or NSEC3?"""
        return bool(self.nsec or self.param)

    def is_cut(self, name: bytes) -> bool:
        """A delegation point."""
        return name != self.apex and NS in self.nodes.get(name, {})

    def occluder(self, name: bytes) -> bytes | None:
        """The topmost cut or DNAME strictly above a name of this zone; it need not exist itself."""
        chain = ancestors(name)
        for ancestor in reversed(chain[1 : chain.index(self.apex) + 1]):
            if self.is_cut(ancestor) or DNAME in self.nodes.get(ancestor, {}):
                return ancestor
        return None

    def hash(self, name: bytes) -> bytes:
        """RFC 5155 5: the hashed owner name, as a wire name below the apex."""
        assert self.param is not None
        data = self.param.rdatas[0]
        iterations, salt = int.from_bytes(data[2:4], "big"), data[5 : 5 + data[4]]
        digest = hashlib.sha1(name + salt).digest()
        for _ in range(iterations):
            digest = hashlib.sha1(digest + salt).digest()
        return b"\x20" + base32hex(digest) + self.apex

    def nsec_at_or_before(self, name: bytes) -> bytes | None:
        """The owner of the NSEC that matches or covers a name."""
        found = [owner for owner in self.nsec if order(owner) <= order(name)]
        return found[-1] if found else (self.nsec[-1] if self.nsec else None)

    def nsec3_match(self, name: bytes) -> bytes | None:
        """The owner of the NSEC3 for a name."""
        hashed = self.hash(name)
        return hashed if NSEC3 in self.nodes.get(hashed, {}) else None

    def nsec3_cover(self, name: bytes) -> bytes | None:
        """The owner of the NSEC3 whose span holds the hash of a name that has none itself."""
        hashed = self.hash(name)
        if not self.nsec3 or hashed in self.nsec3:
            return None
        return next((owner for owner in reversed(self.nsec3) if owner < hashed), self.nsec3[-1])


def base32hex(data: bytes) -> bytes:
    """RFC 4648 7, lower case, no padding; 20 octets give 32."""
    number = int.from_bytes(data, "big")
    return bytes(b"0123456789abcdefghijklmnopqrstuv"[(number >> shift) & 31] for shift in range(155, -1, -5))


class World:
    """All zones of one server."""

    def __init__(self, zones: Iterable[dns.zone.Zone]) -> None:
        self.zones = {zone.apex: zone for zone in map(Zone, zones)}

    def deepest(self, name: bytes) -> Zone | None:
        """The zone whose apex is the longest suffix of a name."""
        return next((self.zones[suffix] for suffix in ancestors(name) if suffix in self.zones), None)
