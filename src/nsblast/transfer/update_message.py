"""An UPDATE message read: its sections as records, and its answer written.

Owns: the form of RFC 2136 2 on the wire. Never: what a record means (update_rules.py), signatures, who may. Written for itself and not
by dnspython's message classes because control reads every update of the server in one process: names are cut out of the packet, and
only rdata that is rare or compressed goes through dnspython. Every read is bounded; whatever is malformed is FORMERR.
RFC 1035 4.1, 2136 2.1-2.5 and 3.8, 6891 6.1.
"""

from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from nsblast._core.name import fold
from nsblast._core.rdshow import rdata_to_text
from nsblast.records import known_types
from nsblast.types import Wire

HEADER = 12
IN, NONE, ANY = 1, 254, 255
SOA, OPT, TSIG = 6, 41, 250
PAYLOAD = 1232
"""Octets of a datagram we say to take (RFC 6891 6.2.5), as the core does."""
_KNOWN = frozenset(known_types().values())
_FIXED = {1: 4, 28: 16}
"""Octets of an A and an AAAA: most of what is updated."""
_REFUSALS = (dns.exception.DNSException, ValueError, OverflowError, AssertionError, IndexError, TypeError)
_TTL_SIGN = 0x80000000
_HOPS_MOST = 127
"""Pointers of one name, as many as it can have labels: thousands in a row, met by each of thousands of names, are an attack."""


class Refused(Exception):
    """The update is answered with a response code and nothing is done. It never leaves this layer but as that code."""

    def __init__(self, rcode: Rcode, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.rcode = rcode


class Rr(NamedTuple):
    """One record of the prerequisite or update section."""

    owner: Wire
    """As spelled."""
    name: Wire
    """In lower case."""
    type: int
    rclass: int
    ttl: int
    rdata: bytes
    """Wire form, uncompressed; b"" where there was none."""


class Zone(NamedTuple):
    """The zone section."""

    apex: Wire
    """In lower case."""
    rclass: int
    end: int
    """Where it ends in the packet."""


class Update(NamedTuple):
    """What follows the zone section."""

    prerequisites: list[Rr]
    updates: list[Rr]
    edns: bool


def malformed(what: str) -> Refused:
    """FORMERR."""
    return Refused(Rcode.FORMERR, what)


def read_zone(packet: bytes) -> Zone:
    """The zone section; Refused (FORMERR) when it is none. The packet's opcode is known to be UPDATE."""
    if packet[4:6] != b"\0\1":
        raise malformed("the zone section does not hold one zone (RFC 2136 3.1.1)")
    owner, at = _name(packet, HEADER)
    if at + 4 > len(packet):
        raise malformed("the zone section is cut short")
    if packet[at] << 8 | packet[at + 1] != SOA:
        raise malformed("the zone section's type is not SOA (RFC 2136 2.3)")
    return Zone(fold(owner), packet[at + 2] << 8 | packet[at + 3], at + 4)


def read(packet: bytes, zone: Zone) -> Update:
    """The other sections of a message without TSIG; Refused (FORMERR) when they cannot be read."""
    known: dict[int, Wire] = {HEADER: _name(packet, HEADER)[0]}
    prerequisites, at = _section(packet, zone.end, int.from_bytes(packet[6:8], "big"), known)
    updates, at = _section(packet, at, int.from_bytes(packet[8:10], "big"), known)
    edns = False
    for _ in range(int.from_bytes(packet[10:12], "big")):
        _, at = _name(packet, at)
        if at + 10 > len(packet):
            raise malformed("a record is cut short")
        rrtype = packet[at] << 8 | packet[at + 1]
        if rrtype == TSIG or (rrtype == OPT and edns):
            raise malformed("a second OPT, or a TSIG record that is not the last (RFC 6891 6.1.1, 8945 5.1)")
        edns = edns or rrtype == OPT
        at += 10 + (packet[at + 8] << 8 | packet[at + 9])
    if at != len(packet):
        raise malformed("the sections do not end where the message does")
    return Update(prerequisites, updates, edns)


def answer(packet: bytes, rcode: int, question_end: int = HEADER, *, edns: bool = False) -> bytes:
    """The answer with a response code: the zone section as it came (up to question_end), and OPT if there was one."""
    count = b"\0\1" if question_end > HEADER else b"\0\0"
    head = packet[:2] + bytes((packet[2] & 0x79 | 0x80, rcode & 15)) + count + b"\0\0\0\0"
    rest = packet[HEADER:question_end]
    if not edns:
        return head + b"\0\0" + rest
    return head + b"\0\1" + rest + b"\0\0\x29" + PAYLOAD.to_bytes(2, "big") + bytes((rcode >> 4, 0, 0, 0, 0, 0))


def _section(packet: bytes, at: int, count: int, known: dict[int, Wire]) -> tuple[list[Rr], int]:
    """So many records, and where the next section begins."""
    rrs: list[Rr] = []
    if count * 11 > len(packet) - at:
        raise malformed("a section is cut short")
    folded: dict[Wire, Wire] = {}
    for _ in range(count):
        begin = at
        compressed = packet[at : at + 1] >= b"\xc0" and at + 1 < len(packet)
        owner = known.get((packet[at] & 0x3F) << 8 | packet[at + 1]) if compressed else None
        if owner is not None:
            at += 2
        else:
            owner, at = _name(packet, at)
            known[begin] = owner
        name = folded.get(owner)
        if name is None:
            name = folded[owner] = fold(owner)
        end = at + 10
        if end > len(packet):
            raise malformed("a record is cut short")
        rrtype = packet[at] << 8 | packet[at + 1]
        rclass = packet[at + 2] << 8 | packet[at + 3]
        ttl = int.from_bytes(packet[at + 4 : at + 8], "big")
        length = packet[at + 8] << 8 | packet[at + 9]
        at = end + length
        if at > len(packet):
            raise malformed("a record is cut short")
        if ttl & _TTL_SIGN and rclass not in (ANY, NONE):
            ttl = 0  # RFC 2181 8
        # Class ANY must bring no rdata, NONE may (to delete one RR): what must not be there is told later, in its turn.
        bare = rclass == ANY or (rclass == NONE and not length)
        rdata = packet[end:at] if bare else _rdata(packet, rrtype, end, length)
        rrs.append(Rr(owner, name, rrtype, rclass, ttl, rdata))
    return rrs, at


def _rdata(packet: bytes, rrtype: int, at: int, length: int) -> bytes:
    """Well-formed and uncompressed; types nobody knows hold anything (RFC 3597)."""
    rdata = packet[at : at + length]
    fixed = _FIXED.get(rrtype)
    if fixed is not None and length == fixed:
        return rdata
    if rrtype not in _KNOWN or rdata_to_text(rrtype, rdata) is not None:
        return rdata
    try:
        wire = dns.rdata.from_wire(dns.rdataclass.IN, RdataType.make(rrtype), packet, at, length).to_wire()
    except _REFUSALS:
        raise malformed(f"rdata of type {rrtype} is malformed") from None
    if wire is None or len(wire) > 0xFFFF:
        raise malformed(f"rdata of type {rrtype} is too long")
    return wire


def _name(packet: bytes, at: int) -> tuple[Wire, int]:
    """The uncompressed name at a place, and where what follows it begins. Pointers lead backwards only (RFC 1035 4.1.4)."""
    parts: list[bytes] = []
    octets, end, border, hops = 1, 0, at, 0
    while True:
        if at >= len(packet):
            raise malformed("a name is cut short")
        length = packet[at]
        if length < 0x40:
            if not length:
                break
            octets += length + 1
            if octets > 255 or at + length >= len(packet):
                raise malformed("a name is too long")
            parts.append(packet[at : at + length + 1])
            at += length + 1
        elif length >= 0xC0 and at + 1 < len(packet):
            end = end or at + 2
            at = (length & 0x3F) << 8 | packet[at + 1]
            hops += 1
            if not HEADER <= at < border or hops > _HOPS_MOST:
                raise malformed("a name's pointer does not lead backwards, or to too many others")
            border = at
        else:
            raise malformed("a name has a label of an unknown kind")
    return b"".join(parts) + b"\0", end or at + 1
