"""The questions of the comparison: every owner name by many types, names below and beside, odd headers; all by fixed seed.

Owns: what is asked and how (transport, EDNS). Never: knows an answer.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.zone

from tests.interop.wireform import opt_record, query

SEED = 8020
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, DNAME, DS, RRSIG, NSEC, DNSKEY, NSEC3 = (
    1,
    2,
    5,
    6,
    12,
    15,
    16,
    28,
    33,
    39,
    43,
    46,
    47,
    48,
    50,
)
NSEC3PARAM, SVCB, HTTPS, ANY = 51, 64, 65, 255
COMMON = (A, AAAA, NS, SOA, MX, TXT, CNAME, DS, ANY, SRV, DNSKEY, NSEC, DNAME, HTTPS, 65400)
FEW = (A, TXT, DS, NS)


@dataclass(frozen=True, slots=True)
class Way:
    """How a question travels: transport and EDNS."""

    label: str
    tcp: bool
    edns: int = 0  # UDP size offered, 0 = no OPT
    do: bool = False

    def opt(self) -> bytes:
        """The OPT record of such a query."""
        return opt_record(self.edns, do=self.do) if self.edns else b""

    @property
    def limit(self) -> int:
        """Largest answer that the client takes."""
        return 65535 if self.tcp else max(self.edns, 512)


WAYS = (
    Way("udp", False),
    Way("udp-1232", False, 1232),
    Way("udp-1232-do", False, 1232, True),
    Way("udp-4096-do", False, 4096, True),
    Way("tcp-do", True, 4096, True),
    Way("tcp", True),
    Way("udp-512", False, 512),
)
TCP_DO, TCP = WAYS[4], WAYS[5]


@dataclass(frozen=True, slots=True)
class Question:
    """One query. `odd` names a query that is no plain question; then `wire` says it all."""

    name: bytes  # wire form
    rdtype: int
    way: Way
    wire: bytes  # id 0
    kind: str  # which part of the plan made it
    odd: str = ""

    def text(self) -> str:
        """For reports."""
        name = dns.name.from_wire(self.name, 0)[0].to_text()
        return f"{name} {dns.rdatatype.to_text(self.rdtype)} {self.way.label}" + (f" [{self.odd}]" if self.odd else "")


def question(name: bytes, rdtype: int, way: Way, kind: str) -> Question:
    """A plain question."""
    return Question(name, rdtype, way, query(name, rdtype, opt=way.opt()), kind)


def owner_names(zone: dns.zone.Zone) -> list[bytes]:
    """All owner names of a zone and its empty non-terminals, wire form, in a fixed order."""
    names: set[bytes] = set()
    assert zone.origin is not None
    for name in zone.nodes:
        while name != zone.origin:
            names.add(name.to_wire())
            name = name.parent()
    names.add(zone.origin.to_wire())
    return sorted(names)


def fits(name: bytes) -> bool:
    """Is it a legal name?"""
    return len(name) <= 255


def neighbours(rng: random.Random, name: bytes) -> list[bytes]:
    """Names that hardly exist: below, far below, beside, below a wildcard-like label, with the case changed."""
    label = bytes([rng.randrange(97, 123) for _ in range(rng.randint(1, 6))])
    below = bytes([len(label)]) + label
    out = [below + name, b"\x01x\x02yy" + below + name, b"\x01*" + name, below + b"\x01*" + name]
    if name != b"\0":
        first = name[0] + 1
        out.append(below + name[first:])
        beside = bytearray(name[:first])
        beside[-1] = (beside[-1] + 1) & 255
        out.append(bytes(beside) + name[first:])
        out.append(bytes([name[0] + 1]) + name[1:first] + b"0" + name[first:] if name[0] < 63 else b"\x01-" + name)
        out.append(swap_case(name))
    return [found for found in out if fits(found)]


def swap_case(name: bytes) -> bytes:
    """The same name with its letters' case changed (RFC 4343)."""
    out = bytearray(name)
    pos = 0
    while out[pos]:
        for at in range(pos + 1, pos + 1 + out[pos]):
            if chr(out[at]).isascii() and chr(out[at]).isalpha() and at % 2:
                out[at] ^= 0x20
        pos += out[pos] + 1
    return bytes(out)


def zone_questions(zone: dns.zone.Zone, *, thin: bool = False) -> Iterator[Question]:
    """All questions about one zone. `thin` is for large zones of like names: fewer types at each name."""
    assert zone.origin is not None
    rng = random.Random(SEED + len(zone.nodes))
    turn = rng.randrange(1 << 20)
    for name in owner_names(zone):
        node = zone.get_node(dns.name.from_wire(name, 0)[0])
        own = sorted({int(rdataset.rdtype) for rdataset in node.rdatasets}) if node else []
        types = list(COMMON if not thin else rng.sample(COMMON, 4))
        for rdtype in sorted(set(types) | set(own[:40])):
            turn += 1
            yield question(name, rdtype, WAYS[turn % len(WAYS)], "owner")
            if not thin:
                yield question(name, rdtype, (TCP_DO, WAYS[2], TCP)[turn % 3], "owner")
        if len(own) and not thin:
            yield question(name, own[turn % len(own)], WAYS[6], "owner")
            yield question(name, own[turn % len(own)], WAYS[0], "owner")
        near = neighbours(rng, name)
        for found in near if not thin else rng.sample(near, min(2, len(near))):
            for rdtype in FEW if not thin else rng.sample(FEW, 2):
                turn += 1
                yield question(found, rdtype, WAYS[turn % len(WAYS)], "near")
            if not thin:
                yield question(found, rng.choice((NSEC, RRSIG, ANY, 65400, SOA, CNAME)), TCP_DO, "near")


def outside(rng: random.Random) -> Iterator[Question]:
    """Names of no zone, meta types, and the root."""
    for text in (
        ".",
        "test.",
        "nothing.test.",
        "com.",
        "a.b.c.d.e.f.g.",
        "xtest.",
        "elsewhere.example.org.",
        "in-addr.arpa.",
        "*.",
    ):
        name = dns.name.from_text(text).to_wire()
        for rdtype in (A, NS, SOA, DS, ANY, TXT):
            yield question(name, rdtype, WAYS[rng.randrange(len(WAYS))], "outside")
    for text in ("basic.test.", "www.basic.test.", "nothing.basic.test.", "nsec.test.", "nowhere.org."):
        name = dns.name.from_text(text).to_wire()
        for rdtype in (0, 10, 41, 128, 129, 249, 250, 253, 254, 65535, 3, 4, 32, 100, 65280):
            for way in (WAYS[0], WAYS[2], TCP):
                yield question(name, rdtype, way, "meta")


def odd_questions() -> Iterator[Question]:
    """Header and EDNS oddities; each is named in `odd`."""
    www = dns.name.from_text("www.basic.test.").to_wire()
    none = dns.name.from_text("nothing.basic.test.").to_wire()
    signed = dns.name.from_text("www.nsec.test.").to_wire()
    nowhere = dns.name.from_text("www.nowhere.org.").to_wire()
    plain, tcp = WAYS[0], WAYS[5]

    def odd(what: str, wire: bytes, name: bytes = www, rdtype: int = A, way: Way = plain) -> Question:
        return Question(name, rdtype, way, wire, "odd", what)

    for name in (www, none, signed, nowhere):
        for way in (plain, tcp):
            for label, flags in (
                ("rd", 0x0100),
                ("cd", 0x0010),
                ("ad", 0x0020),
                ("z", 0x0040),
                ("aa", 0x0400),
                ("tc", 0x0200),
            ):
                yield odd(label, query(name, A, flags=flags), name, A, way)
            for label, flags in (("ra", 0x0080), ("rcode", 0x0003), ("rd-cd-ad", 0x0130), ("all", 0x01F0)):
                yield odd(label, query(name, A, flags=flags), name, A, way)
            for flags in (0x0010, 0x0020, 0x0130):
                yield odd(f"do-{flags:#x}", query(name, A, flags=flags, opt=opt_record(1232, do=True)), name, A, way)
            for opcode in (1, 2, 3, 6, 7, 15):
                yield odd(f"opcode-{opcode}", query(name, A, flags=opcode << 11), name, A, way)
            for rdclass in (0, 2, 4, 254, 255, 65280):
                yield odd(f"class-{rdclass}", query(name, A, rdclass), name, A, way)
    for version in (1, 2, 255):
        for do in (False, True):
            yield odd(f"edns-version-{version}", query(www, A, opt=opt_record(1232, version=version, do=do)))
    for size in (0, 1, 511, 512, 1220, 65535):
        yield odd(f"edns-size-{size}", query(www, A, opt=opt_record(size)))
    options = {
        "nsid": b"\0\x03\0\0",
        "unknown-option": b"\xff\xf0\0\x02ab",
        "padding": b"\0\x0c\0\x04\0\0\0\0",
        "expire": b"\0\x09\0\0",
        "subnet": b"\0\x08\0\x07\0\x01\x18\0\xc0\0\x02",
        "keepalive": b"\0\x0b\0\0",
        "two-options": b"\xff\xf0\0\0\xff\xf1\0\0",
        "cookie": b"\0\x0a\0\x0801234567",
        "cookie-short": b"\0\x0a\0\x030123"[:7],
        "cookie-long": b"\0\x0a\0\x29" + b"0" * 41,
        "cookie-bad-server": b"\0\x0a\0\x10" + b"0123456789abcdef",
        "overrun": b"\xff\xf0\0\x09a",
        "half": b"\xff\xf0\0",
    }
    for label, data in options.items():
        for way in (plain, tcp):
            yield odd(f"opt-{label}", query(www, A, opt=opt_record(1232, options=data)), way=way)
    one_opt = opt_record(1232)
    header = struct.Struct("!HHHHHH")
    ask = www + struct.pack("!HH", A, 1)
    yield odd("opt-twice", header.pack(0, 0, 1, 0, 0, 2) + ask + one_opt + one_opt)
    yield odd("opt-owner", header.pack(0, 0, 1, 0, 0, 1) + ask + b"\x01a" + one_opt)
    yield odd("opt-in-answer", header.pack(0, 0, 1, 1, 0, 0) + ask + one_opt)
    yield odd("opt-z-flags", query(www, A, opt=opt_record(1232, zflags=0x7FFF)))
    yield odd("qdcount-0", header.pack(0, 0, 0, 0, 0, 0))
    yield odd("qdcount-0-edns", header.pack(0, 0, 0, 0, 0, 1) + one_opt)
    yield odd("qdcount-2", header.pack(0, 0, 2, 0, 0, 0) + ask + ask)
    yield odd("qdcount-2-missing", header.pack(0, 0, 2, 0, 0, 0) + ask)
    yield odd("trailing", query(www, A) + b"\0\0\0")
    yield odd("answer-in-query", header.pack(0, 0, 1, 1, 0, 0) + ask + www + struct.pack("!HHIHI", A, 1, 0, 4, 0))
    yield odd("cut-in-name", query(www, A)[:18])
    yield odd("cut-in-type", query(www, A)[:-3])
    yield odd("header-only", query(www, A)[:12])
    yield odd("short-header", query(www, A)[:11])
    yield odd("pointer-qname", header.pack(0, 0, 1, 0, 0, 0) + b"\x03www\xc0\x0c" + struct.pack("!HH", A, 1))
    yield odd("pointer-header", header.pack(0, 0, 1, 0, 0, 0) + b"\x03www\xc0\x04" + struct.pack("!HH", A, 1))
    yield odd("label-64", header.pack(0, 0, 1, 0, 0, 0) + b"\x40" + b"a" * 64 + b"\0" + struct.pack("!HH", A, 1))
    yield odd("name-256", header.pack(0, 0, 1, 0, 0, 0) + b"\x01a" * 128 + b"\0" + struct.pack("!HH", A, 1))
    yield odd("response", query(www, A, flags=0x8000))
    for text in ("version.bind.", "id.server.", "hostname.bind.", "version.server.", "authors.bind."):
        name = dns.name.from_text(text).to_wire()
        yield odd("chaos", query(name, TXT, 3), name, TXT)


def plan(zones: Sequence[dns.zone.Zone], *, everything: bool, size: int = 8000) -> list[Question]:
    """The questions for a set of zones: all, or a fixed sample of about `size` in which each part has its share."""
    found: list[Question] = []
    for zone in zones:
        found += zone_questions(zone, thin=len(zone.nodes) > 1000)
    rng = random.Random(SEED)
    extra = [*outside(rng), *odd_questions()]
    if not everything:
        found = rng.sample(found, min(size, len(found)))
    return found + extra
