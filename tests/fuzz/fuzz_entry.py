"""Any bytes as a stored entry give a well-formed answer or SERVFAIL, the same from a fill as from the cache.

Input: one octet that chooses the owner name, then the blob. A blob in a fill is an object of its own, so that the sanitizer sees
a read outside it; in the cache other blocks lie around it, and a read outside would make the answers differ.
"""

import random
import struct

import dns.exception
import dns.message
import dns.rdatatype
import dns.rrset

from nsblast._core.rrset import pack_entry, unpack_entry
from nsblast._core.segment import Segment
from tests.fuzz.world import Served, damage, entries, judge, segment

APEX = b"\2z1\4test\0"
OWNERS = (
    APEX,
    b"\3www" + APEX,
    b"\1*\1w" + APEX,
    b"\3cut" + APEX,
    b"\3old" + APEX,
    b"\2ns" + APEX,
    b"\4self" + APEX,
    b"\2mx\2z0\4test\0",
    b"\2z0\4test\0",
    b"\5child\2z0\4test\0",
    b"\2z2\4test\0",
    b"\4test\0",
)
PROOFS = {dns.rdatatype.NSEC, dns.rdatatype.NSEC3}
ASKED = (1, 2, 5, 6, 15, 16, 28, 33, 35, 39, 43, 46, 47, 64, 255, 65280)


def query(name: bytes, rrtype: int, *, do: bool) -> bytes:
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000, 0) if do else b""
    return struct.pack("!6H", 7, 0, 1, 0, 0, 1 if do else 0) + name + struct.pack("!HH", rrtype, 1) + opt


def alike(first: bytes | int, second: bytes | int) -> bool:
    """The same octets; or the same but for the proofs: the world gives any as one, the cache finds the right ones (chain.pyx)."""
    if first == second or isinstance(first, int) or isinstance(second, int):
        return first == second
    try:
        one, other = (dns.message.from_wire(each, one_rr_per_rrset=True) for each in (first, second))
    except dns.exception.DNSException:
        return False
    return (one.flags, one.rcode(), one.answer, besides_proofs(one)) == (
        other.flags, other.rcode(), other.answer, besides_proofs(other)
    )  # fmt: skip


def besides_proofs(message: dns.message.Message) -> list[dns.rrset.RRset]:
    """The authority section without NSEC, NSEC3 and their signatures."""
    return [each for each in message.authority if not {each.rdtype, each.covers} & PROOFS]


def respelled(rng: random.Random, owner: bytes, blob: bytes) -> bytes:
    """The entry with a stored spelling: the owner's, another name's, or none that is a name."""
    spelling = rng.choice(
        (owner.upper(), owner[rng.randrange(len(owner)) :], b"q" + owner, rng.choice(OWNERS), rng.randbytes(9))
    )
    entry = unpack_entry(blob) if blob else None
    return (
        pack_entry(entry.rrsets, apex_labels=entry.apex_labels, flags=entry.flags, spelling=spelling) if entry else blob
    )


class Target:
    def __init__(self) -> None:
        self._segment, fd = segment()
        self._cached = Served(fd, any_full=True)
        self._filled = Served(any_full=True)
        self._number = 1
        self._last = b""
        self._seed = [entries()[owner] for owner in OWNERS if owner in entries()]

    def _put(self, segment: Segment, owner: bytes, blob: bytes) -> None:
        self._number += 1
        segment.begin(self._number, [owner[owner.index(b"\2z") if b"\2z" in owner else 0 :]])
        if self._last and self._last != owner:
            segment.put(self._last, entries().get(self._last, b""), pin=False)
        segment.put(owner, blob, pin=False)
        segment.finish() or segment.finish()
        self._last = owner

    def one(self, data: bytes) -> tuple[int, ...]:
        owner = OWNERS[data[0] % len(OWNERS)] if data else APEX
        blob = data[1:40000]
        self._put(self._segment, owner, blob)
        self._cached.position = self._number
        self._cached.engine.drop_fills()
        self._filled.engine.drop_fills()
        self._filled.engine.fill(0, 0, owner, owner, blob, self._number)
        kinds: set[tuple[int, ...]] = set()
        below = b"\1q" + owner
        rng = random.Random(data)
        for rrtype in (255, *rng.sample(ASKED, 4)):
            name, tcp = rng.choice((owner, owner, below)), rng.random() < 0.3
            for do in (False, True):
                packet = query(name, rrtype, do=do)
                first = self._filled.ask(packet, tcp=tcp)
                kinds.add(judge(packet, first, tcp=tcp))
                second = self._cached.ask(packet, tcp=tcp)
                assert alike(first, second), f"{rrtype}: {first!r} from the fill, {second!r} from the cache"
        return (len(kinds), *max(kinds))

    def generate(self, rng: random.Random) -> bytes:
        which = rng.randrange(len(OWNERS))
        blob = entries().get(OWNERS[which], b"") if rng.random() < 0.7 else rng.choice(self._seed)
        if rng.random() < 0.3 and len(blob) > 8:
            blob = blob[:2] + rng.randbytes(2) + blob[4:]
        if rng.random() < 0.2:
            blob = respelled(rng, OWNERS[which], blob)
        return bytes((which,)) + (damage(rng, blob) if rng.random() < 0.9 else blob)

    def mutate(self, rng: random.Random, data: bytes) -> bytes:
        return damage(rng, data)
