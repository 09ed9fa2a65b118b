"""encode in plain Python: a chosen plan becomes an answer. The same octets as encode.pyx are expected of it."""

import struct
from dataclasses import dataclass, field

ANSWER, AUTHORITY, ADDITIONAL = 0, 1, 2
MUST, SYNTH, CAPPED = 1, 2, 4
RRSIG = 46
SLOTS = 64

# type: octets before the first name, number of names, may they be compressed (RFC 3597 4)
LAYOUTS = {
    2: (0, 1, True),
    5: (0, 1, True),
    6: (0, 2, True),
    12: (0, 1, True),
    15: (2, 1, True),
    17: (0, 2, False),
    18: (2, 1, False),
    33: (6, 1, False),
    36: (2, 1, False),
    39: (0, 1, False),
}


class Full(Exception):
    """It does not fit."""


@dataclass
class Item:
    """One RRset of the plan."""

    section: int
    owner: bytes
    rrtype: int
    ttl: int
    rdatas: list[bytes]
    flags: int = 0
    owner_at: int = 0
    cap: int = -1


@dataclass
class Message:
    """Octets so far and the suffixes that stand in them."""

    data: bytes
    limit: int
    known: dict[bytes, int] = field(default_factory=dict)

    def put(self, octets: bytes) -> None:
        if len(self.data) + len(octets) > self.limit:
            raise Full
        self.data += octets

    def suffixes(self, name: bytes) -> list[tuple[int, bytes]]:
        """Offset and octets of each suffix but the root, longest first."""
        found = []
        at = 0
        while name[at]:
            found.append((at, name[at:]))
            at += 1 + name[at]
        return found

    def learn(self, name: bytes, at: int) -> None:
        for offset, suffix in self.suffixes(name):
            if suffix in self.known or len(self.known) >= SLOTS or at + offset > 0x3FFF:
                return
            self.known[suffix] = at + offset

    def put_name(self, name: bytes) -> None:
        at = len(self.data)
        for offset, suffix in self.suffixes(name):
            if suffix in self.known:
                self.put(name[:offset] + struct.pack("!H", 0xC000 | self.known[suffix]))
                break
        else:
            self.put(name)
        self.learn(name, at)


def name_length(rdata: bytes, at: int) -> int:
    start = at
    while rdata[at]:
        at += 1 + rdata[at]
    return at + 1 - start


def put_rdata(message: Message, rrtype: int, rdata: bytes) -> None:
    """Length and rdata."""
    skip, names, compress = LAYOUTS.get(rrtype, (0, 0, False))
    if not compress:
        message.put(struct.pack("!H", len(rdata)) + rdata)
        if names and len(rdata) > skip:
            target = rdata[skip : skip + name_length(rdata, skip)]
            message.learn(target, len(message.data) - len(rdata) + skip)
        return
    message.put(b"\0\0")
    start = len(message.data)
    message.put(rdata[:skip])
    at = skip
    for _ in range(names):
        size = name_length(rdata, at)
        message.put_name(rdata[at : at + size])
        at += size
    message.put(rdata[at:])
    length = struct.pack("!H", len(message.data) - start)
    message.data = message.data[: start - 2] + length + message.data[start:]


def put_rrset(message: Message, item: Item, last: dict[bytes, bytes]) -> None:
    """All RRs of an item. `last` holds the pointer that stands for the owner name written last."""
    pointer = b""
    if len(item.owner) > 1:
        pointer = struct.pack("!H", 0xC000 | item.owner_at) if item.owner_at else last.get(item.owner, b"")
    ttl = min(item.ttl, item.cap) if item.flags & CAPPED else item.ttl
    for rdata in item.rdatas:
        if pointer:
            message.put(pointer)
        else:
            at = len(message.data)
            message.put_name(item.owner)
            if at <= 0x3FFF and len(item.owner) > 1:
                written = message.data[at:]
                pointer = written if len(written) == 2 else struct.pack("!H", 0xC000 | at)
                last.clear()
                last[item.owner] = pointer
        message.put(struct.pack("!HHI", item.rrtype, 1, ttl))
        put_rdata(message, item.rrtype, rdata)


def encode(
    packet: bytes, question_end: int, items: list[Item], *, limit: int, opt: bytes, rcode: int, aa: bool
) -> tuple[bytes, bool]:
    """(answer, whether TC is set). opt: the response's OPT as it is to stand at the end, or nothing."""
    message = Message(packet[:question_end], limit - len(opt))
    question = packet[12 : question_end - 4]
    # The question's suffixes count as known before any other; an answer that uses none does not differ.
    if question:
        message.learn(question, 12)
    counts = [0, 0, 0]
    truncated = False
    last: dict[bytes, bytes] = {}
    left_out = b""
    for item in items:
        if item.rrtype == RRSIG and left_out and item.owner == left_out:
            continue
        left_out = b""
        before, known = message.data, dict(message.known)
        try:
            put_rrset(message, item, last)
        except Full:
            message.data, message.known = before, known
            last.clear()
            if item.section != ADDITIONAL:
                truncated = True
                break
            left_out = item.owner
            truncated |= bool(item.flags & MUST) and item.rrtype != RRSIG
            continue
        counts[item.section] += len(item.rdatas)
    flags = struct.unpack("!H", packet[2:4])[0] & 0x7900 | 0x8000 | aa << 10 | truncated << 9 | rcode & 15
    header = packet[:2] + struct.pack(
        "!5H", flags, 1 if question else 0, counts[0], counts[1], counts[2] + (1 if opt else 0)
    )
    return header + message.data[12:] + opt, truncated
