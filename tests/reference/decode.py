"""decode in plain Python: what a packet says and what it deserves. Written from the RFCs, not from decode.pyx."""

import struct
from dataclasses import dataclass, field

QUERY, NOTIFY, UPDATE = 0, 4, 5
IN, CH = 1, 3
OPT, TSIG, IXFR, AXFR, ANY = 41, 250, 251, 252, 255
NSID, EXPIRE, COOKIE, KEEPALIVE, ZONEVERSION = 3, 9, 10, 11, 19


class Malformed(Exception):
    """The packet breaks the rules of its format."""


@dataclass
class Config:
    """What the server is told by its settings."""

    udp_max: int = 1232
    cookies: bool = True
    cookies_required: bool = False


@dataclass
class Opt:
    """The request's OPT; the cookie's worth is judged elsewhere."""

    present: bool = False
    udp_size: int = 512
    version: int = 0
    do: bool = False
    nsid: bool = False
    keepalive: bool = False
    expire: bool = False
    zoneversion: bool = False
    cookie: bytes = b""


@dataclass
class Told:
    """All that decode can say about a packet."""

    status: str = "SILENT"
    id: int = 0
    flags: int = 0
    opcode: int = 0
    has_question: bool = False
    qname: bytes = b""
    qtype: int = 0
    qclass: int = 0
    question_end: int = 12
    limit: int = 512
    tsig_at: int = 0
    opt: Opt = field(default_factory=Opt)


class Cursor:
    """Octets taken one after another."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, n: int) -> bytes:
        part = self.data[self.at : self.at + n]
        if len(part) < n:
            raise Malformed("cut short")
        self.at += n
        return part

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets), "big")

    @property
    def left(self) -> int:
        return len(self.data) - self.at


def plain_name(c: Cursor) -> bytes:
    """An uncompressed name, in lower case."""
    out = b""
    while True:
        size = c.number(1)
        if size > 63:
            raise Malformed("pointer or label too long")
        out += bytes([size]) + c.take(size)
        if len(out) > 255:
            raise Malformed("name too long")
        if size == 0:
            return out.lower()


def skip_name(c: Cursor) -> bool:
    """Pass over a name; whether it is the root written as one octet."""
    first = True
    while True:
        size = c.number(1)
        if size == 0:
            return first
        if size >= 192:
            c.take(1)
            return False
        if size > 63:
            raise Malformed("label type")
        c.take(size)
        first = False


def read_options(opt: Opt, rdata: bytes, config: Config) -> None:
    c = Cursor(rdata)
    while c.left:
        code, length = c.number(2), c.number(2)
        data = c.take(length)
        if code == COOKIE and config.cookies and not opt.cookie:
            if length != 8 and not 16 <= length <= 40:
                raise Malformed("cookie length")
            opt.cookie = data
        opt.nsid |= code == NSID
        opt.expire |= code == EXPIRE
        opt.keepalive |= code == KEEPALIVE and not data
        opt.zoneversion |= code == ZONEVERSION and not data


def read_records(told: Told, c: Cursor, counts: tuple[int, int, int], config: Config) -> bool:
    """Everything after the question; whether an EDNS version above ours was met."""
    too_new = False
    for section, count in enumerate(counts):
        for i in range(count):
            start = c.at
            root = skip_name(c)
            rrtype, rrclass, ttl = c.number(2), c.number(2), c.number(4)
            rdata = c.take(c.number(2))
            if rrtype == OPT:
                if section != 2 or not root or told.opt.present:
                    raise Malformed("OPT out of place")
                told.opt = Opt(True, max(512, rrclass), ttl >> 16 & 255, bool(ttl & 0x8000))
                too_new = told.opt.version > 0
                if not too_new:
                    read_options(told.opt, rdata, config)
            elif rrtype == TSIG:
                if section != 2 or i != count - 1:
                    raise Malformed("TSIG out of place")
                told.tsig_at = start
    if c.left:
        raise Malformed("octets left over")
    return too_new


def judge(told: Told, tcp: bool, config: Config, cookie_good: bool) -> str:
    doubtful = config.cookies_required and not tcp
    if not told.has_question:
        if told.opcode != QUERY or told.tsig_at or not told.opt.cookie:
            return "FORMERR"
        return "BADCOOKIE" if doubtful and len(told.opt.cookie) > 8 and not cookie_good else "COOKIE_ONLY"
    if told.tsig_at or told.opcode in (NOTIFY, UPDATE):
        return "HAND_OVER"
    if told.qtype in (OPT, TSIG):
        return "FORMERR"
    if doubtful and told.opt.cookie and not cookie_good:
        return "BADCOOKIE"
    if told.qclass == CH:
        return "CHAOS"
    if told.qclass not in (IN, 255):  # 255: any class, RFC 1035 3.2.5
        return "NO_ZONE"
    if told.qtype in (AXFR, IXFR):
        return "HAND_OVER"
    return "NOTIMP" if 128 <= told.qtype < ANY else "OK"


def decode(packet: bytes, *, tcp: bool = False, config: Config | None = None, cookie_good: bool = False) -> Told:
    """The whole of it. The caller says whether the packet's cookie, should it have one, is good."""
    config = config or Config()
    told = Told()
    told.limit = 65535 if tcp else 512
    if len(packet) < 12:
        return told
    told.id, told.flags, questions, *counts = struct.unpack("!6H", packet[:12])
    if told.flags & 0x8000:
        return told
    told.opcode = told.flags >> 11 & 15
    try:
        if questions > 1:
            raise Malformed("more than one question")
        c = Cursor(packet, 12)
        if questions:
            qname = plain_name(c)
            told.qtype, told.qclass = c.number(2), c.number(2)
            told.qname, told.has_question, told.question_end = qname, True, c.at
        too_new = read_records(told, c, (counts[0], counts[1], counts[2]), config)
        told.status = "BADVERS" if too_new else judge(told, tcp, config, cookie_good)
    except Malformed:
        told.status = "FORMERR"
    if not told.has_question:
        told.qtype = told.qclass = 0
    if told.opcode not in (QUERY, NOTIFY, UPDATE):
        told.status = "NOTIMP"
    if told.opt.present and not tcp:
        told.limit = max(512, min(told.opt.udp_size, config.udp_max))
    return told
