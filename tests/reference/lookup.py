"""The slow twin: what an authoritative server answers, worked out in the most obvious way.

RFC 1034 4.3.2 as amended by 2181 (10.1), 2308, 4592, 6604, 6672, 8020, 8482; proofs by 4035 3.1 and 5155 7.2.
Owns: rcode, AA and the sections of an answer of any size. Never: headers, EDNS, truncation, wire format.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.interop.wireform import Record
from tests.reference.model import (
    CNAME,
    DNAME,
    DS,
    NS,
    NSEC,
    NSEC3,
    RRSIG,
    SOA,
    Set,
    World,
    Zone,
    ancestors,
    labels,
    parent,
)

A, AAAA, ANY = 1, 28, 255
NOERROR, NXDOMAIN, REFUSED, YXDOMAIN = 0, 3, 5, 6
CHAIN_MAX = 14  # as in txn.pxd
SAFE_AT_CUT = (DS, NSEC)


@dataclass
class Reply:
    """An answer without header and limits."""

    rcode: int = NOERROR
    aa: bool = False
    answer: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    glue: list[Record] = field(default_factory=list)  # what a referral must carry
    chain: int = 0


class Asking:
    """One question under way."""

    def __init__(self, world: World, qname: bytes, qtype: int, do: bool, *, any_full: bool = False) -> None:
        self.world = world
        self.qtype = qtype
        self.do = do
        self.any_full = any_full
        self.reply = Reply()
        self.name = qname.lower()
        self.seen = {self.name}

    def put(self, section: list[Record], owner: bytes, found: Set, ttl: int | None = None) -> None:
        """Adds an RRset, and its signatures when DNSSEC is asked for; nothing twice."""
        records = [Record(owner, found.rdtype, 1, found.ttl if ttl is None else ttl, rdata) for rdata in found.rdatas]
        if self.do:
            sig_ttl = found.sig_ttl if ttl is None else min(ttl, found.sig_ttl)
            records += [Record(owner, RRSIG, 1, sig_ttl, rdata) for rdata in found.sigs]
        for record in records:
            if record not in section:
                section.append(record)

    def run(self) -> Reply:
        """Goes from zone to zone until the question is answered."""
        first = True
        while True:
            zone = self.zone_for(self.name)
            if zone is None:
                if first:
                    self.reply.rcode = REFUSED
                return self.reply
            referral = self.referral_at(zone)
            if first:
                self.reply.aa = referral is None
            first = False
            if referral is not None:
                self.refer(zone, referral)
                return self.reply
            target = self.in_zone(zone)
            if target is None:
                return self.reply
            if target in self.seen or self.reply.chain >= CHAIN_MAX:
                return self.reply
            self.reply.chain += 1
            self.seen.add(target)
            self.name = target

    def zone_for(self, name: bytes) -> Zone | None:
        """The deepest zone; for a DS at an apex the parent when it knows the cut (RFC 4035 3.1.4.1)."""
        zone = self.world.deepest(name)
        if zone is not None and self.qtype == DS and name == zone.apex and name != b"\0":
            above = self.world.deepest(parent(name))
            if above is not None and above.is_cut(name) and above.occluder(name) is None:
                return above
        return zone

    def referral_at(self, zone: Zone) -> bytes | None:
        """The cut that a name lies at or below, unless a DNAME comes first."""
        above = zone.occluder(self.name)
        if above is not None:
            return above if zone.is_cut(above) else None
        return self.name if zone.is_cut(self.name) and self.qtype != DS else None

    def refer(self, zone: Zone, cut: bytes) -> None:
        """NS of the cut, DS or the proof that there is none, glue."""
        node = zone.nodes[cut]
        self.put(self.reply.authority, cut, node[NS])
        if self.do and zone.signed:
            if DS in node:
                self.put(self.reply.authority, cut, node[DS])
            else:
                self.prove_no_ds(zone, cut)
        for host in node[NS].rdatas:
            if cut in ancestors(host) and zone.apex in ancestors(host):
                for rdtype in (A, AAAA):
                    if rdtype in zone.nodes.get(host, {}):
                        found = zone.nodes[host][rdtype]
                        self.reply.glue += [Record(host, rdtype, 1, found.ttl, rdata) for rdata in found.rdatas]

    def in_zone(self, zone: Zone) -> bytes | None:
        """Answers from one zone; gives the next name of a chain."""
        above = zone.occluder(self.name)
        if above is not None:
            return self.rewrite(zone, above)
        if self.name in zone.name_space:
            return self.at_node(zone, self.name, None)
        encloser = next(name for name in ancestors(self.name) if name in zone.name_space)
        wildcard = b"\x01*" + encloser
        if wildcard in zone.name_space:
            return self.at_node(zone, wildcard, encloser)
        self.reply.rcode = NXDOMAIN
        self.put_soa(zone)
        self.prove_nxdomain(zone, encloser)
        return None

    def rewrite(self, zone: Zone, owner: bytes) -> bytes | None:
        """RFC 6672 3.2: the DNAME and the CNAME made from it."""
        dname = zone.nodes[owner][DNAME]
        self.put(self.reply.answer, owner, dname)
        target = self.name[: len(self.name) - len(owner)] + dname.rdatas[0]
        if len(target) > 255:
            self.reply.rcode = YXDOMAIN
            return None
        self.reply.answer.append(Record(self.name, CNAME, 1, dname.ttl, target))
        return None if self.qtype == CNAME else target  # the CNAME just made is what was asked for

    def at_node(self, zone: Zone, owner: bytes, encloser: bytes | None) -> bytes | None:
        """Answers from a node that exists, or from the wildcard below `encloser`."""
        node = zone.nodes[owner]
        if self.qtype in (ANY, RRSIG):
            sets = [found for rdtype, found in sorted(node.items()) if self.qtype == ANY or found.sigs]
            if self.qtype == ANY and not self.any_full:
                sets = sets[:1]
            if sets:
                for found in sets:
                    if self.qtype == RRSIG:
                        self.reply.answer += [Record(self.name, RRSIG, 1, found.sig_ttl, sig) for sig in found.sigs]
                    else:
                        self.put(self.reply.answer, self.name, found)
                self.prove_wildcard(zone, encloser)
                return None
        elif self.qtype in node:
            self.put(self.reply.answer, self.name, node[self.qtype])
            self.prove_wildcard(zone, encloser)
            return None
        elif CNAME in node:
            self.put(self.reply.answer, self.name, node[CNAME])
            self.prove_wildcard(zone, encloser)
            return node[CNAME].rdatas[0]
        self.put_soa(zone)
        self.prove_nodata(zone, owner, encloser)
        return None

    def put_soa(self, zone: Zone) -> None:
        """RFC 2308 3: the SOA at the smaller of its TTL and its minimum."""
        soa = zone.nodes[zone.apex][SOA]
        self.put(self.reply.authority, zone.apex, soa, min(soa.ttl, int.from_bytes(soa.rdatas[0][-4:], "big")))

    # -- proofs --

    def put_proof(self, zone: Zone, owner: bytes | None) -> None:
        if owner is not None:
            node = zone.nodes[owner]
            self.put(self.reply.authority, owner, node[NSEC3] if zone.param else node[NSEC])

    def next_closer(self, encloser: bytes) -> bytes:
        """The ancestor of the name one label longer than its closest encloser."""
        return ancestors(self.name)[len(labels(self.name)) - len(labels(encloser)) - 1]

    def closest_provable(self, zone: Zone, name: bytes) -> bytes:
        """The closest encloser that has an NSEC3; with opt-out it may be further up."""
        return next((up for up in ancestors(name) if up == zone.apex or zone.nsec3_match(up)), zone.apex)

    def prove_encloser(self, zone: Zone, encloser: bytes) -> None:
        """RFC 5155 7.2.1: match of the closest provable encloser, cover of the next closer name."""
        provable = self.closest_provable(zone, encloser)
        self.put_proof(zone, zone.nsec3_match(provable))
        if provable != self.name:
            self.put_proof(zone, zone.nsec3_cover(self.next_closer(provable)))

    def prove_nxdomain(self, zone: Zone, encloser: bytes) -> None:
        if not self.do or not zone.signed:
            return
        if zone.param:
            self.prove_encloser(zone, encloser)
            if len(encloser) <= 253:
                self.put_proof(zone, zone.nsec3_cover(b"\x01*" + encloser))
            return
        self.put_proof(zone, zone.nsec_at_or_before(self.name))
        if len(encloser) <= 253:
            self.put_proof(zone, zone.nsec_at_or_before(b"\x01*" + encloser))

    def prove_nodata(self, zone: Zone, owner: bytes, encloser: bytes | None) -> None:
        if not self.do or not zone.signed:
            return
        if zone.param:
            if encloser is None:
                self.prove_encloser(zone, self.name)
                return
            self.prove_encloser(zone, encloser)
            self.put_proof(zone, zone.nsec3_match(owner))
            return
        self.put_proof(zone, zone.nsec_at_or_before(owner))
        if encloser is not None:
            self.put_proof(zone, zone.nsec_at_or_before(self.name))

    def prove_wildcard(self, zone: Zone, encloser: bytes | None) -> None:
        if not self.do or not zone.signed or encloser is None:
            return
        if zone.param:
            self.put_proof(zone, zone.nsec3_cover(self.next_closer(encloser)))
        else:
            self.put_proof(zone, zone.nsec_at_or_before(self.name))

    def prove_no_ds(self, zone: Zone, cut: bytes) -> None:
        if not zone.param:
            self.put_proof(zone, zone.nsec_at_or_before(cut))
            return
        provable = self.closest_provable(zone, cut)
        self.put_proof(zone, zone.nsec3_match(provable))
        if provable != cut:
            chain = ancestors(cut)
            self.put_proof(zone, zone.nsec3_cover(chain[chain.index(provable) - 1]))


def resolve(world: World, qname: bytes, qtype: int, do: bool = False, *, any_full: bool = False) -> Reply:
    """The answer for a name of class IN."""
    return Asking(world, qname, qtype, do, any_full=any_full).run()
