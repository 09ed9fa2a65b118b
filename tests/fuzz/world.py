"""What the fuzzers ask: zones with everything nasty in them, behind the Engine in two ways; packets; and a judge of answers.

The judge is plain code that shares nothing with the core: it walks an answer by RFC 1035 4.1 and knows the sizes allowed.
"""

import random
import struct
import zlib
from functools import cache
from typing import Any

import dns.name

from nsblast._core.engine import BUSY, HAND_OVER, MISS, MISS_ENTRY, MISS_NSEC_COVER, Engine
from nsblast._core.segment import Segment
from tests.helpers.signed import sign_nsec, sign_nsec3
from tests.helpers.tables import Tables, wire

UDP_MAX = 1232
CLIENT = bytes([192, 0, 2, 53])
SECRET = bytes(range(16))
NOW = 1_700_000_000
ROUNDS = 5000  # misses one answer may need

BIG = "\n".join(f"big NS ns{i}.big\nns{i}.big A 192.0.2.{i % 250}\nns{i}.big AAAA 2001:db8::{i:x}" for i in range(600))
MANY = "\n".join(
    f"many A 10.{i >> 8}.{i & 255}.1\nmx MX {i} mx{i % 40}\nmx{i % 40} A 10.1.{i & 255}.2" for i in range(400)
)
CHAIN = "\n".join(f"c{i} CNAME c{i + 1}" for i in range(30)) + "\nc30 A 192.0.2.30"
DEEP = ".".join("d" * 1 for _ in range(115))
TEXT = 'text TXT "' + '" "'.join("x" * 250 for _ in range(230)) + '"'

BODY = """
$TTL 300
@ SOA ns host 1 7200 3600 1209600 30
@ NS ns
@ NS ns.other.test.
@ MX 10 mail
ns A 192.0.2.1
ns AAAA 2001:db8::1
mail A 192.0.2.2
www A 192.0.2.3
WwW TXT "spelled"
* TXT "wild"
*.w A 192.0.2.4
*.w MX 5 mail
under.w A 192.0.2.5
x.*.w TXT "below a wildcard"
*.alias CNAME www
*.loop CNAME a.loop
self CNAME self
ping CNAME pong
pong CNAME ping
out CNAME www.other.test.
away CNAME www.nowhere.example.
cut NS ns.cut
cut NS ns2.cut
cut NS ns
cut NS far.nowhere.example.
ns.cut A 192.0.2.6
ns2.cut AAAA 2001:db8::6
below.cut A 192.0.2.7
safe NS ns.safe
safe DS 60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
ns.safe A 192.0.2.8
old DNAME new
old A 192.0.2.9
hidden.old A 192.0.2.10
new A 192.0.2.11
a.new A 192.0.2.12
long DNAME {long}
round DNAME round2
round2 DNAME round
a.b.c.ent A 192.0.2.13
_s._tcp SRV 1 2 3 www
_s._tcp SRV 1 2 3 cut
svc SVCB 0 svc2
svc2 SVCB 1 . alpn=h2 ipv4hint=192.0.2.14
https HTTPS 1 www alpn=h2
naptr NAPTR 1 2 "S" "x" "" _s._tcp
naptr NAPTR 1 3 "A" "x" "" www
odd TYPE65280 \\# 4 01020304
rp RP host www
afs AFSDB 1 www
soa2 HINFO "a" "b"
MiXeD.CaSe A 192.0.2.15
child NS ns.child
ns.child A 192.0.2.16
"""
LONG = ".".join("l" * 60 for _ in range(3))
OTHER = "$ORIGIN other.test.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.20\nwww CNAME c0.z0.test.\n* CNAME x.old.z1.test.\n"
CHILD = "$ORIGIN child.z0.test.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.21\n* A 192.0.2.22\n"


def zone(number: int) -> str:
    body = BODY.format(long=LONG)
    if number == 0:
        body = "\n".join([body, BIG, MANY, CHAIN, f"{DEEP} A 192.0.2.1", TEXT])
    return f"$ORIGIN z{number}.test.\n{body}\n"


@cache
def tables() -> Tables:
    """z0 unsigned and large, z1 with NSEC, z2 with NSEC3, z3 with NSEC3 and opt-out; a zone beside, a child below z0."""
    return Tables(
        [
            zone(0),
            sign_nsec(zone(1)),
            sign_nsec3(zone(2)),
            sign_nsec3(zone(3), salt="", iterations=0, opt_out=True),
            OTHER,
            CHILD,
        ]
    )


@cache
def entries() -> dict[bytes, bytes]:
    """Every owner name of the deepest zones, with its blob."""
    known = tables()
    return {
        wire(name): one.entry(name) for one in known.zones.values() for name in one.names if known.deepest(name) is one
    }


@cache
def names() -> list[bytes]:
    return sorted(entries())


@cache
def asked() -> list[bytes]:
    """The names worth asking for: of each large family one in forty, for they are dear to answer."""
    large = [name for name in names() if name.endswith(b"\3big\2z0\4test\0") or name[1:3] in (b"mx", b"d\1")]
    return sorted(set(names()) - set(large) - {b"\3big\2z0\4test\0"}) * 8 + large[::40] + [b"\3big\2z0\4test\0"]


def segment(cache_size: int = 8 << 20, *, leave_out: int = 0) -> tuple[Segment, int]:
    """A segment with all entries (all but each `leave_out`-th), and its descriptor."""
    fd = Segment.create(cache_size, 1)
    one = Segment(fd, writer=True)
    one.set_seed(11, 13)
    one.filter_start(len(names()) * 2)
    one.filter_add(names())
    for apex in tables().zones:
        one.filter_add_apex(wire(apex))
    one.filter_switch()
    one.begin(1, [wire(apex) for apex in tables().zones])
    for i, name in enumerate(names()):
        if leave_out == 0 or i % leave_out:
            one.put(name, entries()[name], pin=False)
    one.finish() or one.finish()
    return one, fd


@cache
def proofs() -> dict[tuple[bool, int], list[tuple[bytes, bytes]]]:
    """Owners of NSEC3 (True) or NSEC with their blobs, by the labels of the apex: any of them will do as a proof."""
    found: dict[tuple[bool, int], list[tuple[bytes, bytes]]] = {}
    for one in tables().zones.values():
        for hashed, owners in ((True, one.hashed), (False, one.ordered)):
            found.setdefault((hashed, len(one.apex.labels) - 1), []).extend((wire(o), one.entry(o)) for o in owners)
    return found


@cache
def shadowed() -> dict[bytes, bytes]:
    """What the parent has at the child's apex."""
    parent, child = (dns.name.from_text(text) for text in ("z0.test.", "child.z0.test."))
    return {wire(child): tables().zones[parent].entry(child)}


def fetch(kind: int, apex: int, name: bytes) -> tuple[bytes, bytes]:
    """What a store holding these zones would give, faster: right entries, and proofs of the right kind."""
    if kind >= MISS_NSEC_COVER:
        owners = proofs().get((kind != MISS_NSEC_COVER, apex))
        mark = zlib.crc32(name)
        return owners[mark % len(owners)] if owners and mark % 8 else (name, b"")
    return name, entries().get(name, b"") if kind == MISS_ENTRY else shadowed().get(name, b"")


class Served:
    """An Engine and what fills its misses."""

    def __init__(self, fd: int = -1, **options: Any) -> None:
        self.engine = Engine(
            fd, cookie_secret=SECRET, nsid=b"fuzz", tcp_keepalive=100, version=b"v", server_id=b"s", **options
        )
        self.position = 1

    def fill(self) -> None:
        miss = self.engine.miss()
        self.engine.fill(*miss, *fetch(*miss), self.position)

    def ask(self, packet: bytes, *, tcp: bool = False) -> bytes | int:
        for _ in range(ROUNDS):
            answer = self.engine.answer(packet, CLIENT, tcp, NOW)
            if answer != MISS:
                return answer
            self.fill()
        raise AssertionError("misses without end")


# -- the judge


def skip_name(message: bytes, at: int) -> int:
    """Offset behind the name at `at`; AssertionError for what is no name. Pointers must lead downwards to a whole name."""
    end = 0
    octets = 0
    lowest = at
    while True:
        size = message[at]
        if size >= 0xC0:
            target = (size & 0x3F) << 8 | message[at + 1]
            end = end or at + 2
            assert 12 <= target < lowest, f"pointer at {at} to {target}"
            at = lowest = target
            continue
        assert size < 0x40, f"label type {size:#x} at {at}"
        octets += size + 1
        assert octets <= 255, "name too long"
        at += size + 1
        if size == 0:
            return end or at


def walk(message: bytes) -> tuple[int, int]:
    """(records, offset of the OPT's class or 0) of a whole message, every octet of it accounted for."""
    counts = struct.unpack_from("!4H", message, 4)
    at = 12
    for _ in range(counts[0]):
        at = skip_name(message, at) + 4
        assert at <= len(message)
    opt = 0
    for section in range(1, 4):
        for _ in range(counts[section]):
            root = message[at] == 0
            at = skip_name(message, at)
            rrtype, _, _, length = struct.unpack_from("!HHIH", message, at)
            if rrtype == 41 and section == 3 and root:
                assert opt == 0, "two OPT records"
                opt = at + 2
            at += 10 + length
            assert at <= len(message), "record beyond the end"
    assert at == len(message), "octets left over"
    return sum(counts[1:]), opt


def allowed(packet: bytes) -> int:
    """The most octets a UDP answer may have: any OPT in the packet, even in a malformed one, may have raised it."""
    try:
        _, opt = walk(packet)
    except (AssertionError, IndexError, struct.error):
        return UDP_MAX  # malformed: what the core read of it is for the core to say
    size = struct.unpack_from("!H", packet, opt)[0] if opt else 512
    return max(512, min(UDP_MAX, size))


def judge(packet: bytes, answer: bytes | int, *, tcp: bool) -> tuple[int, ...]:
    """Assert what holds for every answer; what kind of answer it is."""
    quiet = len(packet) < 12 or packet[2] & 0x80
    if isinstance(answer, int):
        assert answer in (HAND_OVER, BUSY) and not quiet, f"status {answer}"
        return (answer,)
    if quiet:
        assert answer == b"", "answer where silence was due"
        return (0,)
    assert len(answer) >= 12, "silence where an answer was due"
    assert answer[:2] == packet[:2], "another id"
    assert answer[2] & 0x80 and (answer[2] ^ packet[2]) & 0x79 == 0, "QR, opcode or RD"
    assert answer[3] & 0xE0 == 0, "RA, Z or AD"
    assert len(answer) <= (65535 if tcp else allowed(packet)), f"{len(answer)} octets"
    _, opt = walk(answer)
    if not tcp and not opt:
        assert len(answer) <= 512
    rcode = answer[3] & 15
    return (
        rcode,
        answer[2] & 6,
        *(min(count, 6) for count in struct.unpack_from("!4H", answer, 4)),
        len(answer) // 128,
        bool(opt),
    )


# -- packets

TYPES = (1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 41, 43, 46, 47, 48, 50, 51, 64, 65, 99, 250, 251, 252, 255, 257, 65280)
OPTIONS = (3, 8, 9, 10, 11, 12, 15, 19, 65001)


def random_name(rng: random.Random) -> bytes:
    name = rng.choice(asked()) if rng.random() < 0.9 else b"\0"
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 5, 40))):
        label = rng.choice((b"\1*", b"\1x", b"\3www", b"\1a", b"\x3f" + b"y" * 63, bytes((2, rng.randrange(256), 7))))
        if len(name) + len(label) <= 255:
            name = label + name
    return name.upper() if rng.random() < 0.1 and max(name[:1]) < 65 else name


def option(rng: random.Random) -> bytes:
    code = rng.choice(OPTIONS)
    size = rng.choice((0, 0, 2, 8, 8, 16, 24, 24, 40, 41, 7))
    data = rng.randbytes(size)
    if code == 10 and size == 24 and rng.random() < 0.5:
        data = data[:8] + b"\1\0\0\0" + NOW.to_bytes(4, "big") + data[16:]
    return struct.pack("!HH", code, size) + data


def opt_record(rng: random.Random) -> bytes:
    size = rng.choice((0, 511, 512, 513, 700, 1232, 1233, 4096, 65535, rng.randrange(65536)))
    ttl = rng.choice((0, 0x8000, 0x8000, 0x8000, 0x10000, 0x80008000, rng.randrange(1 << 32)))
    data = b"".join(option(rng) for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 6))))
    return b"\0" + struct.pack("!HHIH", 41, size, ttl, len(data)) + data


def random_packet(rng: random.Random) -> bytes:
    """A question as a client might send it, or nearly."""
    flags = rng.choice((0, 0x0100, 0x0110, 0x0120, 0x2400, 0x2800, 0x1000, 0x3000, 0x8000, rng.randrange(65536)))
    if rng.random() < 0.85:
        flags &= 0x0130
    extra = []
    if rng.random() < 0.7:
        extra.append(opt_record(rng))
    if rng.random() < 0.05:
        extra.append(rng.choice((opt_record(rng), random_name(rng) + struct.pack("!HHIH", 250, 255, 0, 4) + b"abcd")))
    questions = 0 if rng.random() < 0.02 else 1
    rrclass = rng.choice((1,) * 30 + (3, 255, 254, 0))
    body = b"".join(random_name(rng) + struct.pack("!HH", rng.choice(TYPES), rrclass) for _ in range(questions))
    if rrclass == 3:
        body = rng.choice((b"\7version\4bind\0", b"\2id\6server\0", b"\x08hostname\4bind\0")) + struct.pack(
            "!HH", 16, 3
        )
        questions = 1
    counts = [questions, 0, 0, len(extra)]
    if rng.random() < 0.03:
        counts[rng.randrange(4)] = rng.choice((0, 1, 2, 65535))
    return struct.pack("!6H", rng.randrange(65536), flags, *counts) + body + b"".join(extra)


def damage(rng: random.Random, data: bytes) -> bytes:
    """A few octets changed, cut, doubled or added."""
    octets = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(octets) + 1)
        match rng.randrange(7):
            case 0 if at < len(octets):
                octets[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(octets):
                octets[at] = rng.choice((0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF, rng.randrange(256)))
            case 2:
                del octets[at:]
            case 3:
                octets[at:at] = rng.randbytes(rng.choice((1, 2, 4, 30)))
            case 4:
                del octets[at : at + rng.choice((1, 2, 4, 12))]
            case 5:
                other = rng.randrange(len(octets) + 1)
                octets[at:at] = octets[other : other + rng.choice((1, 4, 16))]
            case _ if at + 2 <= len(octets):
                octets[at : at + 2] = rng.choice((0, 1, 0xFF, 0xFFFF, len(octets), 41, 0xC00C)).to_bytes(2, "big")
    return bytes(octets[:70000])
