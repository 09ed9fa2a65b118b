"""Fetching ahead changes no answer: a batch over a socket gets, octet for octet, what each message gets alone."""

import os
import socket

import dns.message
import dns.rdatatype
import pytest

from nsblast._core.engine import Engine
from nsblast._core.rrset import HAS_WILDCARD, IS_APEX, IS_CUT, IS_OCCLUDED, pack_entry
from nsblast._core.segment import Segment
from nsblast._core.serve_udp import UdpServer

A, NS, SOA, MX, SRV = 1, 2, 6, 15, 33


def wire(*labels: bytes) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


ZONE = (b"b", b"example")
CUT = (b"sub", *ZONE)
FALSE_END = (b"ns\x03sub\x01b", b"example")  # the octets end like the cut's name, the labels do not
ENTRIES = {
    wire(*ZONE): (
        [
            (SOA, 60, [wire(b"ns", *ZONE) + wire(b"host", *ZONE) + bytes(20)]),
            (NS, 60, [wire(b"ns", *ZONE)]),
            (MX, 60, [b"\0\1" + wire(b"ns", *ZONE), b"\0\2" + wire(b"elsewhere")]),
            (SRV, 60, [b"\0\1\0\1\0\1" + wire(b"NS", *ZONE)]),
        ],
        IS_APEX,
    ),
    wire(b"ns", *ZONE): ([(A, 60, [b"\xc0\0\2\1"])], 0),
    wire(*CUT): (
        [(NS, 60, [wire(b"NS1", *CUT), wire(b"x", b"y", *CUT), wire(b"ns", *ZONE), wire(*FALSE_END), wire(b"out")])],
        IS_CUT,
    ),
    wire(b"ns1", *CUT): ([(A, 60, [b"\xc0\0\2\2"])], IS_OCCLUDED),
    wire(b"y", *CUT): ([], IS_OCCLUDED),
    wire(b"x", b"y", *CUT): ([(A, 60, [b"\xc0\0\2\3"])], IS_OCCLUDED),
    wire(b"w", *ZONE): ([], HAS_WILDCARD),
    wire(b"*", b"w", *ZONE): ([(A, 60, [b"\xc0\0\2\4"])], 0),
}
ASKED = [
    (wire(b"www", *CUT), A),
    (wire(*CUT), NS),
    (wire(b"WWW", b"deep", *CUT), A),
    (wire(*ZONE), MX),
    (wire(*ZONE), SRV),
    (wire(*ZONE), NS),
    (wire(b"ns", *ZONE), A),
    (wire(b"ns", *ZONE), MX),
    (wire(b"none", *ZONE), A),
    (wire(b"any", b"w", *ZONE), A),
    (wire(b"example"), A),
    (b"\0", A),
]


@pytest.fixture
def engine() -> Engine:
    fd = Segment.create(4 << 20, 1)
    segment = Segment(fd, writer=True)
    segment.set_seed(1, 2)
    segment.filter_start(100)
    segment.filter_add(list(ENTRIES))
    segment.filter_add_apex(wire(*ZONE))
    segment.filter_switch()
    segment.begin(1, [wire(*ZONE)])
    for name, (sets, flags) in ENTRIES.items():
        assert segment.put(name, pack_entry(sets, apex_labels=2, flags=flags))
    assert segment.finish()
    made = Engine(fd)
    os.close(fd)
    return made


def query(number: int, name: bytes, qtype: int) -> bytes:
    return number.to_bytes(2, "big") + b"\0\0\0\1\0\0\0\0\0\0" + name + qtype.to_bytes(2, "big") + b"\0\1"


def test_a_batch_is_answered_as_each_message_is(engine: Engine) -> None:
    queries = [query(n, *ASKED[n % len(ASKED)]) for n in range(60)]
    with socket.socket(type=socket.SOCK_DGRAM) as there, socket.socket(type=socket.SOCK_DGRAM) as here:
        there.bind(("127.0.0.1", 0))
        there.setblocking(False)
        here.connect(there.getsockname())
        here.settimeout(5)
        for packet in queries:
            here.send(packet)
        server = UdpServer(engine, there.fileno())
        assert server.on_readable() == 0
        answers = [here.recv(4096) for _ in queries]
    assert sorted(answers) == [engine.answer(packet) for packet in queries]  # they may leave in another order


def test_glue_is_found_by_its_labels(engine: Engine) -> None:
    answer = engine.answer(query(1, wire(b"www", *CUT), A))
    assert isinstance(answer, bytes)
    message = dns.message.from_wire(answer)
    glue = {str(rrset.name) for rrset in message.additional if rrset.rdtype == dns.rdatatype.A}
    assert glue == {"ns1.sub.b.example.", "x.y.sub.b.example.", "ns.b.example."}
