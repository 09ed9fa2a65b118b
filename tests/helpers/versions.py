"""A zone whose every record tells of which commit it is: what stands in it follows from the commit's number alone.

All TTLs, and the SOA's serial and minimum, are the number; names, wildcards, cuts, a DNAME, aliases and a whole child zone come and
go with it. So an answer shows which version it is from, and what a core that knows only that version says is what it must be.
"""

import random
import struct
import time
import zlib

from nsblast._core.engine import BUSY, MISS, MISS_ENTRY, MISS_IN_ZONE, Engine
from nsblast._core.rrset import HAS_WILDCARD, IS_APEX, IS_CUT, IS_OCCLUDED, ZONE_NSEC, pack_entry
from nsblast._core.segment import Segment

A, NS, CNAME, SOA, MX, TXT, AAAA, DNAME, DS, NSEC = 1, 2, 5, 6, 15, 16, 28, 39, 43, 47
APEX = b"\7example\0"
CHILD = b"\3sub" + APEX
HOSTS = [b"\2h%d" % i + APEX for i in range(8)]
TYPES = (A, NS, CNAME, MX, TXT, AAAA, DS, 255)


def below(text: str, zone: bytes = APEX) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".")) + zone


NAMES = [
    APEX,
    *HOSTS,
    *map(
        below,
        (
            "w",
            "*.w",
            "x.w",
            "cut",
            "ns.cut",
            "a.cut",
            "old",
            "a.old",
            "new",
            "a.new",
            "alias",
            "long",
            "mail",
            "sub",
            "ns.sub",
        ),
    ),
    below("www.sub"),
    below("*.sub"),
]
ASKED = [*NAMES, *map(below, ("no.w", "b.old", "c.cut", "q.www.sub", "q.sub", "q.h1", "nothing", "a.b.c.nothing"))]


def there(number: int, what: int) -> bool:
    """Whether a thing exists in a version."""
    return bool(zlib.crc32(struct.pack("!II", number, what)) & 64)


class Version:
    """All entries of one version, packed when asked for."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.has_child = there(number, 100)
        self._packed: dict[tuple[bytes, bool], bytes] = {}

    def entry(self, name: bytes, *, parent: bool = False) -> bytes:
        """The blob of a name in its deepest zone, or in the parent zone; b"" when it does not exist."""
        key = name, parent
        if key not in self._packed:
            flags, sets = self._parts(name, parent)
            if sets is not None and flags & (IS_APEX | IS_CUT) == 0 and flags & IS_OCCLUDED == 0 and sets:
                sets[NSEC] = [HOSTS[0] + b"\0\1\x40"]
            labels = 2 if name.endswith(CHILD) and self.has_child and not parent else 1
            rrsets = [(rrtype, self.number, rdatas) for rrtype, rdatas in (sets or {}).items()]
            self._packed[key] = b"" if sets is None else pack_entry(rrsets, apex_labels=labels, flags=flags)
        return self._packed[key]

    def _parts(self, name: bytes, parent: bool) -> tuple[int, dict[int, list[bytes]] | None]:
        number = self.number
        if name not in NAMES:
            return 0, None
        mark = struct.pack("!I", number)
        soa = b"\2ns" + APEX + b"\1r" + APEX + struct.pack("!5I", number, 1, 2, 3, number)
        text = {TXT: [b"\4" + mark], A: [mark]}
        own = {below(t): i for i, t in enumerate(("h1", "h3", "h5", "h7", "a.new", "alias", "long"), 1)}
        if name == APEX:
            return IS_APEX | ZONE_NSEC, {
                SOA: [soa],
                NS: [HOSTS[0]],
                MX: [b"\0\1" + below("mail")],
                NSEC: [HOSTS[0] + b"\0\1\x40"],
            }
        if name.endswith(CHILD):
            return self._at_child(name, parent, soa, text)
        if name == below("w"):
            return (HAS_WILDCARD, {}) if there(number, 20) else (0, {})
        if name == below("*.w"):
            return 0, {**text, MX: [b"\0\1" + below("mail")]} if there(number, 20) else None
        if name.endswith(below("cut")):
            cut = there(number, 30)
            if name == below("cut"):
                return (IS_CUT, {NS: [below("ns.cut"), below("mail")]}) if cut else (0, text)
            return (IS_OCCLUDED if cut else 0), text
        if name.endswith(below("old")):
            alias = there(number, 40)
            if name == below("old"):
                return 0, {**text, DNAME: [below("new")]} if alias else text
            return (IS_OCCLUDED if alias else 0), text
        if name == below("alias"):
            return 0, {CNAME: [HOSTS[number % 8]]} if there(number, 6) else None
        if name == below("long"):
            return 0, {CNAME: [below("alias")]} if there(number, 7) else text
        if name in own and not there(number, own[name]):
            return 0, None
        return 0, text

    def _at_child(
        self, name: bytes, parent: bool, soa: bytes, text: dict[int, list[bytes]]
    ) -> tuple[int, dict[int, list[bytes]] | None]:
        servers = {NS: [below("ns.sub")]}
        if self.has_child and not parent:
            if name == CHILD:
                return IS_APEX | (HAS_WILDCARD if there(self.number, 50) else 0), {SOA: [soa], **servers}
            return 0, text if name != below("*.sub") or there(self.number, 50) else None
        if name == CHILD:
            return IS_CUT, {**servers, **({DS: [b"\0\1\1\1" + bytes(20)]} if there(self.number, 60) else {})}
        return IS_OCCLUDED, text if name == below("ns.sub") else None

    def fetch(self, kind: int, apex: int, name: bytes) -> tuple[bytes, bytes]:
        """What a store at this version gives."""
        if kind == MISS_ENTRY:
            return name, self.entry(name)
        if kind == MISS_IN_ZONE:
            return name, self.entry(name, parent=apex == 1)
        return APEX, self.entry(APEX)

    def answer(self, packet: bytes) -> bytes:
        """What a core says that knows nothing else."""
        engine = Engine(-1)
        while (answer := engine.answer(packet, now=1)) == MISS:
            engine.fill(*engine.miss(), *self.fetch(*engine.miss()), 1)
        assert isinstance(answer, bytes)
        return answer


def commit(segment: Segment, number: int, rng: random.Random) -> None:
    """The next version, half the time with what can be done beforehand done in the open."""
    version = Version(number)
    staged = rng.random() < 0.5
    if not staged:
        segment.begin(number, [APEX, CHILD])
    for name in NAMES:
        segment.stage(name, version.entry(name)) if staged else segment.put(name, version.entry(name))
    if staged:
        segment.begin(number, [APEX, CHILD])
    assert segment.finish()
    segment.release(max(0, number - 3))


def question(rng: random.Random) -> bytes:
    name, rrtype = rng.choice(ASKED), rng.choice(TYPES)
    head = struct.pack("!6H", rng.randrange(65536), 0, 1, 0, 0, 1)
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, rng.choice((0, 0x8000)), 0)
    return head + name + struct.pack("!HH", rrtype, 1) + opt


def numbers(answer: bytes) -> set[int]:
    """The TTLs of an answer's records, OPT apart. Its names are well-formed: the core made them from well-formed ones."""

    def behind(at: int) -> int:
        while answer[at]:
            if answer[at] >= 0xC0:
                return at + 2
            at += answer[at] + 1
        return at + 1

    found = set()
    at = behind(12) + 4
    for _ in range(sum(struct.unpack_from("!3H", answer, 6))):
        at = behind(at)
        rrtype, _, ttl, length = struct.unpack_from("!HHIH", answer, at)
        at += 10 + length
        if rrtype != 41:
            found.add(ttl)
    return found


class Judge:
    """Compares answers with what their version says."""

    def __init__(self) -> None:
        self._version = Version(0)
        self.answers = 0
        self.seen: set[int] = set()

    def check(self, packet: bytes, answer: bytes, first: int, last: int) -> None:
        """`first` and `last`: the last visible commit before the question was asked, and after the answer came."""
        of = numbers(answer)
        assert len(of) == 1, f"an answer from {len(of)} versions: {sorted(of)} {packet.hex()}"
        (number,) = of
        assert first <= number <= last, f"version {number}, not of {first}..{last}"
        if number != self._version.number:
            self._version = Version(number)
        wanted = self._version.answer(packet)
        assert answer == wanted, f"version {number}: {packet.hex()}\n{answer.hex()}\n{wanted.hex()}"
        self.answers += 1
        self.seen.add(number)


class Follower:
    """A worker's engine, and a store behind it that is never further than what is visible."""

    def __init__(self, fd: int, worker: int) -> None:
        self.engine = Engine(fd, worker=worker)
        self.view = Segment(fd)
        self._version = Version(0)

    def fill(self, miss: tuple[int, int, bytes]) -> None:
        done = self.view.done
        if done != self._version.number:
            self._version = Version(done)
            self.engine.drop_fills()
        self.engine.fill(*miss, *self._version.fetch(*miss), done)

    def ask(self, packet: bytes) -> bytes:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            answer = self.engine.answer(packet, now=1)
            if isinstance(answer, bytes):
                return answer
            if answer == MISS:
                self.fill(self.engine.miss())
            else:
                assert answer == BUSY
        raise AssertionError(f"no answer to {packet.hex()}")
