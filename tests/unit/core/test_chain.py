"""Denials found through hints in signed zones that change: always the right record of the one version the answer is made of.

Each version of the zone marks its records with its number as TTL. The engine keeps its hints through all of them, so that most
are old; the store behind it is asked for what is not found, and how often is counted.
"""

import os
import random
import threading
import time
from base64 import b32hexencode
from collections.abc import Callable, Iterator

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from nsblast._core.engine import BUSY, MISS, MISS_ENTRY, MISS_NSEC3_COVER, MISS_NSEC_COVER, Engine
from nsblast._core.keys import owner_key
from nsblast._core.rrset import IS_APEX, ONLY_NSEC3, ZONE_NSEC, ZONE_NSEC3, pack_entry
from nsblast._core.segment import Segment
from nsblast.store.reader import Nsec3Params, hash_owner

APEX = b"\7example\0"
SALT = b"\xaa\xbb"
PARAMS = b"\1\0\0\2\2" + SALT
A, SOA, NSEC, NSEC3, NSEC3PARAM = 1, 6, 47, 50, 51
SIZE = 400
Chain = dict[bytes, bytes]


def host(number: int) -> bytes:
    label = b"h%04d" % number
    return bytes([len(label)]) + label + APEX


def hashed(name: bytes) -> bytes:
    return hash_owner(name, APEX, Nsec3Params(2, SALT))


class Version:
    """Hosts of one version, its chain (owner to next owner, in order) and entries."""

    def __init__(self, number: int, hosts: set[int], nsec3: bool) -> None:
        self.number = number
        self.nsec3 = nsec3
        names = [APEX, *(host(one) for one in sorted(hosts))]
        owners = sorted(hashed(name) for name in names) if nsec3 else names
        self.names = set(names)
        self.owners = owners
        self.next = dict(zip(owners, [*owners[1:], owners[0]], strict=True))

    def rdata(self, owner: bytes) -> bytes:
        following = self.next[owner]
        if not self.nsec3:
            return following + b"\0\1\x40"
        digits = following[1:33].upper().decode()
        number = int("".join(f"{'0123456789ABCDEFGHIJKLMNOPQRSTUV'.index(c):05b}" for c in digits), 2)
        return PARAMS + b"\x14" + number.to_bytes(20, "big") + b"\0\1\x40"

    def entry(self, name: bytes) -> bytes:
        """The blob of a name; b"" when there is none."""
        sets: list[tuple[int, int, list[bytes]]] = []
        flags = 0
        if name in self.names:
            sets.append((A, self.number, [b"\xc0\0\2\1"]))
            if name == APEX:
                flags = IS_APEX | (ZONE_NSEC3 if self.nsec3 else ZONE_NSEC)
                soa = APEX + APEX + b"".join(n.to_bytes(4, "big") for n in (self.number, 1, 1, 1, self.number))
                sets.append((SOA, self.number, [soa]))
                sets += [(NSEC3PARAM, self.number, [PARAMS])] if self.nsec3 else []
        if name in self.next:
            sets.append((NSEC3 if self.nsec3 else NSEC, self.number, [self.rdata(name)]))
            flags |= ONLY_NSEC3 if name not in self.names else 0
        return pack_entry(sets, apex_labels=1, flags=flags) if sets else b""

    def cover(self, name: bytes) -> bytes:
        """The owner whose record covers a name that does not exist."""
        key = owner_key(hashed(name) if self.nsec3 else name, 1)
        before = [owner for owner in self.owners if owner_key(owner, 1) < key]
        return before[-1] if before else self.owners[-1]


class Zone:
    """A segment with the zone's versions, and an engine that asks a store of the newest."""

    def __init__(self, nsec3: bool, *, size: int = 8 << 20) -> None:
        self.nsec3 = nsec3
        self.rng = random.Random(7)
        self.fd = Segment.create(size, 1)
        self.segment = Segment(self.fd, writer=True)
        self.engine = Engine(self.fd)
        self.versions: list[Version] = []
        self.asked: list[int] = []
        self.commit(set(self.rng.sample(range(SIZE * 10), SIZE)))

    def commit(self, hosts: set[int]) -> None:
        """The next version: only what differs is put, but TTLs differ everywhere."""
        number = len(self.versions) + 1
        version = Version(number, hosts, self.nsec3)
        self.hosts = hosts
        self.versions.append(version)
        before = self.versions[-2].names | set(self.versions[-2].next) if number > 1 else set()
        self.segment.begin(number, [APEX])
        for name in before | version.names | set(version.next):
            assert self.segment.put(name, version.entry(name))
        assert self.segment.finish()
        self.segment.release(number)

    def change(self) -> None:
        """Some hosts go, some come."""
        gone = set(self.rng.sample(sorted(self.hosts), SIZE // 20))
        self.commit((self.hosts - gone) | set(self.rng.sample(range(SIZE * 10), len(gone))))

    def fetch(self, kind: int, name: bytes) -> tuple[int, bytes, bytes]:
        number = self.segment.done
        version = self.versions[number - 1]
        owner = name
        if kind in (MISS_NSEC_COVER, MISS_NSEC3_COVER):
            owner = version.cover(name)
        elif kind != MISS_ENTRY:
            owner = hashed(name)
        return number, owner, version.entry(owner)

    def ask(self, name: bytes) -> dns.message.Message:
        packet = b"\0\1\0\0\0\1\0\0\0\0\0\1" + name + b"\0\1\0\1" + b"\0\0\x29\x10\0\0\0\x80\0\0\0"
        end = time.monotonic() + 20
        while time.monotonic() < end:
            answer = self.engine.answer(packet, now=1)
            if isinstance(answer, bytes):
                return dns.message.from_wire(answer)
            if answer == MISS:
                kind, apex, wanted = self.engine.miss()
                self.asked.append(kind)
                number, owner, blob = self.fetch(kind, wanted)
                self.engine.fill(kind, apex, wanted, owner, blob, number)
            else:
                assert answer == BUSY
        raise AssertionError("no answer")

    def judge(self, name: bytes, first: int) -> None:
        """Ask for a name that never exists; the answer is one version's, not older than `first`, and proves what it says."""
        answer = self.ask(name)
        assert answer.rcode() == dns.rcode.NXDOMAIN
        of = {rrset.ttl for rrset in answer.authority}
        assert len(of) == 1, f"versions {of}"
        (number,) = of
        assert first <= number <= len(self.versions)
        version = self.versions[number - 1]
        rrtype = dns.rdatatype.NSEC3 if self.nsec3 else dns.rdatatype.NSEC
        owners = {rrset.name.canonicalize().to_wire() for rrset in answer.authority if rrset.rdtype == rrtype}
        wanted = {version.cover(name), version.cover(b"\1*" + APEX)}
        if self.nsec3:
            wanted.add(hashed(APEX))
        assert owners == wanted

    def stranger(self) -> bytes:
        label = b"h%04d-%d" % (self.rng.randrange(SIZE * 10), self.rng.randrange(100))
        return bytes([len(label)]) + label + APEX

    def close(self) -> None:
        self.segment.close()
        os.close(self.fd)


@pytest.fixture(params=[False, True], ids=["nsec", "nsec3"])
def zone(request: pytest.FixtureRequest) -> Iterator[Zone]:
    made = Zone(request.param)
    yield made
    made.close()


def covers(asked: list[int]) -> int:
    return sum(kind in (MISS_NSEC_COVER, MISS_NSEC3_COVER) for kind in asked)


def test_after_a_while_the_store_is_not_asked(zone: Zone) -> None:
    for _ in range(200):
        zone.judge(zone.stranger(), 1)
    assert covers(zone.asked) < 40
    zone.asked.clear()
    for _ in range(500):
        zone.judge(zone.stranger(), 1)
    assert covers(zone.asked) == 0


def test_old_hints_lead_to_the_newest_version(zone: Zone) -> None:
    for _ in range(300):
        zone.judge(zone.stranger(), 1)
    for _ in range(25):
        zone.change()
        zone.asked.clear()
        for _ in range(60):
            zone.judge(zone.stranger(), len(zone.versions))
        assert covers(zone.asked) < 20
    everyone = set(range(0, SIZE * 10, 97))
    zone.commit(everyone)
    for number in sorted(everyone):
        label = b"h%04d!" % number
        zone.judge(bytes([len(label)]) + label + APEX, len(zone.versions))


def test_changes_under_load_never_deny_by_old_news(zone: Zone) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            zone.change()

    writer = threading.Thread(target=write)
    writer.start()
    end = time.monotonic() + 1.5
    try:
        while time.monotonic() < end:
            zone.judge(zone.stranger(), zone.segment.done)
    finally:
        stop.set()
        writer.join()
    assert len(zone.versions) > 3


def test_a_broken_chain_is_left_to_the_store(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hole after every third owner, an owner that leads back: the store's word counts, whatever the record covers."""
    shape: Callable[[Version, bytes], bytes] = Version.rdata

    def broken(self: Version, owner: bytes) -> bytes:
        at = self.owners.index(owner)
        other = self.owners[(at + (5 if at % 3 == 0 else -2 if at % 7 == 0 else 1)) % len(self.owners)]
        kept, self.next[owner] = self.next[owner], other
        try:
            return shape(self, owner)
        finally:
            self.next[owner] = kept

    monkeypatch.setattr(Version, "rdata", broken)
    zone.change()
    for _ in range(300):
        answer = zone.ask(zone.stranger())
        assert answer.rcode() == dns.rcode.NXDOMAIN
        assert {rrset.ttl for rrset in answer.authority} == {len(zone.versions)}


def test_small_zones_never_ask_the_store_for_places(monkeypatch: pytest.MonkeyPatch) -> None:
    for nsec3 in (False, True):
        monkeypatch.setitem(globals(), "SIZE", 20)
        zone = Zone(nsec3)
        for _ in range(100):
            zone.judge(zone.stranger(), 1)
        assert covers(zone.asked) == 0
        zone.close()


def test_labels_are_what_base32hex_says() -> None:
    version = Version(1, {1, 2}, True)
    owner = version.owners[0]
    digest = version.rdata(owner)[8:28]
    assert b32hexencode(digest).lower() == version.next[owner][1:33]
