"""What is counted: inputs pinned to the octet, and one small operation on each. Imports the compiled core only, so that a run
under callgrind starts quickly.

A case is a function that prepares and returns (operation, how many units of work one call does).
"""

import os
import socket
from collections.abc import Callable

from nsblast._core.collect import Collector
from nsblast._core.engine import Engine
from nsblast._core.name import fold, hash_name
from nsblast._core.rrset import HAS_WILDCARD, IS_APEX, IS_CUT, IS_OCCLUDED, pack_entry, unpack_entry
from nsblast._core.scan import EV_END, EV_RR, Scanner
from nsblast._core.segment import Segment
from nsblast._core.serve_udp import UdpServer

SEED = (0x0123456789ABCDEF, 0xFEDCBA9876543210)
HOSTS = 1000
BATCH = 16
HEADER = 12
A, NS, CNAME, SOA, MX, AAAA, TXT = 1, 2, 5, 6, 15, 28, 16
CLIENT = bytes([192, 0, 2, 1])

Case = Callable[[], tuple[Callable[[], object], int]]


def wire(text: str) -> bytes:
    """A name of plain labels."""
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def query(name: str, qtype: int = A, number: int = 0) -> bytes:
    """A query with EDNS, as resolvers send it."""
    head = (0x1200 + number).to_bytes(2, "big") + b"\0\0\0\1\0\0\0\0\0\1"
    return head + wire(name) + qtype.to_bytes(2, "big") + b"\0\1" + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"


def entries() -> dict[bytes, bytes]:
    """The zone example.com: apex, hosts, an alias, a delegation with glue, a wildcard."""
    soa = wire("ns.example.com") + wire("host.example.com") + b"".join(n.to_bytes(4, "big") for n in (1, 2, 3, 4, 300))
    zone = {
        "example.com": (
            [(SOA, 3600, [soa]), (NS, 3600, [wire("ns.example.com")]), (MX, 60, [b"\0\n" + wire("h1.example.com")])],
            IS_APEX,
        ),
        "ns.example.com": ([(A, 60, [b"\xc0\0\2\1"])], 0),
        "www.example.com": ([(CNAME, 60, [wire("h7.example.com")])], 0),
        "sub.example.com": ([(NS, 60, [wire("ns1.sub.example.com"), wire("ns2.sub.example.com")])], IS_CUT),
        "ns1.sub.example.com": ([(A, 60, [b"\xc0\0\2\2"])], IS_OCCLUDED),
        "ns2.sub.example.com": ([(A, 60, [b"\xc0\0\2\3"])], IS_OCCLUDED),
        "many.example.com": ([(NS, 60, [wire(f"ns{i}.example.net") for i in range(20)])], 0),
        "w.example.com": ([], HAS_WILDCARD),
        "*.w.example.com": ([(TXT, 60, [b"\4wild"])], 0),
    }
    for i in range(HOSTS):
        zone[f"h{i}.example.com"] = (
            [(A, 60, [bytes([198, 18, i >> 8, i & 255])]), (AAAA, 60, [bytes(14) + i.to_bytes(2, "big")])],
            0,
        )
    return {wire(name): pack_entry(sets, apex_labels=2, flags=flags) for name, (sets, flags) in zone.items()}


def fill(segment: Segment) -> None:
    """Put the whole zone into a fresh segment."""
    segment.set_seed(*SEED)
    zone = entries()
    segment.filter_start(2 * len(zone))
    segment.filter_add(list(zone))
    segment.filter_add_apex(wire("example.com"))
    segment.filter_switch()
    segment.begin(1, [wire("example.com")])
    for name, blob in zone.items():
        segment.put(name, blob)
    assert segment.finish()
    segment.release(1)


def segment() -> Segment:
    """A segment with the zone, for the writer."""
    fd = Segment.create(4 << 20, 1)
    made = Segment(fd, writer=True)
    os.close(fd)
    fill(made)
    return made


def engine() -> Engine:
    """An engine on a segment with the zone."""
    fd = Segment.create(4 << 20, 1)
    fill(Segment(fd, writer=True))
    made = Engine(fd, cookie_secret=bytes(16))
    os.close(fd)
    return made


def answering(packets: list[bytes], rcode: int) -> tuple[Callable[[], object], int]:
    """Answer each packet; that they are answered at all, without the store, is checked beforehand."""
    server = engine()
    for packet in packets:
        answer = server.answer(packet, CLIENT, False, 1)
        assert isinstance(answer, bytes)
        assert answer[3] & 15 == rcode, answer

    def operate() -> None:
        for packet in packets:
            server.answer(packet, CLIENT, False, 1)

    return operate, len(packets)


def respond_a() -> tuple[Callable[[], object], int]:
    return answering([query(f"h{61 * i % HOSTS}.example.com", A, i) for i in range(BATCH)], 0)


def respond_mx() -> tuple[Callable[[], object], int]:
    return answering([query("example.com", MX, i) for i in range(BATCH)], 0)


def respond_cname() -> tuple[Callable[[], object], int]:
    return answering([query("www.example.com", A, i) for i in range(BATCH)], 0)


def respond_referral() -> tuple[Callable[[], object], int]:
    return answering([query(f"x{i}.sub.example.com", A, i) for i in range(BATCH)], 0)


def respond_wildcard() -> tuple[Callable[[], object], int]:
    return answering([query(f"x{i}.w.example.com", TXT, i) for i in range(BATCH)], 0)


def respond_nxdomain() -> tuple[Callable[[], object], int]:
    return answering([query(f"no{i}.example.com", A, i) for i in range(BATCH)], 3)


def respond_refused() -> tuple[Callable[[], object], int]:
    return answering([query(f"no{i}.example.org", A, i) for i in range(BATCH)], 5)


def decode() -> tuple[Callable[[], object], int]:
    """All of a query is read, and an opcode we do not have is turned down: decode and a bare header."""
    packets = [bytearray(query(f"h{i}.example.com", A, i)) for i in range(BATCH)]
    for packet in packets:
        packet[2] = 3 << 3
    return answering([bytes(packet) for packet in packets], 4)


def encode() -> tuple[Callable[[], object], int]:
    """An RRset of twenty names, each compressed: encode is nearly all of it."""
    return answering([query("many.example.com", NS, i) for i in range(BATCH)], 0)


def udp() -> tuple[Callable[[], object], int]:
    """A batch from recvmmsg to sendmmsg, prefetching included; the client's own calls are counted with it, the kernel is not."""
    packets = [query(f"h{61 * i % HOSTS}.example.com", A, i) for i in range(BATCH // 2)]
    packets += [query(f"x{i}.sub.example.com", A, i) for i in range(BATCH // 2)]
    there = socket.socket(type=socket.SOCK_DGRAM)
    here = socket.socket(type=socket.SOCK_DGRAM)
    there.bind(("127.0.0.1", 0))
    there.setblocking(False)
    address = there.getsockname()
    here.connect(address)
    server = UdpServer(engine(), there.detach())
    room = bytearray(512)

    def operate() -> int:
        for packet in packets:
            here.send(packet)
        server.on_readable()
        return sum(here.recv_into(room) > HEADER for _ in packets)

    assert operate() == BATCH
    return operate, BATCH


def cache() -> tuple[Callable[[], object], int]:
    """One look-up in the entry cache, as a worker makes it."""
    view = segment()
    names = [wire(f"h{i}.example.com") for i in range(BATCH)]
    assert all(view.read(name) for name in names)

    def operate() -> None:
        for name in names:
            view.read(name)

    return operate, len(names)


def commit() -> tuple[Callable[[], object], int]:
    """What a commit does to the segment for one changed name: staged, switched, unpinned."""
    shown = segment()
    apex = wire("example.com")
    changed = [
        (wire(f"h{i}.example.com"), pack_entry([(A, 60, [b"\xc0\0\2\1"])], apex_labels=2, flags=0))
        for i in range(BATCH)
    ]

    def operate() -> None:
        number = shown.done + 1
        for name, blob in changed:
            shown.stage(name, blob)
        shown.begin(number, [apex])
        if not shown.finish():
            raise RuntimeError("the segment is full")
        shown.release(number)

    operate()
    return operate, len(changed)


def filter_maybe() -> tuple[Callable[[], object], int]:
    fd = Segment.create(4 << 20, 1)
    segment = Segment(fd, writer=True)
    segment.set_seed(*SEED)
    segment.filter_start(HOSTS)
    names = [wire(f"h{i}.example.com") for i in range(BATCH)]
    segment.filter_add(names)
    segment.filter_switch()
    assert all(segment.filter_maybe(name) for name in names)

    def operate() -> None:
        for name in names:
            segment.filter_maybe(name)

    return operate, len(names)


def names() -> tuple[Callable[[], object], int]:
    spelled = [wire(f"HoSt{i}.A.rather.DEEP.name.EXAMPLE.com") for i in range(BATCH)]
    assert fold(spelled[0]) == spelled[0].lower()

    def operate() -> None:
        for name in spelled:
            hash_name(fold(name), SEED)

    return operate, len(spelled)


def pack() -> tuple[Callable[[], object], int]:
    sets = [(A, 60, [bytes([192, 0, 2, i]) for i in (9, 3, 7, 1)]), (MX, 60, [b"\0\5" + wire("mail.example.com")])]
    assert unpack_entry(pack_entry(sets, apex_labels=2, flags=0)).rrsets[0][2][0] == b"\xc0\0\2\1"

    def operate() -> None:
        for _ in range(BATCH):
            pack_entry(sets, apex_labels=2, flags=0)

    return operate, BATCH


def collect() -> tuple[Callable[[], object], int]:
    """One record of a master file becomes part of a stored entry: scanned, sorted, checked, packed."""
    apex = wire("example.com")
    text = b"@ 60 SOA ns host 1 2 3 4 5\n@ 60 NS ns\n" + b"".join(
        b"host%d 60 A 192.0.2.%d\n" % (i, i) for i in range(2 * BATCH)
    )

    def operate() -> int:
        collector = Collector(apex, seed=SEED, memory=1 << 20)
        assert collector.feed(Scanner(text, origin=apex), 0, 1 << 20) == EV_END
        return len(collector.entries(1000))

    assert operate() == 2 * BATCH + 1
    return operate, 2 * BATCH + 2


def scan() -> tuple[Callable[[], object], int]:
    text = b"$TTL 60\n" + b"".join(b'host%d IN A 192.0.2.%d\n IN TXT "some text"\n' % (i, i) for i in range(BATCH))
    origin = wire("example.com")

    def operate() -> int:
        scanner = Scanner(text, origin=origin)
        found = 0
        while (event := scanner.next()) != EV_END:
            found += event == EV_RR
        return found

    assert operate() == 2 * BATCH
    return operate, 2 * BATCH


CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        respond_a,
        respond_mx,
        respond_cname,
        respond_referral,
        respond_wildcard,
        respond_nxdomain,
        respond_refused,
        decode,
        encode,
        udp,
        cache,
        commit,
        filter_maybe,
        names,
        pack,
        scan,
        collect,
    )
}
